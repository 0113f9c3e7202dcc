"""ResNet: He et al., "Deep Residual Learning for Image Recognition", 2015."""

from ..layers import Add, Conv2D
from ._injection import keras_modules_injection
from ._resnet import active, normed, residual_net
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["ResNet50", "ResNet101", "ResNet152", "decode_predictions", "keras_modules_injection", "preprocess_input"]


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
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet50", _block, (3, 4, 6, 3), arguments)


def ResNet101(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet101; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet101", _block, (3, 4, 23, 3), arguments)


def ResNet152(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet152; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet152", _block, (3, 8, 36, 3), arguments)


def _block(x, filters, name, strides, projected):
    """Three convolutions beside a shortcut."""
    shortcut = x
    if projected:
        shortcut = normed(Conv2D(4 * filters, 1, strides=strides, name=name + "_0_conv")(x), name + "_0_bn")
    x = normed(Conv2D(filters, 1, strides=strides, name=name + "_1_conv")(x), name + "_1_bn")
    x = active(x, name + "_1_relu")
    x = normed(Conv2D(filters, 3, padding="same", name=name + "_2_conv")(x), name + "_2_bn")
    x = active(x, name + "_2_relu")
    x = normed(Conv2D(4 * filters, 1, name=name + "_3_conv")(x), name + "_3_bn")
    x = Add(name=name + "_add")([shortcut, x])
    return active(x, name + "_out")


def preprocess_input(x, **kwargs):
    """RGB to BGR, less ImageNet's mean; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="caffe", **kwargs)
