"""Files that appear whole or not at all.

A new file is written under a temporary name *in the same folder* (renaming across file systems is a copy),
flushed to the disk and only then renamed over the old one. A process killed at any moment leaves the old file
or the new one, never half of either; at worst a hidden `.name.*.tmp` stays behind.
"""

import contextlib
import errno
import os
import secrets

# What a full disk says, in the words of several systems.
_FULL = {getattr(errno, name) for name in ("ENOSPC", "EDQUOT", "EFBIG") if hasattr(errno, name)}


@contextlib.contextmanager
def replacing(path):
    """Context manager: yields the temporary path to write; on success it becomes `path`.

    On any error inside the block the temporary file is removed and `path` is left as it was.

    Raises:
        OSError: with the folder named, if nothing can be created beside `path`, and if the disk is full.
    """
    # A link stays a link: what it points at is replaced.
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    if os.path.isdir(target):
        raise IsADirectoryError(f"Cannot write a file at {path!r}: it is a folder. Name a file inside it.")
    if os.path.exists(target) and not os.path.isfile(target):
        # Root could replace /dev/null so.
        raise OSError(errno.EINVAL, f"Cannot write {path!r}: it is a device or a pipe, not a file. Name a file.")
    if not os.path.isdir(folder):
        raise FileNotFoundError(
            f"Cannot write {path!r}: the folder {folder!r} does not exist. Create it first, "
            f"e.g. os.makedirs({folder!r})."
        )
    # The permissions of the file that is replaced, else those the user's umask asks for.
    mode = os.stat(target).st_mode & 0o7777 if os.path.exists(target) else None
    temporary = os.path.join(folder, f".{name[:50]}.{secrets.token_hex(4)}.tmp")
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666 if mode is None else 0o600))
    except OSError as error:
        raise OSError(
            error.errno,
            f"Cannot write {path!r}: no file can be created in {folder!r} "
            f"({error.strerror}). Nothing was changed.",
        ) from error
    try:
        yield temporary
        _flush_to_disk(temporary)
        if mode is not None:
            os.chmod(temporary, mode)
        _replace(temporary, target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and error.errno in _FULL:
            raise OSError(
                error.errno,
                f"Cannot write {path!r}: {os.strerror(error.errno)}. What was there before is as it was.",
            ) from error
        raise
    _flush_to_disk(folder)


def _replace(temporary, target):
    """Rename; but who holds an empty `target` open, to read what is written to its name, reads it there too.

    `tempfile.NamedTemporaryFile` is used so: `save_model(model, file.name); data = file.read()`.
    """
    with contextlib.ExitStack() as stack:
        held = None
        if os.name == "posix" and os.path.isfile(target) and os.path.getsize(target) == 0:
            with contextlib.suppress(PermissionError):
                held = stack.enter_context(open(target, "r+b"))
        os.replace(temporary, target)
        if held is not None:
            written = stack.enter_context(open(target, "rb"))
            held.writelines(iter(lambda: written.read(1 << 20), b""))


def write_bytes(path, data):
    """Writes `data` (bytes) to `path` so that the file is always whole."""
    with replacing(path) as temporary:
        with open(temporary, "wb") as handle:
            handle.write(data)


def _flush_to_disk(path):
    """fsync a file or, where the system allows it, a folder (so that the rename itself is on the disk)."""
    flags = os.O_RDONLY if os.path.isdir(path) else os.O_RDWR
    try:
        handle = os.open(path, flags)
    except OSError:
        return  # Windows cannot open folders
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno in {errno.EIO, *_FULL}:
            raise
        # Some network file systems refuse; the rename is still atomic.
    finally:
        os.close(handle)
