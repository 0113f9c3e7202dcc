"""Training that is cut off goes on from its backup and ends with the same bits."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras import metrics
from keras.callbacks import (
    BackupAndRestore, Callback, EarlyStopping, LambdaCallback, LearningRateScheduler, ModelCheckpoint,
    ReduceLROnPlateau,
)  # fmt: skip
from keras.layers import LSTM, Dense, Dropout
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.utils import Sequence

X = np.random.RandomState(0).normal(size=(22, 3))
Y = X @ [[1.0, 0.0], [0.5, -1.0], [0.0, 2.0]]
# The long run: KERAS_TEST_KILLS=50.
KILLS = int(os.environ.get("KERAS_TEST_KILLS", "2"))
SCRIPT = Path(__file__).with_name("backup_script.py")


class CutOff(Exception):
    pass


class Cut(Callback):
    """Cuts training off after some hook of one epoch."""

    def __init__(self, hook, epoch, batch=None):
        super().__init__()
        self.epoch = None

        def cut(place, logs=None):
            if self.epoch == epoch and (batch is None or place == batch):
                raise CutOff

        setattr(self, hook, cut)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch


def build(seed=5):
    np.random.seed(seed)
    random.seed(seed)  # a Sequence is shuffled with it
    model = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Dropout(0.5), Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def fit(model, folder, *callbacks, save_freq="epoch", epochs=5, **options):
    """Watchers stand on both sides of the backup: their order among the callbacks must not matter."""
    return model.fit(
        X, Y, batch_size=4, epochs=epochs, verbose=0, validation_split=0.2,
        callbacks=[
            LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            BackupAndRestore(folder, save_freq),
            ReduceLROnPlateau(monitor="loss", patience=1, min_delta=0.05),
            *callbacks,
        ], **options,
    )  # fmt: skip


def assert_same(a, b):
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(a.optimizer.get_weights(), b.optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


CUTS = [
    Cut("on_train_batch_end", 0, 1),
    Cut("on_train_batch_begin", 2, 0),
    Cut("on_train_batch_end", 2, 3),
    Cut("on_test_batch_end", 3, 0),
    Cut("on_epoch_end", 4),
]


@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
def test_a_run_cut_off_often_ends_like_one_that_was_not(tmp_path, save_freq):
    whole = build()
    history = fit(whole, tmp_path / "whole")
    for seed, cut in enumerate(CUTS):
        # A model built with other seeds goes on with those of the first.
        model = build(seed if any(tmp_path.glob("cut/backup.npz")) else 5)
        with pytest.raises(CutOff):
            fit(model, tmp_path / "cut", cut, Callback(), save_freq=save_freq)
    again = build(77)
    # As many callbacks as before.
    rest = fit(again, tmp_path / "cut", Callback(), Callback(), save_freq=save_freq)
    assert_same(whole, again)
    assert rest.history == history.history and rest.epoch == history.epoch
    assert not list((tmp_path / "cut").iterdir())


def test_an_early_stop_is_not_forgotten(tmp_path):
    """The process dies after the last epoch, before training is over."""

    def stop():
        return EarlyStopping(monitor="loss", patience=1, min_delta=10.0, restore_best_weights=True)

    whole = build()
    stops = fit(whole, tmp_path / "whole", stop(), Callback())

    class Last(Callback):
        def on_train_end(self, logs=None):
            raise CutOff

    with pytest.raises(CutOff):
        fit(build(), tmp_path / "cut", stop(), Last())
    again = build()
    rest = fit(again, tmp_path / "cut", stop(), Callback())
    assert rest.epoch == stops.epoch == [0, 1]
    assert_same(whole, again)


def test_best_values_go_on(tmp_path):
    saved = ModelCheckpoint(str(tmp_path / "best.h5"), monitor="loss", save_best_only=True)
    with pytest.raises(CutOff):
        fit(build(), tmp_path / "cut", saved, Cut("on_train_batch_end", 3, 1))
    again = ModelCheckpoint(str(tmp_path / "best.h5"), monitor="loss", save_best_only=True)
    seen = []
    fit(build(), tmp_path / "cut", again, LambdaCallback(on_epoch_begin=lambda e, logs: seen.append((e, again.best))))
    assert seen[0] == (3, saved.best)


def test_a_backup_that_is_kept_trains_on_with_more_epochs(tmp_path):
    model = build()
    keep = lambda: BackupAndRestore(tmp_path, delete_checkpoint=False)  # noqa: E731
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[keep()])
    assert [p.name for p in tmp_path.iterdir()] == ["backup.npz"]
    same = build(1)
    assert same.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[keep()]).epoch == [0, 1]
    assert_same(model, same)
    more = build(2)
    assert more.fit(X, Y, batch_size=4, epochs=3, verbose=0, callbacks=[keep()]).epoch == [0, 1, 2]
    whole = build()
    whole.fit(X, Y, batch_size=4, epochs=3, verbose=0)
    assert_same(whole, more)


def test_another_training_is_refused_and_left_as_it_is(tmp_path):
    with pytest.raises(CutOff):
        fit(build(), tmp_path, Cut("on_train_batch_end", 1, 1))
    other = Sequential([Dense(5, input_shape=(3,)), Dense(2)])
    other.compile("adam", "mse", metrics=["mae"])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"of another training. Weights of shapes .* Delete the folder"):
        fit(other, tmp_path, Callback())
    for one, kept in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(one, kept)
    with pytest.raises(ValueError, match=r"Samples of shape \[?\(?17,?\)?\]? there"):
        model = build()
        model.fit(X, Y, verbose=0, callbacks=[*[Callback() for _ in range(3)], BackupAndRestore(tmp_path)])
    (tmp_path / "backup.npz").write_bytes(b"PK not really")
    with pytest.raises(ValueError, match="cannot be read .* Delete it to train from the beginning"):
        fit(build(), tmp_path, Callback())


def test_what_cannot_be_kept_is_named(tmp_path):
    class Odd(Callback):
        state_attributes = ("thing",)
        thing = object()

    with pytest.raises(TypeError, match="not object .* see `state_attributes`"):
        fit(build(), tmp_path, Odd())
    assert not list(tmp_path.iterdir())
    for save_freq in 0, "batch", 2.5:
        with pytest.raises(ValueError, match="`save_freq` must be"):
            BackupAndRestore(tmp_path, save_freq)


def test_only_backups_between_batches_slow_training_down(tmp_path):
    from keras.engine.training_callbacks import acts_between_batches

    assert not acts_between_batches([BackupAndRestore(tmp_path)], "train")
    assert acts_between_batches([BackupAndRestore(tmp_path, 10)], "train")


# Other ways to train.


class Rows(Sequence):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        return X[i * 4 : i * 4 + 4], Y[i * 4 : i * 4 + 4]


def random_rows():
    while True:
        chosen = np.random.permutation(22)[:4]
        yield X[chosen], Y[chosen]


def build_stateful():
    np.random.seed(5)
    model = Sequential([LSTM(3, stateful=True, recurrent_dropout=0.3, batch_input_shape=(2, 1, 3)), Dense(2)])
    model.compile(RMSprop(decay=0.1, clipnorm=1.0), "mse", metrics=[metrics.RootMeanSquaredError()])
    return model


WAYS = {
    "generator": (build, lambda model, **k: model.fit_generator(random_rows(), 5, workers=0, **k)),
    "prepared": (build, lambda model, **k: model.fit_generator(random_rows(), 5, workers=1, **k)),
    "sequence": (build, lambda model, **k: model.fit(Rows(), shuffle=True, workers=3, **k)),
    "stateful": (build_stateful, lambda model, **k: model.fit(X[:, None], Y, batch_size=2, shuffle=False, **k)),
    "steps": (build, lambda model, **k: model.fit(X, Y, steps_per_epoch=5, **k)),
}


@pytest.mark.parametrize("way", WAYS)
def test_other_ways_to_train(tmp_path, way):
    make, train = WAYS[way]
    whole = make()
    history = train(whole, epochs=3, verbose=0)
    for cut in (Cut("on_train_batch_end", 0, 3), Cut("on_train_batch_end", 1, 1), Cut("on_train_batch_begin", 2, 4)):
        with pytest.raises(CutOff):
            train(make(), epochs=3, verbose=0, callbacks=[BackupAndRestore(tmp_path, 2), cut])
    again = make()
    rest = train(again, epochs=3, verbose=0, callbacks=[BackupAndRestore(tmp_path, 2), Callback()])
    assert_same(whole, again)
    assert rest.history == history.history


# Processes killed by the clock.


def _start(folder, kind, seconds=None):
    environment = {**os.environ, "PYTHONPATH": str(SCRIPT.parents[2])}
    command = [sys.executable, str(SCRIPT), str(folder), kind] + ([str(seconds)] if seconds is not None else [])
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _numbers(path):
    with np.load(path) as file:
        return [file[name] for name in file.files]


def killed_at_random_moments(tmp_path, kind, kills, longest):
    """Starts the script until it has been killed so many times, and then to its end."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert _start(whole, kind).returncode == 0
    moments = random.Random(kind)
    times = 0
    while times < kills:
        result = _start(killed, kind, moments.uniform(0, longest))
        if result.returncode == 0:
            # It came to its end before its time: the next start begins anew.
            _assert_equal(whole, killed, kind)
        else:
            assert result.returncode == -signal.SIGKILL, result.stderr
            times += 1
    result = _start(killed, kind)
    assert result.returncode == 0, result.stderr
    _assert_equal(whole, killed, kind)


def _assert_equal(whole, killed, kind):
    expected, got = (_numbers(folder / f"{kind}.npz") for folder in (whole, killed))
    assert len(expected) > 10
    for one, other in zip(expected, got, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["arrays", "sequence"])
def test_killed_at_random_moments(tmp_path, kind):
    killed_at_random_moments(tmp_path, kind, KILLS, longest=1.2)
