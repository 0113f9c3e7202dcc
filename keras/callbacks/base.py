"""The `Callback` that users subclass, and the list that calls them."""


class Callback:
    """Is told what happens while a model trains, is evaluated or predicts.

    Attributes `model`, `params` (epochs, steps, samples, metrics, verbose, ...) and
    `validation_data` are set before training. `logs` are dictionaries: losses and metrics of
    the batch or epoch; an epoch's `logs` also hold the `val_` values.

    `state_attributes` names the attributes that change during training: `BackupAndRestore` keeps them.

    Overriding a batch hook makes training go batch by batch, so that the hook may change
    weights or the learning rate in between; a callback that only looks at the logs says so
    with the class attribute `_acts_between_batches = False`.
    """

    state_attributes = ()

    # Whether it is called after all others, whatever its place among them.
    _runs_last = False

    def __init__(self):
        self.validation_data = None
        self.model = None

    def set_params(self, params):
        """Is given `params` before training."""
        self.params = params

    def set_model(self, model):
        """Is given the model before training."""
        self.model = model

    def on_epoch_begin(self, epoch, logs=None):
        """Called before an epoch (training only), counted from 0; `logs` is empty."""

    def on_epoch_end(self, epoch, logs=None):
        """Called after an epoch, with its logs (training only)."""

    def on_batch_begin(self, batch, logs=None):
        """The older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch, logs=None):
        """The older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch, logs=None):
        """Called before a training batch; `logs` holds 'batch' and 'size'."""
        self.on_batch_begin(batch, logs)  # by position: scripts name the two as they like

    def on_train_batch_end(self, batch, logs=None):
        """Called after a training batch, with its losses and metrics."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        """Called before a batch of evaluation."""

    def on_test_batch_end(self, batch, logs=None):
        """Called after a batch of evaluation."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Called before a batch of prediction."""

    def on_predict_batch_end(self, batch, logs=None):
        """Called after a batch of prediction."""

    def on_train_begin(self, logs=None):
        """Called when training begins."""

    def on_train_end(self, logs=None):
        """Called when training ends."""

    def on_test_begin(self, logs=None):
        """Called when evaluation begins."""

    def on_test_end(self, logs=None):
        """Called when evaluation ends."""

    def on_predict_begin(self, logs=None):
        """Called when prediction begins."""

    def on_predict_end(self, logs=None):
        """Called when prediction ends."""


_BATCH_HOOKS = [
    f"on_{phase}batch_{when}" for phase in ("", "train_", "test_", "predict_") for when in ("begin", "end")
]


def _overrides(callback, hook):
    """Whether a callback does something in a hook."""
    own = getattr(type(callback), hook, None)
    base = getattr(Callback, hook)
    looks_up = type(callback).__getattribute__ is not object.__getattribute__  # who knows what it finds
    if looks_up or hook in vars(callback) or own is not base:
        return True
    older = hook.replace("train_", "") if "train_" in hook else None
    return older is not None and _overrides(callback, older)


def _in_order(callbacks):
    """The callbacks as they are to be called.

    Raises:
        TypeError: for a class in place of an instance, and for what has no hooks at all.
    """
    for callback in callbacks:
        if isinstance(callback, type):
            raise TypeError(f"`callbacks` holds the class {callback.__name__}: make one, `{callback.__name__}(...)`.")
        if not hasattr(callback, "set_model"):
            raise TypeError(f"`callbacks` holds {callback!r:.100}, which is no callback (keras.callbacks.Callback).")
    return sorted(callbacks, key=lambda callback: getattr(callback, "_runs_last", False))


class CallbackList:
    """Several callbacks, called in their order.

    Batch hooks are called millions of times for small models, so callbacks that do not
    override one are left out of it.
    """

    def __init__(self, callbacks=None, queue_length=10):
        self.callbacks = _in_order(callbacks or [])
        self.queue_length = queue_length
        self.params = {}
        self.model = None
        self._find_hooks()

    def _find_hooks(self):
        self._hooks = {
            hook: [c for c in self.callbacks if not isinstance(c, Callback) or _overrides(c, hook)]
            for hook in _BATCH_HOOKS
        }

    def append(self, callback):
        self.callbacks = _in_order([*self.callbacks, callback])
        self._find_hooks()

    def __iter__(self):
        return iter(self.callbacks)

    def set_params(self, params):
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def _has_batch_hooks(self, mode):
        """Whether some callback does something around each batch."""
        return any(self._hooks[f"on_{mode}_batch_{when}"] for when in ("begin", "end"))

    def _call_batch_hook(self, mode, hook, batch, logs=None):
        name = f"on_{mode}_batch_{hook}"
        self._call(self._hooks[name], name, batch, logs=logs)

    def _call_all(self, name, *args, logs=None):
        self._call(self.callbacks, name, *args, logs=logs)

    @staticmethod
    def _call(callbacks, name, *args, logs):
        for callback in callbacks:
            method = getattr(callback, name, None)
            if method is not None:
                method(*args, logs if logs is not None else {})

    def on_batch_begin(self, batch, logs=None):
        self._call_batch_hook("train", "begin", batch, logs)

    def on_batch_end(self, batch, logs=None):
        self._call_batch_hook("train", "end", batch, logs)

    def on_train_batch_begin(self, batch, logs=None):
        self._call_batch_hook("train", "begin", batch, logs)

    def on_train_batch_end(self, batch, logs=None):
        self._call_batch_hook("train", "end", batch, logs)

    def on_test_batch_begin(self, batch, logs=None):
        self._call_batch_hook("test", "begin", batch, logs)

    def on_test_batch_end(self, batch, logs=None):
        self._call_batch_hook("test", "end", batch, logs)

    def on_predict_batch_begin(self, batch, logs=None):
        self._call_batch_hook("predict", "begin", batch, logs)

    def on_predict_batch_end(self, batch, logs=None):
        self._call_batch_hook("predict", "end", batch, logs)

    def on_epoch_begin(self, epoch, logs=None):
        self._call_all("on_epoch_begin", epoch, logs=logs)

    def on_epoch_end(self, epoch, logs=None):
        self._call_all("on_epoch_end", epoch, logs=logs)

    def on_train_begin(self, logs=None):
        self._call_all("on_train_begin", logs=logs)

    def on_train_end(self, logs=None):
        self._call_all("on_train_end", logs=logs)

    def on_test_begin(self, logs=None):
        self._call_all("on_test_begin", logs=logs)

    def on_test_end(self, logs=None):
        self._call_all("on_test_end", logs=logs)

    def on_predict_begin(self, logs=None):
        self._call_all("on_predict_begin", logs=logs)

    def on_predict_end(self, logs=None):
        self._call_all("on_predict_end", logs=logs)


__all__ = ["Callback", "CallbackList"]
