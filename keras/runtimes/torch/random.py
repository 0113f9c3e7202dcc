"""The graph's random numbers in PyTorch, whose integers of 32 bits are signed."""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ...graph import randomness
from ..evaluate import SignedWords
from .table import DTYPES


@lru_cache(maxsize=16)
def _places(count: int, device: Any) -> Any:
    return torch.arange(count, dtype=torch.int32, device=device)


def uniform(seeds: np.ndarray, step: np.ndarray, size: Any, stream: int, dtype: str, device: Any) -> Any:
    """Numbers in [0, 1): the same bits as every runtime draws for this seed, step and place."""
    shape = tuple(int(d) for d in size)
    words = SignedWords(_places(int(np.prod(shape, dtype=np.int64)), device), operator.rshift)
    numbers = randomness.uniform(words, seeds[stream : stream + 1], step, dtype, _floats)
    return numbers.to(DTYPES[dtype]).reshape(shape)


def _floats(words: SignedWords, dtype: str) -> Any:
    return words.bits.to(DTYPES[dtype])
