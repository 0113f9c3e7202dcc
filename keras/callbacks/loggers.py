"""Callbacks that gather, show and write what training reports."""

import csv
import json
import os
import urllib.error
import urllib.parse
import urllib.request
import warnings

import numpy as np

from ..utils.generic_utils import Progbar
from .base import Callback


class BaseLogger(Callback):
    """Averages the batch values of an epoch (weighted by batch size); stateful metrics as they are."""

    _acts_between_batches = False
    state_attributes = ("seen", "totals")

    def __init__(self, stateful_metrics=None):
        super().__init__()
        self.stateful_metrics = set(stateful_metrics or ())

    def on_epoch_begin(self, epoch, logs=None):
        self.seen = 0
        self.totals = {}

    def on_batch_end(self, batch, logs=None):
        logs = logs or {}
        size = logs.get("size", 0)
        self.seen += size * logs.get("num_steps", 1)
        for name, value in logs.items():
            if name in self.stateful_metrics:
                self.totals[name] = value
            else:
                self.totals[name] = self.totals.get(name, 0) + value * size

    def on_epoch_end(self, epoch, logs=None):
        if logs is None:
            return
        for name in self.params["metrics"]:
            if name in self.totals:
                total = self.totals[name]
                value = total if name in self.stateful_metrics else total / max(self.seen, 1)
                logs[name] = value.item() if isinstance(value, np.generic) else value


class History(Callback):
    """Keeps the values of each epoch in `history`, a dictionary of lists. `fit` returns it."""

    state_attributes = ("epoch", "history")

    def on_train_begin(self, logs=None):
        self.epoch = []
        self.history = _Values()

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)


class _Values(dict):
    """History's dictionary; a missing key says which keys there are ('acc' or 'accuracy'?)."""

    def __missing__(self, key):
        raise KeyError(
            f"{key!r} was not recorded; the history holds {sorted(self)}. Metrics are named as they were given to "
            "`compile`: metrics=['accuracy'] gives 'accuracy', metrics=['acc'] gives 'acc'."
        )


class ProgbarLogger(Callback):
    """Prints progress: a bar (`verbose=1`) or a line per epoch (`verbose=2`).

    Args:
        count_mode: whether the bar counts 'samples' or 'steps'.
        stateful_metrics: names of values shown as they are.
    """

    _acts_between_batches = False
    state_attributes = ("seen",)

    def __init__(self, count_mode="samples", stateful_metrics=None):
        super().__init__()
        if count_mode not in ("samples", "steps"):
            raise ValueError(f"Unknown `count_mode`: {count_mode!r}. Wanted 'samples' or 'steps'.")
        self.use_steps = count_mode == "steps"
        self.stateful_metrics = set(stateful_metrics or ())

    def on_train_begin(self, logs=None):
        self.verbose = self.params["verbose"]
        self.epochs = self.params["epochs"]

    def on_epoch_begin(self, epoch, logs=None):
        if self.verbose:
            print(f"Epoch {epoch + 1}/{self.epochs}")
        self.target = self.params["steps" if self.use_steps else "samples"]
        self.progbar = Progbar(self.target, verbose=self.verbose, stateful_metrics=self.stateful_metrics)
        self.seen = 0
        self.log_values = []

    def on_batch_end(self, batch, logs=None):
        if not self.verbose:
            return
        logs = logs or {}
        steps = logs.get("num_steps", 1)
        self.seen += steps if self.use_steps else logs.get("size", 0) * steps
        self.log_values = [(name, logs[name]) for name in self.params["metrics"] if name in logs]
        # The last drawing waits for the end of the epoch, when validation is known.
        if self.target is None or self.seen < self.target:
            self.progbar.update(self.seen, self.log_values)

    def on_epoch_end(self, epoch, logs=None):
        if not self.verbose:
            return
        logs = logs or {}
        final = [(name, logs[name]) for name in self.params["metrics"] if name in logs]
        # Averages of the whole epoch come with the logs: shown as they are.
        self.progbar.stateful_metrics |= {name for name, _ in final}
        self.progbar.finish(self.seen, final)


class CSVLogger(Callback):
    """Writes a line per epoch to a CSV file.

    Args:
        filename: path.
        separator: between values.
        append: keep what is there, and go on below it.
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename, self.sep, self.append = filename, separator, append
        self.keys, self.csv_file, self.writer = None, None, None
        self.append_header = True

    def on_train_begin(self, logs=None):
        has_lines = self.append and os.path.exists(self.filename) and os.path.getsize(self.filename) > 0
        self.append_header = not has_lines
        self.csv_file = open(self.filename, "a" if self.append else "w", newline="", encoding="utf-8")
        self.writer = None

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
        if getattr(self.model, "stop_training", False):
            # Training was stopped: validation may be missing in this epoch.
            logs = {k: logs.get(k, "NA") for k in self.keys}
        if self.writer is None:
            self.writer = csv.DictWriter(
                self.csv_file, fieldnames=["epoch", *self.keys], delimiter=self.sep, extrasaction="ignore"
            )
            if self.append_header:
                self.writer.writeheader()
        self.writer.writerow({"epoch": epoch, **{k: _plain(logs.get(k, "NA")) for k in self.keys}})
        self.csv_file.flush()

    def on_train_end(self, logs=None):
        if self.csv_file is not None:
            self.csv_file.close()
        self.writer = self.csv_file = None


def _plain(value):
    if isinstance(value, np.ndarray) and value.ndim:
        return '"[' + ", ".join(map(str, value.tolist())) + ']"'
    return value


class RemoteMonitor(Callback):
    """Sends the values of each epoch to a server, by POST.

    A server that cannot be reached is a warning.

    Args:
        root, path: where to.
        field: name of the form field that holds the values as JSON.
        headers: dictionary of headers of the request.
        send_as_json: send JSON itself (application/json) instead of a form.
    """

    def __init__(
        self, root="http://localhost:9000", path="/publish/epoch/end/", field="data", headers=None, send_as_json=False
    ):
        super().__init__()
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch, logs=None):
        values = {k: v.item() if isinstance(v, (np.ndarray, np.generic)) else v for k, v in (logs or {}).items()}
        text = json.dumps({"epoch": epoch, **values})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **(self.headers or {})}
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except urllib.error.HTTPError as error:
            error.close()  # the server was reached; what it makes of the values is its own affair
        except OSError as error:
            warnings.warn(f"Could not reach RemoteMonitor root server at {self.root}: {error}", stacklevel=2)


__all__ = ["BaseLogger", "CSVLogger", "History", "ProgbarLogger", "RemoteMonitor"]
