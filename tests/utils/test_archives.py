"""Archives are unpacked into their folder, whole, or not at all."""

import bz2
import gzip
import io
import lzma
import pathlib
import stat
import tarfile
import zipfile

import pytest

from keras.utils import archives
from keras.utils.get_file import _extract_archive, get_file

FILES = {"top.txt": b"top", "folder/a.txt": b"a" * 100_000, "folder/deep/b.bin": bytes(range(256))}


def _tar(path, members, mode="w"):
    """Writes a tar file of (TarInfo or name, content)."""
    with tarfile.open(path, mode) as archive:
        for info, content in members:
            info = tarfile.TarInfo(info) if isinstance(info, str) else info
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return str(path)


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, content in members:
            archive.writestr(info, content)
    return str(path)


def _link(name, target, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def _zip_of_mode(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


def _tree(folder):
    """The files in a folder: {name: content}."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _make(path, kind):
    if kind == "zip":
        return _zip(path, FILES.items())
    return _tar(path, FILES.items(), f"w:{kind}")


@pytest.mark.parametrize("kind", ["", "gz", "bz2", "xz", "zip"])
def test_every_kind(tmp_path, kind):
    archive = _make(tmp_path / "archive", kind)
    out = tmp_path / "out"
    assert _extract_archive(archive, str(out)) is True
    assert _tree(out) == FILES
    assert _extract_archive(archive, str(out), "zip" if kind == "zip" else ["zip", "tar"]) is True
    assert _tree(out) == FILES


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_what_is_no_archive_stays(tmp_path, pack):
    path = tmp_path / "data"
    path.write_bytes(pack(b"no archive at all" * 100))
    assert _extract_archive(str(path), str(tmp_path / "out")) is False
    assert _tree(tmp_path / "out") == {}


def test_formats(tmp_path):
    archive = _make(tmp_path / "a.zip", "zip")
    for formats in ("tar", None, []):
        assert _extract_archive(archive, str(tmp_path / "out"), formats) is False
    with pytest.raises(ValueError, match="rar"):
        _extract_archive(archive, str(tmp_path / "out"), "rar")


def test_folders_files_and_dots(tmp_path):
    folder = tarfile.TarInfo("./empty/")
    folder.type = tarfile.DIRTYPE
    archive = _tar(tmp_path / "a.tar", [(folder, b""), ("./x//y.txt", b"y"), ("n" * 150, b"long")])
    _extract_archive(archive, str(tmp_path / "out"))
    assert _tree(tmp_path / "out") == {"x/y.txt": b"y", "n" * 150: b"long"}
    assert (tmp_path / "out" / "empty").is_dir()


def test_what_was_there_stays_beside(tmp_path):
    out = tmp_path / "out"
    (out / "folder").mkdir(parents=True)
    (out / "folder" / "mine").write_text("mine")
    (out / "top.txt").write_text("old")
    _extract_archive(_make(tmp_path / "a", "gz"), str(out))
    assert _tree(out) == {**FILES, "folder/mine": b"mine"}


def test_through_get_file(tmp_path):
    arguments = {"cache_dir": str(tmp_path / "cache")}
    source = tmp_path / "source.zip"
    _make(source, "zip")
    path = get_file("a.zip", source.as_uri(), extract=True, **arguments)
    assert path == str(tmp_path / "cache" / "datasets" / "a.zip")
    got = _tree(tmp_path / "cache" / "datasets")
    assert got.pop("a.zip") == source.read_bytes() and got == FILES

    source = tmp_path / "source.tgz"
    _make(source, "gz")
    path = get_file("folder", source.as_uri(), untar=True, cache_subdir="u", **arguments)
    assert path == str(tmp_path / "cache" / "u" / "folder")
    assert _tree(pathlib.Path(path)) == {"a.txt": FILES["folder/a.txt"], "deep/b.bin": FILES["folder/deep/b.bin"]}


def test_untar_of_what_is_no_archive(tmp_path):
    """The path of a folder that does not exist is no answer."""
    (tmp_path / "page").write_text("<html>")
    for _ in range(2):
        with pytest.raises(ValueError, match="is no tar archive.*folder.tar.gz"):
            get_file("folder", (tmp_path / "page").as_uri(), untar=True, cache_dir=str(tmp_path / "cache"))


# From strangers.

NAMES = ["../x", "a/../../x", "/tmp/keras-evil", "..", "C:\\x", "C:x", "\\x", "..\\x", "a\\..\\..\\x"]
MODES = {"a link": stat.S_IFLNK, "a device or pipe": stat.S_IFCHR}
TAR_KINDS = [
    (tarfile.SYMTYPE, "a link"),
    (tarfile.LNKTYPE, "a link"),
    (tarfile.CHRTYPE, "a device"),
    (tarfile.BLKTYPE, "a device"),
    (tarfile.FIFOTYPE, "a device or pipe"),
]


def _refused(archive, tmp_path, match):
    """The archive is refused, and what was there is as it was."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    (out / "mine").write_text("mine")
    before = _tree(tmp_path)
    with pytest.raises(ValueError, match=match):
        _extract_archive(archive, str(out))
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [_tar, _zip], ids=["tar", "zip"])
def test_names_that_lead_out(tmp_path, make, name):
    _refused(make(tmp_path / "evil", [("good", b"1"), (name, b"2")]), tmp_path, "absolute name|outside its own folder")


def test_a_name_cut_at_nul(tmp_path):
    info = zipfile.ZipInfo("a")
    info.filename = "../x\0"
    _refused(_zip(tmp_path / "evil", [(info, b"2")]), tmp_path, "outside")


@pytest.mark.parametrize(("kind", "match"), TAR_KINDS, ids=["symlink", "hard link", "char", "block", "fifo"])
@pytest.mark.parametrize("target", ["/etc", "..", "good", "../../x"])
def test_links_and_devices_in_tar(tmp_path, kind, match, target):
    members = [("good", b"1"), (_link("x", target, kind), b""), ("x/passwd", b"evil")]
    _refused(_tar(tmp_path / "evil", members), tmp_path, match)


@pytest.mark.parametrize("what", MODES)
def test_links_and_devices_in_zip(tmp_path, what):
    _refused(_zip(tmp_path / "evil", [(_zip_of_mode("x", MODES[what] | 0o777), b"/etc")]), tmp_path, what)


def test_a_link_that_was_there_leads_nowhere(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "folder").symlink_to(tmp_path / "elsewhere")
    _refused(_make(tmp_path / "a", "gz"), tmp_path, "link that leads out")


@pytest.mark.parametrize("name", ["mine/x", "evil"], ids=["folder for file", "itself"])
def test_what_it_may_not_replace(tmp_path, name):
    (tmp_path / "out").mkdir()
    archive = _tar(tmp_path / "out" / "evil", [("good", b"1"), (name, b"2")])
    _refused(archive, tmp_path, "would replace")


def test_a_file_for_a_folder(tmp_path):
    (tmp_path / "out" / "folder").mkdir(parents=True)
    _refused(_tar(tmp_path / "evil", [("folder", b"1")]), tmp_path, "would replace the folder")


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")], ids=["file first", "folder first"])
def test_a_name_that_is_a_file_and_a_folder(tmp_path, names):
    _refused(_tar(tmp_path / "evil", [(name, b"1") for name in names]), tmp_path, "broken")


# Bombs, with limits lowered so that the tests stay small.


@pytest.fixture
def small_limits(monkeypatch):
    monkeypatch.setattr(archives, "FREE_BYTES", 2**20)
    monkeypatch.setattr(archives, "FREE_MEMBERS", 10)


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_too_many_bytes(tmp_path, kind):
    bomb = [("zeros", bytes(2**23))]
    path = tmp_path / "bomb"
    _refused(_zip(path, bomb) if kind == "zip" else _tar(path, bomb, f"w:{kind}"), tmp_path, "bomb")


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_too_many_files(tmp_path, kind, monkeypatch):
    monkeypatch.setattr(archives, "BYTES_PER_MEMBER", 10**9)
    bomb = [(f"{i}", b"") for i in range(12)]
    path = tmp_path / "bomb"
    _refused(_zip(path, bomb) if kind == "zip" else _tar(path, bomb, f"w:{kind}"), tmp_path, "too many files")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("first", [True, False])
def test_a_header_that_would_fill_memory(tmp_path, kind, first):
    info = tarfile.TarInfo("header")
    info.type = kind
    members = [(info, bytes(3 * 2**20))]
    if not first:
        members.insert(0, ("good", b"1"))
    _refused(_tar(tmp_path / "bomb", members, "w:gz"), tmp_path, "header of more than 1048576 bytes")


@pytest.mark.parametrize("size", [2**20, 2**21, 2**21 + 1])
def test_contents_are_no_header(tmp_path, size):
    out = tmp_path / "out"
    _extract_archive(_tar(tmp_path / "a", [("large", bytes(size)), ("small", b"1")], "w:gz"), str(out))
    assert {name: len(content) for name, content in _tree(out).items()} == {"large": size, "small": 1}


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_damaged_archives(tmp_path, kind):
    path = tmp_path / "a"
    data = bytearray(pathlib.Path(_make(path, kind)).read_bytes())
    if kind == "zip":
        data[len("top.txt") + 30] ^= 0xFF  # content of the first file: its checksum no longer fits
    else:
        del data[-20:]
    path.write_bytes(data)
    _refused(str(path), tmp_path, "is broken")


def test_an_encrypted_zip(tmp_path):
    path = tmp_path / "a.zip"
    data = bytearray(pathlib.Path(_zip(path, [("a", b"1")])).read_bytes())
    data[6] |= 1  # the flag, in the local header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    _refused(str(path), tmp_path, "encrypted")
