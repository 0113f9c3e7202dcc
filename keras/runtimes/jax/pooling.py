"""Pooling in JAX."""

from __future__ import annotations

import math
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .device import on_cpu
from .windows import Window

Array = Any


def pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    """Maximum or mean of windows."""
    if not channels_last and on_cpu():
        return jnp.moveaxis(pool(jnp.moveaxis(x, 1, -1), window, strides, padding, mode, True), -1, 1)
    sizes = x.shape[1:-1] if channels_last else x.shape[2:]
    moves = Window.over(sizes, window, strides, padding)
    if mode == "max" and window == strides and padding == "valid" and channels_last:
        return _max_blocks(x, moves)
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


# Max-pooling over blocks side by side. XLA's gradient of reduce_window (select-and-scatter) runs on one core, 67 ms for
# 128x24x24x64. Comparing with the place of the first maximum, which gets the gradient as it does there, is elementwise;
# the place too where it is found by shifted copies (steps of CIFAR and MNIST CNNs on one core 3 to 4 and 2 % shorter
# than by a minimum over the block). The maximum itself stays a reduction: in shifted copies XLA makes one slow loop of
# it and what follows, as a Dropout.
def _blocks(x: Array, window: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    batch, *sizes, channels = x.shape
    cut = tuple(slice(0, n // w * w) for n, w in zip(sizes, window, strict=True))
    shape = [batch]
    for n, w in zip(sizes, window, strict=True):
        shape += [n // w, w]
    return x[(slice(None), *cut)].reshape(*shape, channels), tuple(range(2, 2 + 2 * len(window), 2))


def _numbers(blocks: Array, axes: tuple[int, ...], dtype: Any) -> Array:
    """The number of each element's place in its block."""
    after = [int(np.prod([blocks.shape[a] for a in axes[i + 1 :]])) for i in range(len(axes))]
    return sum(lax.broadcasted_iota(dtype, blocks.shape, a) * dtype(n) for a, n in zip(axes, after, strict=True))


def _first(padded: Array, y: Array, moves: Window) -> Array:
    """The number of the window's first place that sees the maximum y."""
    count = math.prod(moves.window)
    first = jnp.full(y.shape, count, np.int8)
    for number, place in reversed(list(enumerate(moves.places))):
        first = jnp.where(moves.seen(padded, place) == y, np.int8(number), first)
    return first


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_blocks(x: Array, moves: Window) -> Array:
    blocks, axes = _blocks(x, moves.window)
    return blocks.max(axes)


def _max_blocks_forward(x: Array, moves: Window) -> tuple[Array, Any]:
    y = _max_blocks(x, moves)
    return y, (x, y)


def _max_blocks_backward(moves: Window, kept: Any, gradient: Array) -> tuple[Array]:
    x, y = kept
    blocks, axes = _blocks(x, moves.window)
    if moves.pays:
        place, first = _numbers(blocks, axes, np.int8), jnp.expand_dims(_first(x, y, moves), axes)
    else:
        place = _numbers(blocks, axes, np.int32)
        first = jnp.min(jnp.where(blocks == jnp.expand_dims(y, axes), place, np.int32(2**30)), axes, keepdims=True)
    spread = jnp.where(place == first, jnp.expand_dims(gradient, axes), jnp.zeros((), x.dtype))
    cut = [(n // w * w, n % w) for n, w in zip(moves.sizes, moves.window, strict=True)]
    whole = spread.reshape(x.shape[0], *(n for n, _ in cut), x.shape[-1])
    return (jnp.pad(whole, [(0, 0), *((0, rest) for _, rest in cut), (0, 0)]) if any(r for _, r in cut) else whole,)


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
    first = moves.apart(_first(moves.padded(x, lowest), y, moves), -1)
    gradient, nothing = moves.apart(gradient), jnp.zeros((), x.dtype)
    return (
        sum(
            jnp.where(moves.reached(first, place) == np.int8(number), moves.reached(gradient, place), nothing)
            for number, place in enumerate(moves.places)
        ),
    )


_max_overlapping.defvjp(_max_overlapping_forward, _max_overlapping_backward)
