"""A look at HDF5's heaps before the library reads them.

The HDF5 library follows the lists in two kinds of heaps without noticing that they never end: a damaged or malicious
file can keep it there for ever (and, in local heaps, take memory at every turn), and nothing in Python can interrupt
it. So the lists are followed here first.

Global heaps hold text of variable length: 'GCOL', a byte 1, three zeros, the size of the heap (8 bytes); then entries
of an index (2), a reference count (2), four zeros, a size (8) and the data, padded to 8 bytes. Index 0 is the free
space at the end, whose size counts its header; a size of zero leads nowhere.

Local heaps hold the names in a group: 'HEAP', a byte 0, three zeros, the size of the data, where the first free block
lies in it, and where the data lies in the file (8 bytes each). A free block begins with where the next one lies (1: it
is the last) and its size.
"""

import mmap
import os

from .file_errors import CorruptFileError

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_GLOBAL, _LOCAL = b"GCOL\x01\x00\x00\x00", b"HEAP\x00\x00\x00\x00"
_HEAD = 16
_NO_MORE = 1


def check(source, label):
    """Raise CorruptFileError if a file (a path or bytes) would keep the HDF5 library for ever.

    What is not HDF5 at all passes: the library says so itself.
    """
    if not isinstance(source, (str, os.PathLike)):
        return _check(source, label)
    with open(source, "rb") as file:
        if os.path.getsize(source) == 0:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _check(data, label)


def _check(data, label):
    if data[:8] != _SIGNATURE:
        if any(data[start : start + 8] == _SIGNATURE for start in _later_starts(len(data))):
            raise CorruptFileError(f"{label} holds HDF5, but does not begin with it: it is no file of Keras.")
        return
    if _sizes(data) != b"\x08\x08":
        raise CorruptFileError(f"{label} begins as an HDF5 file but is truncated or damaged (places of no known size).")
    for start in _places(data, _GLOBAL):
        if _has_empty_free_space(data, start):
            raise CorruptFileError(f"{label} cannot be read: the file is damaged (an empty entry in a global heap).")
    for start in _places(data, _LOCAL):
        if _free_blocks_go_round(data, start):
            raise CorruptFileError(f"{label} cannot be read: the file is damaged (a local heap without an end).")


def _later_starts(size):
    """Where the library looks for a file's start if it is not at 0."""
    start = 512
    while start < size:
        yield start
        start *= 2


def _sizes(data):
    """How many bytes places and lengths have in this file: two bytes of its first block, by its version."""
    return data[13:15] if data[8:9] in (b"\x00", b"\x01") else data[9:11]


def _places(data, start_of_heap):
    start = data.find(start_of_heap)
    while start >= 0:
        yield start
        start = data.find(start_of_heap, start + 1)


def _number(data, place):
    return int.from_bytes(data[place : place + 8], "little")


def _has_empty_free_space(data, start):
    here, end = start + _HEAD, min(start + _number(data, start + 8), len(data))
    while here + _HEAD <= end:
        index = int.from_bytes(data[here : here + 2], "little")
        length = _number(data, here + 8)
        if index == 0 and length == 0:
            return True
        here += length if index == 0 else _HEAD + (length + 7) // 8 * 8
    return False


def _free_blocks_go_round(data, start):
    """Only blocks that the library takes for sound count: heaps no longer in use lie about, overwritten, in files."""
    size, block, place = (_number(data, start + offset) for offset in (8, 16, 24))
    seen = set()
    while block != _NO_MORE and place + block + _HEAD <= len(data):
        length = _number(data, place + block + 8)
        if length == 0 or block + length > size:
            return False
        if block in seen:
            return True
        seen.add(block)
        block = _number(data, place + block)
    return False
