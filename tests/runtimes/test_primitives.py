"""Every primitive: the runtime in use against NumPy, its gradients against finite differences, static shapes
against real ones."""

import numpy as np
import pytest
from primitive_table import ROWS
from scipy import special

from keras import backend as K
from keras.backend.functions import Function
from keras.graph.primitive import REGISTRY
from keras.graph.program import build
from keras.graph.tensor import Placeholder
from keras.runtimes.numpy import RUNTIME as NUMPY
from keras.runtimes.numpy.table import TABLE

DTYPES = {"f": "float64", "i": "int32", "b": "bool"}


class Built:
    """A row's graph, for full or unknown static shapes."""

    def __init__(self, row, unknown=False):
        self.row = row
        self.inputs = [
            Placeholder([None if unknown else d for d in x.shape], DTYPES[x.dtype.kind]) for x in row.inputs
        ]
        self.output = row.build(*self.inputs)

    def numpy(self, *arrays):
        return NUMPY.compile(build(self.inputs, [self.output]))(arrays)[0]


def projected(output, seed):
    """A random weighting of an output, to differentiate."""
    weights = np.random.RandomState(seed).uniform(0.5, 1.5, [int(d) for d in output.shape])
    return K.sum(output * K.constant(weights, "float64")), weights


@pytest.fixture(scope="module")
def results_in_use():
    """Values and gradients of all rows, from one compiled program."""
    K.set_floatx("float64")
    np.random.seed(0)
    built = [Built(row) for row in ROWS]
    inputs, outputs, spans = [], [], []
    for number, item in enumerate(built):
        inputs += item.inputs
        start = len(outputs)
        outputs.append(item.output)
        if item.row.places:
            loss, _ = projected(item.output, number)
            outputs += K.gradients(loss, [item.inputs[i] for i in item.row.places])
        spans.append((start, len(outputs)))
    values = Function(inputs, outputs)([x for row in ROWS for x in row.inputs])
    K.set_floatx("float32")
    return built, [values[a:b] for a, b in spans]


@pytest.fixture(autouse=True)
def float64():
    K.set_floatx("float64")
    yield
    K.set_floatx("float32")


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row.id for row in ROWS])
def test_row(number, results_in_use):
    built, results = results_in_use
    row, item, (value, *gradients) = ROWS[number], built[number], results[number]
    assert tuple(item.output.shape) == np.shape(value)
    assert item.output.dtype == np.asarray(value).dtype.name
    if row.name != "gradients":  # the reference runtime has none
        np.testing.assert_allclose(value, item.numpy(*row.inputs), rtol=1e-6, atol=1e-7)
    for place, gradient in zip(row.places, gradients, strict=True):
        np.testing.assert_allclose(gradient, differences(item, number, place), rtol=2e-5, atol=2e-6)


def differences(item, number, place, step=1e-5):
    """Central differences of the projection, on the NumPy runtime."""
    loss, _ = projected(item.output, number)
    if item.row.name == "gradients":
        function = Function(item.inputs, [loss])
        run = lambda arrays: function(arrays)[0]  # noqa: E731
    else:
        compiled = NUMPY.compile(build(item.inputs, [loss]))
        run = lambda arrays: compiled(arrays)[0]  # noqa: E731
    arrays = [x.copy() for x in item.row.inputs]
    result = np.zeros_like(arrays[place])
    for at in np.ndindex(result.shape):
        kept = arrays[place][at]
        for sign in (1, -1):
            arrays[place][at] = kept + sign * step
            result[at] += sign * float(run(arrays)) / (2 * step)
        arrays[place][at] = kept
    return result


@pytest.mark.parametrize("row", ROWS, ids=[row.id for row in ROWS])
def test_static_shape_with_unknown_sizes(row):
    """Unknown sizes stay unknown or are inferred, never wrongly."""
    if row.name in ("conv", "conv_transpose"):  # channels of a kernel are always known
        return
    item = Built(row, unknown=True)
    real = tuple(Built(row).output.shape)
    static = tuple(item.output.shape)
    assert len(static) == len(real)
    assert all(s is None or s == r for s, r in zip(static, real))


def test_every_primitive_is_in_the_table():
    assert {row.name for row in ROWS} == set(REGISTRY)


def test_differentiable_primitives_are_differentiated():
    covered = {row.name for row in ROWS if row.places}
    assert {name for name, p in REGISTRY.items() if p.differentiable and not p.random} - covered <= {
        "print_tensor", "stop_gradient",
    }  # fmt: skip


def test_runtimes_offer_the_same_primitives():
    """By reflection: each runtime has an implementation of each primitive, and the same parts."""
    import importlib

    handled = {"scan", "cond", "gradients", "random_uniform", "shape", "part", "after", "updated"}
    for name in ("numpy", K.backend()):
        table = importlib.import_module(f"keras.runtimes.{name}.table").TABLE
        structural = importlib.import_module(f"keras.runtimes.{name}.control").STRUCTURAL
        assert set(REGISTRY) - set(table) <= handled
        assert set(structural) - {"parallel"} == {"scan", "cond", "gradients"}
        assert set(table) <= set(REGISTRY)


def test_erf_inv_in_single_precision():
    """NumPy's own formula: over the whole range, at the ends and outside."""
    x = np.concatenate([np.linspace(-1, 1, 20001), [0.0, 1e-10, 1 - 2**-24, 2**-24 - 1, 1.5, np.nan]]).astype("float32")
    wanted = special.erfinv(x.astype("float64"))
    with np.errstate(invalid="ignore"):
        found = TABLE["erf_inv"](x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=4e-7)
