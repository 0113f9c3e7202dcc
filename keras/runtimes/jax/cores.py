"""Kernels of large arrays on all cores of a CPU.

XLA's compiler divides what it takes for bound by memory, less than one operation per byte, among as many cores as the
root of their number (ParallelTaskAssignment in jaxlib 0.10.2): 2 of 4. `on_all_cores` adds operations that change
nothing, bits turned there and back, which XLA counts and LLVM removes: the same numbers and the same processor time in
half the time (a multiplication and an addition of 6.4 million elements 2.0 -> 1.1 ms on 4 cores). MobileNet's step took
0.29 to 0.37 instead of 0.39 to 0.45 s, ResNet50's 1.3 to 1.4 instead of 1.6 to 1.7, the MNIST CNN's 36 to 41 instead of
45 to 48 ms; compiling ResNet50 6.8 to 7.0 instead of 6.1 s. In optimizers' updates it gained nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..._processors import usable
from .device import has_all_cores

Array = Any

_OPERATIONS = 8
_BITS = {2: jnp.int16, 4: jnp.int32}
# What a core should have to do at least: 128 KB, some 10 us.
_ELEMENTS = 1 << 15


_usable = lru_cache(None)(usable)


def _cores() -> int:
    """How many there are; 1 where the program does not run on them."""
    return _usable() if has_all_cores() else 1


def is_large(x: Array) -> bool:
    """Whether it is worth it."""
    cores = _cores()
    return (
        cores > 2 and x.size >= cores * _ELEMENTS and jnp.issubdtype(x.dtype, jnp.floating)
        and x.dtype.itemsize in _BITS
    )  # fmt: skip


def on_all_cores(x: Array) -> Array:
    """x; the kernels that make it and its gradient run on all cores."""
    return same_bits(x) if is_large(x) else x


@jax.custom_vjp
def same_bits(x: Array) -> Array:
    """x, of 16 or 32 bits a number, after operations that change nothing."""
    integers = _BITS[x.dtype.itemsize]
    bits = lax.bitcast_convert_type(x, integers)
    for _ in range(_OPERATIONS):
        bits = lax.bitwise_xor(bits, integers(0x5A5A))
    return lax.bitcast_convert_type(bits, x.dtype)


same_bits.defvjp(lambda x: (same_bits(x), None), lambda _, gradient: (same_bits(gradient),))
