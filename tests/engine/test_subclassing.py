"""Models and layers written as classes, layers used several times, and losses and metrics added by hand."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import BatchNormalization, Dense, Dropout, Input, Lambda, Layer, TimeDistributed
from keras.models import Model, Sequential

X = np.random.RandomState(0).standard_normal((8, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Block(Layer):
    """Layers in attributes, in a list and in a dictionary's place: all of them are the block's."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.norm = BatchNormalization()
        self.hidden = [Dense(units, activation="relu"), Dense(units)]

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones")
        super().build(input_shape)

    def call(self, x, training=None):
        y = self.norm(x, training=training)
        for layer in self.hidden:
            y = layer(y)
        return y * self.scale

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Regressor(Model):
    def __init__(self, **kwargs):
        super().__init__(name="regressor", **kwargs)
        self.block = Block(4)
        self.drop = Dropout(0.5)
        self.out = Dense(1)

    def call(self, inputs, training=None):
        return self.out(self.drop(self.block(inputs), training=training))


def test_a_layer_that_holds_layers():
    block = Block(4)
    model = Sequential([block, Dense(1)])
    model.build((None, 3))
    assert len(block.trainable_weights) == 7 and len(block.non_trainable_weights) == 2
    assert [layer.name for layer in block._layers] == [block.norm.name, *(la.name for la in block.hidden)]
    assert len(block.updates) == 2 and block.count_params() == 12 + 16 + 20 + 4
    assert len({w.name for w in model.weights}) == 11
    model.compile("adam", "mse")
    before = block.norm.get_weights()[2].copy()
    history = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0] and np.any(block.norm.get_weights()[2] != before)
    again = Model.from_config(Model(model.input, model.output).get_config(), custom_objects={"Block": Block})
    again.set_weights(model.get_weights())
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5)
    block.trainable = False
    assert block.trainable_weights == [] and len(block.non_trainable_weights) == 9
    assert not block.hidden[0].trainable


def test_layers_appended_to_a_list_later():
    class Stack(Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = []
            for _ in range(3):
                self.parts.append(Dense(3))

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    stack = Stack()
    model = Sequential([stack])
    model.build((None, 3))
    assert len(stack.weights) == 6 and model.count_params() == 36


def test_a_model_that_is_a_class(tmp_path):
    np.random.seed(0)
    model = Regressor()
    assert [layer.name for layer in model.layers] == [model.block.name, model.drop.name, model.out.name]
    with pytest.raises(ValueError, match="built|build"):
        model.summary()
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=20, validation_split=0.25, verbose=0).history
    assert history["loss"][-1] < history["loss"][0] and "val_mae" in history
    np.testing.assert_array_equal(model.predict(X), model.predict(X))  # no dropout
    lines = []
    model.summary(print_fn=lines.append)
    assert any("Total params" in line for line in lines)
    assert len(model.get_weights()) == 11
    model.save_weights(tmp_path / "w.h5")
    other = Regressor()
    other.predict(X)
    other.load_weights(tmp_path / "w.h5")
    np.testing.assert_allclose(other.predict(X), model.predict(X), rtol=1e-6)
    with pytest.raises(NotImplementedError, match="save_weights"):
        model.save(tmp_path / "m.h5")
    for method in (model.get_config, model.to_json):
        with pytest.raises(NotImplementedError, match="code"):
            method()


def test_a_class_with_several_inputs_and_outputs():
    class Two(Model):
        def __init__(self):
            super().__init__()
            self.shared, self.last = Dense(2), Dense(1)

        def call(self, inputs):
            a, b = (self.shared(x) for x in inputs)
            return [self.last(a + b), a]

    model = Two()
    model.compile("sgd", ["mse", "mae"], loss_weights=[1.0, 0.5])
    model.fit([X, X], [Y, X[:, :2]], epochs=1, verbose=0)
    sums, first = model.predict([X, -X])
    assert sums.shape == (8, 1) and first.shape == (8, 2)
    assert len(model.evaluate([X, X], [Y, X[:, :2]], verbose=0)) == 3


def test_a_class_as_a_layer_of_a_functional_model():
    part = Regressor()
    x = Input((3,))
    model = Model(x, Dense(1)(part(x)))
    assert len(model.weights) == 11 + 2 and model.layers[1] is part
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, Y))
    assert model.predict(X).shape == (8, 1)


def test_a_functional_model_with_more_in_its_class():
    """A subclass of Model that gives inputs and outputs to `super().__init__`."""

    class Scorer(Model):
        def __init__(self, units):
            x = Input((3,))
            super().__init__(x, Dense(units)(x), name="scorer")
            self.units = units

        def best(self, x):
            return self.predict(x).argmax(-1)

    model = Scorer(4)
    assert model._is_graph_network and model.best(X).shape == (8,)


# One layer, several calls.


def test_a_layer_with_several_nodes():
    layer = Dense(2)
    a, b, c = Input((3,)), Input((3,)), Input((5, 3))
    outputs = [layer(x) for x in (a, b)]
    assert layer.input_shape == (None, 3) and layer.output_shape == (None, 2)
    assert layer.get_output_at(0) is outputs[0] and layer.get_output_at(1) is outputs[1]
    assert layer.get_input_at(1) is b and layer.get_input_mask_at(1) is None
    with pytest.raises(AttributeError, match="multiple inbound nodes.*get_output_at"):
        _ = layer.output
    with pytest.raises(ValueError, match="node 2.*only 2"):
        layer.get_output_at(2)
    with pytest.raises(ValueError, match="ndim|axis|shape"):
        Dense(2, input_shape=(3,))(layer)
    seq = TimeDistributed(layer)(c)
    assert K.int_shape(seq) == (None, 5, 2) and len(layer.trainable_weights) == 2


def test_a_model_called_on_new_inputs():
    x = Input((3,))
    inner = Model(x, [Dense(2, activation="tanh", name="d")(x), Lambda(lambda t: t * 2)(x)])
    a, b = Input((3,)), Input((3,))
    (p, q), (r, _) = inner(a), inner(b)
    assert inner.get_output_at(1) == [p, q] and len(inner._inbound_nodes) == 3
    model = Model([a, b], [p, q, r])
    found = model.predict([X, -X])
    np.testing.assert_allclose(found[0], inner.predict(X)[0], rtol=1e-6)
    np.testing.assert_allclose(found[2], inner.predict(-X)[0], rtol=1e-6)
    assert len(model.weights) == 2 and inner.compute_output_shape((4, 3)) == [(4, 2), (4, 3)]
    data = K.variable(X)
    np.testing.assert_allclose(K.eval(inner(data)[0]), found[0], rtol=1e-5)


# Losses and metrics added by hand.


def autoencoder(add):
    x = Input((3,))
    z = Dense(2, name="z")(x)
    model = Model(x, Dense(3, name="y")(z))
    add(model, x, z)
    return model


def test_a_loss_made_of_symbols():
    model = autoencoder(lambda m, x, z: m.add_loss(K.mean(K.square(m.output - x)) + 0.1 * K.mean(K.square(z))))
    model.compile("sgd")
    assert model.metrics_names == ["loss"] and len(model.losses) == 1
    w, b, v, c = model.get_weights()
    z = X @ w + b
    wanted = np.mean((z @ v + c - X) ** 2) + 0.1 * np.mean(z**2)
    np.testing.assert_allclose(model.evaluate(X, verbose=0), wanted, rtol=1e-5)
    history = model.fit(X, epochs=5, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_a_loss_on_labels_that_are_an_input():
    x, labels = Input((3,)), Input((1,))
    y = Dense(1)(x)
    model = Model([x, labels], y)
    model.add_loss(K.mean(K.abs(y - labels)))
    model.compile("sgd", loss=None)
    np.testing.assert_allclose(
        model.evaluate([X, Y], verbose=0), np.mean(np.abs(model.predict([X, Y]) - Y)), rtol=1e-5
    )


def test_a_metric_made_of_symbols():
    model = autoencoder(lambda m, x, z: m.add_metric(K.mean(K.square(z)), name="size"))
    model.compile("sgd", "mse", metrics=["mae"])
    assert model.metrics_names == ["loss", "mae", "size"]
    z = X @ model.get_weights()[0]
    found = model.evaluate(X, X, batch_size=2, verbose=0)
    np.testing.assert_allclose(found[2], np.mean(z**2), rtol=1e-5)
    history = model.fit(X, X, epochs=1, validation_data=(X, X), verbose=0).history
    assert {"size", "val_size"} <= set(history)


def test_losses_and_metrics_added_in_call():
    class Bottleneck(Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], 2), initializer="uniform")
            super().build(input_shape)

        def call(self, x):
            z = K.dot(x, self.kernel)
            self.add_loss(K.mean(K.square(z)), inputs=x)
            self.add_metric(K.mean(K.abs(z)), name="code")
            return z

    x = Input((3,))
    model = Model(x, Dense(1)(Bottleneck(name="bottleneck")(x)))
    model.compile("sgd", "mse")
    assert model.metrics_names == ["loss", "code"]
    z = X @ model.get_weights()[0]
    loss, code = model.evaluate(X, Y, verbose=0)
    np.testing.assert_allclose(code, np.mean(np.abs(z)), rtol=1e-5)
    np.testing.assert_allclose(loss, np.mean((model.predict(X) - Y) ** 2) + np.mean(z**2), rtol=1e-5)
    outer_input = Input((3,))
    outer = Model(outer_input, model(outer_input))
    outer.compile("sgd", "mse")
    np.testing.assert_allclose(outer.evaluate(X, Y, verbose=0)[0], loss, rtol=1e-5)
