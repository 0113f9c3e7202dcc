"""Cells that draw their dropout masks with the function that Keras 2's own cells used."""

import numpy as np

from keras import backend as K
from keras.layers import RNN, Input, SimpleRNNCell
from keras.layers.recurrent import _generate_dropout_mask
from keras.models import Model


class Cell(SimpleRNNCell):
    def call(self, inputs, states, training=None):
        masks = _generate_dropout_mask(K.ones_like(inputs), 0.5, training=training, count=2)
        return super().call(inputs * masks[0] * masks[1], states, training=training)


def test_masks():
    inputs = Input((3, 64))
    model = Model(inputs, RNN(Cell(2, activation="linear"))(inputs))
    x = np.ones((2, 3, 64))
    np.testing.assert_array_equal(model.predict(x), model.predict(x))
    program = K.function([inputs, K.learning_phase()], [model.output])
    assert not np.allclose(program([x, 1])[0], program([x, 1])[0])
    ones = K.ones((40, 50))
    mask = _generate_dropout_mask(ones, 0.25, training=1)
    assert set(np.unique(K.eval(mask).round(4))) == {0, np.float32(1.3333)}
