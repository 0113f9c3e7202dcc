"""Helpers on NumPy arrays."""

import numpy as np


def to_categorical(y, num_classes=None, dtype="float32"):
    """Class numbers as rows of 0 and a 1.

    Args:
        y: integers 0 ... num_classes - 1, any shape (a last axis of 1 is dropped). With `num_classes` given,
            negative numbers count from the last class.
        num_classes: max(y) + 1 if None.

    Raises:
        ValueError: for a class outside the range, or names.
    """
    try:
        y = np.array(y, dtype="int")
    except ValueError as error:
        raise ValueError(
            f"to_categorical: wanted class numbers ({error}). Number class names first: "
            "`np.unique(y, return_inverse=True)[1]`."
        ) from None
    shape = y.shape
    if shape and shape[-1] == 1 and len(shape) > 1:
        shape = shape[:-1]
    y = y.ravel()
    lowest = -num_classes if num_classes else 0
    if not num_classes:
        num_classes = int(np.max(y)) + 1
    if y.size and (y.min() < lowest or y.max() >= num_classes):
        raise ValueError(
            f"to_categorical: classes must be 0 ... {num_classes - 1}, got {y.min()} ... {y.max()}. Number them from 0 "
            "on (`np.unique(y, return_inverse=True)[1]`), or give `num_classes`."
        )
    result = np.zeros((len(y), num_classes), dtype=dtype)
    result[np.arange(len(y)), y] = 1
    return result.reshape((*shape, num_classes))


def normalize(x, axis=-1, order=2):
    """x divided by its norm of some order along an axis."""
    norm = np.atleast_1d(np.linalg.norm(x, order, axis))
    norm[norm == 0] = 1
    return x / np.expand_dims(norm, axis)
