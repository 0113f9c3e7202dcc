"""Convolution and pooling in PyTorch.

Arrays that come channels last are handed over as views in torch's order of axes, which torch
knows as its channels_last memory format: nothing is copied. One-dimensional ones get a height
of 1, because only images and volumes have that format.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...graph.ops.products import resolve_pads, same_pads
from .autograd import signed

Array = Any

_CONV: dict[int, Any] = {2: F.conv2d, 3: F.conv3d}
_SPREAD: dict[int, Any] = {2: F.conv_transpose2d, 3: F.conv_transpose3d}
_MAX: dict[int, Any] = {2: F.max_pool2d, 3: F.max_pool3d}
_MEAN: dict[int, Any] = {2: F.avg_pool2d, 3: F.avg_pool3d}


def _first(x: Array, channels_last: bool) -> Array:
    """The view (batch, channels, height, width) or (batch, channels, depth, height, width)."""
    if channels_last:
        x = x.movedim(-1, 1)
    return x.unsqueeze(2) if x.ndim == 3 else x


def _back(x: Array, ndim: int, channels_last: bool) -> Array:
    if ndim == 3:
        x = x.squeeze(2)
    return x.movedim(1, -1) if channels_last else x


def _lifted(values: Any, fill: Any) -> tuple[Any, ...]:
    """Values of one axis as those of two."""
    return (fill, *values) if len(values) == 1 else tuple(values)


def _flat(pads: Any) -> list[int]:
    """Pairs in the order that `F.pad` takes."""
    return [n for pair in reversed(pads) for n in pair]


def _promoted(x: Array, kernel: Array) -> tuple[Array, Array]:
    dtype = torch.promote_types(x.dtype, kernel.dtype)
    return x.to(dtype), kernel.to(dtype)


class _Turned(torch.autograd.Function):  # type: ignore[misc]
    """A matrix with rows and columns exchanged, also in memory, and so its gradient.

    Turning two axes torch does quickly, more it does number by number; and updates of the weights would take long,
    with gradients that lie in another order.
    """

    generate_vmap_rule = True

    @staticmethod
    @signed
    def forward(matrix: Array) -> Array:
        return matrix.t().contiguous()

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Array) -> None:
        pass

    @staticmethod
    def backward(context: Any, by_turned: Array) -> Array:
        return by_turned.t().contiguous()


def _weights(kernel: Array, channels_last: bool, scale: Array | None = None) -> Array:
    """A kernel (*window, inputs, outputs) as torch has it: (outputs, inputs, *window), in its channels_last format.

    Those of a variable are kept beside its value, for the next call, with what they were multiplied by. A module's
    parameters may change unseen.
    """
    if not channels_last:
        weights = kernel.movedim((-1, -2), (0, 1))
        return weights.unsqueeze(2) if kernel.ndim == 3 else weights
    changing = kernel.requires_grad or kernel.is_inference() or torch.compiler.is_compiling()
    fixed = type(kernel) is torch.Tensor and not changing
    version, factor, weights = getattr(kernel, _KEPT, (None, None, None)) if fixed else (None, None, None)
    if weights is None or version != kernel._version or not _equal(factor, scale):
        *window, inputs, outputs = kernel.shape
        turned = _Turned.apply(kernel.reshape(-1, outputs)).view(outputs, *_lifted(window, 1), inputs)
        weights = turned.movedim(-1, 1)
        if scale is not None:
            weights = weights * scale.view(-1, *[1] * (weights.ndim - 1))
        if fixed:
            setattr(kernel, _KEPT, (kernel._version, scale, weights))
    return weights


_KEPT = "_keras_weights"


def _equal(one: Array | None, other: Array | None) -> bool:
    return one is other or one is not None and other is not None and torch.equal(one, other)


def conv(
    x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool, groups: int = 1,
    bias: Array | None = None, scale: Array | None = None,
) -> Array:  # fmt: skip
    """Cross-correlation; see `keras.graph.ops.products.conv`. A bias, and with channels last a scale for the kernel,
    has a number for each output channel."""
    x, kernel = _promoted(x, kernel)
    window = tuple(kernel.shape[:-2])
    ndim = x.ndim
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    pads = resolve_pads(padding, tuple(sizes), window, strides, dilation)
    pads, strides = _without_idle_strides(sizes, window, strides, pads, dilation)
    pads = _lifted(pads, (0, 0))
    weights = _weights(kernel, channels_last, scale)
    x = _first(x, channels_last)
    if all(before == after for before, after in pads):
        around: Any = tuple(before for before, _ in pads)
    else:
        x, around = F.pad(x, _flat(pads)), 0
    y = _CONV[len(pads)](x, weights, bias, _lifted(strides, 1), around, _lifted(dilation, 1), groups)
    return _back(y, ndim, channels_last)


def _without_idle_strides(sizes: Any, window: Any, strides: Any, pads: Any, dilation: Any) -> tuple[Any, Any]:
    """Padding and strides with a stride of 1 along axes that the window fits on once, cut to the window there.

    oneDNN (in PyTorch 2.13) reads the wrong places, or beyond the array, where an image of one channel
    gives one column and the stride along it is more than 1.
    """
    found, steps = [], []
    for size, length, step, (before, after), rate in zip(sizes, window, strides, pads, dilation, strict=True):
        reach = rate * (length - 1) + 1
        spare = size + before + after - reach
        if 0 <= spare < step:
            after, step = after - spare, 1
        found.append((before, after))
        steps.append(step)
    return found, steps


def conv_transpose(
    x: Array, kernel: Array, size: Any, strides: Any, padding: str, dilation: Any, channels_last: bool
) -> Array:
    """The gradient of `conv` by its input: spread over all places, then cut to those asked for."""
    x, kernel = _promoted(x, kernel)
    window = tuple(kernel.shape[:-2])
    ndim = x.ndim
    wanted = tuple(int(s) for s in size)
    places = tuple(x.shape[1:-1] if channels_last else x.shape[2:])
    weights = _weights(kernel, channels_last)
    x = _first(x, channels_last)
    y = _SPREAD[x.ndim - 2](x, weights, None, _lifted(strides, 1), 0, 0, 1, _lifted(dilation, 1))
    cuts = []
    for axis, full in enumerate(wanted):
        made = (places[axis] - 1) * strides[axis] + (window[axis] - 1) * dilation[axis] + 1
        before = 0 if padding == "valid" else same_pads(full, window[axis], strides[axis], dilation[axis])[0]
        cuts.append((-before, full + before - made))
    if any(any(c) for c in cuts):
        y = F.pad(y, _flat(cuts))
    return _back(y, ndim, channels_last)


def pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    """Maximum or mean of windows."""
    ndim = x.ndim
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    pads = _lifted(resolve_pads(padding, tuple(sizes), window, strides, (1,) * len(window)), (0, 0))
    size, step = _lifted(window, 1), _lifted(strides, 1)
    x = _first(x, channels_last)
    padded = any(any(pair) for pair in pads)
    if mode == "max":
        if padded:
            x = F.pad(x, _flat(pads), value=-np.inf if x.is_floating_point() else torch.iinfo(x.dtype).min)
        return _back(_MAX[len(pads)](x, size, step), ndim, channels_last)
    dtype = x.dtype
    if dtype in (torch.float16, torch.bfloat16) and x.device.type == "cpu":  # whose kernels have no mean of them in 3D
        x = x.float()
    mean = _MEAN[len(pads)]
    if not padded:
        return _back(mean(x, size, step).to(dtype), ndim, channels_last)
    inside = F.pad(torch.ones((1, 1, *x.shape[2:]), dtype=x.dtype, device=x.device), _flat(pads))
    y = mean(F.pad(x, _flat(pads)), size, step) / mean(inside, size, step)
    return _back(y.to(dtype), ndim, channels_last)
