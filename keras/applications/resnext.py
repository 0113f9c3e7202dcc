"""ResNeXt: Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", 2016."""

from .. import backend as K
from ..layers import Add, Conv2D, DepthwiseConv2D, Lambda, Reshape, ZeroPadding2D
from ._building import spatial_shape
from ._injection import keras_modules_injection
from ._resnet import active, normed, residual_net
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["ResNeXt50", "ResNeXt101", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_GROUPS = 32


def ResNeXt50(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNeXt50; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`.

    Height and width must be known, also without the top.
    """
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnext50", _block, (3, 4, 6, 3), arguments, use_bias=False, widening=2)


def ResNeXt101(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """ResNeXt101; its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`.

    Height and width must be known, also without the top.
    """
    arguments = include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    return residual_net("resnext101", _block, (3, 4, 23, 3), arguments, use_bias=False, widening=2)


def _block(x, filters, name, strides, projected):
    """Two convolutions with one in 32 groups between them, beside a shortcut."""
    shortcut = x
    if projected:
        shortcut = Conv2D(2 * filters, 1, strides=strides, use_bias=False, name=name + "_0_conv")(x)
        shortcut = normed(shortcut, name + "_0_bn")
    x = normed(Conv2D(filters, 1, use_bias=False, name=name + "_1_conv")(x), name + "_1_bn")
    x = active(x, name + "_1_relu")
    x = ZeroPadding2D(((1, 1), (1, 1)), name=name + "_2_pad")(x)
    x = normed(_grouped(x, filters, name + "_2", strides), name + "_2_bn")
    x = active(x, name + "_2_relu")
    x = normed(Conv2D(2 * filters, 1, use_bias=False, name=name + "_3_conv")(x), name + "_3_bn")
    x = Add(name=name + "_add")([shortcut, x])
    return active(x, name + "_out")


def _grouped(x, filters, name, strides):
    """A 3 x 3 convolution in groups: each input channel gives all outputs of its group, which are then added up."""
    channels = filters // _GROUPS
    x = DepthwiseConv2D(3, strides=strides, depth_multiplier=channels, use_bias=False, name=name + "_conv")(x)
    space = spatial_shape(x)
    if None in space:
        raise ValueError(
            "ResNeXt must know the height and width of its pictures. Give `input_shape`, such as (224, 224, 3)."
        )
    parts = (_GROUPS, channels, channels)  # group, input, output
    if K.image_data_format() == "channels_first":
        x = Reshape((*parts, *space))(x)
        x = Lambda(sum_over_inputs, arguments={"axis": 2}, name=name + "_reduce")(x)
        return Reshape((filters, *space))(x)
    x = Reshape((*space, *parts))(x)
    x = Lambda(sum_over_inputs, name=name + "_reduce")(x)
    return Reshape((*space, filters))(x)


def sum_over_inputs(x, axis=4):
    """Saved files know the layers that compute this by name: see `saving.known_lambdas`."""
    return K.sum(x, axis=axis)


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to 0 to 1, less ImageNet's mean and divided by its deviation.

    See `imagenet_utils.preprocess_input`.
    """
    return _preprocess(x, mode="torch", **kwargs)
