"""Batch normalisation in training on CPU by oneDNN, where it is installed, with a ReLU behind it.

Milliseconds, both directions, by XLA and by oneDNN, each alone on 4 idle cores (jaxlib 0.10.2, oneDNN 3.2):

    16 x 112 x 112 x 64    27 and 5.5, with the ReLU 37 and 6
    16 x 28 x 28 x 512     4.7 and 3.3, 7.1 and 3.4
    16 x 14 x 14 x 256     0.81 and 0.19, 1.3 and 0.22

In a step XLA puts what comes before and behind into the same kernels; see `training_fusions` for what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.custom_derivatives import SymbolicZero

from ..onednn import normalization as onednn
from ..onednn.normalization import Normalization
from . import native

Array = Any
Arrays = tuple[Array, ...]

_WORTH = 1 << 18  # numbers


def training(
    x: Array, gamma: Array, beta: Array, axes: Sequence[int], epsilon: float, relu: bool
) -> list[Array] | None:
    """x, normalised over all axes but the last, its mean and its variance; None where XLA is to do it."""
    if x.dtype != jnp.float32 or x.size < _WORTH or sorted(axes) != list(range(x.ndim - 1)):
        return None
    case = Normalization(x.shape[0], prod(x.shape[1:-1]), x.shape[-1], epsilon, relu)
    if native.operation(onednn.batch_normalization_gradient, case) is None:
        return None
    weights = (jnp.broadcast_to(weight, (case.channels,)) for weight in (gamma, beta))
    result, mean, variance, *_ = _normalized(case, jnp.reshape(x, case.x), *weights)
    return [jnp.reshape(result, x.shape), mean, variance]


def _called(recipe: native.Recipe, case: Normalization, arrays: Sequence[Array], shapes: Sequence[Any]) -> list[Array]:
    name = native.operation(recipe, case)
    if name is None:
        raise RuntimeError(f"oneDNN has no {recipe.__name__} for {case}")
    return native.call(name, arrays, shapes)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _normalized(case: Normalization, x: Array, gamma: Array, beta: Array) -> Arrays:
    """The result, mean, variance and, if there is a ReLU, where it let numbers through."""
    library = native.usable()
    assert library is not None
    kept = [(onednn.workspace_size(library, case),)] if case.relu else []
    return tuple(_called(onednn.batch_normalization, case, (x, gamma, beta), [case.x, *[(case.channels,)] * 2, *kept]))


def _forward(case: Normalization, *primals: Any) -> tuple[Arrays, tuple[Arrays, Arrays]]:
    arrays = tuple(primal.value for primal in primals)
    made = _normalized(case, *arrays)
    return made, (arrays, lax.stop_gradient(made[1:]))


def _backward(case: Normalization, saved: tuple[Arrays, Arrays], given: Any) -> Arrays:
    arrays, kept = saved
    by_result, by_mean, by_variance, *_ = given
    if isinstance(by_result, SymbolicZero):
        by_result = jnp.zeros(case.x, jnp.float32)
    by_x, *by_weights = _gradient(case, arrays, kept, by_result)
    count = case.batch * case.places
    if not isinstance(by_mean, SymbolicZero):
        by_x = by_x + by_mean / count
    if not isinstance(by_variance, SymbolicZero):
        by_x = by_x + (arrays[0] - kept[0]) * (2 * by_variance / count)
    return (by_x, *by_weights)


_normalized.defvjp(_forward, _backward, symbolic_zeros=True)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradient(case: Normalization, arrays: Arrays, kept: Arrays, by_result: Array) -> Arrays:
    x, gamma, beta = arrays
    given = (x, gamma, *kept, by_result)
    return tuple(_called(onednn.batch_normalization_gradient, case, given, [a.shape for a in arrays]))


def _gradient_of_gradient(case: Normalization, saved: Any, second: Any) -> Any:
    arrays, kept, by_result = saved

    def by_xla(arrays: Arrays, by_result: Array) -> Any:
        return jax.vjp(partial(_by_xla, case), *arrays)[1](by_result)

    by_arrays, by_by_result = jax.vjp(by_xla, arrays, by_result)[1](tuple(second))
    return by_arrays, jax.tree.map(jnp.zeros_like, kept), by_by_result


def _by_xla(case: Normalization, x: Array, gamma: Array, beta: Array) -> Array:
    centred = x - jnp.mean(x, (0, 1))
    variance = jnp.mean(lax.square(centred), (0, 1))
    normed = centred * (lax.rsqrt(variance + case.epsilon) * gamma) + beta
    return jnp.where(normed > 0, normed, 0) if case.relu else normed


_gradient.defvjp(lambda case, *given: (_gradient(case, *given), given), _gradient_of_gradient)
