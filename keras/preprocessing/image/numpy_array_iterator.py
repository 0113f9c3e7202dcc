"""Batches of images in memory."""

import warnings

import numpy as np

from ... import backend as K
from .iterator import Iterator, Rows, split_of
from .threads import empty


class NumpyArrayIterator(Iterator):
    """Batches of images in memory, transformed and standardised.

    Args:
        x: array of four axes; or a pair of one and a list of further arrays that are handed on as they are.
        y: labels, or None.
        image_data_generator: the ImageDataGenerator that changes the images.
        batch_size: images per batch.
        shuffle: whether to mix the images anew every epoch.
        sample_weight: weights of the images, or None.
        seed: see `Iterator`.
        data_format: 'channels_last', 'channels_first' or None for that of the Keras settings.
        save_to_dir: None, or a folder in which all images of all batches are written.
        save_prefix: how the names of these files begin.
        save_format: 'png', 'jpeg', ...
        subset: None, 'training' or 'validation': the part that the generator's `validation_split` says; the
            validation part comes first.
        dtype: type of the batches; None for K.floatx().

    Yields:
        x; (x, y); or (x, y, sample_weight). With further arrays x is a list.

    Raises:
        ValueError: for arrays of different lengths or the wrong shape, or a split that parts the classes.
    """

    def __init__(
        self,
        x,
        y,
        image_data_generator,
        batch_size=32,
        shuffle=False,
        sample_weight=None,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        dtype=None,
    ):
        self.dtype = dtype or K.floatx()
        x, x_misc = _parted(x)
        _check_length(x, "y", "(labels)", y)
        _check_length(x, "sample_weight", "", sample_weight)
        split = split_of(subset, image_data_generator)
        if split is not None:
            part = slice(*(int(len(x) * share) for share in split))
            _check_classes(y, part)
            x, x_misc = x[part], [np.asarray(one)[part] for one in x_misc]
            y = None if y is None else y[part]
            sample_weight = None if sample_weight is None else sample_weight[part]
        self.x = np.asarray(x, dtype=self.dtype)
        self.x_misc = x_misc
        self.y = None if y is None else np.asarray(y)
        self.sample_weight = None if sample_weight is None else np.asarray(sample_weight)
        self.image_data_generator = image_data_generator
        self.data_format = K.normalize_data_format(data_format)
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self._check_images()
        super().__init__(self.x.shape[0], batch_size, shuffle, seed)

    def _check_images(self):
        shape = self.x.shape
        if len(shape) != 4:
            raise ValueError(
                "Input data in `NumpyArrayIterator` should have rank 4 (images, rows, columns and channels). You "
                f"passed an array with shape {shape}"
            )
        axis = 3 if self.data_format == "channels_last" else 1
        if shape[axis] not in (1, 3, 4):
            warnings.warn(
                f'NumpyArrayIterator is set to use the data format convention "{self.data_format}" (channels on axis '
                f"{axis}), i.e. expected either 1, 3, or 4 channels on axis {axis}. However, it was passed an array "
                f"with shape {shape} ({shape[axis]} channels).",
                stacklevel=4,
            )

    def _get_batches_of_transformed_samples(self, index_array):
        batch_x = empty((len(index_array), *self.x.shape[1:]), self.x.dtype)
        batch_x = self.image_data_generator.changed_batch(Rows(self.x, index_array), batch_x)
        self._save_pictures(batch_x, index_array, 10**4)
        if self.x_misc:
            batch_x = [batch_x, *(one[index_array] for one in self.x_misc)]
        if self.y is None:
            return batch_x
        if self.sample_weight is None:
            return batch_x, self.y[index_array]
        return batch_x, self.y[index_array], self.sample_weight[index_array]


def _parted(x):
    """The images, and the list of what comes with them."""
    if not isinstance(x, (tuple, list)):
        return x, []
    if not isinstance(x[1], list):
        x = (x[0], [x[1]])
    images, more = x[0], [np.asarray(one) for one in x[1]]
    for one in more:
        if len(one) != len(images):
            raise ValueError(
                "All of the arrays in `x` should have the same length. Found a pair with: "
                f"len(x[0]) = {len(images)}, len(x[?]) = {len(one)}"
            )
    return images, more


def _check_length(x, name, meaning, values):
    if values is not None and len(values) != len(x):
        raise ValueError(
            f"`x` (images tensor) and `{name}`{meaning and ' ' + meaning} should have the same length. Found: "
            f"x.shape = {np.shape(x)}, {name}.shape = {np.shape(values)}"
        )


def _check_classes(y, part):
    """The part must have the classes that the rest has, or training and validation are of different things."""
    if y is None:
        return
    y = np.asarray(y)
    rest = np.delete(y, np.arange(len(y))[part], axis=0)
    if not np.array_equal(np.unique(y[part]), np.unique(rest)):
        raise ValueError(
            "Training and validation subsets have different number of classes after the split. If your numpy arrays "
            "are sorted by the label, you might want to shuffle them."
        )
