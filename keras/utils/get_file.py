"""Files from the network, kept in the Keras folder: `get_file`."""

import hashlib
import os
import warnings
from urllib.parse import urlsplit

from ..backend.config import SHARED_HOME, home


def get_file(
    fname,
    origin,
    untar=False,
    md5_hash=None,
    file_hash=None,
    cache_subdir="datasets",
    hash_algorithm="auto",
    extract=False,
    archive_format="auto",
    cache_dir=None,
):
    """The path of a file in the cache; it is downloaded if it is not there yet.

    The file appears under its name only when it is whole and, if a hash is given, has that hash. A download
    that breaks off is taken up where it stopped. Processes that ask for the same file at once wait for the
    first of them.

    Args:
        fname: name in the cache. An absolute path is where the file will be.
        origin: its address. Give a hash where that is not https.
        untar: deprecated, use `extract`: the file is `fname + '.tar.gz'`, unpacked beside it, and the
            path of what was unpacked is returned.
        md5_hash: deprecated, use `file_hash`.
        file_hash: expected hash in hexadecimal. A file in the cache with another hash is downloaded again.
        cache_subdir: folder inside the cache, or an absolute path.
        hash_algorithm: 'md5', 'sha256' or 'auto' (told by the hash's length).
        extract: whether to unpack the file, a tar or zip archive, into its folder.
        archive_format: 'auto', 'tar', 'zip', None or a list.
        cache_dir: the cache; by default KERAS_HOME, or ~/.keras, or /tmp/.keras if that cannot be written.

    Returns:
        The path.

    Raises:
        ValueError: for a file that has another hash, an unsafe or broken archive, or a name outside the cache.
        OSError: if the file cannot be fetched.

    Example:
        path = get_file("shakespeare.txt", "https://example.org/shakespeare.txt", file_hash="9e107d9d...")
    """
    from . import download  # loads much that `import keras` does not need

    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    folder = _cache_folder(cache_dir, cache_subdir)
    unpacked = _place(folder, fname)
    path = unpacked + ".tar.gz" if untar else unpacked
    os.makedirs(os.path.dirname(path), exist_ok=True)
    _download_unless_there(origin, path, file_hash, hash_algorithm)
    if untar:
        with download.only_one(path):
            if not os.path.exists(unpacked) and not _extract_archive(path, folder, archive_format="tar"):
                raise ValueError(
                    f"What came from {origin} is no tar archive. (A web page?) Delete {path!r} to fetch it again."
                )
        return unpacked
    if extract:
        with download.only_one(path):
            _extract_archive(path, folder, archive_format)
    return path


def _cache_folder(cache_dir, cache_subdir):
    """The folder of cached files: made if needed, in /tmp where the wanted one cannot be written."""
    wanted = os.path.expanduser(cache_dir if cache_dir is not None else home())
    for base in (wanted, SHARED_HOME):
        folder = os.path.join(base, os.path.expanduser(cache_subdir))
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            break
    else:
        raise OSError(f"No folder for downloads can be written, neither in {wanted!r} nor in {base!r}.")
    return folder


def _place(folder, fname):
    """The path of `fname` in a folder.

    Names are often made from addresses; one with `..` must not lead out of the cache. An absolute path is the
    caller's own wish, as in Keras 2.
    """
    name = os.fspath(fname)
    path = os.path.normpath(os.path.join(folder, name))
    outside = not os.path.isabs(name) and not path.startswith(os.path.join(os.path.normpath(folder), ""))
    if not name or "\0" in name or outside:
        raise ValueError(f"`fname` must be the name of a file inside {folder!r}. Received: {fname!r}")
    return path


def _download_unless_there(origin, path, file_hash, algorithm):
    from . import download

    def is_there():
        return os.path.exists(path) and (file_hash is None or validate_file(path, file_hash, algorithm))

    if is_there():
        return
    with download.only_one(path):
        if is_there():  # another process has fetched it while we waited
            return
        if os.path.exists(path):
            print(
                f"A local file was found, {path}, but it is incomplete or outdated: its {algorithm} hash is not "
                f"{file_hash}. It is downloaded again."
            )
        if file_hash is None and urlsplit(origin).scheme in ("http", "ftp"):
            warnings.warn(
                f"{origin} is downloaded without encryption and without a hash: anybody on the way can change it. "
                "Use https, or give `file_hash`.",
                stacklevel=4,
            )
        download.fetch(origin, path, lambda name: _check(name, origin, file_hash, algorithm))


def _check(path, origin, file_hash, algorithm):
    if file_hash is None or validate_file(path, file_hash, algorithm):
        return
    raise ValueError(
        f"What came from {origin} has the hash {_hash_file(path, _algorithm(file_hash, algorithm))}, but {file_hash} "
        "was wanted: the file was changed, or the hash is of another version. It was not kept."
    )


def _algorithm(file_hash, algorithm):
    if algorithm == "auto":
        return "sha256" if len(str(file_hash)) == 64 else "md5"
    if algorithm not in ("md5", "sha256"):
        raise ValueError(f"Unknown hash_algorithm: {algorithm!r}. Wanted 'md5', 'sha256' or 'auto'.")
    return algorithm


def _hash_file(fpath, algorithm="sha256", chunk_size=65535):
    """The hash of a file, in hexadecimal. `algorithm`: 'sha256' (also 'auto') or 'md5'."""
    # md5 tells damage and old versions; that is no use of it for security.
    name = "sha256" if algorithm == "auto" else algorithm
    digest = hashlib.new(name, usedforsecurity=False)
    with open(fpath, "rb") as file:
        while chunk := file.read(chunk_size):
            digest.update(chunk)
    return digest.hexdigest()


def validate_file(fpath, file_hash, algorithm="auto", chunk_size=65535):
    """Whether a file has a hash.

    Args:
        fpath: the file.
        file_hash: hash in hexadecimal.
        algorithm: 'md5', 'sha256' or 'auto' (told by the hash's length).
        chunk_size: bytes read at a time.
    """
    found = _hash_file(fpath, _algorithm(file_hash, algorithm), chunk_size)
    return found == str(file_hash).lower()


def _extract_archive(file_path, path=".", archive_format="auto"):
    """Unpacks an archive into a folder; tells whether it was one. See `archives.extract`."""
    from . import archives

    return archives.extract(file_path, path, archive_format)
