"""Memory that one training step gives back is kept for the next.

The C library returns large blocks to the system as soon as they are free, and the next step gets them back page by
page, each cleared first: 10 to 35 % of the processor time of a convolutional net (a small CNN on PyTorch: 0.26 instead
of 0.43 s a step). Once the heap is larger than `MOST`, large blocks are returned after all: one kept may be cut a
little for something small, and then a second one be needed beside it, which should not be gigabytes.
"""

from __future__ import annotations

import ctypes
import os
import sys

MOST = 1 << 30  # bytes

# Of malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -3, -4, -8
# One heap for all threads, no blocks mapped one by one (those always go back), and nothing of its end goes back.
_KEEPING = ((_ARENA_MAX, 1), (_MMAP_MAX, 0), (_TRIM_THRESHOLD, 2**31 - 1))
_GIVING_BACK = ((_MMAP_THRESHOLD, 32 << 20), (_MMAP_MAX, 65536), (_TRIM_THRESHOLD, 64 << 20))
# Whoever set one of these has settled the matter.
_SETTLED = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")

_libc: ctypes.CDLL | None = None


class _Usage(ctypes.Structure):
    """What mallinfo2 tells."""

    _fields_ = [("heap", ctypes.c_size_t), ("rest", ctypes.c_size_t * 9)]


def keep_freed_memory() -> bool:
    """Tells glibc's malloc so, before an engine starts its threads; whether it was told.

    Nothing is done with another C library or where the environment holds settings for malloc, such as
    MALLOC_ARENA_MAX.
    """
    global _libc
    if not sys.platform.startswith("linux") or any(name.startswith(_SETTLED) for name in os.environ):
        return False
    try:
        libc = ctypes.CDLL(None)
        libc.mallinfo2.restype = _Usage
        told = all(libc.mallopt(option, value) == 1 for option, value in _KEEPING)
    except (OSError, AttributeError):
        return False
    _libc = libc if told else None
    return told


def give_back_if_much() -> None:
    """Returns what is free, and large blocks from now on, if the heap is larger than `MOST`."""
    if _libc is not None and _libc.mallinfo2().heap > MOST:
        for option, value in _GIVING_BACK:
            _libc.mallopt(option, value)
        _libc.malloc_trim(ctypes.c_size_t(0))
