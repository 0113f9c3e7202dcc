"""Prices of houses in Boston."""

import numpy as np

from ..utils.data_utils import get_file  # noqa: F401 - a name that Keras 2 has here
from .safe_files import load_npz
from .sources import fetch


def load_data(path="boston_housing.npz", test_split=0.2, seed=113):
    """506 districts of Boston, 13 numbers about each, and the median price of a house in thousands of dollars.

    The data (Harrison and Rubinfeld, 1978) use the share of black inhabitants as a measure: fit for exercises only.

    Args:
        path: name of the file in the cache (`~/.keras/datasets`).
        test_split: fraction of the data to test with.
        seed: of the shuffling; NumPy's global generator is set to it.

    Returns:
        (x_train, y_train), (x_test, y_test): arrays of shapes (n, 13) and (n,).

    Raises:
        ValueError: unless 0 <= test_split < 1.
    """
    if not 0 <= test_split < 1:
        raise ValueError(f"`test_split` must be at least 0 and less than 1. Received: {test_split}")
    arrays = load_npz(fetch("boston_housing.npz", path))
    x, y = arrays["x"], arrays["y"]
    np.random.seed(seed)
    order = np.arange(len(x))
    np.random.shuffle(order)
    x, y = x[order], y[order]
    split = int(len(x) * (1 - test_split))
    return (x[:split], y[:split]), (x[split:], y[split:])
