"""Weights as safetensors."""

import numpy as np
import pytest
import safetensors.numpy

from keras import backend as K
from keras.layers import LSTM, BatchNormalization, Dense
from keras.models import Sequential, load_model


def mlp(units=3):
    model = Sequential([Dense(units, input_shape=(4,), name="a"), BatchNormalization(name="b"), Dense(2, name="c")])
    model.set_weights([np.random.uniform(size=weight.shape) for weight in model.get_weights()])
    return model


def same(one, other):
    for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_round_trip_from_paths_bytes_and_file_objects(tmp_path):
    model = mlp()
    path = tmp_path / "model.safetensors"
    model.save_weights(path)
    assert "a/kernel:0" in safetensors.numpy.load_file(path)
    with open(path, "rb") as file:
        for source in (path, str(path), path.read_bytes(), file):
            other = mlp()
            other.load_weights(source)
            same(model, other)


def test_nested_models_and_equal_names(tmp_path):
    def build():
        inner = Sequential([Dense(3, input_shape=(4,), name="dense")], name="inner")
        return Sequential([inner, Dense(2, name="dense")])

    model, other = build(), build()
    model.save_weights(tmp_path / "m.safetensors")
    other.load_weights(tmp_path / "m.safetensors")
    same(model, other)


def test_by_name_skip_mismatch_and_reshape(tmp_path):
    model = mlp()
    model.save_weights(tmp_path / "m.safetensors")
    other = Sequential(
        [Dense(5, input_shape=(4,), name="a"), LSTM(2, input_shape=(4, 3), name="x"), Dense(2, name="c")][:1]
    )
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'a/kernel:0' has shape \(4, 5\)"):
        other.load_weights(tmp_path / "m.safetensors", by_name=True)
    with pytest.warns(UserWarning, match="Skipping"):
        other.load_weights(tmp_path / "m.safetensors", by_name=True, skip_mismatch=True)
    for a, b in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_another_programs_file_goes_by_the_names_of_weights(tmp_path):
    model = mlp()
    arrays = {
        weight.name.partition(":")[0]: np.ones(value.shape, "float32")
        for weight, value in zip(model.weights, K.batch_get_value(model.weights), strict=True)
    }
    safetensors.numpy.save_file(arrays, tmp_path / "m.safetensors")
    model.load_weights(tmp_path / "m.safetensors")
    assert all((value == 1).all() for value in model.get_weights())
    del arrays["c/bias"]
    safetensors.numpy.save_file(arrays, tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="has no array 'c/bias:0'"):
        model.load_weights(tmp_path / "m.safetensors")


def test_it_is_no_model(tmp_path):
    mlp().save_weights(tmp_path / "m.safetensors")
    with pytest.raises(ValueError, match="safetensors hold weights only"):
        load_model(tmp_path / "m.safetensors")


@pytest.mark.parametrize("cut", [20, -5])
def test_damaged(cut, tmp_path):
    model = mlp()
    model.save_weights(tmp_path / "m.safetensors")
    before = model.get_weights()
    data = (tmp_path / "m.safetensors").read_bytes()[:cut]
    with pytest.raises(OSError, match="not a whole safetensors file"):
        mlp().load_weights(data)
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_old_file_stays_unless_overwritten(tmp_path):
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        mlp().save_weights(path, overwrite=False)
    assert path.read_bytes() == b"old"
