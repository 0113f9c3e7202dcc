"""Programs run also on a TensorFlow that lacks the quick way of calling them."""

import numpy as np
import pytest
import tensorflow as tf

from keras import backend as K
from keras.layers import Dense, Dropout
from keras.models import Sequential
from keras.runtimes.tensorflow.traced import Traced

CONCRETE = type(tf.function(lambda: None).get_concrete_function())


class AnotherForm:
    def call_flat(self, *, arguments):
        raise AssertionError("not to be reached")


@pytest.fixture(params=["no such attribute", "another form"])
def another_tensorflow(request, monkeypatch):
    if request.param == "another form":
        monkeypatch.setattr(CONCRETE, "inference_fn", AnotherForm())
    else:
        monkeypatch.delattr(CONCRETE, "inference_fn")


def trained():
    """Losses and weights of a few steps from always the same start."""
    K.clear_session()
    np.random.seed(3)
    model = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Dropout(0.5), Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x = np.random.rand(32, 3)
    losses = [model.train_on_batch(x, x[:, :1]) for _ in range(3)]
    return [np.array(losses), *model.get_weights(), model.predict(x[:5])]


@pytest.fixture(scope="module")
def usual():
    return trained()


def test_training_gives_the_same_numbers(usual, another_tensorflow):
    for have, want in zip(trained(), usual, strict=True):
        np.testing.assert_array_equal(have, want)


def test_functions_without_outputs_and_with_captured_tensors(another_tensorflow):
    captured = tf.constant([1.0, 2.0])
    for function, wanted in ((lambda x: [x + captured, [x]], [[2, 3], [1, 1]]), (lambda x: [], [])):
        have = Traced(function, (tf.ones(2),), xla=False)
        for _ in range(2):
            np.testing.assert_array_equal(have((tf.ones(2),)), wanted)


def test_errors_of_the_program_stay_what_they_are_and_cost_no_speed():
    def refuse(x):
        raise ValueError("not this")

    program = Traced(lambda x: [tf.py_function(refuse, [x], tf.float32)], (tf.ones(2),), xla=False)
    with pytest.raises((ValueError, tf.errors.OpError), match="not this"):
        program((tf.ones(2),))
    assert program._quick
