"""Callbacks that write files and send values."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import h5py
import numpy as np
import pytest

from keras import callbacks as C
from keras.layers import Dense
from keras.models import Sequential, load_model

X = np.random.RandomState(0).rand(20, 2)
Y = X.sum(axis=1, keepdims=True)


@pytest.fixture
def model():
    model = Sequential([Dense(1, input_dim=2, kernel_initializer="zeros")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


class Feed(C.Callback):
    """Puts given values into the logs of each epoch, for callbacks that come after it."""

    def __init__(self, **values):
        super().__init__()
        self.values = values

    def on_epoch_end(self, epoch, logs=None):
        logs.update({k: v[epoch] for k, v in self.values.items() if v[epoch] is not None})


def fit(model, *callbacks, epochs=4, **options):
    return model.fit(X, Y, batch_size=10, epochs=epochs, verbose=0, callbacks=list(callbacks), **options)


# Checkpoints.


@pytest.mark.parametrize(
    "monitor, mode, saved",
    [("v", "min", [1, 3]), ("v", "max", [1, 2]), ("v", "auto", [1, 3]), ("v_acc", "auto", [1, 2]),
     ("fmeasure_v", "auto", [1, 2])],
)  # fmt: skip
def test_best_models(model, tmp_path, monitor, mode, saved):
    checkpoint = C.ModelCheckpoint(tmp_path / "{epoch}.h5", monitor=monitor, mode=mode, save_best_only=True)
    fit(model, Feed(**{monitor: [2.0, 3.0, 1.0, 1.5]}), checkpoint)
    assert sorted(int(p.stem) for p in tmp_path.iterdir()) == saved


def test_names_and_periods(model, tmp_path):
    weights = C.ModelCheckpoint(str(tmp_path / "w.{epoch:02d}-{val_loss:.2f}.hdf5"), save_weights_only=True, period=3)
    history = fit(model, weights, epochs=7, validation_data=(X, Y))
    losses = history.history["val_loss"]
    names = [f"w.03-{losses[2]:.2f}.hdf5", f"w.06-{losses[5]:.2f}.hdf5"]
    assert sorted(p.name for p in tmp_path.iterdir()) == names
    with h5py.File(tmp_path / names[0]) as file:
        assert "model_config" not in file.attrs and "layer_names" in file.attrs


def test_one_file_is_replaced(model, tmp_path):
    path = tmp_path / "model.h5"
    sizes = []
    after = C.LambdaCallback(on_epoch_end=lambda epoch, logs: sizes.append(sorted(p.name for p in tmp_path.iterdir())))
    fit(model, C.ModelCheckpoint(str(path)), after)
    assert sizes == [["model.h5"]] * 4
    np.testing.assert_array_equal(load_model(path).predict(X), model.predict(X))


def test_messages_of_checkpoints(model, tmp_path, capsys):
    path = str(tmp_path / "best.h5")
    best = C.ModelCheckpoint(path, monitor="v", save_best_only=True, verbose=1)
    always = C.ModelCheckpoint(path, verbose=1)
    fit(model, Feed(v=[2.0, 3.0, 1.0]), best, epochs=3)
    fit(model, always, epochs=1)
    assert capsys.readouterr().out.split("\n\n") == [
        f"\nEpoch 00001: v improved from inf to 2.00000, saving model to {path}",
        "Epoch 00002: v did not improve from 2.00000",
        f"Epoch 00003: v improved from 2.00000 to 1.00000, saving model to {path}",
        f"Epoch 00001: saving model to {path}\n",
    ]


def test_values_that_are_missing(model, tmp_path):
    with pytest.raises(KeyError, match=r"asks for 'val_acc', but there are only: epoch, loss, mae"):
        fit(model, C.ModelCheckpoint(str(tmp_path / "{epoch}-{val_acc:.2f}.h5")))
    with pytest.warns(RuntimeWarning, match="`val_loss` which is not available"):
        fit(model, C.ModelCheckpoint(str(tmp_path / "x.h5"), save_best_only=True), epochs=1)
    with pytest.warns(RuntimeWarning, match="ModelCheckpoint mode best is unknown, fallback to auto mode"):
        C.ModelCheckpoint("x.h5", mode="best")
    assert not list(tmp_path.iterdir())


# CSV files.


def test_csv_values(model, tmp_path):
    path = tmp_path / "log.csv"
    values = Feed(numbers=[np.arange(3), np.zeros(0)], text=["a;b", "c"], zero=[np.float32(1.5), np.array(2)])
    fit(model, values, C.CSVLogger(str(path), separator=";"), epochs=2)
    lines = path.read_bytes().decode().split("\r\n")
    assert lines[0] == "epoch;loss;mae;numbers;text;zero" and lines[-1] == ""
    first, second = (line.split(";", 3) for line in lines[1:3])
    assert first[0] == "0" and first[3] == '"""[0, 1, 2]""";"a;b";1.5' and second[3] == '"""[]""";c;2'
    assert float(first[1]) > float(second[1])


def test_csv_of_a_stopped_training(model, tmp_path):
    path = tmp_path / "log.csv"

    class Stop(C.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = self.epoch == 1

    fit(model, Stop(), C.CSVLogger(path), validation_data=(X, Y))
    lines = [line.split(",") for line in path.read_text().splitlines()]
    assert lines[0] == ["epoch", "loss", "mae", "val_loss", "val_mae"] and lines[2][3:] == ["NA", "NA"]
    assert len(lines) == 3


def test_csv_appends(model, tmp_path):
    path = tmp_path / "log.csv"
    for append, lines in ((True, 3), (True, 5), (False, 3)):
        logger = C.CSVLogger(str(path), append=append)
        fit(model, logger, epochs=2)
        text = path.read_text().splitlines()
        assert len(text) == lines and text[0] == "epoch,loss,mae" and logger.csv_file is None
    path.write_text("")
    fit(model, C.CSVLogger(str(path), append=True), epochs=1)
    assert path.read_text().startswith("epoch,loss,mae")


# Servers.


@pytest.fixture
def server():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.server.seen.append((self.path, self.headers, body))
            self.send_response(self.server.status)
            self.end_headers()

        def log_message(self, *args):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.seen, server.status = [], 200
        server.root = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_remote_monitor(model, server):
    history = fit(model, Feed(lr=[np.float32(0.5)] * 4), C.RemoteMonitor(server.root), epochs=2)
    (path, headers, body), _ = server.seen
    assert path == "/publish/epoch/end/" and headers["Content-Type"] == "application/x-www-form-urlencoded"
    sent = json.loads(parse_qs(body)["data"][0])
    loss, mae = history.history["loss"][0], history.history["mae"][0]
    assert sent == {"epoch": 0, "loss": loss, "mae": mae, "lr": 0.5}


def test_remote_monitor_sends_json(model, server):
    server.status = 500  # reached, whatever it says
    monitor = C.RemoteMonitor(server.root, path="/log", headers={"X-Key": "abc"}, send_as_json=True)
    fit(model, monitor, epochs=1)
    path, headers, body = server.seen[0]
    assert path == "/log" and headers["Content-Type"] == "application/json" and headers["X-Key"] == "abc"
    assert json.loads(body)["epoch"] == 0


def test_a_server_that_is_not_there_is_a_warning(model):
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://127.0.0.1:9"):
        history = fit(model, C.RemoteMonitor("http://127.0.0.1:9"), epochs=1)
    assert history.epoch == [0]
