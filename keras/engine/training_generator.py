"""The loops of `fit_generator`, `evaluate_generator` and `predict_generator`."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np

from .. import callbacks as cbks
from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer
from ..utils.generic_utils import Progbar, to_list, unpack_singleton
from .training_arrays import configure_callbacks, log_names, training_callbacks, training_model
from .training_utils import (
    is_generator_or_sequence,
    is_sequence,
    iter_sequence_infinite,
    should_run_validation,
)


@contextmanager
def batches_of(generator, max_queue_size=10, workers=1, use_multiprocessing=False, shuffle=False):
    """Batches from a generator or `Sequence`, without end for a `Sequence`.

    With `workers` > 0 they are prepared ahead, by threads or processes, which are stopped on leaving.
    """
    if workers <= 0:
        yield iter_sequence_infinite(generator) if is_sequence(generator) else iter(generator)
        return
    if is_sequence(generator):
        enqueuer = OrderedEnqueuer(generator, use_multiprocessing=use_multiprocessing, shuffle=shuffle)
    else:
        if use_multiprocessing and workers > 1:
            warnings.warn(
                "Using a generator with `use_multiprocessing=True` and multiple workers may duplicate your "
                "data. "
                "Please consider using the `keras.utils.Sequence` class.",
                stacklevel=3,
            )
        enqueuer = GeneratorEnqueuer(generator, use_multiprocessing=use_multiprocessing)
    enqueuer.start(workers=workers, max_queue_size=max_queue_size)
    try:
        yield enqueuer.get()
    finally:
        enqueuer.stop()


def steps_of(generator, steps, name):
    """The number of steps: as given, or the length of a `Sequence`.

    # Raises
        ValueError: a generator without a number of steps, or no positive number.
    """
    if steps is None:
        if not is_sequence(generator):
            raise ValueError(
                f"`{name}=None` is only valid for a generator based on the `keras.utils.Sequence` class. A "
                "plain "
                f"generator has no length: please specify `{name}`, the number of batches to take from it."
            )
        steps = len(generator)
    if not isinstance(steps, (int, float, np.integer)) or steps < 1:
        raise ValueError(f"`{name}` must be a positive number of batches, got {steps!r}.")
    return int(np.ceil(steps))


def next_batch(batches, step, steps):
    """The next batch; a generator that has run dry is named as such.

    # Raises
        ValueError: when there is none.
    """
    try:
        return next(batches)
    except StopIteration:
        raise ValueError(
            f"The generator ended after {step} of {steps} batches. It should go on without end (`while "
            "True:` around "
            "its body), or the number of steps should be lower."
        ) from None


def _unpack(batch, needs_target):
    """A batch as (x, y, sample_weight).

    # Raises
        ValueError: if it is no such tuple.
    """
    if not needs_target:
        # predict_generator takes bare inputs as well as (x, y) and (x, y, sample_weight).
        if isinstance(batch, tuple) and len(batch) in (1, 2, 3):
            return batch[0], None, None
        if isinstance(batch, tuple):
            raise ValueError(_wanted(batch))
        return batch, None, None
    if not isinstance(batch, (tuple, list)):
        raise ValueError(_wanted(batch))
    if len(batch) == 1:
        return batch[0], None, None
    if len(batch) == 2:
        return batch[0], batch[1], None
    if len(batch) == 3:
        return tuple(batch)
    raise ValueError(_wanted(batch))


def _wanted(batch):
    return (
        "Output of generator should be a tuple `(x, y, sample_weight)` or `(x, y)`. Found: "
        f"{type(batch).__name__}{f' of length {len(batch)}' if isinstance(batch, (tuple, list)) else ''}."
    )


def _rows(x):
    if isinstance(x, dict):
        x = next(iter(x.values()))
    elif isinstance(x, (list, tuple)) and x and hasattr(x[0], "shape"):
        x = x[0]
    if x is None:
        return 1
    return int(x.shape[0]) if hasattr(x, "shape") else len(x)


def fit_generator(
    model,
    generator,
    steps_per_epoch=None,
    epochs=1,
    verbose=1,
    callbacks=None,
    validation_data=None,
    validation_steps=None,
    validation_freq=1,
    class_weight=None,
    max_queue_size=10,
    workers=1,
    use_multiprocessing=False,
    shuffle=True,
    initial_epoch=0,
):
    """See `Model.fit_generator`."""
    steps = steps_of(generator, steps_per_epoch, "steps_per_epoch")
    do_validation = validation_data is not None
    if do_validation:
        should_run_validation(validation_freq, 0)  # complains before anything is trained
    validate, val_inputs = _validation(
        model, validation_data, validation_steps, max_queue_size, workers, use_multiprocessing
    )
    model._make_train_function()
    if do_validation:
        model._make_test_function()
    labels = model.metrics_names
    callbacks = training_callbacks(
        model,
        callbacks,
        verbose,
        count_by_steps=True,
        params={
            "epochs": epochs,
            "steps": steps,
            "verbose": verbose,
            "do_validation": do_validation,
            "metrics": log_names(labels, do_validation),
        },
    )
    owner = training_model(model)
    owner.stop_training = False
    for callback in callbacks:
        callback.validation_data = val_inputs
    with batches_of(generator, max_queue_size, workers, use_multiprocessing, shuffle) as batches:
        callbacks.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            _train_epoch(model, batches, steps, labels, class_weight, callbacks, owner)
            epoch_logs = {}
            if not owner.stop_training and do_validation and should_run_validation(validation_freq, epoch):
                values = to_list(validate(callbacks))
                epoch_logs.update(
                    ("val_" + label, value) for label, value in zip(labels, values, strict=False)
                )
            callbacks.on_epoch_end(epoch, epoch_logs)
            if workers <= 0 and is_sequence(generator):
                generator.on_epoch_end()
            if owner.stop_training:
                break
        callbacks.on_train_end()
    return model.history


def _train_epoch(model, batches, steps, labels, class_weight, callbacks, owner):
    for step in range(steps):
        x, y, sample_weight = _unpack(next_batch(batches, step, steps), needs_target=True)
        logs = {"batch": step, "size": _rows(x)}
        callbacks.on_train_batch_begin(step, logs)
        outputs = model.train_on_batch(
            x, y, sample_weight=sample_weight, class_weight=class_weight, reset_metrics=False
        )
        logs.update(zip(labels, map(_plain, to_list(outputs)), strict=False))
        callbacks.on_train_batch_end(step, logs)
        if owner.stop_training:
            break


def _plain(value):
    return value.item() if np.ndim(value) == 0 and hasattr(value, "item") else value


def _validation(model, data, steps, max_queue_size, workers, use_multiprocessing):
    """`validate(callbacks)` for the validation data of a generator's training, and the arrays if any."""
    if data is None:
        return None, None
    if is_generator_or_sequence(data):
        steps = steps_of(data, steps, "validation_steps")

        def validate(callbacks):
            return evaluate_generator(
                model, data, steps, callbacks=callbacks, max_queue_size=max_queue_size,
                workers=workers, use_multiprocessing=use_multiprocessing,
            )  # fmt: skip

        return validate, None
    x, y, sample_weight = unpack_validation_data(data)
    val_x, val_y, val_weights = model._standardize_user_data(x, y, sample_weight)
    val_inputs = val_x + val_y + val_weights
    if model._uses_dynamic_learning_phase():
        val_inputs = val_inputs + [0]

    def validate(callbacks):
        model._make_test_function()
        return model._test_arrays(val_inputs, 32, callbacks=callbacks)

    return validate, val_inputs


def unpack_validation_data(data):
    """`(x, y, sample_weight)` from the argument `validation_data`.

    # Raises
        ValueError: if it has neither two nor three parts.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return data[0], data[1], None
    if isinstance(data, (tuple, list)) and len(data) == 3:
        return tuple(data)
    raise ValueError(
        "When passing `validation_data`, it must be a tuple `(x_val, y_val)` or `(x_val, y_val, "
        "val_sample_weight)`, "
        f"or a generator or Sequence. Got {type(data).__name__}"
        f"{f' of length {len(data)}' if hasattr(data, '__len__') else ''}."
    )


def _phase(model, callbacks, phase, steps, verbose):
    callbacks = configure_callbacks(model, callbacks, {"steps": steps, "verbose": verbose})
    getattr(callbacks, f"on_{phase}_begin")()
    return callbacks


def evaluate_generator(
    model,
    generator,
    steps=None,
    callbacks=None,
    max_queue_size=10,
    workers=1,
    use_multiprocessing=False,
    verbose=0,
):
    """See `Model.evaluate_generator`."""
    steps = steps_of(generator, steps, "steps")
    model._make_test_function()
    model.reset_metrics()
    callbacks = _phase(model, callbacks, "test", steps, verbose)
    progress = Progbar(target=steps) if verbose == 1 else None
    losses, sizes, last = [], [], []
    with batches_of(generator, max_queue_size, workers, use_multiprocessing) as batches:
        for step in range(steps):
            x, y, sample_weight = _unpack(next_batch(batches, step, steps), needs_target=True)
            logs = {"batch": step, "size": _rows(x)}
            callbacks.on_test_batch_begin(step, logs)
            outputs = to_list(model.test_on_batch(x, y, sample_weight=sample_weight, reset_metrics=False))
            outputs = [_plain(o) for o in outputs]
            logs.update(zip(model.metrics_names, outputs, strict=False))
            callbacks.on_test_batch_end(step, logs)
            losses.append(outputs[0])
            sizes.append(logs["size"])
            last = outputs[1:]
            if progress:
                progress.update(step + 1)
    callbacks.on_test_end()
    return unpack_singleton([float(np.average(losses, weights=sizes)), *last])


def predict_generator(
    model,
    generator,
    steps=None,
    callbacks=None,
    max_queue_size=10,
    workers=1,
    use_multiprocessing=False,
    verbose=0,
):
    """See `Model.predict_generator`."""
    steps = steps_of(generator, steps, "steps")
    callbacks = _phase(model, callbacks, "predict", steps, verbose)
    progress = Progbar(target=steps) if verbose == 1 else None
    parts = []
    with batches_of(generator, max_queue_size, workers, use_multiprocessing) as batches:
        for step in range(steps):
            x, _, _ = _unpack(next_batch(batches, step, steps), needs_target=False)
            logs = {"batch": step, "size": _rows(x)}
            callbacks.on_predict_batch_begin(step, logs)
            parts.append(to_list(model.predict_on_batch(x)))
            logs["outputs"] = parts[-1]
            callbacks.on_predict_batch_end(step, logs)
            if progress:
                progress.update(step + 1)
    callbacks.on_predict_end()
    if steps == 1:
        return unpack_singleton(parts[0])
    return unpack_singleton([np.concatenate(of_output) for of_output in zip(*parts, strict=True)])


# `cbks` is part of this module's public names.
__all__ = ["batches_of", "cbks", "evaluate_generator", "fit_generator", "predict_generator"]
