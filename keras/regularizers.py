"""Regularizers: penalties on weights or outputs that are added to the loss."""

import inspect

from . import backend as K
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object


class Regularizer:
    """Base class: `__call__(x)` gives the penalty of a tensor as a scalar tensor."""

    def __call__(self, x):
        return 0.0

    @classmethod
    def from_config(cls, config):
        """A regularizer with the arguments of a `get_config()`."""
        return cls(**config)


class L1L2(Regularizer):
    """The penalty `l1 * sum(|x|) + l2 * sum(x ** 2)`.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.
    """

    def __init__(self, l1=0.0, l2=0.0):
        self.l1 = K.cast_to_floatx(l1)
        self.l2 = K.cast_to_floatx(l2)

    def __call__(self, x):
        if not self.l1 and not self.l2:
            return K.constant(0.0)
        penalty = 0.0
        if self.l1:
            penalty += self.l1 * K.sum(K.abs(x))
        if self.l2:
            penalty += self.l2 * K.sum(K.square(x))
        return penalty

    def get_config(self):
        """The arguments to make it again from, plain values."""
        return {"l1": float(self.l1), "l2": float(self.l2)}


def l1(l=0.01):  # noqa: E741 - the argument's name is Keras's.
    """L1 penalty with the factor `l`."""
    return L1L2(l1=l)


def l2(l=0.01):  # noqa: E741
    """L2 penalty with the factor `l`."""
    return L1L2(l2=l)


def l1_l2(l1=0.01, l2=0.01):
    """Both penalties."""
    return L1L2(l1=l1, l2=l2)


def serialize(regularizer):
    """The regularizer as a configuration: `{'class_name': ..., 'config': ...}`, or the name of a function."""
    return serialize_keras_object(regularizer)


def deserialize(config, custom_objects=None):
    """The regularizer that a configuration or a name stands for.

    Raises:
        ValueError: for unknown names.
    """
    return deserialize_keras_object(
        config,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="regularizer",
    )


def get(identifier):
    """The regularizer meant by a name, a config dict or a callable; None stays None.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if callable(identifier):
        is_regularizer = inspect.isclass(identifier) and issubclass(identifier, Regularizer)
        return identifier() if is_regularizer else identifier
    raise ValueError(
        f'Could not interpret regularizer identifier: {identifier!r}. Give a name such as "l2", an instance '
        "such as `regularizers.l2(0.01)`, or a function of the tensor."
    )
