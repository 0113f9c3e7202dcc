"""Convolutions, pooling and resizing on K's conventions: data formats, 'same'/'valid'/'causal' padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import ops
from ..graph.ops import elementwise
from ..graph.ops.products import window_places
from ..graph.tensor import Tensor, as_tensor
from .config import normalize_data_format
from .shapes import concatenate, permute_dimensions, repeat_elements, reshape, stack, temporal_padding


def _several(value: Any, rank: int, name: str) -> tuple[int, ...]:
    values = (value,) * rank if isinstance(value, (int, np.integer)) else tuple(value)
    if len(values) != rank or any(int(v) <= 0 for v in values):
        raise ValueError(f"{name}: wanted a positive int or {rank} of them, got {value!r}.")
    return tuple(int(v) for v in values)


def _padding(padding: str, allowed: Sequence[str] = ("valid", "same")) -> str:
    name = padding.lower() if isinstance(padding, str) else padding
    if name not in allowed:
        raise ValueError(f"Invalid padding: {padding!r}. Wanted one of {', '.join(map(repr, allowed))}.")
    return name


def _ranked(name: str, x: Any, rank: int, data_format: Any) -> tuple[Tensor, bool]:
    """x, which must have `rank` spatial axes, and whether its channels are last."""
    x, channels_last = as_tensor(x), normalize_data_format(data_format) == "channels_last"
    if x.ndim != rank + 2:
        axes = "*spatial, channels" if channels_last else "channels, *spatial"
        raise ValueError(
            f"K.{name}: wanted an input of {rank + 2} dimensions (samples, {axes}), got shape {tuple(x.shape)}."
        )
    return x, channels_last


def _known_sizes(kernel: Tensor, name: str) -> tuple[int, ...]:
    sizes = tuple(d for d in kernel.shape if d is not None)
    if len(sizes) < kernel.ndim:
        raise ValueError(f"K.{name}: all sizes of the kernel must be known, got shape {tuple(kernel.shape)}.")
    return sizes


def _convolve(x: Any, kernel: Any, strides: Any, padding: str, data_format: Any, dilation: Any, rank: int) -> Tensor:
    x, channels_last = _ranked(f"conv{rank}d", x, rank, data_format)
    return ops.conv(
        x, as_tensor(kernel), strides=_several(strides, rank, "strides"), padding=_padding(padding),
        dilation=_several(dilation, rank, "dilation_rate"), channels_last=channels_last,
    )  # fmt: skip


def conv1d(
    x: Any, kernel: Any, strides: Any = 1, padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Tensor:  # fmt: skip
    """1D convolution: (samples, steps, channels) -> (samples, new steps, filters).

    Args:
        kernel: (window, channels, filters), in either data format.
        padding: 'valid'; 'same'; or 'causal', which pads at the beginning only: no step sees a later one.
        strides, data_format, dilation_rate: as in `conv2d`.
    """
    x, channels_last = _ranked("conv1d", x, 1, data_format)
    kernel = as_tensor(kernel)
    if _padding(padding, ("valid", "same", "causal")) == "causal":
        if not channels_last:
            raise ValueError("When using causal padding in K.conv1d, data_format must be 'channels_last'.")
        rate = _several(dilation_rate, 1, "dilation_rate")[0]
        x = temporal_padding(x, (rate * (int(kernel.shape[0] or 1) - 1), 0))
        padding = "valid"
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate, 1)


def conv2d(
    x: Any, kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Tensor:  # fmt: skip
    """2D convolution: (samples, rows, columns, channels) -> (samples, new rows, new columns, filters).

    Args:
        kernel: (rows, columns, channels, filters), in either data format.
        strides, dilation_rate: an int, or one for each spatial axis.
        padding: 'valid' (only whole windows) or 'same' (ceil(size / stride) places).
        data_format: 'channels_last', or 'channels_first' for (samples, channels, rows, columns); None:
            `K.image_data_format()`.

    Raises:
        ValueError: for an input of another rank, an unknown padding or format, or sizes that are not positive.
    """
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate, 2)


def conv3d(
    x: Any, kernel: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1, 1),
) -> Tensor:  # fmt: skip
    """3D convolution; `kernel` (depth, rows, columns, channels, filters). Arguments as in `conv2d`."""
    return _convolve(x, kernel, strides, padding, data_format, dilation_rate, 3)


def _transposed(
    x: Any, kernel: Any, output_shape: Any, strides: Any, padding: str, data_format: Any, dilation: Any, rank: int
) -> Tensor:
    name = f"conv{rank}d_transpose"
    x, channels_last = _ranked(name, x, rank, data_format)
    kernel, padding = as_tensor(kernel), _padding(padding)
    strides, dilation = _several(strides, rank, "strides"), _several(dilation, rank, "dilation_rate")
    sizes = list(output_shape) if not isinstance(output_shape, Tensor) else [output_shape[i] for i in range(rank + 2)]
    if len(sizes) != rank + 2 or kernel.ndim != rank + 2:
        raise ValueError(
            f"K.{name}: wanted an output_shape and a kernel of {rank + 2} dimensions, got {tuple(sizes)} and a kernel "
            f"of shape {tuple(kernel.shape)}."
        )
    spatial = ops.shape_vector(sizes[1 : 1 + rank] if channels_last else sizes[2 : 2 + rank])
    places = x.shape[1 : 1 + rank] if channels_last else x.shape[2 : 2 + rank]
    for axis, (size, given) in enumerate(zip(ops.static_dims(spatial) or (), places, strict=True)):
        window = kernel.shape[axis]
        known = size is not None and size >= 0 and window is not None
        wanted = window_places(size, window, strides[axis], padding, dilation[axis]) if known else None
        if None not in (wanted, given) and wanted != given:
            raise ValueError(
                f"K.{name}: an output of size {size} along spatial axis {axis} belongs to an input of size {wanted} "
                f"(strides {strides[axis]}, padding {padding!r}), got input shape {tuple(x.shape)}."
            )
    return ops.conv_transpose(
        x, kernel, spatial, strides=strides, padding=padding, dilation=dilation, channels_last=channels_last
    )


def conv2d_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = (1, 1),
) -> Tensor:  # fmt: skip
    """The transpose of `conv2d`, as its gradient computes it; often called deconvolution.

    Args:
        kernel: (rows, columns, filters, channels): the filters come first, as the output's channels.
        output_shape: of the result, batch and channels included; several sizes can give the same convolution.
        strides, padding, data_format, dilation_rate: those of the convolution, as in `conv2d`.

    Raises:
        ValueError: if a convolution of `output_shape` has not the shape of `x`.
    """
    return _transposed(x, kernel, output_shape, strides, padding, data_format, dilation_rate, 2)


def conv3d_transpose(
    x: Any, kernel: Any, output_shape: Any, strides: Any = (1, 1, 1), padding: str = "valid",
    data_format: str | None = None,
) -> Tensor:  # fmt: skip
    """The transpose of `conv3d`; `kernel` (depth, rows, columns, filters, channels). See `conv2d_transpose`."""
    return _transposed(x, kernel, output_shape, strides, padding, data_format, 1, 3)


def _depthwise(x: Any, kernel: Any, strides: Any, padding: str, data_format: Any, dilation: Any, rank: int) -> Tensor:
    """A convolution of each channel by itself; kernel (*window, channels, multiplier)."""
    name = f"depthwise_conv{rank}d" if rank > 1 else "separable_conv1d"
    x, channels_last = _ranked(name, x, rank, data_format)
    kernel = as_tensor(kernel)
    *window, channels, multiplier = _known_sizes(kernel, name)
    grouped = reshape(kernel, (*window, 1, channels * multiplier))
    return ops.conv(
        x, grouped, strides=_several(strides, rank, "strides"), padding=_padding(padding),
        dilation=_several(dilation, rank, "dilation_rate"), channels_last=channels_last, groups=channels,
    )  # fmt: skip


def depthwise_conv2d(
    x: Any, depthwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Tensor:  # fmt: skip
    """2D convolution of each channel by itself: channels * multiplier of them come out.

    Args:
        depthwise_kernel: (rows, columns, channels, multiplier).
        strides, padding, data_format, dilation_rate: as in `conv2d`.
    """
    return _depthwise(x, depthwise_kernel, strides, padding, data_format, dilation_rate, 2)


def separable_conv1d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = 1, padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = 1,
) -> Tensor:  # fmt: skip
    """As `separable_conv2d`, over steps.

    Args:
        depthwise_kernel: (window, channels, multiplier).
        pointwise_kernel: (1, channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: as in `conv1d`.
    """
    y = _depthwise(x, depthwise_kernel, strides, padding, data_format, dilation_rate, 1)
    return _convolve(y, pointwise_kernel, 1, "valid", data_format, 1, 1)


def separable_conv2d(
    x: Any, depthwise_kernel: Any, pointwise_kernel: Any, strides: Any = (1, 1), padding: str = "valid",
    data_format: str | None = None, dilation_rate: Any = (1, 1),
) -> Tensor:  # fmt: skip
    """A convolution of each channel by itself, then a mix of the channels at each place.

    Args:
        depthwise_kernel: (rows, columns, channels, multiplier).
        pointwise_kernel: (1, 1, channels * multiplier, filters).
        strides, padding, data_format, dilation_rate: of the first, as in `conv2d`.
    """
    y = _depthwise(x, depthwise_kernel, strides, padding, data_format, dilation_rate, 2)
    return _convolve(y, pointwise_kernel, 1, "valid", data_format, 1, 2)


def _pooled(x: Any, size: Any, strides: Any, padding: str, data_format: Any, mode: str, rank: int) -> Tensor:
    if mode not in ("max", "avg"):
        raise ValueError(f"Invalid pooling mode: {mode!r}. Wanted 'max' or 'avg'.")
    x, channels_last = _ranked(f"pool{rank}d", x, rank, data_format)
    return ops.pool(
        x, window=_several(size, rank, "pool_size"), strides=_several(strides, rank, "strides"),
        padding=_padding(padding), mode=mode, channels_last=channels_last,
    )  # fmt: skip


def pool2d(
    x: Any, pool_size: Any, strides: Any = (1, 1), padding: str = "valid", data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:  # fmt: skip
    """The maximum or the mean of 2D windows.

    Args:
        pool_size, strides: an int, or one for each spatial axis.
        padding, data_format: as in `conv2d`.
        pool_mode: 'max' or 'avg'; places that 'same' pads count in neither.
    """
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode, 2)


def pool3d(
    x: Any, pool_size: Any, strides: Any = (1, 1, 1), padding: str = "valid", data_format: str | None = None,
    pool_mode: str = "max",
) -> Tensor:  # fmt: skip
    """The maximum or the mean of 3D windows. Arguments as in `pool2d`."""
    return _pooled(x, pool_size, strides, padding, data_format, pool_mode, 3)


# Resizing.


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Tensor:
    """Images enlarged by whole factors.

    Args:
        height_factor, width_factor: ints: how many times as many rows and columns.
        data_format: 'channels_last' or 'channels_first'.
        interpolation: 'nearest' repeats elements; 'bilinear' samples at corners, as Keras 2 on TensorFlow 1 did.
    """
    x, channels_last = _ranked("resize_images", x, 2, data_format)
    rows = 1 if channels_last else 2
    if interpolation == "nearest":
        return repeat_elements(repeat_elements(x, height_factor, rows), width_factor, rows + 1)
    if interpolation != "bilinear":
        raise ValueError(f"K.resize_images: interpolation should be 'nearest' or 'bilinear', got {interpolation!r}.")
    return _interpolated(_interpolated(x, int(height_factor), rows), int(width_factor), rows + 1)


def resize_bilinear_centers(x: Any, height_factor: int, width_factor: int, data_format: str) -> Tensor:
    """Bilinear enlargement at half-pixel centres: the meaning files of tf.keras 2 have (beyond Keras 2)."""
    rows = 1 if normalize_data_format(data_format) == "channels_last" else 2
    x = _interpolated(as_tensor(x), int(height_factor), rows, centers=True)
    return _interpolated(x, int(width_factor), rows + 1, centers=True)


def _interpolated(x: Tensor, factor: int, axis: int, centers: bool = False) -> Tensor:
    """Linear interpolation along an axis: each new element between an old one and its neighbour."""
    size = x.shape[axis]
    if size is None:
        places = ops.arange(as_tensor(0), ops.shape(x)[axis] * factor, as_tensor(1), dtype="int32")
        last: Any = ops.shape(x)[axis] - 1
    else:
        places, last = as_tensor(np.arange(size * factor)), size - 1
    wide = "float64" if x.dtype == "float64" else "float32"  # 16 bits cannot tell places apart
    at = elementwise.cast(places, dtype=wide) / float(factor)
    if centers:
        at = elementwise.maximum((elementwise.cast(places, dtype=wide) + 0.5) / float(factor) - 0.5, 0.0)
    low = elementwise.cast(elementwise.floor(at), dtype="int32")
    high = elementwise.minimum(low + 1, last)
    share = elementwise.cast(at - elementwise.cast(low, dtype=wide), dtype=x.dtype)
    share = reshape(share, [-1 if a == axis else 1 for a in range(x.ndim)])
    below, above = ops.gather(x, low, axis=axis), ops.gather(x, elementwise.minimum(high, last), axis=axis)
    return below + (above - below) * share


def resize_volumes(x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str) -> Tensor:
    """Volumes enlarged by whole factors, repeating elements.

    Args:
        depth_factor, height_factor, width_factor: ints: how many times as many along each spatial axis.
        data_format: 'channels_last' or 'channels_first'.
    """
    x, channels_last = _ranked("resize_volumes", x, 3, data_format)
    first = 1 if channels_last else 2
    for axis, factor in enumerate((depth_factor, height_factor, width_factor), first):
        x = repeat_elements(x, factor, axis)
    return x


# Locally connected: a kernel of its own at every place.


def _unshared(name: str, parts: Sequence[Tensor], kernel: Tensor, channels_last: bool) -> Tensor:
    """Each place's patch times its own kernel: (samples, places, filters). `parts` has, for each offset in
    the window, the elements (samples, *places, channels)."""
    places, patch, _ = _known_sizes(kernel, name)
    channels = parts[0].shape[-1]
    if channels is not None and channels * len(parts) != patch:
        raise ValueError(
            f"K.{name}: a patch of {len(parts)} places with {channels} channels has {channels * len(parts)} elements, "
            f"the kernel of shape {tuple(kernel.shape)} takes {patch}."
        )
    patches = concatenate(parts, -1) if channels_last else stack(parts, axis=-1)
    flat = reshape(patches, (-1, places, patch))
    return permute_dimensions(ops.dot_general(flat, kernel, contract=((2,), (1,)), batch=((1,), (0,))), (1, 0, 2))


def local_conv1d(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, data_format: str | None = None
) -> Tensor:
    """1D convolution with weights of its own at every place, without padding.

    Args:
        kernel: (places, window * channels, filters); a patch is flattened as in `local_conv2d`.
        kernel_size, strides: an int, or a list of one.
    """
    inputs, channels_last = _ranked("local_conv1d", inputs, 1, data_format)
    kernel = as_tensor(kernel)
    x = inputs if channels_last else permute_dimensions(inputs, (0, 2, 1))
    window, stride = _several(kernel_size, 1, "kernel_size")[0], _several(strides, 1, "strides")[0]
    places = _known_sizes(kernel, "local_conv1d")[0]
    parts = [x[:, i : i + (places - 1) * stride + 1 : stride] for i in range(window)]
    result = _unshared("local_conv1d", parts, kernel, channels_last)
    return result if channels_last else permute_dimensions(result, (0, 2, 1))


def local_conv2d(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, output_shape: Any, data_format: str | None = None
) -> Tensor:
    """2D convolution with weights of its own at every place, without padding.

    Args:
        kernel: (places, window * channels, filters). As in Keras 2 a patch is flattened in the data format's
            order: (rows, columns, channels) or (channels, rows, columns).
        kernel_size, strides: pairs of ints.
        output_shape: the rows and columns of the result.
    """
    inputs, channels_last = _ranked("local_conv2d", inputs, 2, data_format)
    kernel = as_tensor(kernel)
    x = inputs if channels_last else permute_dimensions(inputs, (0, 2, 3, 1))
    window, (down, right) = _several(kernel_size, 2, "kernel_size"), _several(strides, 2, "strides")
    rows, columns = (int(d) for d in output_shape)
    parts = [
        x[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns - 1) * right + 1 : right]
        for i in range(window[0])
        for j in range(window[1])
    ]
    result = _unshared("local_conv2d", parts, kernel, channels_last)
    result = reshape(result, (-1, rows, columns, kernel.shape[2]))
    return result if channels_last else permute_dimensions(result, (0, 3, 1, 2))
