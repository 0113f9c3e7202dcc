"""Clipping with a gradient of one pass.

Torch's own makes two comparisons, combines and applies them: five passes through memory. A MobileNet has a relu6 behind
each of its convolutions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from .autograd import signed

Array = Any


class Clipped(torch.autograd.Function):  # type: ignore[misc]
    """`x` between `low` and `high`; the gradient goes through at both ends, or only above `low` if `above`."""

    generate_vmap_rule = True

    @staticmethod
    @signed
    def forward(x: Array, low: float, high: float, above: bool) -> Array:
        return torch.clamp(x, low, high)

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: Array) -> None:
        x, low, high, above = inputs
        context.save_for_backward(x)
        context.bounds = low if above else _next(low, -np.inf, x.dtype), _next(high, np.inf, x.dtype)

    @staticmethod
    def backward(context: Any, by_result: Array) -> tuple[Array, None, None, None]:
        (x,) = context.saved_tensors
        # Nothing at its bounds and beyond: those are the next numbers outside.
        return torch.ops.aten.hardtanh_backward(by_result, x, *context.bounds), None, None, None


@lru_cache(maxsize=256)
def _next(number: float, towards: float, dtype: Any) -> float:
    kind = np.float64 if dtype is torch.float64 else np.float32
    return float(np.nextafter(kind(number), kind(towards)))


def clip(x: Array, low: float, high: float, above: bool = False) -> Array:
    """See `Clipped`."""
    if not (x.requires_grad and torch.is_grad_enabled()):
        return torch.clamp(x, low, high)
    if x.dtype in (torch.float32, torch.float64):
        return Clipped.apply(x, low, high, above)
    return torch.clamp(torch.relu(x) if above else x, low, high)
