"""ImageNet's conventions: how pictures are prepared, what the 1000 classes are called, which sizes nets take."""

import json
import warnings

import numpy as np

from .. import backend as K
from ..utils.data_utils import get_file
from ._injection import keras_modules_injection

__all__ = ["decode_predictions", "keras_modules_injection", "preprocess_input"]

CLASS_INDEX = None  # {"0": ["n01440764", "tench"], ...}, read when first needed
CLASS_INDEX_PATH = "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json"
_CLASS_INDEX_MD5 = "c2c37ea517e94d9795004a39431a14cb"

# Of the pictures ImageNet nets were trained on, channel by channel.
_RGB_MEAN = (0.485, 0.456, 0.406)  # of values from 0 to 1
_RGB_STD = (0.229, 0.224, 0.225)
_BGR_MEAN = (103.939, 116.779, 123.68)  # of values from 0 to 255


def preprocess_input(x, data_format=None, mode="caffe", **kwargs):
    """Prepares pictures for a net trained on ImageNet.

    Args:
        x: pictures with values from 0 to 255 in RGB order: an array or tensor of shape (samples, height, width, 3)
            or (height, width, 3), or with the channels first. An array of floats is changed in place, as in Keras 2.
        data_format: 'channels_first', 'channels_last', or None for the format that is set.
        mode: 'caffe': to BGR, each channel less its mean over ImageNet;
            'tf': to values from -1 to 1;
            'torch': to values from 0 to 1, then each channel less its mean and divided by its standard deviation.

    Returns:
        The prepared array or tensor.

    Raises:
        ValueError: for an unknown data format.
    """
    if data_format is None:
        data_format = K.image_data_format()
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(f"Unknown data_format {data_format!r}. Wanted 'channels_first' or 'channels_last'.")
    axis = -1 if data_format == "channels_last" else -3
    if K.is_tensor(x):
        return _prepare_tensor(x, axis, mode)
    return _prepare_array(np.asanyarray(x), axis, mode)


def _prepare_array(x, axis, mode):
    if not np.issubdtype(x.dtype, np.floating):
        x = x.astype(K.floatx())
    if mode == "tf":
        x /= 127.5
        x -= 1.0
        return x
    if mode == "torch":
        x /= 255.0
        x -= _per_channel(_RGB_MEAN, axis, x.dtype)
        x /= _per_channel(_RGB_STD, axis, x.dtype)
        return x
    x = np.flip(x, axis)  # a view
    x -= _per_channel(_BGR_MEAN, axis, x.dtype)
    return x


def _prepare_tensor(x, axis, mode):
    if K.dtype(x) not in ("float16", "float32", "float64"):
        x = K.cast(x, K.floatx())
    if mode == "tf":
        return x / 127.5 - 1.0
    dtype = K.dtype(x)
    if mode == "torch":
        mean, std = (K.constant(_per_channel(numbers, axis), dtype) for numbers in (_RGB_MEAN, _RGB_STD))
        return (x / 255.0 - mean) / std
    return K.reverse(x, axis + K.ndim(x)) - K.constant(_per_channel(_BGR_MEAN, axis), dtype)


def _per_channel(numbers, axis, dtype=None):
    """One number per channel, in a shape that broadcasts over pictures."""
    numbers = np.array(numbers, dtype)
    return numbers if axis == -1 else numbers.reshape(-1, 1, 1)


def decode_predictions(preds, top=5, **kwargs):
    """Names the most probable classes.

    Args:
        preds: array of shape (samples, 1000): what a net with ImageNet's classes predicts.
        top: how many classes to give of each sample.

    Returns:
        For each sample a list of (WordNet number, name, probability), the most probable first.

    Raises:
        ValueError: for predictions of another shape.
    """
    global CLASS_INDEX
    preds = np.asarray(preds)
    if preds.ndim != 2 or preds.shape[1] != 1000:
        raise ValueError(
            "`decode_predictions` expects a batch of predictions (i.e. a 2D array of shape (samples, 1000)). "
            f"Found array with shape: {preds.shape}"
        )
    if CLASS_INDEX is None:
        name = get_file(
            "imagenet_class_index.json", CLASS_INDEX_PATH, cache_subdir="models", file_hash=_CLASS_INDEX_MD5
        )
        with open(name, encoding="utf-8") as file:
            CLASS_INDEX = json.load(file)
    return [[(*CLASS_INDEX[str(i)], row[i]) for i in row.argsort()[: -top - 1 : -1]] for row in preds]


def _obtain_input_shape(
    input_shape, default_size, min_size, data_format, require_flatten=None, weights=None, include_top=False
):
    """The shape of a net's pictures, without the batch axis.

    Args:
        input_shape: what the user gave, or None.
        default_size: height and width if nothing was given.
        min_size: the least height and width.
        data_format: 'channels_first' or 'channels_last'.
        require_flatten: whether height and width must be known.
        weights: with 'imagenet' there must be three channels, and with `require_flatten` the default size.
        include_top: the name that `require_flatten` had up to Keras 2.0.8.

    Raises:
        ValueError: for a shape that this net cannot take.
    """
    channels_first = data_format == "channels_first"
    require_flatten = include_top if require_flatten is None else require_flatten

    def shape(size, channels):
        return (channels, size, size) if channels_first else (size, size, channels)

    channels = 3
    if weights != "imagenet" and input_shape and len(input_shape) == 3:
        channels = input_shape[0 if channels_first else -1]
        if channels not in (1, 3):
            warnings.warn(
                f"This model usually expects 1 or 3 input channels. However, it was passed an input_shape with "
                f"{channels} input channels.",
                stacklevel=4,
            )
    default = shape(default_size, channels)
    if input_shape is None:
        input_shape = default if require_flatten else shape(None, 3)
    input_shape = tuple(input_shape)
    if weights == "imagenet" and require_flatten:
        if input_shape != default:
            raise ValueError(
                "When setting `include_top=True` and loading `imagenet` weights, `input_shape` should be "
                f"{default}. Received: {input_shape}"
            )
        return default
    _check_given(input_shape, shape, min_size, weights)
    if require_flatten and None in input_shape:
        raise ValueError(
            f"If `include_top` is True, you should specify a static `input_shape`. Got `input_shape={input_shape}`"
        )
    return input_shape


def _check_given(input_shape, shape, min_size, weights):
    if len(input_shape) != 3:
        raise ValueError(f"`input_shape` must be a tuple of three integers. Received: {input_shape}")
    if weights == "imagenet" and input_shape[shape(None, 3).index(3)] != 3:
        raise ValueError(f"The input must have 3 channels; got `input_shape={input_shape}`")
    least = shape(min_size, None)
    if any(given is not None and wanted is not None and given < wanted for given, wanted in zip(input_shape, least)):
        raise ValueError(f"Input size must be at least {min_size}x{min_size}; got `input_shape={input_shape}`")
