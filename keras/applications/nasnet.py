"""NASNet: Zoph et al., "Learning Transferable Architectures for Scalable Image Recognition", 2017."""

from ..layers import Activation, BatchNormalization, Conv2D
from ._building import WeightFile, channel_axis, check_arguments, classified, finished, image_input, pooled
from ._injection import keras_modules_injection
from ._nasnet_cells import normal_cell, reduction_cell
from .imagenet_utils import decode_predictions
from .imagenet_utils import preprocess_input as _preprocess

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "keras_modules_injection", "preprocess_input"]

_FOLDER = "https://github.com/titu1994/Keras-NASNet/releases/download/v1.2/"
_MOBILE = {
    True: WeightFile(_FOLDER, "NASNet-mobile.h5", "020fb642bf7360b370c678b08e0adf61", "nasnet_mobile.h5"),
    False: WeightFile(
        _FOLDER, "NASNet-mobile-no-top.h5", "1ed92395b5b598bdda52abe5c0dbfd63", "nasnet_mobile_no_top.h5"
    ),
}
_LARGE = {
    True: WeightFile(_FOLDER, "NASNet-large.h5", "11577c9a518f0070763c2b964a382f17", "nasnet_large.h5"),
    False: WeightFile(_FOLDER, "NASNet-large-no-top.h5", "d81d89dc07e6e56530c4e77faddd61b5", "nasnet_large_no_top.h5"),
}


def NASNetMobile(
    input_shape=None,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """NASNet (4 @ 1056); its pictures are 224 x 224 by default, and at least 32 x 32. Arguments as for `VGG16`.

    Height and width must be known, also without the top.
    """
    check_arguments(weights, include_top, classes, kwargs)
    image = _image(input_tensor, input_shape, 224, include_top, weights)
    x = _features(image, filters=44, blocks=4, stem_filters=32, skips_reduction=False)
    return _finished(x, image, input_tensor, include_top, pooling, classes, weights, _MOBILE)


def NASNetLarge(
    input_shape=None,
    include_top=True,
    weights="imagenet",
    input_tensor=None,
    pooling=None,
    classes=1000,
    **kwargs,
):
    """NASNet (6 @ 4032); its pictures are 331 x 331 by default, and at least 32 x 32. Arguments as for `VGG16`.

    Height and width must be known, also without the top.
    """
    check_arguments(weights, include_top, classes, kwargs)
    image = _image(input_tensor, input_shape, 331, include_top, weights)
    x = _features(image, filters=168, blocks=6, stem_filters=96, skips_reduction=True)
    return _finished(x, image, input_tensor, include_top, pooling, classes, weights, _LARGE)


def _image(input_tensor, input_shape, size, include_top, weights):
    # The cells compare heights, so these must be known. The weights of a net without its top fit any size.
    return image_input(input_tensor, input_shape, size, 32, True, weights if include_top else None)


def _features(x, filters, blocks, stem_filters, skips_reduction):
    """Three stages of normal cells; between them, and before, reduction cells.

    Args:
        x: batch of pictures.
        filters: of each part of a cell in the first stage; twice as many in each stage after.
        blocks: normal cells in a stage.
        stem_filters: of the first convolution.
        skips_reduction: whether the cell after a reduction looks back past that, to the cell before.
    """
    x = Conv2D(
        stem_filters,
        (3, 3),
        strides=(2, 2),
        use_bias=False,
        kernel_initializer="he_normal",
        name="stem_conv1",
    )(x)
    x = BatchNormalization(axis=1 if channel_axis() == 1 else -1, momentum=0.9997, epsilon=1e-3, name="stem_bn1")(x)
    x, before = reduction_cell(x, None, filters // 4, "stem_1")
    x, before = reduction_cell(x, before, filters // 2, "stem_2")
    for stage in range(3):
        first = stage * blocks
        if stage:
            filters *= 2
            first += 1
            x, reduced = reduction_cell(x, before, filters, f"reduce_{stage * blocks}")
            before = before if skips_reduction else reduced
        for i in range(first, first + blocks):
            x, before = normal_cell(x, before, filters, str(i))
    return Activation("relu")(x)


def _finished(x, image, input_tensor, include_top, pooling, classes, weights, files):
    x = classified(x, classes, "predictions", pool_name=None) if include_top else pooled(x, pooling)
    return finished("NASNet", image, input_tensor, x, weights, files[bool(include_top)])


def preprocess_input(x, **kwargs):
    """Brings pictures with values from 0 to 255 to -1 to 1; see `imagenet_utils.preprocess_input`."""
    return _preprocess(x, mode="tf", **kwargs)
