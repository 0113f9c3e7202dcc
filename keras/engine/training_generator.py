"""The loops of `fit_generator`, `evaluate_generator` and `predict_generator`."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np

from .. import backend as K
from .. import callbacks as cbks
from ..utils.data_utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence, checked_length
from ..utils.generic_utils import Progbar, to_list, unpack_singleton
from .training_arrays import run_epochs
from .training_batches import Batches, steps_of
from .training_callbacks import begin_phase, begin_training, training_model
from .training_position import Position
from .training_steps import evaluate_batches, run_steps
from .training_utils import epoch_number, is_sequence, iter_sequence_infinite, should_run_validation
from .training_validation import for_batches

__all__ = [
    "GeneratorEnqueuer", "K", "OrderedEnqueuer", "Progbar", "Sequence", "cbks", "evaluate_generator",
    "fit_generator", "is_sequence", "iter_sequence_infinite", "predict_generator", "should_run_validation",
    "to_list", "unpack_singleton",
]  # fmt: skip


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
    epochs, initial_epoch = epoch_number("epochs", epochs), epoch_number("initial_epoch", initial_epoch)
    steps = steps_of(generator, steps_per_epoch, "steps_per_epoch")
    how = {"max_queue_size": max_queue_size, "workers": workers, "use_multiprocessing": use_multiprocessing}
    validation = for_batches(
        model, validation_data, validation_steps, validation_freq, (initial_epoch, epochs), **how
    )
    model._make_train_function()
    if validation is not None:
        model._make_test_function()
    labels = model.metrics_names
    callbacks = begin_training(
        model, callbacks, labels, verbose, validation is not None, validation.inputs if validation else None,
        steps=steps, epochs=epochs,
    )  # fmt: skip
    owner = training_model(model)
    position = owner._position = Position(initial_epoch, model.train_function, callbacks, replays=True)
    batches = Batches(
        generator, steps, shuffle=shuffle, **how,
        epochs=max(0, epochs - initial_epoch), follows_length=steps_per_epoch is None,
    )  # fmt: skip
    with batches, validation or nullcontext():

        def train_epoch(first):
            _train_epoch(model, batches, checked_length(batches.steps), labels, class_weight, callbacks, owner, first)

        def end_epoch():
            batches.end_epoch()
            if steps_per_epoch is None:
                callbacks.set_params({**callbacks.params, "steps": batches.steps})

        callbacks.on_train_begin()
        if position.epoch < epochs:
            _replay(batches, position, initial_epoch, validation, validation_freq)
        run_epochs(model, position, epochs, labels, train_epoch, validation, validation_freq, after_epoch=end_epoch)
        callbacks.on_train_end()
    owner._position = None
    return model.history


def _replay(batches, position, initial_epoch, validation, validation_freq):
    """Draws the batches that a training run taken up again has used before, so that the next ones follow."""
    for epoch in range(initial_epoch, position.epoch):
        for step in range(batches.steps):
            batches.next(step, batches.steps)
        if validation and should_run_validation(validation_freq, epoch):
            validation.skip()
        batches.end_epoch()
    for step in range(position.batch):
        batches.next(step, batches.steps)


def _train_epoch(model, batches, steps, labels, class_weight, callbacks, owner, first):
    def compute(x, y, sample_weight):
        return model._training_call(x, y, sample_weight, class_weight)

    def finish(step, logs, outputs):
        logs.update(zip(labels, outputs, strict=False))
        callbacks.on_train_batch_end(step, logs)
        return owner.stop_training

    run_steps(batches, steps, compute, "train", callbacks, finish, first)


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
    with Batches(generator, steps, max_queue_size, workers, use_multiprocessing) as batches:
        return evaluate_batches(model, batches, steps, callbacks, verbose)


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
    callbacks, progress = begin_phase(model, callbacks, "predict", verbose, steps)
    parts = []

    def compute(x, y, sample_weight):
        return model._predicting_call(x)

    def finish(step, logs, outputs):
        parts.append(outputs)
        logs["outputs"] = outputs
        callbacks.on_predict_batch_end(step, logs)
        if progress:
            progress.update(step + 1)

    with Batches(generator, steps, max_queue_size, workers, use_multiprocessing) as batches:
        run_steps(batches, steps, compute, "predict", callbacks, finish)
    callbacks.on_predict_end()
    if steps == 1:
        return unpack_singleton(parts[0])
    return unpack_singleton([np.concatenate(of_output) for of_output in zip(*parts, strict=True)])
