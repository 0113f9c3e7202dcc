"""What kind of device programs are for: what helps XLA's compiler for CPUs is in the way of another.

All that is chosen by it asks here, while a program is traced or run, so that tests can have programs lowered for a
device that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jax
import numpy as np


def platform() -> str:
    """As JAX calls it: 'cpu', 'gpu', 'tpu'."""
    return jax.default_backend()


def on_cpu() -> bool:
    return platform() == "cpu"


_alone: ContextVar[bool] = ContextVar("on one core", default=False)


@contextmanager
def on_one_core() -> Iterator[None]:
    """What is traced inside is for one core of a CPU, while other threads keep the others busy."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def has_all_cores() -> bool:
    """Whether what is traced is for a CPU, and for all of its cores."""
    return on_cpu() and not _alone.get()


def own(arrays: Sequence[Any]) -> list[Any]:
    """Arrays that a call may take to the device while its caller goes on and fills his anew, as generators do.

    On a CPU the call has read them when it is over.
    """
    return list(arrays) if on_cpu() else [a.copy() if isinstance(a, np.ndarray) else a for a in arrays]
