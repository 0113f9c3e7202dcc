"""VGG19: Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", 2014."""

from ._building import DEEP_LEARNING_MODELS, top_and_notop
from ._injection import keras_modules_injection
from ._vgg import vgg
from .imagenet_utils import decode_predictions, preprocess_input

__all__ = ["VGG19", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.1/",
    "vgg19",
    top_md5="cbe5617147190e668d6c5d5026f83318",
    notop_md5="253f8cb515780f3b799900260a226db6",
)


def VGG19(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """VGG19; its pictures are 224 x 224 by default.

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
        "vgg19", (2, 2, 4, 4, 4), _FILES, include_top, weights, input_tensor, input_shape, pooling, classes, kwargs
    )
