"""Random bits as a pure function of seed, step and place, the same on every runtime.

Counter-based (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): no state
is kept, so programs can be repeated, sharded and compared between engines bit by bit. The
mixing function is the 32-bit finaliser "lowbias32" of C. Wellons (2018), applied twice per
number with two keys; it costs about 15 integer operations, a fifth of Threefry. Good for
Dropout and initial weights; not for cryptography.

Arrays here are of any kind with wrapping uint32 arithmetic: NumPy's, JAX's, a runtime's own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

GOLDEN = 0x9E3779B9
_STREAM = 0x85EBCA6B
_SECOND = 0x27D4EB2F


def mix(x: Any) -> Any:
    """A bijection of uint32 in which each input bit changes each output bit half the time."""
    x = x ^ (x >> 16)
    x = x * x.dtype.type(0x7FEB352D)
    x = x ^ (x >> 15)
    x = x * x.dtype.type(0x846CA68B)
    return x ^ (x >> 16)


def fold(step: Any, turn: Any) -> Any:
    """The step value inside turn number `turn` of a loop."""
    return mix(step ^ mix(turn + turn.dtype.type(_STREAM)))


def keys(seed: Any, step: Any) -> tuple[Any, Any]:
    """Two keys for a random node (its seed) at one step. Both are uint32 arrays of shape (1,)."""
    first = mix(mix(seed + seed.dtype.type(GOLDEN)) ^ mix(step + step.dtype.type(_STREAM)))
    # The second key must not be what `uniform` makes of the first at some fixed place.
    return first, mix(mix(first) ^ first.dtype.type(_SECOND))


def uniform(places: Any, seed: Any, step: Any, dtype: str, floats: Callable[[Any, str], Any]) -> Any:
    """Numbers in [0, 1) with the precision of a float dtype, for a uint32 array of places.

    `floats(words, dtype)` turns words below 2**31 into floats. Half precision comes as float32.
    """
    first, second = keys(seed, step)
    kind = places.dtype.type
    bits = mix(mix(places * kind(GOLDEN) + first) ^ second)
    if dtype == "float64":
        low = mix(mix(bits + second) ^ first)
        wide = floats(bits >> 5, dtype) * 67108864.0 + floats(low >> 6, dtype)
        return wide * (1.0 / 9007199254740992.0)
    digits = {"float16": 11, "bfloat16": 8}.get(dtype, 24)
    return floats(bits >> (32 - digits), "float32") * 0.5**digits
