"""The graph's random numbers in PyTorch, whose integers of 32 bits are signed."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...graph import randomness
from .table import DTYPES


class Words:
    """A tensor of int32 taken as unsigned: the few operations that `randomness` needs."""

    __slots__ = ("bits",)
    dtype = np.dtype(np.uint32)

    def __init__(self, bits: Any) -> None:
        self.bits = bits

    def __add__(self, other: Any) -> Words:
        return Words(self.bits + _signed(other))

    def __mul__(self, other: Any) -> Words:
        return Words(self.bits * _signed(other))

    def __xor__(self, other: Any) -> Words:
        return Words(self.bits ^ _signed(other))

    def __rshift__(self, places: int) -> Words:
        return Words((self.bits >> places) & ((1 << (32 - places)) - 1))


def _signed(other: Any) -> Any:
    if isinstance(other, Words):
        return other.bits
    return int(np.asarray(other, dtype=np.uint32).view(np.int32).reshape(()))


@lru_cache(maxsize=16)
def _places(count: int, device: Any) -> Any:
    return torch.arange(count, dtype=torch.int32, device=device)


def uniform(device: Any, seeds: np.ndarray, step: np.ndarray, size: Any, stream: int, dtype: str) -> Any:
    """Numbers in [0, 1): the same bits as every runtime draws for this seed, step and place."""
    shape = tuple(int(d) for d in size)
    count = int(np.prod(shape, dtype=np.int64))
    words = Words(_places(count, device))
    numbers = randomness.uniform(words, seeds[stream : stream + 1], step, dtype, _floats)
    return numbers.to(DTYPES[dtype]).reshape(shape)


def _floats(words: Words, dtype: str) -> Any:
    return words.bits.to(DTYPES[dtype])
