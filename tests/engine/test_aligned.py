"""Arrays in memory that engines take without a copy hold what NumPy's own would."""

import numpy as np
import pytest

from keras import _aligned as aligned

ARRAYS = [
    np.arange(60, dtype="float64").reshape(5, 3, 4),
    np.arange(10, dtype="uint8").reshape(5, 2)[:, ::-1],
    np.array(["a", "bcd", "", "e", "f"]),
    np.array([None, "x", 3, [1], 2.5], dtype=object),
    np.zeros((5, 0), "float32"),
    np.array([True, False, True, True, False]),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: str(a.dtype))
def test_rows(array):
    numbers = np.array([3, 0, 3, 4])
    rows = aligned.rows(array, numbers)
    assert rows.dtype == array.dtype and rows.flags.writeable
    np.testing.assert_array_equal(rows, array[numbers])
    assert array.dtype.hasobject or not array.size or rows.ctypes.data % 64 == 0


def test_copy():
    given = np.array([[1.5, -2.5, 300]]).T
    for dtype in ("float32", "int32", "bool"):
        made = aligned.copy(given, np.dtype(dtype))
        assert made.dtype == dtype and made.shape == given.shape and made.ctypes.data % 64 == 0
        np.testing.assert_array_equal(made, given.astype(dtype))
