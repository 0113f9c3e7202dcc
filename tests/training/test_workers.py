"""Batches prepared by threads and processes: order, epochs, errors, and that nothing is left behind."""

import contextlib
import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from reference import Linear, linear_data

from keras.callbacks import Callback
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence
from keras.utils.worker_process import Parcel, WorkerProcess

WORKERS = [(0, False), (1, False), (3, False), (2, True)]


class Numbers(Sequence):
    """Batch i is (i + 100 * epoch, ...); preparing the even ones takes longer."""

    def __init__(self, length=6):
        self.length, self.epoch = length, 0
        self.lock = threading.Lock()

    def __len__(self):
        return self.length

    def __getitem__(self, i):
        with self.lock:
            value = i + 100 * self.epoch
        time.sleep(0.01 * (i % 2 == 0))
        return np.full((2, 3), value), np.full((2, 2), value)

    def on_epoch_end(self):
        self.epoch += 1


def numbers_of(batches, count):
    return [int(x[0, 0]) for x, y in (next(batches) for _ in range(count))]


def children():
    """The processes that this one has started for workers, as "PID COMMAND"."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            command = (folder / "cmdline").read_text().replace("\0", " ")
            if int(parent) == os.getpid() and "worker_process" in command:
                found.append(f"{folder.name} {command}")
    return found


@pytest.fixture(autouse=True)
def _nothing_left():
    before = threading.active_count()
    yield
    gc.collect()
    end = time.monotonic() + 60
    while threading.active_count() > before and time.monotonic() < end:
        time.sleep(0.01)
    assert threading.active_count() == before
    assert children() == []


@pytest.mark.parametrize("workers, processes", WORKERS[1:])
def test_in_order_epoch_after_epoch(workers, processes):
    sequence = Numbers()
    enqueuer = OrderedEnqueuer(sequence, use_multiprocessing=processes)
    enqueuer.start(workers=workers, max_queue_size=3)
    assert enqueuer.is_running()
    batches = enqueuer.get()
    assert numbers_of(batches, 6) == [0, 1, 2, 3, 4, 5]
    enqueuer.join_end_of_epoch()
    assert sequence.epoch == 1  # not two: the next epoch has only begun
    assert numbers_of(batches, 8) == [100, 101, 102, 103, 104, 105, 200, 201]
    enqueuer.stop()
    assert not enqueuer.is_running()


def test_the_next_epoch_is_prepared_before_the_last_batch_is_taken():
    """Where `on_epoch_end` does nothing, the queue does not run dry between epochs."""
    made = []

    class Plain(Sequence):
        def __len__(self):
            return 2

        def __getitem__(self, i):
            made.append(i)
            return i

    enqueuer = OrderedEnqueuer(Plain())
    enqueuer.start(max_queue_size=6)
    batches = enqueuer.get()
    assert next(batches) == 0
    end = time.monotonic() + 60
    while len(made) < 6 and time.monotonic() < end:
        time.sleep(0.01)
    assert made[:6] == [0, 1] * 3
    assert [next(batches) for _ in range(3)] == [1, 0, 1]
    enqueuer.join_end_of_epoch()
    enqueuer.stop()


def test_processes_do_without_jax():
    """They are fresh interpreters on the NumPy backend, and the accelerator is not theirs."""

    class Modules(Sequence):
        def __len__(self):
            return 1

        def __getitem__(self, i):
            import sys

            return "keras" in sys.modules, "jax" in sys.modules, os.environ["JAX_PLATFORMS"], os.getpid()

    enqueuer = OrderedEnqueuer(Modules(), use_multiprocessing=True)
    enqueuer.start()
    keras, jax, platforms, pid = next(enqueuer.get())
    enqueuer.stop()
    assert (keras, jax, platforms) == (True, False, "cpu") and pid != os.getpid()


def test_arrays_that_did_not_change_are_not_sent_again(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    sequence = Numbers()
    sequence.images, sequence.order, sequence.empty = np.ones((50, 40)), np.arange(50), np.zeros((0, 3))
    first = Parcel(sequence)
    sequence.order = sequence.order[::-1].copy()
    second = Parcel(sequence, before=first)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert len(sizes) == 2 and min(sizes.values()) == sequence.order.nbytes
    np.random.shuffle(sequence.images.reshape(-1)[:1])  # changes nothing
    third = Parcel(sequence, before=second)
    assert third.places == second.places
    sequence.images[3, 3] = 7  # in place
    fourth = Parcel(sequence, before=third)
    process = WorkerProcess()
    try:
        for parcel in (third, fourth):
            x, _ = process.batch(parcel, 2, [0, 0])
            assert int(x[0, 0]) == 2
    finally:
        process.close()
        process.join(5)
    fourth.remove()
    assert list(tmp_path.iterdir()) == []


def test_shuffled_by_the_seed_of_python():
    orders = []
    for _ in range(2):
        random.seed(7)
        enqueuer = OrderedEnqueuer(Numbers(), shuffle=True)
        enqueuer.start(workers=3)
        batches = enqueuer.get()
        orders.append(numbers_of(batches, 12))
        enqueuer.stop()
    assert orders[0] == orders[1]
    assert sorted(orders[0][:6]) == [0, 1, 2, 3, 4, 5] != orders[0][:6]
    assert sorted(orders[0][6:]) == [100, 101, 102, 103, 104, 105]
    assert orders[0][:6] != [n - 100 for n in orders[0][6:]]


@pytest.mark.parametrize("max_queue_size", [1, 4])
def test_no_more_ahead_than_the_queue_holds(max_queue_size):
    made = []

    def forever():
        while True:
            made.append(len(made))
            yield made[-1]

    enqueuer = GeneratorEnqueuer(forever())
    enqueuer.start(workers=4, max_queue_size=max_queue_size)
    batches = enqueuer.get()
    assert [next(batches) for _ in range(5)] == [0, 1, 2, 3, 4]
    time.sleep(0.1)
    enqueuer.stop()
    assert len(made) <= 5 + max_queue_size + 1  # one is in the hand of the worker


def test_a_generator_that_ends():
    enqueuer = GeneratorEnqueuer(iter([1, None, 2]))
    enqueuer.start()
    assert list(enqueuer.get()) == [1, 2]
    enqueuer.stop()


@pytest.mark.parametrize("workers, processes", WORKERS)
def test_every_batch_once_per_epoch(workers, processes):
    """`fit` sees each batch of a Sequence once per epoch, and on_epoch_end runs once between epochs."""
    seen = []

    class Watch(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, logs["loss"]))

    sequence = Numbers()
    model = Sequential([Dense(2, input_shape=(3,), use_bias=False)])
    model.compile(SGD(0.0), "mse")
    model.set_weights([np.zeros((3, 2))])
    model.fit(sequence, epochs=3, verbose=0, workers=workers, use_multiprocessing=processes, callbacks=[Watch()])
    wanted = [np.mean((np.arange(6) + 100.0 * e) ** 2) for e in range(3)]
    np.testing.assert_allclose([loss for _, loss in seen], wanted, rtol=1e-6)
    assert sequence.epoch == 3


def test_generators_are_used_up_to_where_training_ends():
    used = {"train": 0, "validation": 0}

    def count(kind):
        while True:
            used[kind] += 1
            yield linear_data(samples=4)

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.fit(
        count("train"), steps_per_epoch=5, epochs=4, verbose=0, validation_data=count("validation"),
        validation_steps=2, validation_freq=[1, 3, 9],
    )  # fmt: skip
    assert used == {"train": 20, "validation": 4}
    model.evaluate(count("validation"), steps=3, verbose=0)
    model.predict((x for x, y in (linear_data() for _ in range(3))), steps=3)
    assert used["validation"] == 7


def test_validation_batches_are_not_lost_between_epochs():
    """A generator of validation data goes on in the next epoch with the batch that follows."""
    x, y = linear_data(samples=12)
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(SGD(0.0), "mse")
    reference = Linear(*model.get_weights())

    def parts():
        for start in range(0, 12, 4):
            yield x[start : start + 4], y[start : start + 4]

    for data in ((x, y), None):
        first = (data[0], data[1]) if data else (((x, y) for _ in range(99)),)
        options = {} if data else {"steps_per_epoch": 1}
        history = model.fit(*first, epochs=3, verbose=0, validation_data=parts(), validation_steps=1, **options)
        wanted = [reference.loss(x[s : s + 4], y[s : s + 4]) for s in (0, 4, 8)]
        np.testing.assert_allclose(history.history["val_loss"], wanted, rtol=1e-5)


class Bad(Numbers):
    def __init__(self, what):
        super().__init__(50)
        self.what = what

    def __getitem__(self, i):
        if i == 7:
            self.fail()
        return super().__getitem__(i)

    def fail(self):
        if self.what == "raise":
            raise FileNotFoundError(2, "no such image", "cat.png")
        if self.what == "exit":
            os._exit(3)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers, processes", WORKERS)
def test_an_error_in_a_worker(workers, processes):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises(FileNotFoundError, match="no such image") as caught:
        model.fit(Bad("raise"), verbose=0, shuffle=False, workers=workers, use_multiprocessing=processes)
    entries = "".join(str(e) for e in caught.traceback) + str(caught.value.__cause__)
    assert "in fail" in entries
    assert np.isfinite(model.predict(np.ones((2, 3)))).all()


@pytest.mark.parametrize("what, message", [("exit", "exit code 3"), ("kill", "killed by SIGKILL")])
def test_a_process_that_dies(what, message):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises(RuntimeError, match=f"batch 7 .{message}"):
        model.fit(Bad(what), verbose=0, shuffle=False, workers=2, use_multiprocessing=True)


class Hung(Numbers):
    """Workers wait for ever (a file system that is gone) in every fourth batch; who has made the sequence does not."""

    def __init__(self):
        super().__init__(12)
        self.free = threading.Event()
        self.home = os.getpid(), threading.get_ident()

    def __getstate__(self):
        return {**vars(self), "free": None}

    def __getitem__(self, i):
        if i % 4 == 1 and (os.getpid(), threading.get_ident()) != self.home:
            self.free.wait() if self.free else time.sleep(600)
        return super().__getitem__(i)


@pytest.mark.parametrize("workers, processes", WORKERS[1:])
def test_batches_of_hung_workers_are_made_by_the_caller(workers, processes, monkeypatch):
    monkeypatch.setattr("keras.utils.data_utils.SECONDS_TO_ARRIVE", 3.0 if processes else 0.3)
    sequence = Hung()
    enqueuer = OrderedEnqueuer(sequence, use_multiprocessing=processes)
    enqueuer.start(workers, 10)
    try:
        with pytest.warns(UserWarning, match="could not be retrieved. It could be because a worker has died") as said:
            assert numbers_of(enqueuer.get(), 13) == [*range(12), 100]
        assert any("The input 1 " in str(warning.message) for warning in said)  # a slow start may be said too
    finally:
        sequence.free.set()
        enqueuer.stop()


def test_a_generator_that_takes_long_is_said(monkeypatch):
    monkeypatch.setattr("keras.utils.data_utils.SECONDS_TO_ARRIVE", 0.1)

    def slow():
        time.sleep(0.5)
        yield from ((np.ones((1, 3)), np.ones((1, 2))) for _ in range(2))

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="no batch for"):
        model.fit(slow(), steps_per_epoch=2, verbose=0)


def test_an_error_in_on_epoch_end():
    class Ends(Numbers):
        def on_epoch_end(self):
            raise KeyError("no next epoch")

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    for workers in (0, 2):
        with pytest.raises(KeyError, match="no next epoch"):
            model.fit(Ends(), epochs=3, verbose=0, workers=workers)


def test_an_empty_sequence():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="positive number"):
        model.fit(Numbers(0), verbose=0)


def test_what_cannot_be_taken_to_a_process_runs_in_threads(tmp_path):
    sequence = Numbers()
    with open(tmp_path / "open", "w") as sequence.file:
        enqueuer = OrderedEnqueuer(sequence, use_multiprocessing=True)
        with pytest.warns(UserWarning, match="Numbers cannot be taken to other processes.*threads"):
            enqueuer.start(workers=2)
        assert numbers_of(enqueuer.get(), 6) == [0, 1, 2, 3, 4, 5]
        enqueuer.stop()


def test_a_generator_with_several_processes_runs_in_one_thread():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    source = ((np.full((2, 3), i), np.full((2, 2), i)) for i in range(10))
    with pytest.warns(UserWarning, match="Please consider using the `keras.utils.Sequence` class"):
        model.fit(source, steps_per_epoch=10, verbose=0, workers=2, use_multiprocessing=True)


def test_image_iterators_agree_on_the_order_of_samples():
    """Every sample comes once in the first epoch too, and a seed means the same in any number of processes."""
    x, y = np.zeros((24, 8, 8, 1), "float32"), np.arange(24)
    x[:] = y[:, None, None, None]

    def epoch(workers, processes, seed=None, **changes):
        batches = ImageDataGenerator(**changes).flow(x, y, batch_size=4, seed=seed)
        enqueuer = OrderedEnqueuer(batches, use_multiprocessing=processes)
        enqueuer.start(workers=workers)
        source = enqueuer.get()
        parts = [next(source) for _ in range(6)]
        enqueuer.stop()
        return [np.concatenate(p) for p in zip(*parts, strict=True)]

    for workers, processes in ((3, False), (2, True)):
        images, labels = epoch(workers, processes)
        np.testing.assert_array_equal(images[:, 0, 0, 0], labels)
        assert sorted(labels) == list(range(24)) != list(labels)
    alone, together = (epoch(w, True, seed=5, brightness_range=(0.5, 1.5)) for w in (1, 2))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_array_equal(a, b)


SCRIPT = """
import random, sys
import numpy as np
from keras.layers import Dense, Dropout
from keras.models import Sequential
from keras.utils import Sequence

class Noisy(Sequence):  # of the script, which has no `if __name__ == "__main__"`
    def __init__(self, table, draws):
        self.table, self.order, self.draws = table, np.arange(60), draws

    def __len__(self):
        return 10

    def __getitem__(self, i):
        x = self.table[self.order[6 * i : 6 * i + 6]]
        if self.draws:
            x = x + np.random.normal(scale=0.1, size=x.shape) + random.random()
        return x, x[:, :2] ** 2

    def on_epoch_end(self):
        np.random.shuffle(self.order)

def forever(batches):
    while True:
        yield from batches

def train(kind, workers, processes):
    np.random.seed(42)
    random.seed(12345)
    # Several threads would draw from the global generators in any order.
    data = Noisy(np.random.rand(60, 3).astype("float32"), draws=workers < 2 or processes)
    model = Sequential([Dense(8, activation="relu", input_shape=(3,)), Dropout(0.5), Dense(2)])
    model.compile("adam", "mse")
    history = model.fit(
        forever(data) if kind == "generator" else data, steps_per_epoch=10, epochs=3, verbose=0,
        workers=workers, use_multiprocessing=processes,
    )
    weights = "".join(w.tobytes().hex() for w in model.get_weights())
    print(kind, workers, weights, history.history, np.random.rand(), random.random())

train("generator", 1, False)
for workers, processes in ((0, False), (1, False), (3, False), (2, True)):
    train("sequence", workers, processes)
"""


def test_two_runs_give_the_same_bits(tmp_path):
    """The recipe of the FAQ: seeds of NumPy and Python, and PYTHONHASHSEED; in two processes."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-W", "error", str(script)]
    runs = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    (first, err), (second, _) = (run.communicate(timeout=300) for run in runs)
    assert first.splitlines() == second.splitlines()
    assert len(first.splitlines()) == 5, err
