"""Pieces of a batch that fit the processor's cache, and threads for calls that let other threads run for long."""

import collections
import math
import os
import threading

import numpy as np

from ..._processors import usable

# Values worked on at a time, so that they are still in the processor's cache when the next step wants them.
PIECE = 2**18
# Nanoseconds that a call takes at least for it to be worth threads. NumPy's calls on images take a hundredth of that,
# and to hand the interpreter from thread to thread takes longer than that: more threads make them slower.
WORTH = 100_000
# Bytes that a thread keeps for one purpose at most.
KEPT = 2**24
# Bytes of a page of memory.
PAGE = 4096

_pool = None
_lock = threading.Lock()
_own = threading.local()


def per_piece(values):
    """How many things of so many values NumPy works on at a time."""
    return max(1, PIECE // max(1, values))


def in_pieces(function, count, size, nanoseconds=0):
    """Calls `function(slice)` for slices of range(count) and waits for all of them.

    Args:
        function: of a slice; what it raises is raised here.
        count: number of things.
        size: number of things in a slice, at most.
        nanoseconds: that a thing takes in calls which let other threads run, roughly; 0 for NumPy's short calls.
    """
    if count <= size:
        if count:
            function(slice(0, count))
        return
    wanted = cores() if nanoseconds >= WORTH else 1
    pieces = collections.deque(slice(start, min(start + size, count)) for start in range(0, count, size))

    def work():
        while True:
            try:
                piece = pieces.popleft()
            except IndexError:
                return
            function(piece)

    helpers = max(0, min(len(pieces), wanted) - 1)
    jobs = [_threads().submit(work) for _ in range(helpers)]
    try:
        work()
    finally:
        pieces.clear()
        # Jobs that no thread has begun have nothing left to do.
        begun = [job for job in jobs if not job.cancel()]
        errors = [job.exception() for job in begun]
    for error in filter(None, errors):
        raise error


class Ahead:
    """What a function makes of each of some arguments: threads begin before the results are wanted.

    Args:
        function: of one argument; what it raises is raised where its result is wanted.
        arguments: list.
        nanoseconds: that a call takes, roughly, while it lets other threads run.
        busy: whether who wants the results works on each for long. Who only waits is in the threads' way: then calls
            must take ten times as long to be worth threads.
    """

    def __init__(self, function, arguments, nanoseconds, busy):
        self._function, self._arguments = function, arguments
        threaded = nanoseconds >= (WORTH if busy else 10 * WORTH) and cores() > 1 and len(arguments) > 1
        self._jobs = [_threads().submit(function, argument) for argument in arguments] if threaded else None

    def result(self, number):
        """The result of one argument; to be asked for once."""
        job = self._jobs and self._jobs[number]
        # What no thread has begun is done here: so all of them work.
        return self._function(self._arguments[number]) if job is None or job.cancel() else job.result()

    def end(self):
        """Begins with nothing more."""
        for job in self._jobs or ():
            job.cancel()


def _threads():
    global _pool
    from concurrent.futures import ThreadPoolExecutor

    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="keras-images")
        return _pool


def cores():
    """How many threads work on a batch at most."""
    return min(8, usable())


def _forget_threads():
    """A forked process has the pool without its threads."""
    global _pool, _lock
    _pool, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)


def scratch(name, shape, dtype):
    """An array to work in, of unknown contents: the same memory for the same name in the same thread.

    Getting and giving back such memory for every piece costs more than the work that is done in it. Much memory is
    not kept.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size > KEPT:
        return empty(shape, dtype)
    memory = _own.__dict__.get(name)
    if memory is None or memory.size < size:
        memory = _own.__dict__[name] = empty((size,), "uint8")
    return memory[:size].view(dtype).reshape(shape)


def empty(shape, dtype):
    """An array of unknown contents that begins at a page of memory.

    Many processors copy several times more slowly to places that lie a few bytes further on in their pages than what
    is copied does. The images of a user begin at a page or 16 bytes after it, for so large arrays do: these are fast.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + PAGE, "uint8")
    return np.ndarray(shape, dtype, memory, -memory.__array_interface__["data"][0] % PAGE)
