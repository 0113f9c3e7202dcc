"""Argument names of Keras 1: accepted, with a warning that shows the call in today's names."""

import warnings

import numpy as np
import pytest

from keras import layers, models, optimizers
from keras import backend as K

from .manifest import API, find, left_out

RENAMES = [
    (path, old, new)
    for path, entry in API["classes"].items()
    if path.startswith("keras.layers.") and not left_out(path)
    for old, new in entry.get("keras1", {}).get("renames", {}).items()
    # The interface of recurrent layers was shared, SimpleRNN has no such arguments.
    if not (path.endswith("SimpleRNN") and new in ("implementation", "recurrent_activation"))
]
POSITIONAL = [
    (path, entry["keras1"]["positional"])
    for path, entry in API["classes"].items()
    if not left_out(path) and "positional" in entry.get("keras1", {})
]

# What a class cannot be made without.
REQUIRED = {
    "filters": 2, "kernel_size": 3, "units": 2, "input_dim": 3, "output_dim": 2, "rate": 0.5, "stddev": 0.5,
    "function": abs,
}  # fmt: skip
# A value for each argument that had another name: in the old form and in today's.
VALUES = {
    "data_format": ("th", "channels_first"), "padding": ("same", "same"), "use_bias": (False, False),
    "strides": (2, 2), "filters": (4, 4), "kernel_size": (2, 2), "units": (5, 5), "rate": (0.25, 0.25),
    "stddev": (0.25, 0.25), "dropout": (0.25, 0.25), "recurrent_dropout": (0.25, 0.25), "size": (3, 3),
    "pool_size": (3, 3), "implementation": ("gpu", 2), "recurrent_activation": ("tanh", "tanh"),
}  # fmt: skip


def value_of(argument):
    if argument.endswith("_initializer"):
        return "zeros", "zeros"
    if argument.endswith("_regularizer"):
        return "l2", "l2"
    if argument.endswith("_constraint"):
        return "nonneg", "nonneg"
    return VALUES[argument]


def required(path):
    signature = API["classes"][path]["init"]
    names = [part.strip() for part in signature[1:-1].split(",")]
    return {name: REQUIRED[name] for name in names if name in REQUIRED}


def config_of(layer):
    return {k: v for k, v in layer.get_config().items() if k != "name"}


@pytest.mark.parametrize(("path", "old", "new"), RENAMES)
def test_old_name(path, old, new):
    cls, needed = find(path), required(path)
    before, now = value_of(new)
    needed.pop(new, None)
    local = "LocallyConnected" in path and new == "padding"  # they know 'valid' only
    before, now = ("valid", "valid") if local else (before, now)
    with pytest.warns(UserWarning, match=f"{cls.__name__}.*Keras 2 API.*{new}="):
        made = cls(**needed, **{old: before})
    assert config_of(made) == config_of(cls(**needed, **{new: now}))


@pytest.mark.parametrize(("path", "names"), POSITIONAL)
def test_what_may_be_given_by_place(path, names):
    cls = find(path)
    with pytest.raises(TypeError, match=cls.__name__):
        cls(*(REQUIRED.get(name, 1) for name in names), 1, 1, 1)


def test_an_argument_by_both_names():
    with pytest.raises(TypeError, match="output_dim.*units"):
        layers.Dense(units=3, output_dim=3)


@pytest.mark.parametrize(
    ("old", "now"),
    [
        (lambda: layers.Convolution2D(4, 3, 2), lambda: layers.Conv2D(4, (3, 2))),
        (lambda: layers.Convolution2D(4, 3, nb_col=2), lambda: layers.Conv2D(4, (3, 2))),
        (lambda: layers.Convolution2D(4, nb_row=3, nb_col=2), lambda: layers.Conv2D(4, (3, 2))),
        (lambda: layers.Convolution3D(4, 1, 2, 3), lambda: layers.Conv3D(4, (1, 2, 3))),
        (
            lambda: layers.Convolution1D(4, 3, input_dim=5, input_length=7),
            lambda: layers.Conv1D(4, 3, input_shape=(7, 5)),
        ),
        (
            lambda: layers.Deconvolution2D(4, 3, 3, output_shape=(None, 4, 9, 9)),
            lambda: layers.Conv2DTranspose(4, (3, 3)),
        ),
        (lambda: layers.Deconvolution2D(4, 3, 3, (None, 4, 9, 9)), lambda: layers.Conv2DTranspose(4, (3, 3))),
        (
            lambda: layers.SeparableConvolution2D(4, 3, 2, init="zero"),
            lambda: layers.SeparableConv2D(4, (3, 2), depthwise_initializer="zeros", pointwise_initializer="zeros"),
        ),
        (lambda: layers.LSTM(2, forget_bias_init="zero"), lambda: layers.LSTM(2, unit_forget_bias=False)),
        (lambda: layers.GRU(2, input_dim=3, input_length=4), lambda: layers.GRU(2, input_shape=(4, 3))),
        (lambda: layers.BatchNormalization(mode=0), lambda: layers.BatchNormalization()),
        (
            lambda: layers.ZeroPadding2D({"top_pad": 1, "right_pad": 2}),
            lambda: layers.ZeroPadding2D(((1, 0), (0, 2))),
        ),
    ],
)
def test_forms_that_changed(old, now):
    with pytest.warns(UserWarning, match="Keras 2 API"):
        made = old()
    assert config_of(made) == config_of(now())


def test_what_is_gone():
    with pytest.raises(TypeError, match="mode=1"):
        layers.BatchNormalization(mode=1)
    with pytest.warns(UserWarning, match="SpatialDropout1D"):
        layers.Embedding(5, 3, dropout=0.2)
    with pytest.raises(ValueError, match="middle"):
        layers.ZeroPadding2D({"middle": 1})


def test_model_from_input_and_output():
    x = layers.Input((3,))
    with pytest.warns(UserWarning, match="inputs="):
        model = models.Model(input=x, output=layers.Dense(2)(x))
    assert model.output_shape == (None, 2)
    with pytest.warns(UserWarning, match="dtype="):
        assert layers.InputLayer(input_shape=(3,), input_dtype="int32").dtype == "int32"


def test_generators_counted_samples():
    model = models.Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")

    class Batches:
        batch_size = 4

        def __iter__(self):
            return self

        def __next__(self):
            return np.ones((4, 2)), np.ones((4, 1))

    with pytest.warns(UserWarning, match="batch size|Keras 2 API"):
        history = model.fit_generator(iter(Batches()), samples_per_epoch=8, nb_epoch=2, verbose=0)
    assert history.epoch == [0, 1] and history.params["steps"] == 2


def test_get_updates_in_the_order_of_keras_1():
    w = K.variable([1.0, 2.0])
    loss = K.sum(K.square(w))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [
            optimizers.SGD(0.1).get_updates(loss, [w]),
            optimizers.SGD(0.1).get_updates([w], {}, loss),
            optimizers.SGD(0.1).get_updates([w], {}, loss=loss),
            optimizers.SGD(0.1).get_updates(loss=loss, params=[w], constraints={}),
        ]
    for updates in found:
        K.set_value(w, [1.0, 2.0])
        K.function([], [], updates=updates)([])
        np.testing.assert_allclose(K.get_value(w), [0.8, 1.6], rtol=1e-6)


def test_add_weight_with_its_shape_first():
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight((input_shape[1],), initializer="ones", name="scale")
            self.shift = self.add_weight((input_shape[1],), "shift")
            super().build(input_shape)

        def call(self, x):
            return x * self.scale + self.shift

    layer = Scale()
    model = models.Sequential([layer])
    model.build((None, 3))
    assert [w.name for w in layer.weights] == [f"{layer.name}/scale:0", f"{layer.name}/shift:0"]
    np.testing.assert_array_equal(layer.get_weights()[0], np.ones(3))


@pytest.mark.parametrize(
    "given, named",
    [
        (optimizers.SGD(0.1, 0.9, 1e-6, True), optimizers.SGD(lr=0.1, momentum=0.9, decay=1e-6, nesterov=True)),
        (optimizers.SGD(0.1, 0.9, 1e-6), optimizers.SGD(0.1, 0.9, decay=1e-6)),
        (optimizers.SGD(0.1, 0.9, True), optimizers.SGD(0.1, 0.9, nesterov=True)),
        (optimizers.RMSprop(0.1, 0.8, None, 1e-6), optimizers.RMSprop(0.1, 0.8, decay=1e-6)),
        (optimizers.Adagrad(0.1, 1e-8), optimizers.Adagrad(0.1, epsilon=1e-8)),
        (optimizers.Adadelta(1.0, 0.9, 1e-8, 0.1), optimizers.Adadelta(1.0, 0.9, epsilon=1e-8, decay=0.1)),
        (optimizers.Adam(0.1, 0.8, 0.9, 1e-8, 0.0, True), optimizers.Adam(0.1, 0.8, 0.9, amsgrad=True, epsilon=1e-8)),
        (optimizers.Adam(0.1, 0.8, 0.9, 1e-8), optimizers.Adam(0.1, 0.8, 0.9, epsilon=1e-8)),
        (optimizers.Adam(0.1, 0.8, 0.9, True), optimizers.Adam(0.1, 0.8, 0.9, amsgrad=True)),
        (optimizers.Nadam(0.1, 0.8, 0.9, 1e-8, 0.1), optimizers.Nadam(0.1, 0.8, 0.9, epsilon=1e-8, schedule_decay=0.1)),
    ],
    ids=lambda made: type(made).__name__,
)
def test_optimizers_in_the_order_of_keras_2_2(given, named):
    assert given.get_config() == named.get_config()


def test_too_many_arguments_of_an_optimizer():
    with pytest.raises(TypeError, match="positional arguments"):
        optimizers.SGD(0.1, 0.9, 0.0, True, 1.0)
