"""Batch normalisation in training, in JAX.

With a gradient of its own, from x and its moments: autodiff of the formula reads and writes a sixth more (two residual
blocks of ResNet50 but for their convolutions: 1,089 -> 935 million numbers a step, in 69 passes instead of 83; their
whole step, on one core, 845 -> 791 ms).
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from .cores import on_all_cores

Array = Any
Axes = tuple[int, ...]


def batch_normalization_training(x: Array, gamma: Array, beta: Array, axes: Axes, epsilon: float) -> list[Array]:
    """See `keras.graph.ops.reduction.batch_normalization_training`; x in 32 bits or more."""
    remaining = [size for axis, size in enumerate(x.shape) if axis not in axes]
    kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    weights = (jnp.reshape(jnp.broadcast_to(weight, remaining), kept) for weight in (gamma, beta))
    normed, mean, variance = _normalized(jnp.asarray(x), *weights, tuple(axes), epsilon)
    return [normed, mean.reshape(remaining), variance.reshape(remaining)]


def _sum(x: Array, axes: Axes) -> Array:
    return lax.expand_dims(lax.reduce_sum(x, axes), axes)


def _mean(x: Array, axes: Axes) -> Array:
    return _sum(x, axes) / math.prod(x.shape[axis] for axis in axes)


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def _normalized(x: Array, gamma: Array, beta: Array, axes: Axes, epsilon: float) -> tuple[Array, Array, Array]:
    mean = _mean(x, axes)
    centred = on_all_cores(x - mean)
    variance = _mean(lax.square(centred), axes)
    return on_all_cores(centred * (lax.rsqrt(variance + epsilon) * gamma) + beta), mean, variance


def _forward(x: Any, gamma: Any, beta: Any, axes: Axes, epsilon: float) -> Any:
    made = _normalized(x.value, gamma.value, beta.value, axes, epsilon)
    return made, (x.value, gamma.value, beta.value, *made[1:])


def _backward(axes: Axes, epsilon: float, kept: Any, given: Any) -> tuple[Array, Array, Array]:
    x, gamma, beta, mean, variance = kept
    by_normed, by_mean, by_variance = given
    count = math.prod(x.shape[axis] for axis in axes)
    centred = on_all_cores(x - mean)
    if isinstance(by_normed, SymbolicZero):
        by_x, by_gamma, by_beta = jnp.zeros_like(x), jnp.zeros_like(gamma), jnp.zeros_like(beta)
    else:
        scale = lax.rsqrt(variance + epsilon)
        by_beta = _sum(by_normed, axes)
        by_gamma = _sum(by_normed * centred, axes) * scale
        # Small factors first: the batch is gone over once.
        through_mean, through_variance = by_beta / count, by_gamma * scale / count
        by_x = (by_normed - through_mean - centred * through_variance) * (gamma * scale)
    if not isinstance(by_mean, SymbolicZero):
        by_x = by_x + by_mean / count
    if not isinstance(by_variance, SymbolicZero):
        by_x = by_x + centred * (2 * by_variance / count)
    return on_all_cores(by_x), by_gamma, by_beta


_normalized.defvjp(_forward, _backward, symbolic_zeros=True)
