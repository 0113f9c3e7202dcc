"""Engines may write results over values that are not needed any more; views of those must not change."""

import numpy as np
import pytest

from keras import backend as K


@pytest.mark.parametrize("view", [
    lambda y: K.reshape(y, (6,)), lambda y: K.transpose(y), lambda y: y[:, 1:], lambda y: K.expand_dims(y, 0),
    lambda y: K.flatten(y), lambda y: K.sum(y, axis=()), lambda y: K.cast(y, "float32"),
])  # fmt: skip
def test_a_view_outlives_what_it_looks_at(view):
    x = K.placeholder((2, 3))
    y = x + 1.0
    seen = view(y)
    later = K.square(y * 2.0)  # the last use of y
    data = np.arange(6, dtype="float32").reshape(2, 3)
    first, second = K.function([x], [seen * 1.0, later])([data])
    np.testing.assert_array_equal(second, np.square((data + 1) * 2))
    np.testing.assert_array_equal(np.sort(np.ravel(first)), np.sort(np.ravel(K.eval(view(K.constant(data + 1))))))


def test_inputs_and_variables_are_left_alone():
    v = K.variable(np.ones((2, 2)))
    x = K.placeholder((2, 2))
    data = np.full((2, 2), 3.0, "float32")
    function = K.function([x], [(x * 2.0 + v) / v], updates=[(v, v * 2.0 + x)])
    np.testing.assert_array_equal(function([data])[0], np.full((2, 2), 7.0))
    np.testing.assert_array_equal(data, np.full((2, 2), 3.0))
    np.testing.assert_array_equal(K.get_value(v), np.full((2, 2), 5.0))


@pytest.mark.parametrize("shapes", [[(2, 3), (2, 3)], [(), (2, 3)], [(2, 3), ()], [(3,), (2, 3)], [(1,), (2, 3)]])
@pytest.mark.parametrize("kinds", [["float32", "float32"], ["float32", "float64"], ["int32", "float32"]])
def test_arithmetic_of_variables_that_are_alike_or_not(shapes, kinds):
    values = [np.arange(1, 1 + np.prod(s), dtype=kind).reshape(s) for s, kind in zip(shapes, kinds)]
    a, b = (K.variable(value, dtype=kind) for value, kind in zip(values, kinds))
    mean = K.sqrt(K.maximum((a + a) * (b - 0.5 * b), 0.0))  # each may be written where the one before lies
    gradient = K.gradients(K.sum(K.square(b)), b)[0]
    new = b - gradient * 0.25 / (K.square(K.cast(mean, kinds[1])) + 1.0)
    (result,) = K.function([], [mean], updates=[K.update(b, new)] if shapes[1] else [])([])
    x, y = (v.astype("float64") for v in values)
    np.testing.assert_allclose(result, np.sqrt(2 * x * (y / 2)), rtol=1e-6)
    np.testing.assert_array_equal(K.get_value(a), values[0])
    np.testing.assert_allclose(K.get_value(b), y - 2 * y / 4 / (x * y + 1) if shapes[1] else y, rtol=1e-6)
