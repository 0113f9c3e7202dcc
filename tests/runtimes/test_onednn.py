"""Convolutions by oneDNN give what XLA's give."""

import os
import subprocess
import sys

import numpy as np
import pytest
from onednn_cases import OF_JAX, WHERE_IT_IS, drawn

from keras import backend as K

pytestmark = [OF_JAX, WHERE_IT_IS]

# (image, kernel, strides, padding, dilation)
CASES = [
    ((8, 12, 3), (3, 3, 4), (1,), "same", (1,)),
    ((8, 30, 4), (5, 4, 6), (1,), "valid", (2,)),
    ((9, 9, 8, 1), (3, 3, 1, 5), (1, 1), "valid", (1, 1)),
    ((8, 9, 7, 3), (3, 2, 3, 5), (2, 1), "same", (1, 1)),
    ((8, 14, 14, 8), (1, 1, 8, 16), (2, 2), "valid", (1, 1)),
    ((8, 9, 10, 3), (3, 3, 3, 4), (1, 1), "same", (2, 3)),
    ((8, 5, 6, 5, 2), (2, 3, 2, 2, 4), (1, 2, 1), "same", (1, 1, 1)),
]


@pytest.fixture
def native(monkeypatch):
    """oneDNN for convolutions of any size."""
    from keras.runtimes.jax import native_convolution

    monkeypatch.setattr(native_convolution, "_SAMPLES", 0)
    monkeypatch.setattr(native_convolution, "_WORTH", 0)
    monkeypatch.setattr(native_convolution, "_WORTH_DEPTHWISE", 0)
    return native_convolution


def program(function, shapes):
    """A function of K with inputs of these shapes."""
    inputs = [K.placeholder(shape) for shape in shapes]
    return K.function(inputs, function(*inputs))


def both(native, monkeypatch, function, arrays):
    """Results by oneDNN, seen to be called, and by XLA."""
    called = []
    call = native.native.call
    with monkeypatch.context() as patch:
        patch.setattr(native.native, "call", lambda name, *rest: called.append(name.split("(")[0]) or call(name, *rest))
        ours = program(function, [a.shape for a in arrays])(arrays)
    with monkeypatch.context() as patch:
        patch.setattr(native, "_SAMPLES", 10**9)
        theirs = program(function, [a.shape for a in arrays])(arrays)
    return called, ours, theirs


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * np.abs(b).max())


@pytest.mark.parametrize("image, kernel, strides, padding, dilation", CASES)
def test_convolutions_and_their_gradients(native, monkeypatch, image, kernel, strides, padding, dilation):
    def function(x, k):
        y = convolve(x, k)
        weights = K.constant(np.cos(np.arange(int(np.prod(K.int_shape(y)[1:])))).reshape(1, *K.int_shape(y)[1:]))
        return [y, *K.gradients(K.sum(K.square(y) * weights), [x, k])]

    def convolve(x, k):
        how = {"padding": padding, "data_format": "channels_last"}
        if len(strides) == 1:
            return K.conv1d(x, k, strides=strides[0], dilation_rate=dilation[0], **how)
        return (K.conv2d if len(strides) == 2 else K.conv3d)(x, k, strides=strides, dilation_rate=dilation, **how)

    called, ours, theirs = both(native, monkeypatch, function, drawn(image, kernel))
    assert sorted(called) == ["convolution", "image_gradient", "kernel_gradient"]
    close(ours, theirs)


@pytest.mark.parametrize(
    "image, kernel, strides, padding, dilation",
    [
        ((8, 9, 7, 5), (3, 3, 5, 1), (1, 1), "same", (1, 1)),
        ((8, 12, 9, 16), (3, 2, 16, 1), (2, 2), "valid", (1, 1)),
        ((8, 9, 9, 3), (3, 3, 3, 1), (1, 1), "same", (2, 2)),
        ((8, 20, 6), (3, 6, 1), 1, "same", 1),
    ],
)
def test_depthwise_convolutions_and_their_gradients(native, monkeypatch, image, kernel, strides, padding, dilation):
    def function(x, k):
        how = {"strides": strides, "padding": padding, "dilation_rate": dilation, "data_format": "channels_last"}
        if len(image) == 4:
            y = K.depthwise_conv2d(x, k, **how)
        else:
            y = K.separable_conv1d(x, k, K.constant(np.eye(image[-1])[None]), **how)
        gradients = K.gradients(K.sum(y * K.sin(y)), [x, k])
        return [y, *gradients, *K.gradients(sum(K.sum(K.square(g)) for g in gradients), [x, k])]

    called, ours, theirs = both(native, monkeypatch, function, drawn(image, kernel))
    assert {"convolution", "image_gradient", "kernel_gradient"} <= set(called)
    close(ours, theirs)


def test_depthwise_convolutions_of_several_filters_a_channel_are_left_to_xla(native, monkeypatch):
    def function(x, k):
        return [K.depthwise_conv2d(x, k)]

    called, ours, theirs = both(native, monkeypatch, function, drawn((8, 5, 5, 3), (3, 3, 3, 2)))
    assert called == []
    close(ours, theirs)


def test_what_onednn_refuses_of_a_depthwise_convolution_is_done_without(native, monkeypatch):
    refused = native.native.operation

    def operation(recipe, case):
        return None if recipe is native.onednn.kernel_gradient else refused(recipe, case)

    def function(x, k):
        y = K.depthwise_conv2d(x, k, strides=(2, 2), padding="same")
        return [y, *K.gradients(K.sum(K.square(y)), [x, k])]

    monkeypatch.setattr(native.native, "operation", operation)
    called, ours, theirs = both(native, monkeypatch, function, drawn((8, 9, 7, 5), (3, 3, 5, 1)))
    assert sorted(called) == ["convolution", "image_gradient"]
    close(ours, theirs)


def test_gradients_of_gradients_are_convolutions_too(native, monkeypatch):
    def function(x, k):
        dx, dk = K.gradients(K.sum(K.square(K.conv2d(x, k, padding="same"))), [x, k])
        return K.gradients(K.sum(K.square(dx)) + K.sum(K.square(dk)), [x, k])

    called, ours, theirs = both(native, monkeypatch, function, drawn((3, 6, 6, 2), (3, 3, 2, 4)))
    assert set(called) == {"convolution", "image_gradient", "kernel_gradient"}
    close(ours, theirs)


def test_transposed_convolutions(native, monkeypatch):
    def function(x, k):
        y = K.conv2d_transpose(x, k, (4, 11, 11, 3), strides=(2, 2), padding="same")
        return [y, *K.gradients(K.sum(K.square(y)), [x, k])]

    called, ours, theirs = both(native, monkeypatch, function, drawn((4, 6, 6, 5), (3, 3, 3, 5)))
    assert "image_gradient" in called
    close(ours, theirs)


def test_channels_first(native, monkeypatch):
    def function(x, k):
        return [K.conv2d(x, k, data_format="channels_first")]

    called, ours, theirs = both(native, monkeypatch, function, drawn((2, 3, 8, 9), (3, 3, 3, 4)))
    assert called == ["convolution"]
    close(ours, theirs)


def test_other_types_and_empty_results_are_left_to_xla(native, monkeypatch):
    for dtype in ("float64", "float16"):
        x, k = K.placeholder((2, 5, 5, 1), dtype=dtype), K.placeholder((2, 2, 1, 1), dtype=dtype)
        (y,) = K.function([x, k], [K.conv2d(x, k)])([np.ones((2, 5, 5, 1)), np.ones((2, 2, 1, 1))])
        assert y.dtype == dtype and (y == 4).all()


def test_small_convolutions_are_left_to_xla(monkeypatch):
    from keras.runtimes.jax import native_convolution

    monkeypatch.setattr(native_convolution.native, "call", None)
    x, k = drawn((2, 5, 5, 1), (2, 2, 1, 1))
    assert program(lambda x, k: [K.conv2d(x, k)], [x.shape, k.shape])([x, k])[0].shape == (2, 4, 4, 1)


def test_functions_in_several_threads(native):
    from concurrent.futures import ThreadPoolExecutor

    function = program(lambda x, k: [K.conv2d(x, k, padding="same")], [(None, 8, 8, 3), (3, 3, 3, 4)])
    xs = drawn(*[(4, 8, 8, 3)] * 8)
    (k,) = drawn((3, 3, 3, 4))
    expected = [function([x, k])[0] for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for result, wanted in zip(pool.map(lambda x: function([x, k])[0], xs), expected, strict=True):
                np.testing.assert_array_equal(result, wanted)


def test_what_fails_inside_is_an_error_of_the_program(native):
    function = program(lambda x, k: [K.conv2d(x, k)], [(2, 9, 9, 2), (2, 2, 2, 3)])
    arrays = drawn((2, 9, 9, 2), (2, 2, 2, 3))
    function(arrays)
    kept = dict(native.native._operations)
    native.native._operations.clear()
    try:
        with pytest.raises(Exception, match="oneDNN: KeyError"):
            function(arrays)
    finally:
        native.native._operations.update(kept)
    function(arrays)


@pytest.mark.parametrize("value, says", [("0", "None"), ("/nowhere/libdnnl.so", "OSError")])
def test_the_switch(value, says):
    program = (
        "from keras.runtimes.onednn.library import library\n"
        "try: print(library())\n"
        "except OSError as error: print('OSError', error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "KERAS_ONEDNN": value}, capture_output=True, text=True
    )
    assert done.stdout.startswith(says), done
