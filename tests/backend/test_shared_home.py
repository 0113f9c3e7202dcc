"""Where settings and compiled programs come from, if somebody else might have put them there."""

import os
import subprocess
import sys

import pytest

from keras import backend as K
from keras.backend import config

ROOT = os.path.dirname(os.path.dirname(K.__path__[0]))


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A stand-in for /tmp/.keras, the home of users whose own cannot be written."""
    folder = tmp_path / "shared"
    monkeypatch.setattr(config, "SHARED_HOME", str(folder))
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", "/nowhere/to/be/found")
    assert config.home() == str(folder)
    return folder


def start_again(monkeypatch):
    """Reads keras.json as a start does; gives the float type it leads to."""
    monkeypatch.setenv("KERAS_BACKEND", K.backend())
    before = K.floatx()
    try:
        config._start()
        return K.floatx()
    finally:
        K.set_floatx(before)


def test_what_others_may_have_written_is_not_read(shared, monkeypatch):
    shared.mkdir()
    (shared / "keras.json").write_text('{"floatx": "float16"}')
    os.chmod(shared, 0o755)
    assert config._is_trusted(str(shared)) and start_again(monkeypatch) == "float16"
    os.chmod(shared, 0o777)
    assert not config._is_trusted(str(shared)) and start_again(monkeypatch) == "float32"
    assert config._is_trusted("/any/home/of/the/user")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_a_folder_of_somebody_else(shared):
    shared.mkdir(mode=0o755)
    os.chown(shared, 12345, 12345)
    assert not config._is_trusted(str(shared))


def test_it_is_made_for_the_user(shared, monkeypatch):
    old = os.umask(0o022)
    try:
        assert not config._is_trusted(str(shared))
        start_again(monkeypatch)
        assert config._is_trusted(str(shared)) and (shared / "keras.json").is_file()
    finally:
        os.umask(old)


def test_an_empty_name_is_none(monkeypatch, tmp_path):
    """Not the folder in which the script is run, which may hold what a stranger has packed."""
    monkeypatch.setenv("KERAS_HOME", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.home() == str(tmp_path / ".keras")


def test_a_file_nested_without_end(tmp_path):
    (tmp_path / "keras.json").write_text("[" * 100_000)
    process = subprocess.run(
        [sys.executable, "-c", "from keras import backend as K; print(K.floatx())"],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "numpy", "PYTHONPATH": ROOT},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert process.stdout.strip() == "float32" and "cannot be read" in process.stderr
