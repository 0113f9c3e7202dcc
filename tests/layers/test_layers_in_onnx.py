"""Every layer over the tables of cases, exported to ONNX and run by onnxruntime, against its arithmetic in NumPy."""

import harness
import numpy as np
import pytest
from every_layer import CASES, quiet
from onnx_sessions import session_of

import keras
from keras.export import as_onnx

pytestmark = quiet


@pytest.mark.parametrize("case", CASES, ids=str)
def test_layer(case):
    layer, symbols, outputs = harness.connect(case, case.unknown)
    weights = harness.set_random_weights(layer)
    session = session_of(as_onnx(keras.Model(symbols, outputs)))
    inputs = [a.astype(case.dtype) for a in case.arrays()]
    names = [i.name for i in session.get_inputs()]
    whole = harness.Result(layer, weights, inputs, session.run(None, dict(zip(names, inputs, strict=True))), outputs)
    harness.check_numbers(case, whole)
    # A batch of another size than that of the table.
    rows = [1, 0, 1]
    others = session.run(None, {name: a[rows] for name, a in zip(names, inputs, strict=True)})
    for got, known in zip(others, whole.outputs, strict=True):
        np.testing.assert_allclose(got, known[rows], rtol=1e-5, atol=1e-6)
