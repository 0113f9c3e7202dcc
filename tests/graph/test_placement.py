"""Device scopes in the graph; what runtimes make of them is tested with them."""

import numpy as np

from keras import backend as K
from keras.graph import placement


def test_operations_and_variables_carry_the_device():
    x = K.placeholder((2,))
    with placement.device_scope("/gpu:1"):
        y, v = K.exp(x), K.variable(1.0)
        with placement.device_scope(""):
            assert K.exp(x).device == ""
    assert y.device == y.op.device == v.device == "/gpu:1" and x.device == K.exp(x).device == ""


def test_copies_stay_where_the_original_is():
    v = K.variable(2.0)
    with placement.device_scope("/gpu:1"):
        y = v * 3.0
    after = K.after_updates(y, [K.update(v, 5.0 * v)])
    assert after.device == "/gpu:1" and K.eval(after) == 30


def test_k_has_a_scope_on_every_runtime():
    x = K.placeholder((2,))
    with K.device_scope("/cpu:0"):
        y = K.square(x) + 1
    assert "cpu:0" in y.device.lower() and K.square(x).device == ""
    np.testing.assert_array_equal(K.function([x], [y])([np.array([1, 2])])[0], [2, 5])


def test_equal_operations_in_different_scopes_are_not_merged():
    x = K.placeholder((2,))
    with placement.device_scope("/gpu:1"):
        y = K.exp(x)
    f = K.function([x], [K.exp(x) + K.exp(x) + y])
    f([np.zeros(2)])
    assert sum(i.primitive == "exp" for i in f.compiled(0).program.block.instructions) == 2
