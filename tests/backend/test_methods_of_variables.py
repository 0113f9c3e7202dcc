"""Methods that variables had on Keras 2's engines: TensorFlow 1's and Theano's."""

import numpy as np
import pytest

from keras import backend as K


def test_numbers_are_set_at_once():
    v = K.variable([1.0, 2.0])
    v.load([3, 4], K.get_session())
    assert v.get_value().tolist() == [3, 4]
    v.set_value(v.get_value(borrow=True) * 2, borrow=True)
    assert K.eval(v.value()).tolist() == K.eval(v.read_value()).tolist() == [6, 8]
    assert K.get_session().run(v.assign([0, 1])).tolist() == [0, 1] == K.get_value(v).tolist()
    add, subtract = v.assign_add([1, 1]), v.assign_sub([1, 2])  # operations, whose time comes when they are run
    found = [K.get_session().run(step).tolist() for step in (add, add, subtract)]
    assert found == [[1, 2], [2, 3], [1, 1]] and K.get_value(v).tolist() == [1, 1]
    with pytest.raises(ValueError, match="has shape"):
        v.assign([1, 2, 3])


def test_a_tensor_is_assigned_whenever_the_update_runs():
    """The weights of a network that follows another, as in reinforcement learning."""
    source, target = K.variable([1.0, 1.0]), K.variable([0.0, 0.0])
    follow = [target.assign(0.5 * source + 0.5 * target)]
    assert K.get_value(target).tolist() == [0, 0]
    for value in (0.5, 0.75):
        (found,) = K.get_session().run(follow)
        assert found.tolist() == K.get_value(target).tolist() == [value, value]
    K.set_value(source, [0, 2])
    K.function([], [], updates=follow)([])
    np.testing.assert_array_equal(K.get_value(target), [0.375, 1.375])
