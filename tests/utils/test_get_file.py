"""`get_file`: downloads from a server on loopback that breaks off, forbids, lies and changes its mind."""

import hashlib
import multiprocessing
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from keras.utils import download
from keras.utils.get_file import _hash_file, get_file, validate_file

DATA = bytes(range(256)) * 1200
SHA256 = hashlib.sha256(DATA).hexdigest()
MD5 = hashlib.md5(DATA).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; `breaks` lists after how many bytes the next answers break off."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = {"/data.bin": DATA}
        self.breaks = []
        self.ranges = []
        self.tag = '"one"'
        self.status = None

    def address(self, path="/data.bin"):
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if server.status or self.path not in server.files:
            return self.send_error(server.status or 404)
        body, start = server.files[self.path], 0
        if asked and self.headers.get("If-Range") == server.tag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(body):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        length = server.breaks.pop(0) if server.breaks else len(body)
        self.wfile.write(body[start : start + length])

    def log_message(self, *args):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _get(server, cache, fname="data.bin", path="/data.bin", file_hash=SHA256, **more):
    return get_file(fname, server.address(path), file_hash=file_hash, cache_dir=str(cache), **more)


def _content(path):
    with open(path, "rb") as file:
        return file.read()


def _all_files(folder):
    return sorted(os.path.relpath(os.path.join(root, f), folder) for root, _, files in os.walk(folder) for f in files)


@pytest.mark.parametrize("hashes", [{"file_hash": SHA256}, {"file_hash": MD5.upper()}, {"md5_hash": MD5}])
def test_a_file_is_fetched_once(server, tmp_path, capsys, hashes):
    for _ in range(2):
        path = get_file("data.bin", server.address(), cache_dir=str(tmp_path), **hashes)
        assert path == str(tmp_path / "datasets" / "data.bin")
        assert _content(path) == DATA
    assert server.ranges == [None]
    assert _all_files(tmp_path) == ["datasets/data.bin"]
    out = capsys.readouterr().out
    assert f"Downloading data from {server.address()}" in out
    assert f"{len(DATA)}/{len(DATA)} [=" in out


def test_folders(server, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    arguments = {"origin": server.address(), "file_hash": SHA256}
    assert get_file("a", **arguments) == str(tmp_path / "home" / "datasets" / "a")
    assert get_file("a", cache_subdir="models", **arguments) == str(tmp_path / "home" / "models" / "a")
    assert get_file("sub/a", **arguments) == str(tmp_path / "home" / "datasets" / "sub" / "a")
    assert get_file("a", cache_subdir=str(tmp_path / "x"), **arguments) == str(tmp_path / "x" / "a")
    assert get_file(str(tmp_path / "y" / "a"), **arguments) == str(tmp_path / "y" / "a")


def test_a_cache_that_cannot_be_written_is_replaced(server, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("")
    path = get_file(
        f"keras-test-{os.getpid()}", server.address(), file_hash=SHA256, cache_subdir="t", cache_dir=str(blocked)
    )
    assert path == f"/tmp/.keras/t/keras-test-{os.getpid()}"
    os.unlink(path)


@pytest.mark.parametrize("fname", ["../a", "x/../../a", "..", ".", "", "a\0b"])
def test_names_outside_the_cache_are_refused(server, tmp_path, fname):
    with pytest.raises(ValueError, match="inside"):
        _get(server, tmp_path, fname)
    assert server.ranges == [] and _all_files(tmp_path) == []


def test_an_outdated_file_is_replaced(server, tmp_path, capsys):
    path = _get(server, tmp_path)
    with open(path, "wb") as file:
        file.write(b"old")
    assert _content(_get(server, tmp_path)) == DATA
    assert "incomplete or outdated" in capsys.readouterr().out


def test_a_wrong_hash_leaves_nothing(server, tmp_path):
    with pytest.raises(ValueError, match=f"{SHA256}, but {'0' * 64} was wanted"):
        _get(server, tmp_path, file_hash="0" * 64)
    assert _all_files(tmp_path) == []
    path = _get(server, tmp_path)
    with pytest.raises(ValueError, match=f"{MD5}, but 00 was wanted"):
        _get(server, tmp_path, file_hash="00", hash_algorithm="md5")
    assert _content(path) == DATA  # the old one stays


def test_unknown_hash_algorithm(server, tmp_path):
    _get(server, tmp_path)
    with pytest.raises(ValueError, match="crc"):
        _get(server, tmp_path, hash_algorithm="crc")


def test_without_encryption_and_hash_there_is_a_warning(server, tmp_path):
    with pytest.warns(UserWarning, match="without encryption and without a hash"):
        _get(server, tmp_path, file_hash=None)


def test_local_files(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(DATA)
    assert _content(get_file("copy", source.as_uri(), cache_dir=str(tmp_path))) == DATA
    with pytest.raises(OSError, match="No such file"):
        get_file("copy2", (tmp_path / "lost").as_uri(), cache_dir=str(tmp_path))


@pytest.mark.parametrize("origin", ["data:text/plain,abc", "example.org/file", "gopher://a/b"])
def test_other_addresses(tmp_path, origin):
    with pytest.raises(ValueError, match="https://"):
        get_file("a", origin, cache_dir=str(tmp_path))


# What goes wrong on the way.


@pytest.mark.parametrize("status", [404, 403, 500, 416])
def test_errors_of_the_server(server, tmp_path, status):
    server.status = status
    with pytest.raises(OSError, match=rf"URL fetch failure on {server.address()}: {status} -- \w+"):
        _get(server, tmp_path)
    assert _all_files(tmp_path) == []


def test_nobody_answers(tmp_path):
    with Server() as server:
        address = server.address()
    with pytest.raises(OSError, match=f"URL fetch failure on {address}: .*refused"):
        get_file("a", address, file_hash=SHA256, cache_dir=str(tmp_path))


def test_a_silent_server_times_out(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    silence = threading.Event()
    monkeypatch.setattr(_Handler, "do_GET", lambda self: silence.wait(5))
    try:
        with pytest.raises(OSError, match="timed out"):
            _get(server, tmp_path)
    finally:
        silence.set()


def test_a_broken_connection_is_taken_up(server, tmp_path):
    server.breaks = [1000, 2000]
    assert _content(_get(server, tmp_path)) == DATA
    assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]


def test_the_next_call_goes_on(server, tmp_path):
    server.breaks = [1000, 0]
    with pytest.raises(OSError, match="broke off after 1000 of .* call again"):
        _get(server, tmp_path)
    assert "datasets/data.bin" not in _all_files(tmp_path)
    assert _content(_get(server, tmp_path)) == DATA
    assert server.ranges == [None, "bytes=1000-", "bytes=1000-"]
    assert _all_files(tmp_path) == ["datasets/data.bin"]


@pytest.mark.parametrize("change", ["tag", "no tag", "origin", "longer"])
def test_a_part_of_another_file_is_dropped(server, tmp_path, change):
    """The rest of a file is never put behind the beginning of another."""
    server.files["/data.bin"] = b"x" * len(DATA)
    server.tag = '"one"' if change != "no tag" else None
    server.breaks = [1000, 0]
    with pytest.raises(OSError, match="URL fetch failure"):
        _get(server, tmp_path)
    server.files = {"/data.bin": DATA, "/other": DATA}
    if change == "tag":
        server.tag = '"two"'
    if change == "longer":  # the same tag, and shorter than what we have
        server.files["/data.bin"] = DATA[:500]
    path = "/other" if change == "origin" else "/data.bin"
    wanted = server.files[path]
    got = _get(server, tmp_path, path=path, file_hash=hashlib.sha256(wanted).hexdigest())
    assert _content(got) == wanted


def _answers(monkeypatch, *answers):
    """The server's next answers, whatever was asked: (status, Content-Range, body)."""
    pending, usual = list(answers), _Handler.do_GET

    def do_get(self):
        if not pending:
            return usual(self)
        status, place, body = pending.pop(0)
        self.server.ranges.append(self.headers.get("Range"))
        self.send_response(status)
        self.send_header("Content-Range", place)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    monkeypatch.setattr(_Handler, "do_GET", do_get)


@pytest.mark.parametrize("answer", [(206, "bytes 0-2/8", b"abc"), (206, "bytes 5-7/8", b"abc"), (204, "", b"")])
def test_less_than_the_file(server, tmp_path, monkeypatch, answer):
    """A part that nobody asked for is not kept as the whole, even without a hash."""
    _answers(monkeypatch, answer)
    with pytest.raises(OSError, match="not the whole file"), pytest.warns(UserWarning, match="without a hash"):
        _get(server, tmp_path, file_hash=None)
    assert _all_files(tmp_path) == []
    assert _content(_get(server, tmp_path)) == DATA


def test_another_part_than_was_asked_for(server, tmp_path, monkeypatch):
    server.breaks = [1000, 0]
    with pytest.raises(OSError, match="URL fetch failure"):
        _get(server, tmp_path)
    _answers(monkeypatch, (206, "bytes 5-7/8", b"abc"))
    assert _content(_get(server, tmp_path)) == DATA
    assert server.ranges[-2:] == ["bytes=1000-", None]


def test_a_server_that_lies_about_its_version(server, tmp_path):
    """The tag says it is the same file, the hash that it is not: once more, from the start."""
    server.files["/data.bin"] = b"x" * len(DATA)
    server.breaks = [1000, 0]
    with pytest.raises(OSError, match="URL fetch failure"):
        _get(server, tmp_path)
    server.files["/data.bin"] = DATA
    assert _content(_get(server, tmp_path)) == DATA
    assert server.ranges[-2:] == ["bytes=1000-", None]


def test_https_is_not_led_to_http():
    handler = download._NoDowngrade()
    request = download.urllib.request.Request("https://example.org/a")
    with pytest.raises(OSError, match="not encrypted"):
        handler.redirect_request(request, None, 302, "Found", {}, "http://example.org/a")
    assert handler.redirect_request(request, None, 302, "Found", {}, "https://example.org/b").full_url.endswith("/b")


# Several at once.


def test_threads_fetch_once(server, tmp_path):
    paths = []
    threads = [threading.Thread(target=lambda: paths.append(_get(server, tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [_content(path) for path in paths] == [DATA] * 8
    assert server.ranges == [None]
    assert _all_files(tmp_path) == ["datasets/data.bin"]


def test_processes_fetch_once(server, tmp_path):
    context = multiprocessing.get_context("spawn")
    arguments = ("data.bin", server.address(), False, None, SHA256, "datasets", "auto", False, "auto", str(tmp_path))
    with context.Pool(2) as pool:
        paths = pool.starmap(get_file, [arguments] * 4)
    assert {_content(path) for path in paths} == {DATA}
    assert server.ranges == [None]
    assert _all_files(tmp_path) == ["datasets/data.bin"]


# Hashes.


def test_hashes(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(DATA)
    assert _hash_file(str(path)) == _hash_file(str(path), "sha256", chunk_size=7) == SHA256
    assert _hash_file(str(path), "md5") == MD5
    assert validate_file(str(path), SHA256) and validate_file(str(path), MD5)
    assert validate_file(str(path), SHA256, "sha256") and validate_file(str(path), MD5, algorithm="md5")
    assert not validate_file(str(path), SHA256[:-1] + "x")
    assert not validate_file(str(path), MD5, "sha256")
