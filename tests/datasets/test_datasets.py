"""Data sets: files of the true formats, made here and served on loopback."""

import gzip
import hashlib
import io
import json
import pickle
import struct
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from keras import backend as K
from keras import datasets
from keras.datasets import safe_files, sources


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        content = self.server.files.get(self.path)
        if content is None:
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.files = {}
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def serve(server, monkeypatch, tmp_path):
    """Function that has a data set's file come from loopback."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(sources, "SOURCES", {})
    server.files.clear()

    def serve(name, content, addresses=("/file",)):
        for address in addresses:
            server.files[f"{address}/{name}"] = content
        places = [f"http://127.0.0.1:{server.server_port}{address}/{name}" for address in ("/gone", *addresses)]
        sources.SOURCES[name] = sources.Source(places[-1:], hashlib.sha256(content).hexdigest())
        return places

    return serve


def _npz(**arrays):
    memory = io.BytesIO()
    np.savez(memory, **arrays)
    return memory.getvalue()


def _lists(*lists):
    return np.fromiter([list(one) for one in lists], dtype=object)


def test_addresses_and_hashes_are_those_of_keras_2():
    first = {name: source.addresses[0] for name, source in sources.SOURCES.items()}
    assert first["mnist.npz"] == "https://s3.amazonaws.com/img-datasets/mnist.npz"
    assert first["imdb.npz"] == "https://s3.amazonaws.com/text-datasets/imdb.npz"
    assert first["cifar-10-batches-py"] == "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
    assert len(first) == 12 and all(len(source.hash) in (32, 64) for source in sources.SOURCES.values())


def test_mnist(serve, tmp_path, capsys):
    random = np.random.RandomState(0)
    arrays = {
        name: random.randint(0, 256, shape).astype("uint8")
        for name, shape in dict(x_train=(6, 28, 28), y_train=(6,), x_test=(3, 28, 28), y_test=(3,)).items()
    }
    serve("mnist.npz", _npz(**arrays))
    (x_train, y_train), (x_test, y_test) = datasets.mnist.load_data()
    for name, array in dict(x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test).items():
        np.testing.assert_array_equal(array, arrays[name])
    assert (tmp_path / "datasets" / "mnist.npz").exists()
    capsys.readouterr()
    datasets.mnist.load_data()
    assert capsys.readouterr().out == ""  # it is not downloaded again
    datasets.mnist.load_data("mine.npz")
    assert (tmp_path / "datasets" / "mine.npz").exists()


def test_another_address_where_the_first_is_gone(serve, capsys):
    places = serve("imdb_word_index.json", json.dumps({"the": 1}).encode())
    sources.SOURCES["imdb_word_index.json"] = sources.SOURCES["imdb_word_index.json"]._replace(addresses=places)
    assert datasets.imdb.get_word_index() == {"the": 1}
    assert "404" in capsys.readouterr().out


def test_a_file_with_another_hash_is_refused(serve, tmp_path):
    serve("reuters_word_index.json", b"{}")
    source = sources.SOURCES["reuters_word_index.json"]
    sources.SOURCES["reuters_word_index.json"] = source._replace(hash="0" * 64)
    with pytest.raises(ValueError, match="hash"):
        datasets.reuters.get_word_index()
    assert not list((tmp_path / "datasets").glob("reuters*"))


def test_fashion_mnist(serve, tmp_path):
    random = np.random.RandomState(1)
    expected = []
    for name, count in (("train", 4), ("t10k", 2)):
        x = random.randint(0, 256, (count, 28, 28)).astype("uint8")
        y = random.randint(0, 10, count).astype("uint8")
        serve(f"{name}-images-idx3-ubyte.gz", gzip.compress(struct.pack(">4I", 2051, count, 28, 28) + x.tobytes()))
        serve(f"{name}-labels-idx1-ubyte.gz", gzip.compress(struct.pack(">2I", 2049, count) + y.tobytes()))
        expected.append((x, y))
    for part, wanted in zip(datasets.fashion_mnist.load_data(), expected):
        np.testing.assert_array_equal(part[0], wanted[0])
        np.testing.assert_array_equal(part[1], wanted[1])
    assert (tmp_path / "datasets" / "fashion-mnist" / "t10k-labels-idx1-ubyte.gz").exists()
    serve("train-labels-idx1-ubyte.gz", gzip.compress(struct.pack(">2I", 2049, 9) + b"abc"))
    with pytest.raises(ValueError, match="not in the format"):
        datasets.fashion_mnist.load_data()


def test_boston_housing(serve):
    x, y = np.arange(26.0).reshape(13, 2), np.arange(13.0)
    serve("boston_housing.npz", _npz(x=x, y=y))
    (x_train, y_train), (x_test, y_test) = datasets.boston_housing.load_data(test_split=0.3, seed=5)
    order = np.arange(13)
    np.random.seed(5)
    np.random.shuffle(order)
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y[order])
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x[order])
    assert len(y_train) == 9
    with pytest.raises(ValueError, match="test_split"):
        datasets.boston_housing.load_data(test_split=1)


def _string(data):
    return pickle.SHORT_BINSTRING + bytes([len(data)]) + data


def _python2_pickle(data, **lists):
    """A CIFAR file as Python 2 and an old NumPy wrote it: strings are bytes, the array is their `_reconstruct`."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n" + b"cnumpy\nndarray\n" + b"K\x00\x85" + _string(b"b") + b"\x87R"
        + b"(K\x01" + b"".join(b"M" + struct.pack("<H", size) for size in data.shape) + b"\x86"
        + b"cnumpy\ndtype\n" + _string(b"u1") + b"K\x00K\x01\x87R"
        + b"(K\x03" + _string(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"\x89T" + struct.pack("<i", data.size) + data.tobytes() + b"tb"
    )  # fmt: skip
    out = b"\x80\x02}(" + _string(b"data") + array
    for name, values in lists.items():
        out += _string(name.encode()) + b"]("
        for value in values:
            out += _string(value) if isinstance(value, bytes) else b"K" + bytes([value])
        out += b"e"
    return out + b"u."


def _tar(folder, files):
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"{folder}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return memory.getvalue()


def _images(number, count):
    return np.random.RandomState(number).randint(0, 256, (count, 3072)).astype("uint8")


def test_cifar10(serve):
    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    files = {
        name: _python2_pickle(_images(number, 2), batch_label=[b"batch"], labels=[number, 9], filenames=[b"a", b"b"])
        for number, name in enumerate(names)
    }
    serve("cifar-10-batches-py", _tar("cifar-10-batches-py", files))
    (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    expected = np.concatenate([_images(number, 2) for number in range(5)]).reshape(10, 3, 32, 32)
    np.testing.assert_array_equal(x_train, expected.transpose(0, 2, 3, 1))
    assert x_train.dtype == x_test.dtype == y_train.dtype == "uint8"
    assert y_train.tolist() == [[0], [9], [1], [9], [2], [9], [3], [9], [4], [9]] and y_test.tolist() == [[5], [9]]
    K.set_image_data_format("channels_first")
    np.testing.assert_array_equal(datasets.cifar10.load_data()[0][0], expected)


def test_cifar100(serve, tmp_path):
    files = {
        name: _python2_pickle(_images(number, 2), fine_labels=[number, 99], coarse_labels=[19, number])
        for number, name in enumerate(("train", "test"))
    }
    serve("cifar-100-python", _tar("cifar-100-python", files))
    (x_train, y_train), (x_test, y_test) = datasets.cifar100.load_data()
    assert x_train.shape == x_test.shape == (2, 32, 32, 3)
    assert y_train.tolist() == [[0], [99]] and y_test.tolist() == [[1], [99]]
    assert datasets.cifar100.load_data("coarse")[0][1].tolist() == [[19], [0]]
    with pytest.raises(ValueError, match="label_mode"):
        datasets.cifar100.load_data("medium")
    with pytest.raises(ValueError, match="no 'labels'.*fine_labels"):
        datasets.cifar.load_batch(tmp_path / "datasets" / "cifar-100-python" / "train")


TEXTS = [[1, 5, 2], [3], [1, 2, 3, 4], [9, 1]]
LABELS = [0, 1, 2, 3]


def _order(seed, *lengths):
    np.random.seed(seed)
    orders = []
    for length in lengths:
        order = np.arange(length)
        np.random.shuffle(order)
        orders.append(order)
    return orders


def test_imdb(serve):
    serve("imdb.npz", _npz(x_train=_lists(*TEXTS), y_train=LABELS, x_test=_lists(*TEXTS[:3]), y_test=LABELS[:3]))
    (x_train, y_train), (x_test, y_test) = datasets.imdb.load_data(num_words=100)
    train, test = _order(113, 4, 3)
    assert x_train.dtype == object and x_train.tolist() == [[1] + [word + 3 for word in TEXTS[n]] for n in train]
    assert y_train.tolist() == train.tolist() and y_test.tolist() == test.tolist()
    assert all(isinstance(one, list) for one in x_test)
    (x_train, y_train), (x_test, _) = datasets.imdb.load_data(maxlen=4, num_words=100)
    assert [len(x_train), len(x_test)] == [3, 0]  # as in Keras 2 the short ones of both parts are counted together
    with pytest.raises(ValueError, match="maxlen=2, no sequence"):
        datasets.imdb.load_data(maxlen=2)


@pytest.mark.parametrize(
    "arguments, result",
    [
        (dict(), [[1, 4, 8, 5], [1, 6], [1, 4, 5, 6, 7], [1, 2, 4]]),  # the largest number is left out, too
        (dict(num_words=6), [[1, 4, 2, 5], [1, 2], [1, 4, 5, 2, 2], [1, 2, 4]]),
        (dict(num_words=6, oov_char=None), [[1, 4, 5], [1], [1, 4, 5], [1, 4]]),
        (dict(num_words=99, skip_top=5), [[2, 2, 8, 5], [2, 6], [2, 2, 5, 6, 7], [2, 12, 2]]),
        (dict(num_words=99, start_char=None, index_from=0), TEXTS),
        (dict(num_words=99, index_from=None), [[1, *text] for text in TEXTS]),
        (dict(num_words=99, maxlen=5), [[1, 4, 8, 5], [1, 6], None, [1, 12, 4]]),
    ],
    ids=str,
)
def test_reuters(serve, arguments, result):
    serve("reuters.npz", _npz(x=_lists(*TEXTS), y=LABELS))
    (x_train, y_train), (x_test, y_test) = datasets.reuters.load_data(test_split=0.25, seed=7, **arguments)
    order = [n for n in _order(7, 4)[0] if result[n] is not None]
    assert [*x_train, *x_test] == [result[n] for n in order]
    assert [*y_train, *y_test] == order and len(x_train) == int(len(order) * 0.75)


def test_texts_arguments(serve):
    serve("reuters.npz", _npz(x=_lists(*TEXTS), y=LABELS))
    with pytest.warns(UserWarning, match="nb_words"):
        assert max(map(max, datasets.reuters.load_data(nb_words=6)[0][0])) == 5
    with pytest.raises(TypeError, match="words'].*Did you mean 'num_words'"):
        datasets.imdb.load_data(words=3)


class _Call:
    """A pickle of it calls print."""

    def __reduce__(self):
        return print, ("code in the file was run",)


@pytest.mark.parametrize("content", [_Call(), [_Call()], np.array([_Call()], dtype=object), _images], ids=type)
def test_code_in_pickles_is_refused(tmp_path, capsys, content):
    (tmp_path / "data").write_bytes(pickle.dumps({"data": content}))
    with pytest.raises(ValueError, match="Refused to read .*data"):
        datasets.cifar.load_batch(tmp_path / "data")
    np.savez(tmp_path / "data.npz", x=np.fromiter([[content]], dtype=object))
    with pytest.raises(ValueError, match="Refused to read"):
        safe_files.load_npz(tmp_path / "data.npz")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_lists_and_numbers_in_pickles(protocol):
    content = {"a": [1, 2.5, "x", b"y", None, (True,)], "n": np.int64(3), "x": np.arange(3), "o": _lists([1], [2, 3])}
    again = safe_files.load_pickle(io.BytesIO(pickle.dumps(content, protocol)))
    assert again["a"] == content["a"] and again["n"] == 3 and again["o"].tolist() == [[1], [2, 3]]
    np.testing.assert_array_equal(again["x"], np.arange(3))


def test_broken_files(tmp_path):
    (tmp_path / "data.npz").write_bytes(b"no zip")
    with pytest.raises(ValueError, match="no .npz file"):
        safe_files.load_npz(tmp_path / "data.npz")
    (tmp_path / "batch").write_bytes(b"\x80\x02}")
    with pytest.raises(ValueError, match="Refused to read"):
        datasets.cifar.load_batch(tmp_path / "batch")
