"""The largest and the smallest along axes, of large arrays on a CPU.

Equal ones share the gradient equally, as in JAX and TensorFlow. XLA computes each one's share in its library for
reductions, and has that library repeat the shares along the axes, as an array as large as x that is written, read once
and thrown away. Bits turned there and back the library does not take in, so that the loop which needs the shares
repeats them as it goes: a 1D CNN with GlobalMaxPooling1D of 32x398x250 trains in 0.92 of the time (jaxlib 0.10.2).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .cores import same_bits
from .device import on_cpu

Array = Any
Axes = tuple[int, ...]

_LARGE = 1 << 16  # numbers


def largest(x: Array, axes: Axes) -> Array:
    return _large_largest(x, axes) if _is_large(x) else lax.reduce_max(x, axes)


def smallest(x: Array, axes: Axes) -> Array:
    return _large_smallest(x, axes) if _is_large(x) else lax.reduce_min(x, axes)


def _is_large(x: Array) -> bool:
    return bool(x.dtype == jnp.float32 and x.size >= _LARGE and on_cpu())


def _with_gradient(reduction: Callable[[Array, Axes], Array]) -> Callable[[Array, Axes], Array]:
    found = jax.custom_vjp(reduction, nondiff_argnums=(1,))

    def forward(x: Array, axes: Axes) -> tuple[Array, tuple[Array, Array]]:
        extreme = reduction(x, axes)
        return extreme, (x, extreme)

    found.defvjp(forward, _backward)
    return found


def _backward(axes: Axes, kept: tuple[Array, Array], gradient: Array) -> tuple[Array]:
    x, extreme = kept
    repeated = partial(_repeated, axes=axes, shape=x.shape)
    chosen = lax.convert_element_type(lax.eq(x, repeated(extreme)), x.dtype)
    return (chosen * repeated(same_bits(gradient / lax.reduce_sum(chosen, axes))),)


def _repeated(x: Array, axes: Axes, shape: tuple[int, ...]) -> Array:
    return jnp.broadcast_to(lax.expand_dims(x, axes), shape)


_large_largest, _large_smallest = _with_gradient(lax.reduce_max), _with_gradient(lax.reduce_min)
