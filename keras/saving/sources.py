"""What kind of file something is, by its first bytes (names lie)."""

import io
import os

from . import zips
from .hdf5 import HDF5_SIGNATURE, as_h5py_group

ARCHIVE_EXTENSION = ".keras"


def peek(source):
    """(first bytes, source to read on from): a file object is read whole, as it may not go back.

    For an open h5py.File or Group the bytes are HDF5's signature; for what cannot be looked at they are empty.
    """
    if as_h5py_group(source) is not None:
        return HDF5_SIGNATURE, source
    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
        return data[:16], data
    if isinstance(source, (str, os.PathLike)):
        if not os.path.isfile(source):
            return b"", source
        with open(source, "rb") as file:
            return file.read(16), source
    if hasattr(source, "read"):
        data = source.read()
        if isinstance(data, (bytes, bytearray)):
            return bytes(data[:16]), Named(data, str(getattr(source, "name", source)))
        return b"", io.StringIO(data)  # refused, with the advice, where it is read
    return b"", source


class Named(bytes):
    """The bytes of a file object, and what messages call it."""

    def __new__(cls, data, name):
        self = super().__new__(cls, data)
        self.label = f"the file object {name!r}"
        return self


def label_of(source):
    """What messages call a path or bytes."""
    if isinstance(source, bytes):
        return getattr(source, "label", "the given bytes")
    return repr(os.fspath(source))


def read(source):
    """(all bytes of a path or of bytes, what messages call it)."""
    if isinstance(source, bytes):
        return source, label_of(source)
    with open(source, "rb") as file:
        return file.read(), label_of(source)


def is_archive(head):
    """Whether a file with these first bytes is a zip, as .keras archives are."""
    return head.startswith(zips.SIGNATURE)


def wants_archive(target):
    """Whether a model saved to `target` is to become a .keras archive: its name says so."""
    return isinstance(target, (str, os.PathLike)) and os.fspath(target).endswith(ARCHIVE_EXTENSION)
