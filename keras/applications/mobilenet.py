"""MobileNet: Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications",
2017."""

from .. import backend as K
from ..layers import (
    Activation, BatchNormalization, Conv2D, DepthwiseConv2D, Dropout, GlobalAveragePooling2D, ReLU, Reshape,
    ZeroPadding2D,
)  # fmt: skip
from ._building import DEEP_LEARNING_MODELS, WeightFile, channel_axis, check_arguments, finished, image_input, pooled
from ._injection import keras_modules_injection
from ._mobile import check_published, default_size, net_size
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["MobileNet", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_SIZES = (128, 160, 192, 224)
_ALPHAS = {0.25: "2_5", 0.5: "5_0", 0.75: "7_5", 1.0: "1_0"}  # as in the files' names
_BLOCKS = (  # filters, stride
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), (512, 1), (512, 1), (512, 1), (512, 1), (512, 1),
    (1024, 2), (1024, 1),
)  # fmt: skip


def MobileNet(
    input_shape=None,
    alpha=1.0,
    depth_multiplier=1,
    dropout=1e-3,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """MobileNet; its pictures are 224 x 224 by default, and at least 32 x 32.

    Args:
        alpha: factor of all numbers of filters. ImageNet's weights are there for 0.25, 0.5, 0.75 and 1.
        depth_multiplier: channels that a depthwise convolution makes of one; 1 for ImageNet's weights.
        dropout: rate of dropout before the classes.
        The others: as for `VGG16`. ImageNet's weights are there for 128, 160, 192 and 224 points.
    """
    check_arguments(weights, include_top, classes, kwargs)
    check_published(weights, alpha, _ALPHAS)
    if weights == "imagenet" and depth_multiplier != 1:
        raise ValueError(
            f"If imagenet weights are being loaded, depth multiplier must be 1. Received: {depth_multiplier}"
        )
    image = image_input(input_tensor, input_shape, default_size(input_shape, _SIZES), 32, include_top, weights)
    size = net_size(image, weights, _SIZES)
    x = _conv_block(image, 32, alpha, strides=(2, 2))
    for number, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _depthwise_conv_block(x, filters, alpha, depth_multiplier, (stride, stride), number)
    x = _classified(x, int(1024 * alpha), dropout, classes) if include_top else pooled(x, pooling)
    published = _file(alpha, size, include_top) if weights == "imagenet" else None
    return finished(f"mobilenet_{alpha:0.2f}_{size}", image, input_tensor, x, weights, published)


def _conv_block(inputs, filters, alpha, kernel=(3, 3), strides=(1, 1)):
    """The first convolution, with a row and a column of zeros. Scripts import it, as they do the next."""
    x = ZeroPadding2D(((0, 1), (0, 1)), name="conv1_pad")(inputs)
    x = Conv2D(int(filters * alpha), kernel, strides=strides, use_bias=False, name="conv1")(x)
    return _normed_active(x, "conv1")


def _depthwise_conv_block(inputs, pointwise_conv_filters, alpha, depth_multiplier=1, strides=(1, 1), block_id=1):
    """A convolution of each channel by itself, then one of single points."""
    keeps_size = tuple(strides) == (1, 1)
    x = inputs if keeps_size else ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{block_id}")(inputs)
    x = DepthwiseConv2D(
        (3, 3),
        padding="same" if keeps_size else "valid",
        depth_multiplier=depth_multiplier,
        strides=strides,
        use_bias=False,
        name=f"conv_dw_{block_id}",
    )(x)
    x = _normed_active(x, f"conv_dw_{block_id}")
    filters = int(pointwise_conv_filters * alpha)
    x = Conv2D(filters, (1, 1), padding="same", use_bias=False, name=f"conv_pw_{block_id}")(x)
    return _normed_active(x, f"conv_pw_{block_id}")


def _normed_active(x, name):
    x = BatchNormalization(axis=1 if channel_axis() == 1 else -1, name=name + "_bn")(x)
    return ReLU(6.0, name=name + "_relu")(x)


def _classified(x, channels, dropout, classes):
    """The classes' probabilities, by a convolution over a single point."""
    point = (channels, 1, 1) if K.image_data_format() == "channels_first" else (1, 1, channels)
    x = GlobalAveragePooling2D()(x)
    x = Reshape(point, name="reshape_1")(x)
    x = Dropout(dropout, name="dropout")(x)
    x = Conv2D(classes, (1, 1), padding="same", name="conv_preds")(x)
    x = Reshape((classes,), name="reshape_2")(x)
    return Activation("softmax", name="act_softmax")(x)


def relu6(x):
    """What files saved up to Keras 2.2.2 name as an activation. They load without it; scripts of that time give it:
    `custom_objects={"relu6": mobilenet.relu6, "DepthwiseConv2D": mobilenet.DepthwiseConv2D}`.
    """
    return K.relu(x, max_value=6.0)


def _file(alpha, size, include_top):
    return WeightFile(
        DEEP_LEARNING_MODELS + "v0.6/", f"mobilenet_{_ALPHAS[alpha]}_{size}_tf{'' if include_top else '_no_top'}.h5"
    )


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
