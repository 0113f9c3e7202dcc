"""The trees in an HDF5 file, walked before the library walks them (see `hdf5_structure`).

Older trees have nodes 'TREE': a kind (0: names of a group, 1: chunks of a dataset), a level, the count of children (2
bytes), the nodes beside it (8 each); then keys and children by turns. Below names lie tables 'SNOD' with a version, a
zero, a count (2) and entries of 40 bytes. Newer trees have a header 'BTHD' and nodes 'BTIN' and 'BTLF' of one size,
whose count of entries the parent knows. Newer datasets may have an array of chunks instead, 'FAHD' or 'EAHD'.

A child's place leads to what is no such node: the library finds that out and says so.
"""

import struct

from .hdf5_bytes import NOWHERE

_NAMES, _CHUNKS = 0, 1
_NODE, _TABLE = struct.Struct("<4sBBH"), struct.Struct("<4sxxH")
_NODE_HEAD, _ENTRY = 24, 40
_NEWER = struct.Struct("<4sBBIHHBBQH")
_NODE_AROUND = 10  # signature, version, kind, checksum
# A tree of this depth could name every atom of a file; numbers of its nodes' entries take no more than 8 bytes.
_DEEPEST = 32


def check_names(data, address):
    """Walks the tree of a group's names."""
    for table in _leaves(data, address, _NAMES, key=8):
        signature, count = data.unpack(_TABLE, table)
        if signature == b"SNOD":
            data.claim(table, _TABLE.size + count * _ENTRY, "a table of names")


def check_chunks(data, address, axes):
    """Walks the tree of a dataset's chunks. axes: those of the dataset and one for the bytes of an element."""
    if address != NOWHERE:
        for _ in _leaves(data, address, _CHUNKS, key=8 + 8 * axes):
            pass


def _leaves(data, address, kind, key):
    """Where the children of the lowest nodes lie."""
    pending = [(address, None)]
    while pending:
        address, expected = pending.pop()
        signature, found, level, count = data.unpack(_NODE, address)
        if signature != b"TREE" or found != kind:
            continue
        if expected not in (None, level):
            data.refuse("a tree whose nodes are not below each other")
        first, step = address + _NODE_HEAD + key, key + 8
        data.claim(address, _NODE_HEAD + count * step + key, "a node of a tree")
        children = [data.number(place) for place in range(first, first + count * step, step)]
        if level == 0:
            yield from children
        else:
            pending += [(child, level - 1) for child in children]


def check_newer(data, address):
    """Walks a tree of the newer kind."""
    if address == NOWHERE:
        return
    signature, _, _, size, record, depth, _, _, root, count = data.unpack(_NEWER, address)
    if signature != b"BTHD":
        return
    if depth > _DEEPEST or size <= _NODE_AROUND or record == 0:
        data.refuse("a tree of impossible depth")
    data.claim(address, _NEWER.size, "a tree")
    widths = _widths(size, record, depth)
    pending = [(root, count, depth)] if root != NOWHERE else []
    while pending:
        address, count, depth = pending.pop()
        data.claim(address, size, "a node of a tree")
        if depth == 0:
            continue
        own, all_below = widths[depth]
        step = 8 + own + all_below
        first = address + 6 + count * record
        for place in range(first, first + (count + 1) * step, step):
            pending.append((data.number(place), data.odd_number(place + 8, own), depth - 1))


def _widths(size, record, depth):
    """{depth: bytes that say (how many entries a child has, how many are below it in all)} of nodes above leaves."""
    most = below = (size - _NODE_AROUND) // record
    own, all_below, found = _bytes_for(most), 0, {}
    for level in range(1, depth + 1):
        found[level] = own, all_below
        pointer = 8 + own + all_below
        most = max(0, size - _NODE_AROUND - pointer) // (record + pointer)
        below = (most + 1) * below + most
        all_below = _bytes_for(below)
    return found


def _bytes_for(number):
    return max(1, (number.bit_length() + 7) // 8)


def check_index(data, message):
    """Looks at how a dataset of the newer kind finds its chunks."""
    flags, axes, width = (data.number(message + offset, 1) for offset in (2, 3, 4))
    place = message + 5 + axes * width
    kind = data.number(place, 1)
    settings = {1: 12 if flags & 2 else 0, 2: 0, 3: 1, 4: 5, 5: 6}
    if kind not in settings:
        return
    address = data.number(place + 1 + settings[kind])
    if address == NOWHERE:
        return
    if kind == 5:
        check_newer(data, address)
    # The library goes through all elements of these arrays, so they must be there.
    elif kind == 3 and data.text(address, 4) == b"FAHD":
        _check_array(data, data.number(address + 6, 1) * data.number(address + 8))
    elif kind == 4 and data.text(address, 4) == b"EAHD":
        _check_array(data, data.number(address + 6, 1) * data.number(address + 44))


def _check_array(data, size):
    if size > len(data):
        data.refuse("an index of chunks larger than the file")
