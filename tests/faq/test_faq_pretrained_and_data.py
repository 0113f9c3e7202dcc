"""FAQ: pre-trained nets, files larger than memory, what is trained on in which order."""

import copy
import functools
import http.server
import pickle
import threading

import h5py
import numpy as np
import pytest

from keras.applications import mobilenet
from keras.callbacks import Callback
from keras.layers import Dense, Input
from keras.models import Model, Sequential, load_model


def test_nets_are_imported_from_their_modules():
    from keras.applications.inception_resnet_v2 import InceptionResNetV2
    from keras.applications.inception_v3 import InceptionV3
    from keras.applications.mobilenet import MobileNet
    from keras.applications.resnet50 import ResNet50
    from keras.applications.vgg16 import VGG16
    from keras.applications.vgg19 import VGG19
    from keras.applications.xception import Xception

    nets = (Xception, VGG16, VGG19, ResNet50, InceptionV3, InceptionResNetV2, MobileNet)
    assert all(callable(net) for net in nets)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A folder served on loopback, in place of the place where weights are published."""
    folder = tmp_path / "published" / "v0.6"
    folder.mkdir(parents=True)
    handler = functools.partial(_Quiet, directory=str(folder.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(mobilenet, "DEEP_LEARNING_MODELS", f"http://127.0.0.1:{server.server_port}/")
        monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
        yield folder
        server.shutdown()
        thread.join()


def test_a_pretrained_net_is_downloaded_used_and_tuned(published, tmp_path):
    """weights='imagenet': downloaded once, kept in the home folder, the same predictions; then a new top."""
    options = dict(include_top=False, alpha=0.25, input_shape=(128, 128, 3), pooling="avg")
    made = mobilenet.MobileNet(weights=None, **options)
    made.save_weights(str(published / "mobilenet_2_5_128_tf_no_top.h5"))

    with pytest.warns(UserWarning, match="without encryption"):  # the true address is https
        base = mobilenet.MobileNet(weights="imagenet", **options)
    assert (tmp_path / "home" / "models" / "mobilenet_2_5_128_tf_no_top.h5").exists()
    for a, b in zip(made.get_weights(), base.get_weights()):
        np.testing.assert_array_equal(a, b)
    for layer in base.layers:
        layer.trainable = False
    model = Model(inputs=base.input, outputs=Dense(2, activation="softmax")(base.output))
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy")
    assert len(model.trainable_weights) == 2
    x = mobilenet.preprocess_input(np.random.randint(0, 256, (2, 128, 128, 3)).astype("float32"))
    assert x.min() >= -1 and x.max() <= 1
    assert model.predict(x).shape == (2, 2)


@pytest.fixture(scope="module")
def hdf5_file(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("input") / "file.hdf5")
    random = np.random.RandomState(0)
    with h5py.File(path, "w") as f:
        f["x_data"] = random.rand(40, 4).astype("float32")
        f["y_data"] = random.rand(40, 2).astype("float32")
    return path


def linear():
    model = Sequential([Dense(2, input_dim=4)])
    model.compile("sgd", "mse")
    return model


def test_hdf5_data_train_like_arrays(hdf5_file):
    from keras.utils.io_utils import HDF5Matrix

    from_file, from_memory = linear(), linear()
    from_file.set_weights(from_memory.get_weights())
    with h5py.File(hdf5_file, "r") as f:
        x, y = f["x_data"][:], f["y_data"][:]
        np.random.seed(0)
        from_file.fit(f["x_data"], f["y_data"], batch_size=8, epochs=2, shuffle="batch", verbose=0)
    np.random.seed(0)
    from_memory.fit(x, y, batch_size=8, epochs=2, shuffle="batch", verbose=0)
    for a, b in zip(from_file.get_weights(), from_memory.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    x_part = HDF5Matrix(hdf5_file, "x_data", start=8, end=32, normalizer=lambda batch: batch * 2)
    y_part = HDF5Matrix(hdf5_file, "y_data", start=8, end=32)
    assert x_part.shape == (24, 4) and len(x_part) == 24
    expected = from_file.evaluate(x[8:32] * 2, y[8:32], verbose=0)
    assert from_file.evaluate(x_part, y_part, verbose=0) == pytest.approx(expected, rel=1e-5)


class Seen(Callback):
    """Writes down which samples every batch held (each sample is its own number)."""

    def __init__(self):
        super().__init__()
        self.sizes, self.weights = [], []

    def on_batch_end(self, batch, logs=None):
        self.sizes.append(logs["size"])
        self.weights.append(self.model.get_weights()[0][:, 0].copy())

    def orders(self, epochs):
        """The samples in the order in which their weights moved, epoch by epoch."""
        steps = np.diff(np.array([np.zeros_like(self.weights[0]), *self.weights]), axis=0)
        found = [list(np.flatnonzero(step)) for step in steps]
        per_epoch = len(found) // epochs
        return [sum(found[i * per_epoch : (i + 1) * per_epoch], []) for i in range(epochs)]


@pytest.mark.parametrize("shuffle", [True, False])
def test_training_data_are_shuffled_each_epoch_and_held_out_ones_never_are(shuffle):
    """One weight per sample moves when it is trained on: the last 25 % never do."""
    x, y = np.eye(8), np.ones((8, 1))
    model = Sequential([Dense(1, use_bias=False, kernel_initializer="zeros", input_dim=8)])
    model.compile("sgd", "mse")
    seen = Seen()
    model.fit(x, y, batch_size=1, epochs=3, validation_split=0.25, shuffle=shuffle, verbose=0, callbacks=[seen])
    assert seen.sizes == [1] * 18
    orders = seen.orders(3)
    assert all(sorted(order) == list(range(6)) for order in orders)
    assert (len({tuple(order) for order in orders}) > 1) is shuffle
    assert shuffle or orders[0] == list(range(6))


def test_training_loss_is_the_mean_over_batches_of_a_changing_model():
    model = linear()
    x, y = np.random.rand(32, 4), np.random.rand(32, 2) + 3
    twin = linear()
    twin.set_weights(model.get_weights())
    history = model.fit(x, y, batch_size=8, shuffle=False, validation_data=(x, y), verbose=0).history
    losses = [twin.train_on_batch(x[i : i + 8], y[i : i + 8]) for i in range(0, 32, 8)]
    assert history["loss"][0] == pytest.approx(np.mean(losses), rel=1e-5)
    assert history["val_loss"][0] < history["loss"][0]
    assert history["val_loss"][0] == pytest.approx(twin.test_on_batch(x, y), rel=1e-5)


def test_models_in_pickles_and_copies(tmp_path):
    """Not recommended, and yet done everywhere: it holds the optimizer's state too."""
    model = linear()
    x, y = np.random.rand(8, 4), np.random.rand(8, 2)
    model.fit(x, y, verbose=0)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict(x), model.predict(x))
        assert again.optimizer.get_config() == model.optimizer.get_config()
    path = str(tmp_path / "never_compiled.h5")
    inputs = Input((3,))
    Model(inputs, Dense(1)(inputs)).save(path)
    with pytest.warns(UserWarning, match="not.* compiled"):
        loaded = load_model(path)
    with pytest.raises(RuntimeError, match="compile"):
        loaded.evaluate(x[:, :3], y[:, :1])
