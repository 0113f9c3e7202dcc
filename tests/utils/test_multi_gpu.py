"""multi_gpu_model: batches in parts, on a machine that JAX takes for one with eight devices."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from keras.layers import BatchNormalization, Dense, Input, add
from keras.models import Model, Sequential, load_model
from keras.utils import multi_gpu_model, multi_gpu_utils

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def eight_devices(monkeypatch):
    monkeypatch.setattr(multi_gpu_utils.runtime(), "devices", lambda: [f"cpu:{i}" for i in range(8)], raising=False)


def classifier():
    return Sequential([Dense(5, activation="tanh", input_shape=(4,)), Dense(3, activation="softmax")])


@pytest.mark.parametrize("gpus, batch", [(2, 8), (3, 10), ([0, 2, 5], 7), (None, 9), (4, 3)])
def test_predictions_are_the_templates(gpus, batch):
    """Also where the parts differ in size, and where there are fewer samples than parts."""
    model = classifier()
    x = np.random.rand(batch, 4)
    np.testing.assert_allclose(multi_gpu_model(model, gpus=gpus).predict(x), model.predict(x), rtol=1e-6)


def test_training_is_that_of_the_template():
    x, y = np.random.rand(20, 4), np.eye(3)[np.random.randint(0, 3, 20)]
    alone, model = classifier(), classifier()
    model.set_weights(alone.get_weights())
    parallel = multi_gpu_model(model, gpus=3)
    for m in (alone, parallel):
        m.compile("sgd", "categorical_crossentropy")
        m.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(alone.get_weights(), model.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_structure():
    """As in Keras 2: a Lambda for each part, the template, and what joins under the outputs' names."""
    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], [Dense(2, name="one")(a), Dense(1, name="two")(add([a, b]))], name="template")
    parallel = multi_gpu_model(model, gpus=2)
    kinds = [type(layer).__name__ for layer in parallel.layers]
    assert kinds == ["InputLayer"] * 2 + ["Lambda"] * 4 + ["Model"] + ["Concatenate"] * 2
    assert parallel.output_names == ["one", "two"] and parallel.get_layer("template") is model
    assert parallel.inputs == model.inputs
    assert [o.shape.as_list() for o in parallel.outputs] == [[None, 2], [None, 1]]
    inputs = [np.random.rand(5, 4), np.random.rand(5, 4)]
    for given, wanted in zip(parallel.predict(inputs), model.predict(inputs)):
        np.testing.assert_allclose(given, wanted, rtol=1e-6)


def test_each_part_is_normalised_by_itself():
    model = Sequential([BatchNormalization(momentum=0.5, input_shape=(2,))])
    parallel = multi_gpu_model(model, gpus=2)
    parallel.compile("sgd", "mse")
    x = np.random.rand(8, 2).astype("float32")
    parts = [x[:4], x[4:]]
    normed = np.concatenate([(p - p.mean(0)) / np.sqrt(p.var(0) + 1e-3) for p in parts])
    loss = parallel.train_on_batch(x, np.zeros((8, 2)))
    assert loss == pytest.approx((normed**2).mean(), rel=1e-4)
    # Each part moves the mean by its half of the distance.
    np.testing.assert_allclose(model.get_weights()[2], sum(0.5 * p.mean(0) for p in parts), rtol=1e-5)


def test_saving_the_template(tmp_path):
    model = classifier()
    parallel = multi_gpu_model(model, gpus=2)
    parallel.compile("sgd", "categorical_crossentropy")
    x = np.random.rand(6, 4)
    parallel.train_on_batch(x, np.eye(3)[[0, 1, 2, 0, 1, 2]])
    path = str(tmp_path / "model.h5")
    model.save(path)
    np.testing.assert_allclose(load_model(path, compile=False).predict(x), parallel.predict(x), rtol=1e-6)


def test_relocation_works_on_a_copy():
    model = classifier()
    parallel = multi_gpu_model(model, gpus=2, cpu_relocation=True)
    x = np.random.rand(4, 4)
    np.testing.assert_allclose(parallel.predict(x), model.predict(x), rtol=1e-6)
    before = model.get_weights()
    parallel.compile("sgd", "mse")
    parallel.train_on_batch(x, np.zeros((4, 3)))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize(
    "gpus, message",
    [
        (1, r"with `gpus >= 2`. Received: `gpus=1`"),
        ([0], r"with `len\(gpus\) >= 2`. Received: `gpus=\[0\]`"),
        (9, r"`gpus=9`, we expect .*'/gpu:8'\]. However this machine only has: \['/cpu:0', '/gpu:0'.* reducing"),
        ([0, 8], r"available: \['/cpu:0', '/gpu:0', '/gpu:8'\]"),
    ],
)
def test_messages(gpus, message):
    with pytest.raises(ValueError, match=message):
        multi_gpu_model(classifier(), gpus=gpus)


@pytest.mark.parametrize(
    "devices, gpus", [(["cpu:0"], 2), (["cuda:0", "cpu", "cuda:0"], 2), (["gpu:0"], None), (["cpu:0"], None)]
)
def test_too_few_devices(devices, gpus, monkeypatch):
    monkeypatch.setattr(multi_gpu_utils.runtime(), "devices", lambda: devices)
    with pytest.raises(ValueError, match="gpus"):
        multi_gpu_model(classifier(), gpus=gpus)


def test_model_without_inputs():
    with pytest.raises(ValueError, match="whose inputs are known"):
        multi_gpu_model(Sequential([Dense(3)]), gpus=2)


def test_documented_example(tmp_path):
    """As in the documentation of Keras 2, where the environment tells JAX to simulate the devices."""
    script = """
        import numpy as np
        from keras.layers import Dense
        from keras.models import Sequential
        from keras.utils import multi_gpu_model

        model = Sequential([Dense(3, activation="softmax", input_dim=4)])
        x, y = np.random.rand(512, 4), np.eye(3)[np.random.randint(0, 3, 512)]

        parallel_model = multi_gpu_model(model, gpus=8)
        parallel_model.compile(loss='categorical_crossentropy',
                               optimizer='rmsprop')
        parallel_model.fit(x, y, epochs=2, batch_size=256)
    """
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
    environment["KERAS_BACKEND"] = "jax"
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "Epoch 2/2" in result.stdout
