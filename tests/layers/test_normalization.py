"""BatchNormalization in training: batch statistics, moving averages, frozen layers."""

import numpy as np
import pytest

from keras import backend as K
from keras import layers as L

EPSILON = 1e-3


def train_step(layer, x, **call):
    inputs = L.Input(batch_shape=(None, *x.shape[1:]))
    output = layer(inputs, **call)
    function = K.function([inputs, K.learning_phase()], [output], updates=layer.updates)
    return function([x, 1])[0]


@pytest.mark.parametrize("shape, axis", [((6, 3), -1), ((4, 5, 3), -1), ((4, 3, 2, 5), 1), ((4, 2, 3, 5), 2)])
def test_training_normalizes_by_the_batch_and_moves_the_averages(shape, axis):
    x = (np.random.RandomState(0).standard_normal(shape) * 3 + 5).astype("float32")
    layer = L.BatchNormalization(axis=axis, momentum=0.8)
    y = train_step(layer, x)
    others = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    mean, variance = (f(x.astype("float64"), axis=others, keepdims=True) for f in (np.mean, np.var))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + EPSILON), rtol=1e-4, atol=1e-4)
    count = x.size / x.shape[axis]
    corrected = variance * count / (count - (1 + EPSILON))
    _, _, moving_mean, moving_variance = layer.get_weights()
    np.testing.assert_allclose(moving_mean, 0.2 * mean.ravel(), rtol=1e-4)
    np.testing.assert_allclose(moving_variance, 0.8 + 0.2 * corrected.ravel(), rtol=1e-4)


def test_a_frozen_layer_uses_batch_statistics_but_keeps_its_averages():
    x = np.random.RandomState(0).standard_normal((8, 3)).astype("float32") + 2
    layer = L.BatchNormalization(trainable=False)
    y = train_step(layer, x)
    assert layer.updates == []
    np.testing.assert_allclose(y.mean(0), np.zeros(3), atol=1e-5)
    np.testing.assert_array_equal(layer.get_weights()[2], np.zeros(3))


def test_training_false_uses_the_moving_averages_and_makes_no_updates():
    x = np.random.RandomState(0).standard_normal((8, 3)).astype("float32") + 2
    layer = L.BatchNormalization()
    y = train_step(layer, x, training=False)
    assert layer.updates == []
    np.testing.assert_allclose(y, x / np.sqrt(1 + EPSILON), rtol=1e-5)


def test_weights_come_in_the_order_gamma_beta_mean_variance():
    layer = L.BatchNormalization(name="bn")
    layer.build((None, 3))
    names = [w.name.split("/")[-1].split(":")[0] for w in layer.weights]
    assert names == ["gamma", "beta", "moving_mean", "moving_variance"]
    assert len(layer.trainable_weights) == 2


@pytest.mark.parametrize("axis, message", [
    (0, "axis=0 is not a feature axis"), (3, "axis=3 is not a feature axis"),
    (1, r"Axis 1 of the input should be defined.*\(None, None, 4\)"),
])  # fmt: skip
def test_bad_axes(axis, message):
    with pytest.raises(ValueError, match=message):
        L.BatchNormalization(axis=axis)(L.Input((None, 4)))


def test_axis_must_be_one_integer():
    with pytest.raises(ValueError, match="`axis` must be one integer"):
        L.BatchNormalization(axis=[1, 2])
