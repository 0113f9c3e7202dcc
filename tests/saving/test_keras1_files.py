"""Files as Keras 1 wrote them, made by hand."""

import json

import h5py
import numpy as np
import pytest

from keras import backend as K
from keras.layers import GRU, LSTM, BatchNormalization, ConvLSTM2D, Dense
from keras.models import Sequential, load_model, model_from_json
from keras.saving.conversions import Untranslatable

RANDOM = np.random.RandomState(0)


def draw(*shape):
    return RANDOM.standard_normal(shape).astype("float32")


def write(path, config, layers):
    """layers: {name: arrays}, in the order of the file."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"1.2.2"
        file.attrs["model_config"] = json.dumps(config).encode()
        weights = file.create_group("model_weights")
        weights.attrs["keras_version"] = b"1.2.2"
        weights.attrs["layer_names"] = [name.encode() for name in layers]
        for name, arrays in layers.items():
            group = weights.create_group(name)
            group.attrs["weight_names"] = [f"{name}_{number}".encode() for number in range(len(arrays))]
            for number, array in enumerate(arrays):
                group[f"{name}_{number}"] = array
    return path


def layer(class_name, name, input_shape=None, **config):
    if input_shape is not None:
        config.update(batch_input_shape=[None, *input_shape], input_dtype="float32")
    return {"class_name": class_name, "config": {"name": name, "trainable": True, **config}}


OLD_OPTIONS = {
    f"{weight}_{kind}": None
    for weight, kind in [("W", "regularizer"), ("b", "regularizer"), ("activity", "regularizer"),
                         ("W", "constraint"), ("b", "constraint")]
}  # fmt: skip


def dense(name, units, activation="linear", **config):
    options = {**OLD_OPTIONS, "init": "glorot_uniform", "bias": True, "input_dim": None}
    return layer("Dense", name, **{**options, "activation": activation, "output_dim": units, **config})


def merge(name, branches=None, mode="sum", **config):
    options = {"mode": mode, "mode_type": "raw", "concat_axis": -1, "dot_axes": -1, "output_shape": None,
               "output_shape_type": "raw", "arguments": {}, "output_mask": None, "output_mask_type": "raw"}  # fmt: skip
    inside = {"layers": branches} if branches else {}
    return {"class_name": "Merge", "config": {"name": name, **options, **inside, **config}}


def entrance(name, *input_shape):
    config = {"name": name, "batch_input_shape": [None, *input_shape], "input_dtype": "float32", "sparse": False}
    return call({"class_name": "InputLayer", "config": config})


def sequential(*layers):
    return {"class_name": "Sequential", "config": list(layers)}


def call(entry, *nodes):
    return {**entry, "name": entry["config"]["name"], "inbound_nodes": [list(node) for node in nodes]}


def relu(x):
    return np.maximum(x, 0)


def test_branches_of_all_kinds_merged_in_a_sequential(tmp_path):
    """Of different depth, one merging others itself, one functional; and a model inside further down."""
    shapes = {"first": (3, 3), "deeper": (3, 4), "at_last": (4, 4), "after": (4, 4), "of_model": (3, 4),
              "in_nest": (4, 4), "out": (4, 1)}  # fmt: skip
    w = {name: [draw(*shape), draw(shape[1])] for name, shape in shapes.items()}
    table = draw(10, 2)
    words = layer("Embedding", "words", (2,), input_dim=10, output_dim=2, input_length=2, init="uniform",
                  mask_zero=False, dropout=0.0, W_regularizer=None, W_constraint=None)  # fmt: skip
    inner = sequential(
        merge("inside", [
            sequential(dense("first", 3, "relu", input_shape=(3,)), dense("deeper", 4, "relu")),
            sequential(words, layer("Flatten", "flat"), dense("at_last", 4)),
        ]),
        dense("after", 4, "tanh"),
    )  # fmt: skip
    functional = {"class_name": "Model", "config": {
        "name": "functional", "input_layers": [["x", 0, 0]], "output_layers": [["of_model", 0, 0]],
        "layers": [entrance("x", 3), call(dense("of_model", 4), [["x", 0, 0]])],
    }}  # fmt: skip
    nest = {"class_name": "Sequential", "config": {"name": "nest", "layers": [dense("in_nest", 4, input_shape=(4,))]}}
    config = sequential(merge("outside", [inner, functional]), nest, dense("out", 1))
    path = write(tmp_path / "merged.h5", config, {
        "first": w["first"], "deeper": w["deeper"], "words": [table], "flat": [], "at_last": w["at_last"],
        "inside": [], "after": w["after"], "x": [], "of_model": w["of_model"], "outside": [],
        "nest": w["in_nest"], "out": w["out"],
    })  # fmt: skip

    a, numbers, b = draw(5, 3), RANDOM.randint(0, 10, (5, 2)), draw(5, 3)

    def affine(name, x):
        return x @ w[name][0] + w[name][1]

    inner_sum = relu(affine("deeper", relu(affine("first", a)))) + affine("at_last", table[numbers].reshape(5, 4))
    merged = np.tanh(affine("after", inner_sum)) + affine("of_model", b)
    expected = affine("out", affine("in_nest", merged))
    model = load_model(path, compile=False)
    np.testing.assert_allclose(model.predict([a, numbers, b]), expected, rtol=1e-4, atol=1e-5)
    rebuilt = model_from_json(json.dumps({**config, "keras_version": "1.2.2"}))
    rebuilt.load_weights(path)
    np.testing.assert_allclose(rebuilt.predict([a, numbers, b]), expected, rtol=1e-4, atol=1e-5)


def test_a_layer_shared_by_branches(tmp_path):
    config = sequential(
        merge("both", [sequential(dense("left", 3, input_shape=(2,)), dense("shared", 2)),
                       sequential(dense("right", 3, input_shape=(2,)), dense("shared", 2))], mode="concat"),
    )  # fmt: skip
    weights = {"left": [draw(2, 3), draw(3)], "shared": [draw(3, 2), draw(2)], "right": [draw(2, 3), draw(3)]}
    model = load_model(write(tmp_path / "shared.h5", config, {**weights, "both": []}), compile=False)
    (wl, bl), (ws, bs), (wr, br) = weights.values()
    x, y = draw(4, 2), draw(4, 2)
    expected = np.concatenate([(x @ wl + bl) @ ws + bs, (y @ wr + br) @ ws + bs], 1)
    np.testing.assert_allclose(model.predict([x, y]), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axes", [1, [1, 1], [[1], [1]]], ids=str)
def test_dot_axes_in_every_form(tmp_path, axes):
    inputs = [entrance(name, 3) for name in "ab"]
    product = call(merge("m", mode="dot", dot_axes=axes), [["a", 0, 0], ["b", 0, 0]])
    config = {"name": "model", "layers": [*inputs, product], "input_layers": [["a", 0, 0], ["b", 0, 0]],
              "output_layers": [["m", 0, 0]]}  # fmt: skip
    path = write(tmp_path / "dot.h5", {"class_name": "Model", "config": config}, {"a": [], "b": [], "m": []})
    x, y = draw(4, 3), draw(4, 3)
    np.testing.assert_allclose(
        load_model(path, compile=False).predict([x, y]), (x * y).sum(1, keepdims=True), rtol=1e-5
    )


@pytest.mark.parametrize(
    "padding", [[1, 0, 2, 0], {"top_pad": 1, "bottom_pad": 0, "left_pad": 2, "right_pad": 0}], ids=["list", "dict"]
)
def test_padding_by_side(tmp_path, padding):
    config = sequential(layer("ZeroPadding2D", "z", (2, 2, 1), padding=padding, dim_ordering="tf"))
    x = draw(2, 2, 2, 1)
    found = load_model(write(tmp_path / "z.h5", config, {"z": []}), compile=False).predict(x)
    np.testing.assert_array_equal(found, np.pad(x, ((0, 0), (1, 0), (2, 0), (0, 0))))


@pytest.mark.filterwarnings("ignore:The `(Highway|MaxoutDense)` layer is deprecated:UserWarning")
def test_highway_and_maxout(tmp_path):
    highway = layer("Highway", "h", (3,), init="glorot_uniform", transform_bias=-2, activation="relu", bias=True,
                    input_dim=3, **OLD_OPTIONS)  # fmt: skip
    maxout = layer("MaxoutDense", "m", output_dim=2, nb_feature=4, init="glorot_uniform", bias=True, input_dim=None,
                   **OLD_OPTIONS)  # fmt: skip
    h, m = [draw(3, 3), draw(3, 3), draw(3), draw(3)], [draw(4, 3, 2), draw(4, 2)]
    path = write(tmp_path / "old.h5", sequential(highway, maxout), {"h": h, "m": m})
    x = draw(5, 3)
    carry = 1 / (1 + np.exp(-(x @ h[1] + h[3])))
    mixed = relu(x @ h[0] + h[2]) * carry + (1 - carry) * x
    expected = (np.einsum("bi,fio->bfo", mixed, m[0]) + m[1]).max(1)
    np.testing.assert_allclose(load_model(path, compile=False).predict(x), expected, rtol=1e-4, atol=1e-5)


def test_time_distributed_dense(tmp_path):
    old = {"class_name": "TimeDistributedDense",
           "config": dense("t", 3, input_shape=(5, 2), input_length=5)["config"]}  # fmt: skip
    w, b, x = draw(2, 3), draw(3), draw(4, 5, 2)
    model = load_model(write(tmp_path / "t.h5", sequential(old), {"t": [w, b]}), compile=False)
    np.testing.assert_allclose(model.predict(x), x @ w + b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("recurrent", "order"), [(LSTM, (0, 2, 1, 3)), (GRU, (0, 1, 2))])
def test_gates_within_a_model_within_a_model(tmp_path, recurrent, order):
    """They were stored gate by gate: W, U, b of each."""
    encoder = Sequential([recurrent(2, input_shape=(3, 4)), BatchNormalization(), Dense(3)], name="encoder")
    model = Sequential([encoder, Dense(1, name="top")])
    model.set_weights([draw(*w.shape) ** 2 for w in model.get_weights()])
    matrices = [np.split(w, len(order), axis=-1) for w in encoder.get_weights()[:3]]
    gates = [kind[order.index(gate)] for gate in range(len(order)) for kind in matrices]
    x = draw(5, 3, 4)
    expected = model.predict(x)
    layers = {"encoder": [*gates, *K.batch_get_value(encoder.weights[3:])], "top": model.layers[-1].get_weights()}
    path = write(tmp_path / "model.h5", {}, layers)
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.load_weights(path)
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-5)


def test_a_convolutional_lstm(tmp_path):
    """Its arrays lie gate by gate, in the order i, c, f, o."""
    config = layer("ConvLSTM2D", "c", (2, 4, 4, 1), nb_filter=2, nb_row=3, nb_col=3, init="glorot_uniform",
                   inner_init="orthogonal", forget_bias_init="one", activation="tanh", inner_activation="hard_sigmoid",
                   dim_ordering="tf", border_mode="same", subsample=[1, 1], return_sequences=False, go_backwards=False,
                   stateful=False, W_regularizer=None, U_regularizer=None, b_regularizer=None, dropout_W=0.0,
                   dropout_U=0.0)  # fmt: skip
    gates = {gate: [draw(3, 3, 1, 2), draw(3, 3, 2, 2), draw(2)] for gate in "icfo"}
    arrays = [array for gate in "icfo" for array in gates[gate]]
    model = load_model(write(tmp_path / "c.h5", sequential(config), {"c": arrays}), compile=False)
    (found,) = model.layers
    assert isinstance(found, ConvLSTM2D) and (found.filters, found.kernel_size, found.padding) == (2, (3, 3), "same")
    assert found.recurrent_activation.__name__ == "hard_sigmoid" and found.unit_forget_bias
    for kind, weight in enumerate(model.get_weights()):
        np.testing.assert_array_equal(weight, np.concatenate([gates[gate][kind] for gate in "ifco"], -1))


@pytest.mark.parametrize("class_name", ["SReLU", "ParametricSoftplus"])
def test_layers_that_went_with_keras_1(tmp_path, class_name):
    path = write(tmp_path / "gone.h5", sequential(layer(class_name, "g", (3,))), {"g": []})
    with pytest.raises(Untranslatable, match=f"only in Keras 1.*{class_name}"):
        load_model(path, compile=False)
