"""Reading arrays from HDF5 files as they are needed, and asking before overwriting."""

import os
import sys
from collections import defaultdict

import numpy as np

# HDF5 keeps attributes in an object's header, which is limited to 64 KB; Keras 2 stays below with this
# number.
HDF5_OBJECT_HEADER_LIMIT = 64512


class HDF5Matrix:
    """A part of an HDF5 dataset that stands for a NumPy array, read only as it is used.

    # Arguments
        datapath: path of the file.
        dataset: name of the dataset in it.
        start, end: rows to use.
        normalizer: function applied to what is read.

    Example:
        x = HDF5Matrix('input/file.hdf5', 'data')
        model.predict(x)
    """

    refs = defaultdict(int)
    _open = {}

    def __init__(self, datapath, dataset, start=0, end=None, normalizer=None):
        import h5py

        if datapath not in self._open:
            self._open[datapath] = h5py.File(datapath, "r")
        self.data = self._open[datapath][dataset]
        self.start = start
        self.end = len(self.data) if end is None else end
        self.normalizer = normalizer

    def __len__(self):
        return self.end - self.start

    def __getitem__(self, key):
        values = self._read(key)
        return values if self.normalizer is None else self.normalizer(values)

    def _read(self, key):
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            return self.data[self.start + start : self.start + stop : step]
        if isinstance(key, (int, np.integer)):
            if not -len(self) <= key < len(self):
                raise IndexError(f"Row {key} of an HDF5Matrix of {len(self)} rows.")
            return self.data[self.start + key % len(self)]
        rows = np.asarray(key)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"Rows {rows.min()} ... {rows.max()} of an HDF5Matrix of {len(self)} rows.")
        # h5py reads rows in increasing order, each once.
        unique, places = np.unique(rows, return_inverse=True)
        return self.data[self.start + unique][places]

    @property
    def shape(self):
        return (len(self), *self[0:1].shape[1:])

    @property
    def dtype(self):
        return self[0:1].dtype

    @property
    def ndim(self):
        return len(self.shape)

    @property
    def size(self):
        return int(np.prod(self.shape))


def ask_to_proceed_with_overwrite(filepath):
    """Asks on the terminal whether a file may be overwritten; without a terminal the answer is no."""
    if not sys.stdin or not sys.stdin.isatty():
        raise FileExistsError(
            f"{filepath} already exists, and there is no terminal to ask on. Pass overwrite=True, or another path."
        )
    answer = input(f"[WARNING] {filepath} already exists - overwrite? [y/n]").strip().lower()
    while answer not in ("y", "n"):
        answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    return answer == "y"


class H5Dict:
    """A dictionary that lives in an HDF5 file: arrays as datasets, other values as attributes.

    # Arguments
        path: a path, an open `h5py.File` or group, or a dictionary to use in place of a file.
        mode: as for `h5py.File`.
    """

    def __init__(self, path, mode="a"):
        import h5py

        self._is_file = False
        if isinstance(path, (h5py.Group, dict)):
            self.data = path
        else:
            self.data = h5py.File(path, mode)
            self._is_file = True
        self.read_only = mode == "r"

    def __setitem__(self, key, value):
        if self.read_only:
            raise ValueError("Cannot set item in read-only mode.")
        if isinstance(self.data, dict):
            self.data[key] = value
        elif isinstance(value, (np.ndarray, list, np.generic)) and np.asarray(value).dtype.kind in "fiub":
            if key in self.data:
                raise KeyError(f"Cannot set {key!r}: the file holds a value of that name.")
            self.data.create_dataset(key, data=np.asarray(value))
        else:
            self.data.attrs[key] = value

    def __getitem__(self, attr):
        import h5py

        if isinstance(self.data, dict):
            return self.data[attr]
        if attr in self.data.attrs:
            return self.data.attrs[attr]
        if attr not in self.data:
            if self.read_only:
                raise KeyError(f"{attr!r} is not in the file.")
            return H5Dict(self.data.create_group(attr))
        found = self.data[attr]
        return found[()] if isinstance(found, h5py.Dataset) else H5Dict(found)

    def __contains__(self, key):
        return key in self.data or (not isinstance(self.data, dict) and key in self.data.attrs)

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return iter(self.data)

    def iter(self):
        return iter(self.data)

    def get(self, key, default=None):
        return self[key] if key in self else default

    def update(self, *args):
        """Sets the items of each given dictionary."""
        for items in args:
            for key, value in dict(items).items():
                self[key] = value

    @staticmethod
    def is_supported_type(path):
        """Whether an `H5Dict` can be made of it: a path, a dictionary, or something of an open file."""
        import h5py

        return isinstance(path, (str, os.PathLike, dict, h5py.Group))

    def close(self):
        if self._is_file:
            self.data.close()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()


h5dict = H5Dict  # its name until 2.2.4


def load_from_binary_h5py(load_function, stream):
    """`load_function(h5py file)` on the content of a binary stream."""
    import h5py

    with h5py.File(stream, "r") as file:
        return load_function(file)


def save_to_binary_h5py(save_function, stream):
    """Writes what `save_function(h5py file)` makes to a binary stream."""
    import io

    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        save_function(file)
    stream.write(buffer.getvalue())
