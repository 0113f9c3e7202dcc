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
# Rows of bells that are worked out at a time: so few that BLAS begins no threads, which take long to come and go.
ROWS = 24
# Which bells SciPy takes these for.
_BEYOND = {"nearest": "edge", "reflect": "symmetric", "constant": "reflect", "wrap": "reflect"}


def heights(images, fill_mode, dtype):
    """The bells of N images (rows, columns, channels): array (channels, N, rows and more, columns and more).

    At the end of each plane there may be more rows, of zeros.
    """
    rows, columns, channels = images[0].shape
    planes = np.empty((channels, len(images), 1, rows, columns))
    for n, image in enumerate(images):
        planes[:, n, 0] = image.transpose(2, 0, 1)
    down = _filter(rows, fill_mode)
    down = np.pad(down, ((0, -len(down) % ROWS), (0, 0))).reshape(-1, ROWS, rows)
    right = np.ascontiguousarray(_filter(columns, fill_mode).T)  # BLAS takes twice as long with a view
    bells = (down @ planes @ right).astype(dtype, copy=False)
    return bells.reshape(channels, len(images), -1, right.shape[1])


@functools.lru_cache
def _filter(size, fill_mode):
    """The matrix that makes bells, those beside the image too, of the pixels of a line: it is SciPy's filter."""
    from scipy import ndimage

    lines = np.eye(size).take(_with_sides(size, PADDING.get(fill_mode, 0), "edge"), axis=0)
    bells = ndimage.spline_filter1d(lines, 3, axis=0, mode=fill_mode)
    return bells.take(_with_sides(len(bells), MARGIN, _BEYOND[fill_mode]), axis=0)


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
