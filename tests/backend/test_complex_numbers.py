"""Complex numbers in placeholders, variables and constants, as Keras 2 had them on TensorFlow."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from keras import backend as K

NAMES = ["complex64", "complex128"]
REAL = K.backend() == "torch"  # where Keras tensors are real
Z = (np.arange(6).reshape(2, 3) + 1) * (1 + 2j)
on_complex_engines = pytest.mark.skipif(REAL, reason="Keras tensors are real on PyTorch")


@on_complex_engines
@pytest.mark.parametrize("dtype", NAMES)
def test_placeholders(dtype):
    x = K.placeholder((None, 3), dtype=dtype)
    outputs = [x * 2 + 1, K.abs(x), K.sum(x, axis=-1), K.reshape(x, (-1,)), K.dot(x, K.transpose(x))]
    assert [K.dtype(y)[:5] for y in outputs] == ["compl", "float", "compl", "compl", "compl"]
    found = K.function([x], outputs)([Z])
    for have, want in zip(found, [Z * 2 + 1, abs(Z), Z.sum(-1), Z.ravel(), Z @ Z.T], strict=True):
        assert_allclose(have, want, rtol=1e-5)
    assert found[0].dtype == dtype


@on_complex_engines
@pytest.mark.parametrize("dtype", NAMES)
def test_variables(dtype):
    w = K.variable(Z, dtype=dtype)
    x = K.placeholder((2, 3), dtype=dtype)
    found = K.function([x], [w * x], updates=[(w, w + x)])([Z])[0]
    assert_allclose(found, Z * Z, rtol=1e-6)
    assert_allclose(K.get_value(w), 2 * Z, rtol=1e-6)
    K.set_value(w, Z * 1j)
    assert_allclose(K.eval(w), Z * 1j)
    assert K.get_value(w).dtype == dtype and K.eval(K.zeros((2,), dtype)).dtype == dtype


@on_complex_engines
def test_casts():
    x = K.placeholder((2, 3))
    turned = K.cast(x, "complex64") * K.constant(1 + 2j, dtype="complex64")
    found = K.function([x], [turned, K.cast(turned, "float32"), K.cast(turned, "bool")])([Z.real])
    for have, want in zip(found, [Z, Z.real, Z != 0], strict=True):
        assert_allclose(have, want, rtol=1e-6)


@on_complex_engines
@pytest.mark.skipif(K.backend() == "numpy", reason="the NumPy runtime has no gradients")
def test_gradients_point_where_a_real_number_grows():
    x = K.placeholder((2, 3), dtype="complex64")
    slope = K.function([x], K.gradients(K.sum(K.abs(x)), [x]))([Z])[0]
    assert_allclose(slope, Z / abs(Z), rtol=1e-5)


def test_a_real_placeholder_refuses_complex_numbers():
    x = K.placeholder((2, 3))
    with pytest.raises(ValueError, match="complex.*float32.*real"):
        K.function([x], [x * 2])([Z])


@pytest.mark.skipif(not REAL, reason="Keras tensors are complex too")
def test_engines_with_real_tensors_say_so():
    x = K.placeholder((2, 3), dtype="complex64")
    w = K.variable(Z, dtype="complex64")
    with pytest.raises(TypeError, match="complex64.*K.native"):
        K.function([x], [x * 2])([Z])
    with pytest.raises(TypeError, match="complex64.*K.native"):
        K.function([], [], updates=[(w, w * 2)])([])
