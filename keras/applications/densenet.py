"""DenseNet: Huang et al., "Densely Connected Convolutional Networks", 2016."""

from .. import backend as K
from ..layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D, ZeroPadding2D
from ._building import (
    KERAS_APPLICATIONS, channel_axis, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip
from ._injection import keras_modules_injection
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = [
    "DenseNet121", "DenseNet169", "DenseNet201",
    "decode_predictions", "keras_modules_injection", "preprocess_input",
]  # fmt: skip

_GROWTH = 32  # channels that each convolution adds
_MD5 = {  # with the top, without
    "densenet121": ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    "densenet169": ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    "densenet201": ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
}


def DenseNet121(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """DenseNet121; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return _densenet("densenet121", (6, 12, 24, 16), *arguments)


def DenseNet169(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """DenseNet169; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return _densenet("densenet169", (6, 12, 32, 32), *arguments)


def DenseNet201(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """DenseNet201; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return _densenet("densenet201", (6, 12, 48, 32), *arguments)


def _densenet(name, depths, include_top, weights, input_tensor, input_shape, pooling, classes, kwargs):
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 224, 32, include_top, weights)
    x = ZeroPadding2D(((3, 3), (3, 3)))(image)
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1/conv")(x)
    x = _normed_active(x, "conv1/bn", "conv1/relu")
    x = ZeroPadding2D(((1, 1), (1, 1)))(x)
    x = MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, depth in enumerate(depths, 2):
        if stage > 2:
            x = _transition(x, f"pool{stage - 1}")
        for i in range(1, depth + 1):
            x = _growing_block(x, f"conv{stage}_block{i}")
    x = _normed_active(x, "bn", "relu")
    x = classified(x, classes, "fc1000") if include_top else pooled(x, pooling, named=True)
    files = top_and_notop(KERAS_APPLICATIONS + "densenet/", name, *_MD5[name])
    return finished(name, image, input_tensor, x, weights, files[bool(include_top)])


def _growing_block(x, name):
    """Two convolutions whose outcome is put beside what they started from."""
    y = _normed_active(x, name + "_0_bn", name + "_0_relu")
    y = Conv2D(4 * _GROWTH, 1, use_bias=False, name=name + "_1_conv")(y)
    y = _normed_active(y, name + "_1_bn", name + "_1_relu")
    y = Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=name + "_2_conv")(y)
    return Concatenate(axis=channel_axis(), name=name + "_concat")([x, y])


def _transition(x, name):
    """Halves channels, height and width."""
    x = _normed_active(x, name + "_bn", name + "_relu")
    x = Conv2D(K.int_shape(x)[channel_axis()] // 2, 1, use_bias=False, name=name + "_conv")(x)
    return AveragePooling2D(2, strides=2, name=name + "_pool")(x)


def _normed_active(x, norm_name, active_name):
    x = BatchNormalization(axis=channel_axis(), epsilon=1.001e-5, name=norm_name)(x)
    return Activation("relu", name=active_name)(x)


def preprocess_input(x, data_format=None, **kwargs):
    """Brings pictures with values from 0 to 255 to 0 to 1, less ImageNet's mean and divided by its deviation.

    See `imagenet_utils.preprocess_input`.
    """
    return _preprocess(x, data_format, mode="torch", **kwargs)
