"""What the progress bar prints: on terminals wide and narrow, in files and notebooks."""

import os
import re
import sys
import types

import numpy as np
import pytest

from keras.callbacks import Callback
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.utils import Progbar

FULL = "=" * 30


class Screen:
    """A stand-in for stdout, with a clock that goes on only when told."""

    def __init__(self, monkeypatch, columns=None, notebook=False):
        self.now, self.written = 1000.0, []
        monkeypatch.setattr("time.time", lambda: self.now)
        monkeypatch.setattr(sys, "stdout", self)
        monkeypatch.delenv("PYCHARM_HOSTED", raising=False)
        monkeypatch.delenv("COLUMNS", raising=False)
        self.columns = columns
        if columns is not None:
            size = os.terminal_size((columns, 24))
            monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: size)
        if notebook:
            monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
        else:
            monkeypatch.delitem(sys.modules, "ipykernel", raising=False)

    def isatty(self):
        return self.columns is not None

    def write(self, text):
        self.written.append(text)

    def flush(self):
        pass

    @property
    def text(self):
        return "".join(self.written)


def test_times(monkeypatch):
    screen = Screen(monkeypatch, columns=200)
    bar = Progbar(10000)
    for now, step, wanted in [
        (10, 5000, "ETA: 10s"),
        (60, 3000, "ETA: 2:20"),
        (1800, 1000, "ETA: 4:30:00"),
        (12.5, 9999, "ETA: 0s"),
    ]:
        screen.now = 1000 + now
        bar._last_update = 0
        bar.update(step)
        assert wanted in screen.written[-1], screen.written[-1]
    for seconds, steps, wanted in [(50, 10, "50s 5s/step"), (5, 10, "5s 500ms/step"), (0.001, 100, "0s 10us/step")]:
        screen.now = 1000.0
        bar = Progbar(steps)
        screen.now += seconds
        bar.update(steps)
        assert screen.written[-1].endswith(f"] - {wanted}\n")


def test_values(monkeypatch):
    screen = Screen(monkeypatch, columns=300)
    bar = Progbar(4, stateful_metrics=["last"])
    bar.update(1, [("mean", 1.0), ("last", 1.0), ("small", 1e-5), ("vector", np.array([1.0, 3.0])), ("word", "on")])
    bar.add(3, [("mean", 5.0), ("last", 7.0), ("small", 1e-5), ("vector", np.array([1.0, 3.0])), ("word", "off")])
    assert screen.written[-1].strip().endswith(
        "/step - mean: 4.0000 - last: 7.0000 - small: 1.0000e-05 - vector: 2.0000 - word: off"
    )


def test_a_long_line_is_cut_on_a_narrow_terminal(monkeypatch):
    screen = Screen(monkeypatch, columns=60)
    bar = Progbar(100)
    values = [(f"output_{i}_loss", float(i)) for i in range(10)]
    for step in range(1, 100):
        screen.now += 1
        bar.update(step, values)
    assert len(screen.written) == 99
    for line in screen.written:
        assert line.startswith("\r") and len(line) <= 60 and line.endswith("...") and "\n" not in line
    assert screen.written[49].startswith("\r 50/100 [====>.....] - ETA: 50s - output_0_loss: 0.0000")
    bar.update(100, values)
    # The last line stays, so it is shown in full.
    last = screen.written[-1]
    assert last.startswith(f"\r100/100 [{FULL}] - 99s 990ms/step") and last.endswith("output_9_loss: 9.0000\n")


@pytest.mark.parametrize("columns", [5, 8, 20, 45])
def test_very_narrow_terminals(monkeypatch, columns):
    screen = Screen(monkeypatch, columns=columns)
    bar = Progbar(5)
    bar.update(2, [("loss", 1.0)])
    assert len(screen.written[-1].rstrip()) <= columns


def test_the_rest_of_a_longer_line_is_wiped_out(monkeypatch):
    screen = Screen(monkeypatch, columns=100)
    bar = Progbar(3)
    bar.update(1, [("a", 123456.0)])
    screen.now += 1
    bar._values.clear()
    bar.update(2, [])
    first, second = screen.written
    assert len(second) == len(first) and second.endswith("  ")


def test_unknown_length(monkeypatch):
    screen = Screen(monkeypatch, columns=100)
    bar = Progbar(None)
    for step in (1, 2, 3):
        screen.now += 2
        bar.update(step, [("loss", 2.0)])
    assert screen.written[-1] == "\r      3/Unknown - 6s 2s/step - loss: 2.0000"
    bar.finish(3)
    assert screen.written[-1] == "\r      3/Unknown - 6s 2s/step - loss: 2.0000\n"


@pytest.mark.parametrize("target", [600, None])
def test_a_line_a_minute_in_a_file(monkeypatch, target):
    screen = Screen(monkeypatch)
    bar = Progbar(target)
    for step in range(1, 600):
        screen.now += 1
        bar.update(step)
    bar.finish(600)
    lines = screen.text.splitlines()
    assert "\r" not in screen.text and len(lines) == 10
    with_target, without = " 60/600 [==>...........................] - ETA: 9:00", "     60/Unknown - 60s 1s/step"
    assert lines[0] == (with_target if target else without)
    assert lines[-1].startswith("600/600 [=" if target else "    600/Unknown - 599s")


def test_a_notebook_is_drawn_over_and_not_cut(monkeypatch):
    screen = Screen(monkeypatch, notebook=True)
    bar = Progbar(2)
    bar.update(1, [(f"value_{i}", 1.0) for i in range(10)])
    assert screen.written[0].startswith("\r1/2 [") and screen.written[0].endswith("value_9: 1.0000")
    bar.update(2)
    assert screen.text.count("\n") == 1


def test_quiet_and_one_line(monkeypatch):
    screen = Screen(monkeypatch, columns=80)
    for verbose in (0, 2):
        bar = Progbar(3, verbose=verbose)
        for step in (1, 2, 3):
            screen.now += 1
            bar.update(step, [("loss", 1.0)])
    assert screen.text == " - 3s - loss: 1.0000\n"


def test_no_steps_at_all(monkeypatch):
    screen = Screen(monkeypatch, columns=80)
    Progbar(0).update(0)
    assert screen.text == f"\r0/0 [{'.' * 30}] - 0s 0s/step\n"


# In training.

X = np.random.RandomState(0).rand(20, 2)
Y = X.sum(axis=1, keepdims=True)


def build():
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


def last_line(text):
    return re.split("[\r\n]", text.strip())[-1]


def test_bars_of_evaluation_and_prediction(capsys):
    model = build()
    pace = r" - \d+s \d+[mu]?s/step"
    model.evaluate(X, Y, batch_size=8)
    assert re.fullmatch(rf"20/20 \[{FULL}\]{pace}", last_line(capsys.readouterr().out))
    model.predict(X, batch_size=8, verbose=1)
    assert re.fullmatch(rf"20/20 \[{FULL}\]{pace}", last_line(capsys.readouterr().out))

    def rows():
        while True:
            yield X[:5], Y[:5]

    model.evaluate_generator(rows(), 3, verbose=1)
    model.predict_generator(rows(), 3, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and all(re.fullmatch(rf"3/3 \[{FULL}\]{pace}", line) for line in lines)
    model.evaluate(X, Y, verbose=0)
    model.predict(X)
    assert capsys.readouterr().out == ""


def test_a_stopped_epoch_ends_its_line_where_it_was(capsys):
    class Stop(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    build().fit(X, Y, batch_size=4, callbacks=[Stop()])
    text = capsys.readouterr().out
    assert text.endswith("\n") and re.match(r" 8/20 \[=+>\.+\] - .*loss: .* - mae: ", last_line(" \r" + text))


def test_ten_outputs(capsys, monkeypatch):
    x = Input((2,))
    model = Model(x, [Dense(1, name=f"out_{i}")(x) for i in range(10)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.fit(X, [Y] * 10, validation_split=0.5, batch_size=5)
    line = last_line(capsys.readouterr().out)
    names = re.findall(r" - (\w+): [\d.e+-]+", line)
    assert names == [*model.metrics_names, *["val_" + n for n in model.metrics_names]] and len(names) == 42
