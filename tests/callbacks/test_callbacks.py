"""Callbacks on real, tiny models; what the progress bar prints."""

import re
import warnings

import numpy as np
import pytest

from keras import backend as K
from keras import callbacks as C
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.utils import Progbar


@pytest.fixture
def model():
    model = Sequential([Dense(1, input_dim=2, kernel_initializer="zeros")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


X = np.random.RandomState(0).rand(20, 2)
Y = X.sum(axis=1, keepdims=True)


class Feed(C.Callback):
    """Puts given values into the logs of each epoch, for callbacks that come after it."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs.update({k: v[epoch] for k, v in self.values.items()})


def fit(model, *callbacks, epochs=6, **kwargs):
    return model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, callbacks=list(callbacks), **kwargs)


def test_order_of_hooks(model):
    seen = []

    class Recorder(C.Callback):
        pass

    for name in [n for n in dir(C.Callback) if n.startswith("on_")]:
        setattr(Recorder, name, lambda self, *args, name=name, **kwargs: seen.append(name))
    fit(model, Recorder(), epochs=1, validation_data=(X[:10], Y[:10]))
    assert seen == [
        "on_train_begin", "on_epoch_begin", *["on_train_batch_begin", "on_train_batch_end"] * 2,
        "on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end", "on_epoch_end", "on_train_end",
    ]  # fmt: skip


def test_logs_and_history(model):
    batches = []
    history = fit(model, C.LambdaCallback(on_batch_end=lambda b, logs: batches.append((b, logs["size"], logs["loss"]))))
    assert [b[:2] for b in batches] == [(0, 10), (1, 10)] * 6
    np.testing.assert_allclose(history.history["loss"][0], np.mean([b[2] for b in batches[:2]]), rtol=1e-5)
    assert history.epoch == list(range(6)) and history.params["epochs"] == 6
    with pytest.raises(KeyError, match="'acc' was not recorded; .*'loss', 'mae'"):
        history.history["acc"]


@pytest.mark.parametrize(
    "values, options, epochs",
    [
        ([5, 4, 4, 4, 4, 4], {"patience": 2}, 4),
        ([5, 4, 3.9, 3.8, 3.7, 3.6], {"patience": 2, "min_delta": 0.5}, 4),
        ([1, 2, 3, 3, 3, 3], {"patience": 2, "mode": "max"}, 5),
        ([5, 4, 3, 2, 1, 0], {"patience": 2}, 6),
        ([5, 4, 3, 2, 1, 0], {"patience": 1, "baseline": 1.5}, 1),
    ],
)
def test_early_stopping(model, values, options, epochs):
    history = fit(model, Feed(watched=values), C.EarlyStopping(monitor="watched", **options))
    assert len(history.epoch) == epochs


def test_early_stopping_restores_the_best_weights(model):
    kept = []
    record = C.LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()[0]))
    stop = C.EarlyStopping(monitor="watched", patience=2, restore_best_weights=True)
    fit(model, Feed(watched=[3, 1, 2, 2, 2, 2]), record, stop)
    assert len(kept) == 4 and np.array_equal(model.get_weights()[0], kept[1])


def test_a_missing_value_is_a_warning_that_names_what_there_is(model):
    with pytest.warns(RuntimeWarning, match="`val_loss` which is not available. Available metrics are: loss,mae"):
        fit(model, C.EarlyStopping(), epochs=1)


def test_model_checkpoint(model, tmp_path):
    path = str(tmp_path / "at-{epoch:02d}-{watched:.1f}.h5")
    fit(model, Feed(watched=[3, 1, 2, 0.5]), C.ModelCheckpoint(path, monitor="watched", save_best_only=True), epochs=4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["at-01-3.0.h5", "at-02-1.0.h5", "at-04-0.5.h5"]
    last = load_model(str(tmp_path / "at-04-0.5.h5"))
    np.testing.assert_array_equal(last.predict(X), model.predict(X))


def test_learning_rates(model):
    rates = C.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    assert fit(model, rates, epochs=3).history["lr"] == pytest.approx([0.1, 0.05, 0.1 / 3])
    by_rate = C.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    assert fit(model, by_rate, epochs=2).history["lr"] == pytest.approx([0.1 / 6, 0.1 / 12])
    with pytest.raises(ValueError, match="should be float, got 'fast'"):
        fit(model, C.LearningRateScheduler(lambda epoch: "fast"), epochs=1)


def test_reduce_on_plateau(model):
    K.set_value(model.optimizer.lr, 1e-3)
    reduce = C.ReduceLROnPlateau(monitor="watched", factor=0.1, patience=2, min_lr=5e-5)
    history = fit(model, Feed(watched=[1] * 6), reduce)
    assert history.history["lr"] == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 5e-5])


@pytest.mark.parametrize(
    "values, options, rates",
    [
        # A cooldown counts the epochs after a reduction; only then does patience begin anew.
        ([1] * 8, {"patience": 1, "cooldown": 2}, [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]),
        ([1] * 6, {"patience": 1, "cooldown": 0}, [1, 1, 0.1, 0.01, 1e-3, 1e-4]),
        ([1, 0.995, 0.99, 0.985], {"patience": 2, "min_delta": 0.1}, [1, 1, 1, 0.1]),
        ([1, 2, 3, 3, 3], {"patience": 2, "mode": "max"}, [1, 1, 1, 1, 1]),
        ([1, 2, 3, 3, 3, 3], {"patience": 2, "mode": "max"}, [1, 1, 1, 1, 1, 0.1]),
    ],
)
def test_reduce_on_plateau_step_by_step(model, values, options, rates):
    K.set_value(model.optimizer.lr, 1.0)
    reduce = C.ReduceLROnPlateau(monitor="watched", **options)
    history = fit(model, Feed(watched=values), reduce, epochs=len(values))
    assert history.history["lr"] == pytest.approx(rates)


def test_options_that_make_no_sense():
    with pytest.raises(ValueError, match="does not support a factor >= 1.0"):
        C.ReduceLROnPlateau(factor=1.0)
    with pytest.warns(UserWarning, match="`epsilon` argument is deprecated"):
        assert C.ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match="patients"):
        C.ReduceLROnPlateau(patients=3)
    with pytest.warns(RuntimeWarning, match="EarlyStopping mode up is unknown"):
        C.EarlyStopping(mode="up")
    with pytest.raises(ValueError, match="`count_mode`"):
        C.ProgbarLogger("rows")


def test_messages(model, capsys):
    rates = C.LearningRateScheduler(lambda epoch, rate: 0.5, verbose=1)
    lower = C.ReduceLROnPlateau(monitor="watched", patience=1, factor=0.5, verbose=1)
    stop = C.EarlyStopping(monitor="watched", patience=2, restore_best_weights=True, verbose=1)
    fit(model, Feed(watched=[1] * 6), rates, lower, stop)
    assert capsys.readouterr().out.splitlines() == [
        "", "Epoch 00001: LearningRateScheduler setting learning rate to 0.5.",
        "", "Epoch 00002: LearningRateScheduler setting learning rate to 0.5.",
        "", "Epoch 00002: ReduceLROnPlateau reducing learning rate to 0.25.",
        "", "Epoch 00003: LearningRateScheduler setting learning rate to 0.5.",
        "", "Epoch 00003: ReduceLROnPlateau reducing learning rate to 0.25.",
        "Restoring model weights from the end of the best epoch", "Epoch 00003: early stopping",
    ]  # fmt: skip


def test_a_rate_set_between_batches_counts_for_the_next(model):
    class Off(C.Callback):
        def on_batch_end(self, batch, logs=None):
            K.set_value(self.model.optimizer.lr, 0.0)

    fit(model, Off(), epochs=1)
    once = Sequential([Dense(1, input_dim=2, kernel_initializer="zeros")])
    once.compile("sgd", "mse")
    np.random.seed(1234)
    before = model.get_weights()[0]
    fit(model, epochs=1)
    np.testing.assert_array_equal(model.get_weights()[0], before)


def test_stopping_between_batches(model):
    class Stop(C.Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    history = fit(model, Stop())
    assert len(history.epoch) == 1


def test_terminate_on_nan(model, capsys):
    K.set_value(model.optimizer.lr, 1e30)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        history = fit(model, C.TerminateOnNaN(), epochs=10)
    assert len(history.epoch) < 10 and "Invalid loss, terminating training" in capsys.readouterr().out


def test_csv(model, tmp_path):
    path = tmp_path / "log.csv"
    fit(model, C.CSVLogger(str(path)), epochs=2)
    fit(model, C.CSVLogger(str(path), append=True), epochs=1)
    lines = path.read_text().splitlines()
    assert lines[0] == "epoch,loss,mae" and [line.split(",")[0] for line in lines[1:]] == ["0", "1", "0"]


class Clock:
    def __init__(self, monkeypatch, terminal):
        import sys

        self.now = 1000.0
        monkeypatch.setattr("time.time", lambda: self.now)
        monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)


def test_bar_on_a_terminal(monkeypatch, capsys):
    clock = Clock(monkeypatch, terminal=True)
    bar = Progbar(40)
    clock.now += 1
    bar.update(10, [("loss", 2.0)])
    clock.now += 0.01
    bar.update(20, [("loss", 4.0)])  # too soon to draw, but it counts
    clock.now += 3
    bar.update(40, [("loss", 0.00001)])
    lines = capsys.readouterr().out.split("\r")
    assert lines[1] == "10/40 [======>.......................] - ETA: 3s - loss: 2.0000"
    assert lines[2].startswith("40/40 [==============================] - 4s 100ms/step - loss: 1.5000")
    assert len(lines) == 3 and lines[2].endswith("\n")


def test_bar_in_a_file_is_not_a_flood(monkeypatch, capsys):
    clock = Clock(monkeypatch, terminal=False)
    bar = Progbar(1000)
    for i in range(1000):
        clock.now += 0.1
        bar.update(i + 1, [("loss", 1.0)])
    text = capsys.readouterr().out
    assert "\r" not in text and text.count("\n") <= 4
    assert text.splitlines()[-1] == "1000/1000 [==============================] - 100s 100ms/step - loss: 1.0000"


def test_lines_of_fit(model, capsys):
    model.fit(X, Y, epochs=2, batch_size=10, validation_split=0.5, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Train on 10 samples, validate on 10 samples" and lines[1] == "Epoch 1/2"
    assert re.fullmatch(r" - \d+s - loss: [\d.e-]+ - mae: [\d.e-]+ - val_loss: [\d.e-]+ - val_mae: [\d.e-]+", lines[2])
    model.fit(X, Y, epochs=1, batch_size=10, verbose=1)
    bar = re.split("[\r\n]", capsys.readouterr().out.strip())[-1]
    assert re.fullmatch(r"20/20 \[={30}\] - \d+s \d+[mu]?s/step - loss: [\d.e-]+ - mae: [\d.e-]+", bar)
    model.fit(X, Y, epochs=1, verbose=0)
    assert capsys.readouterr().out == ""
