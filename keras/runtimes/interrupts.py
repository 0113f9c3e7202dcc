"""Ctrl-C must not cut a training step in two."""

from __future__ import annotations

import signal
import threading
from typing import Any

# What `signal.signal` calls after 3 us of looking at enums; steps may take no longer than 50.
from _signal import getsignal, signal as set_handler  # type: ignore[import-not-found]

_MAIN = threading.main_thread().ident


class Whole:
    """A block that runs to its end when Ctrl-C is pressed; the interrupt comes right after it.

    A compiled step takes the variables' memory for the new values, so between the call and the storing of
    its results the model has no weights at all. Only the main thread gets interrupts.
    """

    def __enter__(self) -> None:
        self._handler: Any = None
        self._caught = False
        # A handler that was installed from C is None here and could not be put back.
        if threading.get_ident() == _MAIN and getsignal(signal.SIGINT) is not None:
            self._handler = set_handler(signal.SIGINT, self._note)

    def _note(self, number: int, frame: Any) -> None:
        self._caught = True

    def __exit__(self, *error: object) -> None:
        if self._handler is not None:
            set_handler(signal.SIGINT, self._handler)
            if self._caught:
                signal.raise_signal(signal.SIGINT)
