"""What `describe` tells of a file, without building the model."""

import json
import os
import zipfile

import h5py
import numpy as np
import pytest

from keras.layers import LSTM, Bidirectional, Dense, Input, Lambda
from keras.models import Model, Sequential
from keras.saving.describe import describe

DATA = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "data")


class Own(Dense):
    """A user's layer."""


def nested():
    inner = Sequential([Dense(3, input_shape=(4,), name="deep")], name="inner")
    x = Input((4,), name="start")
    model = Model(x, Own(2, name="own")(inner(x)))
    model.compile("adam", "mse")
    return model


@pytest.mark.parametrize("extension", ["h5", "keras"])
def test_a_whole_model(extension, tmp_path, monkeypatch):
    model = nested()
    path = tmp_path / f"model.{extension}"
    model.save(path)
    monkeypatch.setattr("keras.layers.deserialize", None)  # nothing is built
    found = describe(path)
    assert (found.kind, found.training, found.parameters) == ("model", "Adam", 23)
    assert found.size == os.path.getsize(path)
    rows = {row.name: row for row in found.layers}
    assert (rows["inner"].parameters, rows["deep"].parameters, rows["deep"].depth) == (15, 15, 1)
    assert rows["own"].class_name == "Own" and found.unknown == ["Own"]
    assert found.safe and not found.problems
    text = str(found)
    assert "custom_objects={'Own': Own}" in text and "Safe: nothing" in text and "    deep" in text


@pytest.mark.parametrize(
    "name, writer",
    [
        ("old122_nested.h5", "Keras 1.2.2"),
        ("old224_rnn.h5", "Keras 2.2.4, backend tensorflow"),
        ("nested_seq_in_model_in_model.h5", "tf.keras 2."),
        ("../keras3/cnn.keras", "Keras 3.15.1"),
    ],
)
def test_who_wrote_it(name, writer):
    found = describe(os.path.join(DATA, "golden", name))
    assert found.written_by.startswith(writer)
    assert found.parameters == sum(row.parameters or 0 for row in found.layers if row.depth == 0)


def test_weights_alone(tmp_path):
    model = Sequential([Bidirectional(LSTM(2), input_shape=(3, 4), name="both"), Dense(1, name="end")])
    for name in ("w.h5", "w.safetensors"):
        model.save_weights(tmp_path / name)
        found = describe(tmp_path / name)
        assert (found.kind, found.parameters) == ("weights", model.count_params())
        assert [(row.name, row.parameters) for row in found.layers] == [("both", 112), ("end", 5)]


def test_architectures_from_text_and_bytes(tmp_path):
    model = nested()
    for text, kind in ((model.to_json(), "JSON"), (model.to_yaml(), "YAML")):
        (tmp_path / "model.txt").write_text(text)
        for source in (tmp_path / "model.txt", text.encode()):
            found = describe(source)
            assert (found.kind, found.format, found.parameters) == ("architecture", kind, None)
            assert {"start", "inner", "deep", "own"} <= {row.name for row in found.layers}


@pytest.mark.parametrize("extension", ["h5", "keras"])
def test_code_is_named_and_not_run(extension, tmp_path):
    model = Sequential([Dense(2, input_shape=(3,)), Lambda(lambda x: x * 2, name="double")])
    model.save(tmp_path / f"model.{extension}")
    found = describe(tmp_path / f"model.{extension}")
    assert found.runs == ["the layer 'double': Python byte code (function)"]
    assert not found.safe and "safe_mode=False" in str(found)


def test_what_reaches_outside_is_refused(tmp_path):
    path = tmp_path / "model.h5"
    nested().save(path)
    with h5py.File(path, "a") as file:
        file["model_weights/start/link"] = h5py.ExternalLink("/etc/hosts", "/")
        file["model_weights/loop"] = file["model_weights"]  # a group inside itself ends the search
    found = describe(path)
    assert not found.safe
    assert any("ExternalLink" in text for text in found.refused)
    assert "NOT SAFE" in str(found)


def test_why_it_would_not_load():
    config = {
        "class_name": "Sequential",
        "config": {"layers": [{"class_name": "Conv2D", "config": {"name": "c", "groups": 2}}]},
        "keras_version": "2.9.0",
    }
    found = describe(json.dumps(config).encode())
    assert "groups=2" in found.problems[0]
    assert "would not load" in str(found)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"\x00\x01\xff\xfe binary", "neither HDF5, nor a zip, nor text"),
        (b"", "does not describe a model"),
        (b"[1, 2", "damaged"),
        (b'{"a": 1}', "does not describe a model"),
        (b"!!python/object/apply:os.system ['true']", "YAML"),
    ],
)
def test_no_models_file(data, message):
    with pytest.raises(OSError, match=message):
        describe(data)


def test_missing_files_folders_and_other_hdf5(tmp_path):
    with pytest.raises(FileNotFoundError):
        describe(tmp_path / "none.h5")
    with pytest.raises(IsADirectoryError):
        describe(tmp_path)
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"] = np.zeros(3)
    with pytest.raises(OSError, match="neither a Keras model nor Keras weights"):
        describe(tmp_path / "data.h5")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    with pytest.raises(OSError, match="no entry 'metadata.json'"):
        describe(tmp_path / "other.zip")


@pytest.mark.parametrize("whole", [False, True])
def test_damaged_weights_are_told(whole, tmp_path):
    path = tmp_path / "m.h5"
    model = Sequential([Dense(2, input_shape=(3,), name="d")])
    model.save(path) if whole else model.save_weights(path)
    with h5py.File(path, "r+") as file:
        del file["model_weights/d/d/kernel:0" if whole else "d/d/kernel:0"]
    found = describe(path)
    assert found.kind == ("model" if whole else "weights") and found.parameters is None
    assert "no 'kernel:0'" in found.problems[0]
