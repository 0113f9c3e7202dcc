"""Training that is interrupted leaves a model that can be used, and nothing behind."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from reference import Linear, linear_data

from keras import backend as K
from keras.callbacks import Callback
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD
from keras.utils import Sequence, data_utils


@pytest.fixture(autouse=True)
def _interrupts_are_heard():
    """A shell that starts the tests in the background has them ignore Ctrl-C; and so would their children."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


def linear_model():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(SGD(0.1), "mse")
    return model, Linear(*model.get_weights())


class InterruptedWhenRead(list):
    """Ctrl-C comes after its first item was taken."""

    def __iter__(self):
        for number, item in enumerate(super().__iter__()):
            if number == 1:
                signal.raise_signal(signal.SIGINT)
            yield item


def interrupt_after(program, name, monkeypatch):
    """Ctrl-C comes when the engine has computed the step, or when the first of the new weights is stored."""
    real = getattr(program, name)

    def interrupted(*args):
        results = real(*args)
        signal.raise_signal(signal.SIGINT)
        return results

    monkeypatch.setattr(program, name, InterruptedWhenRead(real) if isinstance(real, list) else interrupted)


# JAX takes the weights' memory for the new values: there is no way back from the call on.
PLACES = {"jax": ["_single", "_many"]}.get(K.backend(), ["updated"])


@pytest.mark.parametrize("name", PLACES)
def test_a_step_is_made_whole(monkeypatch, name):
    """Ctrl-C while a step is being made: the step counts, then the interrupt is raised."""
    x, y = linear_data(samples=8 if name == "_many" else 4)
    model, reference = linear_model()
    model._make_train_function()
    interrupt_after(model.train_function.compiled(1), name, monkeypatch)
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    assert signal.getsignal(signal.SIGINT) is handler
    monkeypatch.undo()
    reference.step(x[:4], y[:4])
    np.testing.assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-5)
    loss = model.train_on_batch(x[:4], y[:4])
    np.testing.assert_allclose(loss, reference.step(x[:4], y[:4]), rtol=1e-5)


def forever(x, y):
    while True:
        yield x, y


class Slow(Sequence):
    def __len__(self):
        return 5

    def __getitem__(self, i):
        time.sleep(0.01)
        return linear_data(samples=4)


@pytest.mark.parametrize("kind", ["arrays", "generator", "sequence"])
def test_interrupted_between_batches(kind):
    class Interrupt(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                signal.raise_signal(signal.SIGINT)

    x, y = linear_data(samples=4)
    model, reference = linear_model()
    before = threading.active_count()
    data = {"arrays": lambda: (np.tile(x, (5, 1)), np.tile(y, (5, 1))), "generator": lambda: (forever(x, y),),
            "sequence": lambda: (Slow(),)}[kind]()  # fmt: skip
    options = {"batch_size": 4, "shuffle": False} if kind == "arrays" else {"workers": 2}
    if kind == "generator":
        options["steps_per_epoch"] = 5
    with pytest.raises(KeyboardInterrupt):
        model.fit(*data, verbose=0, callbacks=[Interrupt()], **options)
    for _ in range(3):
        reference.step(x, y)
    np.testing.assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-5)
    assert threading.active_count() == before
    model.fit(x, y, verbose=0)
    reference.step(x, y)
    np.testing.assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-5)


@pytest.mark.parametrize("workers", [0, 1])
def test_interrupted_while_waiting_for_a_batch(monkeypatch, workers):
    """A generator that never answers does not hold up the interrupt."""
    waiting, released, over = threading.Event(), threading.Event(), threading.Event()
    x, y = linear_data(samples=4)

    def blocks():
        yield x, y
        waiting.set()
        released.wait()
        yield x, y

    def press():
        waiting.wait()
        # A signal just before a lock is waited for does not wake Python up: then the user presses again.
        pause = 0.3
        while not over.wait(pause):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            pause = 10

    monkeypatch.setattr(data_utils, "SECONDS_TO_STOP", 0.1)
    model, _ = linear_model()
    finger = threading.Thread(target=press)
    finger.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(blocks(), steps_per_epoch=2, verbose=0, workers=workers)
    finally:
        over.set()
        released.set()
        finger.join()
    loss = model.evaluate(x, y, verbose=0)
    model.fit(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0) < loss


SCRIPT = """
import os, sys, threading, time
import numpy as np
from keras.callbacks import LambdaCallback
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import Sequence

class Endless(Sequence):
    x, y = np.ones((4, 3)), np.ones((4, 2))

    def __len__(self):
        return 10**6

    def __getitem__(self, i):
        if i == 0:
            print("worker", os.getpid(), file=sys.stderr, flush=True)
        return self.x, self.y

model = Sequential([Dense(2, input_shape=(3,))])
model.compile("sgd", "mse")
ready = LambdaCallback(on_batch_end=lambda batch, logs: batch == 100 and print("ready", flush=True))
before = threading.active_count()
try:
    model.fit(Endless(), verbose=0, callbacks=[ready], shuffle=False, workers=2,
              use_multiprocessing=sys.argv[1] == "processes")
except KeyboardInterrupt:
    assert threading.active_count() == before
    assert np.isfinite(model.predict(np.ones((2, 3)))).all()
    print("interrupted", flush=True)
"""


@contextmanager
def training_script(tmp_path, workers):
    """A process that trains until it is stopped, once it has begun to; it has a folder for temporary files."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    (tmp_path / "tmp").mkdir()
    path = os.pathsep.join(p for p in sys.path if p)
    process = subprocess.Popen(
        [sys.executable, str(script), workers], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env={**os.environ, "PYTHONPATH": path, "TMPDIR": str(tmp_path / "tmp")},
    )  # fmt: skip
    try:
        assert process.stdout.readline().strip() == "ready"
        yield process
    except BaseException:  # nothing of it stays
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise


def runs(pid):
    """Whether that process is there, and is more than an entry that nobody has asked for yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_ctrl_c(tmp_path, workers):
    """Ctrl-C in a terminal goes to every process of the group."""
    with training_script(tmp_path, workers) as process:
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=300)
    assert out.split() == ["interrupted"], err
    assert process.returncode == 0
    # TensorFlow's own log has lines such as "I0000 00:00:..." whatever it is told.
    lines = [line for line in err.splitlines() if not re.match(r"Using |WARNING: All log|[IWE]\d{4} ", line)]
    assert [line.split()[0] for line in lines] == ["worker"], err
    if workers == "processes":
        assert not runs(lines[0].split()[1])
    assert list((tmp_path / "tmp").iterdir()) == []


def test_killed(tmp_path):
    """When the training is killed, its workers end by themselves, and leave no file."""
    with training_script(tmp_path, "processes") as process:
        assert len(list((tmp_path / "tmp").iterdir())) == 1
        process.kill()
        err = process.communicate(timeout=300)[1]  # ends once no worker holds the pipe
    worker = next(line for line in err.splitlines() if line.startswith("worker")).split()[1]
    end = time.monotonic() + 60
    while runs(worker) and time.monotonic() < end:
        time.sleep(0.01)
    assert not runs(worker)
    assert list((tmp_path / "tmp").iterdir()) == []
