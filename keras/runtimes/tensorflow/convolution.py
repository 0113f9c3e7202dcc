"""Convolution and pooling in TensorFlow, channels last inside: its CPU kernels know no other order."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from ...graph.ops.products import resolve_pads, same_pads

Array = Any


def _last(x: Array, channels_last: bool) -> Array:
    """Channels last, and a height of 1 where there is one spatial axis only."""
    if not channels_last:
        x = tf.transpose(x, [0, *range(2, len(x.shape)), 1])
    return tf.expand_dims(x, 1) if len(x.shape) == 3 else x  # not x[:, None], whose gradient is a copy


def _back(x: Array, rank: int, channels_last: bool) -> Array:
    if rank == 1:
        x = tf.squeeze(x, [1])
    return x if channels_last else tf.transpose(x, [0, len(x.shape) - 1, *range(1, len(x.shape) - 1)])


def _lifted(values: Any, fill: Any) -> list[Any]:
    """Values of one axis as those of two."""
    return [fill, *values] if len(values) == 1 else list(values)


def _promoted(x: Array, kernel: Array) -> tuple[Array, Array]:
    x, kernel = tf.convert_to_tensor(x), tf.convert_to_tensor(kernel)
    dtype = x.dtype if x.dtype.size >= kernel.dtype.size else kernel.dtype
    return tf.cast(x, dtype), tf.cast(kernel, dtype)


def conv(
    x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool, groups: int = 1
) -> Array:
    """Cross-correlation; see `keras.graph.ops.products.conv`."""
    x, kernel = _promoted(x, kernel)
    rank = len(x.shape) - 2
    x = _last(x, channels_last)
    kernel = tf.expand_dims(kernel, 0) if rank == 1 else kernel
    strides, dilation = _lifted(strides, 1), _lifted(dilation, 1)
    padding = padding if isinstance(padding, str) else _lifted(padding, (0, 0))
    if max(dilation) > 1 and max(strides) == 1 and None not in x.shape[1:-1]:
        pads = resolve_pads(padding, x.shape[1:-1], kernel.shape[:-2], strides, dilation)
        return _back(_dilated(x, kernel, pads, dilation, groups), rank, channels_last)
    if not isinstance(padding, str):
        x = tf.pad(x, [(0, 0), *padding, (0, 0)])
        padding = "valid"
    return _back(_plain(x, _spread(kernel, dilation), strides, padding, groups), rank, channels_last)


def _plain(x: Array, kernel: Array, strides: Any, padding: str, groups: int) -> Array:
    window = kernel.shape[:-2]
    if groups == 1:
        return tf.nn.convolution(x, kernel, strides, padding.upper())
    if groups == x.shape[-1] and len(window) == 2 and len(set(strides)) == 1:
        each = tf.reshape(kernel, [kernel.shape[0], kernel.shape[1], groups, kernel.shape[-1] // groups])
        return tf.nn.depthwise_conv2d(x, each, [1, *strides, 1], padding.upper())
    parts = zip(tf.split(x, groups, -1), tf.split(kernel, groups, -1), strict=True)
    return tf.concat([tf.nn.convolution(a, b, strides, padding.upper()) for a, b in parts], -1)


# On CPU there are no gradients of dilated convolutions.


def _dilated(x: Array, kernel: Array, pads: Any, dilation: list[int], groups: int) -> Array:
    """Without strides: as images of each d-th place. Of a kernel with zeros between, 3 x 3 of 64 to 64 channels at
    d = 4, a training step took four times as long (8 images of 32 x 32)."""
    spare = [-(before + n + after) % d for n, (before, after), d in zip(x.shape[1:-1], pads, dilation, strict=True)]
    around = [[before, after + rest] for (before, after), rest in zip(pads, spare, strict=True)]
    y = _plain(tf.space_to_batch(x, dilation, around), kernel, [1] * len(dilation), "valid", groups)
    return tf.batch_to_space(y, dilation, [[0, rest] for rest in spare])


def _spread(kernel: Array, dilation: list[int]) -> Array:
    """A dilated kernel written out with zeros."""
    for axis, step in enumerate(dilation):
        if step > 1:
            size = kernel.shape[axis]
            places = (np.arange((size - 1) * step + 1)[:, None] == np.arange(size) * step).astype(np.float32)
            kernel = tf.tensordot(tf.constant(places, kernel.dtype), kernel, ([1], [axis]))
            kernel = tf.transpose(kernel, [*range(1, axis + 1), 0, *range(axis + 1, len(kernel.shape))])
    return kernel


def conv_transpose(
    x: Array, kernel: Array, size: Any, strides: Any, padding: str, dilation: Any, channels_last: bool
) -> Array:
    """The gradient of `conv` by its input."""
    x, kernel = _promoted(x, kernel)
    rank = len(x.shape) - 2
    x = _last(x, channels_last)
    kernel = _spread(tf.expand_dims(kernel, 0) if rank == 1 else kernel, _lifted(dilation, 1))
    wanted = _lifted(_numbers(size), 1)
    strides = _lifted(strides, 1)
    window = kernel.shape[:-2]
    spread = tf.nn.conv2d_transpose if len(window) == 2 else tf.nn.conv3d_transpose

    def of_sizes(sizes: list[int], pads: str) -> Array:
        shape = [tf.shape(x)[0] if x.shape[0] is None else x.shape[0], *sizes, kernel.shape[-2]]
        return spread(x, kernel, shape, [1, *strides, 1], pads)

    if list(x.shape[1:-1]) == [_places(*axis, padding) for axis in zip(wanted, window, strides, strict=True)]:
        return _back(of_sizes(wanted, padding.upper()), rank, channels_last)
    # TensorFlow asks that the gradient's size fit exactly: what is asked beyond it is zeros.
    made = [(n - 1) * s + w for n, s, w in zip(x.shape[1:-1], strides, window, strict=True)]
    y = of_sizes(made, "VALID")
    before = [
        0 if padding == "valid" else same_pads(full, w, s)[0]
        for full, w, s in zip(wanted, window, strides, strict=True)
    ]
    after = [max(full + b - m, 0) for full, b, m in zip(wanted, before, made, strict=True)]
    if any(after):
        y = tf.pad(y, [(0, 0), *((0, n) for n in after), (0, 0)])
    y = y[(slice(None), *(slice(b, b + full) for b, full in zip(before, wanted, strict=True)))]
    return _back(y, rank, channels_last)


def _places(size: int, window: int, stride: int, padding: str) -> int:
    """How many a convolution makes of so many."""
    return -(-(size if padding == "same" else size - window + 1) // stride)


def _numbers(size: Any) -> list[int]:
    """The sizes asked for; computed from other shapes, they are a tensor where the batch size is free."""
    found = tf.get_static_value(size, partial=True) if tf.is_tensor(size) else size
    if found is None or any(s is None for s in found):
        raise ValueError("A transposed convolution needs to know the height and width of its input.")
    return [int(s) for s in found]


def pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    """Maximum or mean of windows."""
    x = tf.convert_to_tensor(x)
    rank = len(x.shape) - 2
    x = _last(x, channels_last)
    window, strides = _lifted(window, 1), _lifted(strides, 1)
    if len(window) == 2:
        y = _pool_images(x, window, strides, padding, mode)
    else:  # TensorFlow's own for volumes knows no float64: over images, then over their stack
        _, depth, height, width, channels = x.shape
        y = _pool_images(tf.reshape(x, [-1, height, width, channels]), window[1:], strides[1:], padding, mode)
        height, width = y.shape[1:3]
        y = tf.reshape(y, [-1, depth, height * width, channels])
        y = _pool_images(y, [window[0], 1], [strides[0], 1], padding, mode)
        y = tf.reshape(y, [-1, y.shape[1], height, width, channels])
    return _back(y, rank, channels_last)


def _pool_images(x: Array, window: Any, strides: Any, padding: str, mode: str) -> Array:
    pooling = tf.nn.max_pool2d if mode == "max" else tf.nn.avg_pool2d
    return pooling(x, window, strides, padding.upper())
