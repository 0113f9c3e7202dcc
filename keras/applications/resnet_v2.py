"""ResNetV2: He et al., "Identity Mappings in Deep Residual Networks", 2016."""

from ..layers import Add, Conv2D, MaxPooling2D, ZeroPadding2D
from ._injection import keras_modules_injection
from ._resnet import active, normed, residual_net
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = [
    "ResNet50V2", "ResNet101V2", "ResNet152V2",
    "decode_predictions", "keras_modules_injection", "preprocess_input",
]  # fmt: skip


def ResNet50V2(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet50V2; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet50v2", _block, (3, 4, 6, 3), arguments, preactivated=True, stride_at_end=True)


def ResNet101V2(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet101V2; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet101v2", _block, (3, 4, 23, 3), arguments, preactivated=True, stride_at_end=True)


def ResNet152V2(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNet152V2; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`."""
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnet152v2", _block, (3, 8, 36, 3), arguments, preactivated=True, stride_at_end=True)


def _block(x, filters, name, strides, projected):
    """Normalisation and activation, three convolutions, and a shortcut around the convolutions or around all."""
    y = active(normed(x, name + "_preact_bn"), name + "_preact_relu")
    if projected:
        shortcut = Conv2D(4 * filters, 1, strides=strides, name=name + "_0_conv")(y)
    else:
        shortcut = MaxPooling2D(1, strides=strides)(x) if strides > 1 else x
    y = Conv2D(filters, 1, strides=1, use_bias=False, name=name + "_1_conv")(y)
    y = active(normed(y, name + "_1_bn"), name + "_1_relu")
    y = ZeroPadding2D(((1, 1), (1, 1)), name=name + "_2_pad")(y)
    y = Conv2D(filters, 3, strides=strides, use_bias=False, name=name + "_2_conv")(y)
    y = active(normed(y, name + "_2_bn"), name + "_2_relu")
    y = Conv2D(4 * filters, 1, name=name + "_3_conv")(y)
    return Add(name=name + "_out")([shortcut, y])


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
