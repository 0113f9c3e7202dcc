"""What the PyTorch runtime does with devices and memory."""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest
import torch

from keras import backend as K
from keras.layers import LSTM, Dense, Dropout
from keras.models import Sequential
from keras.runtimes.torch import runtime


def test_the_backends_name():
    assert K.backend() == "torch"


# Devices.


def _device_with(monkeypatch, cuda, mps, default):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    if default is None:
        return str(runtime._default_device())
    with torch.device(default):
        return str(runtime._default_device())


@pytest.mark.parametrize(
    "cuda, mps, default, wanted",
    [
        (False, False, None, "cpu"),
        (True, False, None, "cuda:1"),
        (False, True, None, "mps"),
        (True, True, None, "cuda:1"),
        (True, True, "cpu", "cpu"),
        (True, False, "cuda:0", "cuda:0"),
        (True, False, "meta", "meta"),
    ],
)
def test_the_device_is_the_default_one_or_the_first_accelerator(monkeypatch, cuda, mps, default, wanted):
    assert _device_with(monkeypatch, cuda, mps, default) == wanted


@pytest.mark.parametrize(
    "imports",
    ["torch.set_default_device('meta')\nimport keras", "with torch.device('meta'):\n    import keras"],
    ids=["set_default_device", "with device"],
)
def test_programs_run_where_the_default_device_is(imports):
    # The device 'meta' computes nothing, but every operation checks that its tensors lie there.
    code = (
        f"import numpy as np, torch\n{imports}\n"
        "from keras import backend as K\nfrom keras.layers import *\nfrom keras.models import Sequential\n"
        "m = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1)), BatchNormalization(), Reshape((36, 2)), LSTM(3),\n"
        "                Dropout(0.5), Dense(2)])\n"
        "m.compile('adam', 'mse')\nm._make_train_function()\n"
        "x = np.ones((4, 8, 8, 1), 'f')\n"
        "outputs = m.train_function.run([x, np.ones((4, 2), 'f'), np.ones(4, 'f'), 1])\n"
        "assert all(o.tensor.device.type == 'meta' for o in outputs), outputs\n"
        "assert all(w.storage.device.type == 'meta' for w in m.weights)\n"
    )
    subprocess.run([sys.executable, "-c", code], env={**os.environ}, check=True)


# Memory.


@pytest.fixture
def recurrent():
    model = Sequential([LSTM(4, input_shape=(6, 3)), Dropout(0.2), Dense(1)])
    model.compile("adam", "mse")
    return model


def test_no_graph_is_kept_between_steps(recurrent):
    x = np.random.rand(8, 6, 3)
    recurrent.train_on_batch(x, x[:, 0, :1])
    old = [weakref.ref(w.storage) for w in recurrent.trainable_weights]
    recurrent.train_on_batch(x, x[:, 0, :1])
    held = [w.storage for w in [*recurrent.weights, *recurrent.optimizer.weights] if w.storage is not None]
    assert all(not t.requires_grad and t.grad_fn is None for t in held)
    assert all(reference() is None for reference in old), "the values of the step before are let go at once"


def test_the_number_of_tensors_does_not_grow(recurrent):
    x = np.random.rand(8, 6, 3)

    def tensors():
        gc.collect()
        return sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())

    counts = []
    for _ in range(4):
        recurrent.fit(x, x[:, 0, :1], batch_size=4, epochs=2, verbose=0)
        recurrent.predict(x)
        counts.append(tensors())
    assert max(counts[2:]) <= counts[1], counts  # those that other tests have left may go


def test_results_have_no_graph():
    x = K.placeholder((None, 3))
    model = Sequential([Dense(2, input_shape=(3,))])
    y = model(x)
    (output,) = K.function([x], [y]).run([np.ones((2, 3))])
    assert not output.tensor.requires_grad


def test_feeds_stay_the_callers_own(recurrent):
    given = torch.rand(8, 6, 3)
    before = given.clone()
    recurrent.train_on_batch(given, np.zeros((8, 1)))
    assert torch.equal(given, before) and not given.requires_grad
