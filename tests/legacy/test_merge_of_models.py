"""`Merge` and `merge`, which scripts used up to Keras 2.1, and a Sequential that begins with several inputs."""

import numpy as np
import pytest

import keras
from keras import backend as K
from keras.layers import LSTM, Dense, Embedding, Input, Merge, merge
from keras.models import Model, Sequential, load_model, model_from_json

pytestmark = pytest.mark.filterwarnings("ignore:The `[Mm]erge` .* is deprecated:UserWarning")


@pytest.fixture(scope="module")
def trained():
    """A model of two branches as old scripts wrote it, and its inputs."""
    np.random.seed(3)
    with pytest.warns(UserWarning, match="`Merge` layer is deprecated") as caught:
        left, right, model = Sequential(), Sequential(), Sequential()
        left.add(Dense(4, input_dim=3))
        right.add(Embedding(10, 4, input_length=5))
        right.add(LSTM(4))
        model.add(Merge([left, right], mode="concat"))
        model.add(Dense(2, activation="softmax"))
    assert caught[0].filename == __file__
    x = [np.random.rand(16, 3), np.random.randint(0, 10, (16, 5))]
    y = np.eye(2)[(x[0].sum(1) > 1.5).astype(int)]
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    before = [w.copy() for w in model.get_weights()]
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    assert len(before) == 8 and all((a != b).any() for a, b in zip(before, model.get_weights()))
    return model, left, right, x


def test_what_it_is(trained, capsys):
    model, left, right, x = trained
    assert [type(layer) for layer in model.layers] == [Model, Dense]
    assert model.input_shape == [(None, 3), (None, 5)] and model.output_shape == (None, 2)
    assert len(model.input_names) == 2 and model.count_params() == 200 + 18
    joined = np.concatenate([left.predict(x[0]), right.predict(x[1])], -1)
    logits = joined @ model.layers[1].get_weights()[0] + model.layers[1].get_weights()[1]
    expected = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4)
    assert model.predict_classes(x).shape == (16,)
    model.summary()
    assert "Total params: 218" in capsys.readouterr().out


def test_it_comes_back(trained, tmp_path):
    model, _, _, x = trained
    model.save(tmp_path / "model.h5")
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    for other in (load_model(tmp_path / "model.h5"), again, keras.models.clone_model(model)):
        other.set_weights(model.get_weights())
        assert isinstance(other, Sequential)
        np.testing.assert_allclose(other.predict(x), model.predict(x), rtol=1e-5)


def test_merged_again_and_taken_off(trained):
    model, _, _, x = trained
    whole = Sequential([Merge([model, Dense(2, input_dim=3, name="third")], mode="sum"), Dense(1)])
    assert len(whole.inputs) == 3 and whole.predict([*x, x[0]]).shape == (16, 1)
    whole.pop()
    assert whole.output_shape == (None, 2)
    whole.pop()
    assert whole.layers == []


MODES = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "max": np.maximum,
    "concat": lambda a, b: np.concatenate([a, b], 1),
    "dot": lambda a, b: (a * b).sum(1, keepdims=True),
}


@pytest.mark.parametrize("mode", MODES)
def test_modes(mode):
    values = np.random.RandomState(1).rand(2, 4, 3).astype("float32")
    tensors = [Input((3,)), Input((3,))]
    outputs = [merge(tensors, mode=mode, concat_axis=1, dot_axes=(1, 1)), Merge(mode=mode, dot_axes=1)(tensors)]
    for found in K.function(tensors, outputs)(list(values)):
        np.testing.assert_allclose(found, MODES[mode](*values), rtol=1e-5)


def test_functions_and_mistakes():
    a, b = Input((3,)), Input((3,))
    y = merge([a, b], lambda x: x[0] - 2 * x[1], output_shape=lambda shapes: shapes[0], name="far")
    assert y._keras_history[0].name == "far" and K.int_shape(y) == (None, 3)
    values = np.random.rand(2, 4, 3).astype("float32")
    np.testing.assert_allclose(Model([a, b], y).predict(list(values)), values[0] - 2 * values[1], rtol=1e-5)
    with pytest.raises(ValueError, match="Invalid merge mode: 'join'.*'concat'"):
        merge([a, b], mode="join")
    with pytest.raises(ValueError, match="needs an `input_shape`"):
        Merge([Sequential([Dense(2)]), Sequential([Dense(2)])])


def test_the_module_of_that_name():
    assert keras.layers.merge.Concatenate is keras.layers.Concatenate
    from keras.layers.merge import add

    with pytest.warns(UserWarning, match="`merge` function is deprecated") as caught:
        y = keras.layers.merge([Input((3,)), Input((3,))], mode="sum")
    assert caught[0].filename == __file__ and K.int_shape(y) == K.int_shape(add([Input((3,)), Input((3,))]))


def test_a_sequential_begins_with_any_model_of_several_inputs():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    model = Sequential([Model([a, b], keras.layers.concatenate([a, b])), Dense(1)])
    model.compile("sgd", "mse")
    x = {"a": np.ones((4, 3)), "b": np.ones((4, 2))}
    assert np.isfinite(model.train_on_batch(x, np.ones((4, 1)))) and model.input_names == ["a", "b"]
