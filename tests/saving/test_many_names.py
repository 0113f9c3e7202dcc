"""Files with many names, written as h5py 3 writes lists of bytes: as texts of variable length."""

import io

import h5py
import numpy as np
import pytest

from keras.layers import Dense, Input
from keras.models import Model
from keras.saving.hdf5 import open_for_reading

NAMES = [f"block{number}_conv" for number in range(1500)]


def file_of(names, **kwargs):
    """The bytes of a file of 80 KB with these names, and a long text beside them as a model's JSON is."""
    file = io.BytesIO()
    with h5py.File(file, "w", **kwargs) as root:
        root.attrs["model_config"] = b"x" * 50_000
        root.attrs.create("layer_names", names, dtype=h5py.string_dtype())
        root["numbers"] = np.zeros(20_000, "f4")
    return file.getvalue()


@pytest.mark.parametrize("library", ["earliest", "latest"])
def test_as_many_as_large_nets_have(library):
    with open_for_reading(file_of(NAMES, libver=library)) as root:
        assert root.names("layer_names") == NAMES


def test_weights_of_a_deep_net(tmp_path):
    """More than a hundred layers: the names were taken for a bomb once the file had a megabyte."""
    inputs = x = Input((40,))
    for number in range(200):
        x = Dense(40, name=f"d{number}", use_bias=False)(x)
    model = Model(inputs, x)
    model.save_weights(tmp_path / "weights.h5")
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        names = [name.decode() for name in file.attrs["layer_names"]]
        del file.attrs["layer_names"]
        file.attrs["layer_names"] = [name.encode() for name in names]
        assert h5py.h5a.open(file.id, b"layer_names").get_type().is_variable_str()
    before = model.get_weights()
    model.set_weights([w * 0 for w in before])
    model.load_weights(tmp_path / "weights.h5")
    for found, wanted in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)
