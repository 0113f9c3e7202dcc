"""Every primitive as ONNX: onnxruntime against NumPy, for known and unknown sizes, and for values that lie with their
axes in another order."""

import numpy as np
import pytest
from onnx_sessions import run
from primitive_table import ROWS

from keras.export import NotInONNX
from keras.export.lowering import TABLE
from keras.export.model import written
from keras.graph import ops
from keras.graph.primitive import REGISTRY
from keras.graph.program import build
from keras.graph.tensor import Placeholder
from keras.runtimes.numpy import RUNTIME as NUMPY

DTYPES = {"f": "float32", "i": "int32", "b": "bool"}
UNSAID = {"native", "gradients"}  # functions of an engine; onnxruntime has no differentiation
SAID = [row for row in ROWS if row.name not in UNSAID]
NUMBERS = {row.name for row in ROWS if row.name.startswith("random")}  # others than ours

every_row = pytest.mark.parametrize("row", SAID, ids=[row.id for row in SAID])


def check(row, inputs, tensors, arrays, opset=18):
    """The row's output, of tensors made of the inputs, is the same in NumPy and in onnxruntime."""
    output = row.build(*tensors)
    program = build(inputs, [output])
    proto = written(program, "program", [f"x{n}" for n in range(len(inputs))], ["y"], opset)
    (got,) = run(proto, arrays)
    (wanted,) = NUMPY.compile(program)(arrays)
    assert got.shape == np.shape(wanted)
    assert got.dtype.name == output.dtype
    if row.name not in NUMBERS:
        np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=2e-6)


def arrays_of(row):
    return [np.asarray(x, DTYPES[x.dtype.kind]) for x in row.inputs]


@every_row
def test_known_sizes(row):
    arrays = arrays_of(row)
    inputs = [Placeholder(a.shape, a.dtype.name) for a in arrays]
    check(row, inputs, inputs, arrays)


@every_row
def test_unknown_sizes(row):
    arrays = arrays_of(row)
    kernels = row.name in ("conv", "conv_transpose")  # the sizes of a kernel are always known
    inputs = [
        Placeholder(a.shape if kernels and n else [None] * a.ndim, a.dtype.name) for n, a in enumerate(arrays)
    ]
    check(row, inputs, inputs, arrays)


@every_row
def test_other_order_of_axes(row):
    """What is transposed stays where it lies until something needs it in order."""
    arrays = [a.transpose(np.roll(range(a.ndim), 1)) for a in arrays_of(row)]
    inputs = [Placeholder(a.shape, a.dtype.name) for a in arrays]
    tensors = [ops.transpose(x, permutation=tuple(np.roll(range(x.ndim), -1).tolist())) for x in inputs]
    check(row, inputs, tensors, arrays)


@pytest.mark.parametrize("opset", [17, 21, 23])
@pytest.mark.parametrize("name", ["reduce_mean", "reduce_sum", "logsumexp", "split", "pad", "scan", "cond", "pool"])
def test_other_opsets(name, opset):
    row = next(row for row in SAID if row.name == name)
    arrays = arrays_of(row)
    inputs = [Placeholder(a.shape, a.dtype.name) for a in arrays]
    check(row, inputs, inputs, arrays, opset)


def test_random_numbers_lie_between_0_and_1():
    row = next(row for row in SAID if row.id == "random_uniform-float32")
    (numbers,) = run(written(build([], [row.build()]), "random", [], ["y"], 18), [])
    assert numbers.min() >= 0 and numbers.max() < 1 and numbers.std() > 0.2


@pytest.mark.parametrize("name", sorted(UNSAID))
def test_what_onnx_cannot_say_is_refused(name):
    row = next(row for row in ROWS if row.name == name)
    arrays = arrays_of(row)
    inputs = [Placeholder(a.shape, a.dtype.name) for a in arrays]
    with pytest.raises(NotInONNX, match="gradient|native"):
        written(build(inputs, [row.build(*inputs)]), "program", ["x", "y"][: len(inputs)], ["z"], 18)


def test_every_primitive_has_its_words():
    structural = {"scan", "cond", "cumprod", "random_uniform", "part", "after", "updated"}
    assert set(TABLE) | structural == set(REGISTRY) - UNSAID
