"""Kernels in PyTorch's order: kept for the next call, never out of date."""

import numpy as np
import pytest
import torch

import keras
from keras import backend as K
from keras.runtimes.torch import convolution
from keras.wrappers.pytorch import as_module

X = np.random.RandomState(0).normal(size=(4, 6, 6, 3)).astype("float32")


@pytest.fixture
def model():
    model = keras.models.Sequential([
        keras.layers.Conv2D(4, 3, padding="same", input_shape=(6, 6, 3)), keras.layers.Conv2DTranspose(2, 3),
        keras.layers.Flatten(), keras.layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    return model


def fresh(model):
    """What a new model with these weights predicts."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return copy.predict(X)


def test_predictions_follow_the_weights(model):
    before = model.predict(X)
    np.testing.assert_array_equal(model.predict(X), before)
    model.set_weights([w * 0.5 for w in model.get_weights()])
    np.testing.assert_allclose(model.predict(X), fresh(model), rtol=1e-6)
    model.fit(X, np.ones((4, 1)), verbose=0)
    np.testing.assert_allclose(model.predict(X), fresh(model), rtol=1e-6)
    assert not np.allclose(model.predict(X), before)


def test_kernels_are_kept_beside_the_variables_value(model):
    model.predict(X)
    storage = model.layers[0].kernel.storage
    *_, kept = getattr(storage, convolution._KEPT)
    assert kept.shape == (4, 3, 3, 3)
    assert kept.is_contiguous(memory_format=torch.channels_last)
    model.predict(X)
    assert getattr(storage, convolution._KEPT)[-1] is kept
    with torch.no_grad():
        storage.mul_(2)  # by somebody who got hold of it
    np.testing.assert_allclose(model.predict(X), fresh(model), rtol=1e-6)


def test_a_modules_parameters_are_read_anew(model):
    for layer in model.layers:
        layer.trainable = False
    module = as_module(model)
    before = module(torch.tensor(X))
    for parameter in module.parameters():
        parameter.data.mul_(0.5)
    model.set_weights([w * 0.5 for w in model.get_weights()])
    np.testing.assert_allclose(module(torch.tensor(X)), fresh(model), rtol=1e-6)
    assert module.double()(torch.tensor(X).double()).shape == before.shape


def test_gradients_lie_as_the_kernels_do():
    kernel = torch.rand((3, 3, 2, 5), dtype=torch.float64, requires_grad=True)
    x = torch.rand((2, 6, 6, 2), dtype=torch.float64)
    y = convolution.conv(x, kernel, (1, 1), "same", (1, 1), True)
    (found,) = torch.autograd.grad(y.square().sum(), kernel, create_graph=True)
    assert found.is_contiguous()
    assert torch.autograd.gradcheck(
        lambda k: convolution.conv(x, k, (1, 1), "same", (1, 1), True), kernel, check_batched_grad=False
    )
    assert torch.autograd.gradgradcheck(lambda k: convolution.conv(x, k, (1, 1), "same", (1, 1), True) ** 2, kernel)


def test_one_program_trains_with_both_orders_of_axes():
    """Channels first keep their order: nothing is turned into channels last."""
    x = K.placeholder((2, 3, 5, 5))
    kernel = K.variable(np.random.RandomState(1).normal(size=(3, 3, 3, 4)))
    first = K.conv2d(x, kernel, data_format="channels_first")
    last = K.permute_dimensions(K.conv2d(K.permute_dimensions(x, (0, 2, 3, 1)), kernel), (0, 3, 1, 2))
    gradients = [K.gradients(K.sum(K.square(y)), kernel)[0] for y in (first, last)]
    values = K.function([x], [first, last, *gradients])([np.random.RandomState(2).normal(size=(2, 3, 5, 5))])
    np.testing.assert_allclose(values[0], values[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(values[2], values[3], rtol=1e-4, atol=1e-4)
