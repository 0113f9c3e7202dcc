"""Callbacks that act on training: stop it, change the learning rate, keep the best weights."""

import os
import warnings

import numpy as np

from .. import backend as K
from ..utils.near_names import argument_meant
from ..utils.user_warnings import warn_user
from .base import Callback

_MODES = ("auto", "min", "max")


class _Watcher(Callback):
    """What callbacks share that watch one value: its direction, and the message when it is missing."""

    def _watch(self, monitor, mode):
        if mode not in _MODES:
            warnings.warn(
                f"{type(self).__name__} mode {mode} is unknown, fallback to auto mode.", RuntimeWarning, stacklevel=3
            )
            mode = "auto"
        self.monitor = monitor
        rising = mode == "max" or (mode == "auto" and ("acc" in monitor or monitor.startswith("fmeasure")))
        self.monitor_op = np.greater if rising else np.less
        self.worst = -np.inf if rising else np.inf

    def _watched(self, logs):
        value = (logs or {}).get(self.monitor)
        if value is None:
            warn_user(
                f"{type(self).__name__} conditioned on metric `{self.monitor}` which is not available. Available "
                f"metrics are: {','.join(logs or {})}. (Metrics are named as given to `compile`: 'acc' or 'accuracy'; "
                "'val_' values need validation data.)",
                RuntimeWarning,
            )
        return value


class TerminateOnNaN(Callback):
    """Stops training at the first loss that is NaN or infinite."""

    def on_batch_end(self, batch, logs=None):
        loss = (logs or {}).get("loss")
        if loss is not None and not np.isfinite(loss):
            print(f"Batch {batch}: Invalid loss, terminating training")
            self.model.stop_training = True


class EarlyStopping(_Watcher):
    """Stops training when a value no longer gets better.

    Args:
        monitor: name of the value.
        min_delta: a smaller change does not count.
        patience: epochs without improvement to wait for.
        verbose: 1 says when it stops.
        mode: 'min', 'max', or 'auto' by the name.
        baseline: the value must get better than this.
        restore_best_weights: go back to the weights of the best epoch.
    """

    state_attributes = ("best", "best_weights", "wait", "stopped_epoch")

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto", baseline=None,
        restore_best_weights=False,
    ):  # fmt: skip
        super().__init__()
        self._watch(monitor, mode)
        self.baseline, self.patience, self.verbose = baseline, patience, verbose
        self.min_delta = min_delta * (1 if self.monitor_op is np.greater else -1)
        self.restore_best_weights = restore_best_weights
        self.best_weights = None
        self.wait = self.stopped_epoch = 0

    def on_train_begin(self, logs=None):
        self.wait = self.stopped_epoch = 0
        self.best = self.worst if self.baseline is None else self.baseline
        self.best_weights = None

    def on_epoch_end(self, epoch, logs=None):
        current = self._watched(logs)
        if current is None:
            return
        if self.monitor_op(current - self.min_delta, self.best):
            self.best, self.wait = current, 0
            if self.restore_best_weights:
                self.best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True
            if self.restore_best_weights and self.best_weights is not None:
                if self.verbose > 0:
                    print("Restoring model weights from the end of the best epoch")
                self.model.set_weights(self.best_weights)

    def on_train_end(self, logs=None):
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1:05d}: early stopping")

    def get_monitor_value(self, logs):
        """The watched value, with a warning if it is missing."""
        return self._watched(logs)


class ModelCheckpoint(_Watcher):
    """Saves the model after epochs.

    Args:
        filepath: may hold `{epoch:02d}` and `{val_loss:.2f}` and the like.
        monitor: the value that decides which is best.
        verbose: 1 says what is done.
        save_best_only: save only if the value got better.
        save_weights_only: weights alone (`model.save_weights`).
        mode: 'min', 'max', 'auto'.
        period: epochs between savings.
    """

    state_attributes = ("best", "epochs_since_last_save")

    def __init__(
        self, filepath, monitor="val_loss", verbose=0, save_best_only=False, save_weights_only=False, mode="auto",
        period=1,
    ):  # fmt: skip
        super().__init__()
        self._watch(monitor, mode)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.period, self.epochs_since_last_save = period, 0
        self.best = self.worst

    def on_epoch_end(self, epoch, logs=None):
        self.epochs_since_last_save += 1
        if self.epochs_since_last_save < self.period:
            return
        self.epochs_since_last_save = 0
        path = self._path(epoch, logs or {})
        if not self.save_best_only:
            self._save(path, f"Epoch {epoch + 1:05d}: saving model to {path}")
            return
        current = self._watched(logs)
        if current is None:
            return
        if self.monitor_op(current, self.best):
            change = f"{self.monitor} improved from {self.best:0.5f} to {current:0.5f}"
            self.best = current
            self._save(path, f"Epoch {epoch + 1:05d}: {change}, saving model to {path}")
        elif self.verbose > 0:
            print(f"\nEpoch {epoch + 1:05d}: {self.monitor} did not improve from {self.best:0.5f}")

    def _path(self, epoch, logs):
        try:
            return self.filepath.format(epoch=epoch + 1, **logs)
        except KeyError as error:
            raise KeyError(
                f"The file name {self.filepath!r} asks for {error}, but there are only: epoch, {', '.join(logs)}. "
                "(Metrics are named as given to `compile`: 'acc' or 'accuracy'; 'val_' values need validation data.)"
            ) from None
        except (ValueError, IndexError) as error:
            raise ValueError(
                f"The file name {self.filepath!r} cannot be filled in ({error}). In braces stand a value and its"
                " format, as in '{epoch:02d}-{val_loss:.2f}.h5'; a brace that is meant is written twice."
            ) from error

    def _save(self, path, message):
        if self.verbose > 0:
            print("\n" + message)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)


class LearningRateScheduler(Callback):
    """Sets the learning rate at the start of each epoch.

    Args:
        schedule: function (epoch) or (epoch, current rate) -> new rate, a float.
        verbose: 1 says the rate.
    """

    def __init__(self, schedule, verbose=0):
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_epoch_begin(self, epoch, logs=None):
        if not hasattr(self.model.optimizer, "lr"):
            raise ValueError(
                'Optimizer must have a "lr" attribute, the variable of its learning rate, for LearningRateScheduler '
                f"to set; {type(self.model.optimizer).__name__} has none."
            )
        rate = float(K.get_value(self.model.optimizer.lr))
        try:
            rate = self.schedule(epoch, rate)
        except TypeError:  # a schedule of the epoch alone
            rate = self.schedule(epoch)
        if not isinstance(rate, (float, np.float32, np.float64)):
            raise ValueError(
                f'The output of the "schedule" function should be float, got {rate!r} of type {type(rate).__name__}.'
            )
        K.set_value(self.model.optimizer.lr, rate)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1:05d}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch, logs=None):
        if logs is not None:
            logs["lr"] = K.get_value(self.model.optimizer.lr)


class ReduceLROnPlateau(_Watcher):
    """Lowers the learning rate when a value no longer gets better.

    Args:
        monitor: name of the value.
        factor: the rate is multiplied by it, below 1.
        patience: epochs without improvement to wait for.
        verbose: 1 says the new rate.
        mode: 'min', 'max', 'auto'.
        min_delta: a smaller change does not count.
        cooldown: epochs to wait after a reduction.
        min_lr: the rate is not lowered below this.
    """

    state_attributes = ("best", "wait", "cooldown_counter")

    def __init__(
        self, monitor="val_loss", factor=0.1, patience=10, verbose=0, mode="auto", min_delta=1e-4, cooldown=0,
        min_lr=0, **kwargs,
    ):  # fmt: skip
        super().__init__()
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau does not support a factor >= 1.0, got {factor}.")
        if "epsilon" in kwargs:
            min_delta = kwargs.pop("epsilon")
            warnings.warn("`epsilon` argument is deprecated, use `min_delta` instead.", stacklevel=2)
        if kwargs:
            raise TypeError(f"Unknown arguments: {', '.join(kwargs)}.{argument_meant(kwargs, type(self))}")
        self._watch(monitor, mode)
        self.factor, self.min_lr, self.min_delta, self.patience = factor, min_lr, min_delta, patience
        self.verbose, self.cooldown, self.mode = verbose, cooldown, mode
        self._reset()

    def _reset(self):
        self.best = self.worst
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs=None):
        self._reset()

    def in_cooldown(self):
        """Whether the last reduction was less than `cooldown` epochs ago."""
        return self.cooldown_counter > 0

    def _better(self, current):
        margin = self.min_delta if self.monitor_op is np.greater else -self.min_delta
        return self.monitor_op(current, self.best + margin)

    def on_epoch_end(self, epoch, logs=None):
        logs = logs if logs is not None else {}
        logs["lr"] = K.get_value(self.model.optimizer.lr)
        current = self._watched(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._better(current):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._lower(epoch)

    def _lower(self, epoch):
        old = float(K.get_value(self.model.optimizer.lr))
        if old <= self.min_lr:
            return
        new = max(old * self.factor, self.min_lr)
        K.set_value(self.model.optimizer.lr, new)
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1:05d}: ReduceLROnPlateau reducing learning rate to {new}.")
        self.cooldown_counter, self.wait = self.cooldown, 0


class LambdaCallback(Callback):
    """A callback from functions; hooks that are None are left out.

    Args:
        on_epoch_begin, on_epoch_end: `f(epoch, logs)`.
        on_batch_begin, on_batch_end: `f(batch, logs)`, of training.
        on_train_begin, on_train_end: `f(logs)`.
        **kwargs: further attributes of the callback, other hooks among them (`on_test_batch_end`).

    Example:
        LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs['loss']))
    """

    def __init__(
        self, on_epoch_begin=None, on_epoch_end=None, on_batch_begin=None, on_batch_end=None, on_train_begin=None,
        on_train_end=None, **kwargs,
    ):  # fmt: skip
        super().__init__()
        self.__dict__.update(kwargs)
        hooks = {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end, "on_batch_begin": on_batch_begin,
            "on_batch_end": on_batch_end, "on_train_begin": on_train_begin, "on_train_end": on_train_end,
        }  # fmt: skip
        self.__dict__.update({name: hook for name, hook in hooks.items() if hook is not None})
        for when in ("begin", "end"):
            older = hooks[f"on_batch_{when}"]
            if older is not None:
                # Calls come by the newer name.
                setattr(self, f"on_train_batch_{when}", lambda batch, logs=None, hook=older: hook(batch, logs))


__all__ = [
    "EarlyStopping", "LambdaCallback", "LearningRateScheduler", "ModelCheckpoint", "ReduceLROnPlateau",
    "TerminateOnNaN",
]  # fmt: skip
