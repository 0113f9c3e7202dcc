"""CIFAR-10: small photographs of ten kinds of things."""

import os

import numpy as np

from .. import backend as K
from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from .cifar import in_data_format, load_batch
from .sources import fetch


def load_data():
    """50,000 and 10,000 colour images of 32 x 32 pixels (Krizhevsky, 2009).

    Classes: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.

    Returns:
        (x_train, y_train), (x_test, y_test): x of type uint8 and shape (n, 32, 32, 3), or (n, 3, 32, 32) where the
        Keras settings say 'channels_first'; y of shape (n, 1).
    """
    folder = fetch("cifar-10-batches-py", untar=True)
    batches = [load_batch(os.path.join(folder, f"data_batch_{number}")) for number in range(1, 6)]
    x_train = np.concatenate([data for data, _ in batches])
    y_train = np.concatenate([np.asarray(labels, dtype="uint8") for _, labels in batches])
    x_test, y_test = load_batch(os.path.join(folder, "test_batch"))
    x_train, x_test = (in_data_format(x, K.image_data_format()) for x in (x_train, x_test))
    return (x_train, y_train.reshape(-1, 1)), (x_test, np.reshape(y_test, (-1, 1)))
