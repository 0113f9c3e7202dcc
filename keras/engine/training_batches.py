"""Batches from generators, Sequences and other iterables, prepared while the model computes."""

from __future__ import annotations

import itertools
import warnings

import numpy as np

from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer, ends_epochs
from .training_utils import is_sequence, iter_sequence_infinite


class Batches:
    """The batches of a generator, `Sequence` or other iterable, without end where the source has none.

    A context manager: entering starts the workers, leaving stops them. No more than the wanted batches are
    asked for, so that a generator stands afterwards where it was used up to, and so do random numbers.

    Attributes:
        steps: how many batches the epoch has that comes next.

    Args:
        source: a generator, another iterator, a `Sequence`, or an iterable that begins anew with each
            pass (torch's `DataLoader`).
        steps: how many batches are wanted in an epoch.
        epochs: for how many epochs.
        follows_length: whether the length of a `Sequence` may be another after its `on_epoch_end`; then it is
            the number of steps of the epoch that follows.
        max_queue_size, workers, use_multiprocessing: as in `fit`; with 0 workers each batch is prepared when
            it is asked for.
        shuffle: whether a `Sequence` is gone through in random order (with workers).
    """

    def __init__(
        self, source, steps, max_queue_size=10, workers=1, use_multiprocessing=False, shuffle=False,
        epochs=1, follows_length=False,
    ):  # fmt: skip
        self._source = source
        self.steps = steps
        self._follows_length = follows_length and is_sequence(source) and ends_epochs(source)
        self._queue_size = max_queue_size
        self._workers = workers
        self._enqueuer = None
        self._drawn = None
        if workers <= 0:
            return
        if is_sequence(source):
            self._enqueuer = OrderedEnqueuer(source, use_multiprocessing, shuffle)
            if self._follows_length:
                self._enqueuer._last_epoch = epochs
            else:
                self._enqueuer._limit = steps * epochs
        else:
            if use_multiprocessing and workers > 1:
                warnings.warn(
                    "Using a generator with `use_multiprocessing=True`: a generator cannot be taken to other "
                    "processes, so it runs in one thread. Please consider using the `keras.utils.Sequence` class.",
                    stacklevel=4,
                )
            self._enqueuer = GeneratorEnqueuer(itertools.islice(_passes(source), steps * epochs), use_multiprocessing)

    def __enter__(self):
        if self._enqueuer is None:
            self._drawn = _passes(self._source)
        else:
            self._enqueuer.start(self._workers, self._queue_size)
            self._drawn = self._enqueuer.get()
        return self

    def __exit__(self, *error):
        if self._enqueuer is not None:
            self._enqueuer.stop()

    def next(self, step, steps):
        """The batch for step `step` of `steps`.

        Raises:
            ValueError: the generator has run dry.
        """
        try:
            return next(self._drawn)
        except StopIteration:
            raise ValueError(
                f"The generator ended after {step} of {steps} batches. It should go on without end "
                "(`while True:` around its body), or the number of steps should be lower."
            ) from None

    def end_epoch(self):
        """Lets a `Sequence` know that an epoch has ended, or waits until a worker has done so."""
        if not is_sequence(self._source):
            return
        if self._enqueuer is None:
            self._source.on_epoch_end()
        elif self._enqueuer.at_end_of_epoch:
            self._enqueuer.join_end_of_epoch()
        if self._follows_length:
            self.steps = len(self._source)


def _passes(source):
    """Item after item; a source that can be gone through again is, without end."""
    if is_sequence(source):
        return iter_sequence_infinite(source)
    if hasattr(source, "__next__"):
        return source
    if callable(source) and not hasattr(source, "__iter__"):
        raise TypeError(
            f"Batches come from a generator, and {getattr(source, '__name__', source)!r} is a function that makes one: "
            "call it."
        )
    return _again_and_again(source)


def _again_and_again(source):
    while True:
        empty = True
        for batch in source:
            empty = False
            # torch's DataLoader gives (x, y) as a list, which otherwise means several inputs.
            yield tuple(batch) if type(batch) is list else batch
        if empty:
            raise ValueError(f"The {type(source).__name__} has no batches. It must give one at least, such as (x, y).")


def steps_of(source, steps, name):
    """The number of steps: as given, or the length of a `Sequence` or another iterable with a length.

    Raises:
        ValueError: no length and no number, or no positive number.
    """
    if steps is None:
        steps = _length(source)
        if steps is None:
            raise ValueError(
                f"`{name}=None` is only valid for a generator based on the `keras.utils.Sequence` class. A plain "
                f"generator has no length: please specify `{name}`, the number of batches to take from it."
            )
    if not isinstance(steps, (int, float, np.integer)) or steps < 1:
        raise ValueError(f"`{name}` must be a positive number of batches, got {steps!r}.")
    return int(np.ceil(steps))


def _length(source):
    try:
        return len(source)
    except TypeError as error:
        if is_sequence(source):
            raise TypeError(
                f"`__len__` of the {type(source).__name__} must give the number of batches as an integer ({error}). Is"
                " it a quotient? `math.ceil(samples / batch_size)` counts a last batch that is smaller."
            ) from error
        return None


def unpack(batch, needs_target):
    """A batch as (x, y, sample_weight).

    Args:
        needs_target: whether targets are wanted. Otherwise bare inputs will do as well.

    Raises:
        ValueError: if it is no such tuple.
    """
    if not needs_target and not isinstance(batch, tuple):
        return batch, None, None
    if not isinstance(batch, (tuple, list)) or len(batch) not in (1, 2, 3):
        raise ValueError(
            "Output of generator should be a tuple `(x, y, sample_weight)` or `(x, y)`. Found: "
            f"{type(batch).__name__}{f' of length {len(batch)}' if isinstance(batch, (tuple, list)) else ''}."
        )
    if not needs_target:
        return batch[0], None, None
    return tuple(batch) + (None,) * (3 - len(batch))


def rows_of(x):
    """How many samples the inputs of a batch hold."""
    if isinstance(x, dict):
        x = next(iter(x.values()))
    elif isinstance(x, (list, tuple)) and x and hasattr(x[0], "shape"):
        x = x[0]
    if x is None:
        return 1
    return int(x.shape[0]) if hasattr(x, "shape") else len(x)
