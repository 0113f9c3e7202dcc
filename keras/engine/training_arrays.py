"""The loops of `fit`, `evaluate` and `predict` over arrays."""

from __future__ import annotations

import math

import numpy as np

from .. import backend as K
from .. import callbacks as cbks
from ..utils.generic_utils import Progbar, slice_arrays, to_list, unpack_singleton
from .training_callbacks import acts_between_batches, begin_phase, begin_training, training_model
from .training_position import Position
from .training_runner import ArrayFeed, run
from .training_utils import (
    batch_shuffle,
    batch_value,
    check_num_samples,
    make_batches,
    plain_value,
    should_run_validation,
)

__all__ = [
    "K", "Progbar", "batch_shuffle", "cbks", "check_num_samples", "fit_loop", "make_batches", "predict_loop",
    "should_run_validation", "slice_arrays", "test_loop", "to_list", "unpack_singleton",
]  # fmt: skip


def fit_loop(
    model,
    fit_function,
    fit_inputs,
    out_labels=None,
    batch_size=None,
    epochs=100,
    verbose=1,
    callbacks=None,
    val_function=None,
    val_inputs=None,
    shuffle=True,
    initial_epoch=0,
    steps_per_epoch=None,
    validation_steps=None,
    validation_freq=1,
):
    """Trains over arrays.

    Args:
        fit_function: a `K.function` that trains on one batch and gives loss and metrics.
        fit_inputs: its inputs over all samples (and the learning phase).
        out_labels: the names of its outputs.
        val_function, val_inputs: the same for validation, or `None`.
        steps_per_epoch: batches per epoch, where the data come from the model's own tensors.

    Returns:
        The `History` callback.
    """
    validate = None
    if val_function is not None and val_inputs is not None:
        counts = {"batch_size": batch_size} if steps_per_epoch is None else {"steps": validation_steps}

        def validate(callbacks):
            return test_loop(model, val_function, val_inputs, callbacks=callbacks, **counts)

    return fit_arrays(
        model,
        fit_function,
        fit_inputs,
        list(out_labels or []),
        batch_size=batch_size,
        epochs=epochs,
        verbose=verbose,
        callbacks=callbacks,
        validate=validate,
        val_inputs=val_inputs,
        shuffle=shuffle,
        initial_epoch=initial_epoch,
        steps_per_epoch=steps_per_epoch,
        validation_freq=validation_freq,
    )


def fit_arrays(
    model,
    function,
    ins,
    labels,
    batch_size,
    epochs,
    verbose,
    callbacks,
    validate,
    val_inputs,
    shuffle,
    initial_epoch,
    steps_per_epoch,
    validation_freq,
):
    """`fit_loop` with validation as a function: `validate(callbacks)` gives the values of `labels`."""
    samples = check_num_samples(ins, batch_size, steps_per_epoch, "steps_per_epoch")
    if steps_per_epoch is None and not samples:
        raise ValueError("There is not a single sample to train on: `x` is empty, or `validation_split` takes it all.")
    if validate is not None:
        should_run_validation(validation_freq, 0)  # complains before anything is trained
    if verbose and samples and validate is not None and steps_per_epoch is None:
        _announce(samples, val_inputs)
    callbacks = begin_training(
        model, callbacks, labels, verbose, validate is not None, val_inputs,
        steps=steps_per_epoch, samples=samples, batch_size=batch_size, epochs=epochs,
    )  # fmt: skip
    owner = training_model(model)
    order = np.arange(samples) if samples is not None else None
    position = owner._position = Position(initial_epoch, function, callbacks, order)

    def train_epoch(first):
        if steps_per_epoch is not None:
            _train_steps(function, ins, labels, steps_per_epoch, callbacks, owner, first)
            return
        if not first:
            position.order = _shuffled(position.order, shuffle, batch_size)
        feed = ArrayFeed(function, ins, batch_size, position.order if shuffle else None)
        _train_batches(feed, labels, callbacks, owner, first)

    callbacks.on_train_begin()
    run_epochs(model, position, epochs, labels, train_epoch, validate, validation_freq)
    callbacks.on_train_end()
    owner._position = None
    return model.history


def run_epochs(model, position, epochs, labels, train_epoch, validate, validation_freq, after_epoch=None):
    """The epochs of a training run, on arrays or on a generator's batches, from where `position` stands.

    Args:
        epochs: the last of them, counted from 1.
        labels: the names of the values that training and validation report.
        train_epoch: `train_epoch(first)` trains an epoch from batch `first` on.
        validate: `validate(callbacks)` gives the values of `labels`; `None` where nothing is validated.
        after_epoch: called between one epoch and the next.
    """
    callbacks, owner = position.callbacks, training_model(model)
    for epoch in range(position.epoch, epochs):
        first = position.take_batch()
        if not first:
            model.reset_metrics()
        callbacks.on_epoch_begin(epoch)
        train_epoch(first)
        logs = {}
        if validate is not None and not owner.stop_training and should_run_validation(validation_freq, epoch):
            values = to_list(validate(callbacks))
            logs.update(("val_" + label, value) for label, value in zip(labels, values, strict=False))
        callbacks.on_epoch_end(epoch, logs)
        if owner.stop_training:
            return
        if after_epoch is not None:
            after_epoch()


def _announce(samples, val_inputs):
    if val_inputs and hasattr(val_inputs[0], "shape"):
        print(f"Train on {samples} samples, validate on {val_inputs[0].shape[0]} samples")


def _shuffled(order, shuffle, batch_size):
    if shuffle == "batch":
        return batch_shuffle(order, batch_size)
    if shuffle:
        np.random.shuffle(order)
    return order


def _train_batches(feed, labels, callbacks, owner, first):
    logs = {}

    def begin(batch):
        logs.clear()
        logs.update(batch=batch, size=feed.size(batch))
        callbacks.on_train_batch_begin(batch, logs)

    singly = acts_between_batches(callbacks, "train")

    def consume(first, count, outputs):
        for i, values in enumerate(batch_values(outputs, count)):
            if not singly:
                begin(first + i)
            logs.update(zip(labels, values, strict=False))
            callbacks.on_train_batch_end(first + i, dict(logs))
            if owner.stop_training:
                return True
        return False

    run(feed, consume, before=begin if singly else None, start=first)


def batch_values(outputs, count):
    """Outputs stacked over batches as one tuple per batch, of what `batch_value` makes of each."""
    if not outputs:
        return [()] * count
    values = [o.astype(np.float64) if o.ndim == 1 and o.dtype.kind == "f" else o for o in outputs]
    return list(zip(*values, strict=True))


def _train_steps(function, ins, labels, steps, callbacks, owner, first):
    """Training where each step takes the same inputs: those of the model's own tensors, or all rows."""
    for step in range(first, steps):
        logs = {"batch": step, "size": 1}
        callbacks.on_train_batch_begin(step, logs)
        logs.update(zip(labels, map(batch_value, function(densified(ins))), strict=False))
        callbacks.on_train_batch_end(step, logs)
        if owner.stop_training:
            break


def densified(ins):
    """Inputs ready for one call: lazy and sparse arrays read in full."""
    return [_rows_in_full(x) if hasattr(x, "shape") and not K.is_tensor(x) else x for x in ins]


def _rows_in_full(x):
    if isinstance(x, np.ndarray):
        return x
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x[:])


def test_loop(model, f, ins, batch_size=None, verbose=0, steps=None, callbacks=None):
    """Evaluates over arrays.

    Args:
        f: a `K.function` that gives loss and metrics of one batch.
        ins: its inputs over all samples (and the learning phase).
        steps: number of batches, where the data come from the model's own tensors.

    Returns:
        The loss averaged over samples, or a list of it and the metrics.
    """
    model.reset_metrics()
    samples = check_num_samples(ins, batch_size, steps, "steps")
    if steps is None and not samples:
        raise ValueError("There is not a single sample to evaluate on: `x` is empty.")
    callbacks, progress = begin_phase(
        model, callbacks, "test", verbose, steps, samples=samples, batch_size=batch_size
    )
    total = _Average()
    if steps is not None:
        _test_steps(model, f, ins, steps, callbacks, total, progress)
    else:
        _test_batches(model, ArrayFeed(f, ins, batch_size), callbacks, total, progress)
    callbacks.on_test_end()
    return unpack_singleton(total.values())


test_loop.__test__ = False  # not a test, whatever its name says to collectors


class _Average:
    """The loss averaged over samples; metrics keep their last value, they average themselves."""

    def __init__(self):
        self.sum = 0.0
        self.samples = 0
        self.last = []

    def add(self, values, samples):
        self.sum += values[0] * samples
        self.samples += samples
        self.last = values[1:]

    def values(self):
        return [plain_value(v) for v in (self.sum / self.samples, *self.last)]


def _test_steps(model, f, ins, steps, callbacks, total, progress):
    for step in range(steps):
        logs = {"batch": step, "size": 1}
        callbacks.on_test_batch_begin(step, logs)
        values = [batch_value(v) for v in to_list(f(densified(ins)))]
        total.add(values, 1)
        logs.update(zip(model.metrics_names, values, strict=False))
        callbacks.on_test_batch_end(step, logs)
        if progress:
            progress.update(step + 1)


def _test_batches(model, feed, callbacks, total, progress):
    logs = {}
    names = model.metrics_names

    def begin(batch):
        logs.clear()
        logs.update(batch=batch, size=feed.size(batch))
        callbacks.on_test_batch_begin(batch, logs)

    singly = acts_between_batches(callbacks, "test")

    def consume(first, count, outputs):
        for i, values in enumerate(batch_values(outputs, count)):
            if not singly:
                begin(first + i)
            total.add(values, logs["size"])
            logs.update(zip(names, values, strict=False))
            callbacks.on_test_batch_end(first + i, dict(logs))
        if progress:
            progress.update(total.samples)

    run(feed, consume, before=begin if singly else None)


def predict_loop(model, f, ins, batch_size=32, verbose=0, steps=None, callbacks=None):
    """Predicts over arrays.

    Args:
        f: a `K.function` that gives the model's outputs for one batch.
        ins: its inputs over all samples (and the learning phase).
        steps: number of batches, where the data come from the model's own tensors.

    Returns:
        One array, or a list of arrays for several outputs.
    """
    samples = check_num_samples(ins, batch_size if steps is None else None, steps, "steps")
    callbacks, progress = begin_phase(
        model, callbacks, "predict", verbose, steps, samples=samples, batch_size=batch_size
    )
    if steps is not None:
        outputs = _predict_steps(f, ins, steps, callbacks, progress)
    else:
        outputs = _predict_batches(ArrayFeed(f, ins, batch_size), callbacks, progress)
    callbacks.on_predict_end()
    return unpack_singleton(outputs)


def _predict_steps(f, ins, steps, callbacks, progress):
    parts = []
    for step in range(steps):
        logs = {"batch": step, "size": 1}
        callbacks.on_predict_batch_begin(step, logs)
        parts.append(to_list(f(densified(ins))))
        logs["outputs"] = parts[-1]
        callbacks.on_predict_batch_end(step, logs)
        if progress:
            progress.update(step + 1)
    if steps == 1:
        return parts[0]
    return [np.concatenate(of_output, axis=0) for of_output in zip(*parts, strict=True)]


def _predict_batches(feed, callbacks, progress):
    results = []

    def begin(batch):
        callbacks.on_predict_batch_begin(batch, {"batch": batch, "size": feed.size(batch)})

    hooks = callbacks._has_batch_hooks("predict")
    singly = hooks and acts_between_batches(callbacks, "predict")

    def consume(first, count, outputs):
        size = feed.size(first)
        start = first * feed.batch_size
        if not results:
            results.extend(np.empty((feed.samples,) + o.shape[2:], dtype=o.dtype) for o in outputs)
        for result, output in zip(results, outputs, strict=True):
            rows = math.prod(output.shape[:2])  # not -1, for an output may have no elements
            result[start : start + count * size] = output.reshape((rows,) + output.shape[2:])
        for i in range(count if hooks else 0):
            if not singly:
                begin(first + i)
            logs = {"batch": first + i, "size": size, "outputs": [o[i] for o in outputs]}
            callbacks.on_predict_batch_end(first + i, logs)
        if progress:
            progress.update(start + count * size)

    run(feed, consume, before=begin if singly else None)
    return results
