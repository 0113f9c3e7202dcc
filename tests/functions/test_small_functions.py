"""Activations, regularizers and constraints against NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from keras import activations, constraints, regularizers
from keras import backend as K
from keras.engine.base_layer import Layer

X = np.array([[-4.0, -2.5, -1.0, -0.25], [0.0, 0.5, 2.4, 6.5]])
_elu = np.where(X > 0, X, np.exp(np.minimum(X, 0)) - 1)
ACTIVATIONS = {
    "elu": _elu,
    "exponential": np.exp(X),
    "hard_sigmoid": np.clip(0.2 * X + 0.5, 0, 1),
    "linear": X,
    "relu": np.maximum(X, 0),
    "selu": 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * (np.exp(np.minimum(X, 0)) - 1)),
    "sigmoid": 1 / (1 + np.exp(-X)),
    "softmax": np.exp(X) / np.exp(X).sum(-1, keepdims=True),
    "softplus": np.log1p(np.exp(X)),
    "softsign": X / (1 + np.abs(X)),
    "tanh": np.tanh(X),
}


def test_activations():
    x = K.placeholder((None, 4))
    outputs = [activations.get(name)(x) for name in ACTIVATIONS]
    values = K.function([x], outputs)([X])
    for name, value in zip(ACTIVATIONS, values, strict=True):
        np.testing.assert_allclose(value, ACTIVATIONS[name], rtol=2e-6, atol=1e-6, err_msg=name)
    assert all(K.int_shape(y) == (None, 4) for y in outputs)


def test_activation_arguments():
    x = K.constant(X)
    np.testing.assert_allclose(K.eval(activations.elu(x, alpha=2.0)), np.where(X > 0, X, 2 * _elu), rtol=1e-6)
    expected = np.where(X >= 6, 6, np.where(X >= 1, X, 0.1 * (X - 1)))
    value = K.eval(activations.relu(x, alpha=0.1, max_value=6.0, threshold=1.0))
    np.testing.assert_allclose(value, expected, rtol=1e-6)
    expected = np.exp(X) / np.exp(X).sum(0)
    np.testing.assert_allclose(K.eval(activations.softmax(x, axis=0)), expected, rtol=1e-5)
    with pytest.raises(ValueError, match="1D"):
        activations.softmax(K.constant([1.0, 2.0]))


def test_layer_as_activation_warns():
    layer = Layer()
    with pytest.warns(UserWarning, match="layer instance"):
        assert activations.get(layer) is layer


def test_regularizers():
    x = K.constant(X)
    for regularizer, expected in [
        (regularizers.l1(0.1), 0.1 * np.abs(X).sum()),
        (regularizers.l2(0.1), 0.1 * (X**2).sum()),
        (regularizers.l1_l2(0.1, 0.2), 0.1 * np.abs(X).sum() + 0.2 * (X**2).sum()),
        (regularizers.L1L2(), 0.0),
        (regularizers.get("l2"), 0.01 * (X**2).sum()),
    ]:
        np.testing.assert_allclose(K.eval(regularizer(x)), expected, rtol=1e-6)


def _norms(w, axis):
    return np.sqrt((w**2).sum(axis=axis, keepdims=True))


def _rescale(w, axis, wanted):
    norms = _norms(w, axis)
    return w * wanted(norms) / (1e-7 + norms)


CONSTRAINTS = [
    (constraints.MaxNorm(1.5), lambda w: _rescale(w, 0, lambda n: np.minimum(n, 1.5))),
    (constraints.MaxNorm(1.5, axis=1), lambda w: _rescale(w, 1, lambda n: np.minimum(n, 1.5))),
    (constraints.NonNeg(), lambda w: np.maximum(w, 0)),
    (constraints.UnitNorm(axis=[0, 1]), lambda w: _rescale(w, (0, 1), np.ones_like)),
    (constraints.MinMaxNorm(0.5, 1.0, axis=1), lambda w: _rescale(w, 1, lambda n: np.clip(n, 0.5, 1.0))),
    (
        constraints.MinMaxNorm(0.5, 1.0, rate=0.25),
        lambda w: _rescale(w, 0, lambda n: 0.25 * np.clip(n, 0.5, 1.0) + 0.75 * n),
    ),
]


@pytest.fixture(scope="module")
def constrained():
    """One program for all constraints, applied once and twice."""
    w = K.placeholder((4, 3))
    once = [c(w) for c, _ in CONSTRAINTS]
    return K.function([w], once + [c(y) for (c, _), y in zip(CONSTRAINTS, once, strict=True)])


values = st.floats(-10, 10, width=32).filter(lambda v: v == 0 or abs(v) > 1e-2)


@settings(max_examples=25, deadline=None)
@given(hnp.arrays(np.float32, (4, 3), elements=values))
def test_constraints(constrained, w):
    results = constrained([w])
    n = len(CONSTRAINTS)
    for i, (constraint, reference) in enumerate(CONSTRAINTS):
        np.testing.assert_allclose(results[i], reference(w.astype("float64")), rtol=1e-5, atol=1e-5)
        if getattr(constraint, "rate", 1) == 1:
            np.testing.assert_allclose(results[n + i], results[i], rtol=1e-4, atol=1e-5)
