"""Who gets the gradient of equal maxima: in a block of max-pooling the first one, along axes all of them."""

import numpy as np
import pytest

from keras import backend as K

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


@pytest.mark.parametrize("sizes, window", [((7, 9), (2, 2)), ((7, 9), (3, 2)), ((20, 11), (10, 10))])
def test_the_first_of_equal_maxima_gets_the_gradient(sizes, window):
    x = np.random.default_rng(0).integers(0, 4, (2, *sizes, 3)).astype("float32")
    image = K.placeholder(x.shape)
    pooled = K.pool2d(image, window, window, padding="valid", data_format="channels_last", pool_mode="max")
    weights = np.random.default_rng(1).normal(size=K.int_shape(pooled)).astype("float32")
    (gradient,) = K.function([image], K.gradients(K.sum(pooled * K.constant(weights)), [image]))([x])
    wanted = np.zeros_like(x)
    for n, i, j, c in np.ndindex(weights.shape):
        block = x[n, i * window[0] : (i + 1) * window[0], j * window[1] : (j + 1) * window[1], c]
        a, b = np.unravel_index(block.argmax(), block.shape)
        wanted[n, i * window[0] + a, j * window[1] + b, c] = weights[n, i, j, c]
    np.testing.assert_array_equal(gradient, wanted)


@pytest.mark.parametrize("axis", [0, 1, -1, (0, 2), None])
@pytest.mark.parametrize("name", ["max", "min"])
def test_equal_ones_along_axes_share_the_gradient(name, axis, monkeypatch):
    from keras.runtimes.jax import extremes

    monkeypatch.setattr(extremes, "_LARGE", 1)
    x = np.random.default_rng(0).integers(0, 4, (4, 5, 6)).astype("float32")
    symbol = K.placeholder(x.shape)
    extreme = getattr(K, name)(symbol, axis=axis, keepdims=True)
    weights = np.random.default_rng(1).normal(size=K.int_shape(extreme)).astype("float32")
    (gradient,) = K.gradients(K.sum(extreme * K.constant(weights)), [symbol])
    (twice,) = K.gradients(K.sum(K.square(gradient)), [symbol])
    found, gradient, twice = K.function([symbol], [extreme, gradient, twice])([x])
    np.testing.assert_array_equal(found, getattr(np, name)(x, axis=axis, keepdims=True))
    chosen = x == found
    np.testing.assert_allclose(gradient, chosen * weights / chosen.sum(axis=axis, keepdims=True), rtol=1e-6)
    assert not twice.any()
