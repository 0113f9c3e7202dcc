"""SimpleRNN, GRU and LSTM as ONNX's nodes of these kinds, run by onnxruntime against `model.predict`."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx_sessions import session_of

from keras import backend as K
from keras import layers as L
from keras.export import as_onnx
from keras.models import Model, Sequential

pytestmark = pytest.mark.usefixtures("quick_compiler")

LOOPS = ("LSTM", "GRU", "RNN", "Scan")


def sequences(steps=5):
    """Rows with masked steps (all zeros) nowhere, before, after, in the midst, and everywhere."""
    x = np.random.standard_normal((5, steps, 3)).astype("float32")
    x[1, :2] = x[2, 3:] = x[3, 1:4:2] = x[4] = 0
    return x


def check(model, *arrays):
    """Right in onnxruntime, for one row as well; returns the kinds of loops in the file."""
    proto = as_onnx(model)
    session = session_of(proto)
    wanted = model.predict(list(arrays) if len(arrays) > 1 else arrays[0])
    wanted = wanted if isinstance(wanted, list) else [wanted]
    for rows in (slice(None), slice(1)):
        found = session.run(None, {n: a[rows] for n, a in zip(model.input_names, arrays, strict=True)})
        for got, known in zip(found, wanted, strict=True):
            np.testing.assert_allclose(got, known[rows], rtol=1e-5, atol=1e-6)
    return loops(proto)


def loops(proto):
    return dict(Counter(node.op_type for node in proto.graph.node if node.op_type in LOOPS))


def model_of(layer, masked=False):
    x = L.Input((None, 3))
    model = Model(x, layer(L.Masking()(x) if masked else x))
    model.set_weights([np.random.normal(0, 0.6, w.shape) for w in model.get_weights()])
    return model


EVERY = {"return_sequences": True, "return_state": True}
LAYERS = {
    "lstm": (L.LSTM, {}, "LSTM"),
    "lstm_all": (L.LSTM, EVERY, "LSTM"),
    "lstm_no_bias": (L.LSTM, {"use_bias": False, "go_backwards": True}, "LSTM"),
    "gru": (L.GRU, {"return_sequences": True}, "GRU"),
    "gru_no_bias": (L.GRU, {"use_bias": False}, "GRU"),
    "gru_reset_after": (L.GRU, {"reset_after": True, **EVERY}, "GRU"),
    "gru_reset_after_no_bias": (L.GRU, {"reset_after": True, "use_bias": False}, "GRU"),
    "simple": (L.SimpleRNN, {"go_backwards": True, **EVERY}, "RNN"),
    "cudnn_lstm": (L.CuDNNLSTM, EVERY, "LSTM"),
    "cudnn_gru": (L.CuDNNGRU, {"return_sequences": True}, "GRU"),
    "dropout": (L.LSTM, {"dropout": 0.4, "recurrent_dropout": 0.4, "implementation": 1}, "LSTM"),
}


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, masked):
    kind, options, node = LAYERS[name]
    assert check(model_of(kind(2, **options), masked), sequences()) == {node: 1}


@pytest.mark.parametrize("activation", ["relu", "hard_sigmoid", "linear", "elu", "softsign", "softplus"])
@pytest.mark.parametrize("kind, node", [(L.LSTM, "LSTM"), (L.GRU, "GRU"), (L.SimpleRNN, "RNN")])
def test_activation(kind, node, activation):
    other = {} if kind is L.SimpleRNN else {"recurrent_activation": "tanh" if activation == "linear" else activation}
    assert check(model_of(kind(2, activation=activation, **other)), sequences(3)) == {node: 1}


@pytest.mark.parametrize("activations", [("hard_sigmoid", "linear"), ("linear", "hard_sigmoid"), ("elu", "tanh")])
def test_activations_with_numbers_of_their_own(activations):
    gate, activation = activations
    layer = L.LSTM(2, activation=activation, recurrent_activation=gate)
    assert check(model_of(layer), sequences(3)) == {"LSTM": 1}


def test_both_ways_with_masks():
    assert check(model_of(L.Bidirectional(L.LSTM(2, return_sequences=True)), masked=True), sequences()) == {"LSTM": 2}


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_initial_states_from_other_layers(masked):
    """An encoder and a decoder; rows that are masked throughout give the states as they came."""
    x, y = L.Input((4, 3)), L.Input((None, 3))
    _, *states = L.LSTM(2, return_state=True)(x)
    decoded, *last = L.LSTM(2, **EVERY)(L.Masking()(y) if masked else y, initial_state=states)
    assert check(Model([x, y], [decoded, *last]), sequences(4), sequences()) == {"LSTM": 2}


def test_a_stateful_layer_takes_and_gives_its_states():
    model = Sequential([L.GRU(2, stateful=True, batch_input_shape=(2, 4, 3))])
    proto = as_onnx(model)
    assert loops(proto) == {"GRU": 1}
    session, state = session_of(proto), np.zeros((2, 2), "float32")
    x, name = (i.name for i in session.get_inputs())
    for rows in (sequences(4)[:2], sequences(4)[2:4]):
        y, state = session.run(None, {x: rows, name: state})
        np.testing.assert_allclose(y, model.predict(rows, batch_size=2), atol=1e-6)


def test_weights_are_stored_once_under_their_names():
    x, y = L.Input((None, 3)), L.Input((None, 3))
    layer = L.GRU(2, name="shared")
    proto = as_onnx(Model([x, y], L.concatenate([layer(x), layer(y)])))
    assert loops(proto) == {"GRU": 2}
    stored = {a.name: onnx.numpy_helper.to_array(a) for a in proto.graph.initializer if "/" in a.name}
    kernel, recurrent, bias = layer.get_weights()
    assert set(stored) == {w.name for w in layer.weights}
    np.testing.assert_array_equal(stored["shared/kernel:0"], kernel.T[None])
    np.testing.assert_array_equal(stored["shared/recurrent_kernel:0"], recurrent.T[None])
    np.testing.assert_array_equal(stored["shared/bias:0"], np.concatenate([bias, 0 * bias])[None])


# What is something else stays a Scan, and right.


class OwnCell(L.LSTMCell):
    def _step(self, projected, states, masks, training):
        h, new = super()._step(projected, states, masks, training)
        return h * 0.5, [h * 0.5, new[1]]


class OwnLayer(L.SimpleRNN):
    def call(self, inputs, **options):
        return super().call(inputs, **options) * 2.0


def spread(x):
    return K.tanh(x) * 1.5


@pytest.mark.parametrize(
    "layer, kind",
    [
        (lambda: L.RNN(OwnCell(2)), "Scan"),
        (lambda: L.RNN([L.LSTMCell(2), L.GRUCell(2)]), "Scan"),
        (lambda: L.LSTM(2, activation="selu"), "Scan"),
        (lambda: L.GRU(2, activation=spread), "Scan"),
        (lambda: OwnLayer(2), "RNN"),
        (lambda: L.RNN(L.GRUCell(2)), "GRU"),
    ],
    ids=["cell", "stacked", "activation", "own_activation", "layer", "plain_cell"],
)
def test_layers_of_ones_own(layer, kind):
    assert check(model_of(layer(), masked=True), sequences()) == {kind: 1}


def test_a_recurrent_kernel_that_is_computed():
    def run(x):
        kernel = K.dot(K.transpose(x[:, 0]), x[:, 1])

        def step(item, states):
            new = K.tanh(item + K.dot(states[0], kernel))
            return new, [new]

        return K.rnn(step, K.dot(x, K.constant(np.eye(3))), [K.zeros_like(x[:, 0])])[0]

    x = L.Input((None, 3))
    proto = as_onnx(Model(x, L.Lambda(run)(x)))
    assert loops(proto) == {"Scan": 1}


def test_other_float_types_stay_scans():
    K.set_floatx("float64")
    model = model_of(L.LSTM(2))
    assert check(model, sequences().astype("float64")) == {"Scan": 1}
