"""VGG16: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014."""

from ._building import DEEP_LEARNING_MODELS, top_and_notop
from ._injection import keras_modules_injection
from ._vgg import vgg
from .imagenet_utils import decode_predictions, preprocess_input

__all__ = ["VGG16", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.1/",
    "vgg16",
    top_md5="64373286793e3c8b2b4e3219cbf3544b",
    notop_md5="6d6bbae143d832006294945121d1f1fc",
)


def VGG16(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """VGG16; its pictures are 224 x 224 by default.

    Args:
        include_top: whether to have the three dense layers at the end.
        weights: 'imagenet', the path of a file of weights, or None for random ones.
        input_tensor: tensor to start from instead of a new input.
        input_shape: shape of a picture, such as (224, 224, 3); at least 32 x 32. Without the top, height and width
            need not be known.
        pooling: without the top: 'avg' or 'max' over height and width, or None.
        classes: number of classes, with the top.

    Returns:
        A Model.

    Raises:
        ValueError: for weights or a shape that do not fit.
    """
    return vgg(
        "vgg16", (2, 2, 3, 3, 3), _FILES, include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    )
