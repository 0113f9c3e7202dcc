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
