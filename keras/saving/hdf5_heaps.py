"""The heaps in an HDF5 file, walked before the library walks them (see `hdf5_structure`).

Global heaps hold text of variable length: 'GCOL', a byte 1, three zeros, the size of the heap (8 bytes); then entries
of an index (2), a reference count (2), four zeros, a size (8) and the data, padded to 8 bytes. Index 0 is the free
space at the end, whose size counts its header; a size of zero leads nowhere.

Local heaps hold the names in a group: 'HEAP', a byte 0, three zeros, the size of the data, where the first free block
lies in it, and where the data lies in the file (8 bytes each). A free block begins with where the next one lies (1: it
is the last) and its size.

Fractal heaps hold links and attributes, if they are many: 'FRHP', and blocks 'FHIB' of places of blocks. The blocks of
a row are of one size, twice that of the row before (the first two rows are equal).
"""

import struct

from . import hdf5_trees
from .file_errors import UnsafeFileError
from .hdf5_bytes import NOWHERE

GLOBAL, _LOCAL = b"GCOL\x01\x00\x00\x00", b"HEAP\x00\x00\x00\x00"
_HEAD, _LOCAL_HEAD = 16, 32
_NO_MORE = 1
_PLACES = struct.Struct("<QQQ")
_ENTRY = struct.Struct("<H6xQ")
_PAIR = struct.Struct("<QQ")
_TABLE = struct.Struct("<HQQHHQH")
_MOST_ROWS = 64  # blocks of the last would hold all that 8 bytes can address


def check_global(data, start):
    """Go through the entries of a heap of texts. Gives the sizes of the texts by their index."""
    sizes = {}
    if data.text(start, 8) != GLOBAL:
        return sizes
    size = data.number(start + 8)
    here, end = start + _HEAD, min(start + size, len(data))
    data.claim(start, end - start, "a heap of texts")
    while here + _HEAD <= end:
        index, length = data.unpack(_ENTRY, here)
        if index == 0 and length == 0:
            data.refuse("an empty entry in a global heap")
        if index:
            sizes[index] = length
        here += length if index == 0 else _HEAD + length + -length % 8
    return sizes


def check_local(data, start):
    """Go through the free blocks of a heap of names."""
    if data.text(start, 8) != _LOCAL:
        return
    size, block, place = data.unpack(_PLACES, start + 8)
    data.claim(start, _LOCAL_HEAD, "a heap of names")
    data.claim(place, size, "a heap of names")
    seen = set()
    # Where a block is not sound, the library finds that out.
    while block != _NO_MORE and block + _HEAD <= size:
        following, length = data.unpack(_PAIR, place + block)
        if length == 0 or block + length > size:
            return
        if block in seen:
            data.refuse("a local heap without an end")
        seen.add(block)
        block = following


def check_fractal(data, start):
    """Go through the blocks of a heap of links or attributes."""
    if data.text(start, 4) != b"FRHP":
        return
    if data.number(start + 7, 2):
        raise UnsafeFileError(f"{data.label} keeps its names in compressed form, which no file of Keras does.")
    data.claim(start, 142, "a heap of links")
    hdf5_trees.check_newer(data, data.number(start + 22))
    columns, first, largest, bits, _, root, rows = data.unpack(_TABLE, start + 110)
    if not columns or not first or largest < first or max(rows, bits) > _MOST_ROWS:
        data.refuse("a heap of impossible size")
    pending = [(root, first, rows)]
    while pending:
        block, size, rows = pending.pop()
        if block == NOWHERE:
            continue
        data.claim(block, size if rows == 0 else 1, "a block of a heap")
        if rows and data.text(block, 4) == b"FHIB":
            place = block + 13 + (bits + 7) // 8
            for row in range(rows):
                size = first << max(0, row - 1)
                below = 0 if size <= largest else size.bit_length() - (first * columns).bit_length() + 1
                pending += [(data.number(place + 8 * column), size, below) for column in range(columns)]
                place += 8 * columns
