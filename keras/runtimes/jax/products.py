"""Products of matrices on CPU, as they are and in batches.

The gradient by the right matrix, of x @ y that is x' @ g, is slow in XLA where g is the narrower of the two: it takes
the turned left matrix to another library, which writes it down anew in pieces. As (g' @ x)', with only the narrow
matrices turned, it takes, at 128 samples of 512 features, 0.04 instead of 0.21 ms for 10 columns; at 2,560 samples of
512 features, 4.3 instead of 6.3 ms for 128 columns; and the gradients of 32 heads of attention over 64 words, 16 wide,
0.10 instead of 0.16 (jaxlib 0.10.2, one core). Where what is turned is as much as the left matrix it does not pay: an
MLP of 784-128-128-64-10 units, 128 samples at a time, would take 1.1 times as long a step, two such that share their
weights 1.19 times (4 cores).

The gradient by the left matrix is made before that by a large right one, for XLA writes a layer's new weights where the
old ones stand only if what reads them has been made for certain; otherwise it copies them in each step. Without that
copy an MLP of 512 units trains in 0.96 of the time; small copies cost less than the waiting (a Transformer's step would
take 1.06 times as long).

Large products stay with XLA: one by one oneDNN's are faster on idle cores, but whole training steps of an MLP took
longer with them, as its threads and XLA's share the cores.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from .device import on_cpu

Array = Any

_WORTH = 100_000  # multiplications
_LARGE = 1 << 16  # numbers


def product(x: Array, y: Array) -> Array:
    """x (..., rows, n) times y (..., n, columns)."""
    return _with_gradients(x, y) if _is_much(x, y) else _plain(x, y)


def _is_much(x: Array, y: Array) -> bool:
    """Whether more than microseconds are at stake, on a CPU."""
    floats = x.dtype == jnp.float32 and y.dtype == jnp.float32
    return bool(floats and x.size * y.shape[-1] >= _WORTH and on_cpu())


def _plain(x: Array, y: Array) -> Array:
    both = tuple(range(x.ndim - 2))
    return lax.dot_general(x, y, (((x.ndim - 1,), (x.ndim - 2,)), (both, both)))


_with_gradients = jax.custom_vjp(_plain)


def _forward(x: Any, y: Any) -> Any:
    return _plain(x.value, y.value), (x.value, y.value, () if x.perturbed else None)


def _backward(kept: Any, gradient: Array) -> tuple[Array, Array]:
    x, y, asked_by_x = kept
    by_x = _plain(gradient, _turned(y))
    by_y = _by_narrow(x, y, gradient) if _is_narrow(x, y) else _plain(_turned(x), gradient)
    late = asked_by_x is not None and y.ndim == 2 and y.size >= _LARGE
    return by_x, _made_after(by_x, by_y) if late else by_y


_with_gradients.defvjp(_forward, _backward, symbolic_zeros=True)


def _turned(x: Array) -> Array:
    return jnp.swapaxes(x, -1, -2)


def _is_narrow(x: Array, y: Array) -> bool:
    """Whether a matrix is so narrow that the gradient by y is better turned: g and the result are not much more
    than half of x.

    Of a single matrix x it does not matter that it is narrow.
    """
    rows, (n, columns) = x.shape[-2], y.shape[-2:]
    little = columns >= 2 and 1.8 * columns * (rows + n) <= rows * n
    return bool(little or x.ndim > 2 and 2 <= n <= min(columns // 2, rows))


def _by_narrow(x: Array, y: Array, gradient: Array) -> Array:
    # Without the barriers XLA would make one product of it again.
    apart = lax.optimization_barrier
    if y.shape[-1] < y.shape[-2]:
        return _turned(apart(_plain(apart(_turned(gradient)), x)))
    return apart(_plain(apart(_turned(x)), gradient))


def _made_after(other: Array, x: Array) -> Array:
    """x, in a way that XLA can't make it before the other: whether x or a zero depends on it, as far as XLA knows."""
    bits = lax.bitcast_convert_type(other[0, 0], jnp.int32)
    never = lax.eq(bits | 1, jnp.int32(0))
    return lax.select(jnp.broadcast_to(never, x.shape), jnp.zeros_like(x), x)
