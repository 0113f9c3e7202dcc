"""The one door for HDF5: what a model needs comes through, everything else is refused before it costs anything."""

import io
import os

import h5py
import numpy as np
import pytest

from keras.saving import hdf5
from keras.saving.hdf5 import CorruptFileError, UnsafeFileError, open_for_reading


def make(path, fill):
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def read(path, name="w"):
    with open_for_reading(path) as root:
        return root.array(name).read()


def simple(file):
    file["w"] = np.arange(6.0).reshape(2, 3)
    file.attrs["layer_names"] = np.array([b"a", b"b"])


# ------------------------------------------------------------------------------------------ what works


def test_every_kind_of_source(tmp_path):
    path = make(tmp_path / "f.h5", simple)
    data = path.read_bytes()
    with h5py.File(path, "r") as file, open(path, "rb") as handle:
        for source in (path, str(path), data, bytearray(data), io.BytesIO(data), handle, file, file["/"]):
            np.testing.assert_array_equal(read(source), np.arange(6.0).reshape(2, 3))
        assert file.id.valid  # a group that was handed in stays open


@pytest.mark.parametrize(
    "names", [[], ["dense_1"], ["größe", "b"], [f"layer_number_{i:05d}" for i in range(9000)]]
)
def test_lists_of_names_of_any_length(tmp_path, names):
    def fill(file):
        hdf5.write_names(file, "layer_names", names)
        assert all(file.attrs[key].nbytes <= hdf5.HDF5_OBJECT_HEADER_LIMIT for key in file.attrs)

    with open_for_reading(make(tmp_path / "f.h5", fill)) as root:
        assert root.names("layer_names") == names


@pytest.mark.parametrize(
    "stored",
    [
        np.array([b"a", b"b"]),
        np.array(["a", "b"], dtype=h5py.string_dtype()),
        np.array([b"a", b"b"], dtype=object),
    ],
)
def test_names_written_as_bytes_or_text(tmp_path, stored):
    path = make(
        tmp_path / "f.h5",
        lambda file: file.attrs.create(
            "layer_names", stored, dtype=(h5py.string_dtype() if stored.dtype == object else None)
        ),
    )
    with open_for_reading(path) as root:
        assert root.names("layer_names") == ["a", "b"]


@pytest.mark.parametrize("stored", [b"2.3.1", "2.3.1", np.bytes_(b"2.3.1")])
def test_text_attributes(tmp_path, stored):
    path = make(tmp_path / "f.h5", lambda file: file.attrs.__setitem__("keras_version", stored))
    with open_for_reading(path) as root:
        assert root.text("keras_version") == "2.3.1"
        assert root.text("missing", "none") == "none"


def test_text_longer_than_an_attribute_may_be(tmp_path):
    text = "x" * 300_000
    with open_for_reading(
        make(tmp_path / "f.h5", lambda file: hdf5.write_text(file, "model_config", text))
    ) as root:
        assert root.text("model_config") == text


def test_a_name_too_long_for_hdf5():
    with pytest.raises(RuntimeError, match="shorter name"):
        hdf5.file_as_bytes(lambda group: hdf5.write_names(group, "layer_names", ["x" * 70_000]))


@pytest.mark.parametrize(
    "options",
    [
        dict(compression="gzip"),
        dict(compression="lzf"),
        dict(chunks=(7,)),
        dict(shuffle=True, fletcher32=True, compression="gzip"),
    ],
)
def test_compressed_and_chunked_data(tmp_path, options):
    value = np.random.RandomState(0).rand(1000).astype("float32")
    path = make(tmp_path / "f.h5", lambda file: file.create_dataset("w", data=value, **options))
    np.testing.assert_array_equal(read(path), value)


def test_absolute_names_stay_inside_the_group(tmp_path):
    def fill(file):
        file["secret"] = np.ones(3)
        file["inner/w"] = np.zeros(2)

    with open_for_reading(make(tmp_path / "f.h5", fill)) as root:
        inner = root.group("inner")
        assert inner.array("/w").shape == (2,)
        for name in ("/secret", "../secret", "/../secret"):
            with pytest.raises(CorruptFileError, match="there is no"):
                inner.array(name)


# ------------------------------------------------------------------------------------------ damage


def test_missing_file_folder_and_wrong_type(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.h5"):
        read(tmp_path / "nothing.h5")
    with pytest.raises(IsADirectoryError, match="SavedModel"):
        read(tmp_path)
    with pytest.raises(TypeError, match="path, bytes"):
        read(12)
    with pytest.raises(TypeError, match="rb"):
        read(io.StringIO("text"))


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "empty"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"<html><body>404</body></html>", "not an HDF5 file"),
    ],
)
def test_not_hdf5(tmp_path, data, message):
    path = tmp_path / "f.h5"
    path.write_bytes(data)
    for source in (path, data):
        with pytest.raises(CorruptFileError, match=message):
            read(source)


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99])
def test_truncated(tmp_path, part):
    path = make(tmp_path / "f.h5", lambda file: file.create_dataset("w", data=np.arange(5000.0)))
    data = path.read_bytes()
    with pytest.raises(CorruptFileError, match="truncated or damaged|not an HDF5"):
        read(data[: int(len(data) * part)])


def test_missing_members_and_wrong_kinds(tmp_path):
    path = make(tmp_path / "f.h5", lambda file: (simple(file), file.create_group("g")))
    with open_for_reading(path) as root:
        with pytest.raises(CorruptFileError, match="there is no 'x'"):
            root.array("x")
        with pytest.raises(CorruptFileError, match="ought to be a dataset"):
            root.array("g")
        with pytest.raises(CorruptFileError, match="ought to be a group"):
            root.group("w")
        with pytest.raises(CorruptFileError, match="part of this path is a dataset"):
            root.array("w/inside")
        with pytest.raises(CorruptFileError, match="weight_names"):
            root.names("weight_names")
        with pytest.raises(CorruptFileError, match="ought to be text"):
            root.text("layer_names")


# ------------------------------------------------------------------------------------------ attacks


def victim(tmp_path):
    return make(tmp_path / "victim.h5", lambda file: file.create_dataset("password", data=np.arange(4.0)))


def external_link(file, other):
    file["w"] = h5py.ExternalLink(other, "/password")


def soft_link(file, other):
    file["real"] = np.zeros(3)
    file["w"] = h5py.SoftLink("/real")


def external_storage(file, other):
    file.create_dataset("w", shape=(4,), dtype="f8", external=[(other, 0, h5py.h5f.UNLIMITED)])


def virtual_dataset(file, other):
    layout = h5py.VirtualLayout(shape=(4,), dtype="f8")
    layout[:] = h5py.VirtualSource(other, "password", shape=(4,))
    file.create_virtual_dataset("w", layout)


def object_reference(file, other):
    file["real"] = np.zeros(3)
    file.create_dataset("w", data=np.array([file["real"].ref], dtype=h5py.ref_dtype))


def variable_length(file, other):
    file.create_dataset("w", data=np.array(["x" * 100], dtype=object), dtype=h5py.string_dtype())


def compound(file, other):
    file.create_dataset("w", data=np.zeros(3, dtype=[("a", "f4"), ("b", "f4")]))


def shape_bomb(file, other):
    file.create_dataset("w", shape=(1 << 20, 1 << 20), dtype="f4")


def chunked_shape_bomb(file, other):
    file.create_dataset("w", shape=(1 << 20, 1 << 20), dtype="f4", chunks=(64, 64))


def compressed_shape_bomb(file, other):
    file.create_dataset("w", shape=(1 << 16, 1 << 16), dtype="f4", chunks=(64, 64), compression="gzip")


def gzip_bomb(file, other):
    dataset = file.create_dataset(
        "w", shape=(40 << 20,), dtype="f4", chunks=(1 << 20,), compression="gzip", compression_opts=9
    )
    dataset[...] = 0


def unknown_filter(file, other):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((4,))
    plist.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, ())
    h5py.h5d.create(file.id, b"w", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((4,)), plist)


@pytest.mark.parametrize(
    "attack, message",
    [
        (external_link, "ExternalLink"),
        (soft_link, "SoftLink"),
        (external_storage, "external file"),
        (virtual_dataset, "virtual dataset"),
        (object_reference, "plain numbers"),
        (variable_length, "plain numbers"),
        (compound, "plain numbers"),
        (shape_bomb, "only 0 bytes are stored"),
        (chunked_shape_bomb, "only 0 bytes"),
        (compressed_shape_bomb, "exhaust memory"),
        (gzip_bomb, "exhaust memory"),
        (unknown_filter, "filter plugins"),
    ],
)
def test_refused_before_anything_is_read(tmp_path, attack, message):
    other = str(victim(tmp_path))
    path = make(tmp_path / "f.h5", lambda file: attack(file, other))
    with pytest.raises(UnsafeFileError, match=message):
        read(path)


def test_links_are_refused_on_the_way_too(tmp_path):
    other = str(victim(tmp_path))
    path = make(tmp_path / "f.h5", lambda file: file.__setitem__("layer", h5py.ExternalLink(other, "/")))
    with open_for_reading(path) as root:
        for go in (lambda: root.group("layer"), lambda: root.array("layer/password")):
            with pytest.raises(UnsafeFileError, match="not followed"):
                go()
        assert "layer" in root  # looking at the name follows nothing


def test_one_dataset_named_many_times_cannot_fill_the_memory(tmp_path):
    def fill(file):
        file["w0"] = np.zeros(1 << 20, "f8")
        for number in range(1, 200):
            file[f"w{number}"] = file["w0"]

    with open_for_reading(make(tmp_path / "f.h5", fill)) as root:
        with pytest.raises(UnsafeFileError, match="exhaust memory"):
            for number in range(200):
                root.array(f"w{number}").read()


def test_attributes_may_only_be_text_and_numbers(tmp_path):
    def fill(file):
        file["real"] = np.zeros(3)
        file.attrs.create("model_config", file["real"].ref, dtype=h5py.ref_dtype)

    with open_for_reading(make(tmp_path / "f.h5", fill)) as root:
        with pytest.raises(UnsafeFileError, match="neither text nor a number"):
            root.text("model_config")


def test_deep_nesting_ends(tmp_path):
    with open_for_reading(
        make(tmp_path / "f.h5", lambda file: file.create_group("/".join("a" * 100)))
    ) as root:
        with pytest.raises(UnsafeFileError, match="deep"):
            root.group("/".join("a" * 100))


# ------------------------------------------------------------------------------------------ atomic writing


def test_a_failed_write_leaves_the_old_file(tmp_path):
    from keras.saving import atomic

    path = tmp_path / "f.h5"
    path.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError):
        with atomic.replacing(path) as temporary:
            with open(temporary, "wb") as handle:
                handle.write(b"half")
            raise ZeroDivisionError
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["f.h5"]


def test_replacing_keeps_links_and_permissions(tmp_path):
    from keras.saving import atomic

    real, link = tmp_path / "real.h5", tmp_path / "link.h5"
    real.write_bytes(b"old")
    real.chmod(0o640)
    link.symlink_to(real)
    atomic.write_bytes(link, b"new")
    assert link.is_symlink() and real.read_bytes() == b"new" and real.stat().st_mode & 0o777 == 0o640
    with pytest.raises(FileNotFoundError, match="makedirs"):
        atomic.write_bytes(tmp_path / "no" / "f.h5", b"new")
    with pytest.raises(IsADirectoryError, match="folder"):
        atomic.write_bytes(tmp_path, b"new")


def _endless_global(data):
    entry = data.index(b"GCOL") + 16
    data[entry : entry + 16] = bytes(16)


def _endless_local(data):
    """The first free block says that it is the next one itself."""
    heap = data.index(b"HEAP")
    place = int.from_bytes(data[heap + 24 : heap + 32], "little")
    data[heap + 16 : heap + 24] = data[place + 8 : place + 16] = (8).to_bytes(8, "little")
    data[place + 16 : place + 24] = (16).to_bytes(8, "little")


@pytest.mark.parametrize("damage", [_endless_global, _endless_local])
@pytest.mark.parametrize("kind", ["path", "bytes", "group"])
def test_a_heap_without_end_is_not_walked(kind, damage, tmp_path):
    """Text and the names in groups lie in heaps; the library would follow the lists in them for ever."""
    path = tmp_path / "f.h5"
    with h5py.File(path, "w") as file:
        file.attrs.create("text", "hello", dtype=h5py.string_dtype())
        file.create_group("group")
    data = bytearray(path.read_bytes())
    with hdf5.open_for_reading(bytes(data)) as root:
        assert root.text("text") == "hello" and root.keys() == ["group"]
    damage(data)
    path.write_bytes(data)
    opened = h5py.File(path) if kind == "group" else None
    try:
        source = {"path": path, "bytes": bytes(data), "group": opened}[kind]
        with pytest.raises(hdf5.CorruptFileError, match="heap"):
            with hdf5.open_for_reading(source):
                pass
    finally:
        if opened is not None:
            opened.close()


def test_what_was_deleted_from_a_file_does_not_matter(tmp_path):
    """Heaps that are no longer in use stay in the file, with other data over them."""
    for step in range(4):
        with h5py.File(tmp_path / "f.h5", "a") as file:
            for name in list(file)[step % 2 :]:
                del file[name]
            for number in range(12):
                group = file.create_group(f"group{step}_{number}")
                for place in range(number):
                    group.create_dataset("x" * number + str(place), data=np.zeros(10 * place + 1, "f4"))
        with open_for_reading(tmp_path / "f.h5") as root:
            assert len(root.keys()) >= 12


@pytest.mark.parametrize("before", [512, 2048])
def test_a_file_with_something_before_it_is_refused(before, tmp_path):
    """The library finds HDF5 further in as well; what is looked at before it reads would then lie elsewhere."""
    path = make(tmp_path / "f.h5", simple)
    with pytest.raises(CorruptFileError, match="does not begin with it"):
        read(bytes(before) + path.read_bytes())
