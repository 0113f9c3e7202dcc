"""Every layer over the tables of cases: numbers, shapes, configs, float types, runtimes."""

import harness
import pytest
from every_layer import CASES, classes, one_of_each, quiet

from keras.engine.base_layer import Layer

pytestmark = quiet

every_case = pytest.mark.parametrize("case", CASES, ids=str)

SOME = one_of_each(CASES)
# Sums of many products, or a softmax of values far apart, keep two digits in 16 bits.
TOLERANCES = {"float64": 1e-11, "float16": 2e-2}


@pytest.fixture(scope="module")
def results():
    return harness.evaluate(CASES)


@pytest.fixture(scope="module")
def interpreted_results():
    return harness.evaluate_as("float64", CASES, engine=harness.interpreted)


@pytest.fixture(scope="module")
def results_by_type():
    return {dtype: harness.evaluate_as(dtype, SOME) for dtype in TOLERANCES}


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
def test_numbers_on_the_numpy_runtime(case, interpreted_results):
    harness.check_numbers(case, interpreted_results[case], 1e-11)


@pytest.mark.parametrize("case", SOME, ids=str)
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_float_types(case, dtype, results_by_type):
    result = results_by_type[dtype][case]
    assert all(w.dtype == dtype for w in result.weights)
    assert all(y.dtype == dtype for y in result.outputs)
    harness.check_numbers(case, result, TOLERANCES[dtype])


def inner_layers(layer):
    """The layer, its cells and what it wraps."""
    cell = getattr(layer, "cell", None)
    within = [cell, *getattr(cell, "cells", []), getattr(layer, "layer", None)]
    return {type(x) for x in (layer, *within) if isinstance(x, Layer)}


def test_every_layer_is_in_a_table():
    covered = {kind for case in CASES for kind in inner_layers(case.make())}
    assert [x.__name__ for x in classes() if x not in covered] == []
