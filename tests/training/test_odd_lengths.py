"""Sequences whose length is no number of batches, or becomes 0 on the way."""

import numpy as np
import pytest

from keras.callbacks import Callback
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


class Steps(Callback):
    def on_train_begin(self, logs=None):
        self.told, self.made = [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.told.append(self.params["steps"])
        self.made.append(0)

    def on_batch_end(self, batch, logs=None):
        self.made[-1] += 1


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("later", [1, 3])
def test_a_sequence_that_changes_its_length(model, workers, later):
    """Its new length is the next epoch's number of steps, unless a number was asked for."""
    steps = Steps()
    model.fit(Data(2, later), epochs=3, workers=workers, verbose=0, callbacks=[steps])
    assert steps.told == steps.made == [2, later, later]
    model.fit(Data(2, later), steps_per_epoch=2, epochs=3, workers=workers, verbose=0, callbacks=[steps])
    assert steps.told == steps.made == [2, 2, 2]
