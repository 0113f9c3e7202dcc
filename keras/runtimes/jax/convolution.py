"""Convolution and pooling in JAX.

Measured with jaxlib 0.10.2 on 4 CPU cores; see the comments beside each override.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...graph.ops.products import resolve_pads, same_pads

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
    if not channels_last and jax.default_backend() == "cpu":
        # In a loop XLA's CPU compiler takes 40 times as long with the channels first; elsewhere it is the same.
        moved = conv(jnp.moveaxis(x, 1, -1), kernel, strides, padding, dilation, True, groups)
        return jnp.moveaxis(moved, -1, 1)
    if all(w == 1 for w in window) and groups == 1 and channels_last:
        # A window of one is a matrix product: 12 times faster than the convolution.
        if any(s > 1 for s in strides):
            x = x[(slice(None), *(slice(None, None, s) for s in strides))]
        return lax.dot_general(x, kernel.reshape(kernel.shape[-2:]), (((x.ndim - 1,), (0,)), ((), ())))
    if groups == 1 and channels_last and _swapped(x.shape[1:-1], window, strides, padding, dilation):
        return _shifted_products(x, kernel, strides, padding, dilation)
    pads = padding.upper() if isinstance(padding, str) else padding
    return lax.conv_general_dilated(
        x, kernel, strides, pads, rhs_dilation=dilation, feature_group_count=groups,
        dimension_numbers=_dimension_numbers(len(window), channels_last),
    )  # fmt: skip


def _swapped(sizes: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> bool:
    """Whether XLA would swap image and window, in the convolution or in its gradient by the image."""
    made = [n for n, _ in _moves(sizes, window, strides, padding, dilation)]
    return min(np.prod(sizes), np.prod(made)) < np.prod(window)  # type: ignore[no-any-return]


def _moves(sizes: Any, window: Any, strides: Any, padding: Any, dilation: Any) -> list[tuple[int, tuple[int, int]]]:
    """For each spatial axis how many places the window takes, and the padding."""
    pads = resolve_pads(padding, sizes, window, strides, dilation)
    return [
        ((n + sum(pad) - (w - 1) * d - 1) // s + 1, pad)
        for n, w, s, pad, d in zip(sizes, window, strides, pads, dilation, strict=True)
    ]


def _shifted_products(x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any) -> Array:
    """The convolution as a sum over the window's places, each a matrix product.

    Where the window has more places than the image, XLA swaps the two, on CPU at a great price: 32 images of
    2x2x512 with a 3x3 window, as at the end of a VGG net on small pictures, take 560 ms so and 12 ms by products
    (with gradients 1,100 and 31).
    """
    window = kernel.shape[:-2]
    made, pads = zip(*_moves(x.shape[1:-1], window, strides, padding, dilation), strict=True)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))

    def seen(place: tuple[int, ...]) -> Array:
        """What the window's place sees as the window moves."""
        cuts = zip(place, dilation, made, strides, strict=True)
        return x[(slice(None), *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, n, s in cuts))]

    return sum(seen(place) @ kernel[place] for place in np.ndindex(*window))


def conv_input_gradient(
    derivative: Array, x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool
) -> Array:
    """The derivative of `conv` by x from that of its result; of x only the shape matters.

    With strides of 1 it is a convolution like any other, with the kernel turned round: in a loop
    XLA's CPU compiler runs that 6 to 17 times as fast as what autodiff makes.
    """
    window = kernel.shape[:-2]
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
    if not channels_last and jax.default_backend() == "cpu":  # as in `conv`
        moved = conv_transpose(jnp.moveaxis(x, 1, -1), kernel, size, strides, padding, dilation, True)
        return jnp.moveaxis(moved, -1, 1)
    how = (tuple(int(s) for s in size), tuple(strides), padding, tuple(dilation), channels_last)
    return _transposed(x, kernel, how)


# Its gradients are a convolution and a convolution's gradient by the kernel; what autodiff makes of it is slow on
# CPU (32 images of 4x4x256, 4x4 window, strides of 2: 429 ms against 16).
@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _transposed(x: Array, kernel: Array, how: Any) -> Array:
    size, strides, padding, dilation, channels_last = how
    window = kernel.shape[:-2]
    if channels_last and _swapped(size, window, strides, padding, dilation):
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


def pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    """Maximum or mean of windows."""
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    if mode == "max" and window == strides and padding == "valid" and channels_last:
        return _max_blocks(x, tuple(window))
    ones = (1,) * len(window)
    pads = resolve_pads(padding, sizes, window, strides, ones)
    size, step = ((1, *t, 1) if channels_last else (1, 1, *t) for t in (window, strides))
    around = ((0, 0), *pads, (0, 0)) if channels_last else ((0, 0), (0, 0), *pads)
    if mode == "max":
        lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        return lax.reduce_window(x, np.array(lowest, x.dtype), lax.max, size, step, around)
    total = lax.reduce_window(x, np.array(0, x.dtype), lax.add, size, step, around)
    if not any(sum(p) for p in pads):
        return total / np.array(np.prod(window), x.dtype)
    shape = (1, *sizes, 1) if channels_last else (1, 1, *sizes)
    return total / lax.reduce_window(jnp.ones(shape, x.dtype), np.array(0, x.dtype), lax.add, size, step, around)


# Max-pooling over blocks side by side. XLA's gradient of reduce_window (select-and-scatter)
# runs on one core, 67 ms for 128x24x24x64; comparing with the place of the first maximum
# is elementwise: 3 ms. The first of equal maxima gets the gradient, as select-and-scatter gives it.
def _blocks(x: Array, window: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    batch, *sizes, channels = x.shape
    cut = tuple(slice(0, n // w * w) for n, w in zip(sizes, window, strict=True))
    shape = [batch]
    for n, w in zip(sizes, window, strict=True):
        shape += [n // w, w]
    return x[(slice(None), *cut)].reshape(*shape, channels), tuple(range(2, 2 + 2 * len(window), 2))


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_blocks(x: Array, window: tuple[int, ...]) -> Array:
    blocks, axes = _blocks(x, window)
    return blocks.max(axes)


def _max_blocks_forward(x: Array, window: tuple[int, ...]) -> tuple[Array, Any]:
    y = _max_blocks(x, window)
    return y, (x, y)


def _max_blocks_backward(window: tuple[int, ...], kept: Any, gradient: Array) -> tuple[Array]:
    x, y = kept
    blocks, axes = _blocks(x, window)
    place = sum(
        lax.broadcasted_iota(jnp.int32, blocks.shape, axis) * int(np.prod(window[i + 1 :]))
        for i, axis in enumerate(axes)
    )
    top = jnp.expand_dims(y, axes)
    first = jnp.min(jnp.where(blocks == top, place, np.int32(2**30)), axes, keepdims=True)
    spread = jnp.where(place == first, jnp.expand_dims(gradient, axes), jnp.zeros((), x.dtype))
    whole = spread.reshape(x.shape[0], *(n // w * w for n, w in zip(x.shape[1:-1], window, strict=True)), x.shape[-1])
    rest = [(0, 0), *((0, n % w) for n, w in zip(x.shape[1:-1], window, strict=True)), (0, 0)]
    return (jnp.pad(whole, rest) if any(r[1] for r in rest) else whole,)


_max_blocks.defvjp(_max_blocks_forward, _max_blocks_backward)
