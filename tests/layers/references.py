"""The layers' arithmetic once more, in plain NumPy float64 with loops: slow and obvious."""

import itertools

import numpy as np


def to_last(x, data_format):
    """Channels-first data with the channels moved last."""
    return np.moveaxis(x, 1, -1) if data_format == "channels_first" else x


def from_last(x, data_format):
    return np.moveaxis(x, -1, 1) if data_format == "channels_first" else x


def same_padding(size, window, stride):
    """(before, after) of TensorFlow's 'same' padding: the odd cell goes to the end."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


def windows(x, size, strides, padding, dilation=None, fill=0.0):
    """Yields (position, window) over the spatial axes of x; window: (batch, *size, channels)."""
    rank = x.ndim - 2
    dilation = dilation or (1,) * rank
    reach = [(k - 1) * d + 1 for k, d in zip(size, dilation)]
    pads = {
        "valid": lambda i: (0, 0),
        "same": lambda i: same_padding(x.shape[i + 1], reach[i], strides[i]),
        "causal": lambda i: (reach[i] - 1, 0),
    }[padding]
    padded = np.pad(x, [(0, 0), *(pads(i) for i in range(rank)), (0, 0)], constant_values=fill)
    counts = [(padded.shape[i + 1] - reach[i]) // strides[i] + 1 for i in range(rank)]
    for position in itertools.product(*map(range, counts)):
        key = tuple(slice(p * s, p * s + r, d) for p, s, r, d in zip(position, strides, reach, dilation))
        yield position, padded[(slice(None), *key)]


def gather(pairs):
    """The array made of (position, values of (batch, channels)) pairs."""
    pairs = list(pairs)
    sizes = tuple(1 + max(position[i] for position, _ in pairs) for i in range(len(pairs[0][0])))
    batch, channels = pairs[0][1].shape
    out = np.zeros((batch, *sizes, channels))
    for position, value in pairs:
        out[(slice(None), *position)] = value
    return out


def tuples(value, rank):
    return (value,) * rank if isinstance(value, int) else tuple(value)


def conv(x, kernel, strides=1, padding="valid", dilation=1, data_format="channels_last"):
    rank = x.ndim - 2
    flat = kernel.reshape(-1, kernel.shape[-1])
    found = windows(
        to_last(x, data_format), kernel.shape[:rank], tuples(strides, rank), padding, tuples(dilation, rank)
    )
    out = gather((position, w.reshape(len(w), -1) @ flat) for position, w in found)
    return from_last(out, data_format)


def depthwise(x, kernel, strides=1, padding="valid", dilation=1, data_format="channels_last"):
    """kernel: (*window, channels, multiplier); output channel c * multiplier + m."""
    x = to_last(x, data_format)
    channels, multiplier = kernel.shape[-2:]
    parts = [
        conv(x[..., c : c + 1], kernel[..., c : c + 1, m : m + 1], strides, padding, dilation)
        for c in range(channels)
        for m in range(multiplier)
    ]
    return from_last(np.concatenate(parts, axis=-1), data_format)


def separable(x, depth_kernel, point_kernel, data_format="channels_last", **how):
    return conv(depthwise(x, depth_kernel, data_format=data_format, **how), point_kernel,
        data_format=data_format)


def conv_transpose(x, kernel, sizes, strides, padding, dilation=1, data_format="channels_last"):
    """Scatters each input cell through the kernel (*window, filters, channels) onto an output of `sizes`."""
    x = to_last(x, data_format)
    rank = x.ndim - 2
    strides, dilation = tuples(strides, rank), tuples(dilation, rank)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel.shape, dilation)]
    before = [
        same_padding(sizes[i], reach[i], strides[i])[0] if padding == "same" else 0 for i in range(rank)
    ]
    large = [max(sizes[i] + before[i], (x.shape[i + 1] - 1) * strides[i] + reach[i]) for i in range(rank)]
    out = np.zeros((len(x), *large, kernel.shape[-2]))
    for position in itertools.product(*map(range, x.shape[1:-1])):
        key = tuple(slice(p * s, p * s + r, d) for p, s, r, d in zip(position, strides, reach, dilation))
        out[(slice(None), *key)] += np.einsum("bc,...fc->b...f", x[(slice(None), *position)], kernel)
    crop = tuple(slice(b, b + size) for b, size in zip(before, sizes))
    return from_last(out[(slice(None), *crop)], data_format)


def pool(x, size, strides, padding, mode, data_format="channels_last"):
    x = to_last(x, data_format)
    rank = x.ndim - 2
    size = tuples(size, rank)
    strides = size if strides is None else tuples(strides, rank)
    # Padded cells are NaN, so that neither mode counts them.
    found = windows(x, size, strides, padding, fill=np.nan)
    axes = tuple(range(1, rank + 1))
    reduce = np.nanmax if mode == "max" else np.nanmean
    return from_last(gather((position, reduce(w, axis=axes)) for position, w in found), data_format)


def local(x, kernel, bias, size, strides, data_format="channels_last"):
    """Unshared convolution; in 'channels_first' a patch is flattened channels first, and the bias
    (*spatial, filters) reshaped, not transposed, to (filters, *spatial)."""
    x = to_last(x, data_format)
    rank = x.ndim - 2

    def patch(w):
        return from_last(w, data_format).reshape(len(w), -1)

    found = windows(x, tuples(size, rank), tuples(strides, rank), "valid")
    out = gather((position, patch(w) @ kernel[i]) for i, (position, w) in enumerate(found))
    if data_format == "channels_first":
        return from_last(out, data_format) + np.reshape(bias, np.shape(bias)[-1:] + np.shape(bias)[:-1])
    return out + bias


def bilinear(x, factors, centers=False):
    """Channels-last images enlarged; samples at corners (Keras 2) or at half-pixel centres (tf.keras)."""
    for axis, factor in zip((1, 2), factors):
        size = x.shape[axis]
        place = np.arange(size * factor) / factor
        if centers:
            place = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, None)
        low = np.minimum(np.floor(place).astype(int), size - 1)
        high = np.minimum(low + 1, size - 1)
        share = (place - low).reshape([-1 if i == axis else 1 for i in range(4)])
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return x


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))
