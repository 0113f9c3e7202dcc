"""Convolution in JAX.

Measured with jaxlib 0.10.2 on 4 CPU cores; see the comments beside each override.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.ops.products import resolve_pads, same_pads
from . import native_convolution as native
from .depthwise import depthwise
from .device import on_cpu
from .products import product
from .windows import Window

Array = Any
_SPATIAL = {1: "W", 2: "HW", 3: "DHW"}


def _dimension_numbers(rank: int, channels_last: bool) -> tuple[str, str, str]:
    space = _SPATIAL[rank]
    data = f"N{space}C" if channels_last else f"NC{space}"
    return data, f"{space}IO", data


def _promoted(x: Array, kernel: Array) -> tuple[Array, Array]:
    dtype = jnp.promote_types(x.dtype, kernel.dtype)
    return jnp.asarray(x, dtype), jnp.asarray(kernel, dtype)


def conv(
    x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool, groups: int = 1
) -> Array:
    """Cross-correlation; see `keras.graph.ops.products.conv`."""
    x, kernel = _promoted(x, kernel)
    window = kernel.shape[:-2]
    if not channels_last and on_cpu():
        # In a loop XLA's CPU compiler takes 40 times as long with the channels first; elsewhere it is the same.
        moved = conv(jnp.moveaxis(x, 1, -1), kernel, strides, padding, dilation, True, groups)
        return jnp.moveaxis(moved, -1, 1)
    if channels_last:
        pairs = resolve_pads(padding, x.shape[1:-1], window, strides, dilation)
        by_onednn = native.conv(x, kernel, strides, pairs, dilation, groups)
        if by_onednn is not None:
            return by_onednn
    if all(w == 1 for w in window) and groups == 1 and channels_last and not any(map(any, pairs)):
        # A window of one is a matrix product: 12 times faster than the convolution.
        if any(s > 1 for s in strides):
            x = x[(slice(None), *(slice(None, None, s) for s in strides))]
        return by_matrix(x, kernel.reshape(kernel.shape[-2:]))
    if channels_last:
        moves = Window.over(x.shape[1:-1], window, strides, padding, dilation)
        if groups == 1 and _swapped(moves):
            return _shifted_products(x, kernel, moves)
        if 1 < groups == x.shape[-1] and moves.pays:
            return depthwise(x, kernel.reshape(*window, groups, -1), moves)
    pads = padding.upper() if isinstance(padding, str) else padding
    return lax.conv_general_dilated(
        x, kernel, strides, pads, rhs_dilation=dilation, feature_group_count=groups,
        dimension_numbers=_dimension_numbers(len(window), channels_last),
    )  # fmt: skip


def by_matrix(x: Array, matrix: Array) -> Array:
    """x (..., n) times a matrix (n, m).

    As a product of two matrices: of one with more axes autodiff makes a sum over several, for which XLA first writes
    its operands down transposed (blocks of ResNet50 with their gradients took 1.2 to 1.7 times the processor time).
    """
    rows = product(x.reshape(-1, x.shape[-1]), matrix)
    return rows.reshape(*x.shape[:-1], matrix.shape[-1])


def _swapped(moves: Window) -> bool:
    """Whether XLA would swap image and window, in the convolution or in its gradient by the image, on a CPU."""
    return on_cpu() and min(math.prod(moves.sizes), math.prod(moves.made)) < math.prod(moves.window)


def _shifted_products(x: Array, kernel: Array, moves: Window) -> Array:
    """The convolution as a sum over the window's places, each a matrix product.

    Where the window has more places than the image, XLA swaps the two, on CPU at a great price: 32 images of
    2x2x512 with a 3x3 window, as at the end of a VGG net on small pictures, take 560 ms so and 12 ms by products
    (with gradients 1,100 and 31).
    """
    padded = moves.padded(x)
    return sum(by_matrix(moves.seen(padded, place), kernel[place]) for place in moves.places)


def conv_input_gradient(
    derivative: Array, x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool
) -> Array:
    """The derivative of `conv` by x from that of its result; of x only the shape matters.

    With strides of 1 it is a convolution like any other, with the kernel turned round: in a loop
    XLA's CPU compiler runs that 6 to 17 times as fast as what autodiff makes.
    """
    window = kernel.shape[:-2]
    if channels_last:
        pairs = resolve_pads(padding, x.shape[1:-1], window, strides, dilation)
        by_onednn = native.image_gradient(derivative, kernel, x.shape[1:-1], strides, pairs, dilation)
        if by_onednn is not None:
            return by_onednn
    if any(s != 1 for s in strides):
        (gradient,) = jax.vjp(lambda x: conv(x, kernel, strides, padding, dilation, channels_last), x)[1](derivative)
        return gradient
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    pads = resolve_pads(padding, sizes, window, strides, dilation) if isinstance(padding, str) else padding
    spans = [(w - 1) * d for w, d in zip(window, dilation, strict=True)]
    turned = [(span - before, span - after) for span, (before, after) in zip(spans, pads, strict=True)]
    flipped = jnp.swapaxes(jnp.flip(kernel, tuple(range(len(window)))), -1, -2)
    return conv(derivative, flipped, strides, turned, dilation, channels_last)


def conv_kernel_gradient(derivative: Array, x: Array, kernel: Array, **how: Any) -> Array:
    """The derivative of `conv` by the kernel from that of its result."""
    (gradient,) = jax.vjp(lambda kernel: conv(x, kernel, **how), kernel)[1](derivative)
    return gradient


def conv_transpose(
    x: Array, kernel: Array, size: Any, strides: Any, padding: str, dilation: Any, channels_last: bool
) -> Array:
    """The gradient of `conv` by its input; see `keras.graph.ops.products.conv_transpose`."""
    x, kernel = _promoted(x, kernel)
    if not channels_last and on_cpu():  # as in `conv`
        moved = conv_transpose(jnp.moveaxis(x, 1, -1), kernel, size, strides, padding, dilation, True)
        return jnp.moveaxis(moved, -1, 1)
    if channels_last:
        pairs = resolve_pads(padding, tuple(int(s) for s in size), kernel.shape[:-2], strides, dilation)
        by_onednn = native.image_gradient(x, kernel, size, strides, pairs, dilation)
        if by_onednn is not None:
            return by_onednn
    how = (tuple(int(s) for s in size), tuple(strides), padding, tuple(dilation), channels_last)
    return _transposed(x, kernel, how)


# Its gradients are a convolution and a convolution's gradient by the kernel; what autodiff makes of it is slow on
# CPU (32 images of 4x4x256, 4x4 window, strides of 2: 429 ms against 16).
@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed(x: Array, kernel: Array, how: Any) -> Array:
    size, strides, padding, dilation, channels_last = how
    window = kernel.shape[:-2]
    if channels_last and _swapped(Window.over(size, window, strides, padding, dilation)):
        image = jnp.zeros((x.shape[0], *size, kernel.shape[-2]), x.dtype)
        (y,) = jax.vjp(lambda image: conv(image, kernel, strides, padding, dilation, True), image)[1](x)
        return y
    places = x.shape[1:-1] if channels_last else x.shape[2:]
    pads = []
    for full, places_of_axis, w, s, d in zip(size, places, window, strides, dilation, strict=True):
        before = 0 if padding == "valid" else same_pads(full, w, s, d)[0]
        span = (w - 1) * d
        pads.append((span - before, full - ((places_of_axis - 1) * s + 1) + before))
    axes = tuple(range(len(window)))
    return lax.conv_general_dilated(
        x, jnp.swapaxes(jnp.flip(kernel, axes), -1, -2), (1,) * len(axes), pads,
        lhs_dilation=strides, rhs_dilation=dilation, dimension_numbers=_dimension_numbers(len(axes), channels_last),
    )  # fmt: skip


def _transposed_forward(x: Array, kernel: Array, how: Any) -> Any:
    return _transposed(x, kernel, how), (x, kernel)


def _transposed_backward(how: Any, saved: Any, derivative: Array) -> tuple[Array, Array]:
    x, kernel = saved
    _, strides, padding, dilation, channels_last = how
    rest = {"strides": strides, "padding": padding, "dilation": dilation, "channels_last": channels_last}
    return conv(derivative, kernel, **rest), conv_kernel_gradient(x, derivative, kernel, **rest)


_transposed.defvjp(_transposed_forward, _transposed_backward)
