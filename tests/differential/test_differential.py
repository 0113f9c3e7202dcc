"""This runtime against the numbers that are stored: what JAX gave (see the package's description)."""

import numpy as np
import pytest

from keras import backend as K

from . import groups, results
from .__main__ import STORED

# Nets and golden models are compared with what other programs computed, in tests/applications and tests/saving.
HERE = [name for name in groups.GROUPS if not name.startswith("golden") and name != "applications"]


@pytest.fixture(scope="module")
def stored():
    return results.read(STORED)


@pytest.mark.parametrize("name", HERE)
def test_group(name, stored, capsys):
    found = groups.computed(name)
    if found is None:
        assert K.backend() == "numpy"
        return
    differences = results.differences(found, stored[name], groups.runtime().differentiates)
    tolerance = groups.GROUPS[name].tolerance
    assert {item: value for item, value in differences.items() if value > tolerance} == {}


def test_the_stored_numbers_are_of_these_groups(stored):
    assert list(stored) == list(groups.GROUPS)


def test_differences():
    def difference(got, wanted):
        return results.difference(results.item(got), results.item(wanted))

    assert difference([1.0, 2.0], [1.0, 2.0]) == 0
    assert np.isclose(difference([3.3], [3.0]), 0.1)
    assert np.isclose(difference([4.0, 0.1], [4.0, 0.0]), 0.1 / np.sqrt(8))  # against the array's size
    assert np.isclose(difference([1e-8], [0.0]), 1e-5)  # against the floor
    assert difference([np.nan, np.inf], [np.nan, np.inf]) == 0
    assert difference([np.nan], [1.0]) == difference([1.0], [np.inf]) == difference([1.0], [1]) == np.inf
    assert difference([1.0], [[1.0]]) == np.inf


def test_other_names_are_told():
    one, other = {"a": results.item([1.0])}, {"b": results.item([1.0])}
    with pytest.raises(KeyError, match="--store"):
        results.differences(one, other)


def test_numbers_are_stored_and_read(tmp_path):
    arrays = {"x": [np.arange(6.0).reshape(2, 3), np.array(True)], "large": np.arange(9999)}
    written = {"one": results.items(arrays), "two": results.items({"y": np.float32(3)})}
    results.write(tmp_path / "file.npz", written)
    again = results.read(tmp_path / "file.npz")
    assert [list(group) for group in again.values()] == [["x 0", "x 1", "large"], ["y"]]
    for group, found in written.items():
        assert results.differences(again[group], found) == dict.fromkeys(found, 0)
    assert again["one"]["large"].numbers.size == results.KEPT
