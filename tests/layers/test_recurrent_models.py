"""Recurrent layers within models: states over calls, sequence to sequence, masks and dropout in training."""

import numpy as np
import pytest

from keras import backend as K
from keras import layers as L
from keras.models import Model, Sequential

pytestmark = pytest.mark.usefixtures("quick_compiler")


def numbers(*shape, seed=1):
    return np.random.RandomState(seed).standard_normal(shape).astype("float32")


def close(got, wanted):
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("nested", [False, True])
def test_stateful_model_carries_states_over_all_kinds_of_calls(nested):
    layers = [
        L.LSTM(4, stateful=True, batch_input_shape=(2, 3, 5), return_sequences=True),
        L.GRU(3, stateful=True),
    ]
    inner = Sequential(layers)
    model = Sequential([inner, L.Dense(1)]) if nested else inner
    if not nested:
        model.add(L.Dense(1))
    model.compile("sgd", "mse")
    x, y = numbers(4, 3, 5), numbers(4, 1)
    together = model.predict(x, batch_size=2)
    model.reset_states()
    apart = [model.predict(x[:2]), model.predict(x[2:])]
    close(together, np.concatenate(apart))
    for call in (
        lambda: model.train_on_batch(x[:2], y[:2]),
        lambda: model.test_on_batch(x[:2], y[:2]),
        lambda: model.fit(x[:2], y[:2], batch_size=2, verbose=0),
        lambda: model.evaluate(x[:2], y[:2], batch_size=2, verbose=0),
        lambda: model.predict_on_batch(x[:2]),
    ):
        model.reset_states()
        assert not K.get_value(layers[1].states[0]).any()
        call()
        assert K.get_value(layers[1].states[0]).any()


def test_encoder_and_decoder():
    source, target = L.Input((None, 5)), L.Input((None, 2))
    _, h, c = L.LSTM(4, return_state=True)(source)
    decoded = L.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = Model([source, target], L.TimeDistributed(L.Dense(2))(decoded))
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    data = [numbers(2, 4, 5), numbers(2, 3, 2)]
    before = model.predict(data)
    close(again.predict(data), before)
    model.compile("sgd", "mse")
    model.train_on_batch(data, np.ones((2, 3, 2)))
    encoder = model.layers[2]
    assert isinstance(encoder, L.LSTM)
    assert all((a != b).any() for a, b in zip(encoder.get_weights(), again.layers[2].get_weights()))


def test_bidirectional_with_initial_states_from_its_config():
    x, states = L.Input((4, 5)), [L.Input((3,)) for _ in range(2)]
    model = Model([x, *states], L.Bidirectional(L.GRU(3))(x, initial_state=states))
    again = Model.from_config(model.get_config())
    again.set_weights(model.get_weights())
    data = [numbers(2, 4, 5), numbers(2, 3), numbers(2, 3, seed=2)]
    close(again.predict(data), model.predict(data))


@pytest.mark.parametrize("layer", [L.SimpleRNN, L.GRU, L.LSTM])
def test_masked_layers_with_dropout_learn(layer):
    x = np.random.RandomState(0).randint(0, 4, (64, 6))
    y = (x == 3).any(axis=1)
    model = Sequential(
        [
            L.Embedding(4, 4, mask_zero=True),
            layer(8, dropout=0.1, recurrent_dropout=0.1),
            L.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    history = model.fit(x, y, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_per_step_model_with_updates_trains():
    inner = Sequential([L.Dense(4, input_shape=(5,), activity_regularizer="l2"), L.BatchNormalization()])
    model = Sequential([L.TimeDistributed(inner, input_shape=(3, 5)), L.Flatten(), L.Dense(1)])
    model.compile("sgd", "mse")
    assert (len(model.updates), len(model.losses)) == (2, 1)
    moving = inner.layers[1].get_weights()[2]
    model.fit(numbers(4, 3, 5), numbers(4, 1), verbose=0)
    assert (moving != inner.layers[1].get_weights()[2]).all()


def test_stateful_from_its_config_and_reset_before_use():
    model = Sequential([L.LSTM(2, stateful=True, batch_input_shape=(3, 4, 5))])
    again = Sequential.from_config(model.get_config())
    again.reset_states()
    assert again.layers[0].stateful
    assert K.int_shape(again.layers[0].states[0]) == (3, 2)
