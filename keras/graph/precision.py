"""Variables that are read in fewer bits than they are kept in (mixed precision).

Within `reading("bfloat16")` each operation that is built takes float32 variables as their casts. Nothing is kept of a
cast: a program merges equal operations.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from contextvars import Token

from .primitive import read_as

_NOTHING = nullcontext()


class reading:
    """Scope in which float32 variables are read as another float dtype; with None as they are."""

    __slots__ = ("_dtype", "_token")

    def __init__(self, dtype: str | None) -> None:
        self._dtype = dtype

    def __enter__(self) -> None:
        self._token: Token[str | None] = read_as.set(self._dtype)

    def __exit__(self, *error: object) -> None:
        read_as.reset(self._token)


def as_kept() -> AbstractContextManager[None]:
    """Scope in which variables are read as they are."""
    return _NOTHING if read_as.get() is None else reading(None)


def current() -> str | None:
    """What float32 variables are read as in what is built now; None: as they are."""
    return read_as.get()
