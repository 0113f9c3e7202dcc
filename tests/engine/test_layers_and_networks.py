"""Layers, networks and Sequential as users build and question them."""

import numpy as np
import pytest

from keras import backend as K
from keras.engine.base_layer import InputSpec, Layer
from keras.layers import (
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    Input,
    InputLayer,
    Lambda,
    Masking,
)
from keras.models import Model, Sequential, clone_model, load_model
from keras.utils.generic_utils import to_list


class Scale(Layer):
    def build(self, input_shape):
        self.factor = self.add_weight(name="factor", shape=(input_shape[-1],), initializer="ones")
        self.count = self.add_weight(name="count", shape=(), initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        self.add_update(K.update_add(self.count, 1.0), inputs)
        return inputs * self.factor


class Block(Layer):
    """A custom layer that holds other layers."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.first = Dense(units, activation="relu", name="first")
        self.rest = [Dense(units, name="second")]

    def call(self, inputs):
        return self.rest[0](self.first(inputs))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.first.units)


def two_branches():
    a, b = Input((4,), name="a"), Input((3,), name="b")
    x = Dense(5, name="left")(a)
    y = Dense(5, name="right")(b)
    z = Add(name="sum")([x, y])
    return Model([a, b], [Dense(2, name="out")(z), z], name="branches")


def test_automatic_names_and_weight_names():
    first, second = Dense(2, input_dim=3), Dense(2)
    assert (first.name, second.name) == ("dense_1", "dense_2")
    model = Sequential([first, second])
    assert [w.name for w in model.weights] == [
        "dense_1/kernel:0", "dense_1/bias:0", "dense_2/kernel:0", "dense_2/bias:0",
    ]  # fmt: skip
    assert model.name == "sequential_1" and two_branches().name == "branches"


def test_unknown_keyword_names_the_layer():
    with pytest.raises(TypeError, match="Keyword argument not understood.*units_.*Dense"):
        Dense(3, units_=4)


def test_questions_about_nodes():
    layer = Dense(2)
    with pytest.raises(AttributeError, match="never been called"):
        layer.output  # noqa: B018
    x, y = Input((3,)), Input((3,))
    a, b = layer(x), layer(y)
    assert layer.get_output_at(0) is a and layer.get_output_at(1) is b
    assert layer.get_input_at(1) is y
    assert layer.output_shape == (None, 2)
    with pytest.raises(AttributeError, match="multiple inbound nodes"):
        layer.output  # noqa: B018
    with pytest.raises(ValueError, match="only 2 inbound nodes"):
        layer.get_output_at(2)


@pytest.mark.parametrize(
    "spec, shape, wanted",
    [
        (InputSpec(ndim=2), (3, 4), "expected ndim=2"),
        (InputSpec(min_ndim=3), (4,), "expected min_ndim=3"),
        (InputSpec(max_ndim=2), (3, 4), "expected max_ndim=2"),
        (InputSpec(axes={-1: 5}), (4,), "axis -1 .* value 5"),
        (InputSpec(shape=(None, 7)), (4,), "expected shape="),
    ],
)
def test_input_specs(spec, shape, wanted):
    layer = Layer(name="asking")
    layer.input_spec = spec
    with pytest.raises(ValueError, match="layer asking: .*" + wanted):
        layer(Input(shape))


def test_set_weights_checks_everything_first():
    layer = Dense(2, input_dim=3)
    Sequential([layer])
    before = layer.get_weights()
    for wrong, text in (
        ([np.ones((3, 2))], "length 1"),
        ([np.ones((3, 2)), np.ones(3)], "not compatible"),
    ):
        with pytest.raises(ValueError, match=text):
            layer.set_weights(wrong)
        np.testing.assert_array_equal(layer.get_weights()[0], before[0])


def test_layers_inside_layers_are_tracked_and_train():
    model = Sequential([Block(4, input_shape=(3,)), Dense(1)])
    assert len(model.layers[0].trainable_weights) == 4
    model.compile("sgd", "mse")
    before = model.layers[0].first.get_weights()[0]
    model.train_on_batch(np.random.rand(8, 3), np.random.rand(8, 1))
    assert np.abs(model.layers[0].first.get_weights()[0] - before).max() > 0
    model.layers[0].trainable = False
    assert model.layers[0].trainable_weights == [] and len(model.layers[0].non_trainable_weights) == 4


def test_updates_run_in_training_only():
    model = Sequential([Scale(input_shape=(2,))])
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2)), np.ones((8, 2)), batch_size=4, epochs=3, verbose=0)
    assert K.get_value(model.layers[0].count) == 6
    model.predict(np.ones((8, 2)))
    assert K.get_value(model.layers[0].count) == 6


def test_functional_model_numbers_and_order():
    model = two_branches()
    assert [la.name for la in model.layers] == ["a", "b", "left", "right", "sum", "out"]
    xa, xb = np.random.rand(2, 4), np.random.rand(2, 3)
    left, right, out = (model.get_layer(n).get_weights() for n in ("left", "right", "out"))
    z = xa @ left[0] + left[1] + xb @ right[0] + right[1]
    got = model.predict([xa, xb])
    np.testing.assert_allclose(got[1], z, rtol=1e-5)
    np.testing.assert_allclose(got[0], z @ out[0] + out[1], rtol=1e-5)
    assert model.output_shape == [(None, 2), (None, 5)]
    assert model.compute_output_shape([(7, 4), (7, 3)]) == [(7, 2), (7, 5)]


def test_a_model_is_a_layer():
    inner = two_branches()
    a, b = Input((4,)), Input((3,))
    out, z = inner([a, b])
    outer = Model([a, b], Concatenate()([out, z]))
    x = [np.random.rand(2, 4), np.random.rand(2, 3)]
    np.testing.assert_allclose(outer.predict(x), np.concatenate(inner.predict(x), axis=1), rtol=1e-6)
    assert len(outer.trainable_weights) == 6
    inner.trainable = False
    assert outer.trainable_weights == []


def test_shared_layers_have_one_set_of_weights():
    shared = Dense(4, name="shared")
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], Add()([shared(a), shared(b)]))
    assert len(model.weights) == 2
    x = np.random.rand(2, 3)
    kernel, bias = shared.get_weights()
    np.testing.assert_allclose(model.predict([x, 2 * x]), 3 * x @ kernel + 2 * bias, rtol=1e-5)


@pytest.mark.parametrize("make", [two_branches, lambda: Sequential([Dense(3, input_dim=2), Dropout(0.1), Dense(1)])])
def test_config_round_trip_and_clone(make):
    model = make()
    shapes = [K.int_shape(i)[1:] for i in model.inputs]
    x = [np.random.rand(2, *s) for s in shapes]
    for copy in (type(model).from_config(model.get_config()), clone_model(model)):
        assert copy.get_config()["layers"] == model.get_config()["layers"]
        assert np.abs(np.concatenate([w.ravel() for w in copy.get_weights()])).sum() > 0
        copy.set_weights(model.get_weights())
        for got, expected in zip(to_list(copy.predict(x)), to_list(model.predict(x))):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_layers_that_get_other_names(ending, tmp_path):
    """`layer.name = ...` on a finished model, as scripts do before they join several; it stays whole."""
    x = Input((3,))
    dense = Dense(2, kernel_regularizer="l2")
    model = Model(x, Add()([BatchNormalization()(dense(x)), dense(x)]))
    config = model.get_config()
    for layer in model.layers:
        layer.name = f"first_{layer.name}"
    assert len(model.losses) == 1 and len(model.updates) == 2
    model.save(tmp_path / f"m.{ending}")
    again = load_model(tmp_path / f"m.{ending}", compile=False)
    assert [layer.name for layer in again.layers] == ["first_" + layer["name"] for layer in config["layers"]]
    np.testing.assert_array_equal(again.predict(np.ones((1, 3))), model.predict(np.ones((1, 3))))


def test_clone_on_own_tensors():
    model = two_branches()
    new = Input((4,)), Input((3,))
    copy = clone_model(model, input_tensors=list(new))
    assert copy.inputs[0] is new[0] and copy.layers[2] is not model.layers[2]


def test_disconnected_graph_names_the_tensor_and_the_layer():
    a, b = Input((3,), name="given"), Input((3,), name="forgotten")
    with pytest.raises(ValueError, match='Graph disconnected.*forgotten.*at layer "merged"'):
        Model(a, Add(name="merged")([a, b]))


def test_names_must_be_unique():
    x = Input((3,))
    with pytest.raises(ValueError, match='The name "twice" is used 2 times'):
        Model(x, Dense(2, name="twice")(Dense(2, name="twice")(x)))


def test_inputs_must_come_from_input():
    x = Input((3,))
    with pytest.raises(ValueError, match="cannot be the output of a previous non-Input layer"):
        Model(Dense(2)(x), x)


def test_expressions_can_be_outputs():
    x = Input((3,))
    y = Dense(2)(x)
    model = Model(x, K.exp(y) * 2.0)
    data = np.random.rand(2, 3)
    np.testing.assert_allclose(model.predict(data), 2 * np.exp(Model(x, y).predict(data)), rtol=1e-5)


def test_masks_travel_and_stop_where_not_supported():
    x = Input((4,))
    masked = Embedding(5, 3, mask_zero=True)(x)
    assert K.int_shape(masked._keras_mask) == (None, 4)
    through = Dropout(0.2)(masked)
    assert through._keras_mask is not None
    with pytest.raises(TypeError, match="flatten_1.*does not support masking"):
        layer = Flatten()
        layer.supports_masking = False
        layer(Masking()(Input((4, 3))))


def test_subclassed_model_trains():
    class Mine(Model):
        def __init__(self):
            super().__init__(name="mine")
            self.hidden = Dense(8, activation="relu")
            self.out = Dense(1)

        def call(self, inputs):
            return self.out(self.hidden(inputs))

    model = Mine()
    model.compile("rmsprop", "mse")
    x = np.random.rand(256, 3)
    history = model.fit(x, x.sum(axis=1, keepdims=True), epochs=40, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2 and len(model.trainable_weights) == 4


class TestSequential:
    def test_deferred_build(self):
        model = Sequential([Dense(4), Dense(2)])
        assert not model.built and model.layers[0].weights == []
        with pytest.raises(ValueError, match="not yet been built"):
            model.summary()
        model.build((None, 3))
        assert model.output_shape == (None, 2) and len(model.weights) == 4

    def test_built_by_fit(self):
        model = Sequential([Dense(4), Dense(2)])
        model.compile("sgd", "mse")
        model.fit(np.random.rand(4, 3), np.random.rand(4, 2), verbose=0)
        assert model.input_shape == (None, 3)

    def test_predictions_are_those_of_the_layers_there_are(self):
        model = Sequential([Dense(3, input_shape=(2,))])
        x = np.ones((1, 2))
        shapes = [model.predict(x).shape]
        model.add(Dense(5))
        shapes.append(model.predict(x).shape)
        model.compile("sgd", "mse")
        model.predict(x)
        model.pop()
        assert [*shapes, model.predict(x).shape] == [(1, 3), (1, 5), (1, 3)]

    def test_pop_and_add(self):
        model = Sequential([Dense(4, input_dim=3), Dense(5), Dense(6)])
        model.pop()
        model.add(Dense(7))
        assert model.output_shape == (None, 7) and len(model.layers) == 3
        for _ in range(3):
            model.pop()
        with pytest.raises(TypeError, match="no layers"):
            model.pop()

    def test_what_cannot_be_added(self):
        with pytest.raises(TypeError, match="must be an instance of class Layer"):
            Sequential().add("dense")

    def test_nested(self):
        inner = Sequential([Dense(4, input_dim=3)])
        model = Sequential([inner, Dense(2)])
        assert model.input_shape == (None, 3) and len(model.get_weights()) == 4
        again = Sequential.from_config(model.get_config())
        again.set_weights(model.get_weights())
        x = np.random.rand(2, 3)
        np.testing.assert_array_equal(again.predict(x), model.predict(x))

    def test_classes(self):
        model = Sequential([Lambda(lambda x: x, input_shape=(3,))])
        x = np.array([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3]])
        assert model.predict_classes(x).tolist() == [1, 0]
        np.testing.assert_allclose(model.predict_proba(x), x, rtol=1e-6)
        one = Sequential([Lambda(lambda x: x, input_shape=(1,))])
        assert one.predict_classes(np.array([[0.4], [0.6]])).tolist() == [[0], [1]]
        with pytest.warns(UserWarning, match="invalid probability"):
            one.predict_proba(np.array([[2.0]]))


def test_summary(capsys):
    two_branches().summary()
    text = capsys.readouterr().out.splitlines()
    assert text[0] == 'Model: "branches"'
    assert text[2].split() == "Layer (type) Output Shape Param # Connected to".split()
    assert "sum (Add)                       (None, 5)            0           left[0][0]" in "\n".join(text)
    assert "Total params: 57" in text and "Trainable params: 57" in text


def test_get_layer():
    model = two_branches()
    assert model.get_layer(index=2) is model.get_layer("left")
    with pytest.raises(ValueError, match="No such layer: middle. The layers are: a, b"):
        model.get_layer("middle")


def test_sequential_with_an_input_layer_comes_back_built():
    model = Sequential([InputLayer(input_shape=(3,), dtype="int32", name="ids"), Embedding(5, 2)])
    for again in (Sequential.from_config(model.get_config()), clone_model(model)):
        assert again.input_shape == (None, 3) and again.inputs[0].dtype == "int32"
        assert again.input_names == ["ids"] and [type(la) for la in again.layers] == [Embedding]
        again.set_weights(model.get_weights())
    x = Input((3,), dtype="int32")
    again = clone_model(model, x)
    assert again.inputs == [x] and again.output_shape == (None, 3, 2)
