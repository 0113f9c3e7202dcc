"""InceptionV3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2015."""

from ._building import (
    DEEP_LEARNING_MODELS, check_arguments, classified, finished, image_input, pooled, top_and_notop,
)  # fmt: skip
from ._inception import (
    beside, branch, mean_branch, named_convolution, shrinking_branch, shrinking_maximum, stem,
)  # fmt: skip
from ._injection import keras_modules_injection
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["InceptionV3", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FILES = top_and_notop(
    DEEP_LEARNING_MODELS + "v0.5/",
    "inception_v3",
    top_md5="9a0d58056eeedaa3f26cb7ebd46da564",
    notop_md5="bcbd6486424b2319ff4ef7d526e38f63",
)
_WIDE, _HIGH = (1, 7), (7, 1)


def InceptionV3(
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """InceptionV3; its pictures are 299 x 299 by default, and at least 75 x 75. Arguments as for `VGG16`."""
    check_arguments(weights, include_top, classes, kwargs)
    image = image_input(input_tensor, input_shape, 299, 75, include_top, weights)
    x = stem(image)
    for i, filters in enumerate((32, 64, 64)):
        x = _block35(x, filters, f"mixed{i}")
    x = beside(
        [shrinking_branch(x, (384, 3)), shrinking_branch(x, (64, 1), (96, 3), (96, 3)), shrinking_maximum(x)], "mixed3"
    )
    for i, filters in enumerate((128, 160, 160, 192), 4):
        x = _block17(x, filters, f"mixed{i}")
    narrowing = (192, 1), (192, _WIDE), (192, _HIGH), (192, 3)
    x = beside(
        [shrinking_branch(x, (192, 1), (320, 3)), shrinking_branch(x, *narrowing), shrinking_maximum(x)], "mixed8"
    )
    for i in (0, 1):
        x = _block8(x, f"mixed{9 + i}", fork_name=f"mixed9_{i}")
    x = classified(x, classes, "predictions") if include_top else pooled(x, pooling)
    return finished("inception_v3", image, input_tensor, x, weights, _FILES[bool(include_top)])


def conv2d_bn(x, filters, num_row, num_col, padding="same", strides=(1, 1), name=None):
    """Convolution without bias, batch normalisation without scale, relu: what this net is made of.

    Args:
        num_row, num_col: height and width of the kernel.
        name: of the activation; the other two layers' names end in '_conv' and '_bn'.
    """
    names = (name + "_conv", name + "_bn", name) if name else (None, None, None)
    return named_convolution(x, filters, (num_row, num_col), strides, padding, names)


def _block35(x, filters, name):
    """At 35 x 35 points, for the default picture."""
    return beside(
        [
            branch(x, (64, 1)),
            branch(x, (48, 1), (64, 5)),
            branch(x, (64, 1), (96, 3), (96, 3)),
            mean_branch(x, filters),
        ],
        name,
    )


def _block17(x, filters, name):
    """At 17 x 17 points: windows of 7 x 7 as pairs of strips."""
    n = filters
    return beside(
        [
            branch(x, (192, 1)),
            branch(x, (n, 1), (n, _WIDE), (192, _HIGH)),
            branch(x, (n, 1), (n, _HIGH), (n, _WIDE), (n, _HIGH), (192, _WIDE)),
            mean_branch(x, 192),
        ],
        name,
    )


def _block8(x, name, fork_name):
    """At 8 x 8 points: two branches fork at their ends."""
    point = branch(x, (320, 1))
    short = _fork(branch(x, (384, 1)), fork_name)
    long = _fork(branch(x, (448, 1), (384, 3)))
    return beside([point, short, long, mean_branch(x, 192)], name)


def _fork(x, name=None):
    return beside([branch(x, (384, (1, 3))), branch(x, (384, (3, 1)))], name)


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
