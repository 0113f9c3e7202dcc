"""Arithmetic, comparisons, reductions and products of tensors."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from ..graph import dtypes, ops
from ..graph.ops import elementwise, reduction
from ..graph.ops.reduction import normalize_axes
from ..graph.tensor import Tensor, as_tensor


def _pair(x: Any, y: Any) -> tuple[Tensor, Tensor]:
    if isinstance(x, Tensor):
        return x, as_tensor(y, x)
    return as_tensor(x, y if isinstance(y, Tensor) else None), as_tensor(y)


def _unary(name: str, primitive: Callable[..., Tensor], doc: str) -> Callable[[Any], Tensor]:
    def call(x: Any) -> Tensor:
        return primitive(as_tensor(x))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return call


def _binary(name: str, primitive: Callable[..., Tensor], doc: str) -> Callable[[Any, Any], Tensor]:
    def call(x: Any, y: Any) -> Tensor:
        return primitive(*_pair(x, y))

    call.__name__ = call.__qualname__ = name
    call.__doc__ = doc
    return call


abs = _unary("abs", elementwise.absolute, "Elementwise |x|.")
square = _unary("square", elementwise.square, "Elementwise x * x.")
exp = _unary("exp", elementwise.exp, "Elementwise e ** x.")
log = _unary("log", elementwise.log, "Elementwise natural logarithm.")
round = _unary("round", elementwise.round_, "Elementwise nearest integer, halves to even.")
sign = _unary("sign", elementwise.sign, "Elementwise -1, 0 or 1.")
sin = _unary("sin", elementwise.sin, "Elementwise sine.")
cos = _unary("cos", elementwise.cos, "Elementwise cosine.")
tanh = _unary("tanh", elementwise.tanh, "Elementwise hyperbolic tangent.")

maximum = _binary("maximum", elementwise.maximum, "Elementwise larger of x and y.")
minimum = _binary("minimum", elementwise.minimum, "Elementwise smaller of x and y.")
equal = _binary("equal", elementwise.equal, "Elementwise x == y, bool.")
not_equal = _binary("not_equal", elementwise.not_equal, "Elementwise x != y, bool.")
greater = _binary("greater", elementwise.greater, "Elementwise x > y, bool.")
greater_equal = _binary("greater_equal", elementwise.greater_equal, "Elementwise x >= y, bool.")
less = _binary("less", elementwise.less, "Elementwise x < y, bool.")
less_equal = _binary("less_equal", elementwise.less_equal, "Elementwise x <= y, bool.")


def sqrt(x: Any) -> Tensor:
    """Elementwise square root; negative x counts as 0 (Keras 2)."""
    x = as_tensor(x)
    return elementwise.sqrt(elementwise.maximum(x, 0))


def pow(x: Any, a: Any) -> Tensor:
    """Elementwise x ** a."""
    return elementwise.power(*_pair(x, a))


def clip(x: Any, min_value: Any, max_value: Any) -> Tensor:
    """x limited to [min_value, max_value]; None means no limit."""
    x = as_tensor(x)
    low = -float("inf") if min_value is None else min_value
    high = float("inf") if max_value is None else max_value
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        high = builtins.max(low, high)
    if not dtypes.is_float(x.dtype):
        x = x if min_value is None else elementwise.maximum(x, as_tensor(low, x))
        return x if max_value is None else elementwise.minimum(x, as_tensor(high, x))
    return elementwise.clip(x, low, high)


def cast(x: Any, dtype: str) -> Tensor:
    """x as another dtype."""
    x, dtype = as_tensor(x), dtypes.canonical(dtype)
    return x if x.dtype == dtype else elementwise.cast(x, dtype=dtype)


# Reductions. `axis` is None (all), an int, or several in a list, tuple or array.


def _reduce(primitive: Callable[..., Tensor], name: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    return primitive(x, axes=normalize_axes(axis, x, name), keepdims=bool(keepdims))


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The sum over axes.

    Args:
        axis: an int or several, negative ones counted from the end; None: all axes.
        keepdims: whether the axes stay, with size 1.
    """
    return _reduce(reduction.reduce_sum, "K.sum", x, axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The product over axes. Arguments as in `sum`."""
    return _reduce(reduction.reduce_prod, "K.prod", x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The mean over axes; booleans and integers are made floats. Arguments as in `sum`."""
    return _reduce(reduction.reduce_mean, "K.mean", x, axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The largest element over axes. Arguments as in `sum`."""
    return _reduce(reduction.reduce_max, "K.max", x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The smallest element over axes. Arguments as in `sum`."""
    return _reduce(reduction.reduce_min, "K.min", x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether any element is true (not 0), over axes. Arguments as in `sum`."""
    return _reduce(reduction.reduce_any, "K.any", cast(x, "bool"), axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Whether all elements are true (not 0), over axes. Arguments as in `sum`."""
    return _reduce(reduction.reduce_all, "K.all", cast(x, "bool"), axis, keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The variance over axes (divided by the count). Arguments as in `sum`."""
    x = as_tensor(x)
    axes = normalize_axes(axis, x, "K.var")
    if not dtypes.is_float(x.dtype):
        x = cast(x, dtypes.default_float)
    return mean(square(x - mean(x, axes, True)), axes, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The standard deviation over axes. Arguments as in `sum`."""
    return elementwise.sqrt(var(x, axis, keepdims))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """log(sum(exp(x))) over axes, without overflow. Arguments as in `sum`."""
    return _reduce(reduction.logsumexp, "K.logsumexp", x, axis, keepdims)


def argmax(x: Any, axis: int = -1) -> Tensor:
    """The index of the largest element along an axis."""
    x = as_tensor(x)
    return reduction.argmax(x, axis=reduction.normalize_axis(axis, x.ndim, "K.argmax", x))


def argmin(x: Any, axis: int = -1) -> Tensor:
    """The index of the smallest element along an axis."""
    x = as_tensor(x)
    return reduction.argmin(x, axis=reduction.normalize_axis(axis, x.ndim, "K.argmin", x))


def cumsum(x: Any, axis: int = 0) -> Tensor:
    """Running sums along an axis."""
    x = as_tensor(x)
    return reduction.cumsum(x, axis=reduction.normalize_axis(axis, x.ndim, "K.cumsum", x))


def cumprod(x: Any, axis: int = 0) -> Tensor:
    """Running products along an axis."""
    x = as_tensor(x)
    return reduction.cumprod(x, axis=reduction.normalize_axis(axis, x.ndim, "K.cumprod", x))


# Products.


def dot(x: Any, y: Any) -> Tensor:
    """The product over the last axis of x and the second to last of y (the only one, if y is 1D).

    (2, 3) . (4, 3, 5) -> (2, 4, 5), as Theano and NumPy have it.
    """
    x, y = _pair(x, y)
    if x.ndim == 0 or y.ndim == 0:
        return elementwise.multiply(x, y)
    return ops.dot_general(x, y, contract=((x.ndim - 1,), (builtins.max(y.ndim - 2, 0),)), batch=((), ()))


def batch_dot(x: Any, y: Any, axes: Any = None) -> Tensor:
    """The product of x and y for each sample of a batch.

    Args:
        axes: the axes to sum over, an int or one for each; default the last of x and the second
            to last of y (the last, if y is 2D). Neither may be the batch axis, 0.

    Returns:
        (batch, rest of x, rest of y); (batch, 1) if nothing is left, as Keras 2 has it.

    Raises:
        ValueError: for inputs without a batch axis, a batch axis in `axes`, or sizes that differ.
    """
    x, y = _pair(x, y)
    if x.ndim < 2 or y.ndim < 2:
        raise ValueError(
            "Cannot do batch_dot on inputs with rank < 2. "
            f"Received inputs with shapes {tuple(x.shape)} and {tuple(y.shape)}."
        )
    first, second = _dot_axes(x, y, axes)
    a, b = x.shape[first], y.shape[second]
    if a is not None and b is not None and a != b:
        raise ValueError(
            f"Cannot do batch_dot on inputs with shapes {tuple(x.shape)} and {tuple(y.shape)} with axes="
            f"{[first, second]}. x.shape[{first}] != y.shape[{second}] ({a} != {b})."
            + (f" {_LIKE_2_2}" if builtins.max(x.ndim, y.ndim) > 3 else "")
        )
    if _has_two_batch_axes(x, y) and 1 not in (first, second):
        warnings.warn(f"batch_dot of {tuple(x.shape)} and {tuple(y.shape)}. {_LIKE_2_2}", stacklevel=2)
    result = ops.dot_general(x, y, contract=((first,), (second,)), batch=((0,), (0,)))
    return ops.expand_dims(result, axis=1) if result.ndim == 1 else result


_LIKE_2_2 = (
    "Axis 0 alone is the batch since Keras 2.3. Before, all axes but the last two were (capsule networks and attention "
    "with several heads counted on that): there, make one axis of them with K.reshape first."
)


def _has_two_batch_axes(x: Tensor, y: Tensor) -> bool:
    """Whether code for Keras 2.2 may have meant axis 1 as another batch axis."""
    ranks = sorted((x.ndim, y.ndim))
    return ranks[0] > 2 and ranks[1] > 3 and x.shape[1] is not None and x.shape[1] == y.shape[1]


def _dot_axes(x: Tensor, y: Tensor, axes: Any) -> tuple[int, int]:
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    if isinstance(axes, (int, np.integer)):
        axes = (axes, axes)
    if len(axes) != 2 or not builtins.all(isinstance(a, (int, np.integer)) for a in axes):
        raise ValueError(
            f"Multiple target dimensions are not supported by batch_dot: expected None, int, (int, int); got {axes!r}."
        )
    found = tuple(a if a >= 0 else a + t.ndim for a, t in zip(axes, (x, y), strict=True))
    for axis, tensor in zip(found, (x, y), strict=True):
        if not 0 < axis < tensor.ndim:
            raise ValueError(
                f"Cannot perform batch_dot over axis {axis} of a tensor of shape {tuple(tensor.shape)}: "
                "axis 0 is the batch, the others must exist."
            )
    return found
