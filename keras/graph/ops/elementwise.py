"""Elementwise primitives, with NumPy's broadcasting."""

from __future__ import annotations

from collections.abc import Callable

from .. import dtypes
from ..primitive import Primitive, Spec, fail, primitive
from ..tensor import Dim, Tensor


def broadcast_shapes(name: str, *tensors: Tensor) -> list[Dim]:
    """The shape several tensors broadcast to. Unknown against n > 1 counts as n."""
    shapes = [t.shape for t in tensors if t.shape]
    if not shapes or shapes.count(shapes[0]) == len(shapes):  # all alike but for single numbers, as is usual
        return list(shapes[0]) if shapes else []
    rank = max(t.ndim for t in tensors)
    result: list[Dim] = []
    for axis in range(-rank, 0):
        size: Dim = 1
        for tensor in tensors:
            dim = tensor.shape[axis] if -axis <= tensor.ndim else 1
            if dim == 1 or dim == size:
                continue
            if size == 1 or (size is None and dim is not None):
                size = dim
            elif dim is not None:
                raise fail(
                    name, tensors,
                    f"these shapes do not broadcast: sizes {size} and {dim} differ at axis {axis} "
                    "(each must be equal, or 1)",
                )  # fmt: skip
        result.append(size)
    return result


def _same(name: str, doc: str, floats_only: bool = False, differentiable: bool = True) -> Primitive:
    def rule(x: Tensor) -> Spec:
        dtype = x.dtype
        if floats_only and not dtypes.is_inexact(dtype):
            dtype = dtypes.default_float
        return x.shape, dtype

    return _declare(name, doc, rule, differentiable)


def _pair(name: str, doc: str, dtype: str | None = None, differentiable: bool = True) -> Primitive:
    def rule(x: Tensor, y: Tensor) -> Spec:
        return broadcast_shapes(name, x, y), dtype or dtypes.promote(x.dtype, y.dtype)

    return _declare(name, doc, rule, differentiable)


def _declare(name: str, doc: str, rule: Callable[..., Spec], differentiable: bool) -> Primitive:
    rule.__name__, rule.__doc__ = name, doc
    return primitive(differentiable=differentiable)(rule)


negative = _same("negative", "-x")


@primitive()
def absolute(x: Tensor) -> Spec:
    """|x|; the gradient at 0 is 0."""
    return x.shape, {"complex64": "float32", "complex128": "float64"}.get(x.dtype, x.dtype)


square = _same("square", "x * x")
identity = _same("identity", "x itself, as a node of its own")
stop_gradient = _same("stop_gradient", "x, through which no gradient flows", differentiable=False)
sign = _same("sign", "-1, 0 or 1", differentiable=False)
floor = _same("floor", "the largest integer <= x", differentiable=False)
ceil = _same("ceil", "the smallest integer >= x", differentiable=False)
round_ = _same("round", "the nearest integer, halves to even", differentiable=False)
relu = _same("relu", "max(x, 0); the gradient at 0 is 0")

sqrt = _same("sqrt", "the square root", floats_only=True)
exp = _same("exp", "e ** x", floats_only=True)
expm1 = _same("expm1", "e ** x - 1, exact near 0", floats_only=True)
log = _same("log", "the natural logarithm", floats_only=True)
log1p = _same("log1p", "log(1 + x), exact near 0", floats_only=True)
sin = _same("sin", "the sine of x in radians", floats_only=True)
cos = _same("cos", "the cosine of x in radians", floats_only=True)
tanh = _same("tanh", "the hyperbolic tangent", floats_only=True)
sigmoid = _same("sigmoid", "1 / (1 + e ** -x)", floats_only=True)
softplus = _same("softplus", "log(1 + e ** x), without overflow", floats_only=True)
erf = _same("erf", "the error function", floats_only=True)
erf_inv = _same("erf_inv", "the inverse of the error function on (-1, 1)", floats_only=True)

add = _pair("add", "x + y")
subtract = _pair("subtract", "x - y")
multiply = _pair("multiply", "x * y")
power = _pair("power", "x ** y")
floor_divide = _pair("floor_divide", "floor(x / y)", differentiable=False)
mod = _pair("mod", "x - floor(x / y) * y")
maximum = _pair("maximum", "the larger of x and y; at a tie the gradient goes to x")
minimum = _pair("minimum", "the smaller of x and y; at a tie the gradient goes to x")

equal = _pair("equal", "x == y", "bool", differentiable=False)
not_equal = _pair("not_equal", "x != y", "bool", differentiable=False)
less = _pair("less", "x < y", "bool", differentiable=False)
less_equal = _pair("less_equal", "x <= y", "bool", differentiable=False)
greater = _pair("greater", "x > y", "bool", differentiable=False)
greater_equal = _pair("greater_equal", "x >= y", "bool", differentiable=False)
logical_and = _pair("logical_and", "x and y, not 0 counting as true", "bool", differentiable=False)
logical_or = _pair("logical_or", "x or y, not 0 counting as true", "bool", differentiable=False)


@primitive()
def divide(x: Tensor, y: Tensor) -> Spec:
    """x / y as a float (integers become the default float)."""
    dtype = dtypes.promote(x.dtype, y.dtype)
    return broadcast_shapes("divide", x, y), dtype if dtypes.is_inexact(dtype) else dtypes.default_float


@primitive(differentiable=False)
def logical_not(x: Tensor) -> Spec:
    """not x."""
    return x.shape, "bool"


@primitive()
def where(condition: Tensor, x: Tensor, y: Tensor) -> Spec:
    """x where the condition holds, y elsewhere."""
    return broadcast_shapes("where", condition, x, y), dtypes.promote(x.dtype, y.dtype)


@primitive()
def leaky_relu(x: Tensor, slope: float) -> Spec:
    """x of floats above 0, slope * x elsewhere; the gradient at 0 is the slope."""
    return x.shape, x.dtype


@primitive()
def clip(x: Tensor, minimum: Tensor, maximum: Tensor) -> Spec:
    """x limited to [minimum, maximum]; the gradient is 1 inside (bounds included), 0 outside."""
    return broadcast_shapes("clip", x, minimum, maximum), x.dtype


@primitive()
def cast(x: Tensor, dtype: str) -> Spec:
    """x as another dtype (floats are cut towards zero when they become integers)."""
    return x.shape, dtypes.canonical(dtype)
