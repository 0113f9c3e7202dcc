"""What nothing refers to any more is freed, with what TensorFlow traced for it."""

import gc

import numpy as np
import pytest
from tensorflow.python.eager import context
from tensorflow.python.framework.func_graph import FuncGraph

from keras import backend as K
from keras.layers import GRU, LSTM, Dense, Lambda, SimpleRNN
from keras.models import Sequential

MADE = {
    "LSTM": lambda: [LSTM(3, input_shape=(4, 2))],
    "SimpleRNN": lambda: [SimpleRNN(3, input_shape=(4, 2), recurrent_dropout=0.2)],
    "GRU": lambda: [GRU(3, input_shape=(4, 2))],
    "a gradient in a model": lambda: [
        Lambda(lambda x: K.stack(K.gradients(K.sum(x + K.ones_like(x)), [x]))[0], input_shape=(4,)),
    ],
}


def train(name):
    model = Sequential([*MADE[name](), Dense(1)])
    model.compile("adam", "mse")
    x = np.zeros((6, *model.input_shape[1:]))
    model.fit(x, x[:, 0].reshape(6, -1)[:, :1], batch_size=4, verbose=0)
    model.predict(x)


def kept():
    """Graphs and functions that are still there after clear_session."""
    K.clear_session()
    gc.collect()
    graphs = sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())
    return graphs, len(context.context().list_function_names())


@pytest.mark.parametrize("name", MADE)
def test_graphs_of_models_that_are_gone(name):
    train(name)
    before = kept()
    train(name)
    assert kept() == before


def test_graphs_in_which_two_derivatives_are_one():
    before = kept()
    a, b = K.placeholder((3,)), K.placeholder((3,))
    found = K.function([a, b], K.gradients(K.sum(K.square(a + b)), [a, b]))([[1, 2, 3], [0, 0, 1]])
    np.testing.assert_array_equal(found, [[2, 4, 8]] * 2)
    del a, b
    assert kept() == before
