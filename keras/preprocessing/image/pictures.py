"""Pictures in files, as Pillow images, and as arrays. Pillow is imported when a picture is first needed."""

import io
import os
import warnings

import numpy as np

from ... import backend as K
from ...saving import atomic

WHITE_LIST_FORMATS = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")
COLOR_MODES = ("grayscale", "rgb", "rgba")
INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def pillow():
    """The module PIL.Image."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "Pictures need the package Pillow, which is not installed: pip install Pillow"
        ) from error
    return Image


def load_img(path, grayscale=False, color_mode="rgb", target_size=None, interpolation="nearest"):
    """A picture from a file.

    Args:
        path: file name, or a file open for reading bytes.
        grayscale: deprecated, use color_mode="grayscale".
        color_mode: "grayscale", "rgb" or "rgba".
        target_size: None for the picture's own size, or (height, width).
        interpolation: how it is brought to that size: "nearest", "bilinear", "bicubic", "hamming", "box" or
            "lanczos".

    Returns:
        A Pillow image.

    Raises:
        ImportError: without Pillow.
        ValueError: for an unknown color_mode or interpolation.
        OSError: for a file that is damaged or no picture, with its name.
    """
    if grayscale:
        warnings.warn('grayscale is deprecated. Please use color_mode = "grayscale"', stacklevel=2)
        color_mode = "grayscale"
    check_choice("color_mode", color_mode, COLOR_MODES)
    check_choice("interpolation", interpolation, INTERPOLATIONS)
    with _open(path) as image:
        return _resized(_in_mode(image, color_mode), target_size, interpolation)


def check_choice(name, given, allowed):
    """Raises ValueError if an argument is none of the values it may have."""
    if given not in allowed:
        raise ValueError(f"Invalid {name}: {given!r}. Expected one of {', '.join(repr(one) for one in allowed)}.")


def _open(path):
    """A picture, read whole."""
    if hasattr(path, "read"):
        return _read(path, getattr(path, "name", path))
    # Pillow would keep the file open until it is garbage.
    with open(path, "rb", buffering=0) as file:
        return _read(io.BytesIO(file.read()), path)


def _read(file, name):
    """Raises what Pillow does, with the name of the file; OSError for what damaged files raise in its depths."""
    Image = pillow()
    try:
        image = Image.open(file)
        image.load()
    except Image.UnidentifiedImageError as error:
        raise type(error)(f"The picture {name!r} cannot be read: Pillow cannot identify its format.") from error
    except Image.DecompressionBombError as error:
        raise type(error)(f"The picture {name!r} was not read: {error}") from error
    except MemoryError:
        raise
    except Exception as error:
        raise OSError(f"The picture {name!r} cannot be read: it is damaged ({error}).") from error
    return image


def _in_mode(image, color_mode):
    mode = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}[color_mode]
    return image if image.mode == mode else image.convert(mode)


def _resized(image, target_size, interpolation):
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    return image.resize((target_size[1], target_size[0]), pillow().Resampling[interpolation.upper()])


def img_to_array(img, data_format=None, dtype=None):
    """A picture as an array of three axes.

    Args:
        img: Pillow image, or an array of two or three axes (channels last).
        data_format: 'channels_last', 'channels_first' or None for that of the Keras settings.
        dtype: type of the result; None for K.floatx().

    Raises:
        ValueError: for an unknown data_format or an array of another shape.
    """
    data_format = K.normalize_data_format(data_format)
    x = np.asarray(img, dtype=dtype or K.floatx())
    if x.ndim not in (2, 3):
        raise ValueError(f"Unsupported image shape: {x.shape}. Wanted (rows, columns) or (rows, columns, channels).")
    if x.ndim == 2:
        x = x[:, :, None]
    return x.transpose(2, 0, 1) if data_format == "channels_first" else x


def array_to_img(x, data_format=None, scale=True, dtype=None):
    """A Pillow image of an array.

    Args:
        x: array of three axes, with 1, 3 or 4 channels.
        data_format: 'channels_last', 'channels_first' or None for that of the Keras settings.
        scale: whether to stretch the values to 0..255; otherwise they must lie there already.
        dtype: type in which to scale; None for K.floatx().

    Raises:
        ImportError: without Pillow.
        ValueError: for an array of another shape, or an unknown data_format.
    """
    x = np.asarray(x, dtype=dtype or K.floatx())
    if x.ndim != 3:
        raise ValueError(f"Expected image array to have rank 3 (single image). Got array with shape: {x.shape}")
    if K.normalize_data_format(data_format) == "channels_first":
        x = x.transpose(1, 2, 0)
    if x.shape[2] not in (1, 3, 4):
        raise ValueError(f"Unsupported channel number: {x.shape[2]}. Wanted 1 (gray), 3 (RGB) or 4 (RGBA).")
    if scale:
        x = x.copy()
        stretch(x[None], x[None])
    if x.shape[2] == 1:
        deep = np.max(x) > 255
        return pillow().fromarray(x[:, :, 0].astype("int32" if deep else "uint8"))
    return pillow().fromarray(x.astype("uint8"))


def stretch(images, out):
    """Lifts each of the images (N, ...) so that nothing is negative, and makes 255 its largest value.

    `out`, the array for that, may be the images themselves.
    """
    smallest = of_each(np.ndarray.min, images)
    if (smallest < 0).any():
        images = np.add(images, np.maximum(-smallest, 0), out=out)
    largest = of_each(np.ndarray.max, images)
    np.divide(images, largest + (largest == 0), out=out)
    out *= 255


def of_each(statistic, images):
    """A statistic of each of the images (N, ...), such as np.ndarray.max, in as many axes; of one image, a number."""
    if len(images) == 1:
        return statistic(images)
    return statistic(images, axis=tuple(range(1, images.ndim)), keepdims=True)


def save_img(path, x, data_format=None, file_format=None, scale=True, **kwargs):
    """Writes an array to a file as a picture.

    Args:
        path: file name, or a file open for writing bytes.
        x: see `array_to_img`.
        data_format: see `array_to_img`.
        file_format: 'png', 'jpeg', ...; None for what the name's ending says.
        scale: see `array_to_img`.
        **kwargs: go to Pillow's `Image.save`.
    """
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and str(file_format).lower() in ("jpg", "jpeg"):
        warnings.warn("The JPG format does not support RGBA images, converting to RGB.", stacklevel=2)
        image = image.convert("RGB")
    if hasattr(path, "write"):
        image.save(path, format=file_format, **kwargs)
        return
    file_format = _pillow_format(file_format or os.path.splitext(os.fspath(path))[1])
    with atomic.replacing(path) as temporary:
        image.save(temporary, format=file_format, **kwargs)


def _pillow_format(name):
    """Pillow's name of a format: JPEG for 'jpg'."""
    endings = pillow().registered_extensions()
    return endings.get("." + name.lower().lstrip("."), name)


def validate_filename(filename, white_list_formats=WHITE_LIST_FORMATS):
    """Whether a file exists and its name ends as a picture's."""
    return filename.lower().endswith(tuple("." + one for one in white_list_formats)) and os.path.isfile(filename)


def list_pictures(directory, ext=WHITE_LIST_FORMATS):
    """Paths of all pictures in a folder and the folders in it."""
    endings = tuple("." + one for one in ((ext,) if isinstance(ext, str) else ext))
    return [
        os.path.join(root, name)
        for root, _, names in os.walk(directory)
        for name in names
        if name.lower().endswith(endings)
    ]
