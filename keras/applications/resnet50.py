"""ResNet50 as first published with Keras: He et al., "Deep Residual Learning for Image Recognition", 2015.

`keras.applications.resnet` has the same net with other names and other weights.
"""

from ..layers import Activation, BatchNormalization, Conv2D, MaxPooling2D, ZeroPadding2D, add
from ._building import (
    DEEP_LEARNING_MODELS, channel_axis, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip
from ._injection import keras_modules_injection
from .imagenet_utils import decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.2/",
    "resnet50",
    top_md5="a7b3fe01876f51b976af0dea6bc144eb",
    notop_md5="a268eb855778b3df3c7506639542a6af",
)


def ResNet50(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet50; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 224, 32, include_top, weights)
    x = ZeroPadding2D((3, 3), name="conv1_pad")(image)
    x = _convolution(x, 64, (7, 7), "conv1", "bn_conv1", strides=(2, 2))
    x = Activation("relu")(x)
    x = ZeroPadding2D((1, 1), name="pool1_pad")(x)
    x = MaxPooling2D((3, 3), strides=(2, 2))(x)
    for stage, letters in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for letter in letters:
            x = _block(x, stage, letter)
    x = classified(x, classes, "fc1000") if include_top else pooled(x, pooling)
    return finished("resnet50", image, input_tensor, x, weights, _FILES[bool(include_top)])


def _block(x, stage, letter):
    """Three convolutions beside a shortcut; the first block of a stage widens, and from stage 3 on also shrinks."""
    filters = 16 * 2**stage
    strides = (2, 2) if letter == "a" and stage > 2 else (1, 1)
    names = [f"{part}{stage}{letter}_branch" for part in ("res", "bn")]

    def convolution(x, filters, size, branch, **options):
        return _convolution(x, filters, size, *(name + branch for name in names), **options)

    y = Activation("relu")(convolution(x, filters, (1, 1), "2a", strides=strides))
    y = Activation("relu")(convolution(y, filters, (3, 3), "2b", padding="same"))
    y = convolution(y, 4 * filters, (1, 1), "2c")
    shortcut = convolution(x, 4 * filters, (1, 1), "1", strides=strides) if letter == "a" else x
    return Activation("relu")(add([y, shortcut]))


def _convolution(x, filters, size, name, norm_name, **options):
    x = Conv2D(filters, size, kernel_initializer="he_normal", name=name, **options)(x)
    return BatchNormalization(axis=channel_axis(), name=norm_name)(x)
