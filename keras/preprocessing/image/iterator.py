"""Batches of images: which come when, and those that are read from files."""

import os
import threading

import numpy as np

from ...utils.data_utils import Sequence
from . import drawing
from .pictures import COLOR_MODES, WHITE_LIST_FORMATS, array_to_img, check_choice, img_to_array, load_img
from .threads import Ahead, empty


class Iterator(Sequence):
    """Batches for ever, also a `Sequence`: `it[i]` is batch i of the epoch, `next(it)` the next one.

    Write a subclass with `_get_batches_of_transformed_samples(index_array)`.

    Args:
        n: number of samples.
        batch_size: samples per batch; the last of an epoch may have fewer.
        shuffle: whether to mix the samples anew every epoch.
        seed: None, or a number: before batch b (counted from 0) NumPy's global generator is set to seed + b.
    """

    white_list_formats = WHITE_LIST_FORMATS

    def __init__(self, n, batch_size, shuffle, seed):
        self.n = n
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array = None
        self.index_generator = self._flow_index()

    def _set_index_array(self):
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def __len__(self):
        return (self.n + self.batch_size - 1) // self.batch_size

    def __getitem__(self, idx):
        if idx >= len(self):
            raise ValueError(f"Asked to retrieve element {idx}, but the Sequence has length {len(self)}")
        with self.lock:  # all workers must agree on the order of the samples
            self._seed_batch()
            self.total_batches_seen += 1
            if self.index_array is None:
                self._set_index_array()
        start = self.batch_size * idx
        return self._get_batches_of_transformed_samples(self.index_array[start : start + self.batch_size])

    def __getstate__(self):
        """What goes to worker processes, which must agree on the order of the samples too."""
        if self.index_array is None:
            self._seed_batch()
            self._set_index_array()
        return self.__dict__

    def _seed_batch(self):
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)

    def on_epoch_end(self):
        self._set_index_array()

    def reset(self):
        """Starts again from the first batch."""
        self.batch_index = 0

    def _flow_index(self):
        """The numbers of the samples of each batch."""
        self.reset()
        while True:
            self._seed_batch()
            if self.batch_index == 0:
                self._set_index_array()
            if self.n == 0:
                raise ValueError("There is no batch: the data set has no images.")
            start = self.batch_index * self.batch_size % self.n
            last = start + self.batch_size >= self.n
            self.batch_index = 0 if last else self.batch_index + 1
            self.total_batches_seen += 1
            yield self.index_array[start : start + self.batch_size]

    def __iter__(self):
        return self

    def __next__(self, *args, **kwargs):
        return self.next(*args, **kwargs)

    def next(self):
        """The next batch."""
        with self.lock:
            index_array = next(self.index_generator)
        return self._get_batches_of_transformed_samples(index_array)

    def _get_batches_of_transformed_samples(self, index_array):
        """The batch of these samples."""
        raise NotImplementedError

    def _save_pictures(self, batch, index_array, numbers):
        """Writes a batch to `save_to_dir`; `numbers`: how many names a picture may get."""
        if not self.save_to_dir:
            return
        for image, index in zip(batch, index_array):
            name = f"{self.save_prefix}_{index}_{np.random.randint(numbers)}.{self.save_format}"
            picture = array_to_img(image, self.data_format, scale=True)
            picture.save(os.path.join(self.save_to_dir, name))


class Rows:
    """The images of a batch, as `ImageDataGenerator.changed_batch` takes them: some rows of an array."""

    def __init__(self, x, rows):
        self.x, self.rows = x, rows

    def some(self, part):
        """The images of a slice of the rows, each an array."""
        return [self.x[row] for row in self.rows[part]]

    def copy_to(self, out, part):
        """Writes the images of a slice of the rows to `out`."""
        if self.x.flags.c_contiguous and self.x.dtype == out.dtype:
            self.x.take(self.rows[part], axis=0, out=out, mode="clip")  # any other mode would copy once more
        else:
            for target, image in zip(out, self.some(part)):
                target[...] = image


class _Pictures:
    """The same for pictures that `load` reads from files, as whole numbers: while some change, threads read others.

    `changing`: whether to change them takes long.
    """

    def __init__(self, load, paths, changing):
        self.count = len(paths)
        self.read = Ahead(load, paths, _reading_time(paths), changing)

    def some(self, part):
        return [self.read.result(n) for n in range(*part.indices(self.count))]

    def copy_to(self, out, part):
        for target, image in zip(out, self.some(part)):
            target[...] = image


def _reading_time(paths):
    """Nanoseconds that it takes to decode one of the pictures, guessed from the first one's size."""
    try:
        return 20 * os.path.getsize(paths[0])
    except (OSError, IndexError):
        return 0


class BatchFromFilesMixin:
    """What iterators over picture files share. They have `filepaths`, `labels` and `sample_weight`."""

    def set_processing_attrs(
        self,
        image_data_generator,
        target_size,
        color_mode,
        data_format,
        save_to_dir,
        save_prefix,
        save_format,
        subset,
        interpolation,
    ):
        """Sets the attributes that say how files become batches; see `DirectoryIterator`."""
        check_choice("color_mode", color_mode, COLOR_MODES)
        self.image_data_generator = image_data_generator
        self.target_size = tuple(target_size)
        self.color_mode = color_mode
        self.data_format = data_format
        channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[color_mode]
        first = data_format == "channels_first"
        self.image_shape = (channels, *self.target_size) if first else (*self.target_size, channels)
        self.save_to_dir = save_to_dir
        self.save_prefix = save_prefix
        self.save_format = save_format
        self.interpolation = interpolation
        self.subset = subset
        self.split = split_of(subset, image_data_generator)

    def _load(self, path):
        image = load_img(
            path, color_mode=self.color_mode, target_size=self.target_size, interpolation=self.interpolation
        )
        return img_to_array(image, data_format=self.data_format, dtype="uint8")

    def _get_batches_of_transformed_samples(self, index_array):
        batch_x = empty((len(index_array), *self.image_shape), self.dtype)
        generator = self.image_data_generator
        changing = bool(generator) and drawing.is_affine(generator, self.image_shape)
        pictures = _Pictures(self._load, [self.filepaths[n] for n in index_array], changing)
        try:
            if generator:
                batch_x = generator.changed_batch(pictures, batch_x)
            else:
                pictures.copy_to(batch_x, slice(None))
        finally:
            pictures.read.end()
        self._save_pictures(batch_x, index_array, 10**7)
        return self._with_labels(batch_x, index_array)

    def _with_labels(self, batch_x, index_array):
        batch_y = self._labels_of(batch_x, index_array)
        if batch_y is None:
            return batch_x
        if self.sample_weight is None:
            return batch_x, batch_y
        return batch_x, batch_y, self.sample_weight[index_array]

    def _labels_of(self, batch_x, index_array):
        if self.class_mode == "input":
            return batch_x.copy()
        if self.class_mode in ("binary", "sparse"):
            return np.array([self.classes[n] for n in index_array], dtype=self.dtype)
        if self.class_mode == "categorical":
            batch_y = np.zeros((len(batch_x), len(self.class_indices)), dtype=self.dtype)
            for row, n in zip(batch_y, index_array):
                row[self.classes[n]] = 1.0
            return batch_y
        if self.class_mode == "multi_output":
            return [output[index_array] for output in self.labels]
        if self.class_mode == "raw":
            return self.labels[index_array]
        return None

    @property
    def filepaths(self):
        """Absolute paths of the pictures."""
        raise NotImplementedError

    @property
    def labels(self):
        """Class number, or values, of each picture."""
        raise NotImplementedError

    @property
    def sample_weight(self):
        """Weight of each picture, or None."""
        raise NotImplementedError


def split_of(subset, generator):
    """The part of the data, as two fractions, that a subset of a generator means; None for all of it."""
    if subset is None:
        return None
    if subset not in ("training", "validation"):
        raise ValueError(f'Invalid subset name: {subset}; expected "training" or "validation".')
    share = generator._validation_split
    return (0, share) if subset == "validation" else (share, 1)
