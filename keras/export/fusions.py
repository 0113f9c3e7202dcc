"""Operations that ONNX has a single node for, recognised by how values were made.

What they replace is written down first and swept away at the end, as nobody reads it any more.
"""

import numpy as np

from . import products
from .graphs import Stored


def biased(graph, x, bias):
    """A convolution plus one number per channel, or None if this is not that."""
    here = x.made is not None and x.made.primitive == "conv" and x.graph is graph
    if not here or x.uses > 1 or x.dtype != bias.dtype:
        return None
    axis = x.ndim - 1 if x.made.attributes["channels_last"] else 1
    if bias.host is None or _channel_axis(bias, x) != axis:
        return None
    return products.conv(graph, *x.made.inputs, bias=_vector(graph, bias), **x.made.attributes)


def normalized(graph, shifted, scale, offset=None):
    """(x - mean) * ((variance + epsilon) ** -0.5 * gamma) + offset as a BatchNormalization, or None.

    Its channels must lie at axis 1, where ONNX has them; in 64 bits ONNX's epsilon is too coarse.
    """
    x, mean = _made_by(shifted, "subtract")
    root, gamma = _made_by(scale, "multiply") if _made_by(scale, "multiply")[0] else (scale, None)
    spread, exponent = _made_by(root, "power")
    variance, epsilon = _made_by(spread, "add")
    if x is None or _number(exponent) != -0.5 or _number(epsilon) is None or x.dtype == "float64":
        return None
    given = [mean, variance, *(w for w in (gamma, offset) if w is not None)]
    if any(w.host is None or w.dtype != x.dtype for w in given) or not _along_channels(x, given):
        return None
    blank = np.zeros(mean.host.size, mean.host.dtype)
    weights = [
        graph.constant(blank + 1) if gamma is None else _vector(graph, gamma),
        graph.constant(blank) if offset is None else _vector(graph, offset),
        _vector(graph, mean),
        _vector(graph, variance),
    ]
    name, order = x.stored or Stored(graph.plain(x))
    return Stored(graph.node("BatchNormalization", name, *weights, epsilon=_number(epsilon)), order)


def _along_channels(x, weights):
    """Whether all weights vary along the one axis of x that is stored as axis 1."""
    axes = {_channel_axis(w, x) for w in weights}
    axis = axes.pop()
    return not axes and axis is not None and x.ndim > 1 and (x.order[axis] if x.order else axis) == 1


def _made_by(value, primitive):
    """The two operands of the primitive that made a value; (None, None) if another did."""
    if value is None or value.made is None or value.made.primitive != primitive:
        return None, None
    return value.made.inputs


def _number(value):
    """The value of a scalar constant, or None."""
    return float(value.host) if value is not None and value.host is not None and value.host.size == 1 else None


def _channel_axis(weight, x):
    """The axis of x for each place of which a weight has a number; None where it is not one axis."""
    if weight.ndim not in (1, x.ndim):
        return None
    along = [axis - weight.ndim for axis, size in enumerate(weight.shape) if size != 1 or weight.ndim == 1]
    return along[0] + x.ndim if len(along) == 1 and weight.shape[along[0]] == x.shape[along[0]] else None


def _vector(graph, weight):
    if "vector" not in weight.forms:
        weight.forms["vector"] = graph.constant(weight.host.reshape(-1), weight.label)
    return weight.forms["vector"]
