"""The compiled functions of a model: for training, evaluation and prediction, made when first needed."""

from __future__ import annotations

from .. import backend as K
from ..graph.ordering import merge_updates
from ..graph.tensor import topological
from ..utils.user_warnings import warn_user
from .training_feeding import assert_compiled


def uses_dynamic_learning_phase(model):
    """Whether the compiled functions take the learning phase as their last input."""
    if isinstance(K.learning_phase(), int):
        return False
    total_loss = getattr(model, "total_loss", None)
    return bool(model.uses_learning_phase or getattr(total_loss, "_uses_learning_phase", False))


def make_train_function(model):
    """`model.train_function(x + y + sample_weights)`: one training step, giving loss and metrics."""
    _assert_functions(model)
    check_trainable_weights(model)
    if model.train_function is not None:
        return
    with K.name_scope("training"), K.name_scope(type(model.optimizer).__name__):
        updates = model.optimizer.get_updates(params=model._collected_trainable_weights, loss=model.total_loss)
    tensors, metric_updates = model._metric_outputs()
    model._set(
        train_function=K.function(
            _inputs(model),
            [model.total_loss] + tensors,
            updates=list(model.updates) + list(updates) + metric_updates,
            name="train_function",
            **model._function_kwargs,
        )
    )


def make_test_function(model):
    """`model.test_function(x + y + sample_weights)`: loss and metrics of a batch."""
    _assert_functions(model)
    if model.test_function is not None:
        return
    tensors, metric_updates = model._metric_outputs()
    model._set(
        test_function=K.function(
            _inputs(model),
            [model.total_loss] + tensors,
            updates=list(model.state_updates) + metric_updates,
            name="test_function",
            **model._function_kwargs,
        )
    )


def make_predict_function(model):
    """`model.predict_function(x)`: the model's outputs. Needs no `compile`."""
    if model.__dict__.get("predict_function") is not None:
        return
    model._set(
        predict_function=K.function(
            list(model._feed_inputs) + _phase_input(model),
            list(model.outputs),
            updates=list(model.state_updates),
            name="predict_function",
            **getattr(model, "_function_kwargs", {}),
        )
    )


def of_added_metric(model, metric):
    """The value of a metric that was called on symbols, and its updates: of those calls that the model computes.

    A layer in which `add_metric` is called may be part of several models, or be called several times in one.
    """
    given = {id(x) for x in _inputs(model)}
    here = [
        (variable, value)
        for variable, value in metric.updates
        if all(id(x) in given or x._uses_learning_phase for x in topological([value]) if K.is_placeholder(x))
    ]
    if not here:
        return None, []
    updates = merge_updates(here)
    return K.after_updates(type(metric).result(metric), updates), updates


def _inputs(model):
    return list(model._feed_inputs) + model._feed_targets + model._feed_sample_weights + _phase_input(model)


def _phase_input(model):
    return [K.learning_phase()] if uses_dynamic_learning_phase(model) else []


def _assert_functions(model):
    if "train_function" not in model.__dict__:
        assert_compiled(model)
        raise RuntimeError("The model is not built yet: give the first layer `input_shape=...`, or call `fit`.")


def check_trainable_weights(model):
    """Warns where `trainable` was changed after `compile`."""
    if not trains_as_compiled(model):
        warn_user(
            "Discrepancy between trainable weights and collected trainable weights, did you set "
            "`model.trainable` without calling `model.compile` after ? The model trains the weights that were "
            "trainable when it was compiled."
        )


def trains_as_compiled(model):
    """Whether as many weights are trainable as when the model was compiled."""
    collected = getattr(model, "_collected_trainable_weights", None)
    return collected is None or len(model.trainable_weights) == len(collected)
