"""The graph's random numbers in PyTorch, whose integers of 32 bits are signed.

Thirty passes over small integers: written over in place they take a third of the time, and less than torch's own
generator. One core, 128 x 9216 numbers: 12 -> 3.4 ms; `bernoulli_` takes 16.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...graph import randomness
from ..evaluate import SignedWords, signed
from .table import DTYPES


@lru_cache(maxsize=16)
def _places(count: int, device: Any) -> Any:
    return torch.arange(count, dtype=torch.int32, device=device)


def uniform(seeds: np.ndarray, step: Any, size: Any, stream: int, dtype: str, device: Any) -> Any:
    """Numbers in [0, 1): the same bits as every runtime draws for this seed, step and place.

    The step is NumPy's, or words on the device where a CUDA graph counts it up; such a graph also makes the places
    itself, as nothing outside may lie in its memory.
    """
    shape = tuple(int(d) for d in size)
    count = int(np.prod(shape, dtype=np.int64))
    captured = isinstance(step, SignedWords)
    places = _places.__wrapped__(count, device) if captured else _places(count, device)
    # Double precision reads words again that it went on from.
    words = SignedWords(places, operator.rshift) if dtype == "float64" else _Overwritten(places.clone())
    number = step if captured else _Word(step.item())
    numbers = randomness.uniform(words, _Word(seeds[stream].item()), number, dtype, _floats)
    return numbers.to(DTYPES[dtype]).reshape(shape)


def _floats(words: SignedWords, dtype: str) -> Any:
    return words.bits.to(DTYPES[dtype])


class _Overwritten(SignedWords):
    """Words whose operations write over them: only the newest result holds. Those shifted lie apart."""

    __slots__ = ("shifted",)

    def __init__(self, bits: Any) -> None:
        super().__init__(bits, operator.rshift)
        self.shifted = torch.empty_like(bits)

    def __add__(self, other: Any) -> SignedWords:
        self.bits.add_(signed(other))
        return self

    def __mul__(self, other: Any) -> SignedWords:
        self.bits.mul_(signed(other))
        return self

    def __xor__(self, other: Any) -> SignedWords:
        self.bits.bitwise_xor_(signed(other))
        return self

    def __rshift__(self, places: int) -> SignedWords:
        torch.bitwise_right_shift(self.bits, places, out=self.shifted)
        self.shifted.bitwise_and_((1 << (32 - places)) - 1)
        return SignedWords(self.shifted, self.shift)


class _Word:
    """One word as a Python number: NumPy takes long for a single one."""

    __slots__ = ("value",)
    dtype = np.dtype(np.uint32)

    def __init__(self, value: int) -> None:
        self.value = value & 0xFFFFFFFF

    def item(self) -> int:
        return self.value

    def __add__(self, other: Any) -> _Word:
        return _Word(self.value + other.item())

    def __mul__(self, other: Any) -> _Word:
        return _Word(self.value * other.item())

    def __xor__(self, other: Any) -> Any:
        return other ^ self if isinstance(other, SignedWords) else _Word(self.value ^ other.item())

    def __rshift__(self, places: int) -> _Word:
        return _Word(self.value >> places)
