"""hard_sigmoid is another function in Keras 3: weights are scaled so that predictions stay."""

import io
import os
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from keras.layers import (
    GRU,
    LSTM,
    RNN,
    Bidirectional,
    Conv1D,
    ConvLSTM2D,
    Dense,
    GRUCell,
    Input,
    Reshape,
    SeparableConv1D,
    SimpleRNN,
    TimeDistributed,
)
from keras.models import Model, Sequential, load_model
from keras.saving.conversions import Untranslatable

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "keras3")
GATES = {"recurrent_activation": "hard_sigmoid"}


def every_kind():
    x = Input((4, 3))
    outputs = [
        Dense(2, activation="hard_sigmoid", use_bias=False)(x),
        TimeDistributed(Dense(2, activation="hard_sigmoid"))(x),
        Conv1D(2, 2, activation="hard_sigmoid")(x),
        SeparableConv1D(2, 2, activation="hard_sigmoid")(x),
        Bidirectional(LSTM(2, **GATES))(x),
        GRU(2, **GATES)(x),
        GRU(2, reset_after=True, **GATES)(x),
        RNN(GRUCell(2, **GATES))(x),
        ConvLSTM2D(2, 1)(Reshape((4, 1, 1, 3))(x)),  # hard_sigmoid is its default
    ]
    return Model(x, outputs)


def test_a_round_trip_predicts_the_same_without_a_word(tmp_path):
    model = every_kind()
    model.set_weights([np.random.uniform(-2, 2, weight.shape) for weight in model.get_weights()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.save(tmp_path / "m.keras")
        other = load_model(tmp_path / "m.keras")
    x = np.random.uniform(-1, 1, (2, 4, 3))
    for got, expected in zip(other.predict(x), model.predict(x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_the_file_holds_what_keras_3_computes_with(tmp_path):
    model = Sequential([Dense(3, activation="hard_sigmoid", input_shape=(4,))])
    model.set_weights([np.random.uniform(-2, 2, weight.shape) for weight in model.get_weights()])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            kernel, bias = file["layers/dense/vars/0"][()], file["layers/dense/vars/1"][()]
    x = np.random.uniform(-2, 2, (8, 4))
    there = np.clip(x @ kernel + bias + 3, 0, 6) / 6  # Keras 3's formula
    np.testing.assert_allclose(model.predict(x), there, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("beside", "share"), [("metrics", 1), ("optimizer", 5 / 6)])
def test_files_of_weights_alone_by_tf_keras_are_left_as_they_are(beside, share, tmp_path):
    with h5py.File(tmp_path / "m.weights.h5", "w") as file:
        file["layers/dense/vars/0"] = np.ones((3, 2), "float32")
        file["layers/dense/vars/1"] = np.ones(2, "float32")
        file.create_group(beside)
    model = Sequential([Dense(2, activation="hard_sigmoid", input_shape=(3,))])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        model.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_allclose(model.get_weights()[0], np.full((3, 2), share), rtol=1e-6)
    assert len(told) == (beside == "optimizer")


@pytest.mark.parametrize(
    "layer", [LSTM(2, activation="hard_sigmoid"), SimpleRNN(2, activation="hard_sigmoid")], ids=["LSTM", "SimpleRNN"]
)
def test_where_scaling_does_not_help_it_is_refused(layer, tmp_path):
    model = Sequential([layer])
    model.build((None, 3, 2))
    with pytest.raises(Untranslatable, match="activation='hard_sigmoid' is relu6"):
        model.save(tmp_path / "m.keras")


def test_masked_steps_of_keras_3s_bidirectional_stay_zeros_in_h5(tmp_path):
    model = load_model(os.path.join(FOLDER, "recurrent.keras"))
    model.save(tmp_path / "m.h5")
    with np.load(os.path.join(FOLDER, "recurrent.npz")) as record:
        x, y = record["x0"], record["y0"]
    np.testing.assert_allclose(load_model(tmp_path / "m.h5", compile=False).predict(x), y, rtol=1e-5, atol=1e-6)
