"""A look at HDF5's global heaps before the library reads them.

Text of variable length lies in global heaps. The HDF5 library walks through one without noticing an entry of free
space that is zero bytes long, and then never comes back; a damaged or malicious file can hold such an entry, and
nothing in Python can interrupt it. So the entries are walked here first.

Layout (version 1): 'GCOL', a byte 1, three zeros, the size of the heap (8 bytes); then entries of an index (2), a
reference count (2), four zeros, a size (8) and the data, padded to 8 bytes. Index 0 is the free space at the end,
whose size counts its header.
"""

import mmap
import os

_START = b"GCOL\x01\x00\x00\x00"
_HEAD = 16


def is_endless(source):
    """Whether a file (a path or bytes) has a global heap that the library would not find the end of."""
    if not isinstance(source, (str, os.PathLike)):
        return _any_endless(source)
    with open(source, "rb") as file:
        if os.path.getsize(source) == 0:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _any_endless(data)


def _any_endless(data):
    start = data.find(_START)
    while start >= 0:
        if _has_empty_free_space(data, start):
            return True
        start = data.find(_START, start + 1)
    return False


def _has_empty_free_space(data, start):
    size = int.from_bytes(data[start + 8 : start + 16], "little")
    here, end = start + _HEAD, min(start + size, len(data))
    while here + _HEAD <= end:
        index = int.from_bytes(data[here : here + 2], "little")
        length = int.from_bytes(data[here + 8 : here + 16], "little")
        if index == 0 and length == 0:
            return True
        here += length if index == 0 else _HEAD + (length + 7) // 8 * 8
    return False
