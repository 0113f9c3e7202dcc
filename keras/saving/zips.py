"""The one place where zip archives of models are read and written.

A zip may come from a stranger: it can name entries '../../.bashrc', declare petabytes that compress to nothing,
or lay one entry over another. Nothing is ever extracted to the disk; an entry is read into memory by its exact
name, and only after the whole table of contents has been found harmless.
"""

import contextlib
import io
import os
import zipfile

from .hdf5 import FREE_BYTES, MAX_EXPANSION, CorruptFileError, UnsafeFileError

SIGNATURE = b"PK\x03\x04"
MAX_ENTRIES = 10_000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
# Fixed, so that the same model gives the same bytes (and the oldest date that zip can say).
_DATE = (1980, 1, 1, 0, 0, 0)


class SafeArchive:
    """A zip whose table of contents has been checked; `read(name)` gives the bytes of one entry."""

    def __init__(self, file, size, label):
        self._file = file
        self.label = label
        self._entries = _checked(file.infolist(), size, label)

    def __contains__(self, name):
        return name in self._entries

    def names(self):
        """The names of all entries, in the archive's order."""
        return list(self._entries)

    def read(self, name):
        """The bytes of the entry `name`. Raises CorruptFileError if it is missing or damaged."""
        if name not in self._entries:
            raise CorruptFileError(f"{self.label} has no entry {name!r}; it has {self.names()[:10]}.")
        entry = self._entries[name]
        try:
            with self._file.open(entry) as stream:
                data = stream.read(entry.file_size + 1)
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise CorruptFileError(f"{self.label}: the entry {name!r} is damaged ({error}).") from error
        except _decompression_error() as error:
            raise CorruptFileError(f"{self.label}: the entry {name!r} is damaged ({error}).") from error
        if len(data) != entry.file_size:
            raise CorruptFileError(
                f"{self.label}: the entry {name!r} has {len(data):,} bytes, not the {entry.file_size:,} declared."
            )
        return data


def _decompression_error():
    import zlib

    return zlib.error


@contextlib.contextmanager
def open_for_reading(source, label):
    """Opens a zip; yields a `SafeArchive`.

    Args:
        source: a path or bytes.
        label: what messages call it.

    Raises:
        CorruptFileError: for what is no zip, or cut off.
        UnsafeFileError: for entries that a model archive has no business having.
    """
    handle = io.BytesIO(source) if isinstance(source, bytes) else source
    size = len(source) if isinstance(source, bytes) else os.path.getsize(source)
    try:
        file = zipfile.ZipFile(handle, "r")
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorruptFileError(
            f"{label} begins as a zip archive but is truncated or damaged ({error}). Copy or download it again, "
            "and compare its size with the original's."
        ) from error
    with file:
        yield SafeArchive(file, size, label)


def _checked(entries, size, label):
    """{name: entry}, or an error for what no model archive has."""
    if len(entries) > MAX_ENTRIES:
        raise UnsafeFileError(f"{label} has {len(entries):,} entries (limit {MAX_ENTRIES:,}).")
    found = {}
    for entry in entries:
        name = entry.filename
        if _leaves_its_folder(name):
            raise UnsafeFileError(f"{label} has an entry named {name!r}, which leads out of the archive.")
        if name in found:
            raise UnsafeFileError(f"{label} has two entries named {name!r}: readers disagree which one counts.")
        if entry.flag_bits & _ENCRYPTED:
            raise UnsafeFileError(f"{label}: the entry {name!r} is encrypted.")
        if entry.compress_type not in _METHODS:
            raise UnsafeFileError(f"{label}: the entry {name!r} is compressed by method {entry.compress_type}.")
        found[name] = entry
    declared = sum(entry.file_size for entry in entries)
    if declared > FREE_BYTES + MAX_EXPANSION * size:
        raise UnsafeFileError(
            f"{label} has {size:,} bytes and declares {declared:,} uncompressed. Such a file is made to exhaust "
            "memory."
        )
    return found


def _leaves_its_folder(name):
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name


def archive_as_bytes(entries):
    """The bytes of a zip with these (name, bytes) entries, uncompressed as Keras 3 writes them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as file:
        for name, data in entries:
            file.writestr(zipfile.ZipInfo(name, _DATE), data)
    return target.getvalue()
