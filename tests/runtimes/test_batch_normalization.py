"""Batch normalisation by the batch's statistics, where the table of primitives does not reach."""

import numpy as np
import pytest

from keras import backend as K

R = np.random.RandomState(3)
X, GAMMA, BETA = R.randn(5, 2, 3) * 2 + 1, R.uniform(0.5, 1.5, 3), R.randn(3)
WEIGHTS = R.randn(5, 2, 3)


@pytest.fixture(autouse=True)
def float64():
    K.set_floatx("float64")
    yield
    K.set_floatx("float32")


def _all_results(x, gamma, beta):
    """Of the normed batch, the mean and the variance together."""
    normed, mean, variance = K.normalize_batch_in_training(x, gamma, beta, [0, 1], epsilon=0.01)
    return K.sum(normed * WEIGHTS) + K.sum(K.square(mean)) + K.sum(variance * gamma)


def _length_of_gradient(x, gamma, beta):
    """As a penalty on the gradient has it."""
    normed, mean, _ = K.normalize_batch_in_training(x, gamma, beta, [0, 1], epsilon=0.01)
    loss = K.sum(K.square(normed) * WEIGHTS) + K.sum(mean * beta)
    return sum(K.sum(K.square(gradient)) for gradient in K.gradients(loss, [x, gamma, beta]))


@pytest.mark.parametrize("loss", [_all_results, _length_of_gradient], ids=["first", "second"])
def test_gradients(loss):
    inputs = [K.placeholder(a.shape, dtype="float64") for a in (X, GAMMA, BETA)]
    total = loss(*inputs)
    value = K.function(inputs, [total])
    found = K.function(inputs, K.gradients(total, inputs))([X, GAMMA, BETA])
    for place, gradient in enumerate(found):
        arrays = [X.copy(), GAMMA.copy(), BETA.copy()]
        for at in np.ndindex(gradient.shape):
            ends = []
            for step in (1e-5, -2e-5):
                arrays[place][at] += step
                ends.append(float(value(arrays)[0]))
            arrays[place][at] += 1e-5
            np.testing.assert_allclose(gradient[at], (ends[0] - ends[1]) / 2e-5, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("axis", [1, -1])
def test_moments_far_from_zero(axis):
    """The variance is not a difference of large numbers."""
    x = (R.randn(64, 8, 8) + 300).astype("float32")
    axes = [a for a in range(3) if a != axis % 3]
    tensor = K.placeholder(x.shape, dtype="float32")
    normed, mean, variance = K.function([tensor], K.normalize_batch_in_training(tensor, None, None, axes))([x])
    wide = x.astype("float64")
    np.testing.assert_allclose(mean, wide.mean(tuple(axes)), rtol=1e-6)
    np.testing.assert_allclose(variance, wide.var(tuple(axes)), rtol=1e-4)
    wanted = (wide - wide.mean(tuple(axes), keepdims=True)) / np.sqrt(wide.var(tuple(axes), keepdims=True) + 1e-3)
    np.testing.assert_allclose(normed, wanted, atol=2e-3)
    assert [a.dtype.name for a in (normed, mean, variance)] == ["float32"] * 3
