"""A convolution's gradients where that of its result is zero nearly everywhere are what XLA's are."""


import numpy as np
import pytest
from onednn_cases import OF_JAX, WHERE_IT_IS, drawn

from keras import backend as K

pytestmark = [OF_JAX, WHERE_IT_IS]


@pytest.fixture
def compared(monkeypatch):
    """Gradients by oneDNN's handler and by XLA are equal; returns for each call whether it went by the places."""
    from keras.runtimes.jax import native_convolution
    from keras.runtimes.onednn import sparse

    monkeypatch.setattr(native_convolution, "_WORTH", 0)
    matrix, seen = sparse._matrix, []

    def spied(case, gradient):
        found = matrix(case, gradient)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(sparse, "_matrix", spied)

    def check(function, arrays):
        def results():
            inputs = [K.placeholder(array.shape) for array in arrays]
            return K.function(inputs, function(*inputs))(arrays)

        ours = results()
        called = list(seen)
        monkeypatch.setattr(native_convolution, "_SAMPLES", 10**9)
        for a, b in zip(ours, results(), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max())
        assert seen == called
        return called

    return check


@pytest.mark.parametrize(
    "image, kernel, strides, padding, dilation",
    [
        ((8, 90, 12), (3, 12, 8), 1, "valid", 1),
        ((9, 200, 8), (5, 8, 6), 2, "same", 1),
        ((8, 80, 12), (3, 12, 4), 1, "same", 3),
        ((8, 12, 11, 5), (3, 3, 5, 7), (1, 1), "same", (1, 1)),
        ((8, 21, 24, 8), (3, 2, 8, 4), (2, 2), "valid", (1, 1)),
        ((8, 6, 5, 6, 3), (3, 2, 2, 3, 4), (1, 1, 1), "same", (1, 1, 1)),
    ],
)
def test_gradients_through_the_largest_of_all_places(compared, image, kernel, strides, padding, dilation):
    convolve = {3: K.conv1d, 4: K.conv2d, 5: K.conv3d}[len(image)]

    def function(x, k):
        y = convolve(x, k, strides=strides, padding=padding, data_format="channels_last", dilation_rate=dilation)
        top = K.max(K.relu(y), axis=list(range(1, len(image) - 1)))
        return K.gradients(K.sum(K.square(top)), [x, k])

    assert compared(function, drawn(image, kernel)) == [True, True]


def pooled(x, k):
    return K.gradients(K.sum(K.square(K.max(K.relu(K.conv1d(x, k)), axis=1))), [x, k])


def test_equal_windows_share_the_gradient(compared):
    x, k = drawn((8, 200, 12), (3, 12, 8))
    x[:, 150:170] = x[:, 149:150]
    assert compared(pooled, [x, k]) == [True, True]


def test_a_gradient_of_zeros_alone(compared):
    x, k = drawn((8, 90, 12), (3, 12, 8))
    assert compared(pooled, [np.abs(x), -np.abs(k)]) == [True, True]


def test_one_sample_that_is_sparse_does_not_make_the_others_so(compared):
    x, k = drawn((8, 90, 12), (3, 12, 8))
    x[0] = 0
    assert compared(lambda x, k: K.gradients(K.sum(K.square(K.conv1d(x, k))), [x, k]), [x, k]) == [False, False]


def test_gradients_of_gradients(compared):
    def function(x, k):
        return K.gradients(sum(K.sum(K.square(g)) for g in pooled(x, k)), [x, k])

    assert any(compared(function, drawn((8, 90, 12), (3, 12, 8))))
