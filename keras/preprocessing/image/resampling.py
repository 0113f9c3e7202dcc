"""Affine resampling of many images at once: what `scipy.ndimage.affine_transform` computes, several times faster.

SciPy works out the place of every pixel again for each channel. Here, for the orders 0, 1 and 3, the places are worked
out once for all channels, and small images share the cost of the NumPy calls. An image that is only shifted, zoomed or
flipped is resampled along its columns and then along its rows.
"""

import math

import numpy as np

from . import splines
from .threads import scratch

# Pixels worked on at a time: their temporary arrays stay in the processor's cache.
TILE = 2**15
# Pixels of an image from which on going along its axes is worth the calls.
LARGE = 2**13
# Rows or columns of an image up to which splines are worked out here: see `splines.LINES`.
SPLINES = 290


def affine(out, images, matrices, offsets, fill_mode="nearest", cval=0.0, order=1, flips=(None, None)):
    """Resamples images: pixel p of image n becomes what was at `matrices[n] @ p + offsets[n]`.

    Args:
        out: array (N, rows, columns, channels), of any memory order, for the resampled images.
        images: N arrays (rows, columns, channels), elsewhere in memory.
        matrices: array (N, 2, 2).
        offsets: array (N, 2).
        fill_mode: 'nearest', 'constant', 'reflect' or 'wrap', with SciPy's meaning: what lies outside.
        cval: the value outside for 'constant'.
        order: of the splines between pixels, 0 to 5.
        flips: two boolean arrays (N,), or None: whose rows, and whose columns, come out in reverse order.
    """
    count, height, width, channels = out.shape
    if is_by_scipy(out, fill_mode, order):
        _by_scipy(out, images, matrices, offsets, fill_mode, cval, order, flips)
        return
    # The places in double precision, in the order of additions that SciPy has.
    rows, columns = _numbers(height, count, flips[0]), _numbers(width, count, flips[1])
    along_rows = offsets[:, :, None] + matrices[:, :, 0, None] * rows[:, None, :]
    along_columns = matrices[:, :, 1, None] * columns[:, None, :]
    if order == 1 and height * width >= LARGE and min(height, width) > 1 and _is_straight(matrices):
        for n, (target, image) in enumerate(zip(out, images)):
            _along_axes(target, image, along_rows[n, 0], offsets[n, 1] + along_columns[n, 1], fill_mode, cval)
        return
    # The bells of splines are in double precision, and more than the pixels.
    images_at_once = min(count, max(1, (TILE // 2 if order == 3 else TILE) // (height * width)))
    rows_at_once = min(height, max(1, TILE // width))
    dtype = np.promote_types(out.dtype, "float32")
    room = _Room(images_at_once * rows_at_once * width, dtype)
    for start in range(0, count, images_at_once):
        some = slice(start, start + images_at_once)
        filled = splines.heights(images[some], fill_mode, dtype) if order == 3 else _filled(images[some], dtype)
        for top in range(0, height, rows_at_once):
            tile = slice(top, top + rows_at_once)
            target = out[some, tile]
            places = room.places(target.shape[:-1])
            for axis, place in enumerate(places):
                np.add(along_rows[some, axis, tile, None], along_columns[some, axis, None, :], out=place)
            outside = _outside(*places, height, width) if fill_mode == "constant" else None
            sample = _sample_splines if order == 3 else _sample
            sample(filled, places, (height, width), fill_mode, order, target, room)
            if outside is not None:
                for channel in range(channels):  # faster than all at once
                    np.copyto(target[..., channel], cval, where=outside)


def is_by_scipy(out, fill_mode, order):
    """Whether SciPy's own function resamples images to `out`, one by one in long calls that let other threads run."""
    unknown = order not in (0, 1, 3) or fill_mode not in _FOLDS or out.dtype.kind != "f"
    return unknown or (order == 3 and max(out.shape[1:]) > SPLINES)


def _numbers(size, count, flipped):
    numbers = np.broadcast_to(np.arange(size, dtype=float), (count, size))
    return numbers if flipped is None else np.where(flipped[:, None], numbers[:, ::-1], numbers)


def _is_straight(matrices):
    """Whether rows stay rows."""
    return not (matrices[:, 0, 1].any() or matrices[:, 1, 0].any())


def _along_axes(out, image, rows, columns, fill_mode, cval):
    """Writes what lies where these rows and columns cross to out (rows, columns, channels)."""
    height, width, channels = out.shape
    dtype = np.promote_types(out.dtype, "float32")
    outside = [(one < 0) | (one > size - 1) for one, size in ((rows, height), (columns, width))]
    upper, down = _parted(rows, height, fill_mode, dtype)
    left, right = _parted(columns, width, fill_mode, dtype)
    lines = np.asarray(image, dtype).reshape(height, width * channels)
    lines = (_means_of_two(upper, down, height) @ lines).reshape(out.shape)
    values = lines.take(left, axis=1, out=scratch("left", out.shape, dtype), mode="clip")
    beside = lines.take(left + 1, axis=1, out=scratch("right", out.shape, dtype), mode="clip")
    beside -= values
    flat = beside.reshape(height, -1)  # NumPy is slow with a few numbers at a time
    flat *= np.repeat(right, channels)
    np.add(values, beside, out=out, casting="same_kind")
    if fill_mode == "constant":
        out[outside[0]] = cval
        out[:, outside[1]] = cval


def _parted(places, size, fill_mode, dtype):
    """Places along an axis as the number of a pixel but the last, and how far they are on the way to the next."""
    _FOLDS[fill_mode](places, size, np.empty_like(places))
    first = np.minimum(places.astype(np.int32), size - 2)
    return first, (places - first).astype(dtype)


def _means_of_two(first, weights, size):
    """The sparse matrix of linear means of the rows `first` and those after them: it works on all columns at once."""
    from scipy import sparse

    shares, rows = np.stack([1 - weights, weights], axis=1), np.stack([first, first + 1], axis=1)
    ends = np.arange(0, rows.size + 1, 2, dtype=np.int32)
    return sparse.csr_array((shares.reshape(-1), rows.reshape(-1), ends), shape=(len(first), size))


class _Room:
    """Memory for the work on as many pixels as there are in a tile."""

    def __init__(self, size, dtype):
        self._places = scratch("places", (2, size), float)
        self._firsts = scratch("firsts", (2, size), float)
        self._index = scratch("index", (size,), np.intp)
        self._weights = scratch("weights", (2, size), dtype)
        self._pixels = scratch("pixels", (4, size), dtype)

    def places(self, shape):
        size = math.prod(shape)
        self.firsts = self._firsts[:, :size]
        self.index = self._index[:size]
        self.weights = self._weights[:, :size]
        self.pixels = self._pixels[:, :size]
        return [places[:size].reshape(shape) for places in self._places]


def _filled(images, dtype):
    """The channels as planes (channels, N, rows + 1, columns + 1): the last row and column are there twice.

    So each pixel has a neighbour after it.
    """
    height, width, channels = images[0].shape
    planes = scratch("planes", (channels, len(images), height + 1, width + 1), dtype)
    for n, image in enumerate(images):
        planes[:, n, :-1, :-1] = image.transpose(2, 0, 1)
    planes[:, :, -1] = planes[:, :, -2]
    planes[:, :, :, -1] = planes[:, :, :, -2]
    return planes


def _sample(planes, places, sizes, fill_mode, order, out, room):
    """Writes the values of the planes at the places, rows and columns, both (N, ...), to out (N, ..., channels)."""
    channels, width = planes.shape[0], planes.shape[-1]
    for place, first, size in zip(places, room.firsts, sizes):
        place = place.reshape(-1)
        _FOLDS[fill_mode](place, size, first)
        if order == 0:
            place += 0.5
        np.floor(place, out=first)
    for place, first, weight in zip(places, room.firsts, room.weights):
        np.subtract(place.reshape(-1), first, out=weight, casting="same_kind")
    index = _index(*room.firsts, planes.shape, room.index)
    for channel in range(channels):
        plane, target = planes[channel].reshape(-1), out[..., channel]
        if order == 0:
            target[...] = plane.take(index, out=room.pixels[0], mode="clip").reshape(target.shape)
        else:
            _between(plane, index, width, room, target)


def _sample_splines(planes, places, sizes, fill_mode, order, out, room):
    """The same for cubic splines, whose planes `splines.heights` made."""
    shares, work = scratch("shares", (2, 2, 4, room.index.size), planes.dtype)
    fold, padding = _FOLDS_OF_SPLINES.get(fill_mode, _FOLDS[fill_mode]), splines.PADDING.get(fill_mode, 0)
    for place, first, share, size in zip(places, room.firsts, shares, sizes):
        place = place.reshape(-1)
        place += padding
        fold(place, size + 2 * padding, first)
        np.floor(place, out=first)
        splines.shares(np.subtract(place, first, out=place), share)
        first += splines.MARGIN - 1
    index = _index(*room.firsts, planes.shape, room.index)
    for channel, plane in enumerate(planes):
        splines.between(plane.reshape(-1), index, planes.shape[-1], *shares, work, out[..., channel])


def _outside(row, column, height, width):
    outside = row < 0
    for beyond in (row > height - 1, column < 0, column > width - 1):
        outside |= beyond
    return outside


def _index(row, column, shape, out):
    """Where the pixels lie in a plane of all images; the rows' numbers are lost."""
    _, count, height, width = shape
    if count > 1:
        row.reshape(count, -1)[...] += (np.arange(count) * height)[:, None]
    row *= width
    np.add(row, column, out=out, casting="unsafe")
    return out


def _between(plane, index, width, room, out):
    """Bilinear mean of the pixel at `index`, the one to the right, and the two below."""
    for start, pixel in zip((0, 1, width, width + 1), room.pixels):
        plane[start:].take(index, out=pixel, mode="clip")  # any other mode would copy once more
    upper, upper_right, lower, lower_right = room.pixels
    down, right = room.weights
    _move_towards(upper, upper_right, right)
    _move_towards(lower, lower_right, right)
    lower -= upper
    lower *= down
    np.add(upper.reshape(out.shape), lower.reshape(out.shape), out=out, casting="same_kind")


def _move_towards(first, second, weight):
    """first + weight * (second - first), in the memory of the two."""
    second -= first
    second *= weight
    first += second


def _clamp(place, size, turns=None):
    np.clip(place, 0, size - 1, out=place)


def _reflect(place, size, turns):
    """d c b a | a b c d | d c b a"""
    place += 0.5
    np.abs(place, out=place)
    np.multiply(place, 0.5 / size, out=turns)
    np.floor(turns, out=turns)
    turns *= 2 * size
    place -= turns
    np.minimum(place, np.subtract(2 * size, place, out=turns), out=place)
    place -= 0.5


def _reflect_and_clamp(place, size, turns):
    """The half pixel that there is on either side of the pixels' middles is even."""
    _reflect(place, size, turns)
    _clamp(place, size)


def _wrap(place, size, turns):
    """SciPy's 'wrap': the last pixel lies on the first."""
    period = size - 1
    if period == 0:
        place[...] = 0
        return
    # What lies beyond moves by whole periods, to (0, period]; places within [0, period] stay as they are.
    np.divide(place, period, out=turns)
    np.trunc(turns, out=turns)
    turns -= place < 0
    turns *= period
    np.subtract(place, turns, out=place, where=(place < 0) | (place > period))


def _clamp_of_splines(place, size, turns):
    """A pixel outside there are only bells of one height, but not of that of the outermost pixel's value."""
    np.clip(place, -1, size, out=place)


# Each brings places along an axis of that size to those in the image; the last argument is memory to work in.
_FOLDS = {"nearest": _clamp, "constant": _clamp, "reflect": _reflect_and_clamp, "wrap": _wrap}
_FOLDS_OF_SPLINES = {"nearest": _clamp_of_splines, "reflect": _reflect}


def _by_scipy(out, images, matrices, offsets, fill_mode, cval, order, flips):
    """Splines of other orders, whole numbers, and modes of SciPy's that Keras does not name."""
    from scipy import ndimage

    for n, (image, matrix, offset) in enumerate(zip(images, matrices, offsets)):
        image = np.asarray(image, out.dtype)
        upside_down, mirrored = (flip is not None and flip[n] for flip in flips)
        target = out[n][:: -1 if upside_down else 1, :: -1 if mirrored else 1]
        for channel in range(image.shape[-1]):
            target[..., channel] = ndimage.affine_transform(
                image[..., channel], matrix, offset, order=order, mode=fill_mode, cval=cval
            )
