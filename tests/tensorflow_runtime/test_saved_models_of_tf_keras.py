"""SavedModel folders that tf.keras 2 wrote (tf_keras 2.21 made those in tests/data)."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.saving import saved_model

DATA = pathlib.Path(__file__).parent.parent / "data"


@pytest.fixture(params=["tf_keras_saved_model", "tf_keras_saved_sequential"])
def folder(request, tmp_path):
    return _copy(request.param, tmp_path)


def _copy(name, tmp_path):
    """A SavedModel; its graph of megabytes, which is not read, is left out."""
    copied = tmp_path / "folder"
    shutil.copytree(DATA / name, copied)
    (copied / "saved_model.pb").write_bytes(b"")
    return copied


def test_predictions_are_the_same(folder):
    model = load_model(folder)
    wanted = np.load(folder / "predictions.npz")
    np.testing.assert_allclose(model.predict(wanted["x"]), wanted["y"], rtol=1e-5, atol=1e-7)


def test_it_is_compiled_as_it_was(folder):
    model = load_model(str(folder))
    assert type(model.optimizer).__name__ in ("Adam", "SGD") and model.loss in ("categorical_crossentropy", "mse")
    data = np.load(folder / "predictions.npz")
    assert np.all(np.isfinite(model.train_on_batch(data["x"], data["y"])))
    assert load_model(folder, compile=False).optimizer is None


@pytest.mark.parametrize("name, places", [("tf_keras_saved_model", "Adam"), ("tf_keras_saved_sequential", "SGD")])
def test_the_optimizer_has_the_state_it_had(name, places, tmp_path):
    model = load_model(_copy(name, tmp_path))
    state = [v for v in model.optimizer.weights if K.ndim(v)]
    reader = tf.train.load_checkpoint(str(DATA / name / "variables" / "variables"))
    stored = [reader.get_tensor(key) for key in reader.get_variable_to_shape_map() if "optimizer/_variables" in key]
    assert places == type(model.optimizer).__name__
    steps = reader.get_tensor("optimizer/_iterations/.ATTRIBUTES/VARIABLE_VALUE")
    assert K.get_value(model.optimizer.iterations) == steps
    for value in K.batch_get_value(state):
        assert not value.any() or any(s.shape == value.shape and np.array_equal(s, value) for s in stored)
    assert sum(bool(v.any()) for v in K.batch_get_value(state)) == sum(bool(s.any()) for s in stored if s.ndim)


def test_training_goes_on_where_tf_keras_stopped(tmp_path):
    model = load_model(_copy("tf_keras_saved_legacy", tmp_path))
    data = np.load(tmp_path / "folder" / "predictions.npz")
    np.testing.assert_allclose(model.predict(data["x"]), data["predictions"], rtol=1e-5)
    model.fit(data["x"], data["y"], epochs=2, shuffle=False, verbose=0)
    for number, weight in enumerate(model.get_weights()):
        np.testing.assert_allclose(weight, data[f"after_{number}"], rtol=1e-4, atol=1e-6)


def test_a_folder_without_the_state_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(saved_model._Checkpoint, "optimizer", lambda self: ([], []))
    with pytest.warns(UserWarning, match="no state of the optimizer"):
        load_model(_copy("tf_keras_saved_legacy", tmp_path))


def test_frozen_layers_stay_frozen(folder):
    model = load_model(folder)
    assert [layer.name for layer in model.layers if layer.weights and not layer.trainable] in ([], ["frozen"])


def test_older_ones_keep_the_configuration_in_the_graph(folder):
    text = saved_model._root_of_metadata(folder / "keras_metadata.pb")
    (folder / "keras_metadata.pb").unlink()
    graph = saved_model_pb2.SavedModel()
    graph.meta_graphs.add().object_graph_def.nodes.add().user_object.metadata = text.decode()
    (folder / "saved_model.pb").write_bytes(graph.SerializeToString())
    wanted = np.load(folder / "predictions.npz")
    np.testing.assert_allclose(load_model(folder).predict(wanted["x"]), wanted["y"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("broken", ["keras_metadata.pb", "variables/variables.index"])
def test_damaged_files(folder, broken):
    data = (folder / broken).read_bytes()
    for damaged in (data[:500], b"\xff" * 40, data[:100] + b"\x00\xff" * 30 + data[160:]):
        (folder / broken).write_bytes(damaged)
        with pytest.raises((ValueError, OSError)):
            load_model(folder)


def test_what_holds_no_keras_model_is_refused(tmp_path):
    Sequential([Dense(1, input_shape=(2,))]).export(tmp_path / "exported")
    with pytest.raises(ValueError, match="without a Keras configuration"):
        load_model(tmp_path / "exported")
    tf.saved_model.save(tf.Module(), str(tmp_path / "bare"))
    with pytest.raises(ValueError, match="tf.saved_model.load"):
        load_model(tmp_path / "bare")


def test_without_tensorflow(folder):
    code = (
        "import sys\nsys.modules['tensorflow'] = None\nfrom keras.models import load_model\n"
        "try: load_model(sys.argv[1])\nexcept ImportError as error: assert 'pip install tensorflow' in str(error)\n"
        "else: raise SystemExit('loaded')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], env={"KERAS_BACKEND": "numpy", **_path()}, check=True)


def _path():
    return {"PYTHONPATH": ":".join(p for p in sys.path if p), "HOME": "/nonexistent"}
