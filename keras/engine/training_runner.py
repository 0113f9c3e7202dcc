"""Running a compiled function over many batches without ever waiting for a number too early.

A *chunk* is a run of equal batches stacked into arrays of shape (batches, batch size, ...) and
handed to the device at once. A *call* computes some batches of a chunk. While the device works on
one call, the host already stacks the next batches and passes on the numbers of the call before.
An engine may also compute within the call: a thread stacks the next batches, so that this costs nothing there either.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import cached_property

import numpy as np

from .. import _aligned as aligned
from .. import backend as K
from .training_data import is_sparse

# A call should take about this long: long enough to hide what a call costs, short enough for a
# progress bar that moves and a Ctrl-C that works.
SECONDS_PER_CALL = 0.03

# The results of a whole chunk lie on the device at once; a model may give much more than it takes.
RESULT_BYTES = 32 << 20


class Pace:
    """How many batches one call takes. Only the speed depends on it, never a number."""

    def __init__(self):
        self.batches = 1

    def learn(self, batches, seconds):
        """Moves towards `SECONDS_PER_CALL`, by a factor of 4 at most: one odd call must not upset it."""
        wanted = batches * SECONDS_PER_CALL / max(seconds, 1e-7)
        self.batches = int(max(1, self.batches / 4, min(wanted, self.batches * 4)))


def _pace_of(function):
    pace = getattr(function, "_pace", None)
    if pace is None:
        pace = function._pace = Pace()
    return pace


class ArrayFeed:
    """Batches cut from arrays, in the order given by `order` (row numbers) or as the rows lie.

    Args:
        function: the compiled function that will be fed.
        ins: its inputs: arrays with equally many rows, and perhaps the learning phase as a number.
        batch_size: rows per batch; the last batch takes what is left.
        order: row numbers, or `None`.
    """

    def __init__(self, function, ins, batch_size, order=None):
        self.function = function if isinstance(function, K.Function) else _AnyFunction(function, len(ins))
        self.ins = ins
        self.batch_size = batch_size
        self.order = order
        self.phase = next((int(x) for x in ins if not hasattr(x, "shape")), 0)
        self.samples = next(int(x.shape[0]) for x in ins if hasattr(x, "shape"))
        self.full, self.rest = divmod(self.samples, batch_size)
        self.batches = self.full + bool(self.rest)
        self.dtypes = [np.dtype(K.dtype(t)) if hasattr(t, "dtype") else None for t in self.function.inputs]

    def size(self, batch):
        return self.batch_size if batch < self.full else self.rest

    @cached_property
    def room(self):
        """Batches per chunk: a power of two, so that data sets of all sizes share a few programs."""
        limit = int(self.function.max_batches(self._gather(0, self.batch_size), self.phase))
        limit = min(limit, RESULT_BYTES // max(1, _result_bytes(self.function.outputs, self.batch_size)))
        room = 1
        while room < self.full and room * 2 <= limit:
            room *= 2
        return room

    def chunks(self, start=0):
        """(first batch, number of batches) of each chunk from batch `start`; the odd rest is one by itself."""
        if self.full:
            for first in range(start, self.full, self.room):
                yield first, min(self.room, self.full - first)
        if self.rest and start < self.batches:
            yield self.full, 1

    @cached_property
    def stacks_in_memory(self):
        """Whether chunks hold several batches whose rows are plain arrays: any thread may stack those."""
        return self.room > 1 and all(isinstance(x, np.ndarray) or not hasattr(x, "shape") for x in self.ins)

    def chunk(self, first, count):
        """`count` batches from `first`, ready to be computed: `chunk(start, count)` starts some of them."""
        return self.ready(self.stacks(first, count))

    def stacks(self, first, count):
        """The rows of `count` batches from `first`: a batch by itself, or stacked as (room, batch size, ...)."""
        start = first * self.batch_size
        arrays = self._gather(start, start + count * self.size(first))
        if not self._is_stacked(first):
            return first, arrays
        return first, [_stack(a, count, self.room) for a in arrays]

    def ready(self, stacks):
        """`stacks` as a function `(start, count)` that computes some of their batches."""
        first, arrays = stacks
        if not self._is_stacked(first):
            # A batch by itself takes the program that `train_on_batch` and `predict` of one batch take.
            return lambda start, count: [_Single(o) for o in self.function.run(arrays)]
        staged = self.function.stage(arrays)
        return lambda start, count: self.function.repeat(staged, start, count)

    def _is_stacked(self, first):
        return self.room > 1 and first < self.full

    def _gather(self, start, stop):
        """Rows `start` to `stop` of every input, in the type that the function takes."""
        rows = [_rows(x, start, stop, self.order) if hasattr(x, "shape") else x for x in self.ins]
        return [
            aligned.copy(x, dtype) if dtype is not None and hasattr(x, "shape") and x.dtype != dtype else x
            for x, dtype in zip(rows, self.dtypes, strict=True)
        ]


class _AnyFunction:
    """A callable that a program put in the place of a compiled function: called batch by batch."""

    outputs = ()

    def __init__(self, function, arity):
        self.run = function
        self.inputs = [None] * arity

    def max_batches(self, arrays, phase):
        return 1


def _result_bytes(outputs, batch_size):
    """About how much one batch gives; unknown axes beyond the first are taken for 100 long."""
    total = 0
    for output in outputs:
        shape = [d or (100 if axis else batch_size) for axis, d in enumerate(K.int_shape(output))]
        total += math.prod(shape) * np.dtype(output.dtype.as_numpy_dtype).itemsize
    return total


class _Single:
    """The output of one run as a stack of one; the device may still be at it."""

    def __init__(self, output):
        self.output = output

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.output, dtype=dtype)[np.newaxis]


def _stack(rows, count, room):
    """`count` batches of rows as (room, batch size, ...); what is beyond `count` is never computed."""
    if not hasattr(rows, "shape"):
        return rows
    shape = (room, len(rows) // count) + rows.shape[1:]
    if room == count:
        return rows.reshape(shape)
    stack = aligned.empty(shape, rows.dtype)
    stack[:count] = rows.reshape((count,) + shape[1:])
    return stack


def _rows(x, start, stop, order):
    if order is None:
        rows = x[start:stop]
    elif isinstance(x, np.ndarray):
        return aligned.rows(x, order[start:stop])
    else:
        rows = _lazy_rows(x, order[start:stop])
    return rows.toarray() if is_sparse(rows) else np.asarray(rows)


def _lazy_rows(x, numbers):
    """Rows of something that is not in memory: as slices where they are neighbours."""
    if is_sparse(x):
        return x[numbers]
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    if len(breaks) * 4 <= len(numbers):
        parts = np.split(numbers, breaks)
        return np.concatenate([np.asarray(x[int(p[0]) : int(p[-1]) + 1]) for p in parts])
    # HDF5 takes row numbers in increasing order only.
    ordered, place = np.unique(numbers, return_inverse=True)
    return np.asarray(x[ordered.tolist()])[place.reshape(-1)]


def run(feed, consume, before=None, start=0):
    """Runs a compiled function over all its batches.

    Args:
        feed: an `ArrayFeed`: the function and its batches.
        consume: `consume(first, count, outputs)` gets the results of `count` batches, each output a
            NumPy array stacked along a new first axis; a true result stops the run.
        before: `before(batch)` is called before a batch is computed. With it batches are computed
            one at a time, so that what it (or `consume`) changes in the model holds for the next.
        start: the batch to start with.
    """
    if before is not None:
        _run_singly(feed, consume, before, start)
    else:
        _run_ahead(feed, consume, start)


def _run_singly(feed, consume, before, start):
    for first, count in feed.chunks(start):
        compute = feed.chunk(first, count)
        for i in range(count):
            before(first + i)
            if consume(first + i, 1, _fetch(compute(i, 1))):
                return


def _run_ahead(feed, consume, start):
    pace = _pace_of(feed.function)
    pending = None
    last = time.perf_counter()
    with closing(_ready_chunks(feed, start)) as chunks:
        for first, count, compute in chunks:
            done = 0
            while done < count:
                batches = min(pace.batches, count - done)
                outputs = compute(done, batches)
                if pending is not None:
                    if consume(pending[0], pending[1], _fetch(pending[2])):
                        return
                    now = time.perf_counter()
                    pace.learn(pending[1], now - last)
                    last = now
                pending = (first + done, batches, outputs)
                done += batches
    if pending is not None:
        consume(pending[0], pending[1], _fetch(pending[2]))
        pace.learn(pending[1], time.perf_counter() - last)


def _ready_chunks(feed, start):
    """(first batch, number of batches, what computes some of them) of each chunk from batch `start`."""
    chunks = list(feed.chunks(start))
    if len(chunks) < 2 or not feed.stacks_in_memory:
        for first, count in chunks:
            yield first, count, feed.chunk(first, count)
        return
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(feed.stacks, *chunks[0])
        for number, (first, count) in enumerate(chunks, 1):
            stacks = coming.result()
            if number < len(chunks):
                coming = thread.submit(feed.stacks, *chunks[number])
            yield first, count, feed.ready(stacks)


def _fetch(outputs):
    return [np.asarray(o) for o in outputs]
