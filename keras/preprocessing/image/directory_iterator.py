"""Batches of pictures in a folder that has a folder for each class."""

import os
import warnings

import numpy as np

from ... import backend as K
from .iterator import BatchFromFilesMixin, Iterator
from .pictures import WHITE_LIST_FORMATS, check_choice


class DirectoryIterator(BatchFromFilesMixin, Iterator):
    """Batches of pictures in a folder that has a folder for each class, transformed and standardised.

    Args:
        directory: the folder.
        image_data_generator: the ImageDataGenerator that changes the images, or None.
        target_size: (height, width) to which the pictures are brought.
        color_mode: 'rgb', 'rgba' or 'grayscale'.
        classes: names of the folders to use, in the order of the class numbers; by default all, by the alphabet.
        class_mode: what the labels are: 'categorical' (one-hot), 'binary' or 'sparse' (class numbers), 'input'
            (the images themselves) or None (no labels).
        batch_size: images per batch.
        shuffle: whether to mix the images anew every epoch.
        seed: see `Iterator`.
        data_format: 'channels_last', 'channels_first' or None for that of the Keras settings.
        save_to_dir, save_prefix, save_format: see `NumpyArrayIterator`.
        follow_links: whether to enter folders that links lead to.
        subset: None, 'training' or 'validation'; each class is split by the generator's `validation_split`, the
            first files go to the validation part.
        interpolation: see `load_img`.
        dtype: type of the batches; None for K.floatx().

    Yields:
        x, or (x, y).

    Raises:
        ValueError: for arguments that mean nothing.
        FileNotFoundError: if the folder does not exist.
    """

    allowed_class_modes = {"categorical", "binary", "sparse", "input", None}

    def __init__(
        self,
        directory,
        image_data_generator,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        data_format=None,
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        follow_links=False,
        subset=None,
        interpolation="nearest",
        dtype=None,
    ):
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, K.normalize_data_format(data_format),
            save_to_dir, save_prefix, save_format, subset, interpolation,
        )  # fmt: skip
        check_choice("class_mode", class_mode, self.allowed_class_modes)
        self.directory = directory
        self.class_mode = class_mode
        self.dtype = dtype or K.floatx()
        classes = list(classes) if classes else _folders(directory)
        self.num_classes = len(classes)
        self.class_indices = {name: number for number, name in enumerate(classes)}
        files = [self._files_of(name, follow_links) for name in classes]
        self.filenames = [name for of_class in files for name in of_class]
        self.classes = np.repeat(np.arange(self.num_classes, dtype="int32"), [len(of_class) for of_class in files])
        self.samples = len(self.filenames)
        self._filepaths = [os.path.join(directory, name) for name in self.filenames]
        print(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _files_of(self, name, follow_links):
        """Names, relative to the directory, of the pictures of a class that belong to the subset."""
        folder = os.path.join(self.directory, name)
        if not os.path.isdir(folder):
            warnings.warn(f"There is no folder {folder!r}: the class {name!r} has no images.", stacklevel=4)
        paths = list(_pictures(folder, follow_links))
        if self.split is not None:
            first, last = (int(share * len(paths)) for share in self.split)
            paths = paths[first:last]
        return [os.path.join(name, os.path.relpath(path, folder)) for path in paths]

    @property
    def filepaths(self):
        return self._filepaths

    @property
    def labels(self):
        return self.classes

    @property
    def sample_weight(self):
        return None


def _folders(directory):
    return sorted(name for name in os.listdir(directory) if os.path.isdir(os.path.join(directory, name)))


def _pictures(folder, follow_links):
    """Paths of the pictures in a folder and those in it, in an order that is always the same."""
    endings = tuple("." + one for one in WHITE_LIST_FORMATS)
    for root, names in sorted(_folders_below(folder, follow_links)):
        for name in sorted(names):
            if name.lower().endswith(".tiff"):
                warnings.warn(
                    'Using ".tiff" files with multiple bands will cause distortion. Please verify your output.',
                    stacklevel=2,
                )
            if name.lower().endswith(endings):
                yield os.path.join(root, name)


def _folders_below(folder, follow_links):
    """(path, names of files) of a folder and those in it; links that lead back to a folder on the way end there."""
    real = {folder: (os.path.realpath(folder),)}  # of each folder, and those above it
    for root, folders, names in os.walk(folder, followlinks=follow_links):
        yield root, names
        if follow_links:
            above = real.pop(root)
            places = {name: os.path.realpath(os.path.join(root, name)) for name in folders}
            folders[:] = [name for name in folders if places[name] not in above]
            real.update((os.path.join(root, name), (*above, places[name])) for name in folders)
