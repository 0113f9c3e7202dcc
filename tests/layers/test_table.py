"""Every layer over the tables of cases: numbers, shapes, configs, float types, runtimes."""

import harness
import numpy as np
import pytest
from every_layer import CASES, classes, quiet

from keras.engine.base_layer import Layer

pytestmark = quiet

every_case = pytest.mark.parametrize("case", CASES, ids=str)

# Sums of many products, or a softmax of values far apart, keep three digits in 16 bits.
HALF = 2e-2


@pytest.fixture(scope="module")
def results():
    return harness.evaluate(CASES)


@pytest.fixture(scope="module")
def wide_results():
    return harness.evaluate_as("float64", CASES)


@pytest.fixture(scope="module")
def interpreted_results():
    return harness.evaluate_as("float64", CASES, engine=harness.interpreted)


@pytest.fixture(scope="module")
def half_results():
    return harness.evaluate_as("float16", CASES)


@every_case
def test_numbers(case, results):
    harness.check_numbers(case, results[case])


@every_case
def test_static_shapes(case, results):
    harness.check_static_shape(case, results[case])


@every_case
def test_config_round_trip(case):
    harness.check_config_round_trip(case)


@every_case
def test_float64(case, wide_results):
    result = wide_results[case]
    assert all(w.dtype == "float64" for w in result.weights)
    assert all(y.dtype == "float64" for y in result.outputs)
    harness.check_numbers(case, result, 1e-11)


@every_case
def test_runtimes_agree(case, wide_results, interpreted_results):
    for got, wanted in zip(interpreted_results[case].outputs, wide_results[case].outputs, strict=True):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-11)


@every_case
def test_float16(case, half_results):
    result = half_results[case]
    assert all(w.dtype == "float16" for w in result.weights)
    assert all(y.dtype == "float16" for y in result.outputs)
    harness.check_numbers(case, result, HALF)


def inner_layers(layer):
    """The layer, its cells and what it wraps."""
    cell = getattr(layer, "cell", None)
    within = [cell, *getattr(cell, "cells", []), getattr(layer, "layer", None)]
    return {type(x) for x in (layer, *within) if isinstance(x, Layer)}


def test_every_layer_is_in_a_table():
    covered = {kind for case in CASES for kind in inner_layers(case.make())}
    assert [x.__name__ for x in classes() if x not in covered] == []
