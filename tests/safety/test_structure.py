"""HDF5 files put together by hand, in which the library would walk for ever or crash, are refused before it does."""

import io
import struct

import h5py
import numpy as np
import pytest

from keras.saving import hdf5
from keras.saving.file_errors import CorruptFileError, UnsafeFileError

TREE_HEAD = 24


def made(fill, libver=None):
    target = io.BytesIO()
    with h5py.File(target, "w", libver=libver) as file:
        fill(file)
    return bytearray(target.getvalue())


def many_names(file):
    for number in range(400):
        file.create_group(f"group{number:03}")


def many_chunks(file):
    file.create_dataset("group000", data=np.zeros((400, 4), "f4"), chunks=(2, 2))


def number(data, place, size=8):
    return int.from_bytes(data[place : place + size], "little")


def put(data, place, value, size=8):
    data[place : place + size] = value.to_bytes(size, "little")


def trees(data, kind):
    """[(level, place of a node with children, places where they are named)], from the highest level down."""
    key, found, start = 8 if kind == 0 else 32, [], data.find(b"TREE")
    while start >= 0:
        if data[start + 4] == kind:
            first = start + TREE_HEAD + key
            children = [first + (key + 8) * child for child in range(number(data, start + 6, 2))]
            if children:
                found.append((data[start + 5], start, children))
        start = data.find(b"TREE", start + 1)
    return sorted(found, reverse=True)


def own_child(data, nodes):
    put(data, nodes[0][2][0], nodes[0][1])


def mutual_children(data, nodes):
    put(data, nodes[1][2][0], nodes[0][1])
    data[nodes[1][1] + 5] = 1


def children_of_one_level(data, nodes):
    data[nodes[0][1] + 5] = 2


def shared_children(data, nodes):
    put(data, nodes[0][2][1], number(data, nodes[0][2][0]))


def every_node_below_the_next(data, nodes):
    """As many ways to the last node as children to the power of nodes."""
    for depth, (_, place, children) in enumerate(nodes[:-1]):
        data[place + 5] = len(nodes) - 1 - depth
        for child in children:
            put(data, child, nodes[depth + 1][1])


def child_outside_the_file(data, nodes):
    put(data, nodes[0][2][0], 1 << 40)


def more_children_than_the_file_holds(data, nodes):
    put(data, nodes[0][1] + 6, 0xFFFF, 2)


DAMAGES = [
    own_child,
    mutual_children,
    children_of_one_level,
    shared_children,
    every_node_below_the_next,
    child_outside_the_file,
    more_children_than_the_file_holds,
]


def read_all(data):
    with hdf5.open_for_reading(bytes(data)) as root:
        first = root.member(root.keys()[0])
        if isinstance(first, hdf5.StoredArray):
            first.read()


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("fill, kind", [(many_names, 0), (many_chunks, 1)])
def test_trees_that_lead_nowhere(fill, kind, damage):
    data = made(fill)
    read_all(data)
    nodes = trees(data, kind)
    assert nodes[0][0] == 1 and nodes[1][0] == 0
    damage(data, nodes)
    with pytest.raises(CorruptFileError, match="truncated or damaged"):
        read_all(data)


def test_a_table_of_names_in_two_trees():
    data = made(lambda file: [file.create_group(name) for name in "ab"])
    with h5py.File(io.BytesIO(data)) as file:
        first, second = (h5py.h5o.get_info(file[name].id).addr for name in "ab")
    messages = [place for place in (first + 16, second + 16) if number(data, place, 2) == 0x11]
    assert len(messages) == 2
    put(data, messages[1] + 8, number(data, messages[0] + 8))
    with hdf5.open_for_reading(bytes(data)) as root:
        root.group("a")
        with pytest.raises(CorruptFileError, match="reached twice"):
            root.group("b")


def blocks_of_messages(data, name):
    """(place of the object, place of the message that leads to its second block)."""
    with h5py.File(io.BytesIO(data)) as file:
        start = h5py.h5o.get_info(file[name].id).addr
    here = start + 16
    while number(data, here, 2) != 0x10:
        here += 8 + number(data, here + 2, 2)
    return start, here


@pytest.mark.parametrize("to_itself", [True, False])
def test_an_object_continued_where_it_began(to_itself):
    data = made(lambda file: file.create_group("group").attrs.update({f"attribute{place}": 1 for place in range(40)}))
    start, message = blocks_of_messages(data, "group")
    block, size = number(data, message + 8), number(data, message + 16)
    read_all(data)
    if to_itself:
        data[block : block + 24] = struct.pack("<HHB3xQQ", 0x10, 16, 0, block, size)
    else:
        put(data, message + 8, start + 16)
    with pytest.raises(CorruptFileError, match="reached twice"):
        read_all(data)


def test_a_type_that_is_its_own():
    """A dataset whose type is stored in an object of its own, which is the dataset."""

    def fill(file):
        file["type"] = np.dtype("f4")
        file.create_dataset("array", shape=(3,), dtype=file["type"])

    data = made(fill)
    with h5py.File(io.BytesIO(data)) as file:
        array, kind = (h5py.h5o.get_info(file[name].id).addr for name in ("array", "type"))
    place = data.index(struct.pack("<Q", kind), array)
    put(data, place, array)
    with hdf5.open_for_reading(bytes(data)) as root:
        with pytest.raises(UnsafeFileError, match="shares parts"):
            root.array("array")


def newer(file):
    """Links, attributes and chunks in each of the ways that newer files know."""
    for number in range(60):
        file.create_group(f"group{number}")
    group = file.create_group("group")
    group.attrs["text"] = "hello"
    for number in range(60):
        group.attrs[f"a{number}"] = "x" * number
    values = np.arange(64, dtype="f4").reshape(8, 8)
    for name, options in {
        "plain": {},
        "one chunk": {"chunks": (8, 8), "compression": "gzip"},
        "fixed array": {"chunks": (2, 2)},
        "fixed array, compressed": {"chunks": (2, 2), "compression": "gzip"},
        "extensible array": {"chunks": (2, 2), "maxshape": (None, 8)},
        "newer tree": {"chunks": (1, 1), "maxshape": (None, None)},
    }.items():
        group.create_dataset(name, data=values, **options)


@pytest.fixture(scope="module")
def newer_file():
    return made(newer, "latest")


def test_sound_files_of_the_newer_kind_are_read(newer_file):
    assert all(newer_file.count(mark) for mark in (b"FRHP", b"FHDB", b"BTHD", b"BTIN", b"BTLF", b"FAHD", b"EAHD"))
    with hdf5.open_for_reading(bytes(newer_file)) as root:
        group = root.group("group")
        assert len(root.keys()) == 61 and group.text("a59") == "x" * 59
        for name in group.keys():
            assert np.array_equal(group.array(name).read(), np.arange(64).reshape(8, 8))


@pytest.mark.parametrize(
    "mark, offset, size, value",
    [
        (b"BTHD", 12, 2, 0xFFFF),  # depth
        (b"BTHD", 6, 4, 0),  # size of a node
        (b"BTHD", 10, 2, 0),  # size of an entry
        (b"BTHD", 16, 8, 1 << 40),  # root
        (b"FAHD", 8, 8, 1 << 62),  # chunks
        (b"EAHD", 44, 8, 1 << 62),  # chunks
        (b"FRHP", 7, 2, 8),  # compression
        (b"FRHP", 112, 8, 0),  # size of a block
        (b"FRHP", 132, 8, 1 << 40),  # place of the first
        (b"FRHP", 140, 2, 0xFFFF),  # rows of blocks
    ],
)
def test_newer_trees_and_heaps_of_impossible_sizes(newer_file, mark, offset, size, value):
    """They are refused before the library would see that their checksums are wrong, which a forger sets right."""
    start = newer_file.find(mark)
    while start >= 0:
        data = bytearray(newer_file)
        put(data, start + offset, value, size)
        with pytest.raises((CorruptFileError, UnsafeFileError), match="truncated or damaged|compressed form"):
            with hdf5.open_for_reading(bytes(data)) as root:
                group = root.group("group")
                for name in group.keys():
                    group.array(name)
        start = newer_file.find(mark, start + 1)


def test_an_inner_node_of_a_newer_tree_is_its_own_child(newer_file):
    data = bytearray(newer_file)
    inner = data.find(b"BTIN")
    header = data.rfind(struct.pack("<Q", inner), 0, len(data)) - 16
    assert data[header : header + 4] == b"BTHD"
    record, count = number(data, header + 10, 2), number(data, header + 24, 2)
    put(data, inner + 6 + record * count, inner)
    with pytest.raises(CorruptFileError, match="reached twice"):
        with hdf5.open_for_reading(bytes(data)) as root:
            group = root.group("group")
            for name in group.keys():
                group.array(name)


@pytest.mark.parametrize("message", [0x0F, 0x14, 0x18])
def test_settings_of_other_programs(message):
    """A table of shared descriptions, a file in pieces, a stored cache."""

    def fill(file):
        file.attrs["x"] = np.zeros(4)

    data = made(fill)
    put(data, data.index(b"x\0\0\0\0\0\0\0") - 16, message, 2)
    with pytest.raises(UnsafeFileError, match="shares parts"):
        with hdf5.open_for_reading(bytes(data)):
            pass
