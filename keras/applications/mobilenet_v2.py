"""MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018."""

from .. import backend as K
from ..layers import Add, BatchNormalization, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D
from ._building import (
    WeightFile, channel_axis, check_arguments, classified, finished, image_input, padding_before_stride, pooled,
)  # fmt: skip
from ._injection import keras_modules_injection
from ._mobile import check_published, default_size, net_size
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess
from .mobilenet import relu6  # noqa: F401 (where it was up to Keras 2.2.2)

__all__ = ["MobileNetV2", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FOLDER = "https://github.com/JonathanCMitchell/mobilenet_v2_keras/releases/download/v1.1/"
_SIZES = (96, 128, 160, 192, 224)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)
_STAGES = (  # filters, stride of the first block, number of blocks
    (24, 2, 2), (32, 2, 3), (64, 2, 4), (96, 1, 3), (160, 2, 3), (320, 1, 1),
)  # fmt: skip


def MobileNetV2(
    input_shape=None,
    alpha=1.0,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """MobileNetV2; its pictures are 224 x 224 by default, and at least 32 x 32.

    Args:
        alpha: factor of all numbers of filters. ImageNet's weights are there for 0.35, 0.5, 0.75, 1, 1.3 and 1.4.
        The others: as for `VGG16`. ImageNet's weights are there for 96, 128, 160, 192 and 224 points.
    """
    check_arguments(weights, include_top, classes, kwargs)
    check_published(weights, alpha, _ALPHAS)
    size = default_size(_given_shape(input_tensor, input_shape), _SIZES)
    image = image_input(input_tensor, input_shape, size, 32, include_top, weights)
    size = net_size(image, weights, _SIZES)
    x = ZeroPadding2D(padding_before_stride(image, 3), name="Conv1_pad")(image)
    x = Conv2D(_rounded(32 * alpha), 3, strides=(2, 2), use_bias=False, name="Conv1")(x)
    x = ReLU(6.0, name="Conv1_relu")(_normed(x, "bn_Conv1"))
    x = _block(x, _rounded(16 * alpha), stride=1, expansion=1, name="expanded_conv")
    number = 0
    for filters, first_stride, blocks in _STAGES:
        for i in range(blocks):
            number += 1
            stride = first_stride if i == 0 else 1
            x = _block(x, _rounded(int(filters * alpha)), stride, expansion=6, name=f"block_{number}")
    x = Conv2D(_rounded(1280 * max(alpha, 1.0)), 1, use_bias=False, name="Conv_1")(x)
    x = ReLU(6.0, name="out_relu")(_normed(x, "Conv_1_bn"))
    x = classified(x, classes, "Logits", pool_name=None) if include_top else pooled(x, pooling)
    published = _file(alpha, size, include_top) if weights == "imagenet" else None
    return finished(f"mobilenetv2_{alpha:0.2f}_{size}", image, input_tensor, x, weights, published)


def _given_shape(input_tensor, input_shape):
    """The shape of a picture that the arguments tell."""
    if input_tensor is None:
        return input_shape
    shape = K.int_shape(input_tensor)[1:]
    if input_shape is not None and tuple(input_shape) != shape:
        raise ValueError(
            f"`input_shape` {tuple(input_shape)} and the shape of `input_tensor` without its batch axis, {shape}, "
            "do not meet the same shape requirements. Give only one of the two."
        )
    return shape


def _block(x, filters, stride, expansion, name):
    """Widens, convolves each channel by itself, narrows; x is added where the shapes agree."""
    channels = K.int_shape(x)[channel_axis()]
    y = x
    if expansion > 1:
        y = Conv2D(expansion * channels, 1, padding="same", use_bias=False, name=name + "_expand")(y)
        y = ReLU(6.0, name=name + "_expand_relu")(_normed(y, name + "_expand_BN"))
    if stride == 2:
        y = ZeroPadding2D(padding_before_stride(y, 3), name=name + "_pad")(y)
    padding = "same" if stride == 1 else "valid"
    y = DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=name + "_depthwise")(y)
    y = ReLU(6.0, name=name + "_depthwise_relu")(_normed(y, name + "_depthwise_BN"))
    y = Conv2D(filters, 1, padding="same", use_bias=False, name=name + "_project")(y)
    y = _normed(y, name + "_project_BN")
    return Add(name=name + "_add")([x, y]) if channels == filters and stride == 1 else y


def _normed(x, name):
    axis = 1 if channel_axis() == 1 else -1
    return BatchNormalization(axis=axis, epsilon=1e-3, momentum=0.999, name=name)(x)


def _rounded(filters, divisor=8):
    """The next multiple of 8 that takes away no more than a tenth."""
    rounded = max(divisor, int(filters + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * filters else rounded


def _file(alpha, size, include_top):
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{size}{'' if include_top else '_no_top'}.h5"
    return WeightFile(_FOLDER, name)


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
