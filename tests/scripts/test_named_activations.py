"""Activations of one's own under a name, in the ways that people registered them."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Activation, Conv2D, Dense, Flatten, LeakyReLU
from keras.models import Sequential, load_model, model_from_json
from keras.utils import CustomObjectScope


def swish(x):
    return x * K.sigmoid(x)


class Swish(Activation):
    def __init__(self, activation, **kwargs):
        super().__init__(activation, **kwargs)
        self.__name__ = "swish"


@pytest.mark.parametrize("registered", [swish, Activation(swish), Swish(swish)], ids=["function", "layer", "subclass"])
def test_swish_in_saved_models(registered, tmp_path):
    with CustomObjectScope({"swish": registered}):
        layers = [Conv2D(2, 2, activation="swish", input_shape=(3, 3, 1)), Flatten(), Dense(3), Activation("swish")]
        model = Sequential(layers)
        model.compile("sgd", "mse")
        model.save(str(tmp_path / "swish.h5"))
        assert model.layers[-1].get_config()["activation"] == "swish"
        x = np.random.RandomState(0).rand(4, 3, 3, 1)
        before = model.predict(x)
        np.testing.assert_allclose(load_model(str(tmp_path / "swish.h5")).predict(x), before, rtol=1e-6)
        copy = model_from_json(model.to_json())
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(x), before, rtol=1e-6)


@pytest.mark.filterwarnings("ignore:Do not pass a layer instance")
def test_other_layers_as_activations_keep_their_configuration():
    model = Sequential([Dense(3, activation=LeakyReLU(0.5), input_dim=2)])
    assert model.layers[0].get_config()["activation"]["class_name"] == "LeakyReLU"
    copy = Sequential.from_config(model.get_config())
    copy.set_weights(model.get_weights())
    np.testing.assert_allclose(copy.predict(-np.ones((1, 2))), model.predict(-np.ones((1, 2))))


def test_numbers_of_variables_print_as_numbers():
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse")
    rate = K.get_value(model.optimizer.lr)
    assert isinstance(rate, np.float32) and not isinstance(rate, np.ndarray)
    assert isinstance(K.batch_get_value([model.optimizer.iterations])[0], np.integer)
