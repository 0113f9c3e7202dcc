"""tf.keras's operations between layers (TFOpLambda, SlicingOpLambda), and its layers that scale or augment."""

import json

import numpy as np
import pytest

from keras.models import load_model, model_from_config
from keras.saving.conversions import Untranslatable

X = np.random.RandomState(0).uniform(0.1, 1, (2, 4, 3)).astype("float32")
Z = np.random.RandomState(1).uniform(0.1, 1, (2, 4, 3)).astype("float32")


def softmax(x):
    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)


def entrance(name):
    config = {"batch_input_shape": [None, 4, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": name}
    return {"class_name": "InputLayer", "config": config, "name": name, "inbound_nodes": []}


def layer(class_name, name, node, **config):
    config = {"name": name, "trainable": True, "dtype": "float32", **config}
    return {"class_name": class_name, "config": config, "name": name, "inbound_nodes": [node]}


def model(*layers):
    """A functional model of inputs x and z, whose output is that of the last layer."""
    config = {"name": "model", "layers": [entrance("x"), entrance("z"), *layers],
              "input_layers": [["x", 0, 0], ["z", 0, 0]], "output_layers": [[layers[-1]["name"], 0, 0]]}  # fmt: skip
    # Through JSON, as from a file.
    text = json.dumps({"class_name": "Functional", "config": config, "keras_version": "2.9.0"})
    return model_from_config(json.loads(text))


def operation(function, node):
    class_name = "SlicingOpLambda" if function.endswith("getitem") else "TFOpLambda"
    return model(layer(class_name, f"tf.{function}", node, function=function))


WHOLE = {"start": None, "stop": None, "step": None}
ELLIPSIS = {"class_name": "__ellipsis__"}
Y = {"y": ["z", 0, 0], "name": None}
CASES = {
    "number": ("math.truediv", ["x", 0, 0, {"y": 127.5, "name": None}], X / 127.5),
    "number first": ("math.subtract", ["_CONSTANT_VALUE", -1, 1.0, {"y": ["x", 0, 0], "name": None}], 1 - X),
    "list first": ("__operators__.add", ["_CONSTANT_VALUE", -1, [1.0, 2.0, 3.0], {"y": ["x", 0, 0]}], X + [1, 2, 3]),
    "two tensors": ("math.multiply", ["x", 0, 0, Y], X * Z),
    "the same twice": ("__operators__.add", ["x", 0, 0, {"y": ["x", 0, 0]}], X + X),
    "maximum": ("math.maximum", ["x", 0, 0, {"y": 0.5, "name": None}], np.maximum(X, 0.5)),
    "power": ("math.pow", ["x", 0, 0, {"y": 3, "name": None}], X**3),
    "log": ("math.log", ["x", 0, 0, {"name": None}], np.log(X)),
    "rsqrt": ("math.rsqrt", ["x", 0, 0, {}], 1 / np.sqrt(X)),
    "mean": ("math.reduce_mean", ["x", 0, 0, {"axis": [1, 2]}], X.mean((1, 2))),
    "sum": ("math.reduce_sum", ["x", 0, 0, {"axis": 1, "keepdims": True}], X.sum(1, keepdims=True)),
    "concat": ("concat", [["x", 0, 0, {"axis": -1}], ["z", 0, 0, {"axis": -1}]], np.concatenate([X, Z], -1)),
    "stack": ("stack", [["x", 0, 0, {"axis": 1}], ["z", 0, 0, {"axis": 1}]], np.stack([X, Z], 1)),
    "reshape": ("reshape", ["x", 0, 0, {"shape": [-1, 12]}], X.reshape(-1, 12)),
    "transpose": ("compat.v1.transpose", ["x", 0, 0, {"perm": [0, 2, 1], "name": "transpose", "conjugate": False}],
                  X.transpose(0, 2, 1)),
    "expand": ("expand_dims", ["x", 0, 0, {"axis": 1}], X[:, None]),
    "matmul": ("linalg.matmul", ["x", 0, 0, {"b": ["z", 0, 0], "transpose_b": True}], X @ Z.transpose(0, 2, 1)),
    "softmax": ("nn.softmax", ["x", 0, 0, {}], softmax(X)),
    "silu": ("nn.silu", ["x", 0, 0, {}], X / (1 + np.exp(-X))),
    "leaky": ("nn.leaky_relu", ["x", 0, 0, {"alpha": 0.1}], X),
    "bias": ("nn.bias_add", ["x", 0, 0, {"bias": [-1.0, 0.0, 2.0], "data_format": "NHWC"}], X + [-1, 0, 2]),
    "l2": ("math.l2_normalize", ["x", 0, 0, {"axis": 1}], X / np.sqrt((X**2).sum(1, keepdims=True))),
    "clip": ("clip_by_value", ["x", 0, 0, {"clip_value_min": 0.3, "clip_value_max": 0.6}], X.clip(0.3, 0.6)),
    "cast": ("cast", ["x", 0, 0, {"dtype": "float32"}], X),
    "slice": ("__operators__.getitem", ["x", 0, 0, {"slice_spec": [WHOLE, {**WHOLE, "start": 1, "stop": 3}]}],
              X[:, 1:3]),
    "index": ("__operators__.getitem", ["x", 0, 0, {"slice_spec": [WHOLE, -1]}], X[:, -1]),
    "reverse": ("__operators__.getitem", ["x", 0, 0, {"slice_spec": [ELLIPSIS, {**WHOLE, "step": -1}]}], X[..., ::-1]),
    "new axis": ("__operators__.getitem", ["x", 0, 0, {"slice_spec": [WHOLE, None]}], X[:, None]),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_operation(name):
    function, node, expected = CASES[name]
    np.testing.assert_allclose(operation(function, node).predict([X, Z]), expected, rtol=2e-5, atol=1e-6)


def test_they_are_saved_and_loaded_as_operations(tmp_path):
    """A chain as preprocess_input leaves it: channels turned round, means taken off, scaled."""
    made = model(
        layer("SlicingOpLambda", "turned", ["x", 0, 0, {"slice_spec": [ELLIPSIS, {**WHOLE, "step": -1}]}],
              function="__operators__.getitem"),
        layer("TFOpLambda", "shifted", ["turned", 0, 0, {"bias": [1.0, 2.0, 3.0], "data_format": "NHWC"}],
              function="nn.bias_add"),
        layer("Rescaling", "scaled", [["shifted", 0, 0, {}]], scale=0.5, offset=-1),
        layer("TFOpLambda", "product", ["scaled", 0, 0, Y], function="math.multiply"),
    )  # fmt: skip
    expected = ((X[..., ::-1] + [1, 2, 3]) / 2 - 1) * Z
    made.compile("sgd", "mse")
    made.save(tmp_path / "model.h5")
    for found in (made, load_model(tmp_path / "model.h5")):
        np.testing.assert_allclose(found.predict([X, Z]), expected, rtol=1e-5, atol=1e-6)
        assert [x.name for x in found.layers[1:]] != [] and found.get_layer("scaled").output_shape == (None, 4, 3)


@pytest.mark.parametrize("config, expected", [
    ({"scale": 2.0, "offset": -1}, X * 2 - 1),
    ({"scale": [1.0, 2.0, 3.0], "offset": [0.0, 1.0, 2.0]}, X * [1, 2, 3] + [0, 1, 2]),
], ids=["numbers", "by channel"])  # fmt: skip
def test_rescaling_at_the_bottom_of_a_sequential(config, expected):
    first = {"class_name": "Rescaling", "config": {"name": "r", "batch_input_shape": [None, 4, 3], **config}}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": [first]}, "keras_version": "2.4.0"}
    np.testing.assert_allclose(model_from_config(config).predict(X), expected, rtol=1e-5)


def test_normalization_with_given_numbers():
    node = [["x", 0, 0, {}]]
    given = {"axis": [-1], "invert": False, "mean": [0.1, 0.2, 0.3], "variance": [1.0, 4.0, 0.25]}
    expected = (X - [0.1, 0.2, 0.3]) / [1, 2, 0.5]
    found = model(layer("Normalization", "n", node, **given)).predict([X, Z])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    with pytest.raises(Untranslatable, match="invert=True"):
        model(layer("Normalization", "n", node, **{**given, "invert": True}))


def test_augmentation_is_left_out_and_said():
    with pytest.warns(UserWarning, match="'flip'.*ImageDataGenerator"):
        found = model(layer("RandomFlip", "flip", [["x", 0, 0, {}]], mode="horizontal", seed=None))
    np.testing.assert_array_equal(found.predict([X, Z]), X)


def test_an_operation_without_an_equal_is_named():
    with pytest.raises(Untranslatable, match="tf.signal.fft.*Lambda"):
        operation("signal.fft", ["x", 0, 0, {}])


GRAPH_CASES = {
    "number": ("RealDiv", {"1": 127.5}, ["x"], {}, X / 127.5),
    "number first": ("Sub", {"0": 1.0}, ["x"], {}, 1 - X),
    "two tensors": ("Mul", {}, ["x", "z"], {}, X * Z),
    "added": ("AddV2", {}, ["x", "z"], {}, X + Z),
    "relu6": ("Relu6", {}, ["x"], {}, X),
    "mean": ("Mean", {"1": [1, 2]}, ["x"], {"keep_dims": {"b": False}}, X.mean((1, 2))),
    "sum": ("Sum", {"1": 1}, ["x"], {"keep_dims": {"b": True}}, X.sum(1, keepdims=True)),
    "concat": ("ConcatV2", {"2": -1}, ["x", "z"], {"N": {"i": "2"}}, np.concatenate([X, Z], -1)),
    "bias": ("BiasAdd", {"1": [-1.0, 0.0, 2.0]}, ["x"], {"data_format": {"s": "TkhXQw=="}}, X + [-1, 0, 2]),
    "reshape": ("Reshape", {"1": [-1, 12]}, ["x"], {"Tshape": {"type": "DT_INT32"}}, X.reshape(-1, 12)),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPH_CASES)
def test_operation_of_the_graph(name):
    """As tf.keras 2.0 to 2.3 wrote them."""
    operation, constants, inputs, attributes, expected = GRAPH_CASES[name]
    node_def = {"name": "op", "op": operation, "input": inputs, "attr": {"T": {"type": "DT_FLOAT"}, **attributes}}
    entry = layer("TensorFlowOpLayer", "tf_op_layer_op", [[name, 0, 0, {}] for name in inputs], node_def=node_def,
                  constants=constants)  # fmt: skip
    entry["config"]["name"] = "op"  # without the prefix
    np.testing.assert_allclose(model(entry).predict([X, Z]), expected, rtol=2e-5, atol=1e-6)
