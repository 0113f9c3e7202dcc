"""Turning, shifting, shearing, zooming and colour changes of single images (arrays of three axes).

Axes are those of one image: by default channels first, as in Keras 2; give `row_axis=0, col_axis=1,
channel_axis=2` for channels last. Random numbers come from NumPy's global generator.
"""

import numpy as np

from . import resampling, values


def flip_axis(x, axis):
    """The image with one axis reversed."""
    return np.flip(x, axis)


def random_rotation(
    x, rg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Turns an image by up to `rg` degrees either way. See `apply_affine_transform` for the rest."""
    theta = np.random.uniform(-rg, rg)
    return apply_affine_transform(
        x, theta=theta, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shift(
    x, wrg, hrg, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Shifts an image by up to the fractions `wrg` of its width and `hrg` of its height.

    See `apply_affine_transform` for the rest.
    """
    tx = np.random.uniform(-hrg, hrg) * x.shape[row_axis]
    ty = np.random.uniform(-wrg, wrg) * x.shape[col_axis]
    return apply_affine_transform(
        x, tx=tx, ty=ty, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_shear(
    x, intensity, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Shears an image by up to `intensity` degrees either way. See `apply_affine_transform` for the rest."""
    shear = np.random.uniform(-intensity, intensity)
    return apply_affine_transform(
        x, shear=shear, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_zoom(
    x, zoom_range, row_axis=1, col_axis=2, channel_axis=0, fill_mode="nearest", cval=0.0, interpolation_order=1
):
    """Zooms height and width by two factors from `zoom_range`, a pair; less than 1 enlarges.

    See `apply_affine_transform` for the rest.

    Raises:
        ValueError: if `zoom_range` is no pair.
    """
    zx, zy = random_zooms(_pair("zoom_range", zoom_range))
    return apply_affine_transform(
        x, zx=zx, zy=zy, row_axis=row_axis, col_axis=col_axis, channel_axis=channel_axis,
        fill_mode=fill_mode, cval=cval, order=interpolation_order,
    )  # fmt: skip


def random_zooms(zoom_range):
    """Two factors; (1, 1) draws no random numbers."""
    if zoom_range[0] == 1 and zoom_range[1] == 1:
        return 1, 1
    return np.random.uniform(zoom_range[0], zoom_range[1], 2)


def _pair(name, value):
    if np.shape(value) != (2,):
        raise ValueError(f"`{name}` should be a tuple or list of two floats. Received: {value}")
    return value


def random_channel_shift(x, intensity_range, channel_axis=0):
    """Adds one number of up to `intensity_range` either way to all channels; see `apply_channel_shift`."""
    return apply_channel_shift(x, np.random.uniform(-intensity_range, intensity_range), channel_axis)


def apply_channel_shift(x, intensity, channel_axis=0):
    """Adds `intensity` to an image, and clips it to the range of values it had.

    Args:
        x: array of three axes.
        channel_axis: without effect: all channels get the same.
    """
    return np.clip(x + intensity, np.min(x), np.max(x))


def random_brightness(x, brightness_range):
    """Changes the brightness by a factor from `brightness_range`, a pair; see `apply_brightness_shift`.

    Raises:
        ValueError: if `brightness_range` is no pair.
    """
    low, high = _pair("brightness_range", brightness_range)
    return apply_brightness_shift(x, np.random.uniform(low, high))


def apply_brightness_shift(x, brightness):
    """Stretches an image (channels last) to 0..255 and multiplies it by `brightness`, clipping at 255.

    Returns:
        Array of whole numbers, as in an image of 8 bits, of type float32.
    """
    out = np.array(x, dtype="float32")
    values.brightened([brightness])(out[None], out[None])
    return out


def apply_affine_transform(
    x,
    theta=0,
    tx=0,
    ty=0,
    shear=0,
    zx=1,
    zy=1,
    row_axis=0,
    col_axis=1,
    channel_axis=2,
    fill_mode="nearest",
    cval=0.0,
    order=1,
):
    """Turns, shifts, shears and zooms an image about its middle.

    Args:
        x: array of three axes.
        theta: angle of rotation, in degrees.
        tx, ty: shift along rows and columns, in pixels.
        shear: angle, in degrees.
        zx, zy: zoom of height and width; less than 1 enlarges.
        row_axis, col_axis, channel_axis: which axis is which.
        fill_mode: what lies outside: 'nearest', 'constant', 'reflect' or 'wrap'.
        cval: the value outside for 'constant'.
        order: of the splines between pixels, 0 to 5.

    Returns:
        Array of the shape and type of `x`; `x` itself if there is nothing to do.
    """
    height, width = x.shape[row_axis], x.shape[col_axis]
    if (theta, tx, ty, shear, zx, zy) == NO_CHANGE:
        return x
    matrix = affine_matrices(height, width, *(np.array([one], float) for one in (theta, tx, ty, shear, zx, zy)))
    out = np.empty_like(x)
    image, changed = (np.moveaxis(one, (row_axis, col_axis, channel_axis), (0, 1, 2))[None] for one in (x, out))
    resampling.affine(changed, image, matrix[..., :2], matrix[..., 2], fill_mode, cval, order)
    return out


NO_CHANGE = (0, 0, 0, 0, 1, 1)


def affine_matrices(height, width, theta=0, tx=0, ty=0, shear=0, zx=1, zy=1):
    """Where pixels of changed images lie in the originals: at `matrix[:, :2] @ pixel + matrix[:, 2]`.

    It is rotation @ shift @ shear @ zoom about the image's middle; see `apply_affine_transform`.

    Args:
        height, width: of the images.
        theta, ...: numbers, or arrays (N,); one of them at least is an array.

    Returns:
        Array (N, 2, 3).
    """
    theta, shear = np.deg2rad(theta), np.deg2rad(shear)
    cos, sin = np.cos(theta), np.sin(theta)
    a, b = cos * zx, (-cos * np.sin(shear) - sin * np.cos(shear)) * zy
    c, d = sin * zx, (-sin * np.sin(shear) + cos * np.cos(shear)) * zy
    middle_x, middle_y = height / 2 + 0.5, width / 2 + 0.5
    x = -a * middle_x - b * middle_y + (cos * tx - sin * ty + middle_x)
    y = -c * middle_x - d * middle_y + (sin * tx + cos * ty + middle_y)
    return np.stack(np.broadcast_arrays(a, b, x, c, d, y), axis=-1).reshape(-1, 2, 3)


def transform_matrix_offset_center(matrix, x, y):
    """The same change about the middle of an image of x rows and y columns instead of its corner."""
    there, back = np.eye(3), np.eye(3)
    there[:2, 2] = x / 2 + 0.5, y / 2 + 0.5
    back[:2, 2] = -there[:2, 2]
    return there @ matrix @ back
