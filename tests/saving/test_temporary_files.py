"""Programs that save to the name of a temporary file which they hold open, and read it there."""

import os
import pickle
import tempfile

import numpy as np
import pytest

from keras import models
from keras.layers import Dense, Input

X = np.random.RandomState(0).standard_normal((4, 3)).astype("float32")


def trained():
    inputs = Input((3,))
    model = models.Model(inputs, Dense(2)(inputs))
    model.compile("sgd", "mse")
    return model


def make_picklable(monkeypatch):
    """What many programs did before models could be pickled."""

    def __getstate__(self):
        with tempfile.NamedTemporaryFile(suffix=".hdf5", delete=True) as file:
            models.save_model(self, file.name, overwrite=True)
            return {"model_str": file.read()}

    def __setstate__(self, state):
        with tempfile.NamedTemporaryFile(suffix=".hdf5", delete=True) as file:
            file.write(state["model_str"])
            file.flush()
            model = models.load_model(file.name)
        self.__dict__ = model.__dict__

    monkeypatch.setattr(models.Model, "__getstate__", __getstate__)
    monkeypatch.setattr(models.Model, "__setstate__", __setstate__)


def test_models_made_picklable(monkeypatch):
    make_picklable(monkeypatch)
    model = trained()
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    again.train_on_batch(X, X[:, :2])


@pytest.mark.parametrize("save", ["save", "save_weights"])
def test_the_file_read_is_the_file_written(tmp_path, save):
    handle, path = tempfile.mkstemp(dir=tmp_path)
    getattr(trained(), save)(path)
    with os.fdopen(handle, "rb") as held:
        data = held.read()
    with open(path, "rb") as written:
        assert data == written.read() and data.startswith(b"\x89HDF")


def test_a_file_that_holds_something_is_kept_for_those_who_read_it(tmp_path):
    path = tmp_path / "model.h5"
    trained().save(path)
    with open(path, "rb") as held:
        before = path.read_bytes()
        trained().save_weights(path)
        assert held.read() == before != path.read_bytes()
