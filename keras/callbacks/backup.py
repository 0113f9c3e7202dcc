"""`BackupAndRestore`: training that was killed goes on where it was."""

import json
import os
import random

import numpy as np

from .. import backend as K
from ..saving import atomic
from .base import Callback


class BackupAndRestore(Callback):
    """Keeps a backup of the training, so that the same script, started again after a crash, goes on from it.

    A run that was killed any number of times ends with the same bits as one that was not: weights, state of
    the optimizer and of metrics, recurrent states, the order of the samples, seeds and steps of random layers,
    and the random states of NumPy and Python are all kept. So is what the callbacks of this package remember
    (best values, epochs waited, history); a callback of your own goes on if its class lists the attributes
    that change during training: `state_attributes = ("count", "best")`.

    With a generator or a `Sequence`, the batches that were used before are drawn once more and dropped: the
    script must make it as it did the first time, and seed `random` and `numpy.random` if it is shuffled. A
    `CSVLogger` needs `append=True`.

    Whatever its place among the callbacks, this one is called last.

    Args:
        backup_dir: folder for the backup, made if missing. It serves one call of `fit`.
        save_freq: `"epoch"`, or a number of batches after which a backup is made as well. Each one waits for
            the device and for the disk.
        delete_checkpoint: whether the backup is deleted when training has ended. If not, starting the script
            again trains no more, unless `epochs` was raised.

    Raises:
        ValueError: if the backup is of a training with another model or other data.

    Example:
        model.fit(x, y, epochs=100, callbacks=[BackupAndRestore("backup")])
    """

    _runs_last = True

    def __init__(self, backup_dir, save_freq="epoch", delete_checkpoint=True):
        super().__init__()
        if save_freq != "epoch" and not (isinstance(save_freq, int) and save_freq > 0):
            raise ValueError(f'`save_freq` must be "epoch" or a positive number of batches, got {save_freq!r}.')
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq, self.delete_checkpoint = save_freq, delete_checkpoint
        if save_freq != "epoch":
            # A batch hook makes training go batch by batch; without need there is none.
            self.on_train_batch_end = self._count_batch

    @property
    def path(self):
        """The file of the backup."""
        return os.path.join(self.backup_dir, "backup.npz")

    def on_train_begin(self, logs=None):
        os.makedirs(self.backup_dir, exist_ok=True)
        self._backup = _read(self.path) if os.path.exists(self.path) else None
        self._batches = 0
        if self._backup is None:
            return
        position = self.model._position
        self._restore()
        position.epoch, position.batch = self._backup["epoch"], self._backup["batch"]
        if self._backup["stopped"]:
            position.epoch, position.batch = self.params["epochs"], 0

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch
        if self._backup is not None and self._backup["batch"]:
            # In the middle of an epoch: callbacks have just prepared for its beginning.
            self._restore()
        self._backup = None

    def _count_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch, logs=None):
        self._save(epoch + 1, 0)

    def on_train_end(self, logs=None):
        if self.delete_checkpoint and os.path.exists(self.path):
            os.remove(self.path)

    # What is kept.

    def _save(self, epoch, batch):
        position = self.model._position
        kept = {
            "epoch": epoch,
            "batch": batch,
            "stopped": self.model.stop_training,
            "batches": self._batches,
            "values": K.batch_get_value(self._variables()),
            "order": position.order,
            "programs": [{"step": p.step, "seeds": p.seeds} for p in self._programs()],
            "callbacks": [_state(c) for c in position.callbacks],
            "random": {"numpy": np.random.get_state(legacy=False), "python": random.getstate()},
        }
        arrays = {}
        description = _packed(kept, arrays)
        with atomic.replacing(self.path) as temporary, open(temporary, "wb") as file:
            np.savez(file, description=json.dumps(description), **arrays)

    def _restore(self):
        kept, position, variables = self._backup, self.model._position, self._variables()
        self._check([v.shape for v in kept["values"]], [K.int_shape(v) for v in variables], "weights of shapes")
        self._check(np.shape(kept["order"]), np.shape(position.order), "samples of shape")
        self._check(len(kept["callbacks"]), len(list(position.callbacks)), "callbacks, together with Keras's own:")
        K.batch_set_value(zip(variables, kept["values"], strict=True))
        position.order = kept["order"]
        for program, state in zip(self._programs(), kept["programs"], strict=False):
            program.step, program.seeds = state["step"], state["seeds"]
        for callback, state in zip(position.callbacks, kept["callbacks"], strict=True):
            _set_state(callback, state)
        self._batches = kept["batches"]
        if not position.replays:
            np.random.set_state(kept["random"]["numpy"])
            version, numbers, rest = kept["random"]["python"]
            random.setstate((version, tuple(numbers), rest))

    def _check(self, kept, present, what):
        if kept != present:
            raise ValueError(
                f"The backup in {self.backup_dir!r} is of another training. {what.capitalize()} {kept} there, "
                f"{present} here. Delete the folder to train from the beginning, or give this training a folder "
                "of its own."
            )

    def _variables(self):
        """All that a training step reads or changes, and the model's weights."""
        program = self.model._position.program.program
        found = [v for v, _ in program.variables] + [v for v, _ in program.updates] + self.model.weights
        return list(dict.fromkeys(found))

    def _programs(self):
        """The compiled programs whose random numbers matter."""
        test = getattr(self.model, "test_function", None)
        return [self.model._position.program] + ([test.compiled(0)] if test is not None else [])


def _state(callback):
    names = getattr(callback, "state_attributes", ())
    return {name: getattr(callback, name) for name in names if hasattr(callback, name)}


def _set_state(callback, state):
    for name, value in state.items():
        present = getattr(callback, name, None)
        if isinstance(present, dict) and isinstance(value, dict):
            present.clear()  # of the same kind as before, and known to those who hold it
            present.update(value)
        else:
            setattr(callback, name, value)


def _packed(value, arrays):
    """A value as JSON can hold it; its arrays and NumPy numbers are put into `arrays`.

    Raises:
        TypeError: for anything but numbers, text, arrays, lists and dictionaries of these.
    """
    if isinstance(value, dict):
        return {"entries": [[key, _packed(item, arrays)] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_packed(item, arrays) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        name = f"array_{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array": name, "scalar": isinstance(value, np.generic)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"A backup holds numbers, text, arrays, lists and dictionaries, not {type(value).__name__} ({value!r:.60}): "
        "see `state_attributes` of your callbacks."
    )


def _unpacked(value, arrays):
    if isinstance(value, list):
        return [_unpacked(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        array = arrays[value["array"]]
        return array[()] if value["scalar"] else array
    return {key: _unpacked(item, arrays) for key, item in value["entries"]}


def _read(path):
    """What `BackupAndRestore._save` kept.

    Raises:
        ValueError: if the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        return _unpacked(json.loads(str(arrays.pop("description"))), arrays)
    except Exception as error:
        raise ValueError(
            f"The backup {path!r} cannot be read ({error}). Delete it to train from the beginning."
        ) from error


__all__ = ["BackupAndRestore"]
