"""Whole models: what is saved comes back, from everywhere, and trains on as if nothing had happened."""

import io
import itertools
import json
import os
import pickle
import subprocess
import sys

import h5py
import numpy as np
import pytest

import keras
from keras import backend as K
from keras import layers, losses, optimizers
from keras.models import Model, Sequential, load_model
from keras.saving import CorruptFileError
from keras.utils.generic_utils import CustomObjectScope

RNG = np.random.RandomState(0)
X = RNG.rand(12, 4).astype("float32")
Y = RNG.rand(12, 2).astype("float32")


def mlp(optimizer="adam", **compile_arguments):
    model = Sequential(
        [layers.Dense(5, activation="tanh", input_shape=(4,)), layers.BatchNormalization(), layers.Dense(2)]
    )
    model.compile(optimizer, "mse", **compile_arguments)
    return model


def same(first, second):
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    "optimizer",
    [
        optimizers.SGD(0.1, momentum=0.9, nesterov=True, decay=0.1),
        optimizers.RMSprop(0.01, clipnorm=1.0),
        optimizers.Adagrad(0.01),
        optimizers.Adadelta(),
        optimizers.Adam(0.01, amsgrad=True),
        optimizers.Adamax(clipvalue=0.5),
        optimizers.Nadam(),
    ],
    ids=lambda optimizer: type(optimizer).__name__,
)
def test_training_goes_on_exactly(tmp_path, optimizer):
    model = mlp(type(optimizer).from_config(optimizer.get_config()), metrics=["mae"])
    for _ in range(3):
        model.train_on_batch(X, Y)
    model.save(tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5")
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.metrics_names == model.metrics_names
    same(again.optimizer.get_weights(), model.optimizer.get_weights())
    for _ in range(2):
        assert again.train_on_batch(X, Y) == model.train_on_batch(X, Y)
    same(again.get_weights(), model.get_weights())


def test_the_layout_of_keras_2(tmp_path):
    model = mlp()
    model.train_on_batch(X, Y)
    model.save(str(tmp_path / "m.h5"))
    with h5py.File(tmp_path / "m.h5", "r") as file:
        text = {name: file.attrs[name] for name in file.attrs}
        assert {k: v if isinstance(v, str) else v.decode() for k, v in text.items() if "config" not in k} == {
            "keras_version": "2.3.1",
            "backend": "tensorflow",
        }
        config = json.loads(text["model_config"])
        layers = config["config"].pop("layers")
        expected = json.loads(json.dumps(model.get_config()))
        assert layers[0]["class_name"] == "InputLayer"  # for Keras 3, see `portable`
        assert layers[1:] == expected.pop("layers")
        assert config == {"class_name": "Sequential", "config": expected}
        training = json.loads(text["training_config"])
        assert sorted(training) == [
            "loss",
            "loss_weights",
            "metrics",
            "optimizer_config",
            "sample_weight_mode",
            "weighted_metrics",
        ]
        assert training["optimizer_config"]["class_name"] == "Adam"
        group = file["model_weights"]
        assert [name.decode() for name in group.attrs["layer_names"]] == [
            layer.name for layer in model.layers
        ]
        dense = group["dense_1"]
        assert list(dense.attrs["weight_names"]) == [b"dense_1/kernel:0", b"dense_1/bias:0"]
        np.testing.assert_array_equal(dense["dense_1/kernel:0"], model.get_weights()[0])
        assert len(file["optimizer_weights"].attrs["weight_names"]) == len(model.optimizer.weights)


def test_everything_a_model_can_be_saved_to_and_loaded_from(tmp_path):
    model = mlp()
    expected = model.predict(X)
    buffer = io.BytesIO()
    model.save(buffer)
    with h5py.File(tmp_path / "group.h5", "w") as file:
        model.save(file)
        model.save(file.create_group("inner/one"))
        model.save(file["inner/one"])  # again: the old one goes
        np.testing.assert_array_equal(load_model(file["inner/one"]).predict(X), expected)
        np.testing.assert_array_equal(load_model(file).predict(X), expected)
    model.save(os.fspath(tmp_path / "m.h5"))
    data = (tmp_path / "m.h5").read_bytes()
    with open(tmp_path / "m.h5", "rb") as handle:
        for source in (
            tmp_path / "m.h5",
            str(tmp_path / "m.h5"),
            buffer.getvalue(),
            io.BytesIO(data),
            handle,
        ):
            np.testing.assert_array_equal(load_model(source).predict(X), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    with pytest.raises(TypeError, match="Cannot save to 3"):
        model.save(3)


def test_a_new_process_predicts_the_same(tmp_path):
    model = mlp()
    model.save(tmp_path / "m.h5")
    np.save(tmp_path / "x.npy", X)
    program = (
        "import numpy as np, keras; np.save('y.npy',"
        " keras.models.load_model('m.h5').predict(np.load('x.npy')))"
    )
    root = os.path.dirname(os.path.dirname(keras.__file__))
    subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model.predict(X), rtol=1e-6)


def nested():
    inner = Sequential([layers.Dense(3, input_shape=(4,)), layers.BatchNormalization()], name="inner")
    inner.layers[0].trainable = False
    left, right = layers.Input((4,)), layers.Input((4,))
    return Model([left, right], layers.add([inner(left), inner(right)]))


def recurrent():
    return Sequential(
        [
            layers.Masking(input_shape=(5, 3)),
            layers.Bidirectional(layers.LSTM(2, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3)),
            layers.GRU(2, reset_after=True),
        ]
    )


def convolutional():
    return Sequential(
        [
            layers.Conv2D(2, 3, padding="same", input_shape=(4, 4, 1), kernel_regularizer="l2"),
            layers.LeakyReLU(0.2),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, kernel_constraint="max_norm"),
        ]
    )


@pytest.mark.parametrize("make", [nested, recurrent, convolutional])
def test_models_of_all_kinds(tmp_path, make):
    model = make()
    inputs = [RNG.rand(3, *shape[1:]).astype("float32") for shape in [K.int_shape(x) for x in model.inputs]]
    inputs = inputs[0] if len(inputs) == 1 else inputs
    expected = model.predict(inputs)
    model.save(tmp_path / "m.h5")
    with pytest.warns(UserWarning, match="not\\* compiled"):
        again = load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(again.predict(inputs), expected)
    assert again.get_config() == model.get_config()
    model.save_weights(tmp_path / "w.h5")
    K.clear_session()
    other = make()
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(other.predict(inputs), expected)


def test_a_model_whose_names_exceed_one_attribute(tmp_path):
    tensor = start = layers.Input((2,), name="start")
    for number in range(700):
        tensor = layers.Activation("linear", name=f"{number:04d}" + "x" * 96)(tensor)
    model = Model(start, layers.Dense(1)(tensor))
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r") as file:
        assert "layer_names" not in file.attrs and len(file.attrs["layer_names1"]) > 0
    before = model.get_weights()
    model.set_weights([weight + 1 for weight in before])
    model.load_weights(tmp_path / "w.h5")
    same(model.get_weights(), before)


# ------------------------------------------------------------------------------------------ the user's own


class Doubled(layers.Dense):
    def call(self, inputs):
        return 2 * super().call(inputs)


def steep(y_true, y_pred):
    return 3 * losses.mean_squared_error(y_true, y_pred)


def test_custom_objects(tmp_path):
    model = Sequential([Doubled(2, input_shape=(4,))])
    model.compile("sgd", steep, metrics=[steep])
    model.train_on_batch(X, Y)
    model.save(tmp_path / "m.h5")
    own = {"Doubled": Doubled, "steep": steep}
    again = load_model(tmp_path / "m.h5", custom_objects=own)
    assert again.test_on_batch(X, Y) == model.test_on_batch(X, Y)
    with CustomObjectScope(own):
        assert load_model(tmp_path / "m.h5").loss == "steep"
    with pytest.raises(ValueError, match="Unknown layer: Doubled"):
        load_model(tmp_path / "m.h5")


def test_compile_false_and_include_optimizer_false(tmp_path):
    model = mlp()
    model.train_on_batch(X, Y)
    model.save(tmp_path / "m.h5", include_optimizer=False)
    with pytest.warns(UserWarning, match="No training configuration found"):
        load_model(tmp_path / "m.h5")
    model.save(tmp_path / "m.h5")
    assert load_model(tmp_path / "m.h5", compile=False).optimizer is None


def test_losses_and_metrics_of_every_form(tmp_path):
    first, second = layers.Input((4,)), layers.Input((4,))
    outputs = [layers.Dense(2, name="a")(first), layers.Dense(2, name="b")(second)]
    model = Model([first, second], outputs)
    model.compile(
        "sgd",
        {"a": "mae", "b": losses.MeanSquaredError()},
        metrics={"b": ["mae", keras.metrics.RootMeanSquaredError(name="rmse")]},
        loss_weights=[0.5, 2.0],
    )
    expected = model.test_on_batch([X, X], [Y, Y])
    model.save(tmp_path / "m.h5")
    again = load_model(tmp_path / "m.h5")
    assert again.metrics_names == model.metrics_names
    np.testing.assert_allclose(again.test_on_batch([X, X], [Y, Y]), expected, rtol=1e-6)


def test_optimizer_state_that_does_not_fit_starts_anew(tmp_path):
    model = mlp()
    model.train_on_batch(X, Y)
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        names = file["optimizer_weights"].attrs["weight_names"]
        file["optimizer_weights"].attrs["weight_names"] = names[:-1]
    with pytest.warns(UserWarning, match="freshly initialized optimizer"):
        again = load_model(tmp_path / "m.h5")
    assert K.get_value(again.optimizer.iterations) == 0
    same(again.get_weights(), model.get_weights())


# ------------------------------------------------------------------------------------------ what goes wrong


def test_overwriting_asks(tmp_path, monkeypatch):
    path = tmp_path / "m.h5"
    path.write_bytes(b"precious")
    for stdin in (None, io.StringIO()):
        monkeypatch.setattr("sys.stdin", stdin)
        with pytest.raises(FileExistsError, match="overwrite=True"):  # there is nobody to ask
            mlp().save(path, overwrite=False)
    monkeypatch.setattr("sys.stdin", io.StringIO("what?\nn\n"))  # answers piped to the program
    mlp().save(path, overwrite=False)
    assert path.read_bytes() == b"precious"
    monkeypatch.setattr("builtins.input", lambda *args: "y")  # as in a notebook
    mlp().save(path, overwrite=False)
    assert path.read_bytes() != b"precious"


class Unsavable(layers.Dense):
    def get_config(self):
        return {**super().get_config(), "thing": object()}


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.h5"
    path.write_bytes(b"precious")
    model = Sequential([Unsavable(2, input_shape=(4,))])
    with pytest.raises(TypeError, match="cannot be stored"):
        model.save(path)
    monkeypatch.setattr("keras.saving.hdf5.write_array", lambda *args: 1 / 0)
    for save in (mlp().save, mlp().save_weights):
        with pytest.raises(ZeroDivisionError):
            save(path)
    assert path.read_bytes() == b"precious" and os.listdir(tmp_path) == ["m.h5"]


def test_files_that_are_no_models(tmp_path):
    model = mlp()
    model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "w.h5")
    data = (tmp_path / "m.h5").read_bytes()
    with pytest.raises(ValueError, match="weights only.*load_weights"):
        load_model(tmp_path / "w.h5")
    with pytest.raises(CorruptFileError, match="truncated or damaged"):
        load_model(data[: len(data) // 2])
    with pytest.raises(FileNotFoundError, match="nothing.h5"):
        load_model("nothing.h5")
    with pytest.raises(ValueError, match="gsutil"):
        load_model("gs://bucket/model.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = X
    with pytest.raises(ValueError, match="not a Keras model"):
        load_model(tmp_path / "other.h5")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda file: file.attrs.__setitem__("model_config", "{"), "architecture stored in it is damaged"),
        (lambda file: file.attrs.__setitem__("model_config", "[1]"), "does not describe a model"),
        (lambda file: file.__delitem__("model_weights"), "incomplete"),
        (lambda file: file["model_weights"].__delitem__("dense_1"), "there is no 'dense_1'"),
        (lambda file: file["model_weights/dense_1/dense_1"].__delitem__("bias:0"), "there is no 'bias:0'"),
        (lambda file: file["model_weights/dense_1"].attrs.__delitem__("weight_names"), "weight_names"),
        (lambda file: file.attrs.__setitem__("training_config", "{}"), "compile=False"),
    ],
)
def test_damaged_parts_are_named(tmp_path, change, message):
    mlp().save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        change(file)
    with pytest.raises(CorruptFileError, match=message):
        load_model(tmp_path / "m.h5")


def test_unknown_layers_and_arguments_are_named(tmp_path):
    model = mlp()
    model.save(tmp_path / "m.h5")

    def rewritten(old, new):
        with h5py.File(tmp_path / "m.h5", "r+") as file:
            text = file.attrs["model_config"]
            text = text if isinstance(text, str) else text.decode()
            file.attrs["model_config"] = text.replace(old, new)

    rewritten('"units"', '"unit"')
    with pytest.raises(
        ValueError, match="Dense layer 'dense_1' has the argument unit=5.*Did you mean 'units'"
    ):
        load_model(tmp_path / "m.h5")
    rewritten('"class_name": "Dense"', '"class_name": "Densest"')
    with pytest.raises(ValueError, match="Unknown layer: Densest"):
        load_model(tmp_path / "m.h5")


def test_a_subclassed_model_says_what_to_do(tmp_path):
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs)

    model = Own()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    with pytest.raises(NotImplementedError, match="save_weights"):
        model.save(tmp_path / "m.h5")
    model.save_weights(tmp_path / "w.h5")
    before = model.get_weights()
    model.train_on_batch(X, Y)
    model.load_weights(tmp_path / "w.h5")
    same(model.get_weights(), before)


def test_unbuilt_models():
    model = Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="input_shape"):
        model.save_weights(io.BytesIO())


def test_layers_may_stand_in_any_order():
    """Each call of a shared layer waits for the one before, so that their numbers stay as they were."""
    inputs = [layers.Input((3,), name=f"in{number}") for number in range(2)]
    shared = layers.Dense(3, activation="tanh", name="shared")
    x = shared(shared(inputs[0]))
    model = Model(inputs, [layers.Add(name="sum")([x, shared(inputs[1])]), x])
    config = model.get_config()
    values = [np.random.RandomState(number).rand(2, 3) for number in range(2)]
    for order in itertools.islice(itertools.permutations(config["layers"]), 24):
        other = Model.from_config({**config, "layers": list(order)})
        other.set_weights(model.get_weights())
        for got, expected in zip(other.predict(values), model.predict(values), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_a_layer_that_waits_for_itself():
    model = Model(inputs := layers.Input((3,)), layers.Dense(2, name="d")(layers.Dense(3, name="first")(inputs)))
    config = model.get_config()
    config["layers"][1]["inbound_nodes"][0][0][0] = "d"
    with pytest.raises(ValueError, match="inconsistent"):
        Model.from_config(config)
