"""Reading arrays from HDF5 files as they are needed, and asking before overwriting."""

import io
import itertools
import os
from collections import defaultdict
from functools import cached_property

import numpy as np

# HDF5 keeps attributes in an object's header, which is limited to 64 KB; Keras 2 stays below with this number.
HDF5_OBJECT_HEADER_LIMIT = 64512


class HDF5Matrix:
    """A part of an HDF5 dataset that stands for a NumPy array, read only as it is used.

    Worker processes open the file for themselves.

    Args:
        datapath: path of the file.
        dataset: name of the dataset in it.
        start, end: rows to use.
        normalizer: function applied to what is read.

    Raises:
        ValueError: if the dataset does not have these rows.
        KeyError: if there is no such dataset.

    Example:
        x = HDF5Matrix('input/file.hdf5', 'data')
        model.predict(x)

    In training, `shuffle='batch'` reads neighbouring rows together.
    """

    refs = defaultdict(int)  # how many matrices read a file

    def __init__(self, datapath, dataset, start=0, end=None, normalizer=None):
        import h5py

        self._arguments = (datapath, dataset, start, end, normalizer)
        file = h5py.File(datapath, "r")
        if dataset not in file:
            raise KeyError(f"{datapath} has no dataset {dataset!r}. It holds: {', '.join(file) or 'nothing'}.")
        # The file stays open as long as the dataset is in use, and no longer.
        self.data = file[dataset]
        rows = self.data.shape[0]
        self.start, self.end = start, rows if end is None else end
        if not 0 <= self.start <= self.end <= rows:
            raise ValueError(f"Rows {start} to {end} of the dataset {dataset!r}, which has {rows}.")
        self.normalizer = normalizer
        self.refs[datapath] += 1

    def __reduce__(self):
        return type(self), self._arguments

    def __len__(self):
        return self.end - self.start

    def __getitem__(self, key):
        values = self._read(key)
        return values if self.normalizer is None else self.normalizer(values)

    def _read(self, key):
        if isinstance(key, slice):
            start, stop, step = key.indices(len(self))
            if step < 0:
                return self._read(np.arange(start, stop, step))
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
        unique, places = np.unique(rows.astype(np.intp), return_inverse=True)
        return self.data[self.start + unique][places.reshape(-1)]

    @cached_property
    def _first(self):
        """What one row looks like once it is normalized."""
        return self[0:1]

    @property
    def shape(self):
        return (len(self), *self._first.shape[1:])

    @property
    def dtype(self):
        return self._first.dtype

    @property
    def ndim(self):
        return self._first.ndim

    @property
    def size(self):
        return int(np.prod(self.shape))


def ask_to_proceed_with_overwrite(filepath):
    """Asks whether a file may be overwritten: on the terminal, in a notebook, or of whatever answers `input`.

    Raises:
        FileExistsError: where nobody answers.
    """
    question = f"[WARNING] {filepath} already exists - overwrite? [y/n]"
    try:
        answer = input(question).strip().lower()
        while answer not in ("y", "n"):
            answer = input('Enter "y" (overwrite) or "n" (cancel).').strip().lower()
    except (EOFError, OSError, RuntimeError) as error:  # no input, or closed; a notebook that runs by itself
        raise FileExistsError(
            f"{filepath} already exists, and there is nobody to ask. Pass overwrite=True, or another path."
        ) from error
    return answer == "y"


class H5Dict:
    """A dictionary that lives in an HDF5 file: arrays as datasets, dictionaries as groups, the rest as attributes.

    Args:
        path: a path, an open `h5py.File` or group, or a dictionary to use in place of a file.
        mode: as for `h5py.File`.

    Raises:
        TypeError: for another kind of path.
    """

    def __init__(self, path, mode="a"):
        import h5py

        if not self.is_supported_type(path):
            raise TypeError(f"Required a path, an h5py.Group or a dict. Received: {type(path)}.")
        self._is_file = not isinstance(path, (h5py.Group, dict))
        self.data = h5py.File(path, mode) if self._is_file else path
        self.read_only = mode == "r" or getattr(getattr(self.data, "file", None), "mode", "") == "r"

    @staticmethod
    def is_supported_type(path):
        """Whether `path` is something that an `H5Dict` can be made of."""
        import h5py

        return isinstance(path, (str, os.PathLike, h5py.Group, dict))

    def __setitem__(self, attr, val):
        if self.read_only:
            raise ValueError("Cannot set item in read-only mode. Open the file with mode='a'.")
        attr = _text(attr)
        if isinstance(self.data, dict):
            self.data[attr] = val
        elif attr in self.data:
            raise KeyError(f"Cannot set {attr!r}: the file holds a value of that name.")
        elif isinstance(val, dict):
            H5Dict(self.data.create_group(attr)).update(val)
        elif isinstance(val, (np.ndarray, np.generic)):
            self.data.create_dataset(attr, data=val)
        elif isinstance(val, (list, tuple)):
            self._set_list(attr, val)
        else:
            self.data.attrs[attr] = val

    def _set_list(self, attr, values):
        """A list as an attribute; one that is too long for an HDF5 header in several, numbered ones."""
        if any(isinstance(v, (str, bytes)) and len(v) > HDF5_OBJECT_HEADER_LIMIT for v in values):
            raise RuntimeError(
                f"{attr!r} holds a text of more than {HDF5_OBJECT_HEADER_LIMIT} bytes, which HDF5 cannot keep."
            )
        array = np.asarray([v.encode("utf8") if isinstance(v, str) else v for v in values])
        parts = 1 + (array.nbytes - 1) // HDF5_OBJECT_HEADER_LIMIT if array.nbytes else 1
        while any(part.nbytes > HDF5_OBJECT_HEADER_LIMIT for part in np.array_split(array, parts)):
            parts += 1
        if parts == 1:
            self.data.attrs[attr] = array
            return
        for number, part in enumerate(np.array_split(array, parts)):
            self.data.attrs[f"{attr}{number}"] = part

    def __getitem__(self, attr):
        import h5py

        attr = _text(attr)
        if isinstance(self.data, dict):
            if attr not in self.data and not self.read_only:
                self.data[attr] = {}
            value = self.data[attr]
            return H5Dict(value, "r" if self.read_only else "a") if isinstance(value, dict) else value
        if attr in self.data.attrs:
            return _list_of_bytes(self.data.attrs[attr])
        if attr in self.data:
            found = self.data[attr]
            return found[()] if isinstance(found, h5py.Dataset) else H5Dict(found)
        if f"{attr}0" in self.data.attrs:
            numbers = itertools.takewhile(lambda n: f"{attr}{n}" in self.data.attrs, itertools.count())
            return _list_of_bytes(np.concatenate([self.data.attrs[f"{attr}{n}"] for n in numbers]))
        if self.read_only:
            raise KeyError(f"Cannot create group in read-only mode: {attr!r} is not in the file.")
        return H5Dict(self.data.create_group(attr))

    def __contains__(self, attr):
        attr = _text(attr)
        if isinstance(self.data, dict):
            return attr in self.data
        return attr in self.data or attr in self.data.attrs or f"{attr}0" in self.data.attrs

    def __len__(self):
        return len(self.data)

    def __iter__(self):
        return iter(self.data)

    def iter(self):
        """The names of groups and datasets."""
        return iter(self.data)

    def get(self, key, default=None):
        """The value under `key`, or `default`."""
        return self[key] if key in self else default

    def update(self, *args):
        """Sets the items of dictionaries, or of lists of pairs."""
        for items in args:
            for key, value in dict(items).items():
                self[key] = value

    def close(self):
        """Closes the file, if this object opened it."""
        if self._is_file:
            self.data.close()

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        self.close()


h5dict = H5Dict  # its name until 2.2.4


def _text(name):
    return name.decode("utf8") if isinstance(name, bytes) else name


def _list_of_bytes(value):
    return list(value) if isinstance(value, np.ndarray) and value.dtype.kind in "SO" else value


def load_from_binary_h5py(load_function, stream):
    """`load_function(h5py file)` on the content of a binary stream."""
    import h5py

    with h5py.File(stream, "r") as file:
        return load_function(file)


def save_to_binary_h5py(save_function, stream):
    """Writes what `save_function(h5py file)` makes to a binary stream."""
    import h5py

    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        save_function(file)
    stream.write(buffer.getvalue())
