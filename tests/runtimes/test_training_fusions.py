"""Batch normalisation in training by oneDNN, with the bias before it and the ReLU behind it, is that by the formula."""

import numpy as np
import pytest
from onednn_cases import OF_JAX, WHERE_IT_IS, drawn

from keras import backend as K
from keras.layers import BatchNormalization, Conv2D, Flatten, ReLU
from keras.models import Sequential

pytestmark = [OF_JAX, WHERE_IT_IS]
EPSILON = 0.01


@pytest.fixture
def native(monkeypatch):
    """oneDNN for arrays of any size; `native.calls` has the cases that it was called for."""
    from keras.runtimes.jax import native_normalization

    monkeypatch.setattr(native_normalization, "_WORTH", 0)
    monkeypatch.setattr(native_normalization, "calls", [], raising=False)
    called = native_normalization._called

    def noted(recipe, case, *rest):
        native_normalization.calls.append((recipe.__name__.split("_")[-1], case.relu))
        return called(recipe, case, *rest)

    monkeypatch.setattr(native_normalization, "_called", noted)
    return native_normalization


def normed(x, gamma, beta, relu):
    axes = tuple(range(K.ndim(x) - 1))
    result, mean, variance = K.normalize_batch_in_training(x, gamma, beta, axes, epsilon=EPSILON)
    return (K.relu(result) if relu else result), mean, variance


def by_formula(x, gamma, beta, weights, relu):
    """Results and gradients of the sum of result * weights, in double precision."""
    x, gamma, beta, weights = (a.astype("float64") for a in (x, gamma, beta, weights))
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    scale = 1 / np.sqrt(variance + EPSILON)
    centred = (x - mean) * scale
    result = centred * gamma + beta
    given = weights * (result > 0) if relu else weights
    by_gamma, by_beta = (given * centred).sum(axes), given.sum(axes)
    count = x.size / x.shape[-1]
    by_x = gamma * scale * (given - by_beta / count - centred * by_gamma / count)
    return [np.maximum(result, 0) if relu else result, mean, variance, by_x, by_gamma, by_beta]


@pytest.mark.parametrize("relu", [False, True], ids=["alone", "relu"])
@pytest.mark.parametrize("shape", [(8, 5, 6, 16), (8, 7, 3), (32, 20), (4, 2, 3, 4, 8)], ids=str)
def test_results_and_gradients(native, shape, relu):
    arrays = [*drawn(shape, shape[-1:], shape[-1:]), *drawn(shape)[::-1]]
    inputs = [K.placeholder(a.shape) for a in arrays]
    results = normed(*inputs[:3], relu)
    gradients = K.gradients(K.sum(results[0] * inputs[3]), inputs[:3])
    found = K.function(inputs, [*results, *gradients])(arrays)
    assert native.calls == [("normalization", relu), ("gradient", relu)]
    for one, other in zip(found, by_formula(*arrays, relu), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-4)


def of_moments(x, gamma, beta):
    result, mean, variance = normed(x, gamma, beta, True)
    return K.sum(K.square(result)) + K.sum(mean * beta) + K.sum(K.square(variance))


def of_gradients(x, gamma, beta):
    result, mean, _ = normed(x, gamma, beta, True)
    gradients = K.gradients(K.sum(K.square(result)) + K.sum(mean), [x, gamma, beta])
    return sum(K.sum(K.square(g)) for g in gradients)


def read_twice(x, gamma, beta):
    result = normed(x, gamma, beta, False)[0]
    return K.sum(K.relu(result) * K.sigmoid(result))


@pytest.mark.parametrize("total", [of_moments, of_gradients, read_twice])
def test_what_else_is_asked_of_it(native, monkeypatch, total):
    arrays = drawn((8, 5, 6, 16), (16,), (16,))
    inputs = [K.placeholder(a.shape) for a in arrays]
    value = total(*inputs)
    ours = K.function(inputs, [value, *K.gradients(value, inputs)])(arrays)
    assert native.calls
    monkeypatch.setattr(native, "_WORTH", 10**9)
    by_xla = K.function(inputs, [value, *K.gradients(value, inputs)])(arrays)
    for one, other in zip(ours, by_xla, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4 * np.abs(other).max())


def test_what_is_no_number_is_seen_behind_the_relu(native):
    x, gamma, beta = drawn((8, 5, 6, 16), (16,), (16,))
    x[3, 1, 2, 4] = np.nan
    inputs = [K.placeholder(a.shape) for a in (x, gamma, beta)]
    (found,) = K.function(inputs, [normed(*inputs, True)[0]])([x, gamma, beta])
    assert native.calls == [("normalization", True)]
    assert np.isnan(found[..., 4]).all() and np.isfinite(np.delete(found, 4, -1)).all()


def test_the_bias_of_the_layer_before_it(native, monkeypatch):
    """It moves the mean, and nothing else; its gradient is 0."""
    x, y = drawn((16, 6, 6, 3), (16, 4))

    def trained():
        np.random.seed(0)
        model = Sequential([
            Conv2D(4, 3, bias_initializer="ones", input_shape=(6, 6, 3)), BatchNormalization(momentum=0.9), ReLU(),
            Conv2D(4, 4, use_bias=False), BatchNormalization(momentum=0.9), Flatten(),
        ])  # fmt: skip
        model.compile("sgd", "mse")
        losses = [model.train_on_batch(x, y) for _ in range(3)]
        return [np.array(losses), *model.get_weights(), model.predict(x)]

    ours = trained()
    assert [relu for _, relu in native.calls] == [True, False, False, True]
    monkeypatch.setattr(native, "training", lambda *args: None)
    monkeypatch.setattr("keras.runtimes.jax.training_fusions.training", lambda *args: None)
    for one, other in zip(ours, trained(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(ours[2], 1)


@pytest.fixture
def native_convolution(monkeypatch):
    """oneDNN for convolutions of any size; `native_convolution.calls` counts those with a bias."""
    from keras.runtimes.jax import native_convolution

    monkeypatch.setattr(native_convolution, "_WORTH", 0)
    monkeypatch.setattr(native_convolution, "calls", 0, raising=False)
    biased = native_convolution.conv_biased

    def counted(*args):
        native_convolution.calls += 1
        return biased(*args)

    monkeypatch.setattr(native_convolution, "conv_biased", counted)
    return native_convolution


def second_order(x, kernel, bias):
    result = K.relu(K.bias_add(K.conv2d(x, kernel), bias))
    gradients = K.gradients(K.sum(K.square(result)), [kernel, bias])
    return sum(K.sum(K.square(g)) for g in gradients)


def zero_nearly_everywhere(x, kernel, bias):
    """So are the gradients of such a maximum."""
    return K.sum(K.square(K.max(K.bias_add(K.conv2d(x, kernel), bias), axis=(1, 2))))


@pytest.mark.parametrize("total", [second_order, zero_nearly_everywhere])
def test_the_gradient_of_a_bias(native_convolution, monkeypatch, total):
    arrays = drawn((8, 20, 20, 4), (3, 3, 4, 6), (6,))
    inputs = [K.placeholder(a.shape) for a in arrays[:1]] + [K.variable(a) for a in arrays[1:]]
    value = total(*inputs)
    ours = K.function(inputs[:1], [value, *K.gradients(value, inputs)])(arrays[:1])
    assert native_convolution.calls
    monkeypatch.setattr(native_convolution, "_SAMPLES", 10**9)
    by_xla = K.function(inputs[:1], [value, *K.gradients(value, inputs)])(arrays[:1])
    for one, other in zip(ours, by_xla, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-4 * np.abs(other).max())
