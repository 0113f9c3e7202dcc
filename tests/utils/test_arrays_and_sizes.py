"""Helpers on arrays (np_utils) and on the sizes of convolutions (conv_utils)."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Conv1D, Conv2DTranspose, Input
from keras.models import Sequential
from keras.utils import normalize, to_categorical
from keras.utils.conv_utils import (
    conv_input_length, conv_output_length, convert_kernel, deconv_length, normalize_padding, normalize_tuple,
)  # fmt: skip


@pytest.mark.parametrize("shape", [(), (1,), (3,), (4, 3), (5, 4, 3), (3, 1), (3, 2, 1)])
def test_to_categorical(shape):
    y = np.random.RandomState(0).randint(0, 5, shape)
    found = to_categorical(y, 5)
    wanted = shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape
    assert found.shape == (*wanted, 5) and found.dtype == "float32"
    np.testing.assert_array_equal(found.argmax(-1), y.reshape(wanted))
    np.testing.assert_array_equal(found.sum(-1), np.ones(wanted))


def test_to_categorical_counts_the_classes():
    np.testing.assert_array_equal(to_categorical([0, 2], dtype="int32"), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(to_categorical([-1, 0], 3), [[0, 0, 1], [1, 0, 0]])
    np.testing.assert_array_equal(to_categorical(["1", "0"]), [[0, 1], [1, 0]])
    for y, classes in (([3], 3), ([-1, 1], None), ([-4], 3)):
        with pytest.raises(ValueError, match=r"classes must be 0 \.\.\."):
            to_categorical(y, classes)


@pytest.mark.parametrize(("axis", "order"), [(-1, 2), (0, 2), (1, 1), (-1, np.inf)])
def test_normalize(axis, order):
    x = np.random.RandomState(0).standard_normal((3, 4))
    x[:, 0] = x[0] = 0
    found = normalize(x, axis, order)
    norms = np.linalg.norm(found, order, axis)
    np.testing.assert_allclose(norms, np.where(np.linalg.norm(x, order, axis) > 0, 1, 0), atol=1e-12)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [(3, (3, 3)), ((1, 2), (1, 2)), ([1, 2], (1, 2)), (np.int64(4), (4, 4)), (np.array([1, 2]), (1, 2))],
)
def test_normalize_tuple(value, wanted):
    found = normalize_tuple(value, 2, "strides")
    assert found == wanted and all(type(v) is int for v in found)


@pytest.mark.parametrize("value", [(1, 2, 3), None, "ab", (1, None), True, 2.5])
def test_what_is_no_tuple(value):
    with pytest.raises(ValueError, match="strides.*2 integers"):
        normalize_tuple(value, 2, "strides")


def test_normalize_padding():
    assert [normalize_padding(p) for p in ("SAME", "valid", "Causal")] == ["same", "valid", "causal"]
    for wrong in ("full", "sane", None, 1):
        with pytest.raises(ValueError, match="padding.*valid"):
            normalize_padding(wrong)


@pytest.mark.parametrize("padding", ["same", "valid", "causal"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 1)])
def test_lengths_are_those_of_the_layer(padding, stride, dilation):
    for length in (7, 8):
        layer = Conv1D(1, 3, strides=stride, dilation_rate=dilation, padding=padding)
        real = K.int_shape(layer(Input((length, 2))))[1]
        assert conv_output_length(length, 3, padding, stride, dilation) == real
    assert conv_output_length(None, 3, padding, stride, dilation) is None


def test_lengths_there_and_back():
    assert conv_output_length(4, 3, "full", 1) == 6 and conv_input_length(6, 3, "full", 1) == 4
    assert conv_output_length(9, 3, "valid", 2) == 4 and conv_input_length(4, 3, "valid", 2) == 9
    assert conv_input_length(4, 3, "same", 2) == 7 and conv_input_length(None, 3, "same", 2) is None


@pytest.mark.parametrize(
    ("length", "arguments"),
    [(conv_output_length, (5, 3, "half", 2)), (conv_input_length, (5, 3, "half", 2)),
     (deconv_length, (5, 2, 3, "half", None)), (deconv_length, (5, 2, 3, "half", 1))],
)  # fmt: skip
def test_paddings_without_a_length(length, arguments):
    with pytest.raises(AssertionError, match="'valid'.*Received: 'half'"):
        length(*arguments)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize(
    ("stride", "extra", "dilation"), [(1, None, 1), (2, None, 1), (2, 1, 1), (3, 2, 1), (1, None, 2)]
)
def test_transposed_lengths_are_those_of_the_layer(padding, stride, extra, dilation):
    layer = Conv2DTranspose(1, 3, strides=stride, output_padding=extra, dilation_rate=dilation, padding=padding)
    model = Sequential([layer])
    model.build((None, 5, 5, 1))
    wanted = deconv_length(5, stride, 3, padding, extra, dilation)
    assert model.predict(np.ones((1, 5, 5, 1))).shape[1] == wanted
    assert deconv_length(None, stride, 3, padding, extra) is None
    assert deconv_length(4, 2, 3, "full", None) == 5


@pytest.mark.parametrize("window", [(3,), (3, 2), (2, 3, 2)])
def test_kernels_are_turned_round(window):
    kernel = np.random.RandomState(0).standard_normal((*window, 2, 4))
    turned = convert_kernel(kernel)
    np.testing.assert_array_equal(turned, np.flip(kernel, tuple(range(len(window)))))
    np.testing.assert_array_equal(convert_kernel(turned), kernel)
    with pytest.raises(ValueError, match="Invalid kernel shape"):
        convert_kernel(np.zeros((2, 4)))
