"""Batches of pictures whose names and labels a pandas DataFrame holds."""

import os
import warnings

import numpy as np

from ... import backend as K
from ...utils.generic_utils import to_list
from .iterator import BatchFromFilesMixin, Iterator
from .pictures import check_choice, validate_filename


class DataFrameIterator(BatchFromFilesMixin, Iterator):
    """Batches of pictures whose names and labels a pandas DataFrame holds, transformed and standardised.

    Args:
        dataframe: the DataFrame; it is not changed.
        directory: folder that the names are relative to; None for absolute names.
        image_data_generator: the ImageDataGenerator that changes the images, or None.
        x_col: column of the file names.
        y_col: column of the labels, or a list of columns.
        weight_col: column of the sample weights, or None.
        target_size, color_mode, batch_size, shuffle, seed, data_format: see `DirectoryIterator`.
        classes: labels to use, by default all. The class numbers follow the alphabet.
        class_mode: 'categorical' (one-hot; a label may be a list of labels), 'binary' or 'sparse' (class
            numbers), 'input' (the images themselves), 'raw' (the values of y_col), 'multi_output' (a list with
            the values of each column) or None (no labels).
        save_to_dir, save_prefix, save_format: see `NumpyArrayIterator`.
        subset: None, 'training' or 'validation': rows by the generator's `validation_split`, the first are the
            validation part.
        interpolation: see `load_img`.
        dtype: type of the batches.
        validate_filenames: whether to leave out rows whose file does not exist. False is quicker.

    Yields:
        x; (x, y); or (x, y, sample_weight).

    Raises:
        ValueError, TypeError: for arguments, or columns, that do not fit the class_mode.
    """

    allowed_class_modes = {"binary", "categorical", "input", "multi_output", "raw", "sparse", None}

    def __init__(
        self,
        dataframe,
        directory=None,
        image_data_generator=None,
        x_col="filename",
        y_col="class",
        weight_col=None,
        target_size=(256, 256),
        color_mode="rgb",
        classes=None,
        class_mode="categorical",
        batch_size=32,
        shuffle=True,
        seed=None,
        data_format="channels_last",
        save_to_dir=None,
        save_prefix="",
        save_format="png",
        subset=None,
        interpolation="nearest",
        dtype="float32",
        validate_filenames=True,
    ):
        self.set_processing_attrs(
            image_data_generator, target_size, color_mode, K.normalize_data_format(data_format),
            save_to_dir, save_prefix, save_format, subset, interpolation,
        )  # fmt: skip
        self.directory = directory or ""
        self.class_mode = class_mode
        self.dtype = dtype or K.floatx()
        frame = dataframe.copy()
        self._check(frame, x_col, y_col, weight_col, classes)
        if validate_filenames:
            frame = self._with_files(frame, x_col)
        if class_mode in _WITH_CLASSES:
            frame, classes = _with_classes(frame, y_col, classes)
            self.num_classes = len(classes)
            self.class_indices = {label: number for number, label in enumerate(classes)}
        if self.split is not None:
            first, last = (int(share * len(frame)) for share in self.split)
            frame = frame.iloc[first:last]
        self._read(frame, x_col, y_col, weight_col)
        checked = "validated" if validate_filenames else "non-validated"
        ending = f" belonging to {self.num_classes} classes." if class_mode in _WITH_CLASSES else "."
        print(f"Found {len(self.filenames)} {checked} image filenames{ending}")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _read(self, frame, x_col, y_col, weight_col):
        self.filenames = frame[x_col].tolist()
        self.samples = len(self.filenames)
        self._filepaths = [os.path.join(self.directory, name) for name in self.filenames]
        self._sample_weight = frame[weight_col].to_numpy() if weight_col else None
        if self.class_mode in _WITH_CLASSES:
            self.classes = self.get_classes(frame, y_col)
        elif self.class_mode == "multi_output":
            self._targets = [np.array(frame[column].tolist()) for column in y_col]
        elif self.class_mode == "raw":
            self._targets = frame[y_col].to_numpy()

    def get_classes(self, df, y_col):
        """The class number, or list of class numbers, of each row."""
        numbers = self.class_indices
        return [
            [numbers[one] for one in label] if isinstance(label, (list, tuple)) else numbers[label]
            for label in df[y_col]
        ]

    def _check(self, frame, x_col, y_col, weight_col, classes):
        check_choice("class_mode", self.class_mode, self.allowed_class_modes)
        if self.class_mode == "multi_output" and not isinstance(y_col, list):
            raise TypeError(f'If class_mode="multi_output", y_col must be a list. Received {type(y_col).__name__}.')
        targets = to_list(y_col) if self.class_mode not in (None, "input") else []
        for column in [x_col, *targets, *to_list(weight_col or [])]:
            if column not in frame.columns:
                raise KeyError(f"The DataFrame has no column {column!r}, only {list(frame.columns)!r:.200}.")
        if not all(isinstance(name, str) for name in frame[x_col]):
            raise TypeError(
                f"All values in column x_col={x_col} must be strings, the names of files: `df[{x_col!r}].astype(str)`."
            )
        if self.class_mode in ("binary", "sparse", "categorical"):
            allowed = (str, list, tuple) if self.class_mode == "categorical" else (str,)
            if not all(isinstance(label, allowed) for label in frame[y_col]):
                raise TypeError(
                    f'If class_mode="{self.class_mode}", y_col="{y_col}" column values must be '
                    + " or ".join({str: "strings", list: "lists", tuple: "tuples"}[kind] for kind in allowed)
                    + '. Numbers need `.astype(str)`, or class_mode="raw".'
                )
        if self.class_mode == "binary":
            _check_two(set(classes) if classes else set(frame[y_col]), "classes" if classes else y_col)
        if weight_col and frame[weight_col].dtype.kind not in "biuf":
            raise TypeError(f"Column weight_col={weight_col} must be numeric: `df[{weight_col!r}].astype(float)`.")
        if classes and self.class_mode not in _WITH_CLASSES:
            warnings.warn(f'`classes` will be ignored given the class_mode="{self.class_mode}"', stacklevel=4)

    def _with_files(self, frame, x_col):
        """The rows whose picture exists."""
        exists = np.array([validate_filename(os.path.join(self.directory, name)) for name in frame[x_col]], dtype=bool)
        missing = len(frame) - exists.sum()
        if missing:
            warnings.warn(
                f'Found {missing} invalid image filename(s) in x_col="{x_col}". These filename(s) will be ignored.',
                stacklevel=4,
            )
        return frame[exists]

    @property
    def filepaths(self):
        return self._filepaths

    @property
    def labels(self):
        if self.class_mode in ("multi_output", "raw"):
            return self._targets
        return self.classes

    @property
    def sample_weight(self):
        return self._sample_weight


_WITH_CLASSES = ("binary", "categorical", "sparse")


def _check_two(labels, where):
    if len(labels) != 2:
        raise ValueError(
            f'If class_mode="binary" there must be 2 classes. {len(labels)} classes were given by {where}: '
            f"{sorted(labels, key=str)[:10]}"
        )


def _with_classes(frame, y_col, classes):
    """The rows that have one of the classes, the other labels taken out of lists; and the classes."""
    labels = list(frame[y_col])
    if not classes:
        found = {one for label in labels for one in (label if isinstance(label, (list, tuple)) else [label])}
        return frame[np.array([label is not None for label in labels], dtype=bool)], sorted(found)
    wanted = set(classes)
    kept = [[one for one in label if one in wanted] if isinstance(label, (list, tuple)) else label for label in labels]
    rows = [bool(label) if isinstance(label, list) else label in wanted for label in kept]
    frame = frame[np.array(rows, dtype=bool)].copy()
    frame[y_col] = [label for label, row in zip(kept, rows) if row]
    return frame, sorted(wanted)
