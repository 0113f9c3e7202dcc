"""What keras_applications 1.0.8, run on tf_keras 2.21, gives: layers, weights and outputs of each net.

`architectures.json.gz` holds for each net, by default arguments: `layers` ("Class" for layers with an automatic
name, else "Class:name"), `weights` ("kernel 3x3x3x32", in the order of `get_weights()`), `count_params`,
`trainable_params`, `input_shape`. `outputs.npz` holds predictions on `pictures()` of nets for 10 classes with
`fill`ed weights. "classic ResNet50" is that of keras.applications.resnet50, "ResNet50" the one of .resnet.
"""

import gzip
import importlib
import json
import pathlib
import re

import numpy as np

from keras import backend as K

_FOLDER = pathlib.Path(__file__).parents[1] / "data" / "applications"

with gzip.open(_FOLDER / "architectures.json.gz", "rt", encoding="utf-8") as _file:
    ARCHITECTURES = json.load(_file)

# What gamma is about. Other values would let the pictures fade or the softmax saturate on the way through.
_GAMMA = {
    "MobileNet": 1.3, "MobileNetV2": 1.0, "NASNetMobile": 0.6, "NASNetLarge": 0.6,
    "DenseNet121": 0.8, "DenseNet169": 0.8, "DenseNet201": 0.8, "Xception": 0.55, "ResNeXt50": 0.45, "ResNeXt101": 0.38,
}  # fmt: skip


def build(name, **arguments):
    """A net with random weights, in a fresh session. `input_shape` is given with the channels last."""
    K.clear_session()
    module = importlib.import_module("keras.applications." + ARCHITECTURES[name]["family"])
    if "input_shape" in arguments and K.image_data_format() == "channels_first":
        *space, channels = arguments["input_shape"]
        arguments["input_shape"] = (channels, *space)
    return getattr(module, name.split()[-1])(weights=None, **arguments)


def layer_names(model):
    """As `layers` in the reference."""
    names = []
    for layer in model.layers:
        kind = type(layer).__name__
        words = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", kind)).lower()
        automatic = kind == "InputLayer" or re.fullmatch(rf"{words}(_\d+)?", layer.name)
        names.append(kind if automatic else f"{kind}:{layer.name}")
    return names


def weight_names(model):
    """As `weights` in the reference."""
    return [f"{_kind(w)} {'x'.join(map(str, K.int_shape(w)))}" for w in _weights(model)]


def fill(model, name):
    """Sets weights that depend on their order, shape and kind only."""
    gamma = _GAMMA.get(name, 0.5)
    values = []
    for i, weight in enumerate(_weights(model)):
        shape, kind = K.int_shape(weight), _kind(weight)
        value = np.random.RandomState(i).standard_normal(shape)
        if kind in ("kernel", "pointwise_kernel"):
            value *= np.sqrt(1.5 / np.prod(shape[:-1]))
        elif kind == "depthwise_kernel":
            value *= np.sqrt(1.5 / np.prod(shape[:2]))
        elif kind == "gamma":
            value = gamma + 0.1 * np.abs(value)
        elif kind == "moving_variance":
            value = 1.0 + 0.2 * np.abs(value)
        else:
            value *= 0.1
        values.append(value.astype("float32"))
    model.set_weights(values)


def pictures():
    """Two pictures of 77 x 96 points, in the format that is set."""
    patches = 10 * np.random.RandomState(0).standard_normal((2, 7, 8, 3)).astype("float32")
    whole = patches.repeat(11, 1).repeat(12, 2)
    return whole.transpose(0, 3, 1, 2) if K.image_data_format() == "channels_first" else whole


def outputs(name):
    """The net's prediction of `pictures()`, and the reference's."""
    model = build(name, input_shape=(77, 96, 3), classes=10)
    fill(model, name)
    with np.load(_FOLDER / "outputs.npz") as stored:
        return model.predict(pictures()), stored[name]


def _weights(model):
    return [weight for layer in model.layers for weight in layer.weights]


def _kind(weight):
    return weight.name.split(":")[0].split("/")[-1]
