"""Copies of a piece of the graph on other tensors."""

import numpy as np

from keras import backend as K
from keras.graph.substitution import substitute

X = np.arange(6, dtype="float32").reshape(2, 3)


def value(outputs, inputs, arrays):
    return K.function(inputs, outputs)(arrays)


def test_what_depends_is_copied_and_the_rest_stays():
    a, b = K.placeholder((None, 3)), K.placeholder((None, 3))
    fixed = K.square(b)
    y = K.exp(a) + fixed
    (copied, same) = substitute([y, fixed], {a: b})
    assert same is fixed and copied is not y
    np.testing.assert_allclose(value([copied], [b], [X])[0], np.exp(X) + X**2, rtol=1e-6)


def test_shapes_are_inferred_anew():
    a, b = K.placeholder((None, 3)), K.placeholder((4, 5))
    (copied,) = substitute([K.concatenate([a, a * 2])], {a: b})
    assert K.int_shape(copied) == (4, 10)


def test_one_copy_for_several_outputs():
    a, b = K.placeholder((3,)), K.placeholder((3,))
    shared = K.tanh(a)
    first, second = substitute([shared + 1, shared * 2], {a: b})
    assert first.made_by.inputs[0] is second.made_by.inputs[0]


def test_a_loop_reads_the_new_tensors():
    """Also inside its body, where the old ones were captured."""
    x, scale = K.placeholder((2, 3)), K.placeholder(())
    y = K.map_fn(lambda row: K.sum(row) * scale, x)
    longer, other = K.placeholder((4, 3)), K.placeholder(())
    (copied,) = substitute([y], {x: longer, scale: other})
    assert K.int_shape(copied) == (4,)
    rows = np.concatenate([X, X])
    np.testing.assert_allclose(value([copied], [longer, other], [rows, 3.0])[0], rows.sum(1) * 3)
    found = value([y, substitute([y], {scale: other})[0]], [x, scale, other], [X, 1.0, 2.0])
    np.testing.assert_allclose(found, [X.sum(1), 2 * X.sum(1)])


def test_a_branch_reads_the_new_tensors():
    x, other = K.placeholder((3,)), K.placeholder((3,))
    y = K.switch(K.sum(x) > 0, lambda: x * 2, lambda: x - 1)
    (copied,) = substitute([y], {x: other})
    for array in ([1, 2, 3], [-1, -2, -3]):
        array = np.asarray(array, "float32")
        np.testing.assert_array_equal(
            value([copied], [other], [array])[0], array * 2 if array.sum() > 0 else array - 1
        )


def test_random_numbers_in_a_loop_differ_from_turn_to_turn():
    x, other = K.placeholder((4, 3)), K.placeholder((4, 3))
    y = K.map_fn(lambda row: K.random_uniform((2,)) + 0 * K.sum(row), x)
    (copied,) = substitute([y], {x: other})
    found = value([copied], [other], [np.zeros((4, 3))])[0]
    assert len(np.unique(found)) == 8
