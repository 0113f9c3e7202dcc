"""Programs as a GPU gets them, lowered by JAX for CUDA: XLA's own operations, and none of what helps on a CPU.

Whether they run there, and how fast, is not seen here.
"""

import re

import numpy as np
import pytest

from keras import backend as K
from keras import layers as L
from keras.models import Model, Sequential

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")

R = np.random.RandomState(0)
IMAGES, WORDS = R.rand(16, 32, 32, 8).astype("float32"), R.randint(0, 50, (16, 12))
ROWS, STEPS = R.rand(16, 512).astype("float32"), R.rand(16, 12, 64).astype("float32")


class Lowered(Exception):
    """In the place of a run."""


@pytest.fixture
def lowered(monkeypatch):
    """`lowered(call)` gives the program that a call would run first, as text."""
    from keras.runtimes.jax import device
    from keras.runtimes.jax.executables import Executables

    def lower(self, shapes, *arguments):
        raise Lowered(self._function.trace(*arguments).lower(lowering_platforms=("cuda",)).as_text())

    monkeypatch.setattr(device, "platform", lambda: "gpu")
    monkeypatch.setattr(Executables, "__call__", lower)

    def text(call):
        with pytest.raises(Lowered) as found:
            call()
        return found.value.args[0]

    return text


def trained(*layers, loss="mse", optimizer="sgd"):
    model = Sequential(layers)
    model.compile(optimizer, loss)
    return model


def residual():
    x = L.Input((32, 32, 8))
    y = L.BatchNormalization()(L.Conv2D(8, 1)(x))
    y = L.BatchNormalization()(L.Conv2D(8, 3, padding="same")(L.ReLU(6.0)(y)))
    model = Model(x, L.GlobalMaxPooling2D()(L.MaxPooling2D(3, 1)(L.add([x, y]))))
    model.compile("sgd", "mse")
    return model


def attention():
    x = L.Input((12, 64))
    q, k, v = (L.Dense(64)(x) for _ in range(3))
    words = L.Lambda(lambda t: K.softmax(K.batch_dot(t[0], t[1], axes=2)))([q, k])
    y = L.Dropout(0.1)(L.add([x, L.dot([words, v], axes=(2, 1))]))
    model = Model(x, L.Dense(64)(L.Dense(256, activation="relu")(y)))
    model.compile("adam", "mse")
    return model


def masked():
    return trained(
        L.Embedding(50, 64, mask_zero=True), L.Bidirectional(L.GRU(32, recurrent_dropout=0.2)), L.Dense(1),
        loss="binary_crossentropy",
    )  # fmt: skip


# Name: (model, inputs, convolutions in the program that predicts).
MODELS = {
    "dense layers": (
        lambda: trained(L.Dense(512, activation="relu", input_dim=512), L.Dropout(0.2), L.Dense(512), L.Dense(10)),
        ROWS, 0,
    ),
    "two convolutions": (
        lambda: trained(
            L.Conv2D(32, 3, activation="relu", input_shape=(32, 32, 8)), L.Conv2D(64, 3), L.MaxPooling2D(), L.Flatten(),
            L.Dense(10, activation="softmax"), loss="categorical_crossentropy", optimizer="adadelta",
        ), IMAGES, 2,
    ),
    "residual block": (residual, IMAGES, 1),
    "depthwise": (lambda: trained(L.DepthwiseConv2D(3, input_shape=(32, 32, 8)), L.SeparableConv2D(4, 3)), IMAGES, 2),
    "transposed": (lambda: trained(L.Conv2DTranspose(4, 3, strides=2, input_shape=(32, 32, 8))), IMAGES, 1),
    "a window larger than the image": (
        lambda: trained(L.AveragePooling2D(16, input_shape=(32, 32, 8)), L.Conv2D(64, 3, padding="same")), IMAGES, 1
    ),
    "channels first": (
        lambda: trained(
            L.Conv2D(8, 3, data_format="channels_first", input_shape=(32, 32, 8)),
            L.MaxPooling2D(2, data_format="channels_first"),
        ), IMAGES, 1,
    ),
    "LSTM": (lambda: trained(L.LSTM(64, input_shape=(12, 64)), L.Dense(1), optimizer="rmsprop"), STEPS, 0),
    "stateful GRU": (
        lambda: trained(L.GRU(64, stateful=True, reset_after=True, batch_input_shape=(16, 12, 64))), STEPS, 0
    ),
    "masks": (masked, WORDS, 0),
    "attention": (attention, STEPS, 0),
    "a ConvLSTM": (lambda: trained(L.Reshape((2, 16, 32, 8), input_shape=(32, 32, 8)), L.ConvLSTM2D(4, 3)), IMAGES, 2),
}  # fmt: skip


def ways(model, x):
    """A training step by itself, and many in one program."""
    y = np.zeros((len(x), *model.output_shape[1:]))
    yield lambda: model.train_on_batch(x, y)
    yield lambda: model.fit(np.tile(x, (4,) + (1,) * (x.ndim - 1)), np.tile(y, (4,) + (1,) * (y.ndim - 1)),
                            batch_size=16, verbose=0)  # fmt: skip


@pytest.mark.parametrize("name", MODELS)
def test_training_and_predicting(name, lowered):
    make, x, convolutions = MODELS[name]
    model = make()
    step, many = (lowered(way) for way in ways(model, x))
    predicting = lowered(lambda: model.predict_on_batch(x))
    for text in (step, many, predicting):
        assert "custom_call" not in text  # of the host, or of a library that is only for CPUs
        assert "optimization_barrier" not in text and "bitcast_convert" not in text  # detours around a CPU's compiler
    assert predicting.count("stablehlo.convolution") == convolutions
    assert many.count("stablehlo.while") == step.count("stablehlo.while") + 1
    variables = sum(np.prod(w.shape) > 1 for w in model.trainable_weights)
    for text in (step, many):  # new weights take the memory of the old ones
        assert len(re.findall(r"tf.aliasing_output|jax.buffer_donor", text)) >= variables


def test_channels_stay_first(lowered):
    make, x, _ = MODELS["channels first"]
    assert "stablehlo.transpose" not in lowered(lambda: make().predict_on_batch(x))


def test_nothing_is_chosen_for_a_processor(lowered):
    from keras.runtimes.jax.runtime import RUNTIME

    make, _, _ = MODELS["two convolutions"]
    model = make()
    model._make_train_function()
    compiled = model.train_function.compiled(1)
    assert compiled._options is None and RUNTIME.options_of_single_runs(compiled.program, None) is None
    assert compiled.loops and compiled.max_batches(1 << 20) == 8


def test_a_call_keeps_arrays_of_its_own(monkeypatch):
    from keras.runtimes.jax import device

    given = [np.ones(2), None]
    assert device.own(given)[0] is given[0]
    monkeypatch.setattr(device, "platform", lambda: "gpu")
    (kept, nothing) = device.own(given)
    given[0][:] = 0
    assert nothing is None and kept.tolist() == [1, 1]
