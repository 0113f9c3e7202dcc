"""Lines that authors of layers, losses and models forget: what the message then says."""

import numpy as np
import pytest

from keras import backend as K
from keras.engine.base_layer import Layer
from keras.layers import Dense, Input, Lambda
from keras.models import Model, Sequential, clone_model, load_model

X = np.random.RandomState(0).standard_normal((4, 3)).astype("float32")
Y = X[:, :1]


def returns_nothing(*args):
    args[0] + 1


class Nothing(Layer):
    def call(self, x):
        returns_nothing(x)


class NothingModel(Model):
    def call(self, x):
        returns_nothing(x)


def trained(model=None, loss="mse", metrics=None):
    model = model or Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", loss, metrics=metrics)
    model.train_on_batch(X, Y)


@pytest.mark.parametrize(("build", "message"), [
    (lambda: Nothing()(Input((3,))), r"\(Nothing\): its `call` gave None.*`return`"),
    (lambda: Lambda(returns_nothing)(Input((3,))), "the function must return a tensor.*got None.*`return`"),
    (lambda: Dense(2, activation=returns_nothing)(Input((3,))), r"\(Dense\): its `call` gave None"),
    (lambda: NothingModel().predict(X), r"\(NothingModel\): its `call` gave None"),
    (lambda: trained(loss=returns_nothing), "loss 'returns_nothing' gave None.*`return`"),
    (lambda: trained(metrics=[returns_nothing]), "metric 'returns_nothing' gave None.*`return`"),
], ids=["layer", "Lambda", "activation", "model", "loss", "metric"])  # fmt: skip
def test_return(build, message):
    with pytest.raises(ValueError, match=message):
        build()


class NoInit(Layer):
    def __init__(self, units):
        self.units = units

    def call(self, x):
        return x


class NoInitModel(Model):
    def __init__(self):
        self.dense = Dense(1)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize("use", [
    lambda: NoInit(3)(Input((3,))), lambda: Sequential([NoInit(3)]), lambda: NoInitModel().predict(X),
    lambda: trained(NoInitModel()),
], ids=["call", "Sequential", "predict", "compile"])  # fmt: skip
def test_init_of_the_base_class(use):
    with pytest.raises(AttributeError, match=r"NoInit(Model)? has no `\w+`.*did not call super\(\).__init__\(\)"):
        use()


class Scaled(Layer):
    """Without get_config."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        self.kernel = self.add_weight(name="kernel", shape=(input_shape[-1], self.units), initializer="uniform")
        super().build(input_shape)

    def call(self, x):
        return K.dot(x, self.kernel)


class Forgetful(Scaled):
    """With a get_config that leaves out what the base class has to say."""

    def get_config(self):
        return {"units": self.units}


def test_get_config(tmp_path):
    model = Sequential([Scaled(2, input_shape=(3,))])
    model.save(tmp_path / "model.h5")
    with pytest.raises(TypeError, match="Scaled cannot be made.*'units'.*get_config.*self.units.*load_weights"):
        load_model(tmp_path / "model.h5", custom_objects={"Scaled": Scaled})
    with pytest.raises(TypeError, match="Scaled cannot be made.*'units'"):
        clone_model(model)
    again = Sequential([Scaled(2, input_shape=(3,))])
    again.load_weights(tmp_path / "model.h5")  # as the message says
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_get_config_of_the_base_class(tmp_path):
    model = Sequential([Forgetful(2, input_shape=(3,))])
    model.save(tmp_path / "model.h5")
    with pytest.raises(ValueError, match=r"input shape.*Forgetful.*super\(\).get_config\(\).*load_weights"):
        load_model(tmp_path / "model.h5", custom_objects={"Forgetful": Forgetful})
    inputs = Input((3,))
    model = Model(inputs, Forgetful(2)(inputs))  # where the shape stands elsewhere, it is enough
    model.save(tmp_path / "functional.h5")
    again = load_model(tmp_path / "functional.h5", custom_objects={"Forgetful": Forgetful}, compile=False)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
