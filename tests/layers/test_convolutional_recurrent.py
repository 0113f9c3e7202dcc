"""ConvLSTM2D against plain loops in NumPy."""

import harness
import numpy as np
import pytest
from harness import Case

from keras import backend as K
from keras import layers as L
from keras.layers.convolutional_recurrent import ConvLSTM2DCell, ConvRNN2D


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def convolve(x, kernel, stride=1, same=False):
    """Cross-correlation of images (batch, rows, columns, channels), stride 1 if `same`."""
    rows, columns = kernel.shape[:2]
    if same:
        before = ((rows - 1) // 2, (columns - 1) // 2)
        x = np.pad(
            x, [(0, 0), (before[0], rows - 1 - before[0]), (before[1], columns - 1 - before[1]), (0, 0)]
        )
    height = (x.shape[1] - rows) // stride + 1
    width = (x.shape[2] - columns) // stride + 1
    out = np.zeros((len(x), height, width, kernel.shape[-1]))
    for r in range(rows):
        for c in range(columns):
            window = x[:, r : r + height * stride : stride, c : c + width * stride : stride]
            out += window[:, :height, :width] @ kernel[r, c]
    return out


def run(weights, x, stride=1, same=False, states=None):
    kernel, recurrent, bias = weights
    sequence = [convolve(x[:, t], kernel, stride, same) + bias for t in range(x.shape[1])]
    h, c = states or [np.zeros_like(sequence[0][..., : recurrent.shape[2]])] * 2
    outputs = []
    for projected in sequence:
        i, f, g, o = np.split(projected + convolve(h, recurrent, same=True), 4, axis=-1)
        c = hard_sigmoid(f) * c + hard_sigmoid(i) * np.tanh(g)
        h = hard_sigmoid(o) * np.tanh(c)
        outputs.append(h)
    return np.stack(outputs, axis=1), [h, c]


def channels_last(x):
    return np.moveaxis(x, 2, -1)


BASE = {"filters": 2, "kernel_size": 2}
SHAPE = (2, 3, 5, 4, 3)
CASES = [
    Case(L.ConvLSTM2D, BASE, SHAPE, lambda w, x: run(w, x)[0][:, -1], unknown=(0, 1, 2, 3)),
    Case(
        L.ConvLSTM2D,
        {**BASE, "return_sequences": True, "strides": 2, "return_state": True},
        SHAPE,
        lambda w, x: [run(w, x, 2)[0], *run(w, x, 2)[1]],
        unknown=(0, 1),
    ),
    Case(
        L.ConvLSTM2D,
        {**BASE, "return_sequences": True, "padding": "same", "go_backwards": True},
        SHAPE,
        lambda w, x: run(w, x[:, ::-1], same=True)[0],
    ),
    Case(
        L.ConvLSTM2D,
        {**BASE, "data_format": "channels_first"},
        (2, 3, 3, 5, 4),
        lambda w, x: np.moveaxis(run(w, channels_last(x))[0][:, -1], -1, 1),
    ),
]


@pytest.fixture(scope="module")
def results():
    return harness.evaluate(CASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_numbers(case, results):
    harness.check_numbers(case, results[case])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_static_shape(case, results):
    harness.check_static_shape(case, results[case])


@pytest.mark.parametrize("case", CASES, ids=str)
def test_config_round_trip(case):
    harness.check_config_round_trip(case)


def test_stateful_and_initial_state():
    x = L.Input(batch_shape=(2, 3, 5, 4, 3))
    start = [np.random.RandomState(n).standard_normal((2, 4, 3, 2)) for n in (1, 2)]
    layer = L.ConvLSTM2D(2, 2, stateful=True)
    y = layer(x)
    z = layer(x, initial_state=[K.constant(s) for s in start])
    weights = harness.set_random_weights(layer)
    data = np.random.RandomState(3).standard_normal((2, 3, 5, 4, 3)).astype("float32")
    function = K.function([x], [y, z], layer.get_updates_for(x)[:2])
    function([data])
    twice, started = function([data])
    np.testing.assert_allclose(
        twice, run(weights, np.concatenate([data, data], axis=1))[0][:, -1], rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(started, run(weights, data, states=start)[0][:, -1], rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="found shape"):
        layer.reset_states([np.zeros((2, 4, 3, 2)), np.zeros((2, 3, 4, 2))])
    layer.reset_states()
    assert not K.get_value(layer.states[1]).any()


def test_dropout_has_one_mask_for_all_steps():
    x = K.ones((4, 3, 2, 2, 5))
    layer = ConvLSTM2DCell(3, 1, dropout=0.5, kernel_initializer="ones", unit_forget_bias=False)
    layer.build((4, 2, 2, 5))
    project, _ = layer.bind_sequence([K.zeros((4, 2, 2, 3))] * 2, training=1)
    gates = K.eval(project(x))
    assert len(np.unique(gates)) > 2
    np.testing.assert_array_equal(gates, np.repeat(gates[:, :1], 3, axis=1))


def test_errors():
    with pytest.raises(TypeError, match="Unrolling"):
        L.ConvLSTM2D(2, 2, unroll=True)
    with pytest.raises(TypeError, match="stack"):
        ConvRNN2D([ConvLSTM2DCell(2, 2)])
    with pytest.raises(ValueError, match="ndim=5"):
        L.ConvLSTM2D(2, 2)(L.Input((4, 4, 3)))
    with pytest.raises(ValueError, match="channel dimension"):
        L.ConvLSTM2D(2, 2)(L.Input((3, 4, 4, None)))
