"""Recurrent layers as PyTorch's own functions: which they are, and that the numbers are those of the loop."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import (
    GRU, LSTM, RNN, Bidirectional, CuDNNGRU, CuDNNLSTM, Dense, Input, Lambda, LSTMCell, Masking, SimpleRNN,
)  # fmt: skip
from keras.models import Model, Sequential
from keras.runtimes.torch import recurrent

STEPS, WIDTH = 5, 3


@pytest.fixture
def calls(monkeypatch):
    """The kinds of what ran as one function."""
    found, run = [], recurrent._run

    def spy(*args, **kwargs):
        found.append(kwargs["kind"])
        return run(*args, **kwargs)

    monkeypatch.setattr(recurrent, "_run", spy)
    return found


@pytest.fixture
def both(monkeypatch):
    """Function that gives what another gives with the functions and with the loops."""

    def run(function):
        results = []
        for devices in (recurrent.DEVICES, frozenset()):
            monkeypatch.setattr(recurrent, "DEVICES", devices)
            K.clear_session()
            np.random.seed(0)
            results.append(function())
        return results

    return run


def _trained(layers):
    """The predictions, losses and weights of a model that has been trained for two steps."""
    model = Sequential([*layers(), Dense(2)])
    model.compile("adam", "mse")
    random = np.random.RandomState(1)
    x = random.normal(size=(4, STEPS, WIDTH))
    y = random.normal(size=(4, *model.output_shape[1:]))
    losses = [model.train_on_batch(x, y) for _ in range(2)]
    return [losses, model.predict(x), *model.get_weights()]


def _assert_same(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-6)


SHAPE = {"input_shape": (STEPS, WIDTH)}
FUSED = {
    "LSTM": (lambda: [LSTM(4, **SHAPE)], "LSTM", 3),
    "sequences": (lambda: [LSTM(4, return_sequences=True, bias_initializer="normal", **SHAPE)], "LSTM", 3),
    "stacked": (lambda: [LSTM(4, return_sequences=True, **SHAPE), LSTM(2)], "LSTM", 6),
    "without bias": (lambda: [LSTM(4, use_bias=False, **SHAPE)], "LSTM", 3),
    "backwards": (lambda: [LSTM(4, go_backwards=True, return_sequences=True, **SHAPE)], "LSTM", 3),
    "bidirectional": (lambda: [Bidirectional(LSTM(4), **SHAPE)], "LSTM", 6),
    "dropout": (lambda: [LSTM(4, dropout=0.3, implementation=2, **SHAPE)], "LSTM", 3),
    "dropout backwards": (lambda: [LSTM(4, dropout=0.3, go_backwards=True, **SHAPE)], "LSTM", 3),
    "cuDNN's LSTM": (lambda: [CuDNNLSTM(4, bias_initializer="normal", **SHAPE)], "LSTM", 3),
    "RNN of a cell": (lambda: [RNN(LSTMCell(4), **SHAPE)], "LSTM", 3),
    "stateful": (lambda: [LSTM(4, stateful=True, batch_input_shape=(4, STEPS, WIDTH))], "LSTM", 3),
    "GRU": (lambda: [GRU(4, reset_after=True, bias_initializer="normal", **SHAPE)], "GRU", 3),
    "GRU without bias": (lambda: [GRU(4, reset_after=True, use_bias=False, **SHAPE)], "GRU", 3),
    "cuDNN's GRU": (lambda: [CuDNNGRU(4, return_sequences=True, bias_initializer="normal", **SHAPE)], "GRU", 3),
}


@pytest.mark.parametrize("name", FUSED)
def test_the_numbers_are_those_of_the_loop(both, calls, name):
    layers, kind, count = FUSED[name]
    found, wanted = both(lambda: _trained(layers))
    _assert_same(found, wanted)
    assert calls == [kind] * count, "in two training steps and a prediction; none with the loops"


def _own_cell():
    """Almost an LSTM: the forget gate is one less the input gate.

    Reference: Greff et al., "LSTM: A Search Space Odyssey", 2015.
    """

    class Coupled(LSTMCell):
        def _step(self, projected, states, masks, training):
            gates = projected + K.dot(states[0], self.recurrent_kernel)
            i, _, candidate, o = (gates[:, 4 * n : 4 * (n + 1)] for n in range(4))
            i = K.sigmoid(i)
            c = (1 - i) * states[1] + i * K.tanh(candidate)
            h = K.sigmoid(o) * K.tanh(c)
            return h, [h, c]

    return RNN(Coupled(4), **SHAPE)


LOOPS = {
    "hard_sigmoid": lambda: LSTM(4, recurrent_activation="hard_sigmoid", **SHAPE),
    "another activation": lambda: LSTM(4, activation="relu", **SHAPE),
    "activations swapped": lambda: LSTM(4, activation="sigmoid", recurrent_activation="tanh", **SHAPE),
    "reset before": lambda: GRU(4, **SHAPE),
    "SimpleRNN": lambda: SimpleRNN(4, **SHAPE),
    "unrolled": lambda: LSTM(4, unroll=True, **SHAPE),
    "a cell of one's own": _own_cell,
}


@pytest.mark.parametrize("name", LOOPS)
def test_what_the_functions_do_not_compute_stays_a_loop(calls, name):
    model = Sequential([LOOPS[name]()])
    model.predict(np.ones((2, STEPS, WIDTH)))
    assert calls == []


def test_a_mask_leaves_the_loop(calls):
    Sequential([Masking(**SHAPE), LSTM(4)]).predict(np.ones((2, STEPS, WIDTH)))
    assert calls == []


def test_recurrent_dropout_matters_only_in_training(calls):
    model = Sequential([LSTM(4, recurrent_dropout=0.3, **SHAPE)])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((2, STEPS, WIDTH)), np.ones((2, 4)))
    assert calls == []
    model.predict(np.ones((2, STEPS, WIDTH)))
    assert calls == ["LSTM"]


def test_a_projection_that_is_read_elsewhere_too_is_still_computed(both, calls):
    def run():
        x = Input((STEPS, WIDTH))
        layer = LSTM(4)
        y = layer(x)
        cell = layer.cell
        projected = Lambda(lambda x: K.dot(K.permute_dimensions(x, (1, 0, 2)), cell.kernel) + cell.bias)(x)
        return Model(x, [y, projected]).predict(np.random.RandomState(1).normal(size=(STEPS, STEPS, WIDTH)))

    found, wanted = both(run)
    _assert_same(found, wanted)
    assert calls == ["LSTM"]


def test_given_states_and_all_results(both, calls):
    def run():
        x, h, c = Input((None, WIDTH)), Input((4,)), Input((4,))
        model = Model([x, h, c], LSTM(4, return_sequences=True, return_state=True)(x, initial_state=[h, c]))
        random = np.random.RandomState(1)
        return model.predict([random.normal(size=(2, *shape)) for shape in ((STEPS, WIDTH), (4,), (4,))])

    found, wanted = both(run)
    _assert_same(found, wanted)
    assert calls == ["LSTM"]


@pytest.mark.parametrize("layer", [lambda: LSTM(4, **SHAPE), lambda: GRU(4, reset_after=True, **SHAPE)])
def test_gradients_of_gradients(both, calls, layer):
    def run():
        model = Sequential([layer()])
        (slope,) = K.gradients(K.sum(K.square(model.output)), [model.input])
        second = K.gradients(K.sum(K.square(slope)), [model.input, *model.weights])
        return K.function([model.input], [slope, *second])([np.random.RandomState(1).normal(size=(2, STEPS, WIDTH))])

    found, wanted = both(run)
    _assert_same(found, wanted)
    assert calls


def test_double_precision(both, calls):
    def run():
        K.set_floatx("float64")
        try:
            return _trained(lambda: [LSTM(4, **SHAPE)])
        finally:
            K.set_floatx("float32")

    found, wanted = both(run)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    assert calls


def test_sequences_without_a_step_are_refused():
    model = Sequential([LSTM(4, input_shape=(None, WIDTH))])
    with pytest.raises(ValueError, match="at least one time step"):
        model.predict(np.ones((2, 0, WIDTH)))
