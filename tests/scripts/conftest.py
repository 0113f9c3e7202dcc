"""What old scripts take for granted: data sets that download, pictures in folders."""

import functools
import hashlib
import http.server
import threading

import numpy as np
import pytest

from keras.datasets import sources


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder served on loopback; `published(name)` makes a file in it the data set of that name."""
    folder = tmp_path / "published"
    folder.mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sources, "SOURCES", {})
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()

        def publish(name):
            address = f"http://127.0.0.1:{server.server_port}/{name}"
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
            sources.SOURCES[name] = sources.Source([address], digest)

        publish.folder = folder
        yield publish
        server.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def cats_and_dogs(tmp_path_factory):
    """train/ and validation/ with a folder of pictures per class: one class is red, the other blue."""
    from PIL import Image

    base = tmp_path_factory.mktemp("cats_and_dogs_small")
    random = np.random.RandomState(0)
    for part, count in (("train", 12), ("validation", 6)):
        for channel, name in ((0, "cats"), (2, "dogs")):
            (base / part / name).mkdir(parents=True)
            for i in range(count):
                picture = random.randint(0, 80, (20, 24, 3), dtype="uint8")
                picture[..., channel] += 150
                Image.fromarray(picture).save(base / part / name / f"{name[:-1]}.{i}.jpg")
    return str(base)
