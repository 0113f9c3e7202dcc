"""Cubic splines through the pixels of images, as SciPy's order 3 has them, for `resampling`.

A spline is a sum of bells, one on each pixel; a value between pixels is made of the 4 x 4 bells around it. How high
they are is linear in the pixels of a line: SciPy says once how, and BLAS does it for all images. The sums of bells are
formed for all channels with the same numbers.
"""

import functools

import numpy as np

from .threads import scratch

# SciPy repeats the outermost pixels that often before it begins, if they are what lies outside the image.
PADDING = {"nearest": 12}
# Bells further outside: as many as there may be around a place that is outside by a pixel.
MARGIN = 3
# Pixels that far from a bell count less for it than the precision of the bells can tell.
REACH = {"float32": 14, "float64": 28}
# Rows or columns of bells that are worked out at a time: so few that BLAS begins no threads for images up to
# `resampling.SPLINES`, for these take long to come and go.
LINES = 12
# Which bells SciPy takes these for.
_BEYOND = {"nearest": "edge", "reflect": "symmetric", "constant": "reflect", "wrap": "reflect"}


def heights(images, fill_mode, dtype):
    """The bells of N images (rows, columns, channels): array (channels, N, rows and more, columns and more)."""
    rows, columns, channels = images[0].shape
    down, right = (_filter(size, fill_mode, REACH[dtype.name]) for size in (rows, columns))
    tall, wide = down[-1][0].stop, right[-1][0].stop
    bells = scratch("bells", (channels, len(images), tall, wide), dtype)
    # A channel at a time: what it takes in double precision stays in the processor's cache.
    plane = scratch("plane", (len(images), rows, columns), float)
    lines_down = scratch("down", (len(images), tall, columns), float)
    lines_right = scratch("right", (len(images), tall, wide), float)
    for channel, bells_of_channel in enumerate(bells):
        for target, image in zip(plane, images):
            target[...] = image[..., channel]
        for lines, pixels, shares_of_pixels in down:
            np.matmul(shares_of_pixels.T, plane[:, pixels], out=lines_down[:, lines])
        for lines, pixels, shares_of_pixels in right:
            np.matmul(lines_down[..., pixels], shares_of_pixels, out=lines_right[..., lines])
        bells_of_channel[...] = lines_right
    return bells


@functools.lru_cache
def _filter(size, fill_mode, reach):
    """SciPy's filter of a line as matrices: which bells, beside the image too, are made of which pixels, and how.

    Returns:
        List of (slice of bells, slice of the pixels that count for them, array (pixels, bells)).
    """
    from scipy import ndimage

    beside = PADDING.get(fill_mode, 0)
    lines = np.eye(size).take(_with_sides(size, beside, "edge"), axis=0)
    bells = ndimage.spline_filter1d(lines, 3, axis=0, mode=fill_mode)
    bells = bells.take(_with_sides(len(bells), MARGIN, _BEYOND[fill_mode]), axis=0)
    found = []
    for first in range(0, len(bells), LINES):
        lines = slice(first, min(first + LINES, len(bells)))
        start = min(max(0, first - beside - MARGIN - reach), max(0, size - LINES - 2 * reach))
        pixels = slice(start, min(size, start + LINES + 2 * reach))
        found.append((lines, pixels, np.ascontiguousarray(bells[lines, pixels].T)))
    return found


def _with_sides(size, pixels, mode):
    """The numbers of so many lines, and of those that stand for as many pixels beside them, by a mode of np.pad."""
    return np.pad(np.arange(size), pixels, mode=mode)


def shares(way, out):
    """How much of each of the four bells around a place counts there, in the four rows of `out`.

    `way` is how far the place is from the second to the third, in double precision: heights are larger than pixels.
    It is lost.
    """
    square, cube = scratch("powers", (2, *way.shape), way.dtype)
    for near, far in ((1, 3), (2, 0)):
        np.multiply(way, way, out=square)
        np.multiply(square, way, out=cube)
        np.multiply(cube, 1 / 6, out=out[far], casting="same_kind")
        cube *= 0.5
        cube -= square
        np.add(cube, 2 / 3, out=out[near], casting="same_kind")
        np.subtract(1, way, out=way)


def between(plane, index, width, down, right, work, out):
    """Writes the sums of 4 x 4 bells to `out`.

    Args:
        plane: array (heights of the bells,), line after line.
        index: where the first of the bells lie in it, array (N,).
        width: of a line.
        down, right: `shares` of the bells in a column, and in a row, arrays (4, N).
        work: array (2, 4, N) to work in.
        out: array of N values.
    """
    bells, lines = work
    for below, line in enumerate(lines):
        for beside, bell in enumerate(bells):
            plane[below * width + beside :].take(index, out=bell, mode="clip")  # any other mode would copy once more
        np.einsum("kn,kn->n", bells, right, out=line)
    total = np.einsum("kn,kn->n", lines, down, out=bells[0])
    out[...] = total.reshape(out.shape)
