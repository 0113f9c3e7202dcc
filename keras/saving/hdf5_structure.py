"""A look at how an HDF5 file is put together before the library follows it.

The HDF5 library follows trees, lists and continued headers without noticing that they lead back to where they began: a
damaged or malicious file can keep it there for ever, or crash the process when its stack is full, and nothing in
Python can interrupt or catch either. So each object is walked here before the library opens it. One rule refuses all
of that: **every structure has bytes of its own, inside the file**. A file in which structures lie upon each other, or
one is reached twice, is damaged; and where they do not, what the library can walk is no longer than the file.

Objects are looked at when they are reached (`hdf5.SafeGroup` does that), so a file costs what is read from it.

An object is a header: a list of messages, in blocks. Version 1 begins with a byte 1, its messages' heads take 8 bytes;
version 2 begins with 'OHDR', continued in blocks with 'OCHK', its messages' heads take 4 or 6.
"""

import contextlib
import mmap
import os
import struct

from . import hdf5_heaps, hdf5_trees
from .file_errors import CorruptFileError, UnsafeFileError
from .hdf5_bytes import NOWHERE, Bytes

SIGNATURE = b"\x89HDF\r\n\x1a\n"

_HEADER_1, _MESSAGE_1 = struct.Struct("<B7xI4x"), struct.Struct("<HHB3x")
_MESSAGE_2 = struct.Struct("<BHB")
_SHARED = 2

# Kinds of messages that lead somewhere.
_LINKS, _EXTERNAL, _LAYOUT, _ATTRIBUTE, _MORE, _SYMBOLS, _ATTRIBUTES = 0x02, 0x07, 0x08, 0x0C, 0x10, 0x11, 0x15
# Descriptions shared by objects, files in several pieces, and a stored cache: Keras's files have none of them.
_SHARED_TABLE, _DRIVER, _CACHE = 0x0F, 0x14, 0x18
_STRANGE = {_SHARED_TABLE, _DRIVER, _CACHE}

_VIRTUAL, _CHUNKED = 3, 2
_VARIABLE_LENGTH = 9


@contextlib.contextmanager
def looking_at(source, label):
    """A `Structure` of a file (a path or bytes), for as long as the file is read.

    What is not HDF5 at all passes: the library says so itself.

    Raises:
        CorruptFileError, UnsafeFileError: if not even its beginning is sound.
    """
    if not isinstance(source, (str, os.PathLike)):
        yield Structure(source, label)
        return
    with open(source, "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            yield Structure(b"", label)
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield Structure(data, label)


class Structure:
    """What is known of the structures of one file."""

    def __init__(self, data, label):
        self._bytes = Bytes(data, label)
        self._label = label
        self._sound = set()
        self._heaps = {}  # the sizes of the texts in each
        self._texts_size = 0  # of all that attributes so far stand for
        self._longest_text = 0
        self._counted = True
        if data[:8] == SIGNATURE:
            with self._bytes.ends_as_errors():
                self._check_beginning()
        elif any(data[start : start + 8] == SIGNATURE for start in _later_starts(len(data))):
            raise CorruptFileError(f"{label} holds HDF5, but does not begin with it: it is no file of Keras.")

    def _check_beginning(self):
        """The superblock, which names the root group (and, in newer files, an object with settings)."""
        data = self._bytes
        version = data.number(8, 1)
        if (data.number(13, 2) if version < 2 else data.number(9, 2)) != 0x0808:
            raise CorruptFileError(
                f"{self._label} begins as an HDF5 file but is truncated or damaged (places of no known size)."
            )
        if version < 2:
            entry = 56 if version == 0 else 60
            if data.number(entry - 8) != NOWHERE:
                raise UnsafeFileError(f"{self._label} is one of several pieces of an HDF5 file. It was not opened.")
            root = data.number(entry + 8)
        else:
            settings, root = data.number(20), data.number(36)
            if settings != NOWHERE:
                self.check_object(settings)
        self.check_object(root)

    def check_object(self, address):
        """Raises CorruptFileError or UnsafeFileError if the library should not open the object at this address."""
        if address in self._sound:
            return
        with self._bytes.ends_as_errors():
            if self._bytes.text(address, 4) == b"OHDR":
                self._check_header_2(address)
            elif self._bytes.number(address, 1) == 1:
                self._check_header_1(address)
        self._sound.add(address)

    def _check_header_1(self, address):
        data = self._bytes
        _, size = data.unpack(_HEADER_1, address)
        data.claim(address, 16, "an object")
        blocks = [(address + 16, size)]
        for start, size in blocks:
            data.claim(start, size, "an object")
            here, end = start, start + size - _MESSAGE_1.size
            while here <= end:
                kind, length, flags = data.unpack(_MESSAGE_1, here)
                here += _MESSAGE_1.size
                self._look_at(kind, flags, here, length, blocks)
                here += length

    def _check_header_2(self, address):
        data = self._bytes
        flags = data.number(address + 5, 1)
        start = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        size = data.number(start, width)
        start += width
        data.claim(address, start - address, "an object")
        head = _MESSAGE_2.size + (2 if flags & 4 else 0)
        blocks = [(start, size)]
        for start, size in blocks:
            data.claim(start, size, "an object")
            here, end = start, start + size
            if start != blocks[0][0]:  # 'OCHK' and a checksum are around a continuation
                here, end = start + 4, end - 4
            while here + head <= end:
                kind, length, flags = data.unpack(_MESSAGE_2, here)
                here += head
                self._look_at(kind, flags, here, length, blocks)
                here += length

    def _look_at(self, kind, flags, start, length, blocks):
        """Follow what one message, of `length` bytes, leads to; `blocks` gets what continues the header."""
        if kind == _MORE:
            blocks.append((self._bytes.number(start), self._bytes.number(start + 8)))
            return
        if kind in _STRANGE or (flags & _SHARED and kind):
            raise UnsafeFileError(f"{self._label} shares parts of its description, which no file of Keras does.")
        if kind in _FOLLOW:
            _FOLLOW[kind](self, start, length)

    def _symbols(self, start, _):
        hdf5_trees.check_names(self._bytes, self._bytes.number(start))
        self._names_heap(self._bytes.number(start + 8))

    def _names_heap(self, address):
        hdf5_heaps.check_local(self._bytes, address)

    def _dense(self, start, _, wide):
        """Links or attributes that are kept in a heap, found by one or two trees."""
        data = self._bytes
        flags = data.number(start + 1, 1)
        start += 2 + (wide if flags & 1 else 0)
        heap, *trees = (data.number(start + 8 * index) for index in range(3 if flags & 2 else 2))
        if heap != NOWHERE:
            hdf5_heaps.check_fractal(data, heap)
            for tree in trees:
                hdf5_trees.check_newer(data, tree)
            return True
        return False

    def _attributes(self, start, length):
        if self._dense(start, length, wide=2):
            # Where their texts lie is said inside the heap: all heaps of texts are looked at instead.
            self._counted = False
            for address in self._bytes.find(hdf5_heaps.GLOBAL):
                self._texts(address)

    def _attribute(self, start, length):
        """An attribute of texts of variable length leads to the heaps in which they are."""
        data = self._bytes
        version, flags, name, kind, space = data.unpack(_ATTRIBUTE_HEAD, start)
        if version > 1 and flags:
            raise UnsafeFileError(f"{self._label} shares parts of its description, which no file of Keras does.")
        end = start + length
        start += 9 if version == 3 else 8
        if version == 1:
            name, kind, space = (size + -size % 8 for size in (name, kind, space))
        if data.number(start + name, 1) & 15 != _VARIABLE_LENGTH:
            return
        for place in range(start + name + kind + space, end - 15, 16):
            length = data.number(place, 4)
            if length:
                sizes = self._texts(data.number(place + 4))
                self._texts_size += max(length, sizes.get(data.number(place + 12, 4), 0))

    def _texts(self, address):
        if address not in self._heaps:
            sizes = self._heaps[address] = hdf5_heaps.check_global(self._bytes, address)
            self._longest_text = max(self._longest_text, *sizes.values(), 0)
        return self._heaps[address]

    def most_text(self, count):
        """What reading `count` texts of an attribute of an object looked at may take, at most.

        Many of them may stand for one text in the file.
        """
        return self._texts_size if self._counted else count * self._longest_text

    def _layout(self, start, _):
        """Where a dataset's numbers lie."""
        data = self._bytes
        version, second, third = data.number(start, 1), data.number(start + 1, 1), data.number(start + 2, 1)
        if version < 3:
            axes, kind, place = second, third, start + 8
        else:
            axes, kind, place = third, second, start + 3
        if kind == _CHUNKED and version < 4:
            hdf5_trees.check_chunks(data, data.number(place), axes)
        elif kind == _CHUNKED:
            hdf5_trees.check_index(data, start)
        elif kind == _VIRTUAL:
            self._texts(data.number(start + 2))


_ATTRIBUTE_HEAD = struct.Struct("<BBHHH")
_FOLLOW = {
    _SYMBOLS: Structure._symbols,
    _LINKS: lambda self, start, length: self._dense(start, length, wide=8),
    _ATTRIBUTES: Structure._attributes,
    _ATTRIBUTE: Structure._attribute,
    _LAYOUT: Structure._layout,
    _EXTERNAL: lambda self, start, _: self._names_heap(self._bytes.number(start + 8)),
}


def _later_starts(size):
    """Where the library looks for a file's start if it is not at 0."""
    start = 512
    while start < size:
        yield start
        start *= 2
