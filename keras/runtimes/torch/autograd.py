"""What our functions with gradients of their own share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def signed(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` of an `autograd.Function` with its signature: torch asks for it in each call, which takes 10 us unless
    it is there."""
    forward.__signature__ = inspect.signature(forward)  # type: ignore[attr-defined]
    return forward
