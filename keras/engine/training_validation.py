"""Validation while a model trains: on arrays, or on batches from a generator."""

from __future__ import annotations

import numpy as np

from .training_arrays import test_loop
from .training_batches import Batches, steps_of
from .training_data import is_generator_or_sequence
from .training_feeding import check_fed, check_stateful_batches, split
from .training_steps import evaluate_batches
from .training_utils import should_run_validation


class ArrayValidation:
    """Evaluates arrays when called with the callbacks of the training run; a context manager.

    Args:
        inputs: what the test function takes, over all samples; callbacks see it as `validation_data`.
        batch_size, steps: as in `evaluate`.
    """

    def __init__(self, model, inputs, batch_size, steps=None):
        self.inputs = inputs
        self._model = model
        self._batch_size = batch_size if steps is None else None
        self._steps = steps

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def __call__(self, callbacks):
        return test_loop(
            self._model, self._model.test_function, self.inputs, batch_size=self._batch_size, steps=self._steps,
            callbacks=callbacks,
        )  # fmt: skip

    def skip(self):
        """Leaves out one validation."""


class BatchValidation:
    """The same on batches. One set of workers serves the whole run, so a generator loses no batch.

    Args:
        times: how often the run validates at most.
        The others as in `fit`.
    """

    inputs = None

    def __init__(self, model, data, steps, times, **workers):
        self._model = model
        self._steps = steps_of(data, steps, "validation_steps")
        self._batches = Batches(data, self._steps * times, **workers)

    def __enter__(self):
        self._batches.__enter__()
        return self

    def __exit__(self, *error):
        self._batches.__exit__(*error)

    def __call__(self, callbacks):
        return evaluate_batches(self._model, self._batches, self._steps, callbacks)

    def skip(self):
        for step in range(self._steps):
            self._batches.next(step, self._steps)


def validation_on(model, data, batch_size, validation_steps, validation_freq, epochs, **workers):
    """The validation that the argument `validation_data` of `fit` asks for.

    Args:
        epochs: first and last epoch of the run.
        workers: `max_queue_size`, `workers`, `use_multiprocessing`.

    Raises:
        ValueError: neither arrays nor a generator with a known number of steps.
    """
    if is_generator_or_sequence(data):
        times = _times(validation_freq, *epochs)
        return BatchValidation(model, data, validation_steps, times, **workers)
    x, y, sample_weight = unpack_validation_data(data)
    x, y, weights = model._standardize_user_data(x, y, sample_weight, batch_size=batch_size)
    check_fed(model, y)
    if x and not x[0].shape[0]:
        raise ValueError("`validation_data` holds no samples. Leave it out to train without validation.")
    return ArrayValidation(model, x + y + weights + model._phase(0), batch_size, validation_steps)


def for_arrays(
    model, ins, data, fraction, batch_size, steps_per_epoch, validation_steps, validation_freq, epochs, **workers
):  # fmt: skip
    """What `fit` on arrays trains on, and its validation or `None`.

    Args:
        ins: arrays for the train function.
        data, fraction: the arguments `validation_data` and `validation_split`.
        The others as in `fit` and `validation_on`.

    Raises:
        ValueError: if steps are counted in training but not in validation, or the other way round.
    """
    if data is not None:
        validation = validation_on(model, data, batch_size, validation_steps, validation_freq, epochs, **workers)
        if isinstance(validation, BatchValidation):
            return ins, validation
    elif fraction:
        ins, held_out = split(ins, fraction)
        if model.stateful and batch_size:
            check_stateful_batches(ins, batch_size)
            check_stateful_batches(held_out, batch_size)
        validation = ArrayValidation(model, held_out + model._phase(0), batch_size, validation_steps)
    elif validation_steps:
        validation = ArrayValidation(model, model._phase(0), batch_size, validation_steps)
    else:
        return ins, None
    _check_validation_steps(steps_per_epoch, validation_steps)
    return ins, validation


def for_batches(model, data, validation_steps, validation_freq, epochs, **workers):
    """The validation of `fit_generator`, or `None`; arguments as in `validation_on`."""
    if data is None:
        return None
    should_run_validation(validation_freq, 0)  # complains before anything is trained
    if isinstance(data, (tuple, list)):
        validation_steps = None  # arrays are gone through once
    batch_size = model._validate_or_infer_batch_size(None, None, None)
    return validation_on(model, data, batch_size, validation_steps, validation_freq, epochs, **workers)


def _check_validation_steps(steps_per_epoch, validation_steps):
    if steps_per_epoch is None and validation_steps is not None:
        raise ValueError(
            "Can only use `validation_steps` when doing step-wise training, i.e. `steps_per_epoch` must be "
            "set. Validation arrays are gone through once, in batches of `batch_size`."
        )
    if steps_per_epoch is not None and validation_steps is None:
        raise ValueError("Must specify `validation_steps` to perform validation when doing step-wise training.")


def _times(freq, first, end):
    """How often a run over the epochs `first` to `end` validates."""
    should_run_validation(freq, 0)  # complains about what is no frequency
    if isinstance(freq, (int, np.integer)):
        return end // freq - first // freq
    return sum(first < epoch <= end for epoch in freq)


def unpack_validation_data(data):
    """`(x, y, sample_weight)` from the argument `validation_data`.

    Raises:
        ValueError: if it has neither two nor three parts.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return data[0], data[1], None
    if isinstance(data, (tuple, list)) and len(data) == 3:
        return tuple(data)
    raise ValueError(
        "When passing `validation_data`, it must be a tuple `(x_val, y_val)` or `(x_val, y_val, "
        f"val_sample_weight)`, or a generator or Sequence. Got {type(data).__name__}"
        f"{f' of length {len(data)}' if hasattr(data, '__len__') else ''}."
    )
