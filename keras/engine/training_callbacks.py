"""The callbacks of a training, an evaluation or a prediction: which there are, and when they must be heard."""

from __future__ import annotations

from .. import callbacks as cbks
from ..utils.generic_utils import Progbar, to_list

# The hooks that are called around each batch of a phase.
_BATCH_HOOKS = {
    "train": ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


def acts_between_batches(callbacks, phase):
    """Whether some callback must run between one batch and the next.

    Any callback that has a batch hook of its own counts, unless its class says with the attribute
    `_acts_between_batches = False` that the hook only looks at the logs. A subclass that adds a hook
    counts again, whatever it inherited.
    """
    return any(_acts(callback, name) for callback in callbacks for name in _BATCH_HOOKS[phase])


def _acts(callback, name):
    if name in getattr(callback, "__dict__", ()):
        return vars(callback).get("_acts_between_batches", True)
    for cls in type(callback).__mro__:
        if "_acts_between_batches" in vars(cls):
            return vars(cls)["_acts_between_batches"]
        if cls is cbks.Callback:
            return False
        if name in vars(cls) or (cls is not object and "__getattribute__" in vars(cls)):
            return True
    return hasattr(type(callback), "__getattr__")  # no subclass of Callback: its hooks may come from there


def _configured(model, callbacks, params):
    """A `CallbackList` for this model; one that is a `CallbackList` already is used as it is."""
    if isinstance(callbacks, cbks.CallbackList):
        return callbacks
    callbacks = cbks.CallbackList(to_list(callbacks or [], allow_tuple=True))
    callbacks.set_model(training_model(model))
    callbacks.set_params(params)
    return callbacks


def training_model(model):
    """The model whose `stop_training` callbacks set: for a parallel replica its original."""
    return getattr(model, "callback_model", None) or model


def begin_training(model, callbacks, labels, verbose, validates, validation_data, steps, **params):
    """The callbacks of a training run: averages, progress bar, the user's, history, in this order.

    Args:
        labels: the names of the values that training reports.
        validates, validation_data: whether the run validates, and the arrays for it, if it is on arrays.
        steps: steps per epoch, or `None` where samples are counted.
        params: what callbacks see as `params` besides these.
    """
    model.history = cbks.History()
    stateful = model.metrics_names[1:]
    own = [cbks.BaseLogger(stateful_metrics=stateful)]
    if verbose:
        own.append(cbks.ProgbarLogger("samples" if steps is None else "steps", stateful_metrics=stateful))
    names = list(labels) + ["val_" + n for n in labels] if validates else list(labels)
    params = {**params, "steps": steps, "verbose": verbose, "do_validation": validates, "metrics": names}
    callbacks = _configured(model, own + to_list(callbacks or [], allow_tuple=True) + [model.history], params)
    training_model(model).stop_training = False
    for callback in callbacks:
        callback.validation_data = validation_data
    return callbacks


def begin_phase(model, callbacks, phase, verbose, steps, **params):
    """The callbacks of an evaluation or prediction, told that it begins; and its progress bar, if wanted.

    Inside `fit` (`callbacks` is a `CallbackList` then) those of the training go on.

    Args:
        phase: `"test"` or `"predict"`.
        steps: how many batches there are, or `None` where samples are counted.
        params: what callbacks see as `params` besides these; without `steps` the number of `samples`.
    """
    callbacks = _configured(model, callbacks, {**params, "steps": steps, "verbose": verbose})
    getattr(callbacks, f"on_{phase}_begin")()
    target = params["samples"] if steps is None else steps
    return callbacks, Progbar(target=target) if verbose == 1 else None
