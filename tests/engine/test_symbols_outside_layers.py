"""Arithmetic and K calls on what layers gave: as outputs, between layers, as losses; stored and called anew."""

import json

import numpy as np
import pytest

from keras import backend as K
from keras.engine.tensor_op import TensorOp
from keras.layers import LSTM, Concatenate, Conv1D, Dense, Embedding, Input
from keras.models import Model, clone_model, load_model, model_from_json

X = np.random.RandomState(0).standard_normal((6, 4)).astype("float32")


def expressions(x, h):
    """K expressions on an input (batch, 4) and a hidden layer (batch, 3), by what they show."""
    return {
        "arithmetic": 2.0 * h - 1 / (1 + K.square(h)),
        "indices": h[:, ::-1][:, 1:3] + x[..., None][:, :2, 0],
        "join": K.concatenate([h, x * 2, K.ones_like(h)], axis=-1),
        "shape": K.reshape(x, (-1, 2, 2)),
        "symbolic shape": K.tile(h, [1, 2]) / K.cast(K.shape(h)[1], "float32"),
        "reduction": K.sqrt(K.sum(K.square(h), axis=1, keepdims=True)),
        "constant": K.dot(h, K.constant(np.arange(6).reshape(3, 2))),
        "comparison": K.cast(h > 0, "float32") + K.cast(K.argmax(h, -1)[:, None], "float32"),
        "one of several": K.switch(K.sum(h) > 0, h, -h),
        "training": K.in_train_phase(h * 0, h),
        "softmax": K.softmax(h) + K.l2_normalize(h, axis=-1),
    }


@pytest.mark.parametrize("name", list(expressions(K.placeholder((None, 4)), K.placeholder((None, 3)))))
def test_an_expression_as_an_output(name):
    """It predicts, trains the layers behind it, is called on new inputs, and comes back from its configuration."""
    x = Input((4,))
    hidden = Dense(3, activation="tanh")(x)
    y = expressions(x, hidden)[name]
    model = Model(x, y)
    assert model.output is y and isinstance(model.layers[-1], TensorOp)
    wanted = K.function([x], [y])([X])[0]
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-6)
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(X), wanted, rtol=1e-6)
    other = Input((4,))
    np.testing.assert_allclose(Model(other, model(other)).predict(X), wanted, rtol=1e-6)


def two_towers():
    a, b = Input((4,), name="a"), Input((4,), name="b")
    h = Dense(3, name="h")
    distance = K.abs(h(a) - h(b))
    return Model([a, b], Dense(1, name="out")(distance * 0.5))


def test_expressions_between_layers(tmp_path):
    model = two_towers()
    assert [type(la).__name__ for la in model.layers] == ["InputLayer", "InputLayer", "Dense", "TensorOp", "Dense"]
    w, b, v, c = model.get_weights()
    wanted = np.abs(X @ w + b - (X[::-1] @ w + b)) * 0.5 @ v + c
    np.testing.assert_allclose(model.predict([X, X[::-1]]), wanted, rtol=1e-4, atol=1e-6)
    model.compile("adam", "mse")
    before = model.evaluate([X, X[::-1]], np.ones(6), verbose=0)
    model.fit([X, X[::-1]], np.ones(6), epochs=5, verbose=0)
    assert model.evaluate([X, X[::-1]], np.ones(6), verbose=0) < before
    path = tmp_path / "m.h5"
    model.save(path)
    for same in (load_model(path), clone_model(model)):
        same.set_weights(model.get_weights())
        np.testing.assert_allclose(same.predict([X, X]), model.predict([X, X]), rtol=1e-6)
        assert same.get_config()["layers"][3]["config"]["operations"]
    lines = []
    model.summary(print_fn=lines.append)
    assert any("TensorOp" in line for line in lines)


def test_the_configuration_is_plain_data():
    x = Input((4,))
    model = Model(x, (x * 2.0)[:, 1:])
    operations = model.get_config()["layers"][-1]["config"]["operations"]
    assert operations[0] == ["multiply", [0, {"value": 2.0, "dtype": "float32"}], {}]
    assert json.loads(json.dumps(operations)) == operations


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda h: h * K.variable(2.0, name="scale"), "variable scale"),
        (lambda h: K.map_fn(lambda row: row * 2, h), "Python functions"),
        (lambda h: K.gradients(K.sum(K.square(h)), [h])[0], "Python functions"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_a_reason(make, reason, tmp_path):
    x = Input((4,))
    model = Model(x, make(Dense(3, name="hidden")(x)))
    assert model.predict(X).shape == (6, 3)
    with pytest.raises(NotImplementedError, match=f"hidden.*{reason}.*Lambda"):
        model.to_json()
    with pytest.raises(NotImplementedError, match=reason):
        model.save(tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5")


@pytest.mark.parametrize(
    "operations",
    [[["no_such", [0], {}]], [["add", [0, 7], {}]], [["add", [0, -1], {}]], [["negative", [0], {"much": 1}]],
     ["negative"], [["scan", [0], {}]], [["gradients", [0], {"sources": 1}]],
     [["native", [0], {"function": "print", "specs": [[[2], "float32"]]}]]],
)  # fmt: skip
def test_a_damaged_configuration_is_an_error(operations):
    with pytest.raises(ValueError, match="TensorOp"):
        TensorOp(operations)(Input((4,)))


def test_a_model_in_which_the_mask_ends():
    """An expression may change the axes: the mask of what it was made from does not hold for it."""
    x = Input((4,), dtype="int32")
    embedded = Embedding(5, 3, mask_zero=True)(x)
    y = embedded * 2.0
    model = Model(x, y)
    assert embedded._keras_mask is not None and getattr(y, "_keras_mask", None) is None
    assert Model(x, LSTM(2)(embedded * 1.0)).predict(np.ones((2, 4))).shape == (2, 2)
    assert model.layers[-1].output_mask is None


def test_constants_among_the_inputs_of_a_layer():
    x = Input((4,))
    y = Concatenate()([x, K.zeros_like(x)])
    fixed = K.constant(np.ones((6, 2)))
    model = Model(x, Concatenate()([y, fixed]))
    np.testing.assert_array_equal(model.predict(X), np.concatenate([X, 0 * X, np.ones((6, 2))], -1))
    other = Input((4,))
    assert Model(other, model(other)).predict(X).shape == (6, 10)
    with pytest.raises(NotImplementedError, match="concatenate.*no layer"):
        model.get_config()
    model.summary(print_fn=lambda line: None)


def test_an_input_that_was_forgotten():
    x, z = Input((4,), name="x"), Input((4,), name="z")
    with pytest.raises(ValueError, match="disconnected"):
        Model(x, x + z)
    with pytest.raises(ValueError, match="depends on no layer"):
        Model(x, K.placeholder((None, 4)) * 2)
    with pytest.raises(ValueError, match="symbolic"):
        Model(x, X)


def test_expressions_are_called_on_other_shapes():
    x = Input((None, 4))
    model = Model(x, K.sum(Conv1D(3, 2)(x) * 2, axis=1))
    short = Input((5, 4))
    assert K.int_shape(model(short)) == (None, 3)
    assert model.compute_output_shape((2, 7, 4)) == (2, 3)
