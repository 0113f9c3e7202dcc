"""What InceptionV3 and InceptionResNetV2 share."""

from ..layers import Activation, AveragePooling2D, BatchNormalization, Concatenate, Conv2D, MaxPooling2D
from ._building import channel_axis


def convolution(x, filters, size, strides=1, padding="same", name=None):
    """Convolution, normalisation, activation."""
    names = (name, name + "_bn", name + "_ac") if name else (None, None, None)
    return named_convolution(x, filters, size, strides, padding, names)


def named_convolution(x, filters, size, strides, padding, names):
    """The same, with a name for each of the three layers."""
    x = Conv2D(filters, size, strides=strides, padding=padding, use_bias=False, name=names[0])(x)
    x = BatchNormalization(axis=channel_axis(), scale=False, name=names[1])(x)
    return Activation("relu", name=names[2])(x)


def branch(x, *convolutions):
    """Convolutions one after another, each (filters, size)."""
    for filters, size in convolutions:
        x = convolution(x, filters, size)
    return x


def shrinking_branch(x, *convolutions):
    """The same; the last one halves height and width."""
    *first, (filters, size) = convolutions
    return convolution(branch(x, *first), filters, size, strides=2, padding="valid")


def mean_branch(x, filters):
    """The mean of the neighbours, then a convolution of single points."""
    x = AveragePooling2D((3, 3), strides=(1, 1), padding="same")(x)
    return branch(x, (filters, 1))


def shrinking_maximum(x):
    return MaxPooling2D((3, 3), strides=(2, 2))(x)


def beside(branches, name=None):
    return Concatenate(axis=channel_axis(), name=name)(branches)


def stem(x):
    """To an eighth of height and width, and 192 channels."""
    x = convolution(x, 32, 3, strides=2, padding="valid")
    x = convolution(x, 32, 3, padding="valid")
    x = shrinking_maximum(convolution(x, 64, 3))
    x = convolution(x, 80, 1, padding="valid")
    return shrinking_maximum(convolution(x, 192, 3, padding="valid"))
