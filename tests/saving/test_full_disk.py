"""Writing where nothing more can be written: the old file stays whole, and the message says what is the matter."""

import errno
import os
import stat
import threading
from contextlib import contextmanager

import numpy as np
import pytest

from keras.callbacks import ModelCheckpoint
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.saving import atomic

resource = pytest.importorskip("resource")  # Windows has no limits of this kind


@contextmanager
def files_no_larger_than(size):
    """What a write beyond gives is EFBIG: another number than that of a full disk, in the same places."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def model():
    model = Sequential([Dense(100, input_shape=(100,))])
    model.compile("sgd", "mse")
    return model


SAVE = {"model.h5": "save", "model.keras": "save", "weights.h5": "save_weights", "weights.safetensors": "save_weights"}


@pytest.mark.parametrize("name", SAVE)
@pytest.mark.parametrize("size", [10, 2_000, 30_000])  # for HDF5: at its start, between, and when it is closed
def test_the_old_file_stays(model, tmp_path, name, size):
    path = str(tmp_path / name)
    save = getattr(model, SAVE[name])
    save(path)
    with open(path, "rb") as file:
        before = file.read()
    model.set_weights([value + 1 for value in model.get_weights()])
    with files_no_larger_than(size), pytest.raises(OSError, match="File too large. What was there before") as caught:
        save(path)
    assert caught.value.errno == errno.EFBIG and name in str(caught.value) and ".tmp" not in str(caught.value)
    with open(path, "rb") as file:
        assert file.read() == before
    assert os.listdir(tmp_path) == [name]
    save(path)


def test_a_checkpoint_of_an_epoch(model, tmp_path):
    """Training ends with the error; what earlier epochs saved is there, and training can go on."""
    x = np.ones((4, 100))
    checkpoint = ModelCheckpoint(str(tmp_path / "{epoch}.h5"))
    model.fit(x, x, verbose=0, callbacks=[checkpoint])
    with files_no_larger_than(2_000), pytest.raises(OSError, match="2.h5.*File too large"):
        model.fit(x, x, initial_epoch=1, epochs=3, verbose=0, callbacks=[checkpoint])
    assert os.listdir(tmp_path) == ["1.h5"]
    load_model(tmp_path / "1.h5").fit(x, x, verbose=0)
    model.fit(x, x, verbose=0)


def test_what_the_disk_says_last(tmp_path, monkeypatch):
    """Some file systems find out only when the data are flushed."""
    (tmp_path / "f").write_bytes(b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        atomic.write_bytes(tmp_path / "f", b"new")
    assert (tmp_path / "f").read_bytes() == b"old" and os.listdir(tmp_path) == ["f"]


def test_devices_and_pipes_are_not_replaced(model, tmp_path):
    """Root could do away with /dev/null."""
    os.mkfifo(tmp_path / "pipe.h5")
    with pytest.raises(OSError, match="a device or a pipe"):
        model.save(tmp_path / "pipe.h5")
    assert stat.S_ISFIFO(os.stat(tmp_path / "pipe.h5").st_mode)


def test_permissions(tmp_path):
    """A new file gets those of the umask, which no other thread sees changed; a private one is so from the start."""
    before = os.umask(0o027)
    try:
        atomic.write_bytes(tmp_path / "new", b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o640
    os.chmod(tmp_path / "new", 0o400)
    with atomic.replacing(tmp_path / "new") as temporary:
        assert stat.S_IMODE(os.stat(temporary).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(tmp_path / "new").st_mode) == 0o400


def test_names_as_long_as_they_may_be(tmp_path):
    name = "模" * 85  # 255 bytes
    atomic.write_bytes(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == [name]


def test_threads_that_write_one_file(tmp_path):
    """The last one counts; nothing of the others is left."""
    parts = [bytes([number]) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=atomic.write_bytes, args=(tmp_path / "f", part)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (tmp_path / "f").read_bytes() in parts and os.listdir(tmp_path) == ["f"]
