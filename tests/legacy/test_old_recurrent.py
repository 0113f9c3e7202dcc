"""Recurrent layers written as one class with a `step`, as before Keras 2.1."""

import numpy as np
import pytest

from keras import activations, layers
from keras import backend as K
from keras.engine import InputSpec
from keras.layers.recurrent import Recurrent, _time_distributed_dense
from keras.models import Model, Sequential


class Sums(Recurrent):
    """h = x @ W + h_before / 2: a recurrence whose numbers NumPy can follow."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        self.W = self.add_weight(shape=(shape[-1], self.units), initializer="glorot_uniform", name="W")
        self.states = [None]
        self.input_spec[0] = InputSpec(shape=(shape[0], None, shape[2]))
        if self.stateful:
            self.reset_states()
        self.built = True

    def preprocess_input(self, inputs, training=None):
        return _time_distributed_dense(inputs, self.W)

    def get_constants(self, inputs, training=None):
        return [K.constant(0.5)]

    def step(self, inputs, states):
        before, half = states
        h = inputs + before * half
        return h, [h]


def expected(x, w, before=0.0):
    outputs = []
    for t in range(x.shape[1]):
        before = x[:, t] @ w + before / 2
        outputs.append(before)
    return np.stack(outputs, 1)


@pytest.fixture
def x():
    return np.random.RandomState(0).standard_normal((2, 4, 3)).astype("float32")


def test_outputs_and_states(x):
    inputs = layers.Input((4, 3))
    layer = Sums(2, return_sequences=True, return_state=True)
    outputs, state = layer(inputs)
    assert K.int_shape(outputs) == (None, 4, 2) and K.int_shape(state) == (None, 2)
    found = Model(inputs, [outputs, state]).predict(x)
    wanted = expected(x, layer.get_weights()[0])
    np.testing.assert_allclose(found[0], wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[1], wanted[:, -1], rtol=1e-5, atol=1e-6)


def test_initial_state_and_direction(x):
    inputs, start = layers.Input((4, 3)), layers.Input((2,))
    layer = Sums(2, go_backwards=True)
    model = Model([inputs, start], layer(inputs, initial_state=start))
    first = np.full((2, 2), 3.0, "float32")
    wanted = expected(x[:, ::-1], layer.get_weights()[0], first)[:, -1]
    np.testing.assert_allclose(model.predict([x, first]), wanted, rtol=1e-5, atol=1e-6)


def test_states_are_kept_and_reset(x):
    model = Sequential([Sums(2, stateful=True, batch_input_shape=(2, 4, 3))])
    w = model.get_weights()[0]
    once, twice = model.predict(x, batch_size=2), model.predict(x, batch_size=2)
    np.testing.assert_allclose(once, expected(x, w)[:, -1], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(twice, expected(x, w, once)[:, -1], rtol=1e-5, atol=1e-6)
    model.reset_states()
    np.testing.assert_array_equal(model.predict(x, batch_size=2), once)
    with pytest.raises(ValueError, match="2, 2"):
        model.layers[0].reset_states(np.zeros((3, 2)))
    with pytest.raises(AttributeError, match="stateful"):
        Sums(2).reset_states()


def test_configuration():
    layer = Sums(2, return_sequences=True, unroll=True)
    assert layer.get_config()["unroll"] is True
    with pytest.raises(ValueError, match="length"):
        Sums(2, unroll=True)(layers.Input((None, 3)))
    with pytest.raises(ValueError, match="1 states.*2 initial"):
        Sums(2)([layers.Input((4, 3)), layers.Input((2,)), layers.Input((2,))])


class Attention(Recurrent):
    """A decoder that looks back at the whole sequence, read by `call` before the loop: a form often seen."""

    def __init__(self, units, **kwargs):
        self.units = units
        super().__init__(**kwargs)
        self.return_sequences = True

    def build(self, input_shape):
        self.batch_size, self.timesteps, self.input_dim = input_shape
        if self.stateful:
            super().reset_states()
        self.states = [None]
        self.V = self.add_weight(shape=(self.units,), name="V", initializer="uniform")
        self.W = self.add_weight(shape=(self.units, self.units), name="W", initializer="uniform")
        self.U = self.add_weight(shape=(self.input_dim, self.units), name="U", initializer="uniform")
        self.C = self.add_weight(shape=(self.input_dim, self.units), name="C", initializer="uniform")
        self.input_spec = [InputSpec(shape=(self.batch_size, self.timesteps, self.input_dim))]
        self.built = True

    def call(self, x):
        self.x_seq = x
        self.keys = _time_distributed_dense(
            x, self.U, input_dim=self.input_dim, timesteps=self.timesteps, output_dim=self.units
        )
        return super().call(x)

    def step(self, x, states):
        query = K.dot(K.repeat(states[0], self.timesteps), self.W)
        energy = K.exp(K.dot(activations.tanh(query + self.keys), K.expand_dims(self.V)))
        weight = energy / K.repeat(K.sum(energy, axis=1), self.timesteps)
        context = K.squeeze(K.batch_dot(weight, self.x_seq, axes=1), axis=1)
        state = activations.tanh(K.dot(context, self.C) + states[0])
        return state, [state]


def test_an_attention_decoder_learns(x):
    np.random.seed(0)
    model = Sequential([Attention(4, input_shape=(4, 3)), layers.Dense(1)])
    assert model.output_shape == (None, 4, 1)
    model.compile("adam", "mse")
    y = x.sum(-1, keepdims=True)
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=20, verbose=0)
    assert model.evaluate(x, y, verbose=0) < before
