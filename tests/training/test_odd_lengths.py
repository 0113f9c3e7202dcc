"""Sequences whose length is no number of batches, or becomes 0 on the way."""

import numpy as np
import pytest

from keras.layers import Dense
from keras.models import Sequential
from keras.utils import Sequence


class Data(Sequence):
    def __init__(self, length, later=None):
        self.length, self.later = length, later

    def __len__(self):
        return self.length

    def __getitem__(self, index):
        return np.ones((4, 3)), np.ones((4, 2))

    def on_epoch_end(self):
        if self.later is not None:
            self.length = self.later


@pytest.fixture(scope="module")
def model():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("workers", [0, 2])
def test_a_quotient(model, workers):
    for use in (model.fit, model.evaluate, model.predict):
        with pytest.raises(TypeError, match="math.ceil"):
            use(Data(10 / 4), workers=workers, verbose=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sequence_that_runs_empty(model, workers):
    """It went on for ever without workers."""
    with pytest.raises(ValueError, match="The Sequence is empty"):
        model.fit(Data(2, later=0), epochs=3, workers=workers, verbose=0)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_sequence_that_changes_its_length(model, workers):
    history = model.fit(Data(2, later=3), epochs=3, workers=workers, verbose=0)
    assert history.epoch == [0, 1, 2] and np.isfinite(history.history["loss"]).all()
