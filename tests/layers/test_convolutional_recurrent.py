"""ConvLSTM2D against plain loops in NumPy."""

import harness
import numpy as np
import pytest
from convolutional_reference import run

from keras import backend as K
from keras import layers as L
from keras.layers.convolutional_recurrent import ConvLSTM2DCell, ConvRNN2D

pytestmark = pytest.mark.usefixtures("quick_compiler")


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


class OwnCell(ConvLSTM2DCell):
    """Does all its work step by step, as a cell with a `call` of its own does."""

    def call(self, inputs, states, training=None):
        return super().call(inputs, states, training=training)


@pytest.mark.parametrize("options", [
    {}, {"strides": 2}, {"padding": "same"}, {"dilation_rate": 2},
    {"strides": 2, "padding": "same", "data_format": "channels_first"},
], ids=str)  # fmt: skip
def test_convolutions_within_the_loop(options):
    """Numbers and gradients are those of the convolution of all steps at once."""
    shape = (2, 3, 4, 6, 5) if "data_format" in options else (2, 3, 6, 5, 4)
    x = L.Input(batch_shape=shape)
    whole, stepwise = (ConvRNN2D(cell(2, (2, 3), **options)) for cell in (ConvLSTM2DCell, OwnCell))
    outputs = [whole(x), stepwise(x)]
    stepwise.set_weights([0.3 * w for w in harness.set_random_weights(whole)])
    whole.set_weights(stepwise.get_weights())
    results = []
    for layer, y in zip((whole, stepwise), outputs):
        results += [y, *K.gradients(K.sum(y * y), [x, *layer.trainable_weights])]
    values = K.function([x], results)([np.random.RandomState(3).standard_normal(shape)])
    for one, other in zip(values[:5], values[5:], strict=True):
        assert np.abs(one).max() > 1e-3
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_gradient_of_a_gradient():
    K.set_floatx("float64")
    random = np.random.RandomState(0)
    x = L.Input(batch_shape=(2, 3, 4, 3, 2))
    layer = L.ConvLSTM2D(2, 2, padding="same", recurrent_activation="sigmoid")
    y = layer(x)
    penalty = K.sum(K.square(K.gradients(K.sum(K.square(y)), x)[0]))
    weights = layer.trainable_weights
    function = K.function([x], [penalty, *K.gradients(penalty, weights)])
    data = [random.standard_normal((2, 3, 4, 3, 2))]
    values, step = layer.get_weights(), [random.standard_normal(w.shape) for w in layer.get_weights()]
    at = []
    for epsilon in (1e-6, -1e-6):
        layer.set_weights([w + epsilon * d for w, d in zip(values, step)])
        at.append(function(data)[0])
    layer.set_weights(values)
    got = sum(np.sum(g * d) for g, d in zip(function(data)[1:], step))
    np.testing.assert_allclose(got, (at[0] - at[1]) / 2e-6, rtol=1e-6)


def test_errors():
    with pytest.raises(TypeError, match="Unrolling"):
        L.ConvLSTM2D(2, 2, unroll=True)
    with pytest.raises(TypeError, match="stack"):
        ConvRNN2D([ConvLSTM2DCell(2, 2)])
    with pytest.raises(ValueError, match="ndim=5"):
        L.ConvLSTM2D(2, 2)(L.Input((4, 4, 3)))
    with pytest.raises(ValueError, match="channel dimension"):
        L.ConvLSTM2D(2, 2)(L.Input((3, 4, 4, None)))
