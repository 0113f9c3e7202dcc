"""InceptionResNetV2: Szegedy et al., "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
Learning", 2016."""

from .. import backend as K
from ..layers import Activation, Conv2D, Lambda
from ._building import (
    DEEP_LEARNING_MODELS, channel_axis, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip
from ._inception import beside, branch, convolution, mean_branch, shrinking_branch, shrinking_maximum, stem
from ._injection import keras_modules_injection
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["InceptionResNetV2", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.7/",
    "inception_resnet_v2",
    top_md5="e693bd0210a403b3192acc6073ad2e96",
    notop_md5="d19885ff4a710c122648d3b5c3b684e4",
)
_BRANCHES = {  # of the blocks at 35 x 35, 17 x 17 and 8 x 8 points (for the default picture)
    35: (((32, 1),), ((32, 1), (32, 3)), ((32, 1), (48, 3), (64, 3))),
    17: (((192, 1),), ((128, 1), (160, (1, 7)), (192, (7, 1)))),
    8: (((192, 1),), ((192, 1), (224, (1, 3)), (256, (3, 1)))),
}


def InceptionResNetV2(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """InceptionResNetV2; its pictures are 299 x 299 by default, and at least 75 x 75. Arguments as for `VGG16`."""
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 299, 75, include_top, weights)
    x = stem(image)
    x = beside(
        [
            branch(x, (96, 1)),
            branch(x, (48, 1), (64, 5)),
            branch(x, (64, 1), (96, 3), (96, 3)),
            mean_branch(x, 64),
        ],
        "mixed_5b",
    )
    for i in range(1, 11):
        x = _residual_block(x, 35, i, scale=0.17)
    x = beside(
        [shrinking_branch(x, (384, 3)), shrinking_branch(x, (256, 1), (256, 3), (384, 3)), shrinking_maximum(x)],
        "mixed_6a",
    )
    for i in range(1, 21):
        x = _residual_block(x, 17, i, scale=0.1)
    x = beside(
        [
            shrinking_branch(x, (256, 1), (384, 3)),
            shrinking_branch(x, (256, 1), (288, 3)),
            shrinking_branch(x, (256, 1), (288, 3), (320, 3)),
            shrinking_maximum(x),
        ],
        "mixed_7a",
    )
    for i in range(1, 10):
        x = _residual_block(x, 8, i, scale=0.2)
    x = _residual_block(x, 8, 10, scale=1.0, is_active=False)
    x = convolution(x, 1536, 1, name="conv_7b")
    x = classified(x, classes, "predictions") if include_top else pooled(x, pooling)
    return finished("inception_resnet_v2", image, input_tensor, x, weights, _FILES[bool(include_top)])


def _residual_block(x, points, number, scale, is_active=True):
    """Branches brought back to x's number of channels, and a share of them added to x."""
    name = f"block{points}_{number}"
    branches = beside([branch(x, *convolutions) for convolutions in _BRANCHES[points]], name + "_mixed")
    step = Conv2D(K.int_shape(x)[channel_axis()], 1, padding="same", name=name + "_conv")(branches)
    x = Lambda(scaled_step, output_shape=K.int_shape(x)[1:], arguments={"scale": scale}, name=name)([x, step])
    return Activation("relu", name=name + "_ac")(x) if is_active else x


def scaled_step(inputs, scale):
    """x + scale * step. Saved files know the layers that compute this by name: see `saving.known_lambdas`."""
    x, step = inputs
    return x + step * scale


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
