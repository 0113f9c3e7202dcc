"""MNIST: handwritten digits."""

from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from .safe_files import load_npz
from .sources import fetch


def load_data(path="mnist.npz"):
    """60,000 and 10,000 digits as gray images of 28 x 28 pixels (LeCun et al., 1998).

    Args:
        path: name of the file in the cache (`~/.keras/datasets`).

    Returns:
        (x_train, y_train), (x_test, y_test): x of type uint8 (0..255) and shape (n, 28, 28), y of shape (n,).
    """
    arrays = load_npz(fetch("mnist.npz", path))
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
