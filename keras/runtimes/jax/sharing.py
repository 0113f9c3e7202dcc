"""Threads that share variables.

A program that updates variables takes the memory of their old values for the new ones. A thread that has just read
those variables (for another step, as the actors of A3C do, or for a prediction) then holds arrays that are gone: JAX
refuses them before anything is computed, and the thread tries again with the new values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


def is_gone(error: Exception) -> bool:
    """Whether a call was refused because an array's memory was taken."""
    return "been deleted" in str(error)


class Updates:
    """Counts the runs that update variables: those under way, and those that have stored their values."""

    def __init__(self) -> None:
        self._ended = threading.Condition()
        self._running = 0
        self._stored = 0

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
                return attempt(*args)
            except (RuntimeError, ValueError) as error:
                if not is_gone(error) or not self._await(before):
                    raise

    def _await(self, before: int) -> bool:
        """Waits until new values have been stored; False if nobody is about to."""
        with self._ended:
            self._ended.wait_for(lambda: self._stored != before or not self._running)
            return self._stored != before


UPDATES = Updates()
