"""Depthwise convolution on CPU: each channel has filters of its own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .windows import Window

Array = Any


def depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """Images (batch, *spatial, channels) by a kernel (*window, channels, multiplier): each channel gives several."""
    if len(window.window) > 1:
        return _depthwise(x, kernel, window)
    row = Window((1, *window.sizes), (1, *window.window), (1, *window.strides), (1, *window.dilation),
                 ((0, 0), *window.pads))  # fmt: skip
    return _depthwise(x[:, None], kernel[None], row)[:, 0]


# 16 images, 3x3, against XLA's grouped convolution, ms: 112x112x32 5.3 (146), 56x56x128 5.4 (153), 14x14x512 1.3 (35);
# with gradients 45 (244), 38 (262), 9 (84).
@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _depthwise(x: Array, kernel: Array, window: Window) -> Array:
    padded = window.padded(x)
    results: Any = sum(window.seen(padded, place)[..., None] * kernel[place] for place in window.places)
    return results.reshape(*results.shape[:-2], results.shape[-2] * results.shape[-1])


def _forward(x: Array, kernel: Array, window: Window) -> Any:
    return _depthwise(x, kernel, window), (x, kernel)


def _backward(window: Window, kept: Any, derivative: Array) -> tuple[Array, Array]:
    x, kernel = kept
    derivative = derivative.reshape(*derivative.shape[:-1], *kernel.shape[-2:])
    return _image_gradient(derivative, kernel, window), _kernel_gradient(derivative, x, window)


def _image_gradient(derivative: Array, kernel: Array, window: Window) -> Array:
    total: Any = 0
    for filters in range(kernel.shape[-1]):
        apart = window.apart(derivative[..., filters])
        total += sum(window.reached(apart, place) * kernel[place][:, filters] for place in window.places)
    return total


def _kernel_gradient(derivative: Array, x: Array, window: Window) -> Array:
    """Row by row of the results: a third of the time that sums over whole shifted copies take."""
    padded = window.padded(x)
    height = window.spans[0] + 1
    within = replace(window, sizes=(height, *window.sizes[1:]), pads=((0, 0), *window.pads[1:]))

    def add(number: Array, totals: list[Array]) -> list[Array]:
        rows = lax.dynamic_slice_in_dim(padded, number * window.strides[0], height, 1)
        row = lax.dynamic_slice_in_dim(derivative, number, 1, 1)
        seen = (within.seen(rows, place)[..., None] for place in within.places)
        return [total + s * row for total, s in zip(totals, seen, strict=True)]

    nothing = jnp.zeros_like(derivative[:, :1])
    totals = lax.fori_loop(0, derivative.shape[1], add, [nothing for _ in window.places])
    sums = [jnp.sum(total, tuple(range(total.ndim - 2))) for total in totals]
    return jnp.stack(sums).reshape(*window.window, *derivative.shape[-2:])


_depthwise.defvjp(_forward, _backward)
