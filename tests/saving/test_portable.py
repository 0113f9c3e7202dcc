"""The .h5 files we write carry what tf.keras and Keras 3 need, and lose nothing for ourselves."""

import json

import h5py
import numpy as np
import pytest

import keras
from keras import backend as K
from keras.layers import LSTM, RNN, Bidirectional, Dense, Embedding, GRUCell, SpatialDropout1D, TimeDistributed
from keras.models import Sequential, load_model
from keras.saving import portable


def stored(path, name="model_config"):
    with h5py.File(path) as file:
        value = file.attrs[name]
    return json.loads(value)


def saved(model, tmp_path):
    model.save(tmp_path / "model.h5")
    return tmp_path / "model.h5"


def test_the_input_shape_stands_in_a_layer_of_its_own(tmp_path):
    model = Sequential([Dense(3, input_shape=(4,), name="first"), Dense(2)])
    path = saved(model, tmp_path)
    layers = stored(path)["config"]["layers"]
    assert [layer["class_name"] for layer in layers] == ["InputLayer", "Dense", "Dense"]
    assert layers[0]["config"]["batch_input_shape"] == [None, 4]
    assert layers[1]["config"]["batch_input_shape"] == [None, 4]  # as Keras 2 has it
    again = load_model(path, compile=False)
    assert again.get_config() == model.get_config()
    assert again.layers[0].batch_input_shape == (None, 4)


def test_a_nested_sequential_too(tmp_path):
    inner = Sequential([Dense(3, input_shape=(4,))])
    model = Sequential([inner, Dense(1)])
    path = saved(model, tmp_path)
    layers = stored(path)["config"]["layers"]
    assert layers[0]["class_name"] == "Sequential"
    assert layers[0]["config"]["layers"][0]["class_name"] == "InputLayer"
    assert load_model(path, compile=False).get_config() == model.get_config()


def test_layers_inside_layers_name_their_module(tmp_path):
    class Own(Dense):
        pass

    model = Sequential(
        [
            Embedding(5, 3, input_length=4),
            SpatialDropout1D(0.1),
            Bidirectional(LSTM(2, return_sequences=True)),
            RNN([GRUCell(2), GRUCell(3)], return_sequences=True),
            TimeDistributed(Sequential([Dense(2, input_shape=(3,))])),
            TimeDistributed(Own(1)),
        ]
    )
    path = saved(model, tmp_path)
    configs = [layer["config"] for layer in stored(path)["config"]["layers"][1:]]
    assert configs[2]["layer"]["module"] == configs[3]["cell"]["module"] == "keras.layers"
    assert [cell["module"] for cell in configs[3]["cell"]["config"]["cells"]] == ["keras.layers"] * 2
    assert configs[4]["layer"]["module"] == "keras"
    assert "module" not in configs[5]["layer"]
    assert not {"noise_shape", "trainable"} & set(configs[1])
    again = load_model(path, compile=False, custom_objects={"Own": Own})
    assert again.get_config() == model.get_config()
    x = np.array([[1, 2, 3, 4]])
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.parametrize(
    "loss, written",
    [
        ("mse", "mean_squared_error"),
        ("MAE", "mean_absolute_error"),
        (["mape"], ["mean_absolute_percentage_error"]),
        ("hinge", "hinge"),
        ("kld", {"class_name": "KLDivergence", "config": {"reduction": "sum_over_batch_size", "name": "kld"}}),
    ],
)
def test_losses_by_names_that_all_know(loss, written, tmp_path):
    model = Sequential([Dense(2, activation="softmax", input_shape=(3,))])
    model.compile("sgd", loss, metrics=["mae"])
    path = saved(model, tmp_path)
    assert stored(path, "training_config")["loss"] == written
    again = load_model(path)
    assert again.loss == loss
    assert again.metrics_names == model.metrics_names


@pytest.mark.parametrize("name, class_name", sorted(portable._LOSS_CLASSES.items()))
def test_the_classes_compute_what_the_names_do(name, class_name):
    truth, guess = K.constant([[0.2, 0.8], [1, 0]]), K.constant([[0.3, 0.7], [0.6, 0.4]])
    loss = keras.losses.deserialize({"class_name": class_name, "config": {"reduction": "sum_over_batch_size"}})
    expected = K.eval(keras.losses.get(name)(truth, guess)).mean()
    np.testing.assert_allclose(K.eval(loss(truth, guess)), expected, rtol=1e-6)


@pytest.mark.parametrize("decay, kept", [(0.004, False), (0.01, True)])
def test_nadams_default_goes_unsaid(decay, kept, tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(keras.optimizers.Nadam(schedule_decay=decay), "mse")
    path = saved(model, tmp_path)
    assert ("schedule_decay" in stored(path, "training_config")["optimizer_config"]["config"]) is kept
    assert load_model(path).optimizer.get_config()["schedule_decay"] == pytest.approx(decay)


def test_an_edited_training_config_counts(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    path = saved(model, tmp_path)
    config = stored(path, "training_config")
    config["loss"] = "mean_absolute_error"
    with h5py.File(path, "a") as file:
        file.attrs["training_config"] = json.dumps(config).encode()
    assert load_model(path).loss == "mean_absolute_error"
