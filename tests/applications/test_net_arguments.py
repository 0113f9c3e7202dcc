"""Arguments that all nets take: weights, inputs, and what is wrong with them."""

import hashlib
import inspect
import re

import numpy as np
import pytest

import keras
from keras import applications
from keras import backend as K
from keras.applications import _building
from keras.applications._building import WeightFile
from keras.layers import Dense, GlobalAveragePooling2D, Input, Lambda
from keras.models import Model

from . import reference

_END = "pooling=None, classes=1000, **kwargs)"
USUAL = "(include_top=True, weights='imagenet', input_tensor=None, input_shape=None, " + _END
NASNET = "(input_shape=None, include_top=True, weights='imagenet', input_tensor=None, " + _END
SIGNATURES = {
    "vgg16.VGG16": USUAL, "vgg19.VGG19": USUAL, "xception.Xception": USUAL, "resnet50.ResNet50": USUAL,
    "resnet.ResNet50": USUAL, "resnet.ResNet101": USUAL, "resnet.ResNet152": USUAL, "resnet_v2.ResNet50V2": USUAL,
    "resnet_v2.ResNet101V2": USUAL, "resnet_v2.ResNet152V2": USUAL, "resnext.ResNeXt50": USUAL,
    "resnext.ResNeXt101": USUAL, "inception_v3.InceptionV3": USUAL, "inception_resnet_v2.InceptionResNetV2": USUAL,
    "densenet.DenseNet121": USUAL, "densenet.DenseNet169": USUAL, "densenet.DenseNet201": USUAL,
    "nasnet.NASNetMobile": NASNET, "nasnet.NASNetLarge": NASNET,
    "mobilenet.MobileNet": NASNET.replace("include", "alpha=1.0, depth_multiplier=1, dropout=0.001, include", 1),
    "mobilenet_v2.MobileNetV2": NASNET.replace("include", "alpha=1.0, include", 1),
}  # fmt: skip
SMALL = {"alpha": 0.25, "input_shape": (32, 32, 3), "classes": 4}


@pytest.mark.parametrize("name", SIGNATURES)
def test_names_and_signatures(name):
    module, net = name.split(".")
    module = getattr(applications, module)
    function = getattr(module, net)
    assert str(inspect.signature(function)) == SIGNATURES[name]
    assert callable(module.preprocess_input) and callable(module.decode_predictions)
    if name != "resnet.ResNet50":  # the older one has the name
        assert getattr(keras.applications, net) is function


def test_modules_that_keras_2_3_shows():
    assert applications.vgg16.vgg16 is applications.vgg16
    assert applications.keras_applications.imagenet_utils is applications.imagenet_utils
    assert applications.backend is K and applications.layers is keras.layers
    assert applications.models is keras.models and applications.utils is keras.utils


def test_modules_are_injected():
    @applications.keras_modules_injection
    def net(*args, **kwargs):
        """A net."""
        return args, kwargs

    args, kwargs = net(1, backend="another", weights=None)
    assert args == (1,) and net.__doc__ == "A net."
    assert kwargs == {
        "backend": K, "layers": keras.layers, "models": keras.models, "utils": keras.utils, "weights": None,
    }  # fmt: skip


def test_modules_are_taken_as_arguments():
    model = applications.MobileNet(weights=None, backend=K, layers=None, models=None, utils=None, **SMALL)
    assert model.output_shape == (None, 4)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"weights": None, "include_tops": False}, TypeError, "include_tops. Did you mean 'include_top'"),
        ({"weights": "imagenets"}, ValueError, "The `weights` argument .* There is no file 'imagenets'"),
        ({"weights": "imagenet", "classes": 10}, ValueError, "`classes` should be 1000. Received: classes=10"),
        ({"weights": None, "input_shape": (20, 20, 3)}, ValueError, "at least 32x32"),
        ({"weights": None, "input_shape": (None, 64, 3)}, ValueError, "static `input_shape`"),
        ({"weights": "imagenet", "input_shape": (64, 64, 3)}, ValueError, r"should be \(224, 224, 3\)"),
    ],
)
def test_arguments_that_do_not_fit(arguments, error, message):
    with pytest.raises(error, match=message):
        applications.VGG16(**arguments)
    with pytest.raises(error, match=message):
        applications.MobileNetV2(**arguments)


@pytest.mark.parametrize(
    ("net", "arguments", "message"),
    [
        ("MobileNet", {"alpha": 0.35}, "alpha can be one of 0.25, 0.5, 0.75, 1.0 only"),
        ("MobileNetV2", {"alpha": 0.25}, "alpha can be one of 0.35, 0.5, 0.75, 1.0, 1.3, 1.4 only"),
        ("MobileNet", {"depth_multiplier": 2}, "depth multiplier must be 1"),
    ],
)
def test_mobile_nets_without_published_weights(net, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(applications, net)(weights="imagenet", **arguments)


def test_weights_from_a_file(tmp_path):
    first = reference.build("MobileNet", **SMALL)
    path = tmp_path / "weights.h5"
    first.save_weights(str(path))
    again = applications.MobileNet(weights=str(path), **SMALL)
    for a, b in zip(first.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_weights_of_another_net_leave_nothing_behind(tmp_path):
    path = tmp_path / "weights.h5"
    reference.build("MobileNet", **SMALL).save_weights(str(path))
    with pytest.raises(ValueError, match="layers"):
        applications.VGG16(weights=str(path), include_top=False)


@pytest.fixture
def published(tmp_path, monkeypatch):
    """Stands for the network: notes what is asked for and gives the file `weights.h5`."""
    calls = []

    def get_file(fname, origin, cache_subdir, file_hash):
        assert cache_subdir == "models"
        calls.append((fname, origin, file_hash))
        return str(tmp_path / "weights.h5")

    monkeypatch.setattr(_building, "get_file", get_file)
    return calls


def test_imagenet_weights_are_fetched_and_loaded(published, tmp_path):
    size = {"alpha": 0.25, "input_shape": (128, 128, 3), "include_top": False}
    first = reference.build("MobileNet", **size)
    first.save_weights(str(tmp_path / "weights.h5"))
    model = applications.MobileNet(weights="imagenet", **size)
    np.testing.assert_array_equal(model.get_weights()[-1], first.get_weights()[-1])
    assert published == [
        (
            "mobilenet_2_5_128_tf_no_top.h5",
            "https://github.com/fchollet/deep-learning-models/releases/download/v0.6/mobilenet_2_5_128_tf_no_top.h5",
            None,
        )
    ]


def test_mobile_nets_of_other_sizes_take_the_weights_for_224(published, tmp_path):
    size = {"alpha": 0.35, "input_shape": (100, 120, 3), "include_top": False}
    reference.build("MobileNetV2", **size).save_weights(str(tmp_path / "weights.h5"))
    with pytest.warns(UserWarning, match=r"Weights for input shape \(224, 224\) will be loaded"):
        model = applications.MobileNetV2(weights="imagenet", **size)
    assert model.name == "mobilenetv2_0.35_224"
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_0.35_224_no_top.h5"
    folder = "https://github.com/JonathanCMitchell/mobilenet_v2_keras/releases/download/v1.1/"
    assert published == [(name, folder + name, None)]


@pytest.mark.parametrize(
    ("net", "name", "address"),
    [
        ("VGG16", "vgg16_weights_tf_dim_ordering_tf_kernels", "fchollet/deep-learning-models/*/v0.1/"),
        ("VGG19", "vgg19_weights_tf_dim_ordering_tf_kernels", "fchollet/deep-learning-models/*/v0.1/"),
        ("ResNet50", "resnet50_weights_tf_dim_ordering_tf_kernels", "fchollet/deep-learning-models/*/v0.2/"),
        ("Xception", "xception_weights_tf_dim_ordering_tf_kernels", "fchollet/deep-learning-models/*/v0.4/"),
        ("InceptionV3", "inception_v3_weights_tf_dim_ordering_tf_kernels", "fchollet/deep-learning-models/*/v0.5/"),
        ("ResNet50V2", "resnet50v2_weights_tf_dim_ordering_tf_kernels", "keras-team/keras-applications/*/resnet/"),
        ("ResNeXt50", "resnext50_weights_tf_dim_ordering_tf_kernels", "keras-team/keras-applications/*/resnet/"),
        ("DenseNet121", "densenet121_weights_tf_dim_ordering_tf_kernels", "keras-team/keras-applications/*/densenet/"),
    ],
)
@pytest.mark.parametrize("include_top", [True, False])
def test_published_files(net, name, address, include_top, monkeypatch):
    asked = []
    monkeypatch.setattr(_building, "get_file", lambda *args, **kwargs: asked.append((*args, kwargs["file_hash"])))
    monkeypatch.setattr(Model, "load_weights", lambda model, path: None)
    shape = None if include_top else (96, 96, 3)
    getattr(applications, net)(weights="imagenet", include_top=include_top, input_shape=shape)
    [(cached, origin, md5)] = asked
    assert cached == name + (".h5" if include_top else "_notop.h5")
    assert origin == "https://github.com/" + address.replace("*", "releases/download") + cached
    assert re.fullmatch("[0-9a-f]{32}", md5)


def test_files_of_nasnet_are_cached_under_other_names(monkeypatch):
    asked = []
    monkeypatch.setattr(_building, "get_file", lambda *args, **kwargs: asked.append(args))
    monkeypatch.setattr(Model, "load_weights", lambda model, path: None)
    applications.NASNetMobile(weights="imagenet", include_top=False, input_shape=(64, 64, 3))
    folder = "https://github.com/titu1994/Keras-NASNet/releases/download/v1.2/"
    assert asked == [("nasnet_mobile_no_top.h5", folder + "NASNet-mobile-no-top.h5")]


def test_a_changed_file_is_not_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    (tmp_path / "file.h5").write_bytes(b"weights")
    md5 = hashlib.md5(b"weights").hexdigest()
    folder = tmp_path.as_uri() + "/"
    with open(WeightFile(folder, "file.h5", md5).path(), "rb") as file:
        assert file.read() == b"weights"
    (tmp_path / "other.h5").write_bytes(b"other weights")
    with pytest.raises(ValueError, match="hash"):
        WeightFile(folder, "other.h5", md5).path()


def test_input_tensor_of_keras():
    image = Input((64, 48, 3), name="picture")
    model = applications.VGG16(weights=None, include_top=False, input_tensor=image)
    assert model.input is image
    assert model.input_names == ["picture"]
    assert model.output_shape[-1] == 512


def test_a_model_starts_where_its_input_tensor_comes_from():
    image = Input((64, 64, 3))
    halved = Lambda(lambda x: x / 2)(image)
    model = applications.MobileNetV2(weights=None, include_top=False, input_tensor=halved, alpha=0.35)
    assert model.input is image
    assert model.name == "mobilenetv2_0.35_64"


def test_input_tensor_of_the_backend():
    pixels = K.placeholder((None, 64, 64, 3))
    model = applications.VGG16(weights=None, include_top=False, input_tensor=pixels, input_shape=(64, 64, 3))
    assert model.layers[1].name == "block1_conv1"
    assert model.output_shape == (None, 2, 2, 512)


def test_mobilenet_v2_takes_no_two_shapes():
    image = Input((64, 64, 3))
    with pytest.raises(ValueError, match="do not meet the same shape requirements"):
        applications.MobileNetV2(weights=None, input_tensor=image, input_shape=(96, 96, 3))


def test_fine_tuning():
    """The way of the FAQ: a new head on frozen layers, then the last block as well."""
    base = reference.build("VGG16", include_top=False, input_shape=(32, 32, 3))
    x = GlobalAveragePooling2D()(base.output)
    model = Model(base.input, Dense(2, activation="softmax")(x))
    for layer in base.layers:
        layer.trainable = False
    assert len(model.trainable_weights) == 2
    for layer in base.layers[15:]:
        layer.trainable = True
    assert len(model.trainable_weights) == 2 + 2 * 3
    assert {w.name.split("/")[0] for w in model.trainable_weights} >= {f"block5_conv{i}" for i in (1, 2, 3)}
