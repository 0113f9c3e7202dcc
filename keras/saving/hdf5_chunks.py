"""Compressed pieces of HDF5 datasets, looked at before HDF5 unpacks them.

HDF5 unpacks a piece (a chunk) into as much memory as it turns out to need, whatever the dataset declares: 5 KB of
deflate within deflate become a gigabyte on the way to an array of 4 KB. So the compressed bytes are fetched as they
are and unpacked here first, up to the size that a chunk has.
"""

import math
import zlib

from .file_errors import CorruptFileError, UnsafeFileError

_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF = 1, 2, 3, 32000
# Those that Keras users meet. Others (szip, nbit, scaleoffset, plugins) take sizes or code from outside the data.
_KNOWN = {_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF}
# What checksums and the packing of incompressible data add to a chunk.
_SLACK = 1 << 12


def filters_of(plist, label):
    """The numbers of a dataset's filters. Raises UnsafeFileError for those that are not read."""
    found = [plist.get_filter(index) for index in range(plist.get_nfilters())]
    numbers = [entry[0] for entry in found]
    strange = sorted(set(numbers) - _KNOWN)
    if strange:
        raise UnsafeFileError(
            f"{label} needs the HDF5 filter plugins {strange}; only gzip, lzf, shuffle and fletcher32 are read."
        )
    if len(set(numbers)) != len(numbers) or {_DEFLATE, _LZF} <= set(numbers):
        raise UnsafeFileError(f"{label} is compressed more than once. Such a file is made to exhaust memory.")
    for number, _, values, *_ in found:
        # lzf takes the third number for the size of its output.
        if number == _LZF and len(values) > 2 and values[2] > math.prod(plist.get_chunk()) * 16:
            raise UnsafeFileError(f"{label} declares lzf chunks of {values[2]:,} bytes, larger than they can be.")
    return numbers


def check_chunks(dataset, label):
    """Raises UnsafeFileError if a chunk of a compressed h5py dataset unpacks to more than a chunk holds."""
    plist = dataset.id.get_create_plist()
    filters = filters_of(plist, label)
    size = math.prod(plist.get_chunk()) * dataset.dtype.itemsize
    for chunk in _chunks(dataset, plist.get_chunk(), label):
        if chunk.size > size + size // 8 + _SLACK:
            raise UnsafeFileError(f"{label} has a chunk of {chunk.size:,} stored bytes for {size:,} bytes of data.")
        if _DEFLATE in filters and not chunk.filter_mask & 1 << filters.index(_DEFLATE):
            _check_deflated(dataset.id.read_direct_chunk(chunk.chunk_offset)[1], size + _SLACK, label)


def _chunks(dataset, shape, label):
    """Where the stored chunks lie. There cannot be more than the dataset has room for."""
    most = math.prod(-(-axis // step) for axis, step in zip(dataset.shape, shape))
    found = []

    def add(chunk):
        found.append(chunk)
        return len(found) > most or None

    dataset.id.chunk_iter(add)
    if len(found) > most:
        raise CorruptFileError(f"{label} has more chunks than the {most} that it has room for.")
    return found


def _check_deflated(data, limit, label):
    unpacker = zlib.decompressobj()
    try:
        unpacked = unpacker.decompress(data, limit + 1)
    except zlib.error as error:
        raise CorruptFileError(f"{label} cannot be unpacked: the file is damaged ({error}).") from error
    if len(unpacked) > limit:
        raise UnsafeFileError(f"{label} has a chunk that unpacks to more than its size. It is made to exhaust memory.")
