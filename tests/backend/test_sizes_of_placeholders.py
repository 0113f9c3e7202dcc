"""Sizes that no shape has are refused where they are given, not where the first numbers come."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Input
from keras.models import Sequential, model_from_json

BAD = [-3, 2.5, "3", "abc", float("nan"), float("inf"), [2]]


@pytest.mark.parametrize("size", BAD, ids=str)
def test_refused(size):
    for make in (
        lambda: K.placeholder((None, size)),
        lambda: Input((size,)),
        lambda: Input(batch_shape=(None, size)),
        lambda: Sequential([Dense(2, input_shape=(size,))]),
    ):
        with pytest.raises(ValueError, match="The sizes of a shape"):
            make()


def test_in_a_file():
    text = Sequential([Dense(2, input_shape=(345,))]).to_json()
    assert "345" in text
    with pytest.raises(ValueError, match="The sizes of a shape"):
        model_from_json(text.replace("345", "-345"))


@pytest.mark.parametrize("size", [0, 3, 784 / 2, np.int64(3), None])
def test_taken(size):
    assert K.int_shape(Input((size,))) == (None, size)
