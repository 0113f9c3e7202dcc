"""Elementwise primitives and reductions in ONNX."""

import numpy as np

from ..graph import dtypes
from . import fusions
from .graphs import Stored, settled


_NUMBERS = {"bool": "int32"}  # ONNX does not calculate with truth values


def together(graph, values):
    """Names of values that broadcast against each other, stored in one order of axes, and that order.

    The first that has an order of its own gives it; the others, often weights, are moved.
    """
    rank = max(v.ndim for v in values)
    order = next((v.order for v in values if v.order and v.ndim == rank), None)
    names = [graph.plain(v) if v.ndim == 0 or order is None else graph.laid(v, order, rank) for v in values]
    return names, order


def one(kind, floats_only=False):
    """An ONNX operator on one value."""

    def lower(graph, x):
        name, order = stored(graph, as_float(graph, x) if floats_only else x)
        return Stored(graph.node(kind, name), order)

    return lower


def stored(graph, x):
    """The value in whatever order it lies."""
    return x.stored or Stored(graph.plain(x))


def as_float(graph, x):
    return x if dtypes.is_float(x.dtype) else graph.cast(x, dtypes.default_float)


def pair(kind, unlike=None):
    """An ONNX operator on two values of one dtype. `unlike`: dtype -> another one that the operator can take."""

    def lower(graph, x, y):
        return _pair(graph, kind, x, y, unlike)

    return lower


def _pair(graph, kind, x, y, unlike=None):
    dtype = dtypes.promote(x.dtype, y.dtype)
    taken = (unlike or {}).get(dtype, dtype)
    (left, right), order = together(graph, [graph.cast(x, taken), graph.cast(y, taken)])
    name = graph.node(kind, left, right)
    return Stored(graph.cast_name(name, dtype) if taken != dtype else name, order)


def _add(graph, x, y):
    shifted, scale = x.made.inputs if x.made and x.made.primitive == "multiply" else (None, None)
    fused = fusions.biased(graph, x, y) or fusions.normalized(graph, shifted, scale, y)
    return fused or _pair(graph, "Add", x, y, _NUMBERS)


def _multiply(graph, x, y):
    return fusions.normalized(graph, x, y) or _pair(graph, "Mul", x, y, _NUMBERS)


def comparison(kind, negated=False):
    def lower(graph, x, y):
        dtype = dtypes.promote(x.dtype, y.dtype)
        dtype = "int32" if dtype == "bool" and kind != "Equal" else dtype
        (left, right), order = together(graph, [graph.cast(x, dtype), graph.cast(y, dtype)])
        name = graph.node(kind, left, right)
        return Stored(graph.node("Not", name) if negated else name, order)

    return lower


def logical(kind):
    def lower(graph, *values):
        names, order = together(graph, [graph.cast(v, "bool") for v in values])
        return Stored(graph.node(kind, *names), order)

    return lower


def whole(kind):
    """An operator that only floats have and that leaves integers as they are."""
    return lambda graph, x: one(kind)(graph, x) if dtypes.is_float(x.dtype) else stored(graph, x)


def _identity(graph, x, **attributes):
    return stored(graph, x)


def _number(graph, value, dtype):
    """The name of a scalar constant."""
    return graph.constant(np.asarray(value, dtypes.to_numpy(dtype)))


def _square(graph, x):
    name, order = stored(graph, x)
    return Stored(graph.node("Mul", name, name), order)


def _relu(graph, x):
    if dtypes.is_float(x.dtype):
        return one("Relu")(graph, x)
    name, order = stored(graph, x)
    return Stored(graph.node("Max", name, _number(graph, 0, x.dtype)), order)


def _leaky_relu(graph, x, slope):
    name, order = stored(graph, x)
    if x.dtype == "float32":  # ONNX Runtime has no other
        return Stored(graph.node("LeakyRelu", name, alpha=slope), order)
    above = graph.node("Greater", name, _number(graph, 0, x.dtype))
    return Stored(graph.node("Where", above, name, graph.node("Mul", name, _number(graph, slope, x.dtype))), order)


def _expm1(graph, x):
    """tanh(x / 2) * (e ** x + 1), which is exact near 0 as well."""
    x = as_float(graph, x)
    name, order = stored(graph, x)
    half = graph.node("Tanh", graph.node("Mul", name, _number(graph, 0.5, x.dtype)))
    above = graph.node("Add", graph.node("Exp", name), _number(graph, 1, x.dtype))
    return Stored(graph.node("Mul", half, above), order)


def _log1p(graph, x):
    """log(u) * x / (u - 1) for u = 1 + x: the rounding of u cancels out. x itself where u is 1."""
    x = as_float(graph, x)
    name, order = stored(graph, x)
    unit = _number(graph, 1, x.dtype)
    above = graph.node("Add", name, unit)
    rounded = graph.node("Sub", above, unit)
    near = graph.node("Equal", rounded, _number(graph, 0, x.dtype))
    ratio = graph.node("Div", name, graph.node("Where", near, unit, rounded))
    return Stored(graph.node("Where", near, name, graph.node("Mul", graph.node("Log", above), ratio)), order)


# M. Giles, "Approximating the erfinv function", 2010: single precision, near 0 and in the tails.
_ERF_INV_CENTRE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
    -0.00125372503, -0.00417768164, 0.246640727, 1.50140941,
)  # fmt: skip
_ERF_INV_TAILS = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
    -0.0076224613, 0.00943887047, 1.00167406, 2.83297682,
)  # fmt: skip


def _erf_inv(graph, x):
    x = as_float(graph, x)
    name, order = stored(graph, x)

    def number(value):
        return _number(graph, value, x.dtype)

    def polynomial(coefficients, at):
        total = number(coefficients[0])
        for coefficient in coefficients[1:]:
            total = graph.node("Add", graph.node("Mul", total, at), number(coefficient))
        return total

    inside = graph.node("Sub", number(1), graph.node("Mul", name, name))
    depth = graph.node("Neg", graph.node("Log", inside))
    centre = polynomial(_ERF_INV_CENTRE, graph.node("Sub", depth, number(2.5)))
    tails = polynomial(_ERF_INV_TAILS, graph.node("Sub", graph.node("Sqrt", depth), number(3)))
    factor = graph.node("Where", graph.node("Less", depth, number(5)), centre, tails)
    return Stored(graph.node("Mul", factor, name), order)


def _divide(graph, x, y):
    dtype = dtypes.promote(x.dtype, y.dtype)
    dtype = dtype if dtypes.is_float(dtype) else dtypes.default_float
    return _pair(graph, "Div", graph.cast(x, dtype), graph.cast(y, dtype))


def _floor_divide(graph, x, y):
    dtype = dtypes.promote(x.dtype, y.dtype)
    (left, right), order = together(graph, [graph.cast(x, dtype), graph.cast(y, dtype)])
    if dtypes.is_float(dtype):
        return Stored(graph.node("Floor", graph.node("Div", left, right)), order)
    exact = graph.node("Sub", left, graph.node("Mod", left, right))  # Div itself rounds towards zero
    return Stored(graph.node("Div", exact, right), order)


def _mod(graph, x, y):
    dtype = dtypes.promote(x.dtype, y.dtype)
    if not dtypes.is_float(dtype):
        return _pair(graph, "Mod", x, y)
    (left, right), order = together(graph, [graph.cast(x, dtype), graph.cast(y, dtype)])
    times = graph.node("Floor", graph.node("Div", left, right))
    return Stored(graph.node("Sub", left, graph.node("Mul", times, right)), order)


def _where(graph, condition, x, y):
    dtype = dtypes.promote(x.dtype, y.dtype)
    values = [graph.cast(condition, "bool"), graph.cast(x, dtype), graph.cast(y, dtype)]
    names, order = together(graph, values)
    return Stored(graph.node("Where", *names), order)


def _clip(graph, x, low, high):
    names, order = together(graph, [x, graph.cast(low, x.dtype), graph.cast(high, x.dtype)])
    if low.ndim == high.ndim == 0:
        return Stored(graph.node("Clip", *names), order)
    return Stored(graph.node("Min", graph.node("Max", *names[:2]), names[2]), order)


def _cast(graph, x, dtype):
    return stored(graph, graph.cast(x, dtype))


# Reductions.


def reduction(kind):
    def lower(graph, x, axes, keepdims=False):
        x = graph.cast(x, "int32") if x.dtype == "bool" else x
        return _reduced(graph, kind, x, axes, keepdims)

    return lower


def _reduced(graph, kind, x, axes, keepdims):
    name, order = stored(graph, x)
    if not axes:
        return Stored(name, order)
    places = [order[a] for a in axes] if order else list(axes)
    return settled(graph.reduce(kind, name, sorted(places), keepdims), _order_left(order, axes, keepdims))


def _order_left(order, axes, keepdims):
    """The order of the axes that remain."""
    if order is None or keepdims:
        return order
    left = [place for axis, place in enumerate(order) if axis not in axes]
    return tuple(sorted(left).index(place) for place in left)


def _reduce_mean(graph, x, axes, keepdims=False):
    return _reduced(graph, "ReduceMean", as_float(graph, x), axes, keepdims)


def _batch_normalization_training(graph, x, gamma, beta, axes, epsilon):
    """ONNX has an operator for it, which wants to know the moving averages and x in an order of its own."""
    name = graph.plain(x)
    mean = graph.reduce("ReduceMean", name, axes, True)
    centred = graph.node("Sub", name, mean)
    variance = graph.reduce("ReduceMean", graph.node("Mul", centred, centred), axes, True)
    deviation = graph.node("Sqrt", graph.node("Add", variance, _number(graph, epsilon, x.dtype)))

    def along(weight):
        return graph.node("Unsqueeze", graph.plain(weight), graph.ints(axes)) if weight.ndim else graph.plain(weight)

    normed = graph.node("Mul", graph.node("Div", centred, deviation), along(gamma))
    statistics = [graph.node("Squeeze", value, graph.ints(axes)) for value in (mean, variance)]
    return [graph.node("Add", normed, along(beta)), *statistics]


def _truth(kind):
    """Whether any or all are true, as the largest or smallest of 0 and 1."""

    def lower(graph, x, axes, keepdims=False):
        x = graph.cast(graph.cast(x, "bool"), "int32")
        name, order = _reduced(graph, kind, x, axes, keepdims)
        return Stored(graph.cast_name(name, "bool"), order)

    return lower


def _argument(kind):
    def lower(graph, x, axis):
        x = graph.cast(x, "int32") if x.dtype == "bool" else x
        name, order = stored(graph, x)
        place = order[axis] if order else axis
        return settled(graph.node(kind, name, axis=place, keepdims=0), _order_left(order, (axis,), False))

    return lower


def along(kind):
    """An operator along one axis."""

    def lower(graph, x, axis):
        name, order = stored(graph, x)
        return Stored(graph.node(kind, name, axis=order[axis] if order else axis), order)

    return lower


def _cumsum(graph, x, axis):
    name, order = stored(graph, x)
    return Stored(graph.node("CumSum", name, graph.ints(order[axis] if order else axis)), order)


def _in_top_k(graph, predictions, targets, k):
    places = graph.node("Unsqueeze", graph.as_sizes(targets), graph.ints([1]))
    scores = graph.plain(predictions)
    larger = graph.node("Greater", scores, graph.node("GatherElements", scores, places, axis=1))
    count = graph.reduce("ReduceSum", graph.cast_name(larger, "int32"), [1], False)
    return graph.node("Less", count, _number(graph, min(k, 2**31 - 1), "int32"))


def _top_k(graph, x, count):
    count = graph.node("Reshape", graph.as_sizes(count), graph.ints([1]))
    _, places = graph.node("TopK", graph.plain(x), count, count=2)
    return graph.cast_name(places, "int32")


TABLE = {
    "negative": one("Neg"),
    "absolute": one("Abs"),
    "square": _square,
    "identity": _identity,
    "stop_gradient": _identity,
    "print_tensor": _identity,
    "sign": one("Sign"),
    "floor": whole("Floor"),
    "ceil": whole("Ceil"),
    "round": whole("Round"),
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    **{
        name: one(name.capitalize(), floats_only=True)
        for name in ("sqrt", "exp", "log", "sin", "cos", "tanh", "sigmoid", "softplus", "erf")
    },
    "expm1": _expm1,
    "log1p": _log1p,
    "erf_inv": _erf_inv,
    "add": _add,
    "subtract": pair("Sub", _NUMBERS),
    "multiply": _multiply,
    "divide": _divide,
    "floor_divide": _floor_divide,
    "mod": _mod,
    "power": pair("Pow", _NUMBERS),
    "maximum": pair("Max", _NUMBERS),
    "minimum": pair("Min", _NUMBERS),
    "equal": comparison("Equal"),
    "not_equal": comparison("Equal", negated=True),
    "less": comparison("Less"),
    "less_equal": comparison("LessOrEqual"),
    "greater": comparison("Greater"),
    "greater_equal": comparison("GreaterOrEqual"),
    "logical_and": logical("And"),
    "logical_or": logical("Or"),
    "logical_not": logical("Not"),
    "where": _where,
    "switch": _where,
    "clip": _clip,
    "cast": _cast,
    "reduce_sum": reduction("ReduceSum"),
    "reduce_prod": reduction("ReduceProd"),
    "reduce_max": reduction("ReduceMax"),
    "reduce_min": reduction("ReduceMin"),
    "reduce_any": _truth("ReduceMax"),
    "reduce_all": _truth("ReduceMin"),
    "reduce_mean": _reduce_mean,
    "logsumexp": reduction("ReduceLogSumExp"),
    "batch_normalization_training": _batch_normalization_training,
    "argmax": _argument("ArgMax"),
    "argmin": _argument("ArgMin"),
    "cumsum": _cumsum,
    "softmax": along("Softmax"),
    "log_softmax": along("LogSoftmax"),
    "in_top_k": _in_top_k,
    "top_k": _top_k,
}
