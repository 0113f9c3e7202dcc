"""keras.mixed_precision: layers compute in bfloat16 (or what a policy says), everything that adds up in float32."""

import json

import h5py
import harness
import ml_dtypes
import numpy as np
import pytest
from every_layer import CASES, one_of_each, quiet
from onnx_sessions import run
from sklearn.datasets import load_digits

import keras
from keras import backend as K
from keras import layers as L
from keras import mixed_precision
from keras.export.model import as_onnx

pytestmark = pytest.mark.usefixtures("quick_compiler")

SOME = one_of_each(CASES)
MIXED = {"class_name": "Policy", "config": {"name": "mixed_bfloat16"}}


@pytest.fixture(autouse=True)
def policy():
    """The global policy of each test; none after it."""
    mixed_precision.set_global_policy("mixed_bfloat16")
    yield
    mixed_precision.set_global_policy(None)


def rounded(x):
    return np.asarray(x).astype(ml_dtypes.bfloat16).astype("float32")


def assert_close(got, wanted, tolerance=0.02):
    """To a part of the largest number."""
    got, wanted = np.asarray(got, "float64"), np.asarray(wanted, "float64")
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() <= tolerance * np.abs(wanted).max()


# ------------------------------------------------------------------------------------------ policies


@pytest.mark.parametrize(
    ("name", "compute", "variable"),
    [
        ("float32", "float32", "float32"),
        ("float64", "float64", "float64"),
        ("bfloat16", "bfloat16", "bfloat16"),
        ("mixed_bfloat16", "bfloat16", "float32"),
    ],
)
@pytest.mark.parametrize("how", ["global", "experimental", "name", "policy"])
def test_dtypes(how, name, compute, variable):
    mixed_precision.set_global_policy(None)
    arguments = {}
    if how == "global":
        mixed_precision.set_global_policy(name)
    elif how == "experimental":
        experimental = mixed_precision.experimental
        experimental.set_policy(experimental.Policy(name))
    else:
        arguments["dtype"] = name if how == "name" else mixed_precision.Policy(name)
    layer = L.Dense(2, **arguments)
    output = layer(L.Input((3,)))
    assert (layer.compute_dtype, layer.variable_dtype, layer.dtype_policy.name) == (compute, variable, name)
    assert (output.dtype, layer.kernel.dtype, layer.dtype) == (compute, variable, variable)
    assert K.floatx() == "float32"
    with pytest.raises(AttributeError):
        layer.compute_dtype = "float32"


def test_global_policy():
    assert mixed_precision.global_policy().name == "mixed_bfloat16"
    mixed_precision.set_global_policy(None)
    assert mixed_precision.global_policy() == mixed_precision.Policy("float32")
    assert L.Dense(2).dtype_policy.name == "float32"


@pytest.mark.parametrize("name", ["mixed_float16", "mixed_float32", "float17", 7, None, ["float32"]])
def test_unknown_policies(name):
    with pytest.raises(ValueError, match="mixed_bfloat16"):
        mixed_precision.Policy(name)
    assert mixed_precision.global_policy().name == "mixed_bfloat16"


def test_no_loss_scaling():
    with pytest.raises(AttributeError, match="no loss need be scaled"):
        mixed_precision.LossScaleOptimizer  # noqa: B018


# ------------------------------------------------------------------------------------------ layers


@pytest.fixture(scope="module")
def results():
    mixed_precision.set_global_policy("mixed_bfloat16")
    return harness.evaluate(SOME)


@quiet
@pytest.mark.parametrize("case", SOME, ids=str)
def test_layers(case, results):
    result = results[case]
    assert {w.dtype.name for w in result.weights} <= {"float32"}
    assert {y.dtype for y in result.symbols} == {"bfloat16"}
    assert all(y.dtype == ml_dtypes.bfloat16 for y in result.outputs)
    wanted = case.reference([w.astype("float64") for w in result.weights], *result.inputs)
    for got, one in zip(result.outputs, harness.as_list(wanted), strict=True):
        assert_close(got, one)


def test_rounding():
    """Inputs and weights are rounded, products are summed without it, and the sum is rounded once."""
    x = np.random.RandomState(0).randint(-400, 400, (5, 7)).astype("float32")
    layer = L.Dense(4, use_bias=False)
    model = keras.Sequential([layer])
    model.build((None, 7))
    kernel = np.random.RandomState(1).randint(-400, 400, (7, 4)).astype("float32")
    layer.set_weights([kernel])
    assert np.any(rounded(x) != x)
    np.testing.assert_array_equal(model.predict(x).astype("float32"), rounded(rounded(x) @ rounded(kernel)))
    np.testing.assert_array_equal(layer.get_weights()[0], kernel)


class Counting(L.Layer):
    """A user's: weights by add_weight, a count of its calls, a metric."""

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer="ones")
        self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        self.add_update(K.update_add(self.calls, 1.0), inputs)
        output = K.dot(inputs, self.w) * K.cast(self.w, "bfloat16")[0, 0]
        self.add_metric(K.sum(K.cast(output, "float32")), name="total")
        return output

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 3)


def test_layer_of_a_user():
    layer = Counting(input_shape=(2,))
    model = keras.Sequential([layer])
    assert (layer.w.dtype, model.output.dtype) == ("float32", "bfloat16")
    model.compile("sgd", "mse")
    layer.set_weights([layer.get_weights()[0], np.float32(1000)])
    logs = model.fit(np.ones((301, 2)), np.zeros((301, 3)), batch_size=301, verbose=0).history
    assert layer.get_weights()[1] == 1001
    assert logs["total"] == [1806]


def test_integers_that_come_as_floats():
    """bfloat16 knows no 301."""
    layer = L.Embedding(302, 1, input_shape=(2,))
    model = keras.Sequential([layer])
    layer.set_weights([np.arange(302.0)[:, None] // 2])
    np.testing.assert_array_equal(model.predict(np.array([[301, 299]])).ravel().astype("float32"), [150, 149])


def test_layers_without_a_policy_among_others():
    x = L.Input((4, 3))
    y = L.Dense(5)(x)
    outputs = [
        L.Activation("softmax", dtype="float32")(y),
        L.TimeDistributed(L.Dense(2, dtype="float32"))(y),
        L.Lambda(lambda x: x * 2)(y),
        keras.Sequential([L.Dense(2, input_shape=(4, 5)), L.Dense(2, dtype="float32")])(y),
    ]
    assert [K.dtype(output) for output in outputs] == ["float32", "float32", "bfloat16", "float32"]
    model = keras.Model(x, outputs)
    again = keras.models.clone_model(model)
    again.set_weights(model.get_weights())
    assert [K.dtype(output) for output in again.outputs] == [K.dtype(output) for output in outputs]
    for got, wanted in zip(again.predict(np.ones((2, 4, 3))), model.predict(np.ones((2, 4, 3))), strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_states(bidirectional):
    """They are kept in float32, and given in any float type."""
    data = np.random.RandomState(0).standard_normal((2, 6, 3))
    found = []
    for name in ("float32", "mixed_bfloat16"):
        mixed_precision.set_global_policy(name)
        np.random.seed(0)
        layer = L.LSTM(4, stateful=True, return_sequences=True)
        kept = L.Bidirectional(layer) if bidirectional else layer
        x = L.Input(batch_shape=(2, 3, 3))
        model = keras.Model(x, kept(x))
        found.append([model.predict(data[:, :3], batch_size=2), model.predict(data[:, 3:], batch_size=2)])
        states = kept.forward_layer.states if bidirectional else layer.states
        assert {state.dtype for state in states} == {"float32"}
    for got, wanted in zip(*reversed(found), strict=True):
        assert got.dtype == ml_dtypes.bfloat16
        assert_close(got, wanted, 0.03)


def test_initial_states():
    x, states = L.Input((3, 2)), [L.Input((4,)), L.Input((4,))]
    layers = [L.LSTM(4, return_state=True, dtype=name) for name in ("mixed_bfloat16", "float32")]
    found = [layer(x, initial_state=states) for layer in layers]
    assert {part.dtype for part in found[0]} == {"bfloat16"}
    layers[1].set_weights(layers[0].get_weights())
    values = keras.Model([x, *states], [*found[0], *found[1]]).predict(
        [np.ones((1, 3, 2)), np.full((1, 4), 0.3), np.full((1, 4), 0.7)]
    )
    for got, wanted in zip(values[:3], values[3:], strict=True):
        assert_close(got, wanted)


# ------------------------------------------------------------------------------------------ training


def test_loss_of_probabilities():
    """In float32, from the logits; class numbers are not rounded."""
    logits = L.Input((400,))
    model = keras.Model(logits, L.Activation("softmax")(logits))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
    x = rounded(np.random.RandomState(0).standard_normal((6, 400)))
    y = np.array([399, 301, 257, 3, 300, 299])
    x[[0, 1], [399, 301]] = 8
    logs = x - np.log(np.exp(x).sum(-1, keepdims=True))
    loss, accuracy = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(loss, -logs[np.arange(6), y].mean(), rtol=1e-5)
    np.testing.assert_allclose(accuracy, 2 / 6, rtol=1e-6)


def test_updates_are_finer_than_bfloat16():
    model = keras.Sequential([L.Dense(1, use_bias=False, kernel_initializer="ones", input_shape=(1,))])
    model.compile(keras.optimizers.SGD(1e-4), "mse")
    model.train_on_batch(np.ones((1, 1)), np.zeros((1, 1)))
    np.testing.assert_allclose(model.get_weights()[0], 1 - 2e-4, rtol=1e-6)


def test_statistics_are_float32():
    layer = L.BatchNormalization(input_shape=(1,))
    model = keras.Sequential([layer])
    x = 1000 + np.arange(8.0)[:, None]
    normed = K.function([model.input, K.learning_phase()], [model.output])([x, 1])[0]
    np.testing.assert_array_equal(normed.astype("float32"), rounded((x - x.mean()) / np.sqrt(x.var() + 1e-3)))
    model.compile("sgd", "mse")
    model.train_on_batch(x, np.zeros((8, 1)))
    mean, variance = layer.get_weights()[2:]
    np.testing.assert_allclose(mean, 0.01 * x.mean(), rtol=1e-5)
    np.testing.assert_allclose(variance, 0.99 + 0.01 * x.var() * 8 / (7 - 1e-3), rtol=1e-5)


def test_learning():
    """To the accuracy of float32."""
    x, y = load_digits(return_X_y=True)
    accuracy = {}
    for name in ("float32", "mixed_bfloat16"):
        mixed_precision.set_global_policy(name)
        np.random.seed(0)
        model = keras.Sequential([
            L.Reshape((8, 8, 1), input_shape=(64,)), L.Conv2D(8, 3, activation="relu"), L.BatchNormalization(),
            L.MaxPooling2D(), L.Flatten(), L.Dropout(0.2), L.Dense(10, activation="softmax", dtype="float32"),
        ])  # fmt: skip
        model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x[:1500] / 16, y[:1500], epochs=8, verbose=0)
        assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
        accuracy[name] = model.evaluate(x[1500:] / 16, y[1500:], verbose=0)[1]
    assert accuracy["float32"] > 0.85
    assert accuracy["mixed_bfloat16"] > accuracy["float32"] - 0.03


@pytest.mark.parametrize("make", [L.LSTM, L.GRU, L.SimpleRNN])
def test_gradients_through_time(make):
    x = L.Input((6, 3))
    layers = [make(4, dtype=name) for name in ("mixed_bfloat16", "float32")]
    losses = [K.sum(K.square(K.cast(layer(x), "float32"))) for layer in layers]
    layers[1].set_weights(layers[0].get_weights())
    gradients = [K.gradients(loss, layer.weights) for loss, layer in zip(losses, layers, strict=True)]
    assert {gradient.dtype for gradient in gradients[0]} == {"float32"}
    data = np.random.RandomState(0).standard_normal((5, 6, 3))
    values = K.function([x], [*gradients[0], *gradients[1]])([data])
    for got, wanted in zip(values[:3], values[3:], strict=True):
        assert_close(got, wanted, 0.03)


def test_penalties():
    """Of weights as they are kept, of activity in float32."""
    model = keras.Sequential([
        L.Dense(300, use_bias=False, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l1",
                input_shape=(1,)),
    ])  # fmt: skip
    model.layers[0].set_weights([np.full((1, 300), 1.001)])
    model.compile("sgd", "mse")
    loss = model.evaluate(np.ones((1, 1)), np.ones((1, 300)), verbose=0)
    np.testing.assert_allclose(loss, 0.01 * 300 * 1.001**2 + 0.01 * 300, rtol=1e-5)


# ------------------------------------------------------------------------------------------ files


def small_model():
    x = L.Input((5, 4))
    y = L.Bidirectional(L.GRU(3, return_sequences=True))(x)
    y = L.TimeDistributed(L.Dense(3, activation="relu"))(y)
    return keras.Model(x, L.Dense(2, dtype="float32")(L.BatchNormalization()(L.Flatten()(y))))


def precisions(model):
    return [layer.dtype_policy.name for layer in model.layers]


@pytest.mark.parametrize("file", ["m.h5", "m.keras", None])
def test_files(file, tmp_path):
    model = small_model()
    mixed_precision.set_global_policy(None)
    if file is None:
        again = keras.models.model_from_json(model.to_json())
        again.set_weights(model.get_weights())
    else:
        model.compile("sgd", "mse")
        model.save(tmp_path / file)
        again = keras.models.load_model(tmp_path / file)
    assert precisions(again) == precisions(model)
    assert precisions(model)[:2] == ["float32", "mixed_bfloat16"]
    data = np.random.RandomState(0).standard_normal((3, 5, 4))
    np.testing.assert_array_equal(again.predict(data), model.predict(data))


@pytest.mark.parametrize("policy_class", ["Policy", "PolicyV1", "DTypePolicy"])
def test_configs(policy_class):
    """As tf.keras, its experimental policies and Keras 3 write them; without a policy a name, as ever."""
    config = L.Dense(2).get_config()
    assert json.loads(json.dumps(config))["dtype"] == MIXED
    mixed_precision.set_global_policy(None)
    layer = L.Dense.from_config({**config, "dtype": {**MIXED, "class_name": policy_class}})
    assert layer.dtype_policy.name == "mixed_bfloat16"
    plain = {"class_name": policy_class, "config": {"name": "float32"}}
    assert L.Dense.from_config({**config, "dtype": plain}).get_config()["dtype"] == "float32"
    with pytest.raises(ValueError, match="Unknown policy"):
        L.Dense.from_config({**config, "dtype": {"class_name": policy_class, "config": {"name": ["float32"]}}})
    assert L.Dense(2).get_config()["dtype"] == "float32"


@pytest.mark.parametrize("file", ["m.h5", "m.keras"])
def test_weights_in_bfloat16(file, tmp_path):
    model = keras.Sequential([L.Dense(3, input_shape=(2,), dtype="bfloat16")])
    model.compile("adam", "mse")
    model.train_on_batch(np.ones((1, 2)), np.ones((1, 3)))
    model.save(tmp_path / file)
    again = keras.models.load_model(tmp_path / file)
    assert [w.dtype for w in again.weights] == ["bfloat16", "bfloat16"]
    np.testing.assert_array_equal(again.predict(np.ones((1, 2))), model.predict(np.ones((1, 2))))


def test_what_other_programs_read_in_hdf5(tmp_path):
    """Policies by name: Keras 3 knows tf.keras's dictionaries in no .h5 file."""
    model = keras.Sequential([L.Dense(3, input_shape=(2,))])
    model.save(tmp_path / "m.h5", include_optimizer=False)
    with h5py.File(tmp_path / "m.h5") as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]
    assert [layer["config"]["dtype"] for layer in layers] == ["float32", "mixed_bfloat16"]


def test_onnx():
    """Its readers know float32."""
    model = small_model()
    mixed_precision.set_global_policy(None)
    wanted = small_model()
    wanted.set_weights(model.get_weights())
    data = np.random.RandomState(0).standard_normal((3, 5, 4)).astype("float32")
    np.testing.assert_allclose(run(as_onnx(model, 17), [data])[0], wanted.predict(data), atol=1e-5)
