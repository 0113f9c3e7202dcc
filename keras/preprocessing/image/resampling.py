"""Affine resampling of many images at once: what `scipy.ndimage.affine_transform` computes, several times faster.

SciPy works out the place of every pixel again for each channel. Here the places are worked out once for all
channels, and small images share the cost of the NumPy calls.
"""

import numpy as np

# Pixels worked on at a time: their temporary arrays stay in the processor's cache.
TILE = 2**14


def affine(images, matrices, offsets, fill_mode="nearest", cval=0.0, order=1, flips=None):
    """Resamples images in their memory: pixel p of image n becomes what was at `matrices[n] @ p + offsets[n]`.

    # Arguments
        images: array (N, rows, columns, channels), of any memory order.
        matrices: array (N, 2, 2).
        offsets: array (N, 2).
        fill_mode: 'nearest', 'constant', 'reflect' or 'wrap', with SciPy's meaning: what lies outside.
        cval: the value outside for 'constant'.
        order: of the splines between pixels, 0 to 5.
        flips: None, or two boolean arrays (N,): whose rows, and whose columns, come out in reverse order.
    """
    if order not in (0, 1) or fill_mode not in _FOLDS or images.dtype.kind != "f":
        _by_scipy(images, matrices, offsets, fill_mode, cval, order, flips)
        return
    count, height, width, _ = images.shape
    # The places in double precision, in the order of additions that SciPy has.
    rows, columns = _numbers(height, count, flips and flips[0]), _numbers(width, count, flips and flips[1])
    along_rows = offsets[:, :, None] + matrices[:, :, 0, None] * rows[:, None, :]
    along_columns = matrices[:, :, 1, None] * columns[:, None, :]
    images_at_once = max(1, TILE // (height * width))
    rows_at_once = max(1, TILE // width)
    for start in range(0, count, images_at_once):
        some = slice(start, start + images_at_once)
        planes = _planes(images[some])
        for top in range(0, height, rows_at_once):
            tile = slice(top, top + rows_at_once)
            row, column = (along_rows[some, axis, tile, None] + along_columns[some, axis, None, :] for axis in (0, 1))
            _sample(planes, row, column, fill_mode, cval, order, images[some, tile])


def _numbers(size, count, flipped):
    numbers = np.broadcast_to(np.arange(size, dtype=float), (count, size))
    return numbers if flipped is None else np.where(flipped[:, None], numbers[:, ::-1], numbers)


def _planes(images):
    """Copies of the channels, (channels, N, rows + 1, columns + 1): the last row and column are there twice.

    So each pixel has a neighbour after it.
    """
    count, height, width, channels = images.shape
    planes = np.empty((channels, count, height + 1, width + 1), np.promote_types(images.dtype, "float32"))
    planes[:, :, :-1, :-1] = np.moveaxis(images, -1, 0)
    planes[:, :, -1] = planes[:, :, -2]
    planes[:, :, :, -1] = planes[:, :, :, -2]
    return planes


def _sample(planes, row, column, fill_mode, cval, order, out):
    """Writes the values of the planes at the places (row, column), both (N, ...), to out (N, ..., channels)."""
    _, count, height, width = planes.shape
    outside = None
    if fill_mode == "constant":
        outside = (row < 0) | (row > height - 2) | (column < 0) | (column > width - 2)
    row, column = (_FOLDS[fill_mode](place, size - 1) for place, size in ((row, height), (column, width)))
    if order == 0:
        row += 0.5
        column += 0.5
    first_row, first_column = np.floor(row), np.floor(column)
    down, right = (row - first_row).astype(planes.dtype), (column - first_column).astype(planes.dtype)
    if count > 1:
        first_row += (np.arange(count) * height)[:, None, None]
    first_row *= width
    first_row += first_column
    index = first_row.astype(np.intp)
    for channel, plane in enumerate(planes.reshape(len(planes), -1)):
        values = plane.take(index) if order == 0 else _between(plane, index, width, down, right)
        if outside is not None:
            values[outside] = cval
        out[..., channel] = values


def _between(plane, index, width, down, right):
    """Bilinear mean of the pixel at `index`, the one to the right, and the two below."""
    upper = _mixed(plane.take(index), plane[1:].take(index), right)
    lower = _mixed(plane[width:].take(index), plane[width + 1 :].take(index), right)
    return _mixed(upper, lower, down)


def _mixed(first, second, weight):
    """first + weight * (second - first), in the memory of the two."""
    second -= first
    second *= weight
    first += second
    return first


def _clamp(place, size):
    return np.clip(place, 0, size - 1, out=place)


def _reflect(place, size):
    """d c b a | a b c d | d c b a"""
    place = np.mod(place + 0.5, 2 * size)
    place = np.minimum(place, 2 * size - place) - 0.5
    return _clamp(place, size)


def _wrap(place, size):
    """SciPy's 'wrap': the last pixel lies on the first."""
    period = size - 1
    if period == 0:
        return np.zeros_like(place)
    turns = np.trunc(place / period)
    return np.where(place < 0, place - period * (turns - 1), np.where(place > period, place - period * turns, place))


_FOLDS = {"nearest": _clamp, "constant": _clamp, "reflect": _reflect, "wrap": _wrap}


def _by_scipy(images, matrices, offsets, fill_mode, cval, order, flips):
    """Splines of higher order, whole numbers, and modes of SciPy's that Keras does not name."""
    from scipy import ndimage

    for n, (image, matrix, offset) in enumerate(zip(images, matrices, offsets)):
        target = image
        if flips is not None:
            target = image[:: -1 if flips[0][n] else 1, :: -1 if flips[1][n] else 1]
        for channel in range(image.shape[-1]):
            target[..., channel] = ndimage.affine_transform(
                image[..., channel], matrix, offset, order=order, mode=fill_mode, cval=cval
            )
