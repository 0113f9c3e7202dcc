"""Arguments and sizes of convolutions."""

import numpy as np

from .. import backend as K

normalize_data_format = K.normalize_data_format


def normalize_tuple(value, n, name):
    """An int, or n of them, as a tuple of n ints.

    Raises:
        ValueError: for anything else, naming the argument.
    """
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return (int(value),) * n
    try:
        values = tuple(value)
        if len(values) == n:
            return tuple(int(v) for v in values)
    except (TypeError, ValueError):
        pass
    raise ValueError(f"The `{name}` argument must be an integer or a tuple of {n} integers. Received: {value!r}")


def normalize_padding(value):
    """A padding name in lower case.

    Raises:
        ValueError: for anything but 'valid', 'same', 'causal'.
    """
    padding = value.lower() if isinstance(value, str) else value
    if padding not in ("valid", "same", "causal"):
        raise ValueError(
            f"The `padding` argument must be one of \"valid\", \"same\" (or \"causal\" for Conv1D). Received: {value!r}"
        )
    return padding


def convert_kernel(kernel):
    """A convolution kernel turned round in all spatial axes: Theano's convention to TensorFlow's and back."""
    kernel = np.asarray(kernel)
    if not 3 <= kernel.ndim <= 5:
        raise ValueError(f"Invalid kernel shape: {kernel.shape}. Wanted 3 to 5 axes (*window, channels, filters).")
    flipped = (slice(None, None, -1),) * (kernel.ndim - 2)
    return np.copy(kernel[flipped])


def _by_padding(lengths, padding):
    if padding not in lengths:  # AssertionError, because Keras 2 asserts it
        raise AssertionError(f"`padding` must be one of {', '.join(map(repr, lengths))}. Received: {padding!r}")
    return lengths[padding]


def conv_output_length(input_length, filter_size, padding, stride, dilation=1):
    """How many places a window takes along an axis; None if the length is.

    Args:
        input_length: places of the axis.
        filter_size, stride, dilation: of the window.
        padding: 'valid', 'same', 'causal' or 'full'.

    Raises:
        AssertionError: for another padding.
    """
    if input_length is None:
        return None
    span = (filter_size - 1) * dilation + 1
    lengths = {
        "same": input_length,
        "causal": input_length,
        "valid": input_length - span + 1,
        "full": input_length + span - 1,
    }
    length = _by_padding(lengths, padding)
    return (length + stride - 1) // stride


def conv_input_length(output_length, filter_size, padding, stride):
    """The length that a convolution had before it; arguments as in `conv_output_length`, without 'causal'."""
    if output_length is None:
        return None
    pad = _by_padding({"same": filter_size // 2, "valid": 0, "full": filter_size - 1}, padding)
    return (output_length - 1) * stride - 2 * pad + filter_size


def deconv_length(dim_size, stride_size, kernel_size, padding, output_padding, dilation=1):
    """The length after a transposed convolution; None if the length before is.

    Args:
        dim_size: the length before.
        stride_size, kernel_size, dilation: of the window.
        padding: 'valid', 'same' or 'full'.
        output_padding: places added at one side; None: the usual length.

    Raises:
        AssertionError: for another padding.
    """
    if dim_size is None:
        return None
    span = (kernel_size - 1) * dilation + 1
    if output_padding is None:
        lengths = {
            "valid": dim_size * stride_size + max(span - stride_size, 0),
            "full": dim_size * stride_size - (stride_size + span - 2),
            "same": dim_size * stride_size,
        }
        return _by_padding(lengths, padding)
    pad = _by_padding({"same": span // 2, "valid": 0, "full": span - 1}, padding)
    return (dim_size - 1) * stride_size + span - 2 * pad + output_padding
