"""Cubic splines through the pixels of images, as SciPy's order 3 has them, for `resampling`.

A spline is a sum of bells, one on each pixel; a value between pixels is made of the 4 x 4 bells around it. How high
they are is linear in the pixels of a line: SciPy says once how, and BLAS does it for all images. The sums of bells are
formed for all channels with the same numbers.
"""

import functools

import numpy as np


# SciPy repeats the outermost pixels that often before it begins, if they are what lies outside the image.
PADDING = {"nearest": 12}
# Bells further outside: as many as there may be around a place that is outside by a pixel.
MARGIN = 3
# Pixels that far from a bell count less for it than double precision can tell.
REACH = 28
# Rows or columns of bells that are worked out at a time: so few that BLAS begins no threads for images up to
# `resampling.SPLINES`, for these take long to come and go.
LINES = 12
# Which bells SciPy takes these for.
_BEYOND = {"nearest": "edge", "reflect": "symmetric", "constant": "reflect", "wrap": "reflect"}


def heights(images, fill_mode, dtype):
    """The bells of N images (rows, columns, channels): array (channels, N, rows and more, columns and more)."""
    shape = (images[0].shape[-1], len(images))
    planes = np.empty((*shape, *images[0].shape[:2]))
    for n, image in enumerate(images):
        planes[:, n] = image.transpose(2, 0, 1)
    down, right = (_filter(size, fill_mode) for size in planes.shape[2:])
    tall = np.empty((*shape, down[-1][0].stop, planes.shape[3]))
    for lines, pixels, shares_of_pixels in down:
        np.matmul(shares_of_pixels.T, planes[:, :, pixels], out=tall[:, :, lines])
    bells = np.empty((*tall.shape[:3], right[-1][0].stop))
    for lines, pixels, shares_of_pixels in right:
        np.matmul(tall[..., pixels], shares_of_pixels, out=bells[..., lines])
    return bells.astype(dtype, copy=False)


@functools.lru_cache
def _filter(size, fill_mode):
    """SciPy's filter of a line as matrices: which bells, beside the image too, are made of which pixels, and how.

    # Returns
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
        start = min(max(0, first - beside - MARGIN - REACH), max(0, size - LINES - 2 * REACH))
        pixels = slice(start, min(size, start + LINES + 2 * REACH))
        found.append((lines, pixels, np.ascontiguousarray(bells[lines, pixels].T)))
    return found


def _with_sides(size, pixels, mode):
    """The numbers of so many lines, and of those that stand for as many pixels beside them, by a mode of np.pad."""
    return np.pad(np.arange(size), pixels, mode=mode)


def shares(way, out):
    """How much of each of the four bells around a place counts there, in the four rows of `out`.

    `way` is how far the place is from the second to the third, in double precision: heights are larger than pixels.
    """
    back, square, cube = 1 - way, way * way, way * way
    cube *= way
    out[3] = cube / 6
    out[1] = 2 / 3 - square + cube / 2
    square, cube = back * back, back * back
    cube *= back
    out[0] = cube / 6
    out[2] = 2 / 3 - square + cube / 2


def between(plane, index, width, down, right, pixels, out):
    """Writes the sums of 4 x 4 bells to `out`.

    # Arguments
        plane: array (heights of the bells,), line after line.
        index: where the first of the bells lie in it.
        width: of a line.
        down, right: `shares` of the bells in a column, and in a row.
        pixels: three arrays to work in.
        out: array of as many values.
    """
    bell, line, total = pixels
    for below, share in enumerate(down):
        for beside, share_of_line in enumerate(right):
            into = bell if beside else line
            plane[below * width + beside :].take(index, out=into, mode="clip")  # any other mode would copy once more
            into *= share_of_line
            if beside:
                line += bell
        if below:
            line *= share
            total += line
        else:
            np.multiply(line, share, out=total)
    out[...] = total.reshape(out.shape)
