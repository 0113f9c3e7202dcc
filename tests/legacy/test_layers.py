"""Layers of Keras 1 that Keras 2 still has."""

import numpy as np
import pytest

from keras import layers
from keras.legacy.layers import ConvRecurrent2D, Highway, MaxoutDense
from keras.models import Sequential

X = np.random.RandomState(0).standard_normal((3, 4)).astype("float32")


def made(cls, *args, **kwargs):
    with pytest.warns(UserWarning, match="deprecated"):
        return cls(*args, **kwargs)


def test_highway():
    layer = made(Highway, activation="tanh", input_dim=4)
    model = Sequential([layer])
    w, carry, b, b_carry = layer.get_weights()
    np.testing.assert_array_equal(b_carry, np.ones(4))
    gate = 1 / (1 + np.exp(-(X @ carry + b_carry)))
    wanted = gate * np.tanh(X @ w + b) + (1 - gate) * X
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-5, atol=1e-6)


def test_maxout():
    layer = made(MaxoutDense, 2, nb_feature=3, input_dim=4)
    model = Sequential([layer])
    w, b = layer.get_weights()
    wanted = (np.einsum("bi,kio->bko", X, w) + b).max(1)
    np.testing.assert_allclose(model.predict(X), wanted, rtol=1e-5, atol=1e-6)
    assert layer.count_params() == 3 * 4 * 2 + 3 * 2


@pytest.mark.parametrize(
    ("cls", "arguments"), [(Highway, {"W_regularizer": "l2"}), (MaxoutDense, {"output_dim": 2, "bias": False})]
)
def test_configuration(cls, arguments):
    layer = made(cls, **arguments)
    with pytest.warns(UserWarning, match="deprecated"):
        assert cls.from_config(layer.get_config()).get_config() == layer.get_config()


@pytest.mark.parametrize(
    ("old", "args", "new", "rate"),
    [
        ("AtrousConvolution1D", (2, 3), "Conv1D", 2),
        ("AtrousConvolution2D", (2, 3, 3), "Conv2D", (2, 2)),
    ],
)
@pytest.mark.filterwarnings("ignore:Update your:UserWarning")
def test_atrous_convolutions_are_dilated_ones(old, args, new, rate):
    layer = made(getattr(layers, old), *args, atrous_rate=rate)
    assert type(layer).__name__ == new and layer.dilation_rate == tuple(np.ravel(rate))


def test_shapes_of_convolutional_recurrence():
    layer = ConvRecurrent2D(5, 3, strides=2, return_sequences=True, return_state=True)
    image = (2, 3, 4, 5)
    assert layer.compute_output_shape((2, 7, 8, 10, 3)) == [(2, 7, 3, 4, 5), image, image]
    assert layer.get_config()["kernel_size"] == (3, 3)
