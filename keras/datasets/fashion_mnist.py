"""Fashion-MNIST: articles of clothing."""

import gzip
import os

import numpy as np

from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from .sources import fetch


def load_data():
    """60,000 and 10,000 articles of clothing as gray images of 28 x 28 pixels (Xiao et al., 2017).

    Classes: 0 T-shirt/top, 1 trouser, 2 pullover, 3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot.

    Returns:
        (x_train, y_train), (x_test, y_test): x of type uint8 (0..255) and shape (n, 28, 28), y of shape (n,).
    """
    return _part("train"), _part("t10k")


def _part(name):
    return _read_idx(f"{name}-images-idx3-ubyte.gz", 3), _read_idx(f"{name}-labels-idx1-ubyte.gz", 1)


def _read_idx(name, axes):
    """An array of bytes in the format of MNIST: a mark, the length of each axis, the bytes."""
    path = fetch(name, cache_subdir=os.path.join("datasets", "fashion-mnist"))
    with gzip.open(path, "rb") as file:
        content = file.read()
    start = 4 + 4 * axes
    mark, *shape = np.frombuffer(content[:start], ">u4").tolist()
    if mark != 0x800 + axes or len(content) - start != np.prod(shape):
        raise ValueError(f"{path} is not in the format of MNIST: delete it to have it downloaded again.")
    return np.frombuffer(content, "uint8", offset=start).reshape(shape)
