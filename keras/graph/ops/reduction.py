"""Primitives that reduce or scan over axes. `axes` is a sorted tuple of non-negative ints."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import dtypes
from ..primitive import Primitive, Spec, fail, primitive
from ..tensor import Dim, Shape, Tensor


def normalize_axis(axis: int, ndim: int, name: str, tensor: Tensor) -> int:
    """`axis` counted from 0; an axis the tensor does not have is an error."""
    if not -ndim <= axis < ndim:
        raise fail(name, [tensor], f"axis {axis} does not exist in a tensor of {ndim} dimensions")
    return int(axis % ndim)  # a NumPy number need not be one for every engine


def normalize_axes(axis: Any, x: Tensor, name: str) -> tuple[int, ...]:
    """An axis argument (None, int, list, tuple, NumPy array) as a sorted tuple."""
    if axis is None:
        return tuple(range(x.ndim))
    items = np.atleast_1d(np.asarray(axis)).tolist() if not isinstance(axis, int) else [axis]
    return tuple(sorted({normalize_axis(int(a), x.ndim, name, x) for a in items}))


def _reduced(x: Tensor, axes: tuple[int, ...], keepdims: bool) -> Shape:
    dims: list[Dim] = []
    for axis, dim in enumerate(x.shape):
        if axis not in axes:
            dims.append(dim)
        elif keepdims:
            dims.append(1)
    return Shape(dims)


def _reduction(name: str, doc: str, dtype: str | None = None, differentiable: bool = True) -> Primitive:
    def rule(x: Tensor, axes: tuple[int, ...], keepdims: bool = False) -> Spec:
        kept = x.dtype if dtype is None else dtype
        if dtype is None and kept == "bool":
            kept = "int32"
        return _reduced(x, axes, keepdims), kept

    rule.__name__, rule.__doc__ = name, doc
    return primitive(differentiable=differentiable)(rule)


reduce_sum = _reduction("reduce_sum", "the sum")
reduce_prod = _reduction("reduce_prod", "the product")
reduce_max = _reduction("reduce_max", "the largest; ties share the gradient")
reduce_min = _reduction("reduce_min", "the smallest; ties share the gradient")
reduce_any = _reduction("reduce_any", "whether any is true", "bool", differentiable=False)
reduce_all = _reduction("reduce_all", "whether all are true", "bool", differentiable=False)


@primitive()
def reduce_mean(x: Tensor, axes: tuple[int, ...], keepdims: bool = False) -> Spec:
    """The mean, as a float."""
    return _reduced(x, axes, keepdims), x.dtype if dtypes.is_inexact(x.dtype) else dtypes.default_float


@primitive()
def batch_normalization_training(
    x: Tensor, gamma: Tensor, beta: Tensor, axes: tuple[int, ...], epsilon: float
) -> list[Spec]:
    """(x - mean) / sqrt(variance + epsilon) * gamma + beta, the mean and the variance of x over the axes.

    gamma and beta have the axes that remain, or are a single number for all. All are floats of one dtype. The variance
    is that of a whole population: the mean of squares.
    """
    remaining = _reduced(x, axes, keepdims=False)
    for weight in (gamma, beta):
        pairs = list(zip(weight.shape, remaining, strict=False))
        if weight.ndim not in (0, len(remaining)) or any(a != b and None not in (a, b) for a, b in pairs):
            raise fail(
                "batch normalization", [x, weight], f"wanted weights of shape {tuple(remaining)}, or a single number"
            )
    return [(x.shape, x.dtype), (remaining, x.dtype), (remaining, x.dtype)]


@primitive()
def logsumexp(x: Tensor, axes: tuple[int, ...], keepdims: bool = False) -> Spec:
    """log(sum(e ** x)), without overflow."""
    return _reduced(x, axes, keepdims), x.dtype


@primitive(differentiable=False)
def argmax(x: Tensor, axis: int) -> Spec:
    """The index of the first largest element along an axis."""
    return _reduced(x, (axis,), False), "int64"


@primitive(differentiable=False)
def argmin(x: Tensor, axis: int) -> Spec:
    """The index of the first smallest element along an axis."""
    return _reduced(x, (axis,), False), "int64"


@primitive()
def cumsum(x: Tensor, axis: int) -> Spec:
    """Running sums along an axis."""
    return x.shape, x.dtype


@primitive()
def cumprod(x: Tensor, axis: int) -> Spec:
    """Running products along an axis."""
    return x.shape, x.dtype


@primitive()
def softmax(x: Tensor, axis: int) -> Spec:
    """e ** x / sum(e ** x) along an axis, without overflow."""
    return x.shape, x.dtype


@primitive()
def log_softmax(x: Tensor, axis: int) -> Spec:
    """log(softmax(x)), exact where the softmax underflows."""
    return x.shape, x.dtype


@primitive(differentiable=False)
def in_top_k(predictions: Tensor, targets: Tensor, k: int) -> Spec:
    """Whether the target class is among the k largest of each row (ties with the k-th count)."""
    if predictions.ndim != 2 or targets.ndim != 1:
        raise fail("in_top_k", [predictions, targets], "wanted predictions (batch, classes) and targets (batch,)")
    return targets.shape, "bool"


@primitive(differentiable=False)
def top_k(x: Tensor, count: Tensor) -> Spec:
    """The places of the `count` largest along the last axis, the largest first; of equals the earlier first."""
    if x.ndim == 0 or count.ndim != 0 or not dtypes.is_integer(count.dtype):
        raise fail("top_k", [x, count], "wanted at least one axis, and a scalar integer count")
    from .shaping import static_value

    return [*x.shape[:-1], static_value(count)], "int32"
