"""File names of `ModelCheckpoint` that cannot be filled in."""

import os

import numpy as np
import pytest

from keras.callbacks import ModelCheckpoint
from keras.layers import Dense
from keras.models import Sequential


@pytest.mark.parametrize("name", ["{epoch:.2q}.h5", "{.h5", "{}.h5", "}.h5"])
def test_the_message_names_it(tmp_path, name):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="cannot be filled in") as caught:
        model.fit(np.ones((2, 2)), np.ones(2), verbose=0, callbacks=[ModelCheckpoint(str(tmp_path / name))])
    assert name in str(caught.value) and os.listdir(tmp_path) == []


def test_braces_that_are_meant(tmp_path):
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    model.fit(np.ones((2, 2)), np.ones(2), verbose=0, callbacks=[ModelCheckpoint(str(tmp_path / "{{{epoch}}}.h5"))])
    assert os.listdir(tmp_path) == ["{1}.h5"]
