"""Device scopes and multi_gpu_model on PyTorch.

Two stand-ins: a copy of the CPU under another number computes real numbers, and PyTorch's fake tensors refuse every
operation whose operands lie on different devices, forwards and backwards.
"""

import linecache

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from keras import backend as K
from keras.layers import LSTM, BatchNormalization, Dense, Dropout, Embedding, Input, Lambda
from keras.models import Model, Sequential
from keras.runtimes.torch import RUNTIME, placement, runtime
from keras.utils import multi_gpu_model

CPU = torch.device("cpu")


@pytest.fixture
def second(monkeypatch):
    """Function that makes a device be '/gpu:1'; '/gpu:0' is the default one."""

    def place(device):
        devices = {"/gpu:0": CPU, "/gpu:1": torch.device(device)}
        for module in (placement, runtime):
            monkeypatch.setattr(module, "device_here", devices.get)
        monkeypatch.setattr(RUNTIME, "devices", lambda: ["gpu:0", "gpu:1"])

    return place


def _run_fake(function, *arrays):
    """A K.function's program on tensors without numbers: outputs and new values."""
    program = function.compiled(1)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        variables = [mode.from_tensor(RUNTIME.storage(v)) for v in program._read]
        feeds = [mode.from_tensor(torch.from_numpy(a)) for a in arrays]
        step = np.array([0], np.uint32)
        with torch.no_grad():
            return program._function(program.seeds, step, *variables, *feeds)


def _kinds(tensors):
    return [t.device.type for t in tensors]


@pytest.mark.parametrize("name, device", [
    ("", None), ("/cpu:0", "cpu"), ("cpu:0", "cpu"), ("/device:CPU:0", "cpu"), ("/cpu:1", None), ("/gpu:99", None),
    ("/job:localhost/replica:0/task:0/device:CPU:0", "cpu"), ("/tpu:0", None), ("nonsense", None),
])  # fmt: skip
def test_names_of_devices(name, device):
    found = placement.device_here(name)
    assert found is None if device is None else found.type == device


def test_scopes_place_operations_and_variables(second):
    second("meta")
    x = K.placeholder((None, 3))
    with K.device_scope("/gpu:1"):
        w = K.variable(np.ones((3, 2)))
        inside = K.relu(K.dot(x, w) + 0.5)
    outside = K.sum(inside * 2, axis=0)
    assert RUNTIME.storage(w).device.type == "meta"
    function = K.function([x], [inside, outside], [K.update_add(w, K.ones((3, 2)))])
    outputs, new = _run_fake(function, np.zeros((4, 3), "float32"))
    assert _kinds(outputs) == ["meta", "cpu"] and _kinds(new) == ["meta"]
    K.set_value(w, np.zeros((3, 2)))
    assert RUNTIME.storage(w).device.type == "meta"


def test_devices_that_are_not_here_count_for_nothing():
    x = K.placeholder((None, 3))
    with K.device_scope("/gpu:77"):
        y = K.square(x) + 1
    np.testing.assert_allclose(K.function([x], [y])([np.full((1, 3), 2)])[0], [[5, 5, 5]])


def test_gradients_lie_where_their_variables_lie(second):
    second("meta")
    x, w = K.placeholder((None, 3)), K.variable(np.ones((3, 3)))
    with K.device_scope("/gpu:1"):
        v = K.variable(np.ones((3, 3)))
        middle = K.tanh(K.dot(K.dot(x, w), v))
    loss = K.sum(K.square(middle))
    function = K.function([x], [*K.gradients(loss, [w, v, middle]), middle, loss])
    outputs, _ = _run_fake(function, np.zeros((2, 3), "float32"))
    assert _kinds(outputs) == ["cpu", "meta", "meta", "meta", "cpu"]


def _template(dropout=0.0):
    x = Input((4,), dtype="int32")
    y = LSTM(3, recurrent_activation="hard_sigmoid")(Embedding(5, 6)(x))
    y = Lambda(lambda t: K.switch(K.sum(t) > 0, t, t * 2))(BatchNormalization()(y))
    return Model(x, Dense(2, activation="softmax")(Dropout(dropout)(y)))


def test_training_has_all_operands_on_one_device(second):
    second("meta")
    model = multi_gpu_model(_template(), 2)
    model.compile("adam", "categorical_crossentropy", metrics=["acc"])
    model._make_train_function()
    batch = np.zeros((6, 4), "int32"), np.zeros((6, 2), "float32"), np.ones(6, "float32")
    outputs, new = _run_fake(model.train_function, *batch)
    assert set(_kinds([*outputs, *new])) == {"cpu"}


def test_a_part_runs_on_its_device(second):
    second("meta")
    template = Sequential([Dense(3, input_shape=(4,))])
    model = multi_gpu_model(template, 2)
    parts = [template.get_output_at(n) for n in (1, 2)]
    outputs, _ = _run_fake(K.function(model.inputs, [*parts, *model.outputs]), np.zeros((5, 4), "float32"))
    assert _kinds(outputs) == ["cpu", "meta", "cpu"]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_numbers_of_parts_on_two_devices_are_those_of_one(second, monkeypatch, dropout):
    def trained():
        K.clear_session()
        np.random.seed(1)
        model = multi_gpu_model(_template(dropout), 2)
        model.compile("sgd", "categorical_crossentropy")
        x, y = np.random.randint(0, 5, (13, 4)), np.eye(2)[np.random.randint(0, 2, 13)]
        losses = model.fit(x, y, batch_size=5, epochs=2, verbose=0).history["loss"]
        program = model.train_function.compiled(1)._function
        return losses, model.predict(x), "non_blocking" in str(_source(program))

    second("cpu:1")
    losses, predicted, copied = trained()
    assert copied
    monkeypatch.setattr(placement, "device_here", lambda name: None)
    for got, wanted in zip((losses, predicted, False), trained(), strict=True):
        np.testing.assert_array_equal(got, wanted)


def _source(function):
    return linecache.getlines(function.__code__.co_filename)
