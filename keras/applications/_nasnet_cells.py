"""The two cells that a NASNet is made of.

Each takes the last cell's outcome `x` and that of the cell before it, and gives its own outcome and `x`.
"""

from .. import backend as K
from ..layers import (
    Activation, AveragePooling2D, BatchNormalization, Conv2D, Cropping2D, MaxPooling2D, SeparableConv2D, ZeroPadding2D,
    add, concatenate,
)  # fmt: skip
from ._building import channel_axis, padding_before_stride, spatial_shape


def normal_cell(x, before, filters, cell):
    """Keeps height and width.

    Args:
        x, before: the last two outcomes.
        filters: of each part; the outcome has six times as many.
        cell: ending of the layers' names.
    """
    before = _adjusted(before, x, filters, cell)
    here = _pointwise(x, filters, "normal", cell)

    def sum_of(number, left, right):
        return add([left, right], name=f"normal_add_{number}_{cell}")

    def convolved(x, size, part):
        return _separable(x, filters, size, f"normal_{part}_{cell}")

    def mean(x, part):
        return _mean(x, f"normal_{part}_{cell}")

    parts = [
        before,
        sum_of(1, convolved(here, 5, "left1"), convolved(before, 3, "right1")),
        sum_of(2, convolved(before, 5, "left2"), convolved(before, 3, "right2")),
        sum_of(3, mean(here, "left3"), before),
        sum_of(4, mean(before, "left4"), mean(before, "right4")),
        sum_of(5, convolved(here, 3, "left5"), here),
    ]
    return concatenate(parts, axis=_axis(), name=f"normal_concat_{cell}"), x


def reduction_cell(x, before, filters, cell):
    """Halves height and width.

    Args:
        x, before: the last two outcomes; `before` may be None.
        filters: of each part; the outcome has four times as many.
        cell: ending of the layers' names.
    """
    before = _adjusted(before, x, filters, cell)
    here = _pointwise(x, filters, "reduction", cell)
    padded = ZeroPadding2D(padding_before_stride(here, 3), name=f"reduction_pad_1_{cell}")(here)

    def shrunk(x, size, part):
        return _separable(x, filters, size, f"reduction_{part}_{cell}", strides=2)

    def pool(layer, part):
        return layer((3, 3), strides=(2, 2), name=f"reduction_{part}_{cell}")(padded)

    first = add([shrunk(here, 5, "left1"), shrunk(before, 7, "right1")], name=f"reduction_add_1_{cell}")
    second = add([pool(MaxPooling2D, "left2"), shrunk(before, 7, "right2")], name=f"reduction_add_2_{cell}")
    third = add([pool(AveragePooling2D, "left3"), shrunk(before, 5, "right3")], name=f"reduction_add3_{cell}")
    fourth = add([second, _mean(first, f"reduction_left4_{cell}")])
    fifth = add(
        [_separable(first, filters, 3, f"reduction_left4_{cell}"), pool(MaxPooling2D, "right5")],
        name=f"reduction_add4_{cell}",
    )
    return concatenate([second, third, fourth, fifth], axis=_axis(), name=f"reduction_concat_{cell}"), x


def _adjusted(before, x, filters, cell):
    """`before`, brought to the height of `x` or to the wanted number of channels."""
    if before is None:
        return x
    if spatial_shape(before) != spatial_shape(x):
        before = Activation("relu", name=f"adjust_relu_1_{cell}")(before)
        # Every other point, and the points between them, so that none is lost.
        between = Cropping2D(((1, 0), (1, 0)))(ZeroPadding2D(((0, 1), (0, 1)))(before))
        halves = [
            _convolution(
                AveragePooling2D((1, 1), strides=(2, 2), name=f"adjust_avg_pool_{i}_{cell}")(points),
                filters // 2,
                f"adjust_conv_{i}_{cell}",
            )
            for i, points in enumerate((before, between), 1)
        ]
        return _normed(concatenate(halves, axis=_axis()), f"adjust_bn_{cell}")
    if K.int_shape(before)[channel_axis()] != filters:
        before = _convolution(Activation("relu")(before), filters, f"adjust_conv_projection_{cell}")
        return _normed(before, f"adjust_bn_{cell}")
    return before


def _pointwise(x, filters, kind, cell):
    x = _convolution(Activation("relu")(x), filters, f"{kind}_conv_1_{cell}")
    return _normed(x, f"{kind}_bn_1_{cell}")


def _separable(x, filters, size, name, strides=1):
    """Two separable convolutions, the first with the stride."""
    x = Activation("relu")(x)
    if strides == 2:
        x = ZeroPadding2D(padding_before_stride(x, size), name=f"separable_conv_1_pad_{name}")(x)
    x = SeparableConv2D(
        filters,
        size,
        strides=strides,
        padding="valid" if strides == 2 else "same",
        use_bias=False,
        name=f"separable_conv_1_{name}",
    )(x)
    x = Activation("relu")(_normed(x, f"separable_conv_1_bn_{name}"))
    x = SeparableConv2D(filters, size, padding="same", use_bias=False, name=f"separable_conv_2_{name}")(x)
    return _normed(x, f"separable_conv_2_bn_{name}")


def _mean(x, name):
    return AveragePooling2D((3, 3), strides=(1, 1), padding="same", name=name)(x)


def _convolution(x, filters, name):
    return Conv2D(filters, (1, 1), padding="same", use_bias=False, kernel_initializer="he_normal", name=name)(x)


def _normed(x, name):
    return BatchNormalization(axis=_axis(), momentum=0.9997, epsilon=1e-3, name=name)(x)


def _axis():
    return 1 if channel_axis() == 1 else -1
