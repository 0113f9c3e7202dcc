"""Operations that run at the same time, a thread each, on shares of the same arrays.

oneDNN's own threads meet after every piece of work. What is many small pieces one after the other, such as the steps
of an LSTM, hardly gains by them, and loses much where other programs use the cores too. Shares of a batch need not
meet. Their threads each stay on a core of their own (a step of LSTM(128) over 80 steps 10.5 -> 9.3 ms, of
Bidirectional(LSTM(64)) over 100 10.9 -> 9.6, medians in turn on 4 cores; beside a busy process as before).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import lru_cache, partial
from threading import Lock
from typing import NamedTuple

from .library import Library
from .operation import Operation
from .team import own_cores


class Share(NamedTuple):
    """An operation with a scratch of its own, and where its parts of arrays are: (number of the array, bytes)."""

    operation: Operation
    places: tuple[tuple[int, int], ...]

    def run(self, pointers: Sequence[int]) -> None:
        self.operation.run_beside([pointers[array] + begin for array, begin in self.places])


class Shares:
    """Shares as one operation: made by a function (library) -> shares."""

    def __init__(self, library: Library, make: Callable[[Library], Sequence[Share]]) -> None:
        self._threads = _threads(library.path)
        self._one_at_a_time = Lock()
        with self._threads.one():
            self._shares = make(library)

    def run(self, pointers: Sequence[int], hand_over: bool = False) -> None:
        """Runs on the arrays that begin at these addresses, inputs first. It has threads of its own, and hands over
        nothing."""
        with self._one_at_a_time:
            self._threads.run([partial(share.run, pointers) for share in self._shares])


class _Threads:
    """Threads in which OpenMP makes no others."""

    def __init__(self, path: str) -> None:
        openmp = ctypes.PyDLL(path)
        self._set, self._get = openmp.omp_set_num_threads, openmp.omp_get_max_threads
        count = max(self._get(), 1)
        self._cores = own_cores(count)
        self._pool = ThreadPoolExecutor(count, "keras-shares", self._begin)

    def _begin(self) -> None:
        self._set(1)
        if self._cores:
            with suppress(OSError):  # the system may not let us
                os.sched_setaffinity(0, {self._cores.pop()})

    @contextmanager
    def one(self) -> Iterator[None]:
        """OpenMP makes no others in the calling thread."""
        before = self._get()
        self._set(1)
        try:
            yield
        finally:
            self._set(before)

    def run(self, calls: Sequence[Callable[[], None]]) -> None:
        """All at the same time."""
        if len(calls) == 1:
            with self.one():
                calls[0]()
            return
        begun = [self._pool.submit(call) for call in calls]
        wait(begun)
        for call in begun:
            call.result()


@lru_cache(None)
def _threads(path: str) -> _Threads:
    return _Threads(path)
