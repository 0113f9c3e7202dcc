"""Optimizers: how gradients change weights.

An optimizer's `get_updates(loss, params)` gives the list of (variable, new value) pairs that one training
step makes. Its formulas are plain backend expressions, so a step compiles into one program, and users can
write their own: subclass `Optimizer`, make hyperparameters and slots with `K.variable`/`K.zeros`, return the
updates, and list every variable that a saved file should keep in `self.weights`.

Hyperparameters are variables: `K.set_value(optimizer.lr, 0.001)` or `optimizer.lr = 0.001` takes effect at
the next step. All built-in optimizers take `clipnorm` (gradients scaled so that their L2 norm, all of them
together, is at most that), `clipvalue` (each value within +-that), `lr` as another name for `learning_rate`,
and all but Nadam `decay` (learning rate divided by 1 + decay * iterations).

`base` holds the base class, `rules` the built-in optimizers.
"""

# Scripts may have `K`, `interfaces` and `np` from here, by `from keras.optimizers import *`.
import numpy as np

from .. import backend as K
from ..legacy import interfaces, tensorflow_optimizers
from ..utils.family_names import Members as _Members
from ..utils.generic_utils import deserialize_keras_object, serialize_keras_object
from .base import Optimizer, clip_norm
from .rules import SGD, Adadelta, Adagrad, Adam, Adamax, Nadam, RMSprop, TFOptimizer

sgd, rmsprop, adagrad, adadelta, adam, adamax, nadam = SGD, RMSprop, Adagrad, Adadelta, Adam, Adamax, Nadam


def serialize(optimizer):
    """The optimizer as a configuration: `{'class_name': ..., 'config': ...}`."""
    return serialize_keras_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer of a `{'class_name': ..., 'config': ...}` dict; built-in names in any case.

    Raises:
        ValueError: for unknown names.
    """
    names = _Members(globals())
    lowered = str(config["class_name"]).lower()
    if lowered in names:
        config = dict(config, class_name=lowered)
    return deserialize_keras_object(
        config, module_objects=names, custom_objects=custom_objects, printable_module_name="optimizer"
    )


def get(identifier):
    """The optimizer meant by a name, a config dict or an `Optimizer`.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if tensorflow_optimizers.is_one(identifier):
        return TFOptimizer(identifier)
    hint = ""
    if isinstance(identifier, type) and issubclass(identifier, Optimizer):
        hint = f" That is the class; give an instance: `{identifier.__name__}()`."
    raise ValueError(
        f'Could not interpret optimizer identifier: {identifier!r}. Give a name such as "adam" or an '
        f"instance such as `optimizers.Adam(learning_rate=0.001)`.{hint}"
    )
