"""The files of CIFAR-10 and CIFAR-100."""

import numpy as np

from .safe_files import load_pickle


def load_batch(fpath, label_key="labels"):
    """Images and labels of a CIFAR file.

    Args:
        fpath: path of the file.
        label_key: 'labels', or for CIFAR-100 'fine_labels' or 'coarse_labels'.

    Returns:
        (data, labels): array of type uint8 and shape (n, 3, 32, 32), list of class numbers.

    Raises:
        ValueError: if the file is no CIFAR file.
    """
    with open(fpath, "rb") as file:
        content = load_pickle(file, encoding="bytes")
    content = {key.decode() if isinstance(key, bytes) else key: value for key, value in content.items()}
    if label_key not in content:
        raise ValueError(f"{fpath} has no {label_key!r}. It has: {sorted(content)}")
    data = np.asarray(content["data"])
    return data.reshape(data.shape[0], 3, 32, 32), content[label_key]


def in_data_format(x, data_format):
    """Images (n, 3, 32, 32) in the data format of the Keras settings."""
    return x.transpose(0, 2, 3, 1) if data_format == "channels_last" else x
