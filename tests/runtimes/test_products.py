"""Products with narrow matrices, whose gradients are computed turned, give the same numbers."""

import numpy as np
import pytest

from keras import backend as K

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


@pytest.fixture
def turned(monkeypatch):
    """For each product of a function compiled since then, whether its gradient is turned; not if it is JAX's own."""
    from keras.runtimes.jax import products

    said, is_narrow = [], products._is_narrow
    monkeypatch.setattr(products, "_WORTH", 1)
    monkeypatch.setattr(products, "_is_narrow", lambda x, y: said.append(is_narrow(x, y)) or said[-1])
    return said


def drawn(*shapes):
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize(
    "rows, n, columns, expected",
    [
        pytest.param((24,), 24, 6, [True], id="narrow"),
        pytest.param((2, 12), 24, 2, [True], id="of three axes"),
        pytest.param((24,), 24, 7, [False], id="wide"),
        pytest.param((3,), 24, 6, [False], id="few rows"),
        pytest.param((24,), 24, 1, [False], id="one column"),
        pytest.param((6,), 0, 4, [], id="nothing to add up"),
    ],
)
def test_gradients(turned, rows, n, columns, expected):
    arrays = drawn((*rows, n), (n, columns))
    x, y = inputs = [K.placeholder(a.shape) for a in arrays]
    result = K.dot(x, y)
    found = K.function(inputs, [result, *K.gradients(K.sum(K.square(result)), inputs)])(arrays)
    a, b = (array.astype("float64") for array in arrays)
    flat = a.reshape(-1, n) if n else np.zeros((6, 0))
    for ours, theirs in zip(found, (a @ b, 2 * a @ b @ b.T, 2 * flat.T @ flat @ b), strict=True):
        assert ours.shape == theirs.shape
        if n:
            close(ours, theirs)
    assert turned == expected


@pytest.mark.parametrize("axes", [(2, 1), (2, 2), (1, 1), (1, 2)])
@pytest.mark.parametrize("n, columns, expected", [(24, 6, True), (4, 8, True), (5, 4, False)])
def test_gradients_in_batches(turned, axes, n, columns, expected):
    arrays = drawn((3, 24, n), (3, n, columns))
    turns = [axes[0] == 1, axes[1] == 2]
    given = [np.swapaxes(a, 1, 2) if turn else a for a, turn in zip(arrays, turns, strict=True)]
    inputs = [K.placeholder(a.shape) for a in given]
    result = K.batch_dot(*inputs, axes=axes)
    found = K.function(inputs, [result, *K.gradients(K.sum(K.square(result)), inputs)])(given)
    a, b = (array.astype("float64") for array in arrays)
    by_a, by_b = 2 * a @ b @ np.swapaxes(b, 1, 2), 2 * np.swapaxes(a, 1, 2) @ a @ b
    close(found[0], a @ b)
    for ours, theirs, turn in zip(found[1:], (by_a, by_b), turns, strict=True):
        close(ours, np.swapaxes(theirs, 1, 2) if turn else theirs)
    assert turned == [expected]


def test_gradients_of_gradients(turned):
    arrays = drawn((24, 24), (24, 3))
    x, y = inputs = [K.placeholder(a.shape) for a in arrays]
    (gradient,) = K.gradients(K.sum(K.square(K.dot(x, y))), [y])
    found = K.function(inputs, K.gradients(K.sum(K.square(gradient)), [y]))(arrays)
    square = arrays[0].T.astype("float64") @ arrays[0]
    close(found[0], 8 * square @ square @ arrays[1])
    assert turned == [True]


def test_small_products_stay_as_they_are(turned, monkeypatch):
    from keras.runtimes.jax import products

    monkeypatch.setattr(products, "_WORTH", 6 * 8 * 4 + 1)
    x, y = (K.placeholder(shape) for shape in [(6, 8), (8, 4)])
    K.function([x, y], K.gradients(K.sum(K.dot(x, y)), [x, y]))(drawn((6, 8), (8, 4)))
    assert not turned


def test_other_types_stay_as_they_are(turned):
    x, y = (K.placeholder(shape, dtype="float64") for shape in [(6, 8), (8, 4)])
    (result,) = K.function([x, y], K.gradients(K.sum(K.dot(x, y)), [y]))([np.ones((6, 8)), np.ones((8, 4))])
    assert not turned and result.dtype == "float64" and (result == 6).all()


def test_infinite_gradients_stay_where_they_are(turned):
    """The gradient by the right matrix waits for that by the left one, but takes nothing of its numbers."""
    arrays = drawn((6, 8), (8, 5))
    arrays[1][0, 0] = np.nan
    x, y = inputs = [K.placeholder(a.shape) for a in arrays]
    by_x, by_y = K.function(inputs, K.gradients(K.sum(K.dot(x, y)), inputs))(arrays)
    assert np.isnan(by_x[0, 0]) and np.isfinite(by_y).all()
