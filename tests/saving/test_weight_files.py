"""Weights alone: by order, by name, with mismatches; and a model that stays as it was when they do not fit."""

import h5py
import numpy as np
import pytest

from keras import backend as K
from keras import layers
from keras.engine import saving
from keras.models import Model, Sequential
from keras.saving import CorruptFileError


def mlp(units=(3, 2), names=("a", "b")):
    first = layers.Dense(units[0], input_shape=(4,), name=names[0])
    return Sequential([first, layers.Dropout(0.5), layers.Dense(units[1], name=names[1])])


def filled(model, value):
    model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
    return model


def values(model):
    return [float(weight.mean()) if weight.size else 0.0 for weight in model.get_weights()]


def test_by_order_names_do_not_matter(tmp_path):
    filled(mlp(), 7).save_weights(tmp_path / "w.h5")
    other = mlp(names=("c", "d"))
    other.load_weights(tmp_path / "w.h5")
    assert values(other) == [7.0] * 4


def test_whole_models_are_weights_files_too(tmp_path):
    filled(mlp(), 7).save(tmp_path / "m.h5")
    other = mlp()
    other.load_weights(tmp_path / "m.h5")
    assert values(other) == [7.0] * 4


def test_by_name(tmp_path):
    filled(mlp(), 7).save_weights(tmp_path / "w.h5")
    other = filled(mlp((3, 5), ("a", "new")), 1)
    other.load_weights(tmp_path / "w.h5", by_name=True)
    assert values(other) == [7.0, 7.0, 1.0, 1.0]


def test_by_name_with_mismatches(tmp_path):
    filled(mlp(), 7).save_weights(tmp_path / "w.h5")
    other = filled(mlp((3, 5)), 1)
    with pytest.raises(ValueError, match=r"'b'.*\(3, 5\).*\(3, 2\).*skip_mismatch=True"):
        other.load_weights(tmp_path / "w.h5", by_name=True)
    assert values(other) == [1.0] * 4
    with pytest.warns(UserWarning, match=r"Skipping loading of weights for layer 'b' due to mismatch.*\.$") as told:
        other.load_weights(tmp_path / "w.h5", by_name=True, skip_mismatch=True)
    assert told[0].filename == __file__ and "Nothing was loaded" not in str(told[0].message)
    assert values(other) == [7.0, 7.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="skip_mismatch can only be set to True when by_name is True"):
        other.load_weights(tmp_path / "w.h5", skip_mismatch=True)


def test_reshape(tmp_path):
    model = Sequential([layers.Dense(6, input_shape=(2,), use_bias=False, name="a")])
    model.save_weights(tmp_path / "w.h5")
    other = Sequential([layers.Dense(4, input_shape=(3,), use_bias=False, name="a")])
    for options in ({}, {"by_name": True}):
        with pytest.raises(ValueError, match="shape"):
            other.load_weights(tmp_path / "w.h5", **options)
        other.load_weights(tmp_path / "w.h5", reshape=True, **options)
        np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0].reshape(3, 4))


def without_layer():
    return Sequential([layers.Dense(3, input_shape=(4,), name="a")])


def without_bias():
    return Sequential(
        [layers.Dense(3, input_shape=(4,), name="a"), layers.Dense(2, use_bias=False, name="b")]
    )


@pytest.mark.parametrize(
    "make, message",
    [
        (without_layer, r"containing 2 layers into a model with 1 layers.*\s*In the file: a, b"),
        (without_bias, r"'b' \(Dense\) of this model expects 1 weight.*but the saved layer 'b' has 2"),
        (lambda: mlp((3, 9)), r"weight 'b/kernel:0' has shape \(3, 9\).*\(3, 2\)"),
    ],
)
def test_what_does_not_fit_changes_nothing(tmp_path, make, message):
    filled(mlp(), 7).save_weights(tmp_path / "w.h5")
    model = filled(make(), 1)
    with pytest.raises(ValueError, match=message):
        model.load_weights(tmp_path / "w.h5")
    assert set(values(model)) == {1.0}


def test_damage_found_late_changes_nothing(tmp_path):
    filled(mlp(), 7).save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        del file["b/b/bias:0"]
    model = filled(mlp(), 1)
    with pytest.raises(CorruptFileError, match="bias:0"):
        model.load_weights(tmp_path / "w.h5")
    assert values(model) == [1.0] * 4


def test_a_file_without_weights(tmp_path):
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["data"] = np.zeros(3)
    with pytest.raises(CorruptFileError, match="holds no Keras weights"):
        mlp().load_weights(tmp_path / "d.h5")


def test_models_without_weights_of_their_own(tmp_path):
    with pytest.raises(ValueError, match="not been built"):
        Sequential([layers.Dense(2)]).load_weights(tmp_path / "any.h5")
    empty = Sequential([layers.Flatten(input_shape=(2, 2))])
    empty.save_weights(tmp_path / "w.h5")
    empty.load_weights(tmp_path / "w.h5")


def inner_model(frozen):
    inner = Sequential(
        [layers.Dense(3, input_shape=(3,), name="first"), layers.Dense(3, name="second")], name="inner"
    )
    inner.layers[0].trainable = not frozen
    x = layers.Input((3,))
    return Model(x, inner(x))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_nested_model_frozen_after_saving(tmp_path, frozen):
    """What is frozen comes last in a nested model's group; names tell which array is which."""
    model = inner_model(frozen)
    model.save_weights(tmp_path / "w.h5")
    x = np.ones((1, 3), "float32")
    K.reset_uids()
    other = inner_model(not frozen)
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(other.predict(x), model.predict(x))


def test_names_in_each_others_way(tmp_path):
    from keras.saving.weights_file import unique_names

    variables = [K.variable(0.0, name=name) for name in ("w", "w", "w/inner")]
    for variable, name in zip(variables, ("w:0", "w:0", "w:0/inner"), strict=True):
        variable.name = name
    names = unique_names(variables)
    assert len(set(names)) == 3
    with h5py.File(tmp_path / "n.h5", "w") as file:
        saving.save_attributes_to_hdf5_group(file, "weight_names", names)
        for name in names:
            file[name] = 0.0
        assert saving.load_attributes_from_hdf5_group(file, "weight_names") == names


def test_functions_on_groups(tmp_path):
    model = filled(mlp(), 7)
    with h5py.File(tmp_path / "g.h5", "w") as file:
        saving.save_weights_to_hdf5_group(file, model.layers)
        filled(model, 1)
        saving.load_weights_from_hdf5_group(file, model.layers)
        assert values(model) == [7.0] * 4
        filled(model, 1)
        saving.load_weights_from_hdf5_group_by_name(file, model.layers[:1])
        assert values(model) == [7.0, 7.0, 1.0, 1.0]


# ------------------------------------------------------------------------------------------ other layouts


def theano_file(path, model):
    """The file that Keras 2 on Theano would have written for this model."""
    model.save_weights(path)
    with h5py.File(path, "r+") as file:
        file.attrs["backend"] = b"theano"
        for name in ("conv/conv/kernel:0",):
            kernel = file[name][()]
            file[name][...] = kernel[::-1, ::-1]


def test_theano_kernels_are_turned_round(tmp_path):
    model = Sequential([layers.Conv2D(2, (3, 2), input_shape=(5, 5, 3), name="conv")])
    theano_file(tmp_path / "w.h5", model)
    before = model.get_weights()
    filled(model, 0)
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize(
    "plain, cudnn",
    [
        (lambda: layers.LSTM(3, input_shape=(4, 2)), lambda: layers.CuDNNLSTM(3, input_shape=(4, 2))),
        (
            lambda: layers.GRU(3, reset_after=True, input_shape=(4, 2)),
            lambda: layers.CuDNNGRU(3, input_shape=(4, 2)),
        ),
    ],
)
def test_cudnn_and_plain_weights(tmp_path, plain, cudnn):
    x = np.random.RandomState(0).rand(2, 4, 2).astype("float32")
    one, other = Sequential([plain()]), Sequential([cudnn()])
    rng = np.random.RandomState(1)
    for source, target in ((one, other), (other, one)):
        source.set_weights([rng.rand(*weight.shape) - 0.5 for weight in source.get_weights()])
        source.save_weights(tmp_path / "w.h5")
        target.load_weights(tmp_path / "w.h5")
        np.testing.assert_allclose(target.predict(x), source.predict(x), rtol=1e-5, atol=1e-6)


def test_a_gru_that_computes_something_else_is_refused(tmp_path):
    Sequential([layers.CuDNNGRU(3, input_shape=(4, 2))]).save_weights(tmp_path / "w.h5")
    with pytest.raises(ValueError, match="reset_after=True"):
        Sequential([layers.GRU(3, input_shape=(4, 2))]).load_weights(tmp_path / "w.h5")


def test_gates_of_before_2_3_are_warned_of(tmp_path):
    model = Sequential([layers.LSTM(3, input_shape=(4, 2), name="rnn")])
    model.save_weights(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "r+") as file:
        file.attrs["keras_version"] = b"2.2.4"
    with pytest.warns(UserWarning, match=r"recurrent_activation='hard_sigmoid'.*\['rnn'\]"):
        model.load_weights(tmp_path / "w.h5")
