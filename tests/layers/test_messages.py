"""Mistakes end in messages that name the layer, what it got and what it wanted."""

import pytest

from keras import layers as L


def on(*shapes):
    inputs = [L.Input(batch_shape=shape) for shape in shapes]
    return inputs if len(inputs) > 1 else inputs[0]


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
    (lambda: L.Embedding(5, 2, input_length=4), [(None, 3)],
         'embedding_1.*"input_length" is 4.*pad_sequences'),
    (lambda: L.PReLU(shared_axes=[3]), [(None, 3)], r"p_re_lu_1.*shared_axes=\[3\]"),
    # merges
    (lambda: L.Add(), [(None, 3)], "add_1.*list of at least 2 inputs"),
    (lambda: L.Subtract(), [(None, 3)] * 3, "subtract_1.*exactly 2"),
    (lambda: L.Add(), [(None, 3), (None, 4)], r"add_1.*broadcast together with shapes \(3,\) \(4,\)"),
    (lambda: L.Multiply(), [(2, 3), (4, 3)], "multiply_1.*different batch sizes"),
    (lambda: L.Concatenate(), [(None, 3, 2), (None, 4, 2)],
         "concatenate_1.*matching shapes except for the concat"),
    (lambda: L.Concatenate(axis=3), [(None, 3), (None, 3)], "concatenate_1.*axis=3"),
    (lambda: L.Dot(axes=1), [(None, 3), (None, 4)], "dot_1.*Dimension incompatibility 3 != 4"),
    (lambda: L.Dot(axes=2), [(None, 3), (None, 3)], "dot_1.*axes=2 does not fit"),
], ids=lambda x: "")  # fmt: skip
def test_bad_inputs(layer, shapes, message):
    with pytest.raises(ValueError, match="(?s)" + message):
        layer()(on(*shapes))


@pytest.mark.parametrize("make, error, message", [
    (lambda: L.Dense(0), ValueError, "dense_1.*`units` must be a positive integer, got 0"),
    (lambda: L.Dense("10"), ValueError, "`units` must be a positive integer, got '10'"),
    (lambda: L.Conv2D(2.5, 3), ValueError, "`filters` must be a positive integer"),
    (lambda: L.Conv2D(2, (3, 3, 3)), ValueError, "kernel_size"),
    (lambda: L.Conv2D(2, 3, padding="causal"), ValueError,
         "`padding` argument must be one of 'valid', 'same'"),
    (lambda: L.Conv2D(2, 3, data_format="last"), ValueError, "data_format"),
    (lambda: L.Conv1D(2, 3, padding="causal", data_format="channels_first"), ValueError,
         "causal padding in `Conv1D`"),
    (lambda: L.MaxPooling2D(padding="full"), ValueError, "max_pooling2d_1.*'full'"),
    (lambda: L.LocallyConnected1D(2, 3, padding="same"), ValueError, "must be one of 'valid'"),
    (lambda: L.Conv2DTranspose(2, 3, strides=2, output_padding=2), ValueError, "greater than output padding"),
    (lambda: L.DepthwiseConv2D(3, depth_multiplier=0), ValueError, "depth_multiplier"),
    (lambda: L.ZeroPadding2D((1, 2, 3)), ValueError, "`padding` should have 2 elements"),
    (lambda: L.Cropping3D(((1, 1), (1, 1))), ValueError, "`cropping` should have 3 elements"),
    (lambda: L.ZeroPadding1D(-1), ValueError, "must not be negative"),
    (lambda: L.UpSampling2D(interpolation="cubic"), ValueError,
         'one of "nearest" or "bilinear", got \'cubic\''),
    (lambda: L.Permute((1, 3)), ValueError, "bad `dims`"),
    (lambda: L.Reshape((-1, -1)), ValueError, "at most one may be -1"),
    (lambda: L.ReLU(max_value=-1), ValueError, "max_value of Relu layer cannot be negative"),
    (lambda: L.LeakyReLU(alpha=None), ValueError, "`alpha` must be a number, got None"),
    (lambda: L.Lambda(3), TypeError, "`function` must be callable"),
    (lambda: L.Lambda(abs, output_shape=3), TypeError,
         "`output_shape` must be a list, a tuple, or a function"),
    (lambda: L.Dot(axes="1"), TypeError, "Invalid type for `axes`"),
    (lambda: L.Dot(axes=(1, 2, 3)), ValueError, "Invalid format for `axes`"),
    (lambda: L.Dense(3, unit=4), TypeError, "unit"),
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
