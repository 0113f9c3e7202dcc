"""Xception: Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", 2016."""

from ..layers import Activation, BatchNormalization, Conv2D, MaxPooling2D, SeparableConv2D, add
from ._building import (
    DEEP_LEARNING_MODELS, channel_axis, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip
from ._injection import keras_modules_injection
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["Xception", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.4/",
    "xception",
    top_md5="0a58e3b7378bc2990ea3b43d5981f1f6",
    notop_md5="b0042744bf5b25fce3cb969f33bebb97",
)


def Xception(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """Xception; its pictures are 299 x 299 by default, and at least 71 x 71. Arguments as for `VGG16`."""
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 299, 71, include_top, weights)
    x = _stem(image)
    for block, filters in ((2, 128), (3, 256), (4, 728)):
        x = _shrinking_block(x, block, (filters, filters), starts_active=block > 2)
    for block in range(5, 13):
        x = _middle_block(x, block)
    x = _shrinking_block(x, 13, (728, 1024))
    for i, filters in ((1, 1536), (2, 2048)):
        x = _separable(x, filters, f"block14_sepconv{i}")
        x = Activation("relu", name=f"block14_sepconv{i}_act")(x)
    x = classified(x, classes, "predictions") if include_top else pooled(x, pooling)
    return finished("xception", image, input_tensor, x, weights, _FILES[bool(include_top)])


def _stem(x):
    for i, filters, strides in ((1, 32, (2, 2)), (2, 64, (1, 1))):
        x = Conv2D(filters, (3, 3), strides=strides, use_bias=False, name=f"block1_conv{i}")(x)
        x = _norm(x, f"block1_conv{i}_bn")
        x = Activation("relu", name=f"block1_conv{i}_act")(x)
    return x


def _shrinking_block(x, block, filters, starts_active=True):
    """Two separable convolutions and a pooling, beside a convolution with a stride of 2."""
    shortcut = Conv2D(filters[-1], (1, 1), strides=(2, 2), padding="same", use_bias=False)(x)
    shortcut = _norm(shortcut)
    for i in (1, 2):
        name = f"block{block}_sepconv{i}"
        if i == 2 or starts_active:
            x = Activation("relu", name=name + "_act")(x)
        x = _separable(x, filters[i - 1], name)
    x = MaxPooling2D((3, 3), strides=(2, 2), padding="same", name=f"block{block}_pool")(x)
    return add([x, shortcut])


def _middle_block(x, block):
    shortcut = x
    for i in (1, 2, 3):
        name = f"block{block}_sepconv{i}"
        x = Activation("relu", name=name + "_act")(x)
        x = _separable(x, 728, name)
    return add([x, shortcut])


def _separable(x, filters, name):
    x = SeparableConv2D(filters, (3, 3), padding="same", use_bias=False, name=name)(x)
    return _norm(x, name + "_bn")


def _norm(x, name=None):
    return BatchNormalization(axis=1 if channel_axis() == 1 else -1, name=name)(x)


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
