"""Shortcuts for calls with one small batch, where looking at the data would take longer than computing.

A batch that has the types and shapes of one that was accepted before is checked by its numbers alone.
Whatever is not quite like it takes the long way, which also says what is wrong.
"""

from __future__ import annotations

import numpy as np

from .. import backend as K
from . import tracking
from .training_data import check_target_numbers
from .training_feeding import index_limits
from .training_functions import trains_as_compiled


class Accepted:
    """A batch that a model's training or test function took, as a pattern for the next one.

    Args:
        model: the model.
        function: the compiled function.
        arrays: the plain arrays `x + y` as they were passed.
        rest: what the function takes beside them: weights of ones, the learning phase.
    """

    def __init__(self, model, function, arrays, rest):
        self.function = function
        self.patterns = [(array.shape, array.dtype) for array in arrays]
        self.rest = rest
        self.phase = K.learning_phase()
        self.changes = tracking.changes()
        self.limits = [(place, rows) for place, (rows, _) in index_limits(model).items()]
        self.losses = model._feed_loss_fns
        self.shapes = model._feed_output_shapes

    def inputs(self, arrays):
        """What to feed for another batch, or `None` where the long way is needed."""
        if self.changes != tracking.changes() or self.phase is not K.learning_phase():
            return None
        if len(arrays) != len(self.patterns):
            return None
        for array, (shape, dtype) in zip(arrays, self.patterns, strict=True):
            if type(array) is not np.ndarray or array.shape != shape or array.dtype != dtype:
                return None
        if not all(within(arrays[place], rows) for place, rows in self.limits):
            return None
        targets = arrays[len(arrays) - len(self.losses) :]
        for y, loss, shape in zip(targets, self.losses, self.shapes, strict=True):
            check_target_numbers(y, loss, shape)
        return [a if a.ndim > 1 else a[:, np.newaxis] for a in arrays] + self.rest


def within(array, rows):
    """Whether all numbers are row numbers of an `Embedding` with so many rows."""
    return array.min() >= 0 and array.max() < rows


def inputs_like_before(model, name, x, y):
    """The inputs of `model.train_function` (or test_function) for a batch without weights, or `None`."""
    accepted = model.__dict__.get("_accepted", {}).get(name)
    if accepted is None or accepted.function is not model.__dict__.get(name):
        return None
    return accepted.inputs(_arrays(x) + _arrays(y))


def accept(model, name, x, y, inputs):
    """Notes a batch without weights that was accepted; `inputs` is what it became."""
    arrays = _arrays(x) + _arrays(y)
    plain = all(type(a) is np.ndarray and a.ndim and a.size and a.dtype.kind in "fiub" for a in arrays)
    whole = len(arrays) == len(model._feed_inputs) + len(model._feed_loss_fns)
    function = model.__dict__.get(name)
    if name == "train_function" and not trains_as_compiled(model):
        return  # the long way warns of it
    if plain and whole and model._is_graph_network and isinstance(function, K.Function):
        found = Accepted(model, function, arrays, inputs[len(arrays) :])
        model._set(_accepted={**model.__dict__.get("_accepted", {}), name: found})


def _arrays(data):
    return data if type(data) is list else [data]


# `predict` of one small batch.


def learn_fast_predict(model):
    """Notes what an input must look like to go straight to the compiled function."""
    fast = None
    if model._is_graph_network and len(model._feed_inputs) == 1:
        shape = model._feed_input_shapes[0]
        if shape[0] is None and None not in shape[1:]:
            rows = [rows for rows, _ in index_limits(model).values()]
            dtype = np.dtype(K.dtype(model._feed_inputs[0]))
            fast = (model.predict_function, dtype, tuple(shape[1:]), min(rows, default=None))
    model._set(_fast_predict=fast)


def predict_at_once(model, x, batch_size, verbose, steps, callbacks):
    """`predict` of one plain batch, or `None` where the long way is needed."""
    fast = model.__dict__.get("_fast_predict")
    if fast is None or type(x) is not np.ndarray or verbose or callbacks or steps is not None:
        return None
    function, dtype, tail, rows = fast
    if x.shape[1:] != tail or x.dtype != dtype or function is not model.predict_function:
        return None
    if not 0 < x.shape[0] <= (32 if batch_size is None else batch_size):
        return None
    if rows is not None and not within(x, rows):
        return None  # the long way says what is wrong
    outputs = function([x, 0] if len(function.inputs) > 1 else [x])
    return outputs[0] if len(outputs) == 1 else outputs
