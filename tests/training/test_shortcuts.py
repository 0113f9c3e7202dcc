"""Batches like one before take a short way to the compiled function: nothing may tell but the clock."""

import warnings

import numpy as np
import pytest

import keras
from keras import backend as K
from keras.engine import training_shortcuts as shortcuts
from keras.layers import Dense, Embedding, Flatten, Input
from keras.models import Model, Sequential


def compiled(loss="mse", units=2, **kwargs):
    model = Sequential([Dense(units, input_shape=(3,))])
    model.compile("sgd", loss, **kwargs)
    return model


def batch(rows=4, units=2, seed=0):
    random = np.random.RandomState(seed)
    return random.rand(rows, 3).astype("float32"), random.rand(rows, units).astype("float32")


def is_short(model, x, y, name="train_function"):
    return shortcuts.inputs_like_before(model, name, x, y) is not None


def test_both_ways_give_the_same(monkeypatch):
    def run():
        np.random.seed(1)
        model = compiled(metrics=["mae"])
        losses = [model.train_on_batch(*batch(seed=i)) for i in range(3)]
        losses += [model.test_on_batch(*batch(seed=i)) for i in range(2)]
        return losses, model.get_weights(), is_short(model, *batch())

    *short, was_short = run()
    monkeypatch.setattr(shortcuts, "accept", lambda *args: None)
    *long, was_long = run()
    assert was_short and not was_long
    np.testing.assert_array_equal(short[0], long[0])
    for a, b in zip(short[1], long[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_vectors_are_columns():
    model = compiled(units=1)
    x, y = batch(units=1)
    model.train_on_batch(x, y[:, 0])
    assert is_short(model, x, y[:, 0]) and not is_short(model, x, y)
    assert shortcuts.inputs_like_before(model, "train_function", x, y[:, 0])[1].shape == (4, 1)
    model.train_on_batch(x, y[:, 0])


def test_lists_for_several_inputs():
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], [Dense(2)(keras.layers.add([a, b])), Dense(1)(b)])
    model.compile("sgd", "mse")
    x, y = batch()
    data = [x, x], [y, y[:, :1]]
    model.train_on_batch(*data)
    assert is_short(model, *data) and not is_short(model, [x], data[1])
    assert len(model.train_on_batch(*data)) == 3


@pytest.mark.parametrize("change", ["rows", "dtype", "list", "view"])
def test_other_batches_take_the_long_way(change):
    model = compiled()
    x, y = batch()
    model.train_on_batch(x, y)
    other = {
        "rows": (x[:3], y[:3]),
        "dtype": (x.astype("float64"), y),
        "list": (x.tolist(), y),
        "view": (x.view(np.memmap), y),
    }[change]
    assert is_short(model, x, y) and not is_short(model, *other)
    model.train_on_batch(*other)


def test_targets_are_still_looked_at():
    model = compiled()
    x, y = batch()
    model.train_on_batch(x, y)
    y[1, 1] = np.nan
    with pytest.warns(UserWarning, match="holds NaN"):
        assert np.isnan(model.train_on_batch(x, y))
    model = compiled("sparse_categorical_crossentropy")
    model.train_on_batch(x, np.array([0, 1, 1, 0]))
    with pytest.raises(ValueError, match="class numbers from 0 to 2"):
        model.train_on_batch(x, np.array([0, 1, 2, 0]))


def test_indices_are_still_looked_at():
    model = Sequential([Embedding(5, 2, input_length=3), Flatten(), Dense(1)])
    model.compile("sgd", "mse")
    x, y = np.array([[0, 1, 4]]), np.zeros((1, 1))
    model.train_on_batch(x, y)
    assert is_short(model, x, y)
    with pytest.raises(ValueError, match="Embedding"):
        model.train_on_batch(x + 1, y)


def test_a_change_of_trainable_is_still_noticed():
    model = compiled()
    x, y = batch()
    model.train_on_batch(x, y)
    model.layers[0].trainable = False
    for _ in range(2):
        with pytest.warns(UserWarning, match="trainable"):
            model.train_on_batch(x, y)
    model.layers[0].trainable = True
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.train_on_batch(x, y)
        model.train_on_batch(x, y)
    assert is_short(model, x, y)


def test_compiling_again_and_functions_of_the_users_own():
    model = compiled()
    x, y = batch()
    first = model.train_on_batch(x, y)
    model.compile("sgd", "mae")
    assert not is_short(model, x, y)
    assert model.train_on_batch(x, y) != first
    model.train_function = lambda ins: [float(len(ins))]
    assert not is_short(model, x, y)
    assert model.train_on_batch(x, y) == 3.0


def test_weights_of_samples_are_not_left_out():
    model = compiled()
    x, y = batch()
    plain = model.test_on_batch(x, y)
    assert is_short(model, x, y, "test_function")
    assert model.test_on_batch(x, y, sample_weight=np.full(4, 2.0)) == pytest.approx(2 * plain)
    assert model.test_on_batch(x, y) == plain


def test_the_learning_phase_is_looked_at_again():
    model = Sequential([Dense(2, input_shape=(3,)), keras.layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    x, y = batch()
    model.train_on_batch(x, y)
    assert is_short(model, x, y)
    K.set_learning_phase(0)
    try:
        assert not is_short(model, x, y)
    finally:
        K.clear_session()
