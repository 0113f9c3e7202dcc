"""The bytes of an HDF5 file, each of which belongs to one structure."""

import contextlib
import struct

from .file_errors import CorruptFileError

NOWHERE = 0xFFFFFFFFFFFFFFFF

_NUMBERS = {size: struct.Struct("<" + letter) for size, letter in ((1, "B"), (2, "H"), (4, "I"), (8, "Q"))}


class Bytes:
    """Reads numbers from bytes (or a mapped file), and remembers which of them have been claimed."""

    def __init__(self, data, label):
        self._data = data
        self.label = label
        self._claimed = set()
        self._left = len(data)

    def __len__(self):
        return len(self._data)

    def number(self, address, size=8):
        return _NUMBERS[size].unpack_from(self._data, address)[0]

    def odd_number(self, address, size):
        """A number of any count of bytes."""
        return int.from_bytes(self._data[address : address + size], "little")

    def unpack(self, form, address):
        return form.unpack_from(self._data, address)

    def text(self, address, size):
        return self._data[address : address + size]

    def find(self, text):
        """Every place where `text` lies."""
        start = self._data.find(text)
        while start >= 0:
            yield start
            start = self._data.find(text, start + 1)

    def claim(self, address, size, what):
        """Note that these bytes belong to a structure. Raises CorruptFileError if they can belong to none."""
        if size < 0 or address + size > len(self._data):
            self.refuse(f"{what} that lies outside the file")
        self._left -= size
        if address in self._claimed or self._left < 0:
            self.refuse(f"{what} that is reached twice")
        self._claimed.add(address)

    def refuse(self, why):
        raise CorruptFileError(f"{self.label} cannot be read: the file is truncated or damaged ({why}).")

    @contextlib.contextmanager
    def ends_as_errors(self):
        """Numbers asked for beyond the end of the file become CorruptFileError."""
        try:
            yield
        except (struct.error, OverflowError, IndexError):
            self.refuse("something that lies outside the file")
