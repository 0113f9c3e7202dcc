"""Losses that scripts computed in a `Lambda` or a layer, and outputs without a loss."""

import warnings

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Input, Lambda, Layer
from keras.models import Model

RANDOM = np.random.RandomState(0)
X, T = RANDOM.rand(10, 4), RANDOM.rand(10, 4)


class Distance(Layer):
    def call(self, inputs):
        return K.mean(K.square(inputs[0] - inputs[1]))

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], 1)


@pytest.mark.parametrize(
    "layer",
    [
        Lambda(lambda z: K.mean(K.square(z[0] - z[1])), output_shape=(1,), name="scalar"),
        Lambda(lambda z: K.mean(K.square(z[0] - z[1]), axis=-1), output_shape=(1,), name="vector"),
        Distance(name="layer"),
    ],
    ids=lambda layer: layer.name,
)
def test_a_loss_declared_as_one_number_per_sample(layer):
    """As in many an object detector: the model's output is its loss, the targets are zeros."""
    inputs, wanted = Input((4,)), Input((4,))
    model = Model([inputs, wanted], layer([Dense(4)(inputs), wanted]))
    assert model.output_shape == (None, 1)
    model.compile("sgd", loss={layer.name: lambda y_true, y_pred: y_pred})
    kernel, bias = model.get_weights()
    loss = model.evaluate([X, T], np.zeros(10), verbose=0)
    np.testing.assert_allclose(loss, np.mean((X @ kernel + bias - T) ** 2), rtol=1e-5)
    for zeros in (np.zeros(10), np.zeros((10, 1))):
        history = model.fit([X, T], zeros, batch_size=5, epochs=2, verbose=0).history
        assert history["loss"][-1] < loss
    assert model.predict([X, T]).shape == (10,)


def test_an_output_left_out_of_the_losses_is_told():
    inputs = Input((4,))
    model = Model(inputs, [Dense(1, name="main")(inputs), Dense(1, name="other", trainable=False)(inputs)])
    with pytest.warns(UserWarning, match="Output other missing from loss dictionary") as told:
        model.compile("sgd", {"main": "mse"})
    assert [w.filename for w in told] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.compile("sgd", {"main": "mse", "other": None})
        model.compile("sgd", ["mse", None])
    history = model.fit(X, X[:, :1], verbose=0).history
    assert list(history) == ["loss", "main_loss"]
