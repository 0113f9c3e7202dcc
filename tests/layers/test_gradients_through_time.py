"""Second derivatives through recurrent layers: the loop's own gradient must itself have the right gradient."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import GRU, LSTM, RNN, Bidirectional, GRUCell, Input, LSTMCell, Masking, SimpleRNN
from keras.models import Model

pytestmark = pytest.mark.usefixtures("quick_compiler")

LAYERS = {
    "lstm": lambda: LSTM(4),
    "gates_not_elementwise": lambda: LSTM(4, recurrent_activation="softmax", return_sequences=True, go_backwards=True),
    "gru": lambda: GRU(4),
    "gru_reset_after": lambda: GRU(4, reset_after=True, implementation=2),
    "simple": lambda: SimpleRNN(4),
    "both_ways": lambda: Bidirectional(LSTM(3, return_sequences=True)),
    "stacked": lambda: RNN([LSTMCell(3), GRUCell(4)]),
}


@pytest.fixture
def float64():
    K.set_floatx("float64")
    yield
    K.set_floatx("float32")


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_gradient_penalty_against_differences(name, masked, float64):
    random = np.random.RandomState(0)
    x = Input((5, 3))
    model = Model(x, LAYERS[name]()(Masking()(x) if masked else x))
    loss = K.sum(K.square(model.output) * K.constant(random.rand(*model.output_shape[1:])))
    penalty = K.sum(K.square(K.gradients(loss, x)[0])) + loss
    weights = model.trainable_weights
    function = K.function([x], [penalty, *K.gradients(penalty, weights)])
    data = random.randn(4, 5, 3)
    if masked:
        data[1, 3:] = 0
        data[2, 0] = 0
    gradients = function([data])[1:]
    for weight, gradient in zip(weights, gradients, strict=True):
        value = K.get_value(weight)
        place = random.randint(value.size)

        def shifted(by, value=value, place=place, weight=weight):
            changed = value.copy()
            changed.flat[place] += by
            K.set_value(weight, changed)
            return function([data])[0]

        difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5
        K.set_value(weight, value)
        np.testing.assert_allclose(gradient.flat[place], difference, rtol=1e-6, atol=1e-8)
