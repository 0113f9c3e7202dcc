"""Products of one array with several narrow matrices are one product, with the same numbers."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Input, add
from keras.models import Model

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


@pytest.fixture
def products(monkeypatch):
    """How many products of two arrays each function compiled since then has."""
    from keras.runtimes.jax import siblings, table

    monkeypatch.setattr(siblings, "_ROWS", 4)
    done = []
    multiply = table.TABLE["dot_general"]
    monkeypatch.setitem(table.TABLE, "dot_general", lambda *a, **how: done.append(1) or multiply(*a, **how))
    return done


def drawn(*shapes):
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype("float32") for shape in shapes]


def close(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("shape", [(8, 5), (2, 3, 5)])
def test_products_and_their_gradients(products, shape):
    arrays = drawn(shape, (5, 3), (5, 2), (5, 3))
    inputs = [K.placeholder(a.shape) for a in arrays]
    results = [K.dot(inputs[0], matrix) for matrix in inputs[1:]]
    loss = sum(K.sum(K.square(result)) for result in results)
    found = K.function(inputs, [*results, *K.gradients(loss, inputs)])(arrays)

    x, *matrices = (a.astype("float64") for a in arrays)
    rows = x.reshape(-1, 5)
    for matrix, result, gradient in zip(matrices, found[:3], found[4:], strict=True):
        close(result, x @ matrix)
        close(gradient, 2 * rows.T @ rows @ matrix)
    close(found[3], 2 * sum(x @ matrix @ matrix.T for matrix in matrices))
    assert len(products) == 1


def test_gradients_of_gradients(products):
    arrays = drawn((6, 4), (4, 3), (4, 2))
    x, *matrices = (K.placeholder(a.shape) for a in arrays)
    loss = sum(K.sum(K.square(K.dot(x, matrix))) for matrix in matrices)
    (gradient,) = K.gradients(loss, [x])
    (second,) = K.gradients(K.sum(K.square(gradient)), [x])
    (found,) = K.function([x, *matrices], [second])(arrays)
    square = sum(m.astype("float64") @ m.T for m in arrays[1:])
    close(found, 8 * arrays[0] @ square @ square)


def test_parts_of_one_matrix(products):
    arrays = drawn((6, 4), (4, 6))
    x, matrix = inputs = [K.placeholder(a.shape) for a in arrays]
    parts = [matrix[:, 2 * i : 2 * i + 2] for i in range(3)]
    found = K.function(inputs, [*parts, K.concatenate([K.dot(x, part) for part in parts])])(arrays)[-1]
    close(found, arrays[0].astype("float64") @ arrays[1])
    assert len(products) == 1


def test_a_matrix_made_of_the_product_before_is_no_sibling(products):
    arrays = drawn((5, 5), (5, 5))
    x, matrix = (K.placeholder(a.shape) for a in arrays)
    first = K.dot(x, matrix)
    second = K.dot(x, first)
    for result, wanted in zip(K.function([x, matrix], [first, second])(arrays), (1, 2), strict=True):
        close(result, np.linalg.matrix_power(arrays[0].astype("float64"), wanted) @ arrays[1])
    assert len(products) == 2


def test_a_matrix_made_where_a_gradient_is_taken(products):
    """It comes later than a product of its sibling-to-be that the gradient's loss needs."""
    arrays = drawn((6, 4), (4, 3), (4, 3))
    x, one, other = inputs = [K.placeholder(a.shape) for a in arrays]
    first = K.dot(x, one)
    made = other * K.sum(first)
    (gradient,) = K.gradients(K.sum(K.square(made)), [other])
    found = K.function(inputs, [first, gradient, K.dot(x, made)])(arrays)
    a, b, c = (array.astype("float64") for array in arrays)
    total = (a @ b).sum()
    for ours, theirs in zip(found, (a @ b, 2 * c * total**2, a @ c * total), strict=True):
        close(ours, theirs)


@pytest.mark.parametrize(
    "shapes",
    [
        pytest.param([(3, 5), (5, 2), (5, 2)], id="few rows"),
        pytest.param([(8, 5), (5, 65), (5, 2)], id="a wide matrix"),
        pytest.param([(8, 5), (2, 5, 2), (3, 5, 2)], id="three axes"),
    ],
)
def test_others_are_multiplied_one_by_one(products, shapes):
    arrays = drawn(*shapes)
    inputs = [K.placeholder(a.shape) for a in arrays]
    results = K.function(inputs, [K.dot(inputs[0], matrix) for matrix in inputs[1:]])(arrays)
    for result, array in zip(results, arrays[1:], strict=True):
        close(result, np.tensordot(arrays[0].astype("float64"), array, (1, array.ndim - 2)))
    assert len(products) == 2


def test_types_that_differ(products):
    x, one, other = K.placeholder((6, 3)), K.placeholder((3, 2)), K.placeholder((3, 2), dtype="float64")
    results = K.function([x, one, other], [K.dot(x, one), K.dot(x, other)])([np.ones((6, 3)), *[np.ones((3, 2))] * 2])
    assert [r.dtype.name for r in results] == ["float32", "float64"] and all((r == 3).all() for r in results)


def test_training_gives_the_same_weights(monkeypatch, products):
    from keras.runtimes.jax import siblings

    x, y = drawn((32, 6, 4), (32, 6, 3))

    def trained(columns):
        monkeypatch.setattr(siblings, "_COLUMNS", columns)
        inputs = Input((6, 4))
        heads = [Dense(3, activation=name)(inputs) for name in ("tanh", "relu", "linear", "sigmoid")]
        model = Model(inputs, Dense(3)(add(heads)))
        model.set_weights(drawn(*(w.shape for w in model.get_weights())))
        model.compile("rmsprop", "mse")
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        return [*model.get_weights(), model.predict(x)]

    for ours, theirs in zip(trained(64), trained(0), strict=True):
        close(ours, theirs)
