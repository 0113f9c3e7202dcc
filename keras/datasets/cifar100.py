"""CIFAR-100: small photographs of a hundred kinds of things."""

import os

import numpy as np

from .. import backend as K
from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from .cifar import in_data_format, load_batch
from .sources import fetch


def load_data(label_mode="fine"):
    """50,000 and 10,000 colour images of 32 x 32 pixels (Krizhevsky, 2009).

    Args:
        label_mode: 'fine' for 100 classes, 'coarse' for the 20 groups of them.

    Returns:
        (x_train, y_train), (x_test, y_test): x of type uint8 and shape (n, 32, 32, 3), or (n, 3, 32, 32) where the
        Keras settings say 'channels_first'; y of shape (n, 1).

    Raises:
        ValueError: for another label_mode.
    """
    if label_mode not in ("fine", "coarse"):
        raise ValueError(f"`label_mode` must be 'fine' or 'coarse'. Received: {label_mode!r}")
    folder = fetch("cifar-100-python", untar=True)
    return tuple(_part(os.path.join(folder, name), label_mode + "_labels") for name in ("train", "test"))


def _part(path, label_key):
    x, y = load_batch(path, label_key=label_key)
    return in_data_format(x, K.image_data_format()), np.reshape(y, (-1, 1))
