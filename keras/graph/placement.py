"""Device scopes: operations and variables carry the name of the device in whose scope they were built.

The graph only keeps names; a runtime that can place operations does so, the others ignore them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_scope: ContextVar[str | None] = ContextVar("device", default=None)  # each thread has its own
_engines: Callable[[], str] | None = None


@contextmanager
def device_scope(name: str) -> Iterator[None]:
    """What is built inside belongs on this device ('' for none in particular)."""
    around = _scope.get()
    _scope.set(name)
    try:
        yield
    finally:
        _scope.set(around)


def ask(engines: Callable[[], str] | None) -> None:
    """Outside of `device_scope`, the scope that the engine itself has open counts (`tf.device`)."""
    global _engines
    _engines = engines


def current() -> str:
    """The device for what is built now; '' where no scope is open."""
    if (name := _scope.get()) is not None:
        return name
    return _engines() if _engines is not None else ""
