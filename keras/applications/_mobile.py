"""What MobileNet and MobileNetV2 share: published weights for some widths and square sizes."""

import warnings

from .. import backend as K

DEFAULT_SIZE = 224


def default_size(shape, sizes):
    """The size of pictures that a given shape stands for: its own if weights were published for it, else 224.

    Args:
        shape: of a picture, without the batch axis, or None.
        sizes: those with published weights.
    """
    if shape is None:
        return DEFAULT_SIZE
    rows, columns = _rows_and_columns(shape)
    return rows if rows == columns and rows in sizes else DEFAULT_SIZE


def check_published(weights, alpha, alphas):
    """Raises ValueError if ImageNet's weights are wanted for a width that has none."""
    if weights == "imagenet" and alpha not in alphas:
        raise ValueError(
            f"If imagenet weights are being loaded, alpha can be one of {', '.join(map(str, alphas))} only. "
            f"Received: alpha={alpha}"
        )


def net_size(image, weights, sizes):
    """The size in the model's name, and in the name of ImageNet's weights: 224 where none fits better."""
    rows, columns = _rows_and_columns(K.int_shape(image)[1:])
    if weights == "imagenet" and (rows != columns or rows not in sizes):
        warnings.warn(
            f"`input_shape` is undefined or non-square, or its rows are not in {sizes}. "
            f"Weights for input shape ({DEFAULT_SIZE}, {DEFAULT_SIZE}) will be loaded as the default.",
            stacklevel=3,
        )
        return DEFAULT_SIZE
    return rows


def _rows_and_columns(shape):
    return shape[1:] if K.image_data_format() == "channels_first" else shape[:2]
