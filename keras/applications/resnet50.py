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
    x = _normed_convolution(x, 64, (7, 7), "conv1", "bn_conv1", strides=(2, 2))
    x = Activation("relu")(x)
    x = ZeroPadding2D((1, 1), name="pool1_pad")(x)
    x = MaxPooling2D((3, 3), strides=(2, 2))(x)
    for stage, letters in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for letter in letters:
            filters = [16 * 2**stage, 16 * 2**stage, 64 * 2**stage]
            if letter == "a":  # widens, and from stage 3 on also shrinks
                x = conv_block(x, 3, filters, stage, letter, strides=(1, 1) if stage == 2 else (2, 2))
            else:
                x = identity_block(x, 3, filters, stage, letter)
    x = classified(x, classes, "fc1000") if include_top else pooled(x, pooling)
    return finished("resnet50", image, input_tensor, x, weights, _FILES[bool(include_top)])


def identity_block(input_tensor, kernel_size, filters, stage, block):
    """Three convolutions beside the input itself.

    Args:
        kernel_size: of the middle convolution; the others are of single points.
        filters: the numbers of filters of the three.
        stage, block: a number and a letter for the layers' names, such as 2 and 'a'.
    """
    y = _three_convolutions(input_tensor, kernel_size, filters, stage, block, (1, 1))
    return Activation("relu")(add([y, input_tensor]))


def conv_block(input_tensor, kernel_size, filters, stage, block, strides=(2, 2)):
    """Three convolutions beside a fourth one; arguments as for `identity_block`.

    Args:
        strides: of the first convolution, and of the one beside them.
    """
    y = _three_convolutions(input_tensor, kernel_size, filters, stage, block, strides)
    shortcut = _convolution(input_tensor, filters[2], (1, 1), stage, block, "1", strides=strides)
    return Activation("relu")(add([y, shortcut]))


def _three_convolutions(x, kernel_size, filters, stage, block, strides):
    x = Activation("relu")(_convolution(x, filters[0], (1, 1), stage, block, "2a", strides=strides))
    x = Activation("relu")(_convolution(x, filters[1], kernel_size, stage, block, "2b", padding="same"))
    return _convolution(x, filters[2], (1, 1), stage, block, "2c")


def _convolution(x, filters, size, stage, block, branch, **options):
    place = f"{stage}{block}_branch{branch}"
    return _normed_convolution(x, filters, size, "res" + place, "bn" + place, **options)


def _normed_convolution(x, filters, size, name, norm_name, **options):
    x = Conv2D(filters, size, kernel_initializer="he_normal", name=name, **options)(x)
    return BatchNormalization(axis=channel_axis(), name=norm_name)(x)
