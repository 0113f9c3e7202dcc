"""What all nets share: checks of arguments, the input, the end, and the weights."""

import os
from typing import NamedTuple

from .. import backend as K
from ..utils.layer_utils import get_source_inputs
from ..layers import Dense, GlobalAveragePooling2D, GlobalMaxPooling2D, Input
from ..models import Model
from ..utils.data_utils import get_file
from ..utils.near_names import did_you_mean
from ._injection import MODULES
from .imagenet_utils import _obtain_input_shape

# Where the first nets' weights were published, and later ones'.
DEEP_LEARNING_MODELS = "https://github.com/fchollet/deep-learning-models/releases/download/"
KERAS_APPLICATIONS = "https://github.com/keras-team/keras-applications/releases/download/"


# What the nets take; not every one takes all.
_ARGUMENTS = (
    "include_top", "weights", "input_tensor", "input_shape", "pooling", "classes", "alpha",
    "depth_multiplier", "dropout",
)  # fmt: skip


class WeightFile(NamedTuple):
    """A published file of weights."""

    folder: str  # the address up to the file's name
    name: str
    md5: str | None = None  # None where none was published
    cached_as: str | None = None  # the name in ~/.keras/models, if another

    def path(self):
        """Where the file is on this machine; it is downloaded if need be."""
        return get_file(self.cached_as or self.name, self.folder + self.name, cache_subdir="models", file_hash=self.md5)


def top_and_notop(folder, stem, top_md5, notop_md5):
    """The two files of a net: {include_top: WeightFile}."""
    stem += "_weights_tf_dim_ordering_tf_kernels"
    return {True: WeightFile(folder, stem + ".h5", top_md5), False: WeightFile(folder, stem + "_notop.h5", notop_md5)}


def check_arguments(weights, include_top, classes, kwargs):
    """Raises what is wrong with the arguments that all nets have.

    Raises:
        TypeError: for a keyword that is none of the modules which code for keras_applications passes.
        ValueError: for weights that are not there, or ImageNet's with another number of classes.
    """
    unknown = [name for name in kwargs if name not in MODULES]
    if unknown:
        raise TypeError(f"Invalid keyword argument: {', '.join(unknown)}.{did_you_mean(unknown[0], _ARGUMENTS)}")
    if weights not in (None, "imagenet") and not os.path.exists(weights):
        raise ValueError(
            "The `weights` argument should be either `None` (random initialization), 'imagenet' (pre-training on "
            f"ImageNet), or the path to the weights file to be loaded. There is no file {weights!r}."
        )
    if weights == "imagenet" and include_top and classes != 1000:
        raise ValueError(
            "If using `weights='imagenet'` with `include_top=True`, `classes` should be 1000. "
            f"Received: classes={classes}"
        )


def image_input(input_tensor, input_shape, default_size, min_size, require_flatten, weights):
    """The tensor that the net starts from.

    Args:
        input_tensor: the user's own: a Keras tensor, any other tensor, or None.
        input_shape, default_size, min_size, require_flatten, weights: see `_obtain_input_shape`.
    """
    shape = _obtain_input_shape(
        input_shape, default_size, min_size, K.image_data_format(), require_flatten=require_flatten, weights=weights
    )
    if input_tensor is None:
        return Input(shape=shape)
    if K.is_keras_tensor(input_tensor):
        return input_tensor
    return Input(tensor=input_tensor, shape=shape)


def channel_axis():
    """The axis of the channels in a batch of pictures."""
    return 1 if K.image_data_format() == "channels_first" else 3


def spatial_shape(x):
    """Height and width of a batch of pictures; None where unknown."""
    shape = K.int_shape(x)
    return shape[2:4] if K.image_data_format() == "channels_first" else shape[1:3]


def padding_before_stride(x, kernel_size):
    """Zeros around `x` so that a 'valid' window with a stride of 2 sees what TensorFlow's 'same' would.

    Args:
        x: batch of pictures.
        kernel_size: the window's height and width, equal.

    Returns:
        ((top, bottom), (left, right)). Where a size is unknown it counts as even.
    """
    half = kernel_size // 2
    return tuple((half - (1 if size is None else 1 - size % 2), half) for size in spatial_shape(x))


def classified(x, classes, name, pool_name="avg_pool"):
    """Mean over height and width, then a softmax over the classes."""
    x = GlobalAveragePooling2D(name=pool_name)(x)
    return Dense(classes, activation="softmax", name=name)(x)


def pooled(x, pooling, named=False):
    """The end of a net without its top: 'avg' or 'max' over height and width, else x as it is."""
    if pooling == "avg":
        return GlobalAveragePooling2D(name="avg_pool" if named else None)(x)
    if pooling == "max":
        return GlobalMaxPooling2D(name="max_pool" if named else None)(x)
    return x


def finished(name, image, input_tensor, x, weights, published):
    """The model from `image` to `x`, with its weights.

    Args:
        name: the model's.
        image: what the net starts from.
        input_tensor: what the user gave: the model starts where that comes from.
        x: the net's end.
        weights: None, 'imagenet' or the path of a file.
        published: the WeightFile for 'imagenet'.
    """
    inputs = image if input_tensor is None else get_source_inputs(input_tensor)
    model = Model(inputs, x, name=name)
    if weights == "imagenet":
        model.load_weights(published.path())
    elif weights is not None:
        model.load_weights(weights)
    return model
