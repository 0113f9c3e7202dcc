"""Depthwise convolution on CPU: each channel has filters of its own."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .windows import Window

Array = Any


# 16 images, 3x3, against XLA's grouped convolution, ms: 112x112x32 5.3 (146), 56x56x128 5.4 (153), 14x14x512 1.3 (35);
# with gradients 45 (244), 38 (262), 9 (84). MobileNet (224x224, batch 16) predicts 6 times as fast.
@partial(jax.custom_vjp, nondiff_argnums=(2,))
def depthwise(x: Array, kernel: Array, window: Window) -> Array:
    """Images (batch, *spatial, channels) by a kernel (*window, channels, multiplier): each channel gives several."""
    padded = window.padded(x)
    results: Any = sum(window.seen(padded, place)[..., None] * kernel[place] for place in window.places)
    return results.reshape(*results.shape[:-2], -1)


def _forward(x: Array, kernel: Array, window: Window) -> Any:
    return depthwise(x, kernel, window), (x, kernel)


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
    """Image by image: the shifted copies of one stay in the processor's cache (3 times as fast as all at once)."""

    def add(total: Array, one: tuple[Array, Array]) -> tuple[Array, None]:
        image, derivative = one[0][None], one[1][None]
        axes = tuple(range(image.ndim - 1))
        sums = [jnp.sum(window.seen(image, place)[..., None] * derivative, axes) for place in window.places]
        return total + jnp.stack(sums), None

    places = jnp.zeros((len(list(window.places)), *derivative.shape[-2:]), derivative.dtype)
    total, _ = lax.scan(add, places, (window.padded(x), derivative))
    return total.reshape(*window.window, *derivative.shape[-2:])


depthwise.defvjp(_forward, _backward)
