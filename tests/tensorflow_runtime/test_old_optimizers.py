"""Optimizers of TensorFlow 1 in `compile`, against TensorFlow's own steps."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf1

from keras import backend as K
from keras import optimizers
from keras.constraints import non_neg
from keras.layers import Dense
from keras.models import Sequential, load_model

OPTIMIZERS = {
    "descent": lambda: tf1.train.GradientDescentOptimizer(0.1),
    "momentum": lambda: tf1.train.MomentumOptimizer(0.1, 0.9),
    "Nesterov": lambda: tf1.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
    "Adam": lambda: tf1.train.AdamOptimizer(0.1, epsilon=1e-3),
    "RMSProp": lambda: tf1.train.RMSPropOptimizer(0.1, momentum=0.5, epsilon=1e-3),
    "centred RMSProp": lambda: tf1.train.RMSPropOptimizer(0.1, epsilon=1e-3, centered=True),
    "Adagrad": lambda: tf1.train.AdagradOptimizer(0.1),
    "Adadelta": lambda: tf1.train.AdadeltaOptimizer(0.5, epsilon=1e-3),
}
START, TARGET = np.array([1.0, -2.0, 3.0], "float32"), np.array([0.5, 0.0, 3.5], "float32")


def by_tensorflow(optimizer, steps):
    variable = tf1.Variable(START)
    for _ in range(steps):
        optimizer.apply_gradients([(2 * (variable - TARGET), variable)])
    return variable.numpy()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_tensorflow(name):
    weight = K.variable(START)
    optimizer = optimizers.get(OPTIMIZERS[name]())
    step = K.function([], [], optimizer.get_updates(K.sum(K.square(weight - TARGET)), [weight]))
    for _ in range(4):
        step([])
    np.testing.assert_allclose(K.get_value(weight), by_tensorflow(OPTIMIZERS[name](), 4), rtol=1e-5)
    assert K.get_value(optimizer.iterations) == 4


def test_in_compile(tmp_path):
    theirs = tf1.train.AdamOptimizer(0.05)
    model = Sequential([Dense(1, input_shape=(3,), kernel_constraint=non_neg())])
    model.compile(theirs, "mse")
    assert isinstance(model.optimizer, optimizers.TFOptimizer) and model.optimizer.optimizer is theirs
    x = np.random.RandomState(0).rand(64, 3)
    losses = model.fit(x, x @ [[1.0], [2.0], [-1.0]], epochs=60, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 2 and model.get_weights()[0].min() == 0
    K.set_value(model.optimizer.lr, 0.0)
    before = model.get_weights()
    model.train_on_batch(x, x[:, :1])
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match="optimizer is not saved"):
        model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5", compile=False).predict(x), model.predict(x))


class Own(tf1.train.AdamOptimizer):
    pass


@pytest.mark.parametrize("optimizer", [tf1.train.FtrlOptimizer(0.1), Own(0.1), object()])
def test_others_are_refused(optimizer):
    with pytest.raises(NotImplementedError, match="AdamOptimizer.*keras.optimizers"):
        optimizers.TFOptimizer(optimizer)


def test_a_learning_rate_that_is_a_function():
    rate = tf1.train.exponential_decay(0.1, tf1.train.get_or_create_global_step(), 10, 0.9)
    with pytest.raises(NotImplementedError, match="LearningRateScheduler"):
        optimizers.get(tf1.train.AdamOptimizer(rate))
