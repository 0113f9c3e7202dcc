"""Activation functions: each takes a tensor and gives one of the same shape."""

import warnings

from . import backend as K
from .engine.base_layer import Layer
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object

# Klambauer et al., Self-Normalizing Neural Networks, https://arxiv.org/abs/1706.02515
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def softmax(x, axis=-1):
    """exp(x) divided by its sum along `axis`.

    Raises:
        ValueError: if x has fewer than two dimensions.
    """
    if K.ndim(x) < 2:
        raise ValueError(
            f"Cannot apply softmax to a tensor that is 1D. Received input of shape {K.int_shape(x)}; "
            "add a dimension for the samples, e.g. with `K.expand_dims(x, 0)`."
        )
    return K.softmax(x, axis=axis)


def elu(x, alpha=1.0):
    """x where positive, else `alpha * (exp(x) - 1)`. Clevert et al., https://arxiv.org/abs/1511.07289"""
    return K.elu(x, alpha)


def selu(x):
    """Scaled `elu` that keeps mean 0 and variance 1; use with `lecun_normal` and `AlphaDropout`."""
    return _SELU_SCALE * K.elu(x, _SELU_ALPHA)


def softplus(x):
    """log(exp(x) + 1)."""
    return K.softplus(x)


def softsign(x):
    """x / (|x| + 1)."""
    return K.softsign(x)


def relu(x, alpha=0.0, max_value=None, threshold=0.0):
    """x where it is at least `threshold` (at most `max_value`), else `alpha * (x - threshold)`."""
    return K.relu(x, alpha=alpha, max_value=max_value, threshold=threshold)


def tanh(x):
    """Hyperbolic tangent."""
    return K.tanh(x)


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return K.sigmoid(x)


def swish(x):
    """x * sigmoid(x), also called SiLU. Not in Keras 2.3.1, but in many files of tf.keras (EfficientNet).

    Ramachandran et al., Searching for Activation Functions, https://arxiv.org/abs/1710.05941
    """
    return x * K.sigmoid(x)


def hard_sigmoid(x):
    """`0.2 * x + 0.5` clipped to [0, 1]: Keras 2's formula (Keras 3's has another slope)."""
    return K.hard_sigmoid(x)


def exponential(x):
    """exp(x)."""
    return K.exp(x)


def linear(x):
    """x itself."""
    return x


def serialize(activation):
    """The name of an activation function, or the configuration of a layer that is used as one.

    People register `Activation(swish)` itself, or a subclass with a `__name__`, as custom object "swish":
    such a layer goes by that name.
    """
    name = getattr(activation, "__name__", None)
    if name is None and type(activation).__name__ == "Activation":
        return serialize(activation.activation)
    return serialize_keras_object(activation) if name is None else name


def deserialize(name, custom_objects=None):
    """The function of that name, or the layer with that configuration."""
    if isinstance(name, dict):
        from .layers import deserialize as deserialize_layer

        return deserialize_layer(name, custom_objects)
    return deserialize_keras_object(
        name,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="activation function",
    )


def get(identifier):
    """The activation function meant by a name or a callable; None means `linear`.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if identifier is None:
        return linear
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        if isinstance(identifier, Layer):
            warnings.warn(
                f"Do not pass a layer instance (such as {type(identifier).__name__}) as the activation "
                "argument of another layer. Instead, advanced activation layers should be used just like any "
                "other layer in a model.",
                stacklevel=2,
            )
        return identifier
    raise ValueError(
        f'Could not interpret activation function identifier: {identifier!r}. Give a name such as "relu" or '
        "a function of the tensor."
    )
