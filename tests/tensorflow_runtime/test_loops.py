"""Loops with a gradient of their own: what TensorFlow's own gradient says of the same."""

import numpy as np
import pytest

from keras import backend as K
from keras.graph.program import Block, Instruction
from keras.layers import GRU, LSTM, ConvLSTM2D, Masking
from keras.runtimes.tensorflow import loops
from keras.runtimes.tensorflow.pieces import pieces_first

RANDOM = np.random.RandomState(3)
X = RANDOM.normal(size=(2, 5, 4))
X[0, 3:] = 0
IMAGES = RANDOM.normal(size=(2, 3, 4, 4, 2))

LAYERS = {
    "gates": (lambda: LSTM(3, return_sequences=True), X),
    "a gate that is linear": (lambda: LSTM(3, activation="linear"), X),
    "masked": (lambda: LSTM(3, recurrent_dropout=0.3), X),
    "a product in a product": (lambda: GRU(3, return_sequences=True, go_backwards=True), X),
    "regularized": (lambda: GRU(3, reset_after=True, recurrent_regularizer="l2"), X),
    "convolutions": (lambda: ConvLSTM2D(2, 2, padding="same"), IMAGES),
}


def derivatives(name, then=None):
    """The sum of squares of a layer's outputs and its derivatives, on weights that are the same each time."""
    K.clear_session()
    np.random.seed(7)
    make, values = LAYERS[name]
    layer, x = make(), K.placeholder(values.shape)
    y = layer(Masking()(x) if name == "masked" else x, training=True) if name == "masked" else layer(x)
    loss = K.sum(K.square(y)) + sum(layer.losses)
    found = K.gradients(loss, [x, *layer.weights])
    return K.function([x], [loss, *(then(found, layer) if then else found)])([values])


@pytest.mark.parametrize("name", LAYERS)
def test_it_agrees_with_tensorflow(name, monkeypatch):
    used = []
    backward = loops._Backward.__call__
    monkeypatch.setattr(loops._Backward, "__call__", lambda *given: used.append(1) or backward(*given))
    own = derivatives(name)
    assert len(used) == 1
    monkeypatch.setattr(loops.Loop, "products", lambda self: [])
    for one, other in zip(own, derivatives(name), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)
    assert len(used) == 1


def test_only_pieces_that_are_read_go_through_a_function():
    def cut(x, outputs):
        return Instruction("split", (x,), outputs, {"sizes": (2, 2), "axis": 1}, ("float32", "float32"))

    function = Instruction("sigmoid", (1,), (2,), {}, ("float32",))
    block = Block((1,), [function, cut(2, (3, 4)), cut(1, (5, 6))], (3, 6))
    pieces, one = pieces_first(block).instructions
    assert (pieces.primitive, pieces.inputs, pieces.outputs) == ("split", (1,), (5, 6))
    assert (one.primitive, one.inputs, one.outputs) == ("sigmoid", (5,), (3,))
    whole = Block((1,), block.instructions, (3, 6, 2))  # the whole of it is wanted too
    assert pieces_first(whole) is whole


def test_a_gradient_of_a_gradient():
    """As a gradient penalty asks: the norm of the derivative by the input, by the weights."""

    def penalty(found, layer):
        return K.gradients(K.sum(K.square(found[0])), layer.weights[:2])

    by_weights = derivatives("a product in a product", penalty)[1:]
    assert all(np.abs(d).max() > 1e-3 for d in by_weights)
    _, *numbers = derivatives("a product in a product", lambda found, layer: [K.sum(K.square(found[0]))])

    def moved(found, layer):
        kernel = layer.weights[1]
        values = K.get_value(kernel)
        values[1, 2] += 1e-2
        K.set_value(kernel, values)
        return [K.sum(K.square(found[0]))]

    _, *after = derivatives("a product in a product", moved)
    assert (after[0] - numbers[0]) / 1e-2 == pytest.approx(by_weights[1][1, 2], rel=0.05)


def test_a_state_that_counts_has_no_derivative():
    x, u = K.placeholder((2, 5, 4)), K.placeholder((4, 4))

    def step(item, states):
        h = K.tanh(item + K.dot(states[0], u)) * K.cast(states[1], "float32")
        return h, [h, states[1] + 1]

    _, outputs, _ = K.rnn(step, x, [K.zeros((2, 4)), K.ones((2, 4), dtype="int32")])
    found = K.gradients(K.sum(outputs), [x, u])
    by_x, by_u = K.function([x, u], found)([X, np.eye(4) * 0.1])

    def total(values):
        h, sums = np.zeros((2, 4)), 0.0
        for turn in range(5):
            h = np.tanh(values[:, turn] + h * 0.1) * (turn + 1)
            sums += h.sum()
        return sums

    moved = 1e-4 * np.eye(4)[1]  # one unit in all turns
    assert by_u.shape == (4, 4)
    assert by_x[:, :, 1].sum() == pytest.approx((total(X + moved) - total(X - moved)) / 2e-4, rel=1e-4)
