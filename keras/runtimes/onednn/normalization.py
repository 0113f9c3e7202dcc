"""Batch normalisation in training and its gradient, channels last, with a ReLU behind it where there is one."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from .library import BACKWARD, DIFF_DST, DIFF_SRC, DST, FORWARD_TRAINING, SRC, WORKSPACE, Handle, Library
from .operation import Operation, dense

# Numbers of dnnl_types.h.
_MEAN, _VARIANCE, _SCALE, _SHIFT = 49, 50, 51, 52
_DIFF_SCALE, _DIFF_SHIFT = 255, 256
_USE_SCALE_AND_SHIFT, _THEN_RELU = 2 | 4, 8


class Normalization(NamedTuple):
    """Of x (batch, places, channels), over samples and places."""

    batch: int
    places: int
    channels: int
    epsilon: float
    relu: bool = False

    @property
    def x(self) -> tuple[int, int, int]:
        """Its shape."""
        return self[:3]


class _Parts:
    """oneDNN's names for the arrays. It counts axes as (batch, channels, *space)."""

    def __init__(self, library: Library, case: Normalization) -> None:
        self.library, self.case = library, case
        self.x = dense(library, (case.batch, case.channels, 1, case.places), (0, 2, 3, 1))
        self.channels = dense(library, (case.channels,), (0,))
        flags = _USE_SCALE_AND_SHIFT | (_THEN_RELU if case.relu else 0)
        self.how = ctypes.c_float(case.epsilon), ctypes.c_uint(flags)

    def forward(self) -> Handle:
        return self.library.make(
            "dnnl_batch_normalization_forward_primitive_desc_create", self.library.engine, FORWARD_TRAINING,
            self.x, self.x, *self.how, None,
        )  # fmt: skip

    def backward(self) -> Handle:
        return self.library.make(
            "dnnl_batch_normalization_backward_primitive_desc_create", self.library.engine, BACKWARD,
            self.x, self.x, self.x, *self.how, self.forward(), None,
        )  # fmt: skip

    def workspace(self) -> list[tuple[int, Handle]]:
        """Where the ReLU let numbers through."""
        found = self.library.argument_layout(self.forward(), WORKSPACE)
        return [(WORKSPACE, found)] if self.case.relu else []


class _Normalized(Operation):
    """oneDNN's ReLU makes 0 of what is no number; here it stays none."""

    case: Normalization

    def run(self, pointers: Sequence[int], hand_over: bool = False) -> None:
        super().run(pointers, hand_over)
        channels = (self.case.channels,)
        scale, shift, mean, variance = (_array(pointers[n], channels) for n in (1, 2, 4, 5))
        if self.case.relu and not np.isfinite(scale + shift + mean + variance).all():
            x, result = _array(pointers[0], self.case.x), _array(pointers[3], self.case.x)
            with np.errstate(all="ignore"):
                normed = (x - mean) / np.sqrt(variance + np.float32(self.case.epsilon)) * scale + shift
            result[:] = np.maximum(normed, 0)


def _array(pointer: int, shape: Sequence[int]) -> np.ndarray:
    return np.ctypeslib.as_array((ctypes.c_float * prod(shape)).from_address(pointer)).reshape(shape)


def batch_normalization(library: Library, case: Normalization) -> Operation:
    """(x, scale, shift) -> (result, mean, variance); with a ReLU last where it let numbers through."""
    parts = _Parts(library, case)
    each = parts.channels
    made = [(DST, parts.x), (_MEAN, each), (_VARIANCE, each), *parts.workspace()]
    found = _Normalized(library, parts.forward(), [(SRC, parts.x), (_SCALE, each), (_SHIFT, each)], made)
    found.case = case
    return found


def batch_normalization_gradient(library: Library, case: Normalization) -> Operation:
    """(x, scale, mean, variance, where the ReLU let numbers through, gradient of the result) -> (x, scale, shift)."""
    parts = _Parts(library, case)
    each = parts.channels
    arrays = [(SRC, parts.x), (_SCALE, each), (_MEAN, each), (_VARIANCE, each), *parts.workspace(), (DIFF_DST, parts.x)]
    made = [(DIFF_SRC, parts.x), (_DIFF_SCALE, each), (_DIFF_SHIFT, each)]
    return Operation(library, parts.backward(), arrays, made)


def workspace_size(library: Library, case: Normalization) -> int:
    """How many float32 numbers' memory what the ReLU let through takes."""
    ((_, layout),) = _Parts(library, case).workspace()
    return -(-library.size(layout) // 4)
