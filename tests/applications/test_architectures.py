"""Layers, weights and numbers of weights of all nets."""

import json

import pytest

import keras
from keras import backend as K

from . import reference

NAMES = sorted(reference.ARCHITECTURES)


ONE_OF_EACH_KIND = (
    "VGG16", "classic ResNet50", "ResNet50", "ResNet50V2", "ResNeXt50", "MobileNet", "MobileNetV2", "DenseNet121",
    "NASNetMobile", "Xception", "InceptionV3", "InceptionResNetV2",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data_format"),
    [(name, "channels_last") for name in NAMES] + [(name, "channels_first") for name in ONE_OF_EACH_KIND],
)
def test_layers_and_weights_are_those_of_keras_applications(name, data_format):
    K.set_image_data_format(data_format)
    wanted = reference.ARCHITECTURES[name]
    model = reference.build(name)
    assert reference.layer_names(model) == wanted["layers"]
    assert reference.weight_names(model) == wanted["weights"]
    assert model.count_params() == wanted["count_params"]
    assert sum(K.count_params(w) for w in model.trainable_weights) == wanted["trainable_params"]
    height, width, channels = wanted["input_shape"]
    shape = (height, width, channels) if data_format == "channels_last" else (channels, height, width)
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 1000)


# Of nets without their tops: channels at the end, and how many times smaller a picture of 160 x 192 gets.
WITHOUT_TOP = {
    "VGG16": (512, 32), "VGG19": (512, 32), "classic ResNet50": (2048, 32), "ResNet50": (2048, 32),
    "ResNet101": (2048, 32), "ResNet152": (2048, 32), "ResNet50V2": (2048, 32), "ResNet101V2": (2048, 32),
    "ResNet152V2": (2048, 32), "ResNeXt50": (2048, 32), "ResNeXt101": (2048, 32), "MobileNet": (1024, 32),
    "MobileNetV2": (1280, 32), "DenseNet121": (1024, 32), "DenseNet169": (1664, 32), "DenseNet201": (1920, 32),
    "NASNetMobile": (1056, 32), "NASNetLarge": (4032, 32), "Xception": (2048, 32),
}  # fmt: skip


@pytest.mark.parametrize("name", WITHOUT_TOP)
def test_without_its_top_a_net_ends_with_a_map(name):
    channels, factor = WITHOUT_TOP[name]
    model = reference.build(name, include_top=False, input_shape=(160, 192, 3))
    assert model.output_shape == (None, 160 // factor, 192 // factor, channels)


@pytest.mark.parametrize("name", [name for name in ONE_OF_EACH_KIND if name not in ("ResNeXt50", "NASNetMobile")])
def test_without_its_top_a_net_takes_any_size(name):
    model = reference.build(name, include_top=False)
    assert model.input_shape == (None, None, None, 3)
    assert model.output_shape[:3] == (None, None, None)


@pytest.mark.parametrize(("name", "side", "points"), [("InceptionV3", 75, 1), ("InceptionResNetV2", 139, 3)])
def test_inception_at_small_sizes(name, side, points):
    model = reference.build(name, include_top=False, input_shape=(side, side, 3))
    assert model.output_shape[1:3] == (points, points)


@pytest.mark.parametrize("name", ["VGG16", "MobileNet", "DenseNet121"])
@pytest.mark.parametrize("pooling", ["avg", "max"])
def test_pooling(name, pooling):
    model = reference.build(name, include_top=False, pooling=pooling)
    assert model.output_shape == (None, WITHOUT_TOP[name][0])
    assert type(model.layers[-1]).__name__ == {"avg": "GlobalAveragePooling2D", "max": "GlobalMaxPooling2D"}[pooling]


def test_sizes_that_resnext_does_not_know():
    with pytest.raises(ValueError, match="must know the height and width"):
        reference.build("ResNeXt50", include_top=False)


def test_nasnet_without_its_top_has_its_size():
    model = reference.build("NASNetMobile", include_top=False)
    assert model.output_shape == (None, 7, 7, 1056)


@pytest.mark.parametrize(("alpha", "count"), [(0.25, 475544), (0.5, 1342536), (0.75, 2601976)])
def test_narrow_mobilenets(alpha, count):
    model = reference.build("MobileNet", alpha=alpha)
    assert model.count_params() == count
    assert model.name == f"mobilenet_{alpha:0.2f}_224"


@pytest.mark.parametrize(("alpha", "count"), [(0.35, 1691208), (0.75, 2663064), (1.4, 6156712)])
def test_narrow_and_wide_mobilenets_v2(alpha, count):
    model = reference.build("MobileNetV2", alpha=alpha)
    assert model.count_params() == count
    assert model.name == f"mobilenetv2_{alpha:0.2f}_224"


def test_depth_multiplier():
    model = reference.build("MobileNet", depth_multiplier=2, include_top=False)
    assert model.get_layer("conv_dw_1").get_weights()[0].shape == (3, 3, 32, 2)
    assert model.get_layer("conv_pw_1").get_weights()[0].shape == (1, 1, 64, 64)


@pytest.mark.parametrize("name", ["MobileNetV2", "InceptionResNetV2", "ResNeXt50"])
def test_a_net_is_rebuilt_from_its_configuration(name):
    model = reference.build(name, input_shape=(96, 96, 3), classes=3)
    again = keras.models.Model.from_config(model.get_config())
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    assert reference.weight_names(again) == reference.weight_names(model)
    json.loads(model.to_json())
