"""`.keras` archives: those that the genuine Keras 3 wrote, and ours."""

import glob
import io
import json
import os
import warnings
import zipfile

import h5py
import numpy as np
import pytest

import keras
from keras.layers import LSTM, Activation, Bidirectional, Dense, Dropout, Input, LocallyConnected1D, Masking
from keras.models import Model, Sequential, load_model
from keras.saving import CorruptFileError, zips

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data", "keras3")
NAMES = sorted(os.path.basename(path)[: -len(".keras")] for path in glob.glob(os.path.join(FOLDER, "*.keras")))


def as_list(value):
    return value if isinstance(value, list) else [value]


def arrays_of(record, prefix):
    return [record[name] for name in sorted(record) if name.startswith(prefix)]


# ------------------------------------------------------------------------------------------ what Keras 3 wrote


@pytest.mark.filterwarnings("ignore:.*use hard_sigmoid")
@pytest.mark.parametrize("name", NAMES)
def test_predicts_and_trains_as_in_keras_3(name):
    model = load_model(os.path.join(FOLDER, f"{name}.keras"))
    with np.load(os.path.join(FOLDER, f"{name}.npz")) as record:
        record = dict(record)
    inputs, targets = arrays_of(record, "x"), arrays_of(record, "t")
    for got, expected in zip(as_list(model.predict(inputs)), arrays_of(record, "y"), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    if targets:
        model.train_on_batch(inputs, targets)
        for got, expected in zip(as_list(model.predict(inputs)), arrays_of(record, "after"), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_hard_sigmoid_is_translated_and_said():
    with pytest.warns(UserWarning, match=r"\['lstm', 'gru', 'dense'\] use hard_sigmoid"):
        load_model(os.path.join(FOLDER, "hard_sigmoid.keras"))


def test_decay_comes_from_the_schedule():
    model = load_model(os.path.join(FOLDER, "optimizer_decay.keras"))
    assert model.optimizer.get_config()["decay"] == pytest.approx(0.5)
    assert model.optimizer.get_config()["learning_rate"] == pytest.approx(0.1)


def _changed(name, target, change):
    """Copies an archive; `change(config, weights)` gets its configuration and its HDF5 file."""
    with zipfile.ZipFile(os.path.join(FOLDER, name)) as file:
        entries = {name: file.read(name) for name in file.namelist()}
    config = json.loads(entries["config.json"])
    with h5py.File(weights := io.BytesIO(entries["model.weights.h5"]), "r+") as file:
        change(config, file)
    entries["config.json"], entries["model.weights.h5"] = json.dumps(config), weights.getvalue()
    with zipfile.ZipFile(target, "w") as file:
        for name, content in entries.items():
            file.writestr(name, content)


def test_a_state_that_tf_keras_did_not_save_is_said(tmp_path):
    """Archives with one of tf.keras's older optimizers have no state of it."""

    def older(config, weights):
        config["compile_config"]["optimizer"]["module"] = "keras.optimizers.legacy"
        del weights["optimizer"]

    _changed("tf_keras_sgd.keras", tmp_path / "legacy.keras", older)
    with pytest.warns(UserWarning, match="no state of its optimizer"):
        assert load_model(tmp_path / "legacy.keras").optimizer is not None


def test_an_optimizer_that_keras_3_left_out_is_said(tmp_path):
    """Models that Keras 3 loaded from an .h5 file and saved again."""
    _changed("optimizer_adam.keras", tmp_path / "m.keras", lambda config, _: config["compile_config"].pop("optimizer"))
    with pytest.warns(UserWarning, match="names no optimizer; .*not.* compiled"):
        model = load_model(tmp_path / "m.keras")
    assert model.predict(np.zeros((1, 3))).shape == (1, 1) and model.optimizer is None


@pytest.mark.parametrize("name, class_name, rate", [
    ("adam", "Adam", 0.001), ("RMSprop", "RMSprop", 0.001), ("adadelta", "Adadelta", 0.001), ("nadam", "Nadam", 0.001),
])  # fmt: skip
def test_an_optimizer_that_tf_keras_stored_as_its_name(name, class_name, rate, tmp_path):
    """compile("adam", ...) as most people write it; before the first step the file holds just the count of steps."""

    def named(config, weights):
        config["compile_config"]["optimizer"] = name
        for number in range(1, 5):
            del weights[f"optimizer/vars/{number}"]

    _changed("tf_keras_sgd.keras", tmp_path / "m.keras", named)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load_model(tmp_path / "m.keras")
    assert type(model.optimizer).__name__ == class_name
    assert keras.backend.get_value(model.optimizer.learning_rate) == pytest.approx(rate)


def test_adagrad_by_name_starts_elsewhere(tmp_path):
    def named(config, weights):
        config["compile_config"]["optimizer"] = "adagrad"
        del weights["optimizer"]

    _changed("tf_keras_sgd.keras", tmp_path / "m.keras", named)
    with pytest.warns(UserWarning, match="initial_accumulator_value=0.1"):
        assert load_model(tmp_path / "m.keras").optimizer is None


def test_weights_alone_from_an_archive():
    model = Sequential([Dense(2, activation="tanh", input_shape=(3,)), Dense(1)])
    path = os.path.join(FOLDER, "optimizer_adam.keras")
    model.load_weights(path)
    for got, expected in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    with pytest.raises(ValueError, match="name no weights"):
        model.load_weights(path, by_name=True)
    other = Sequential([Dense(4, input_shape=(3,)), Dense(1)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"'dense_\d+': weight .* has the shape \(3, 4\)"):
        other.load_weights(path)
    for got, expected in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(got, expected)


# ------------------------------------------------------------------------------------------ ours


def small_model():
    model = Sequential([Dense(3, activation="relu", input_shape=(4,)), Dropout(0.2), Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def data(shape=(8, 4), outputs=2):
    random = np.random.RandomState(3)
    return random.uniform(size=shape), random.uniform(size=(shape[0], outputs))


def test_round_trip_goes_on_training_the_same(tmp_path):
    x, y = data()
    model = Sequential([Dense(3, activation="relu", input_shape=(4,)), Dense(2)])
    model.compile(keras.optimizers.Nadam(0.01, schedule_decay=0.1), "logcosh", metrics=["mae"])
    model.train_on_batch(x, y)
    path = tmp_path / "model.keras"
    model.save(path)
    other = load_model(path)
    assert other.metrics_names == model.metrics_names
    assert other.optimizer.get_config() == model.optimizer.get_config()
    for _ in range(2):
        np.testing.assert_allclose(other.train_on_batch(x, y), model.train_on_batch(x, y), rtol=1e-5)


def test_from_bytes_and_file_objects(tmp_path):
    model = small_model()
    path = str(tmp_path / "model.keras")
    model.save(path)
    x = data()[0]
    with open(path, "rb") as file:
        sources = [path, file.read()]
    with open(path, "rb") as file:
        for source in [*sources, file]:
            np.testing.assert_array_equal(load_model(source).predict(x), model.predict(x))


def test_the_content_decides_not_the_name(tmp_path):
    model = small_model()
    model.save(tmp_path / "a.keras")
    os.rename(tmp_path / "a.keras", tmp_path / "a.h5")
    model.save(tmp_path / "b.h5")
    os.rename(tmp_path / "b.h5", tmp_path / "b.keras")
    for name in ("a.h5", "b.keras"):
        np.testing.assert_array_equal(load_model(tmp_path / name).get_weights()[0], model.get_weights()[0])


def test_layout_is_keras_3s(tmp_path):
    import io

    import h5py

    a = Input((5, 3))
    _, h, c = LSTM(2, return_state=True)(a)
    x = LSTM(2, return_sequences=True)(a, initial_state=[h, c])
    x = Bidirectional(LSTM(2, recurrent_activation="hard_sigmoid"))(x)
    Model(a, Dense(1)(x)).save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            assert sorted(file["layers"]) == ["bidirectional", "dense", "input_layer", "lstm", "lstm_1"]
            assert file["layers/bidirectional/backward_layer/cell/vars/2"].shape == (8,)
    assert (config["module"], config["class_name"]) == ("keras.src.models.functional", "Functional")
    second = config["config"]["layers"][2]
    assert second["module"] == "keras.layers"
    states = second["inbound_nodes"][0]["kwargs"]["initial_state"]
    assert [state["config"]["keras_history"][1:] for state in states] == [[0, 1], [0, 2]]


@pytest.mark.parametrize(
    "layers, message",
    [
        ([LocallyConnected1D(2, 2, input_shape=(4, 2), name="local")], "LocallyConnected1D 'local' .* no such layer"),
        ([Dense(2, input_shape=(2,)), Activation("hard_sigmoid", name="hard")], "'hard' .* other numbers"),
    ],
)
def test_what_keras_3_cannot_say_is_refused(layers, message, tmp_path):
    model = Sequential(layers)
    with pytest.raises(ValueError, match=message + r".*save\('model.h5'\)"):
        model.save(tmp_path / "model.keras")
    assert os.listdir(tmp_path) == []


def test_masked_bidirectional_is_said(tmp_path):
    model = Sequential([Masking(input_shape=(4, 2)), Bidirectional(LSTM(2, return_sequences=True))])
    with pytest.warns(UserWarning, match="At masked steps Keras 3 gives zeros"):
        model.save(tmp_path / "model.keras")


# ------------------------------------------------------------------------------------------ strange archives


def changed(path, **entries):
    """The archive at `path` with some entries replaced (None: left out), as bytes."""
    with zipfile.ZipFile(path) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    found.update({name.replace("__", "."): data for name, data in entries.items()})
    return zips.archive_as_bytes([(name, data) for name, data in found.items() if data is not None])


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"config__json": None}, "no entry 'config.json'"),
        ({"config__json": b"{"}, "config.json is damaged"),
        ({"config__json": b"[]"}, "ought to hold an object"),
        ({"config__json": b"[" * 100_000}, "config.json is damaged"),
        ({"config__json": b'{"class_name": 1, "config": {}}'}, "does not describe a model"),
        ({"metadata__json": b"{}"}, "names no keras_version"),
        ({"model.weights__h5": b"nothing"}, "not an HDF5 file"),
        ({"../model.txt": b"x"}, "leads out of the archive"),
        ({"/etc/passwd": b"x"}, "leads out of the archive"),
        ({"c:\\x": b"x"}, "leads out of the archive"),
    ],
)
def test_damaged_archives(entries, message):
    data = changed(os.path.join(FOLDER, "mlp.keras"), **entries)
    with pytest.raises((ValueError, OSError), match=message):
        load_model(data)


def test_an_optimizer_of_which_no_training_function_can_be_made(tmp_path):
    model = small_model()
    model.train_on_batch(np.zeros((2, 4)), np.zeros((2, 2)))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        text = file.attrs["training_config"]
        text = text.decode() if isinstance(text, bytes) else text
        assert '"epsilon": 1e-07' in text
        for name in ("training_config", "keras_classic_training_config"):
            if name in file.attrs:
                del file.attrs[name]
        file.attrs["training_config"] = text.replace('"epsilon": 1e-07', '"epsilon": {"class_name": "Dense"}')
    with pytest.raises(CorruptFileError, match="compile=False"):
        load_model(tmp_path / "m.h5")
    assert load_model(tmp_path / "m.h5", compile=False).optimizer is None


def test_truncated_archive(tmp_path):
    with open(os.path.join(FOLDER, "mlp.keras"), "rb") as file:
        data = file.read()
    with pytest.raises(OSError, match="truncated or damaged"):
        load_model(data[:-100])


def test_bombs_are_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.keras", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b" " * (100 << 20))
    with pytest.raises(ValueError, match="made to exhaust memory"):
        load_model(tmp_path / "bomb.keras")


def test_two_entries_of_one_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "two.keras", "w") as archive:
        archive.writestr("config.json", b"{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("config.json", b"{}")
    with pytest.raises(ValueError, match="two entries named 'config.json'"):
        load_model(tmp_path / "two.keras")


# ------------------------------------------------------------------------------------------ the user's own classes


class Own(keras.layers.Layer):
    """A user's layer that keeps other layers in its attributes."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = Dense(units)
        self.others = [Dense(units), Dense(units)]

    def build(self, input_shape):
        self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="uniform")
        super().build(input_shape)

    def call(self, inputs):
        x = self.first(inputs)
        for layer in self.others:
            x = layer(x)
        return x * self.scale

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def twice(x):
    return 2 * x


@pytest.mark.parametrize("extension", ["h5", "keras"])
@pytest.mark.parametrize("how", ["argument", "scope", "registry"])
def test_custom_objects(how, extension, tmp_path, monkeypatch):
    path = tmp_path / f"model.{extension}"
    model = Sequential([Own(3, input_shape=(4,)), Dense(2, activation=twice)])
    if how == "registry":
        monkeypatch.setattr("keras.utils.custom_objects._CUSTOM_OBJECTS", {})
        keras.utils.register_keras_serializable("Lab")(Own)
        keras.utils.register_keras_serializable("Lab")(twice)
    model.save(path)
    objects = {"Own": Own, "twice": twice}
    if how == "argument":
        other = load_model(path, custom_objects=objects, compile=False)
    elif how == "scope":
        with keras.utils.CustomObjectScope(objects):
            other = load_model(path, compile=False)
    else:
        other = load_model(path, compile=False)
    x = data()[0]
    np.testing.assert_array_equal(other.predict(x), model.predict(x))
    if how == "argument":
        with pytest.raises(ValueError, match="Unknown layer: Own"):
            load_model(path)


def test_weights_alone_in_keras_3s_layout(tmp_path):
    path = os.path.join(FOLDER, "optimizer_adam.keras")
    with zipfile.ZipFile(path) as archive:
        (tmp_path / "model.weights.h5").write_bytes(archive.read("model.weights.h5"))
    model = Sequential([Dense(2, activation="tanh", input_shape=(3,), name="other"), Dense(1, name="names")])
    model.load_weights(tmp_path / "model.weights.h5")
    for got, expected in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)
    longer = Sequential([Dense(2, input_shape=(3,)), Dense(1), Dense(1)])
    with pytest.raises(ValueError, match="no weights for the layer .* nothing at 'layers/dense_2'"):
        longer.load_weights(tmp_path / "model.weights.h5")


def test_arithmetic_outside_of_layers_is_refused_by_name():
    with zipfile.ZipFile(os.path.join(FOLDER, "arithmetic.keras")) as archive:
        config = json.loads(archive.read("config.json"))
    for layer in config["config"]["layers"]:
        if layer["class_name"] == "Maximum":
            layer["class_name"] = "Arctan2"
    data = changed(os.path.join(FOLDER, "arithmetic.keras"), config__json=json.dumps(config).encode())
    with pytest.raises(ValueError, match="the operation 'maximum', input of layer 'dense_2', is arithmetic"):
        load_model(data)


def test_keras_3s_json(tmp_path):
    path = os.path.join(FOLDER, "several_inputs_trained.keras")
    with zipfile.ZipFile(path) as archive:
        text = archive.read("config.json").decode()
    model = keras.models.model_from_json(text)
    model.load_weights(path)
    for got, expected in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_registered_names(tmp_path):
    model = Sequential([Own(3, input_shape=(4,))])
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        config = json.loads(archive.read("config.json"))
    config["config"]["layers"][1]["registered_name"] = "Lab>Own"
    config["config"]["layers"][1]["class_name"] = "Gone"
    data = changed(tmp_path / "m.keras", config__json=json.dumps(config).encode())
    other = load_model(data, custom_objects={"Lab>Own": Own})
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
