"""Files of arrays and lists that hold pickles, read so that no code in them is run.

The IMDB and Reuters data are arrays of lists, which NumPy can only store as pickles; the CIFAR data are pickles of
Python 2. A pickle may name any function and have it called; here it may name those that build arrays, no others.
"""

import codecs
import math
import pickle
import zipfile

import numpy as np

try:
    from numpy._core.multiarray import _reconstruct, scalar
except ImportError:  # NumPy before 2
    from numpy.core.multiarray import _reconstruct, scalar


def _latin1(text, encoding):
    """How Python 3 writes bytes into pickles that Python 2 can read."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes in the encoding {encoding!r}")
    return codecs.encode(text, "latin1")


def _frombuffer(data, dtype, shape, order):
    """How protocol 5 has arrays of numbers."""
    return np.frombuffer(data, dtype=dtype).reshape(shape, order=order)


_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module}.{name}, but only arrays, numbers, strings, lists and dictionaries may be in it"
            ) from None

    def persistent_load(self, pid):
        raise pickle.UnpicklingError("it refers to objects outside of it")


def load_pickle(file, encoding="ASCII"):
    """What a pickle of arrays, numbers, strings, lists and dictionaries holds.

    Args:
        file: open for reading bytes.
        encoding: of strings that Python 2 wrote; 'bytes' leaves them as they are.

    Raises:
        ValueError: if the pickle is broken or holds anything else; nothing of it has been run.
    """
    try:
        return _Unpickler(file, encoding=encoding).load()
    except Exception as error:
        name = getattr(file, "name", "the file")
        raise ValueError(f"Refused to read {name}: {error or type(error).__name__}.") from error


def load_npz(path):
    """The arrays of an .npz file by name, arrays of lists included.

    Raises:
        ValueError: if the file is broken, or holds objects other than lists and numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {
                name.removesuffix(".npy"): _read_member(archive, name)
                for name in archive.namelist()
                if name.endswith(".npy")
            }
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is no .npz file: {error}") from error


def _read_member(archive, name):
    with archive.open(name) as file:
        shape, dtype = _header(file)
        if not dtype.hasobject:
            if math.prod(shape) * dtype.itemsize > archive.getinfo(name).file_size:
                raise ValueError(f"Refused to read {name}: it declares an array of {shape}, larger than the file.")
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False)
        array = load_pickle(file, encoding="latin1")
    if not isinstance(array, np.ndarray):
        raise ValueError(f"Refused to read {name}: it holds {type(array).__name__}, not an array.")
    return array


def _header(file):
    """Shape and dtype of an .npy file."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype
