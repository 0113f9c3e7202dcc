"""Batch normalisation behind a convolution is part of it in predictions."""

import numpy as np
import pytest

from keras.layers import (
    Add,
    BatchNormalization,
    Conv1D,
    Conv2D,
    Conv3D,
    DepthwiseConv2D,
    Input,
    MaxPooling2D,
    SeparableConv2D,
)
from keras.models import Model

IMAGE = (6, 6, 3)
CASES = {
    "few weights": (IMAGE, lambda x: Conv2D(4, 3)(x), "conv_normed"),
    "no bias": (IMAGE, lambda x: Conv2D(4, 3, use_bias=False, padding="same")(x), "conv_normed"),
    "many weights": ((3, 3, 3), lambda x: Conv2D(9, 3)(x), "conv_normed"),
    "depthwise": (IMAGE, lambda x: DepthwiseConv2D(3, depth_multiplier=2)(x), "conv_normed"),
    "separable": (IMAGE, lambda x: SeparableConv2D(4, 3)(x), "conv_normed"),
    "one axis": ((9, 3), lambda x: Conv1D(4, 3)(x), "conv_normed"),
    "three axes": ((4, 4, 4, 2), lambda x: Conv3D(3, 2)(x), "conv_normed"),
    "two branches": (IMAGE, lambda x: Add()([Conv2D(3, 1)(x), x]), "normed"),
    "pooled": (IMAGE, lambda x: MaxPooling2D()(Conv2D(3, 1)(x)), "normed"),
    "channels first": (IMAGE, lambda x: Conv2D(6, 3, data_format="channels_first", padding="same")(x), "conv_normed"),
}


@pytest.mark.parametrize("axis", [-1, 1])
@pytest.mark.parametrize("weights", [{}, {"scale": False}, {"center": False}], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_normalisation_in_predictions(name, weights, axis):
    shape, layers, primitive = CASES[name]
    random = np.random.RandomState(3)
    x = Input(shape)
    before = layers(x)
    layer = BatchNormalization(axis=axis, epsilon=0.01, **weights)
    model = Model(x, [layer(before)])
    for each in model.layers:
        each.set_weights([random.uniform(0.5, 2.0, w.shape) for w in each.get_weights()])
    images = random.normal(size=(4, *shape))
    found = model.predict(images)
    by_name = {w.name.split("/")[-1].split(":")[0]: v for w, v in zip(layer.weights, layer.get_weights(), strict=True)}
    y = np.moveaxis(Model(x, before).predict(images), axis, -1)
    wanted = (y - by_name["moving_mean"]) / np.sqrt(by_name["moving_variance"] + 0.01) * by_name.get("gamma", 1.0)
    wanted = np.moveaxis(wanted + by_name.get("beta", 0.0), -1, axis)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    if "center" not in weights:
        assert primitive in [i.primitive for i in model.predict_function.compiled(0)._body]


def test_what_else_reads_a_convolution_gets_it_as_it_is():
    x = Input(IMAGE)
    y = Conv2D(4, 3)(x)
    model = Model(x, [y, BatchNormalization(axis=-1)(y)])
    plain, normed = model.predict(np.ones((2, *IMAGE)))
    np.testing.assert_allclose(normed, plain / np.sqrt(1.001), rtol=1e-5)


def test_evaluation_has_them_too_and_training_does_not():
    x = Input(IMAGE)
    model = Model(x, BatchNormalization()(Conv2D(4, 3)(x)))
    model.compile("sgd", "mse", metrics=["mae"])
    images, targets = np.ones((2, *IMAGE)), np.zeros((2, 4, 4, 4))
    model.train_on_batch(images, targets)
    loss, error = model.test_on_batch(images, targets)
    predicted = model.predict(images)
    np.testing.assert_allclose([loss, error], [np.mean(predicted**2), np.mean(np.abs(predicted))], rtol=1e-5)
    for function, learning, wanted in ((model.test_function, 0, True), (model.train_function, 1, False)):
        assert ("conv_normed" in [i.primitive for i in function.compiled(learning)._body]) == wanted
