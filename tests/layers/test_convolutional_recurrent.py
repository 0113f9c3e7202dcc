"""ConvLSTM2D against plain loops in NumPy."""

import harness
import numpy as np
import pytest
from convolutional_reference import run

from keras import backend as K
from keras import layers as L
from keras.layers.convolutional_recurrent import ConvLSTM2DCell, ConvRNN2D


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
