"""TimeDistributed and Bidirectional: equal to what they wrap, with masks, states, losses, configs."""

import harness
import numpy as np
import pytest
import recurrent_reference as ref
from recurrent_cases import bidirectional

from keras import backend as K
from keras import layers as L


def numbers(shape=(2, 4, 5), seed=1):
    return np.random.RandomState(seed).standard_normal(shape).astype("float32")


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


# TimeDistributed.


def test_mask_reaches_the_layer_within_and_the_layers_after():
    x = L.Input((3, 4, 2))
    steps = L.TimeDistributed(L.Masking())(x)
    assert K.int_shape(steps._keras_mask) == (None, 3, 4)
    inner = L.SimpleRNN(3)
    y = L.TimeDistributed(inner)(steps)
    assert K.int_shape(y._keras_mask) == (None, 3)
    weights = harness.set_random_weights(inner)
    data = numbers((2, 3, 4, 2))
    data[0, 1, 2:] = 0
    data[1, 2] = 0
    got, mask = K.function([x], [y, y._keras_mask])([data])
    flat = data.reshape(6, 4, 2)
    wanted, _ = ref.run(ref.simple_rnn, weights, flat, mask=flat.any(axis=-1))
    close(got, wanted[:, -1].reshape(2, 3, 3))
    np.testing.assert_array_equal(mask, data.any(axis=(2, 3)))


def test_embedding_per_step_gives_its_mask():
    y = L.TimeDistributed(L.Embedding(5, 2, mask_zero=True))(L.Input((3, 4)))
    assert K.int_shape(y) == (None, 3, 4, 2)
    assert K.int_shape(y._keras_mask) == (None, 3, 4)


def test_per_step_batch_normalization_updates_and_losses():
    x = L.Input((3, 4))
    layer = L.TimeDistributed(L.BatchNormalization())
    layer(x)
    assert len(layer.updates) == len(layer.get_updates_for(x)) == 2
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (2, 2)
    dense = L.TimeDistributed(L.Dense(2, kernel_regularizer="l2", activity_regularizer="l1"))
    dense(x)
    assert len(dense.losses) == 2
    assert len(dense.get_losses_for(None)) == len(dense.get_losses_for(x)) == 1


def test_trainable_is_the_layers_within():
    layer = L.TimeDistributed(L.Dense(2, trainable=False))
    layer(L.Input((3, 4)))
    assert layer.trainable_weights == []
    layer.trainable = True
    assert len(layer.trainable_weights) == 2
    assert layer.layer.trainable
    assert not L.TimeDistributed(L.Dense(2), trainable=False).layer.trainable


def test_fixed_batch_size():
    layer = L.TimeDistributed(L.Dense(3))
    x = L.Input(batch_shape=(2, 4, 5))
    y = layer(x)
    kernel, bias = harness.set_random_weights(layer)
    assert K.int_shape(y) == (2, 4, 3)
    close(K.function([x], [y])([numbers()])[0], numbers() @ kernel + bias)


# Bidirectional.


def test_masked_sequences():
    x = L.Input((4, 5))
    layer = L.Bidirectional(L.GRU(3, return_sequences=True))
    y = layer(L.Masking()(x))
    assert y._keras_mask is not None
    weights = harness.set_random_weights(layer)
    data = numbers()
    mask = np.array([[True, True, False, True], [False, True, True, False]])
    data[~mask] = 0
    forward, _ = ref.run(ref.gru, weights[:3], data, mask=mask)
    backward, _ = ref.run(ref.gru, weights[3:], data, mask=mask, backwards=True)
    close(K.function([x], [y])([data])[0], np.concatenate([forward, backward[:, ::-1]], axis=-1))


@pytest.mark.parametrize("symbolic", [True, False])
def test_initial_states(symbolic):
    x = L.Input((4, 5))
    start = [numbers((2, 3), seed) for seed in range(4)]
    states = [L.Input((3,)) for _ in start] if symbolic else [K.constant(s) for s in start]
    layer = bidirectional()
    y = layer(x, initial_state=states)
    weights = harness.set_random_weights(layer)
    got = K.function([x, *states] if symbolic else [x], [y])([numbers(), *(start if symbolic else [])])[0]
    forward, _ = ref.run(ref.lstm, weights[:3], numbers(), start[:2])
    backward, _ = ref.run(ref.lstm, weights[3:], numbers(), start[2:], backwards=True)
    close(got, np.concatenate([forward[:, -1], backward[:, -1]], axis=-1))


def test_stateful_both_ways():
    x = L.Input(batch_shape=(2, 4, 5))
    layer = L.Bidirectional(L.GRU(3, stateful=True), merge_mode=None)
    y = layer(x)
    assert len(layer.updates) == len(layer.get_updates_for(x)) == 2
    function = K.function([x], y, layer.updates)
    weights = harness.set_random_weights(layer)
    for _ in range(2):
        forward, backward = function([numbers()])
    wanted, _ = ref.run(ref.gru, weights[:3], np.concatenate([numbers()] * 2, axis=1))
    close(forward, wanted[:, -1])
    wanted, _ = ref.run(ref.gru, weights[3:], np.concatenate([numbers()] * 2, axis=1), backwards=True)
    close(backward, wanted[:, -1])
    layer.reset_states()
    assert not K.get_value(layer.backward_layer.states[0]).any()


def test_weights_names_and_order():
    layer = L.Bidirectional(L.LSTM(3, name="memory"), name="both")
    layer(L.Input((4, 5)))
    assert [w.name for w in layer.weights[::3]] == [
        "both/forward_memory/kernel:0",
        "both/backward_memory/kernel:0",
    ]
    values = [np.full(w.shape, i, "float32") for i, w in enumerate(layer.get_weights())]
    again = L.Bidirectional(L.LSTM(3), weights=values)
    again(L.Input((4, 5)))
    for got, wanted in zip(again.get_weights(), values):
        np.testing.assert_array_equal(got, wanted)
    with pytest.raises(ValueError, match="6 are wanted"):
        again.set_weights(values[:3])


def test_trainable_both_ways():
    layer = L.Bidirectional(L.LSTM(3, kernel_regularizer="l2", activity_regularizer="l2"), trainable=False)
    layer(L.Input((4, 5)))
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (0, 6)
    layer.trainable = True
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (6, 0)
    assert len(layer.losses) == 3


def test_cell_that_is_not_registered():
    class Adder(L.Layer):
        state_size = 5

        def call(self, inputs, states):
            return inputs + states[0], [inputs + states[0]]

    x = L.Input((4, 5))
    y = L.Bidirectional(L.RNN(Adder()), merge_mode="ave")(x)
    close(K.function([x], [y])([numbers()])[0], numbers().sum(axis=1))


# Errors.


def test_errors():
    with pytest.raises(ValueError, match="Invalid merge mode"):
        L.Bidirectional(L.LSTM(2), merge_mode="max")
    with pytest.raises(ValueError, match="recurrent layer"):
        L.Bidirectional(L.Dense(2))
    with pytest.raises(ValueError, match="wraps a layer"):
        L.TimeDistributed("dense")
    with pytest.raises(ValueError, match="at least 3 axes"):
        L.TimeDistributed(L.Dense(2))(L.Input((3,)))
    with pytest.raises(ValueError, match="2 forward, then 2 backward"):
        bidirectional()(L.Input((4, 5)), initial_state=[L.Input((3,))] * 3)


def test_bidirectional_of_the_cudnn_layer():
    x = L.Input((4, 5))
    layer = L.Bidirectional(L.CuDNNLSTM(3, return_sequences=True))
    y = layer(x)
    weights = harness.set_random_weights(layer)
    forward, _ = ref.run(ref.cudnn_lstm, weights[:3], numbers(), count=2)
    backward, _ = ref.run(ref.cudnn_lstm, weights[3:], numbers(), backwards=True, count=2)
    close(K.function([x], [y])([numbers()])[0], np.concatenate([forward, backward[:, ::-1]], axis=-1))
    assert L.Bidirectional.from_config(layer.get_config()).get_config() == layer.get_config()
