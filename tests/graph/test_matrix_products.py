"""The operator `@` between symbolic tensors."""

import numpy as np
import pytest

from keras import backend as K

SHAPES = [
    ((2, 3), (3, 4)), ((3,), (3, 4)), ((2, 3), (3,)), ((3,), (3,)), ((5, 2, 3), (3, 4)), ((5, 2, 3), (3,)),
    ((3,), (5, 3, 4)), ((5, 2, 3), (5, 3, 4)), ((2, 3), (5, 3, 4)), ((6, 5, 2, 3), (6, 5, 3, 4)),
    ((6, 5, 2, 3), (5, 3, 4)), ((6, 1, 2, 3), (5, 3, 4)), ((1, 5, 2, 3), (6, 1, 3, 4)), ((1, 2, 3), (1, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_as_in_numpy(left, right):
    a, b = np.random.rand(*left), np.random.rand(*right)
    x, y = K.placeholder(left), K.placeholder(right)
    product = x @ y
    assert K.int_shape(product) == (a @ b).shape
    np.testing.assert_allclose(K.function([x, y], [product])([a, b])[0], a @ b, rtol=1e-5)


def test_unknown_sizes_are_taken_to_be_alike():
    x, y = K.placeholder((None, 4, None, 3)), K.placeholder((None, None, 3, 2))
    a, b = np.random.rand(5, 4, 6, 3), np.random.rand(5, 4, 3, 2)
    assert K.int_shape(x @ y) == (None, 4, None, 2)
    np.testing.assert_allclose(K.function([x, y], [x @ y])([a, b])[0], a @ b, rtol=1e-5)


def test_attention_for_each_sample():
    query = K.placeholder((None, 4, 3))
    key = K.permute_dimensions(query, (0, 2, 1))
    a = np.random.rand(2, 4, 3)
    found = K.function([query], [K.softmax(query @ key) @ query, np.ones((4, 4)) @ query])([a])
    e = np.exp(a @ a.transpose(0, 2, 1))
    np.testing.assert_allclose(found[0], (e / e.sum(-1, keepdims=True)) @ a, rtol=1e-5)
    np.testing.assert_allclose(found[1], np.ones((4, 4)) @ a, rtol=1e-5)


def test_sizes_that_do_not_fit():
    with pytest.raises(ValueError, match="one size, got 5 and 6"):
        K.placeholder((5, 2, 3)) @ K.placeholder((6, 3, 2))
