"""Files as they are about: the first published weights, by Keras 1 and without a version; nets with Lambda layers."""

import h5py
import numpy as np
import pytest

from keras import backend as K
from keras.applications import mobilenet, mobilenet_v2
from keras.layers import Activation, BatchNormalization, Conv2D, DepthwiseConv2D, Flatten, Lambda
from keras.models import Sequential, load_model
from keras.utils import stored_code

from . import reference


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


@pytest.mark.parametrize("name", ["InceptionResNetV2", "ResNeXt50"])
def test_nets_with_lambda_layers_load_although_stored_code_does_not_run(tmp_path, monkeypatch, name):
    saved = reference.build(name, include_top=False, input_shape=(75, 75, 3))
    saved.save(tmp_path / "net.h5")
    monkeypatch.setattr(stored_code, "_written_here", set())  # as another process would find the file
    again = load_model(tmp_path / "net.h5", compile=False)
    assert reference.layer_names(again) == reference.layer_names(saved)
    lambdas = [layer for layer in again.layers if isinstance(layer, Lambda)]
    module = "inception_resnet_v2" if name == "InceptionResNetV2" else "resnext"
    assert {layer.function.__module__ for layer in lambdas} == {"keras.applications." + module}


@pytest.mark.parametrize("name", ["block35_1", "conv2_block1_2_reduce", "block8_10x"])
def test_other_layers_of_such_names_do_not_load(tmp_path, monkeypatch, name):
    Sequential([Lambda(lambda x, other: x, arguments={"other": 1}, name=name, input_shape=(2,))]).save(
        tmp_path / "m.h5"
    )
    monkeypatch.setattr(stored_code, "_written_here", set())
    with pytest.raises(stored_code.StoredCodeRefused, match=name):
        load_model(tmp_path / "m.h5", compile=False)


@pytest.mark.parametrize("module", [mobilenet, mobilenet_v2])
def test_scripts_that_hand_in_what_mobilenets_once_needed(tmp_path, module):
    saved = Sequential([DepthwiseConv2D(3, input_shape=(4, 4, 2)), Activation(module.relu6)])
    saved.save(tmp_path / "net.h5")
    given = {"relu6": module.relu6, "DepthwiseConv2D": module.DepthwiseConv2D}
    again = load_model(tmp_path / "net.h5", custom_objects=given, compile=False)
    x = 20 * np.random.RandomState(0).standard_normal((3, 4, 4, 2))
    found = again.predict(x)
    assert found.max() == 6.0
    np.testing.assert_array_equal(found, saved.predict(x))
