"""The loops of `fit_generator`, `evaluate_generator` and `predict_generator`."""

from __future__ import annotations

import warnings
from contextlib import contextmanager

import numpy as np

from .. import backend as K
from .. import callbacks as cbks
from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence
from ..utils.generic_utils import Progbar, to_list, unpack_singleton
from .training_arrays import (
    acts_between_batches,
    configure_callbacks,
    log_names,
    training_callbacks,
    training_model,
)
from .training_position import Position
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
    position = owner._position = Position(initial_epoch, model.train_function, callbacks, replays=True)
    with batches_of(generator, max_queue_size, workers, use_multiprocessing, shuffle) as batches:
        end_of_epoch = generator.on_epoch_end if workers <= 0 and is_sequence(generator) else _nothing
        callbacks.on_train_begin()
        if position.epoch < epochs:
            _replay(batches, steps, position, initial_epoch, end_of_epoch)
        for epoch in range(position.epoch, epochs):
            first = position.take_batch()
            if not first:
                model.reset_metrics()
            callbacks.on_epoch_begin(epoch)
            _train_epoch(model, batches, steps, labels, class_weight, callbacks, owner, first)
            epoch_logs = {}
            if not owner.stop_training and do_validation and should_run_validation(validation_freq, epoch):
                values = to_list(validate(callbacks))
                epoch_logs.update(
                    ("val_" + label, value) for label, value in zip(labels, values, strict=False)
                )
            callbacks.on_epoch_end(epoch, epoch_logs)
            end_of_epoch()
            if owner.stop_training:
                break
        callbacks.on_train_end()
    owner._position = None
    return model.history


def _nothing():
    pass


def _replay(batches, steps, position, initial_epoch, end_of_epoch):
    """Draws the batches that a training run taken up again has used before, so that the next ones follow."""
    for _ in range(initial_epoch, position.epoch):
        for step in range(steps):
            next_batch(batches, step, steps)
        end_of_epoch()
    for step in range(position.batch):
        next_batch(batches, step, steps)


def _train_epoch(model, batches, steps, labels, class_weight, callbacks, owner, first):
    def compute(x, y, sample_weight):
        return _start(model._training_call(x, y, sample_weight, class_weight))

    def finish(step, logs, outputs):
        logs.update(zip(labels, outputs, strict=False))
        callbacks.on_train_batch_end(step, logs)
        return owner.stop_training

    _run_steps(batches, steps, compute, "train", callbacks, finish, first)


def _run_steps(batches, steps, compute, phase, callbacks, finish, first=0):
    """Goes through batches `first` to `steps`; each is on its way on the device while the next one is fetched.

    # Arguments
        compute: `compute(x, y, sample_weight)` starts a batch and gives its outputs, perhaps in the making.
        phase: `"train"`, `"test"` or `"predict"`.
        finish: `finish(step, logs, outputs)` gets the numbers; a true result ends the loop.
    """
    begin = getattr(callbacks, f"on_{phase}_batch_begin")
    singly = acts_between_batches(callbacks, phase)
    pending = None
    for step in range(first, steps):
        x, y, sample_weight = _unpack(next_batch(batches, step, steps), needs_target=phase != "predict")
        logs = {"batch": step, "size": _rows(x)}
        if singly:
            begin(step, logs)
            if finish(step, logs, _numbers(compute(x, y, sample_weight))):
                return
            continue
        outputs = compute(x, y, sample_weight)
        if pending is not None and _finish(begin, finish, *pending):
            return
        pending = (step, logs, outputs)
    if pending is not None:
        _finish(begin, finish, *pending)


def _start(call):
    function, ins = call
    return function.run(ins)


def _finish(begin, finish, step, logs, outputs):
    begin(step, logs)
    return finish(step, logs, _numbers(outputs))


def _numbers(outputs):
    """Outputs as arrays of the user's own, scalars as plain numbers."""
    arrays = [np.array(o) for o in outputs]
    return [a.item() if a.ndim == 0 else a for a in arrays]


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

    def compute(x, y, sample_weight):
        return _start(model._testing_call(x, y, sample_weight))

    def finish(step, logs, outputs):
        losses.append(outputs[0])
        sizes.append(logs["size"])
        last[:] = outputs[1:]
        logs.update(zip(model.metrics_names, outputs, strict=False))
        callbacks.on_test_batch_end(step, logs)
        if progress:
            progress.update(step + 1)

    with batches_of(generator, max_queue_size, workers, use_multiprocessing) as batches:
        _run_steps(batches, steps, compute, "test", callbacks, finish)
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

    def compute(x, y, sample_weight):
        return _start(model._predicting_call(x))

    def finish(step, logs, outputs):
        parts.append(outputs)
        logs["outputs"] = outputs
        callbacks.on_predict_batch_end(step, logs)
        if progress:
            progress.update(step + 1)

    with batches_of(generator, max_queue_size, workers, use_multiprocessing) as batches:
        _run_steps(batches, steps, compute, "predict", callbacks, finish)
    callbacks.on_predict_end()
    if steps == 1:
        return unpack_singleton(parts[0])
    return unpack_singleton([np.concatenate(of_output) for of_output in zip(*parts, strict=True)])


__all__ = [
    "GeneratorEnqueuer", "K", "OrderedEnqueuer", "Progbar", "Sequence", "cbks", "evaluate_generator",
    "fit_generator", "is_sequence", "iter_sequence_infinite", "predict_generator", "should_run_validation",
    "to_list", "unpack_singleton",
]  # fmt: skip
