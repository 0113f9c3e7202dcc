"""Going through batches step by step, for training, evaluation and prediction alike."""

from __future__ import annotations

import numpy as np

from .. import backend as K
from ..utils.generic_utils import to_list, unpack_singleton
from .training_batches import rows_of, unpack
from .training_callbacks import acts_between_batches, begin_phase
from .training_utils import batch_value, plain_value


def run_steps(batches, steps, compute, phase, callbacks, finish, first=0):
    """Goes through batches `first` to `steps`; each is on its way on the device while the next one is fetched.

    Args:
        batches: a `Batches`.
        compute: `compute(x, y, sample_weight)` gives a compiled function and its inputs for a batch.
        phase: `"train"`, `"test"` or `"predict"`.
        finish: `finish(step, logs, outputs)` gets the numbers; a true result ends the loop.
    """
    begin = getattr(callbacks, f"on_{phase}_batch_begin")
    singly = acts_between_batches(callbacks, phase)
    pending = None
    for step in range(first, steps):
        x, y, sample_weight = unpack(batches.next(step, steps), needs_target=phase != "predict")
        logs = {"batch": step, "size": rows_of(x)}
        if singly:
            begin(step, logs)
            if finish(step, logs, _values(_start(*compute(x, y, sample_weight)))):
                return
            continue
        outputs = _start(*compute(x, y, sample_weight))
        if pending is not None and _finish(begin, finish, *pending):
            return
        pending = (step, logs, outputs)
    if pending is not None:
        _finish(begin, finish, *pending)


def _start(function, ins):
    if isinstance(function, K.Function):
        return function.run(ins)
    return to_list(function(ins))  # the user's own in the place of `model.train_function`


def _finish(begin, finish, step, logs, outputs):
    begin(step, logs)
    return finish(step, logs, _values(outputs))


def _values(outputs):
    return [batch_value(o) for o in outputs]


def evaluate_batches(model, batches, steps, callbacks=None, verbose=0):
    """Loss and metrics over `steps` batches; the loss counts each batch by its samples."""
    model._make_test_function()
    model.reset_metrics()
    callbacks, progress = begin_phase(model, callbacks, "test", verbose, steps)
    losses, sizes, last = [], [], []

    def finish(step, logs, outputs):
        losses.append(outputs[0])
        sizes.append(logs["size"])
        last[:] = outputs[1:]
        logs.update(zip(model.metrics_names, outputs, strict=False))
        callbacks.on_test_batch_end(step, logs)
        if progress:
            progress.update(step + 1)

    run_steps(batches, steps, model._testing_call, "test", callbacks, finish)
    callbacks.on_test_end()
    return unpack_singleton([plain_value(v) for v in (np.average(losses, weights=sizes), *last)])
