"""Batch normalisation by PyTorch's kernels: the numbers and gradients of the formula written out."""

import numpy as np
import pytest
import torch

import keras
from keras import backend as K
from keras.runtimes.torch import normalization

SHAPES = [
    ((2, 4, 5, 3), (0, 1, 2)),  # channels last
    ((2, 3, 4, 5), (0, 2, 3)),  # channels first
    ((4, 6, 3), (0, 1)),
    ((8, 3), (0,)),
    ((4, 2, 3), (0,)),  # no kernel for this
    ((1, 3), (0,)),  # nor for a single number of each channel
]


@pytest.fixture(autouse=True)
def kernels_for_small_arrays(monkeypatch):
    monkeypatch.setattr(normalization, "SMALLEST", 0)


def values(shape, axes, dtype=torch.float64):
    """x, gamma and beta, to differentiate by."""
    random = np.random.RandomState(0)
    kept = [n for axis, n in enumerate(shape) if axis not in axes]
    arrays = [random.normal(size=shape) + 2, random.uniform(0.5, 1.5, kept), random.normal(size=kept)]
    return [torch.tensor(a, dtype=dtype, requires_grad=True) for a in arrays]


def weighted(results):
    """A number that depends on every element of the results."""
    return sum((r * r * torch.sin(torch.arange(r.numel(), dtype=r.dtype)).view(r.shape)).sum() for r in results)


def orders(function, axes, given):
    """The results, the gradients, those of the gradients, and theirs."""
    found = list(function(*given, axes, 1e-3))
    total = weighted(found)
    plain = torch.autograd.grad(total, given, retain_graph=True)
    for _ in range(3):
        gradients = torch.autograd.grad(total, given, create_graph=True)
        found += gradients
        total = sum((g * g).sum() for g in gradients)
    return [*found, *plain]


@pytest.mark.parametrize("shape, axes", SHAPES)
def test_results_and_gradients_of_three_orders(shape, axes):
    given = values(shape, axes)
    wanted = orders(normalization._written_out, axes, given)
    found = orders(normalization.batch_normalization_training, axes, given)
    for f, w in zip(found, wanted, strict=True):
        torch.testing.assert_close(f, w, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("place", range(3))
def test_each_result_has_its_gradient(place):
    given = values((2, 3, 4, 3), (0, 1, 2))
    both = [
        torch.autograd.grad(weighted([function(*given, (0, 1, 2), 1e-3)[place]]), given, materialize_grads=True,
                            allow_unused=True)
        for function in (normalization._written_out, normalization.batch_normalization_training)
    ]  # fmt: skip
    for w, f in zip(*both, strict=True):
        torch.testing.assert_close(f, w, rtol=1e-9, atol=1e-10)


def test_gradients_of_any_memory_order():
    x, gamma, beta = values((2, 4, 5, 3), (0, 1, 2))
    (normed, _, _) = normalization.batch_normalization_training(x, gamma, beta, (0, 1, 2), 1e-3)
    by = torch.rand((2, 3, 5, 4), dtype=torch.float64).permute(0, 3, 2, 1)
    found = torch.autograd.grad(normed, x, by, retain_graph=True)
    torch.testing.assert_close(found, torch.autograd.grad(normed, x, by.contiguous()))


def test_channels_without_variation_have_a_variance_of_zero():
    x = torch.full((2, 4, 4, 3), 1.5)
    _, mean, variance = normalization.batch_normalization_training(x, torch.ones(3), torch.zeros(3), (0, 1, 2), 1e-3)
    assert mean.tolist() == [1.5] * 3
    assert variance.tolist() == [0.0] * 3


def test_one_number_for_all_channels_and_half_precision():
    x = torch.rand((4, 3))
    one = torch.tensor(2.0, requires_grad=True)
    normed, _, _ = normalization.batch_normalization_training(x, one, torch.tensor(1.0), (0,), 1e-3)
    assert torch.autograd.grad(normed.square().sum(), one)[0].shape == ()
    halves = [t.detach().to(torch.bfloat16) for t in values((4, 3), (0,))]
    assert {r.dtype for r in normalization.batch_normalization_training(*halves, (0,), 1e-3)} == {torch.bfloat16}


def trained(axis):
    """Weights after training a small net with the layer."""
    np.random.seed(1)
    x = np.random.RandomState(2).normal(size=(16, 4, 4, 4)).astype("float32")
    model = keras.models.Sequential([
        keras.layers.Conv2D(4, 1, input_shape=(4, 4, 4)), keras.layers.BatchNormalization(axis=axis),
        keras.layers.Activation("relu"), keras.layers.Flatten(), keras.layers.Dense(1),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    model.fit(x, x[:, 0, 0, :1], batch_size=8, epochs=2, verbose=0)
    K.clear_session()
    return model.get_weights()


@pytest.mark.parametrize("axis", [-1, 1])
def test_training_the_layer(axis, monkeypatch):
    found = trained(axis)
    monkeypatch.setattr(normalization, "SMALLEST", 10**9)
    for f, w in zip(found, trained(axis), strict=True):
        np.testing.assert_allclose(f, w, rtol=1e-4, atol=1e-6)
