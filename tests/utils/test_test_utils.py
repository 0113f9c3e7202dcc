"""What users' own tests of layers are made with."""

import numpy as np
import pytest

from keras import backend as K
from keras import layers
from keras.utils.test_utils import get_test_data, layer_test


def test_classes():
    np.random.seed(0)
    (x, y), (x_test, y_test) = get_test_data(60, 20, input_shape=(3, 2), num_classes=4)
    assert x.shape == (60, 3, 2) and y.shape == (60,) and x_test.shape == (20, 3, 2) and len(y_test) == 20
    assert set(y) <= {0, 1, 2, 3}
    assert abs(np.corrcoef(x.mean((1, 2)), y)[0, 1]) > 0.9


def test_regression():
    np.random.seed(0)
    (x, y), (_, y_test) = get_test_data(50, 5, (4,), (3,), classification=False)
    assert x.shape == (50, 4) and y.shape == (50, 3) and y_test.shape == (5, 3)


class Doubling(layers.Layer):
    def call(self, x):
        return x * 2.0

    def compute_output_shape(self, input_shape):
        return input_shape


class WrongShape(Doubling):
    def compute_output_shape(self, input_shape):
        return (*input_shape, 1)


def test_a_right_layer_passes():
    x = np.ones((2, 3), "float32")
    np.testing.assert_array_equal(layer_test(Doubling, input_data=x, expected_output=2 * x), 2 * x)
    layer_test(layers.Dense, {"units": 3}, input_shape=(3, None, 2))
    layer_test(layers.Embedding, {"input_dim": 10, "output_dim": 2}, (2, 3), "int32", expected_output_dtype="float32")
    layer_test(layers.LSTM, {"units": 2, "stateful": True}, input_shape=(2, 3, 2), fixed_batch_size=True)


def test_a_wrong_layer_fails():
    with pytest.raises(AssertionError, match="compute_output_shape"):
        layer_test(WrongShape, input_shape=(2, 3))
    with pytest.raises(AssertionError):
        layer_test(Doubling, input_data=np.ones((2, 3)), expected_output=np.ones((2, 3)))
    with pytest.raises(AssertionError, match="dtype"):
        layer_test(Doubling, input_shape=(2, 3), expected_output_dtype="int32")
    with pytest.raises(ValueError, match="input_shape"):
        layer_test(Doubling)
    assert K.floatx() == "float32"
