"""The way the first published weights were stored: by Keras 1, in TensorFlow's order, without a version."""

import h5py
import numpy as np
import pytest

from keras import backend as K
from keras.layers import BatchNormalization, Conv2D, Flatten
from keras.models import Sequential


def write(path, model, values):
    """A file of weights as Keras 1 wrote it."""
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in model.layers]
        for layer in model.layers:
            group = file.create_group(layer.name)
            endings = ("W_1", "b_1") if isinstance(layer, Conv2D) else ("gamma", "beta", "running_mean", "running_std")
            names = [f"{layer.name}_{ending}:0" for ending, _ in zip(endings, layer.weights)]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                group.create_dataset(name, data=values.pop(0))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_kernels_fit_both_formats(tmp_path, data_format):
    K.set_image_data_format(data_format)
    axis = 1 if data_format == "channels_first" else -1
    shape = (2, 8, 8) if data_format == "channels_first" else (8, 8, 2)
    model = Sequential([Conv2D(5, 3, input_shape=shape), BatchNormalization(axis=axis), Flatten()])
    values = [np.random.RandomState(i).rand(*w.shape).astype("float32") for i, w in enumerate(model.get_weights())]
    write(tmp_path / "weights.h5", model, list(values))
    model.load_weights(tmp_path / "weights.h5")
    for found, wanted in zip(model.get_weights(), values):
        np.testing.assert_array_equal(found, wanted)
