"""Threads that share variables.

A program that updates variables takes the memory of their old values for the new ones. A thread that has just read
those variables (for another step, as the actors of A3C do, or for a prediction) then holds arrays that are gone: JAX
refuses them before anything is computed, and the thread tries again with the new values. As XLA writes a line about
each refusal to standard error, threads take turns from the first one on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")

# What JAX says of an array whose memory was taken before it looked, and XLA of one taken after that.
_REFUSALS = ("been deleted", "deleted or donated", "donated or deleted")
_LONGEST_TURN = 1.0  # seconds: a run may itself wait for one of another thread, in a callback


def is_gone(error: Exception) -> bool:
    """Whether a call was refused because an array's memory was taken."""
    return any(words in str(error) for words in _REFUSALS)


class Updates:
    """Counts the runs that update variables: those under way, and those that have stored their values."""

    def __init__(self) -> None:
        self._ended = threading.Condition()
        self._running = 0
        self._stored = 0
        self._contended = False
        self._turns = threading.RLock()

    def __enter__(self) -> None:
        with self._ended:
            self._running += 1

    def __exit__(self, error: Any, *rest: object) -> None:
        with self._ended:
            self._running -= 1
            self._stored += error is None
            self._ended.notify_all()

    def repeated(self, attempt: Callable[..., Result], *args: Any) -> Result:
        """What `attempt(*args)` gives, which reads variables anew each time it is called."""
        while True:
            before = self._stored
            try:
                if not self._contended:
                    return attempt(*args)
                with self._turn():
                    return attempt(*args)
            except (RuntimeError, ValueError) as error:
                if not is_gone(error) or not self._await(before):
                    raise
                self._contended = True

    @contextmanager
    def _turn(self) -> Iterator[None]:
        alone = self._turns.acquire(timeout=_LONGEST_TURN)
        try:
            yield
        finally:
            if alone:
                self._turns.release()

    def _await(self, before: int) -> bool:
        """Waits until new values have been stored; False if nobody is about to."""
        with self._ended:
            self._ended.wait_for(lambda: self._stored != before or not self._running)
            return self._stored != before


UPDATES = Updates()
