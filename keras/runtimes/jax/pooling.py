"""Pooling in JAX."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .windows import Window

Array = Any


def pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    """Maximum or mean of windows."""
    if not channels_last and jax.default_backend() == "cpu":
        return jnp.moveaxis(pool(jnp.moveaxis(x, 1, -1), window, strides, padding, mode, True), -1, 1)
    if mode == "max" and window == strides and padding == "valid" and channels_last:
        return _max_blocks(x, tuple(window))
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    moves = Window.over(sizes, window, strides, padding)
    if mode == "max":
        lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.floating) else jnp.iinfo(x.dtype).min
        return _max_overlapping(x, moves, lowest) if moves.pays else _reduced(x, moves, lax.max, lowest, channels_last)
    total = _reduced(x, moves, lax.add, 0, channels_last)
    if not any(sum(p) for p in moves.pads):
        return total / np.array(np.prod(window), x.dtype)
    ones = jnp.ones((1, *sizes, 1) if channels_last else (1, 1, *sizes), x.dtype)
    return total / _reduced(ones, moves, lax.add, 0, channels_last)


def _reduced(x: Array, moves: Window, operation: Any, start: float, channels_last: bool) -> Array:
    """By XLA's own operation."""
    size, step, around = (
        (rest, *along, rest) if channels_last else (rest, rest, *along)
        for along, rest in ((moves.window, 1), (moves.strides, 1), (moves.pads, (0, 0)))
    )
    return lax.reduce_window(x, np.array(start, x.dtype), operation, size, step, around)


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


# Windows that overlap, on CPU: 16x112x112x64 in windows of 3x3 with strides of 2 in 30 ms,
# with the gradient 82, against reduce_window's 36 and 233. (Means gain nothing.)
@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def _max_overlapping(x: Array, moves: Window, lowest: float) -> Array:
    padded = moves.padded(x, lowest)
    return reduce(jnp.maximum, (moves.seen(padded, place) for place in moves.places))


def _max_overlapping_forward(x: Array, moves: Window, lowest: float) -> tuple[Array, Any]:
    y = _max_overlapping(x, moves, lowest)
    return y, (x, y)


def _max_overlapping_backward(moves: Window, lowest: float, kept: Any, gradient: Array) -> tuple[Array]:
    """The first of equal maxima gets the gradient."""
    x, y = kept
    padded = moves.padded(x, lowest)
    numbers = {place: np.int8(number) for number, place in enumerate(moves.places)}
    first = jnp.full(y.shape, len(numbers), np.int8)
    for place, number in reversed(numbers.items()):
        first = jnp.where(moves.seen(padded, place) == y, number, first)
    first, gradient = moves.apart(first, -1), moves.apart(gradient)
    nothing = jnp.zeros((), x.dtype)
    return (
        sum(
            jnp.where(moves.reached(first, place) == number, moves.reached(gradient, place), nothing)
            for place, number in numbers.items()
        ),
    )


_max_overlapping.defvjp(_max_overlapping_forward, _max_overlapping_backward)
