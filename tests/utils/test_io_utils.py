"""HDF5Matrix and H5Dict: parts of HDF5 files as arrays and as dictionaries."""

import os
import pickle

import h5py
import numpy as np
import pytest

from keras.utils import H5Dict, HDF5Matrix
from keras.utils.io_utils import load_from_binary_h5py, save_to_binary_h5py


@pytest.fixture
def path(tmp_path):
    path = str(tmp_path / "data.h5")
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(60, dtype="float32").reshape(20, 3)
        file["y"] = np.arange(20)
    return path


def twice(x):
    return (2 * x).astype("float64")


@pytest.mark.parametrize("normalizer", [None, twice])
@pytest.mark.parametrize("start, end", [(0, None), (5, 15), (5, None), (0, 1), (20, 20)])
def test_like_the_part_of_the_array(path, start, end, normalizer):
    array = np.arange(60, dtype="float32").reshape(20, 3)[start:end]
    array = array if normalizer is None else normalizer(array)
    matrix = HDF5Matrix(path, "x", start, end, normalizer)
    assert (len(matrix), matrix.shape, matrix.ndim, matrix.size) == (len(array), array.shape, 2, array.size)
    assert matrix.dtype == array.dtype
    for key in (slice(None), slice(2, 5), slice(-3, None), slice(0, 99), slice(1, None, 2), slice(None, None, -1)):
        np.testing.assert_array_equal(matrix[key], array[key])
    if len(array) > 5:
        for key in (0, 4, -1, np.int64(3), [3, 1, 1], np.array([0, 4]), array[:, 0] % 2 == 1, np.array([], int)):
            np.testing.assert_array_equal(matrix[key], array[key])
    with pytest.raises(IndexError, match=f"of {len(array)} rows"):
        matrix[len(array)]
    with pytest.raises(IndexError, match="Rows 0 ... 20"):
        matrix[[0, 20]]


def test_labels_are_a_vector(path):
    labels = HDF5Matrix(path, "y", start=2)
    assert labels.shape == (18,)
    np.testing.assert_array_equal(labels[:3], [2, 3, 4])


def test_bad_parts(path):
    with pytest.raises(ValueError, match="Rows 5 to 21 .* has 20"):
        HDF5Matrix(path, "x", 5, 21)
    with pytest.raises(ValueError, match="Rows -1"):
        HDF5Matrix(path, "x", -1)
    with pytest.raises(KeyError, match="no dataset 'z'. It holds: x, y"):
        HDF5Matrix(path, "z")


def test_the_file_is_open_only_while_it_is_used(path):
    first, second = HDF5Matrix(path, "x"), HDF5Matrix(path, "y")
    again = pickle.loads(pickle.dumps(HDF5Matrix(path, "x", 1, 4, twice)))
    np.testing.assert_array_equal(again[:], twice(first[1:4]))
    del first, second, again
    with h5py.File(path, "w") as file:  # could not be opened for writing otherwise
        file["x"] = np.zeros((2, 3))
    np.testing.assert_array_equal(HDF5Matrix(path, "x")[:], np.zeros((2, 3)))


@pytest.mark.parametrize("kind", ["path", "pathlike", "file", "dict"])
def test_dictionary(tmp_path, kind):
    class Path:
        def __fspath__(self):
            return str(tmp_path / "d.h5")

    names = [f"layer_{i}" for i in range(3)]
    home = {} if kind == "dict" else h5py.File(tmp_path / "d.h5", "w") if kind == "file" else None
    with H5Dict(home if home is not None else Path() if kind == "pathlike" else str(tmp_path / "d.h5")) as h5:
        h5["array"] = np.arange(6.0).reshape(2, 3)
        h5["scalar"] = np.float32(2.5)
        h5["text"] = "abc"
        h5["number"] = 3
        h5["group"]["inside"] = np.ones(2)
        h5.update({"more": np.zeros(1)}, [("last", 7)])
        if kind != "dict":
            h5["names"] = names
            with pytest.raises(KeyError, match="holds a value of that name"):
                h5["array"] = np.zeros(2)
    if kind != "dict":
        if home is not None:
            home.close()
        home = str(tmp_path / "d.h5")
    with H5Dict(home, mode="r") as h5:
        np.testing.assert_array_equal(h5["array"], np.arange(6.0).reshape(2, 3))
        assert (h5["scalar"], h5["text"], h5["number"], h5["last"]) == (2.5, "abc", 3, 7)
        np.testing.assert_array_equal(h5["group"]["inside"], np.ones(2))
        assert {"array", "scalar", "group", "more"} <= set(h5) and "text" in h5 and "nothing" not in h5
        assert h5.get("nothing", 5) == 5
        if kind != "dict":
            assert [n.decode() for n in h5["names"]] == names
        with pytest.raises(ValueError, match="read-only"):
            h5["new"] = 1
        with pytest.raises(KeyError):
            h5["nothing"]


def test_lists_that_are_too_long_for_one_attribute(tmp_path):
    names = [f"a_layer_with_quite_a_long_name_{i}" for i in range(4000)]
    with H5Dict(str(tmp_path / "d.h5")) as h5:
        h5["names"] = names
        with pytest.raises(RuntimeError, match="64512"):
            h5["too long"] = ["x" * 70000]
    with H5Dict(os.fspath(tmp_path / "d.h5"), "r") as h5:
        assert "names" in h5 and [n.decode() for n in h5["names"]] == names


def test_what_no_dictionary_can_be_made_of():
    with pytest.raises(TypeError, match="Received: <class 'int'>"):
        H5Dict(3)
    assert not H5Dict.is_supported_type(3)


def test_streams(tmp_path):
    path = tmp_path / "stream.h5"
    with open(path, "wb") as stream:
        save_to_binary_h5py(lambda file: file.create_dataset("x", data=[1, 2]), stream)
    with open(path, "rb") as stream:
        assert load_from_binary_h5py(lambda file: file["x"][:].tolist(), stream) == [1, 2]
