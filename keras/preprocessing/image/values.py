"""Changes of the values of images: brightness, channel shifts, and what standardises them.

A change is a function of images (N, ...) and of an array for the changed ones, which may be the images themselves. So
the first of several changes reads the images where they are, and nobody need copy them before.
"""

import numpy as np

from .pictures import of_each, stretch

# Values that a statistic is repeated for, at most: NumPy takes its time to begin a new line of an array.
LINE = 2**13


def change_all(images, changes):
    """Makes the changes one after the other, in the memory of the images."""
    for change in changes:
        change(images, images)


def multiplied(factor):
    """The change that multiplies by a number."""

    def change(images, out):
        np.multiply(images, factor, out=out, dtype=out.dtype)

    return change


def with_statistic(operation, statistic, shape):
    """The change `operation(image, statistic)`, a NumPy function, of images of that shape."""
    statistic = np.asarray(statistic)
    repeated = _repeated(statistic, *shape)

    def change(images, out):
        if repeated is not None and images.flags.c_contiguous and out.flags.c_contiguous:
            lines = (-1, repeated.size)
            operation(images.reshape(lines), _fitting(repeated, out), out=out.reshape(lines))
        else:
            operation(images, _fitting(statistic, out), out=out)

    return change


def _repeated(statistic, rows, columns, channels):
    """A number for each channel, the last axis, as often as it fits in `LINE`; None for another statistic."""
    if not statistic.shape or not statistic.size == statistic.shape[-1] == channels:
        return None
    most = LINE // max(1, columns * channels)
    lines = max((number for number in range(1, 1 + min(rows, most)) if rows % number == 0), default=1)
    return np.tile(statistic.reshape(-1), lines * columns)


def by_function(function):
    """The change that a user's function of one image makes. It may write to the image that it is given."""

    def change(images, out):
        if images is not out:
            out[...] = images
        for image in out:
            image[...] = function(image)

    return change


def centred(images, out):
    """Subtracts each image's mean."""
    np.subtract(images, _for_each(_means(images, None), out), out=out)


def divided_by_deviation(images, out):
    """Divides each image by its standard deviation."""
    np.divide(images, of_each(np.ndarray.std, images) + 1e-6, out=out)


def divided_when_centred(images, out):
    """The same for images whose mean is 0, in less time."""
    np.multiply(images, _for_each(1 / (np.sqrt(_means(images, images)) + 1e-6), out), out=out)


def _means(images, factors):
    """The mean of each image's values, or of their products with `factors`: array (N,) of double precision."""
    count = len(images)
    if images.dtype not in ("float32", "float64"):  # BLAS, which is the fastest, knows only these
        products = images.astype(float) if factors is None else np.multiply(images, factors, dtype=float)
        return products.reshape(count, -1).mean(axis=1)
    # In lines short enough for single precision, and for BLAS to use one thread.
    values = images[0].size
    line = images.shape[-1] * (1 if images.shape[-1] > 4 else images.shape[-2])
    lines = images.reshape(count, -1, line)
    factors = np.ones(line, images.dtype) if factors is None else lines
    return np.vecdot(lines, factors).sum(axis=1, dtype=float) / values


def shifted(amounts):
    """The change that adds a number to each image, and clips the image to the range of values it had."""

    def change(images, out):
        low, high = of_each(np.ndarray.min, images), of_each(np.ndarray.max, images)
        np.add(images, _for_each(amounts, out), out=out)
        np.clip(out, low, high, out=out)

    return change


def brightened(factors, channel_axis=-1):
    """The change that brings images to 8 bits and multiplies each by its factor, in single precision.

    A fourth channel is opaqueness and stays.
    """
    factors = np.asarray(factors, "float32")

    def change(images, out):
        if out.dtype == "float32":
            _brighten(images, out, factors, channel_axis)
        else:
            pictures = images.astype("float32")
            _brighten(pictures, pictures, factors, channel_axis)
            out[...] = pictures

    return change


def _brighten(images, out, factors, channel_axis):
    channels = images.shape[channel_axis]
    if channels not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {channels}. Brightness needs 1, 3 or 4 channels.")
    stretch(images, out)
    np.trunc(out, out=out)
    opaqueness = out.take([3], axis=channel_axis) if channels == 4 else None
    out *= _for_each(factors, out)
    if not all(0 <= factor <= 1 for factor in factors.tolist()):
        np.clip(out, 0, 255, out=out)
    np.trunc(out, out=out)
    if opaqueness is not None:
        np.moveaxis(out, channel_axis, 0)[3:] = np.moveaxis(opaqueness, channel_axis, 0)


def _for_each(numbers, out):
    """Numbers (N,), one for each image, as NumPy takes them to images like `out`."""
    if len(numbers) == 1:
        return float(numbers[0])
    return _fitting(numbers, out).reshape(-1, *[1] * (out.ndim - 1))


def _fitting(numbers, out):
    """Numbers of the type of `out`, if it holds broken numbers: NumPy is slow with arrays of two types."""
    return numbers.astype(np.promote_types(out.dtype, "float16"), copy=False)
