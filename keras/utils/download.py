"""Downloads: a file appears under its name whole and checked, or not at all.

A download that breaks off stays beside the target as `.name.part` and goes on from there next time.
"""

import contextlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request

from .progbar import Progbar

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

TIMEOUT = 60  # seconds without a byte
ATTEMPTS = 5
_SCHEMES = ("https", "http", "ftp", "file")
_INTERRUPTIONS = (http.client.HTTPException, urllib.error.ContentTooShortError, ConnectionError, TimeoutError)


@contextlib.contextmanager
def only_one(path):
    """Context manager: no other process or thread is inside with the same path.

    Where the system or the file system has no locks there is no waiting either.
    """
    name = _beside(path, "lock")
    while True:
        handle = open(name, "ab")
        _wait_for_lock(handle, path)
        if fcntl is None or _is_still(name, handle):
            break
        handle.close()  # whoever had the lock has removed the file: what we hold is worth nothing
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
        handle.close()


def _wait_for_lock(handle, path):
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"Waiting for another process that fetches {path}")
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        pass  # a network file system without locks


def _is_still(name, handle):
    try:
        return os.path.samestat(os.stat(name), os.fstat(handle.fileno()))
    except FileNotFoundError:
        return False


def _beside(path, ending):
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{ending}")


def fetch(origin, path, check=None):
    """Downloads `origin` to `path`.

    Args:
        origin: address: https, http, ftp or file.
        path: the file to write; an old one is replaced.
        check: function of a temporary file's name; raises ValueError if that is not the wanted file.

    Raises:
        ValueError: for another kind of address, or from `check`.
        OSError: if the file cannot be fetched; what has come so far is kept for the next try.
    """
    scheme = urllib.parse.urlsplit(origin).scheme.lower()
    if scheme not in _SCHEMES:
        raise ValueError(f"Cannot download from {origin!r}: the address must begin with 'https://'.")
    part = _Part(origin, path)
    resumed = part.size > 0
    try:
        _receive(part)
        try:
            _finish(part, path, check)
        except ValueError:
            if not resumed:
                raise
            # The two pieces do not belong together: once more, from the start.
            _receive(part)
            _finish(part, path, check)
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"URL fetch failure on {origin}: {error.code} -- {error.reason}") from None
    except (urllib.error.URLError, *_INTERRUPTIONS) as error:
        reason = getattr(error, "reason", None) or str(error) or type(error).__name__
        raise OSError(
            f"URL fetch failure on {origin}: {reason}. {part.size} bytes have come; call again to go on from there."
        ) from error


def _finish(part, path, check):
    try:
        if check is not None:
            check(part.path)
    except ValueError:
        part.forget()
        raise
    os.replace(part.path, path)
    part.forget()


class _Part:
    """What has come of a file, and how to ask the server for the rest of that very file."""

    def __init__(self, origin, path):
        self.origin = origin
        self.path = _beside(path, "part")
        self._note = _beside(path, "part.json")
        self.validator = self._noted_validator()
        if self.validator is None:
            self.forget()

    def _noted_validator(self):
        try:
            with open(self._note, encoding="utf-8") as file:
                note = json.load(file)
            return note["validator"] if note["origin"] == self.origin else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def size(self):
        try:
            return os.path.getsize(self.path)
        except OSError:
            return 0

    def note(self, headers):
        """Remembers the server's mark of this version of the file, if it gives one."""
        tag = headers.get("ETag")
        self.validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
        with open(self._note, "w", encoding="utf-8") as file:
            json.dump({"origin": self.origin, "validator": self.validator}, file)

    def forget(self):
        self.validator = None
        for path in (self.path, self._note):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def _receive(part):
    """Fetches until the file is whole; a broken connection is taken up again while it brings something."""
    print(f"Downloading data from {part.origin}")
    for attempt in range(ATTEMPTS):
        before = part.size
        try:
            return _receive_once(part)
        except _INTERRUPTIONS:
            if attempt == ATTEMPTS - 1 or part.size <= before:
                raise


def _receive_once(part):
    request = urllib.request.Request(part.origin, headers={"User-Agent": "keras"})
    if part.size and part.validator:
        request.add_header("Range", f"bytes={part.size}-")
        request.add_header("If-Range", part.validator)
    try:
        response = _opener().open(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not part.size:  # 416: nothing comes after what we have
            raise
        error.close()
        part.forget()
        return _receive_once(part)
    with response:
        status = getattr(response, "status", 200)  # what is no http has none
        goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {part.size}-")
        if status in (204, 205) or (status == 206 and not part.size):
            raise urllib.error.URLError(f"the server answered {status}, which is not the whole file")
        if status == 206 and not goes_on:  # another part than was asked for
            part.forget()
            return _receive_once(part)
        if status != 206:
            part.forget()
            part.note(response.headers)
        return _copy(response, part)


def _copy(response, part):
    """Appends what comes to the partial file."""
    length = response.headers.get("Content-Length")
    with open(part.path, "ab") as out:
        total = out.tell() + int(length) if length and length.isdigit() else None
        bar = Progbar(total)
        while chunk := response.read(2**16):
            out.write(chunk)
            bar.update(out.tell())
        out.flush()
        os.fsync(out.fileno())
        if total is not None and out.tell() < total:
            raise urllib.error.ContentTooShortError(
                f"the connection broke off after {out.tell()} of {total} bytes", None
            )


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """An address given as https is not followed to one that anybody on the way can change."""

    def redirect_request(self, request, fp, code, message, headers, newurl):
        if request.type == "https" and not newurl.lower().startswith("https:"):
            raise urllib.error.URLError(f"it was led on to {newurl}, which is not encrypted")
        return super().redirect_request(request, fp, code, message, headers, newurl)


def _opener():
    return urllib.request.build_opener(_NoDowngrade)
