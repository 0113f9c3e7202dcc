"""The thread that runs operations for an engine's own threads.

OpenMP gives each thread that calls it threads of its own, and an engine calls from any of its threads: threads of
several teams then wait for the same cores, and where two of a team share one, the operation takes twice as long. With
one team, each of whose threads stays on a core of its own, training steps took (medians in turn, 4 cores) 39.6 -> 31.4
ms (MNIST CNN), 52.4 -> 48.9 (CIFAR CNN), 18.6 -> 17.1 (1D CNN), 1,160 -> 1,111 (ResNet50), 288 -> 283 (MobileNet); the
first two beside a busy process 55 -> 49 and 90 -> 76, two at once 76 -> 67 and 124 -> 96. Waking the thread takes its
time too, so what Python's own threads call they do themselves: predictions.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from threading import Lock, Thread

from .library import Library

_NAME = "keras-onednn"  # at most 15 letters: the system's name of the thread, which those that it makes have too
_SET_NAME = 15  # of linux/prctl.h
_TASKS = Path("/proc/self/task")
# The user's own word on which threads there are and where.
_SETTINGS = ("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY")
_TRIES = 8  # a small operation may leave threads out


class Team:
    """A thread, with those that OpenMP makes for it."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._asked, self._answered, self._one_at_a_time = Lock(), Lock(), Lock()
        self._asked.acquire()
        self._answered.acquire()
        self._work: Callable[[], None]
        self._error: BaseException | None = None
        Thread(target=self._serve, name=_NAME, daemon=True).start()

    def run(self, work: Callable[[], None]) -> None:
        """Has the thread do it; raises what it raises."""
        with self._one_at_a_time:
            self._work = work
            self._asked.release()
            self._answered.acquire()
            error, self._error = self._error, None
        if error is not None:
            raise error

    def _serve(self) -> None:
        ctypes.PyDLL(None).prctl(_SET_NAME, _NAME.encode(), 0, 0, 0)
        cores = own_cores(self._threads)
        tries = _TRIES if cores else 0
        while True:
            self._asked.acquire()
            try:
                self._work()
            except BaseException as error:
                self._error = error
            if tries:
                tries = 0 if _placed(cores) else tries - 1
            self._answered.release()


def own_cores(threads: int) -> list[int]:
    """The cores that so many threads shall stay on, each on one; none if they are fewer, or if the user has said it."""
    if any(name in os.environ for name in _SETTINGS) or not _TASKS.is_dir():
        return []
    cores = sorted(os.sched_getaffinity(0))
    return cores if len(cores) == threads > 1 else []


def _placed(cores: Collection[int]) -> bool:
    """Puts each of the team's threads on a core of its own, if they are all there."""
    try:
        ours = [int(task.name) for task in _TASKS.iterdir() if (task / "comm").read_text().strip() == _NAME]
        if len(ours) != len(cores):
            return False
        for thread, core in zip(sorted(ours), cores, strict=True):
            os.sched_setaffinity(thread, {core})
    except OSError:  # a thread has just ended, or the system does not let us
        return False
    return True


@lru_cache(None)
def team(library: Library) -> Team:
    """The one of this process."""
    return Team(library.threads())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=team.cache_clear)  # it has none of the threads
