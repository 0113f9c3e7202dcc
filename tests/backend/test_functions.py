"""Every row of the tables: values, dtypes and static shapes, from one compiled program."""

import conv_table
import function_table
import nn_table
import numpy as np
import pytest
import shape_table

from keras import backend as K

CASES = [*function_table.CASES, *shape_table.CASES, *conv_table.CASES, *nn_table.CASES]
DTYPES = {"f": "float64", "i": "int32", "b": "bool"}


def placeholders(case, unknown=False):
    """One for each input, with or without its sizes; those of kernels are always known."""
    made = []
    for number, x in enumerate(case.inputs):
        hidden = unknown and not (number and case in conv_table.CASES)
        made.append(K.placeholder([None if hidden else d for d in x.shape], dtype=DTYPES[x.dtype.kind]))
    return made


@pytest.fixture(autouse=True)
def float64():
    K.set_floatx("float64")


@pytest.fixture(scope="module")
def computed():
    """(tensor, value) of each case."""
    K.set_floatx("float64")
    inputs = [placeholders(case) for case in CASES]
    tensors = [case.call(*x) for case, x in zip(CASES, inputs, strict=True)]
    values = K.function(sum(inputs, []), tensors)([x for case in CASES for x in case.inputs])
    K.set_floatx("float32")
    return list(zip(tensors, values, strict=True))


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.id for case in CASES])
def test_value(number, computed):
    case, (tensor, value) = CASES[number], computed[number]
    wanted = case.wanted
    assert K.int_shape(tensor) == np.shape(value) == wanted.shape
    assert K.dtype(tensor) == np.asarray(value).dtype.name
    assert np.asarray(value).dtype.kind == wanted.dtype.kind
    np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_static_shape_of_unknown_sizes(case):
    """What is said about unknown sizes is true; the number of axes is always known."""
    static, real = K.int_shape(case.call(*placeholders(case, unknown=True))), case.wanted.shape
    assert len(static) == len(real)
    assert all(s is None or s == r for s, r in zip(static, real, strict=True))


@pytest.mark.parametrize("floatx", ["float16", "float32"])
def test_float_type_is_kept(floatx):
    K.set_floatx(floatx)
    for case in CASES:
        if case.wanted.dtype.kind != "f" or case.id in ("cast-from bool", "arange-floats"):  # these name a type
            continue
        inputs = [K.placeholder(x.shape, dtype=floatx if x.dtype.kind == "f" else x.dtype.name) for x in case.inputs]
        assert K.dtype(case.call(*inputs)) == floatx, case.id


def test_half_precision():
    """A row of each kind of arithmetic, in 16 bits."""
    K.set_floatx("float16")
    chosen = {"softmax", "logsumexp", "var", "dot", "l2_normalize", "batch_normalization", "elu", "foldl"}
    cases = [case for case in CASES if case.name in chosen and case.label not in ("zeros", "far")]
    inputs = [[K.placeholder(x.shape) for x in case.inputs] for case in cases]
    tensors = [case.call(*x) for case, x in zip(cases, inputs, strict=True)]
    values = K.function(sum(inputs, []), tensors)([x for case in cases for x in case.inputs])
    for case, value in zip(cases, values, strict=True):
        assert value.dtype == "float16"
        np.testing.assert_allclose(value, case.wanted, rtol=3e-2, atol=3e-2, err_msg=case.id)
