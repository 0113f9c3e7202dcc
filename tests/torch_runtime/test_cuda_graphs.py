"""Captured steps, with a stand-in for CUDA's graphs that has their rules.

What runs while it captures changes nothing and is noted down, with the memory that it reads and writes and the Python
numbers that it was given. Each replay does just that again, and PyTorch does not know which values have changed.
"""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from keras import backend as K
from keras import layers as L
from keras import optimizers
from keras.engine import training_runner
from keras.models import Sequential
from keras.runtimes.torch import cuda_graphs
from keras.runtimes.torch.table import TABLE

READING = {"_local_scalar_dense", "equal", "nonzero", "is_nonzero"}


def _tensors(tree):
    return [t for t in tree_leaves(tree) if isinstance(t, torch.Tensor)]


def _memory(tensor):
    return tensor.untyped_storage().data_ptr()


class Recorded(TorchDispatchMode):
    """The stand-in."""

    captured = 0
    replays = 0

    def __init__(self, device):
        super().__init__()
        self.calls, self.made, self.before = [], {}, []

    def warm_up(self, step):
        return step()

    def capture(self, step):
        with self:
            step()
        for tensor, numbers in self.before:  # nothing was computed
            tensor.copy_(numbers)
        for tensor in self.made.values():
            tensor.fill_(torch.nan if tensor.is_floating_point() else 77)
        Recorded.captured += 1

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = function._schema.name.removeprefix("aten::")
        if name in READING:
            raise RuntimeError("operation not permitted when stream is capturing")
        given = dict(zip([a.name for a in function._schema.arguments], args, strict=False)) | kwargs
        for argument in function._schema.arguments:
            if argument.alias_info is not None and argument.alias_info.is_write:
                self.before += [(t, t.clone()) for t in _tensors(given[argument.name]) if _memory(t) not in self.made]
        result = function(*args, **kwargs)
        read = set(map(_memory, _tensors((args, kwargs))))
        new = [t for t in _tensors(result) if _memory(t) not in read]
        self.made.update((_memory(t), t) for t in new)
        if (new or function._schema.is_mutable) and "empty" not in name:
            self.calls.append((function, args, kwargs, result, new))
        return result

    def replay(self):
        Recorded.replays += 1
        versions = torch._C.DispatchKeySet(torch._C.DispatchKey.ADInplaceOrView)
        with torch._C._AutoDispatchBelowAutograd(), torch._C._ExcludeDispatchKeyGuard(versions):
            self._again()

    def _again(self):
        for function, args, kwargs, result, new in self.calls:
            found = _tensors(function(*args, **kwargs))
            for mine, computed in zip(_tensors(result), found, strict=True):
                if any(mine is t for t in new):
                    mine.copy_(computed)


@pytest.fixture
def graphs(monkeypatch):
    """Function `(kind or None)` that has new programs be captured by a stand-in, or none."""

    # As many batches in one call as there are.
    monkeypatch.setattr(training_runner, "SECONDS_PER_CALL", 100.0)

    monkeypatch.setenv("KERAS_CUDA_GRAPHS", "1")

    def use(kind):
        K.clear_session()
        np.random.seed(3)
        Recorded.captured = Recorded.replays = 0
        monkeypatch.setattr(cuda_graphs, "GRAPHS", {"cpu": kind} if kind else {})

    return use


def _dense():
    model = Sequential([
        L.Dense(6, activation="relu", input_shape=(5,)), L.BatchNormalization(), L.Dropout(0.4), L.Dense(1),
    ])  # fmt: skip
    model.compile(optimizers.Adam(0.02, decay=0.05, amsgrad=True), "mse", metrics=["mae"])
    return model, np.random.rand(50, 5)


def _convolutional():
    model = Sequential([
        L.Conv2D(4, 3, input_shape=(6, 6, 2)), L.BatchNormalization(), L.Activation("relu"), L.MaxPooling2D(),
        L.SpatialDropout2D(0.3), L.Conv2D(3, 1), L.Flatten(), L.Dense(1),
    ])  # fmt: skip
    model.compile(optimizers.SGD(0.01, momentum=0.5, nesterov=True), "mse")
    return model, np.random.rand(50, 6, 6, 2)


def _recurrent():
    model = Sequential([
        L.Embedding(9, 4, input_length=5, mask_zero=True), L.GRU(3, recurrent_dropout=0.3, return_sequences=True),
        L.LSTM(3), L.GaussianNoise(0.1), L.Dense(1),
    ])  # fmt: skip
    model.compile("nadam", "logcosh")
    return model, np.random.randint(0, 9, (50, 5))


def _trained(make):
    """All numbers that come up while a model is trained, changed from outside and asked, and its weights."""
    model, x = make()
    y = x.reshape(len(x), -1).mean(1)
    found = []
    for epoch in range(4):
        history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_split=0.2).history
        found += [*history.values(), model.predict(x, batch_size=2), model.evaluate(x, y, batch_size=8, verbose=0)]
        K.set_value(model.optimizer.lr, 0.004 * (epoch + 1))
        model.set_weights([w * 0.9 for w in model.get_weights()])
        for rows in range(1, 5):  # as many rows never often enough to be captured
            found += [model.train_on_batch(x[:7], y[:7]), model.predict(x[:rows])]
    functions = model.train_function, model.test_function, model.predict_function
    steps = [len(getattr(f.compiled(phase), "_steps", ())) for phase, f in zip((1, 0, 0), functions, strict=True)]
    return [*map(np.array, found), *model.get_weights(), *model.optimizer.get_weights()], steps


@pytest.mark.parametrize("make", [_dense, _convolutional, _recurrent])
def test_numbers_are_those_of_eager_runs(graphs, make):
    graphs(None)
    wanted, steps = _trained(make)
    assert steps == [0, 0, 0]
    graphs(Recorded)
    found, steps = _trained(make)
    assert steps == [2, 3, 1] and Recorded.captured == 6  # each once for all epochs
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-5, atol=1e-6, equal_nan=False)


def test_random_bits_are_those_of_eager_runs(graphs):
    def drawn():
        x = K.placeholder((2, 3))
        loop = K.map_fn(lambda t: t + K.random_uniform((3,)), x)
        types = [K.random_uniform((3, 2), dtype=dtype) for dtype in ("float16", "float32", "float64")]
        function = K.function([x], [K.dropout(x, 0.5), K.random_normal((5,)), loop, *types])
        function.compiled().step = 0xFFFFFFFF - 20  # past the end of signed numbers, and once around
        found = [function([np.ones((2, 3))]) for _ in range(40)]
        function.compiled().seeds = function.compiled().seeds + np.uint32(1)  # as BackupAndRestore does
        return [*found, function([np.ones((2, 3))])]

    graphs(None)
    wanted = drawn()
    graphs(Recorded)
    for found, eager in zip(drawn(), wanted, strict=True):
        for f, e in zip(found, eager, strict=True):
            np.testing.assert_array_equal(f, e)
    assert Recorded.captured == 2 and Recorded.replays > 30  # again for the new seeds


def test_updates_read_the_old_values(graphs):
    graphs(Recorded)
    x, a, b = K.placeholder((2,)), K.variable([1.0, 2.0]), K.variable([3.0, 4.0])
    swap = K.function([x], [a, a + b + x], [K.update(a, b), K.update(b, a)])
    values = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    for _ in range(20):
        found = swap([np.ones(2)])
        np.testing.assert_array_equal(found, [values[0], [5, 7]])
        values = values[::-1]
    assert Recorded.captured == 1 and Recorded.replays > 10


def test_what_was_taken_over_stays(graphs):
    graphs(Recorded)
    x, a, b, row = K.placeholder((2,)), K.variable(np.zeros((3, 2))), K.variable(np.zeros((3, 2))), K.variable([0.0, 0])
    count = K.function([x], [K.sum(a)], [K.update_add(a, K.expand_dims(x, 0))])
    take = K.function([x], [K.sum(x)], [K.update(b, a), K.update(row, a[1])])
    for run in range(20):
        count([np.ones(2)])
        if run == 14:
            take([np.ones(2)])
    np.testing.assert_array_equal(K.get_value(a), np.full((3, 2), 20))
    np.testing.assert_array_equal(K.get_value(b), np.full((3, 2), 15))
    np.testing.assert_array_equal(K.get_value(row), [15, 15])
    assert Recorded.replays > 10


class Wrong(Recorded):
    def replay(self):
        super().replay()
        self.calls[-4][1][0].mul_(3.0)  # one of the new values


def _reading(x):
    return x * float(x.sum() * 0 + 1)


@pytest.mark.parametrize("kind, negative", [(Wrong, torch.neg), (Recorded, lambda x: torch.neg(_reading(x)))])
def test_what_cannot_be_captured_runs_eagerly(graphs, monkeypatch, kind, negative):
    monkeypatch.setitem(TABLE, "negative", negative)
    graphs(kind)
    x, w = K.placeholder((3,)), K.variable(np.zeros(3))
    function = K.function([x], [K.sum(w)], [K.update_add(w, 0.0 - (-x))])
    for run in range(20):
        assert function([np.ones(3)])[0] == 3 * run
    np.testing.assert_array_equal(K.get_value(w), [20, 20, 20])
    assert not function.compiled()._capturable and Recorded.replays <= 1


def test_programs_with_python_in_them_are_not_captured(graphs):
    graphs(Recorded)
    seen = []
    x = K.placeholder((3,))
    chosen = K.switch(K.sum(x) > 0, lambda: x * 2, lambda: x)
    for function in (K.function([x], [chosen]), K.function([x], [K.native(lambda t: seen.append(1) or t)(x)])):
        seen.clear()
        for sign in (1, -1) * 10:
            function([sign * np.ones(3)])
    assert not Recorded.captured and len(seen) == 20


def test_few_shapes_are_kept(graphs):
    graphs(Recorded)
    x, w = K.placeholder((None,)), K.variable(0.0)
    function = K.function([x], [K.sum(x)], [K.update_add(w, K.sum(x))])
    for size in (1, 2, 3, 4, 5, 6, 6, 5):
        for _ in range(cuda_graphs.RUNS_BEFORE + 2):
            assert function([np.ones(size)])[0] == size
    assert Recorded.captured == 6 and len(function.compiled()._steps) == cuda_graphs.MOST_STEPS
    assert K.get_value(w) == sum((1, 2, 3, 4, 5, 6, 6, 5)) * (cuda_graphs.RUNS_BEFORE + 2)


@pytest.mark.parametrize("name, value, kind", [
    ("KERAS_CUDA_GRAPHS", "0", "TorchCompiled"), ("KERAS_CUDA_GRAPHS", "1", "Replaying"),
    ("KERAS_TORCH_COMPILE", "0", "Replaying"),
])  # fmt: skip
def test_who_gets_it(graphs, monkeypatch, name, value, kind):
    graphs(Recorded)
    monkeypatch.setenv(name, value)
    x = K.placeholder((3,))
    assert type(K.function([x], [x * 2]).compiled()).__name__ == kind


def test_there_is_none_on_a_cpu():
    x = K.placeholder((3,))
    assert type(K.function([x], [x * 2]).compiled()).__name__ == "TorchCompiled"
