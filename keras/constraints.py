"""Constraints: functions that put a weight back where it may be, applied after each update.

The norm constraints measure vectors along `axis`. For a `Dense` kernel `(inputs, units)` that is `axis=0`,
the weights of one unit; for a `Conv2D` kernel `(rows, cols, inputs, filters)` it is `axis=[0, 1, 2]`.
"""

import inspect

from . import backend as K
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object


class Constraint:
    """Base class: `__call__(w)` gives the constrained weight."""

    def __call__(self, w):
        return w

    def get_config(self):
        """The arguments to make it again from, plain values."""
        return {}


def _norms(w, axis):
    return K.sqrt(K.sum(K.square(w), axis=axis, keepdims=True))


class MaxNorm(Constraint):
    """Vectors longer than `max_value` are cut to that length.

    Srivastava et al., http://www.cs.toronto.edu/~rsalakhu/papers/srivastava14a.pdf
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value = max_value
        self.axis = axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        desired = K.clip(norms, 0, self.max_value)
        return w * (desired / (K.epsilon() + norms))

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


class NonNeg(Constraint):
    """Negative weights become 0."""

    def __call__(self, w):
        return w * K.cast(K.greater_equal(w, 0.0), K.dtype(w))


class UnitNorm(Constraint):
    """Vectors get the length 1."""

    def __init__(self, axis=0):
        self.axis = axis

    def __call__(self, w):
        return w / (K.epsilon() + _norms(w, self.axis))

    def get_config(self):
        return {"axis": self.axis}


class MinMaxNorm(Constraint):
    """Lengths are brought into `[min_value, max_value]`.

    Args:
        rate: 1 does so at once; a smaller rate only goes that part of the way at each step.
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = min_value
        self.max_value = max_value
        self.rate = rate
        self.axis = axis

    def __call__(self, w):
        norms = _norms(w, self.axis)
        desired = self.rate * K.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (K.epsilon() + norms))

    def get_config(self):
        return {
            "min_value": self.min_value,
            "max_value": self.max_value,
            "rate": self.rate,
            "axis": self.axis,
        }


max_norm = maxnorm = MaxNorm
non_neg = nonneg = NonNeg
unit_norm = unitnorm = UnitNorm
min_max_norm = MinMaxNorm


def serialize(constraint):
    """The constraint as a configuration: `{'class_name': ..., 'config': ...}`, or the name of a function."""
    return serialize_keras_object(constraint)


def deserialize(config, custom_objects=None):
    """The constraint that a configuration or a name stands for.

    Raises:
        ValueError: for unknown names.
    """
    return deserialize_keras_object(
        config,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="constraint",
    )


def get(identifier):
    """The constraint meant by a name, a config dict or a callable; None stays None.

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
        is_constraint = inspect.isclass(identifier) and issubclass(identifier, Constraint)
        return identifier() if is_constraint else identifier
    raise ValueError(
        f'Could not interpret constraint identifier: {identifier!r}. Give a name such as "non_neg", an '
        "instance such as `constraints.MaxNorm(3)`, or a function of the weight."
    )
