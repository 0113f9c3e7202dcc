"""Files that appear whole or not at all.

A new file is written under a temporary name *in the same folder* (renaming across file systems is a copy),
flushed to the disk and only then renamed over the old one. A process killed at any moment leaves the old file
or the new one, never half of either; at worst a hidden `.name.*.tmp` stays behind.
"""

import contextlib
import os
import tempfile


@contextlib.contextmanager
def replacing(path):
    """Context manager: yields the temporary path to write; on success it becomes `path`.

    Raises OSError, with the folder named, if nothing can be created beside `path`. On any error inside the
    block the temporary file is removed and `path` is left as it was.
    """
    # A link stays a link: what it points at is replaced.
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if os.path.isdir(target):
        raise IsADirectoryError(f"Cannot write a file at {path!r}: it is a folder. Name a file inside it.")
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"Cannot write {path!r}: the folder {folder!r} does not exist. Create it first, "
            f"e.g. os.makedirs({folder!r})."
        )
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{name[:100]}.", suffix=".tmp", dir=folder)
    except OSError as error:
        raise OSError(
            error.errno,
            f"Cannot write {path!r}: no file can be created in {folder!r} "
            f"({error.strerror}). Nothing was changed.",
        ) from error
    os.close(handle)
    try:
        yield temporary
        os.chmod(temporary, _mode_for(target))
        _flush_to_disk(temporary)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_to_disk(folder)


def write_bytes(path, data):
    """Write `data` (bytes) to `path` so that the file is always whole."""
    with replacing(path) as temporary:
        with open(temporary, "wb") as handle:
            handle.write(data)


def _mode_for(target):
    """The permissions of the file that is replaced, else those the user's umask asks for (mkstemp makes
    0600).
    """
    try:
        return os.stat(target).st_mode & 0o7777
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _flush_to_disk(path):
    """fsync a file or, where the system allows it, a folder (so that the rename itself is on the disk)."""
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR
    try:
        handle = os.open(path, flags)
    except OSError:
        return  # Windows cannot open folders
    try:
        os.fsync(handle)
    except OSError:
        pass  # some network file systems refuse; the rename is still atomic
    finally:
        os.close(handle)
