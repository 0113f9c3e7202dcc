"""Archives from strangers, unpacked without leaving their folder.

What an archive holds is first written to a fresh folder and then moved to its place, so an archive that is
refused or broken leaves nothing behind. Links, devices, absolute names and `..` are refused, and so is an
archive that would swell beyond all measure.
"""

import bz2
import contextlib
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib

# An archive may unpack to this much whatever its size, and beyond it to so many times its size. (Data sets
# rarely shrink to a twentieth; bombs to a thousandth and less.)
FREE_BYTES = 2**30
LARGEST_RATIO = 200
FREE_MEMBERS = 100_000
BYTES_PER_MEMBER = 50
# tarfile keeps a long name or an extended header in memory.
LARGEST_HEADER = 2**20
# Of a file's contents this much is read at a time.
PIECE = 2**20

_COMPRESSIONS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
_BROKEN = (
    tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, UnicodeError,
)  # fmt: skip
# What impossible names and places in an archive give; other numbers (a full disk, ...) are not its fault.
_ERRNOS = (None, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL)


def extract(file_path, path=".", archive_format="auto"):
    """Unpacks an archive into a folder.

    Args:
        file_path: the archive.
        path: the folder.
        archive_format: 'tar' (also compressed by gzip, bzip2 or xz), 'zip', 'auto' for either,
            None for neither, or a list.

    Returns:
        True if it was an archive of such a format, else False.

    Raises:
        ValueError: for an archive that is broken or unsafe; `path` is left as it was.
    """
    formats = _formats(archive_format)
    os.makedirs(path, exist_ok=True)
    with _explained(file_path):
        for read in (_READERS[name] for name in formats):
            members = read(file_path)
            if members is not None:
                _unpack(members, file_path, path)
                return True
    return False


def _formats(archive_format):
    if archive_format is None:
        return []
    if archive_format == "auto":
        return ["tar", "zip"]
    formats = [archive_format] if isinstance(archive_format, str) else list(archive_format)
    for name in formats:
        if name not in ("tar", "zip"):
            raise ValueError(f"Unknown archive_format: {name!r}. Wanted 'auto', 'tar', 'zip', None or a list.")
    return formats


def _unpack(members, file_path, path):
    fresh = tempfile.mkdtemp(prefix=".unpacking-", dir=path)
    try:
        with contextlib.closing(members):
            _write(members, fresh, _Budget(os.path.getsize(file_path)))
        _check_places(fresh, path, file_path)
        _move(fresh, path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextlib.contextmanager
def _explained(file_path):
    """Tells which archive was wrong, and why."""
    try:
        yield
    except _Refused as refusal:
        raise ValueError(
            f"The archive {file_path!r} was not unpacked: {refusal}. If you trust it, unpack it yourself."
        ) from None
    except (*_BROKEN, OSError) as error:
        # bz2 and gzip speak of bad data by an OSError that has no number.
        if isinstance(error, OSError) and error.errno not in _ERRNOS:
            raise
        raise ValueError(
            f"The archive {file_path!r} is broken: {error}. Nothing was unpacked; download it again."
        ) from error


class _Refused(Exception):
    """Why an archive is unsafe."""


class _Budget:
    """How much an archive may still unpack to."""

    def __init__(self, archive_size):
        self.bytes = max(FREE_BYTES, LARGEST_RATIO * archive_size)
        self.members = max(FREE_MEMBERS, archive_size // BYTES_PER_MEMBER)

    def spend(self, size):
        self.bytes -= size
        if self.bytes < 0:
            raise _Refused("it unpacks to far more than its size (an archive bomb?)")

    def spend_member(self):
        self.members -= 1
        if self.members < 0:
            raise _Refused("it holds far too many files for its size (an archive bomb?)")


def _write(members, folder, budget):
    """Writes members, given as (name, stream or None for a folder)."""
    for name, stream in members:
        with stream or contextlib.nullcontext():
            _write_one(name, stream, folder, budget)


def _write_one(name, stream, folder, budget):
    budget.spend_member()
    parts = _safe_parts(name)
    target = os.path.join(folder, *parts)
    if stream is None:
        os.makedirs(target, exist_ok=True)
        return
    if not parts:
        raise _Refused(f"it has a file without a name ({name!r})")
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "wb") as out:
        while chunk := stream.read(PIECE):
            budget.spend(len(chunk))
            out.write(chunk)


def _safe_parts(name):
    """A member's name as the parts of a path inside the folder.

    Separators and drives of Windows count everywhere: the same archive is unsafe on every system.
    """
    parts = name.replace("\\", "/").split("/")
    if name[:1] in ("/", "\\") or name[1:2] == ":":
        raise _Refused(f"it has a file with an absolute name, {name!r}")
    if ".." in parts:
        raise _Refused(f"it has a file outside its own folder, {name!r}")
    if "\0" in name:
        raise _Refused(f"it has an impossible name, {name!r}")
    return [part for part in parts if part not in ("", ".")]


# Reading.


class _Guarded:
    """A tar file's bytes, unpacked, that end in a refusal when they are too many.

    Contents are read a piece at a time, each after a `seek`; so what is read beyond that is a header.
    """

    def __init__(self, stream, archive_size):
        self._stream = stream
        self._in_a_row = 0
        self._limit = _Budget(archive_size).bytes + LARGEST_HEADER

    def read(self, size):
        self._in_a_row += size
        if self._in_a_row > PIECE + LARGEST_HEADER:
            raise _Refused(f"it has a header of more than {LARGEST_HEADER} bytes")
        self._check(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, position):
        self._in_a_row = 0
        self._check(position)
        return self._stream.seek(position)

    def tell(self):
        return self._stream.tell()

    def drain(self):
        """Reads what follows the last member, which holds the checksum of a compressed file."""
        while self._stream.read(PIECE):
            self._check(self._stream.tell())

    def _check(self, position):
        if position > self._limit:
            raise _Refused("it unpacks to far more than its size (an archive bomb?)")


def _tar_members(file_path):
    """The members of a tar file, or None if it is something else."""
    with open(file_path, "rb") as file:
        start = file.read(6)
    opener = next((opener for magic, opener in _COMPRESSIONS if start.startswith(magic)), open)
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(opener(file_path, "rb"))
        guarded = _Guarded(stream, os.path.getsize(file_path))
        try:
            archive = stack.enter_context(tarfile.open(fileobj=guarded, mode="r:"))
        except tarfile.TarError:
            return None
        return _read_tar(archive, guarded, stack.pop_all())


def _read_tar(archive, stream, opened):
    with opened:
        for member in archive:
            if member.isdir():
                yield member.name, None
            elif member.isreg():
                yield member.name, archive.extractfile(member)
            else:
                kind = "a link" if member.issym() or member.islnk() else "a device or pipe"
                raise _Refused(f"{member.name!r} is {kind}")
        stream.drain()


def _zip_members(file_path):
    """The members of a zip file, or None if it is something else."""
    return _read_zip(file_path) if zipfile.is_zipfile(file_path) else None


def _read_zip(file_path):
    with zipfile.ZipFile(file_path) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _Refused(f"{member.filename!r} is {'a link' if kind == stat.S_IFLNK else 'a device or pipe'}")
            if member.flag_bits & 1:
                raise _Refused(f"{member.filename!r} is encrypted")
            # orig_filename: what the archive says, before zipfile cuts it at a NUL.
            yield member.orig_filename, None if member.filename.endswith("/") else archive.open(member)


_READERS = {"tar": _tar_members, "zip": _zip_members}


# Moving.


def _check_places(fresh, folder, archive_path):
    """Refuses before anything is moved: a name that is taken by another kind, or that a link leads away."""
    home = os.path.realpath(folder)
    for root, folders, files in os.walk(fresh):
        place = os.path.join(folder, os.path.relpath(root, fresh))
        for name in folders:
            target = os.path.join(place, name)
            if os.path.lexists(target) and not os.path.isdir(target):
                raise _Refused(f"its folder {name!r} would replace the file {os.path.normpath(target)!r}")
            if os.path.commonpath([home, os.path.realpath(target)]) != home:
                raise _Refused(f"{os.path.normpath(target)!r} is a link that leads out of {folder!r}")
        for name in files:
            target = os.path.join(place, name)
            if os.path.isdir(target):
                raise _Refused(f"its file {name!r} would replace the folder {os.path.normpath(target)!r}")
            if os.path.realpath(target) == os.path.realpath(archive_path):
                raise _Refused("it holds a file that would replace the archive itself")


def _move(source, target):
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_dir() and os.path.isdir(place):
            _move(entry.path, place)
        else:
            os.replace(entry.path, place)
