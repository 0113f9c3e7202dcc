"""Mistakes end in messages that name the layer, what it got and what it wanted."""

import pytest
from every_layer import classes, example, parameters, quiet

from keras import backend as K
from keras import layers as L
from keras.layers.convolutional_recurrent import ConvRNN2D

pytestmark = quiet


def on(*shapes):
    inputs = [L.Input(batch_shape=shape) for shape in shapes]
    return inputs if len(inputs) > 1 else inputs[0]


# Mistakes that any layer may meet, tried on every layer that may.

CALLED = [layer for layer in classes() if example(layer)[1] is not None]
MADE = [layer for layer in classes() if example(layer)[0] is not None]


def by_name(layers):
    return pytest.mark.parametrize("layer", layers, ids=lambda layer: layer.__name__)


def make(layer, **arguments):
    return layer(**{"name": "mine", **example(layer)[0], **arguments})


@by_name(CALLED)
def test_called_on_an_array(layer):
    arrays = example(layer)[1].arrays()
    with pytest.raises(ValueError, match="Layer mine .*isn't a symbolic tensor.*ndarray(?s:.*)keras.Input"):
        make(layer)(arrays if len(arrays) > 1 else arrays[0])


@by_name([layer for layer in CALLED if layer.__name__ not in ("Lambda", "Dot")])
def test_called_on_a_tensor_without_the_axes_it_needs(layer):
    elementwise = {"Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "Embedding",
                   "GaussianDropout", "GaussianNoise", "LeakyReLU", "PReLU", "ReLU", "Reshape", "Softmax",
                   "ThresholdedReLU"}  # fmt: skip
    if layer.__name__ in elementwise:
        return  # any number of axes will do
    with pytest.raises(ValueError, match=r"(?s)mine.*\(None,\)"):
        make(layer)(on((None,)))


@by_name(MADE)
def test_an_argument_that_does_not_exist(layer):
    near = [name for name, p in parameters(layer).items() if p.default is not p.empty and len(name) > 4]
    given = near[0][:-1] + "x" if near else "nmae"
    with pytest.raises(TypeError, match=rf"'{given}' .*{layer.__name__}.*Did you mean '{near[0] if near else 'name'}'"):
        make(layer, **{given: 1})


BAD = {
    "units": (0, -1, 2.5, "3", None),
    "filters": (0, 2.5, "3"),
    "kernel_size": (0, (3, -1), (1, 2, 3, 4), "3", (2, 2.5, 2)),
    "pool_size": (0, (1, 2, 3, 4), "2"),
    "size": (0, 1.5, (1, 2, 3, 4)),
    "strides": (0, -1, (1, 2, 3, 4), (1, "2")),
    "dilation_rate": (0, (1, 2, 3, 4)),
    "depth_multiplier": (0, 1.5),
    "data_format": ("NHWC", "last", 1),
    "padding": ("full", "smae", -1, (1, 2, 3, 4), None),
    "cropping": (-1, (1, 2, 3, 4), "1"),
    "n": (0, 1.5, "2"),
    "input_dim": (0, "9"),
    "output_dim": (0, 1.5),
    "rate": ("half", None),
    "stddev": ("one", None),
    "dropout": ("half",),
    "recurrent_dropout": (None,),
    "alpha": ("a", None, [1, 2]),
    "theta": ("a",),
    "momentum": ("a", None),
    "epsilon": ("a",),
    "l1": ("a",),
    "implementation": (3, "gpu"),
    "interpolation": ("cubic",),
    "target_shape": (3, "ab", (-1, -1)),
    "dims": ((0, 1), (1, 3)),
}


def bad_arguments():
    for layer in MADE:
        if layer.__module__.startswith("keras.legacy"):
            continue
        for name in parameters(layer):
            for value in BAD.get(name, ()):
                yield pytest.param(layer, name, value, id=f"{layer.__name__}-{name}-{value}")


@pytest.mark.parametrize("layer, name, value", list(bad_arguments()))
def test_a_bad_argument(layer, name, value):
    """The message names the layer (or the cell that it makes), the argument and the value."""
    with pytest.raises(ValueError) as error:
        make(layer, **{name: value})
    message = str(error.value)
    assert layer.__name__ in message
    assert name in message
    assert repr(value) in message or repr(value)[1:-1] in message


BAD_NAMES = {
    "activation": "activation function", "recurrent_activation": "activation function",
    "_initializer": "initializer", "_regularizer": "regularizer", "_constraint": "constraint",
}  # fmt: skip


def bad_names():
    for layer in MADE:
        for name in parameters(layer):
            for ending, kind in BAD_NAMES.items():
                if name.endswith(ending) and not (name == "recurrent_activation" and ending == "activation"):
                    yield pytest.param(layer, name, kind, id=f"{layer.__name__}-{name}")


@pytest.mark.parametrize("layer, name, kind", list(bad_names()))
def test_a_name_that_means_nothing(layer, name, kind):
    with pytest.raises(ValueError, match=f"Unknown {kind}: nothing_known"):
        make(layer, **{name: "nothing_known"})


@by_name([layer for layer in CALLED if {"kernel_initializer", "gamma_initializer"} & set(parameters(layer))])
def test_channels_that_are_not_known(layer):
    shape = example(layer)[1].shape
    with pytest.raises(ValueError, match=r"(?s)should be defined.*`None`.*\(.*None\).*input_shape"):
        make(layer)(on((None, *shape[1:-1], None)))


@by_name([layer for layer in CALLED if "kernel_initializer" in parameters(layer)])
def test_other_channels_than_the_first_time(layer):
    shape = example(layer)[1].shape
    built = make(layer)
    built(on((None, *shape[1:])))
    with pytest.raises(ValueError, match=rf"(?s)layer mine: expected .*{shape[-1]}.*found shape=\(.*{shape[-1] + 1}\)"):
        built(on((None, *shape[1:-1], shape[-1] + 1)))


# Mistakes of single layers.


@pytest.mark.parametrize("layer, shapes, message", [
    # rank
    (lambda: L.Conv2D(2, 3), [(None, 8, 8)], "conv2d_1.*ndim=4.*ndim=3"),
    (lambda: L.RepeatVector(3), [(None, 2, 2)], "repeat_vector_1.*ndim=2.*ndim=3"),
    (lambda: L.MaxPooling1D(), [(None, 8)], "max_pooling1d_1.*ndim=3.*ndim=2"),
    (lambda: L.GlobalMaxPooling2D(), [(None, 8, 8)], "global_max_pooling2d_1.*ndim=4"),
    (lambda: L.ZeroPadding2D(), [(None, 8, 8)], "zero_padding2d_1.*ndim=4"),
    # undefined sizes
    (lambda: L.Dense(2), [(None, None)], r"dense_1 \(Dense\).*should be defined.*`None`"),
    (lambda: L.Conv2D(2, 3), [(None, 8, 8, None)],
     "conv2d_1.*The channel dimension of the inputs should be defined"),
    (lambda: L.Flatten(), [(None, None, 3)], r"flatten_1.*not fully defined \(got \(None, 3\)\)"),
    (lambda: L.LocallyConnected1D(2, 3), [(None, None, 3)], "locally_connected1d_1.*Axis 1"),
    (lambda: L.PReLU(), [(None, None, 3)], "p_re_lu_1.*Axis 1"),
    # sizes that do not fit
    (lambda: L.Conv2D(2, 5), [(None, 3, 8, 1)], r"conv2d_1.*\(None, 3, 8, 1\) is too small.*padding='same'"),
    (lambda: L.MaxPooling2D(4), [(None, 3, 3, 1)], "max_pooling2d_1.*too small.*smaller pool_size"),
    (lambda: L.Cropping1D(3), [(None, 6, 1)], "cropping1d_1.*too small.*Crop less"),
    (lambda: L.LocallyConnected2D(1, 4), [(None, 3, 3, 1)], "locally_connected2d_1.*too small"),
    (lambda: L.Reshape((4, 2)), [(None, 3, 3)], r"reshape_1.*must be unchanged.*\(3, 3\) has 9 values"),
    (lambda: L.Reshape((-1, 2)), [(None, 3, 3)], r"reshape_1.*target_shape=\(-1, 2\)"),
    (lambda: L.Embedding(5, 2, input_length=4), [(None, 3)], 'embedding_1.*"input_length" is 4.*pad_sequences'),
    (lambda: L.PReLU(shared_axes=[3]), [(None, 3)], r"p_re_lu_1.*shared_axes=\[3\]"),
    (lambda: L.Dropout(0.5, noise_shape=(1,)), [(None, 3, 4)], r"dropout_1.*\(1,\) has 1 entries.*\(None, 3, 4\)"),
    (lambda: L.Softmax(axis=5), [(None, 3)], r"softmax_1 \(Softmax\).*\(None, 3\).*axis 5 does not exist"),
    (lambda: L.BatchNormalization(axis=4), [(None, 3)], r"batch_normalization_1.*axis=4 is not.*\(None, 3\)"),
    (lambda: L.ConvLSTM2D(2, 5), [(None, 3, 3, 3, 1)], r"conv_lst_m2d_1 .*too small.*kernel_size than \(5, 5\)"),
    (lambda: L.Dense(2, weights=[[1.0]]), [(None, 3)], 'layer "dense_1".*length 1, but.*expecting 2 weights'),
    # layers around others
    (lambda: L.TimeDistributed(L.Conv2D(2, 3)), [(None, 3, 4, 4)], "conv2d_1: expected ndim=4.*ndim=3"),
    (lambda: L.TimeDistributed(L.Dense(2)), [(None, 3)], r"time_distributed_1.*at least 3 axes.*\(None, 3\)"),
    (lambda: L.TimeDistributed(L.Dense(2)), [(None, 3, None)], r"dense_1 \(Dense\).*should be defined"),
    (lambda: L.Bidirectional(L.LSTM(2)), [(None, 3)], "bidirectional_1: expected ndim=3.*ndim=2"),
    (lambda: L.Bidirectional(L.LSTM(2)), [(None, 4, None)], "lstm_1.*should be defined"),
    # recurrent layers and their states
    (lambda: L.LSTM(2), [(None, 4, 3), (None, 2)], r"lstm_1.*2 state\(s\) of size \[2, 2\].*passed 1"),
    (lambda: L.GRU(2), [(None, 4, 3), (None, 3)], r"gru_1.*wanted the shape \(None, 2\), got \(None, 3\)"),
    (lambda: L.CuDNNGRU(2), [(None, 4, 3), (None, 3)], r"cu_dnngru_1.*wanted the shape \(None, 2\)"),
    (lambda: L.ConvLSTM2D(2, 3), [(None, 3, 5, 5, 1), (None, 5, 5, 2), (None, 5, 5, 2)],
     r"conv_lst_m2d_1.*wanted the shape \(None, 3, 3, 2\), got \(None, 5, 5, 2\)"),
    (lambda: L.Bidirectional(L.GRU(2)), [(None, 4, 3), (None, 2)], "bidirectional_1.*1 forward, then 1 backward"),
    (lambda: L.Bidirectional(L.GRU(2)), [(None, 4, 3), (None, 3), (None, 2)], r"forward_gru_1.*got \(None, 3\)"),
    (lambda: L.SimpleRNN(2, unroll=True), [(None, None, 3)], "simple_rnn_1.*cannot unroll"),
    (lambda: L.GRU(2, stateful=True), [(None, 4, 3)], "gru_1.*batch size"),
    # functions of the user
    (lambda: L.Lambda(lambda x: None), [(None, 3)], "lambda_1.*must return a tensor.*got None"),
    (lambda: L.Lambda(lambda x: [1.0]), [(None, 3)], r"lambda_1.*must return a tensor.*got \[1.0\]"),
    (lambda: L.Lambda(lambda x: K.dot(x, K.ones((4, 2)))), [(None, 3)],
     r"Layer lambda_1 \(Lambda\): dot.*\(None, 3\).*\(4, 2\)"),
    # merges
    (lambda: L.Add(), [(None, 3)], "add_1.*list of at least 2 inputs"),
    (lambda: L.Subtract(), [(None, 3)] * 3, "subtract_1.*exactly 2"),
    (lambda: L.Add(), [(None, 3), (None, 4)], r"add_1.*broadcast together with shapes \(3,\) \(4,\)"),
    (lambda: L.Multiply(), [(2, 3), (4, 3)], "multiply_1.*different batch sizes"),
    (lambda: L.Concatenate(), [(None, 3, 2), (None, 4, 2)], "concatenate_1.*matching shapes except for the concat"),
    (lambda: L.Concatenate(axis=3), [(None, 3), (None, 3)], "concatenate_1.*axis=3"),
    (lambda: L.Dot(axes=1), [(None, 3), (None, 4)], "dot_1.*Dimension incompatibility 3 != 4"),
    (lambda: L.Dot(axes=2), [(None, 3), (None, 3)], "dot_1.*axes=2 does not fit"),
], ids=lambda x: "")  # fmt: skip
def test_bad_inputs(layer, shapes, message):
    with pytest.raises(ValueError, match="(?s)" + message):
        layer()(on(*shapes))


@pytest.mark.parametrize("make, counts", [
    (L.Add, [1]), (L.Concatenate, [1]), (L.Subtract, [1, 3]), (lambda: L.Dot(axes=1), [1, 3]),
], ids=["Add", "Concatenate", "Subtract", "Dot"])  # fmt: skip
def test_merges_that_are_built_already(make, counts):
    layer = make()
    layer(on((None, 3), (None, 3)))
    for count in counts:
        with pytest.raises(ValueError, match=f"list of {'at least' if counts == [1] else 'exactly'} 2 inputs"):
            layer([L.Input((3,)) for _ in range(count)])


@pytest.mark.parametrize("make, error, message", [
    (lambda: L.Dense(0), ValueError, "dense_1.*`units` must be a positive integer, got 0"),
    (lambda: L.Dense("10"), ValueError, "`units` must be a positive integer, got '10'"),
    (lambda: L.Conv2D(2.5, 3), ValueError, "`filters` must be a positive integer"),
    (lambda: L.Conv2D(2, (3, 3, 3)), ValueError, "kernel_size"),
    (lambda: L.Conv2D(2, 3, padding="causal"), ValueError, "`padding` argument must be one of 'valid', 'same'"),
    (lambda: L.Conv2D(2, 3, data_format="last"), ValueError, "data_format"),
    (lambda: L.Conv1D(2, 3, padding="causal", data_format="channels_first"), ValueError,
     "causal padding in `Conv1D`"),
    (lambda: L.MaxPooling2D(padding="full"), ValueError, "max_pooling2d_1.*'full'"),
    (lambda: L.LocallyConnected1D(2, 3, padding="same"), ValueError, "must be one of 'valid'"),
    (lambda: L.Conv2DTranspose(2, 3, strides=2, output_padding=2), ValueError, "greater than output padding"),
    (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier"),
    (lambda: L.ZeroPadding2D((1, 2, 3)), ValueError, "`padding` should have 2 elements"),
    (lambda: L.Cropping3D(((1, 1), (1, 1))), ValueError, "`cropping` should have 3 elements"),
    (lambda: L.ZeroPadding1D(-1), ValueError, r"zero_padding1d_1.*`entry 1 of padding`.*not less than 0. Received: -1"),
    (lambda: L.UpSampling2D(interpolation="cubic"), ValueError, 'one of "nearest" or "bilinear", got \'cubic\''),
    (lambda: L.Permute((1, 3)), ValueError, "bad `dims`"),
    (lambda: L.Reshape((-1, -1)), ValueError, "at most one may be -1"),
    (lambda: L.ReLU(max_value=-1), ValueError, "max_value of Relu layer cannot be negative"),
    (lambda: L.LeakyReLU(alpha=None), ValueError, "`alpha` must be a number, got None"),
    (lambda: L.Lambda(3), TypeError, "`function` must be callable"),
    (lambda: L.Lambda(abs, output_shape=3), TypeError, "`output_shape` must be a list, a tuple, or a function"),
    (lambda: L.Dot(axes="1"), TypeError, "Invalid type for `axes`"),
    (lambda: L.Dot(axes=(1, 2, 3)), ValueError, "Invalid format for `axes`"),
    (lambda: L.Dense(3, unit=4), TypeError, "unit"),
    (lambda: L.CuDNNLSTM(3, dropout=0.5), TypeError, "'dropout'.*CuDNNLSTM"),
    (lambda: L.Conv2D(2, 3, 3, 3), TypeError, "`Conv2D` can accept only 2 positional arguments"),
    (lambda: L.Activation(3), ValueError, "activation function identifier: 3"),
    (lambda: L.TimeDistributed(L.Dense), ValueError, "TimeDistributed wraps a layer .*got <class"),
    (lambda: L.TimeDistributed("dense"), ValueError, "TimeDistributed wraps a layer .*got 'dense'"),
    (lambda: L.Bidirectional(L.Dense(3)), ValueError, "Bidirectional wraps a recurrent layer"),
    (lambda: L.Bidirectional(L.LSTM), ValueError, "Bidirectional wraps a recurrent layer"),
    (lambda: L.Bidirectional(L.LSTM(2), merge_mode="cat"), ValueError, "Invalid merge mode.*'concat'.*'cat'"),
    (lambda: L.RNN([]), ValueError, "at least one cell"),
    (lambda: L.StackedRNNCells([L.Dense(2)]), ValueError, "has no `state_size`"),
    (lambda: L.RNN(L.LSTMCell), ValueError, r"must be an instance, such as LSTMCell\(...\)"),
    (lambda: L.RNN(L.Dense(2)), ValueError, "has no `state_size`"),
    (lambda: L.ConvLSTM2D(2, 3, unroll=True), TypeError, "Unrolling isn't possible"),
    (lambda: ConvRNN2D([L.ConvLSTM2DCell(2, 3)]), TypeError, "pass one cell"),
    (lambda: L.deserialize({"class_name": "Denes", "config": {}}), ValueError, "Denes"),
    (lambda: L.deserialize({"class_name": "deserialize_keras_object", "config": {}}), ValueError, "layer"),
], ids=lambda x: "")  # fmt: skip
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match="(?s)" + message):
        make()


def test_an_input_with_other_channels_than_the_first():
    layer = L.Conv2D(2, 3)
    layer(on((None, 8, 8, 3)))
    with pytest.raises(ValueError, match="(?s)conv2d_1.*axis -1.*3.*4"):
        layer(on((None, 8, 8, 4)))
