"""Whole models as ONNX, run by onnxruntime against `model.predict`. Each layer by itself is tested in tests/layers,
each primitive in tests/runtimes."""

import os
from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx_sessions import session_of

import keras
from keras import backend as K
from keras import layers as L
from keras.export import NotInONNX, as_onnx, export_onnx
from keras.models import Model, Sequential


def check(model, *arrays, tolerance=1e-5, opset=18):
    """The file gives what `predict` gives, for the rows given and for fewer; returns the onnx.ModelProto."""
    proto = as_onnx(model, opset)
    session = session_of(proto)
    assert [i.name for i in session.get_inputs()] == model.input_names
    assert [o.name for o in session.get_outputs()] == model.output_names
    inputs = [a.astype(K.dtype(x)) for a, x in zip(arrays, model.inputs, strict=True)]
    wanted = model.predict(inputs if len(inputs) > 1 else inputs[0])
    wanted = wanted if isinstance(wanted, list) else [wanted]
    for rows in (len(inputs[0]), 1):
        results = session.run(None, {n: a[:rows] for n, a in zip(model.input_names, inputs, strict=True)})
        for got, known in zip(results, wanted, strict=True):
            np.testing.assert_allclose(got, known[:rows], rtol=tolerance, atol=tolerance)
    return proto


def kinds(proto):
    return Counter(node.op_type for node in proto.graph.node)


def weights_of(proto):
    return {array.name: onnx.numpy_helper.to_array(array) for array in proto.graph.initializer}


def randomized(model):
    """The model with weights of which none is 0 or 1."""
    model.set_weights([np.random.uniform(0.2, 0.8, w.shape) for w in model.get_weights()])
    return model


def numbers(*shape):
    return np.random.standard_normal(shape).astype("float32")


def words(rows, steps, masked=2):
    """Sentences of numbers from 1 to 9, padded with 0."""
    found = np.random.randint(1, 10, (rows, steps))
    found[0, -masked:] = 0
    return found


# Recurrence and masks.


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.LSTM(3, return_sequences=True),
        lambda: L.GRU(3, reset_after=True),
        lambda: L.SimpleRNN(3, go_backwards=True),
        lambda: L.LSTM(3, unroll=True),
        lambda: L.Bidirectional(L.LSTM(3, return_sequences=True)),
        lambda: L.Bidirectional(L.GRU(2), merge_mode="sum"),
        lambda: L.RNN([L.LSTMCell(3), L.GRUCell(2)]),
        lambda: L.TimeDistributed(L.Dense(2)),
    ],
    ids=["lstm", "gru", "backwards", "unrolled", "both_ways", "both_ways_sum", "stacked", "per_step"],
)
def test_masked_sequences(layer):
    model = Sequential([L.Embedding(10, 4, mask_zero=True, input_length=5), layer()])
    check(randomized(model), words(3, 5))


def test_sequences_of_any_length():
    model = Sequential([L.Embedding(10, 4, mask_zero=True), L.Bidirectional(L.LSTM(3)), L.Dense(1)])
    session = session_of(as_onnx(model))
    assert session.get_inputs()[0].shape == ["batch", "embedding_1_input_axis_1"]
    for rows, steps in ((2, 4), (3, 6)):
        x = words(rows, steps).astype("float32")
        np.testing.assert_allclose(session.run(None, {"embedding_1_input": x})[0], model.predict(x), atol=1e-6)


def test_masking_layer_and_initial_states():
    x, state = L.Input((4, 3)), L.Input((2,))
    masked = L.Masking()(x)
    sequence, last = L.GRU(2, return_sequences=True, return_state=True)(masked, initial_state=state)
    values = numbers(3, 4, 3)
    values[1, 2:] = 0
    check(Model([x, state], [sequence, last]), values, numbers(3, 2))


def test_states_of_a_stateful_layer_are_inputs_and_outputs():
    model = Sequential([L.LSTM(2, stateful=True, batch_input_shape=(2, 3, 4)), L.Dense(1)])
    session = session_of(as_onnx(model))
    names = [i.name for i in session.get_inputs()]
    assert names[0] == "lstm_1_input" and len(names) == 3
    outputs = [o.name for o in session.get_outputs()]
    assert outputs == ["dense_1", *(f"{name}:next" for name in names[1:])]
    states = {name: np.zeros((2, 2), "float32") for name in names[1:]}
    for x in (numbers(2, 3, 4), numbers(2, 3, 4)):
        y, *found = session.run(None, {"lstm_1_input": x, **states})
        states = dict(zip(names[1:], found, strict=True))
        np.testing.assert_allclose(y, model.predict(x, batch_size=2), atol=1e-6)


# Graphs.


def test_several_inputs_and_outputs_shared_and_nested_models():
    a, b = L.Input((4,), name="left"), L.Input((4,), name="right")
    inner = Sequential([L.Dense(3, activation="relu", input_shape=(4,)), L.Dense(3)], name="inner")
    shared = L.Dense(2, name="shared")
    together = L.concatenate([inner(a), inner(b)])
    model = Model([a, b], [shared(together), L.dot([inner(a), inner(b)], 1, normalize=True), L.add([a, b], name="sum")])
    assert model.input_names == ["left", "right"]
    check(model, numbers(3, 4), numbers(3, 4))


def test_an_output_given_twice_and_an_input_given_back():
    x = L.Input((3,))
    y = L.Dense(2)(x)
    proto = as_onnx(Model(x, [y, x, y]))
    value = numbers(2, 3)
    first, same, second = session_of(proto).run(None, {"input_1": value})
    np.testing.assert_array_equal(same, value)
    np.testing.assert_array_equal(first, second)


def test_an_input_that_nothing_reads():
    x, unread = L.Input((3,)), L.Input((2,))
    model = Model([x, unread], L.Lambda(lambda v: v[0] * 2.0)([x, unread]))
    check(model, numbers(2, 3), numbers(2, 2))


def test_a_fixed_batch_size_stays():
    x = L.Input(batch_shape=(2, 3))
    (described,) = session_of(as_onnx(Model(x, L.Dense(1)(x)))).get_inputs()
    assert described.shape == [2, 3]


def test_a_subclassed_model_that_was_called():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = L.Dense(4, activation="tanh"), L.Dense(2)

        def call(self, x):
            return self.second(self.first(x))

    model, x = Own(), numbers(3, 5)
    with pytest.raises(ValueError, match="nothing to export.*call the model on data"):
        as_onnx(model)
    wanted = model.predict(x)
    np.testing.assert_allclose(session_of(as_onnx(model)).run(None, {"input_1": x})[0], wanted, atol=1e-6)


# Images.


def residual(x, filters, strides=1):
    y = L.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False)(x)
    y = L.ReLU()(L.BatchNormalization()(y))
    y = L.BatchNormalization(scale=False)(L.Conv2D(filters, 3, padding="same")(y))
    if strides > 1:
        x = L.Conv2D(filters, 1, strides=strides)(x)
    return L.ReLU()(L.add([x, y]))


def small_resnet(shape, axis=-1):
    x = L.Input(shape)
    y = L.MaxPooling2D()(L.Conv2D(4, 3, padding="same")(x))
    y = residual(residual(y, 4), 6, strides=2)
    return Model(x, L.Dense(3, activation="softmax")(L.GlobalAveragePooling2D()(y)))


def test_a_residual_network():
    """Channels are moved once; convolutions take their biases, normalisations are single nodes with their weights."""
    model = randomized(small_resnet((12, 12, 3)))
    proto = check(model, numbers(3, 12, 12, 3))
    found = kinds(proto)
    assert found["Transpose"] == 1
    assert (found["Conv"], found["BatchNormalization"], found["Add"]) == (6, 4, 3)  # 2 sums and Dense's bias
    stored = weights_of(proto)
    for layer in model.layers:
        for variable, value in zip(layer.weights, layer.get_weights(), strict=True):
            wanted = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
            np.testing.assert_array_equal(stored[variable.name], wanted)


def test_a_residual_network_on_images_of_any_size():
    model = randomized(small_resnet((None, None, 3)))
    check(model, numbers(2, 13, 10, 3))


def test_channels_first():
    K.set_image_data_format("channels_first")
    x = L.Input((3, 8, 8))
    y = L.BatchNormalization(axis=1)(L.Conv2D(4, 3, activation="relu")(x))
    proto = check(randomized(Model(x, L.Flatten()(L.MaxPooling2D()(y)))), numbers(2, 3, 8, 8))
    assert kinds(proto)["BatchNormalization"] == 1


def test_mobilenet():
    from keras.applications.mobilenet import MobileNet

    model = MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25, classes=5)
    proto = check(model, numbers(2, 32, 32, 3), tolerance=1e-4)
    assert kinds(proto)["BatchNormalization"] == kinds(proto)["Conv"] - 1


@pytest.mark.parametrize("pool", [L.MaxPooling2D, L.AveragePooling2D])
def test_zeros_around_negative_numbers(pool):
    """As in ResNet50V2; the zeros are not left out of the windows."""
    x = L.Input((6, 6, 2))
    y = L.ZeroPadding2D()(L.Conv2D(2, 1)(x))
    model = Model(x, [pool(3, strides=2)(y), L.Conv2D(1, 3)(y)])
    model.layers[1].set_weights([np.ones((1, 1, 2, 2)), np.full(2, -9)])
    check(model, numbers(2, 6, 6, 2))


def test_an_autoencoder_with_unknown_sizes():
    x = L.Input((None, None, 1))
    y = L.Conv2D(3, 3, strides=2, padding="same")(x)
    y = L.Conv2DTranspose(2, 4, strides=2, padding="same")(y)
    y = L.UpSampling2D()(L.Cropping2D(1)(L.Conv2DTranspose(1, 3, strides=2)(y)))
    check(Model(x, y), numbers(2, 6, 8, 1))


# Lambda layers and layers of one's own.


@pytest.mark.parametrize(
    "function",
    [
        lambda x: K.switch(K.sum(x) > 0, lambda: x * 2.0, lambda: -x),
        lambda x: K.map_fn(lambda row: K.cumsum(row) / K.sum(K.abs(row)), x),
        lambda x: K.foldl(lambda total, row: total + row, K.permute_dimensions(x, (1, 0))),
        lambda x: K.one_hot(K.argmax(x, axis=-1), 4),
        lambda x: x[:, ::-1][:, 1:3] * K.cast(K.shape(x)[1], "float32"),
        lambda x: K.reshape(K.tile(x, [1, 2]), (K.shape(x)[0], 2, -1)),
        lambda x: K.dot(K.expand_dims(x, 1), K.constant(np.arange(8.0).reshape(2, 4, 1) / 3)),
        lambda x: K.l2_normalize(K.softplus(x), axis=1) + K.logsumexp(x, axis=1, keepdims=True),
        lambda x: K.hard_sigmoid(K.elu(x)) + K.batch_dot(x, x, axes=1),
        lambda x: K.batch_normalization(x, *(K.constant([c]) for c in (0.5, 2.0, 0.1, 3.0))),
        lambda x: K.conv1d(K.expand_dims(x), K.constant(np.ones((2, 1, 3)))) + K.constant([2.0]),
    ],
    ids=["switch", "map_fn", "foldl", "one_hot", "slices", "tile", "dot", "normalize", "activations", "one_for_all",
         "one_bias_for_all"],
)  # fmt: skip
def test_lambda(function):
    x = L.Input((4,))
    check(Model(x, L.Lambda(function)(x)), numbers(3, 4))


def test_reading_text_from_frames():
    x, lengths = L.Input((6, 4)), L.Input((1,), dtype="int32")
    decode = L.Lambda(
        lambda v: K.ctc_decode(K.softmax(v[0]), K.flatten(v[1]), greedy=False, beam_width=3)[0][0], output_shape=(None,)
    )
    check(Model([x, lengths], decode([x, lengths])), 3 * numbers(3, 6, 4), np.array([[6], [4], [5]]))


def test_a_layer_of_ones_own():
    class Attention(L.Layer):
        def build(self, shape):
            self.kernel = self.add_weight("kernel", (shape[-1], 1), initializer="uniform")
            super().build(shape)

        def call(self, x):
            scores = K.softmax(K.squeeze(K.dot(x, self.kernel), -1))
            return K.sum(x * K.expand_dims(scores), axis=1)

        def compute_output_shape(self, shape):
            return (shape[0], shape[-1])

    x = L.Input((5, 3))
    proto = check(Model(x, Attention()(x)), numbers(2, 5, 3))
    assert any("kernel" in name for name in weights_of(proto))


def test_random_numbers_are_drawn_by_the_runtime():
    x = L.Input((2,))
    y = L.Lambda(lambda v: v + K.random_normal(K.shape(v), stddev=0.5))(x)
    y = L.Dropout(0.5)(y)  # not at prediction
    (drawn,) = session_of(as_onnx(Model(x, y))).run(None, {"input_1": np.full((2000, 2), 3, "float32")})
    assert len(np.unique(drawn)) > 3000
    np.testing.assert_allclose([drawn.mean(), drawn.std()], [3, 0.5], atol=0.05)


# Types, versions, files.


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_float_types(dtype):
    K.set_floatx(dtype)
    model = randomized(Sequential([L.Dense(3, activation="tanh", input_shape=(4,)), L.BatchNormalization()]))
    proto = check(model, numbers(2, 4), tolerance=1e-2 if dtype == "float16" else 1e-12)
    assert {array.dtype.name for name, array in weights_of(proto).items() if ":" in name} == {dtype}
    assert kinds(proto)["BatchNormalization"] == (dtype == "float16")


def test_integers_stay_integers():
    x = L.Input((3,), dtype="int32")
    proto = check(Model(x, L.Embedding(5, 2)(x)), np.array([[0, 4, 1], [2, 2, 3]]))
    assert proto.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.INT32
    assert "Cast" not in kinds(proto)


@pytest.mark.parametrize("opset", [17, 19, 21])
def test_opset(opset):
    model = Sequential([L.Conv1D(2, 3, input_shape=(6, 2)), L.GlobalMaxPooling1D()])
    proto = check(model, numbers(2, 6, 2), opset=opset)
    assert proto.opset_import[0].version == opset


@pytest.mark.parametrize("opset", [16, 1000, "18"])
def test_other_opsets_are_refused(opset):
    with pytest.raises(ValueError, match="opset=.*wanted one of ONNX's opsets 17 to"):
        as_onnx(Sequential([L.Dense(1, input_shape=(2,))]), opset)


def test_export_of_a_model_writes_the_file(tmp_path):
    model, x = Sequential([L.Dense(2, input_shape=(3,))]), numbers(2, 3)
    path = tmp_path / "model.onnx"
    path.write_text("what was there before")
    model.export(path)
    assert os.listdir(tmp_path) == ["model.onnx"]
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {model.input_names[0]: x})[0], model.predict(x), rtol=1e-6)
    export_onnx(model, tmp_path / "also", opset=17)
    assert onnx.load(tmp_path / "also").opset_import[0].version == 17


def test_a_model_that_cannot_be_exported_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_text("what was there before")
    x = L.Input((3,))
    inner = Model(x, L.Lambda(K.native(lambda v: v * 2), name="mine")(x))
    y = L.Input((3,))
    with pytest.raises(NotInONNX, match=r"'native'.* in the layer 'mine' \(Lambda\)"):
        Model(y, inner(y)).export(path)
    assert path.read_text() == "what was there before"


def test_a_kernel_of_unknown_size_is_refused():
    x, kernel = L.Input((4, 1)), L.Input(batch_shape=(None, 1, 1))
    y = L.Lambda(lambda v: K.conv1d(v[0], v[1]), output_shape=(None, 1))([x, kernel])
    with pytest.raises(NotInONNX, match="kernel is of unknown size in the layer 'lambda_1'"):
        as_onnx(Model([x, kernel], y))


@pytest.mark.parametrize("path, options, words", [
    ("model.tflite", {}, "not something that can be written"),
    ("model.onnx", {"format": "tf_saved_model"}, "tf_saved_model"),
])  # fmt: skip
def test_other_formats_are_refused(tmp_path, path, options, words):
    with pytest.raises(ValueError, match=f"{words}.*model.save"):
        Sequential([L.Dense(1, input_shape=(2,))]).export(tmp_path / path, **options)
    assert not os.listdir(tmp_path)


def test_more_weights_than_a_file_holds(monkeypatch):
    monkeypatch.setattr("keras.export.model.LARGEST", 1000)
    with pytest.raises(ValueError, match="GiB at most"):
        as_onnx(Sequential([L.Dense(100, input_shape=(10,))]))


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx"):
        as_onnx(Sequential([L.Dense(1, input_shape=(2,))]))


def test_exporting_changes_nothing():
    model = Sequential([L.Dense(2, input_shape=(3,)), L.Dropout(0.5)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    as_onnx(model)
    model.train_on_batch(numbers(2, 3), numbers(2, 2))
    assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))
    assert keras.models.model_from_json(model.to_json()).count_params() == model.count_params()
