"""Bad input is an error when the graph is built: it names the function, what came and what was wanted."""

import numpy as np
import pytest

from keras import backend as K

SHAPES = {
    "vector": (3,), "matrix": (2, 3), "other": (4, 5), "cube": (2, 3, 4), "image": (None, 8, 8, 3),
    "volume": (None, 4, 4, 4, 2), "scalar": (),
}  # fmt: skip


def kernel(*shape):
    return K.placeholder(shape)


# (name, call with the placeholders above, what the message says)
BAD = [
    ("dot", lambda p: K.dot(p.matrix, p.other), r"dot: got \(2, 3\) .*\(4, 5\) .* got 3 and 4"),
    ("batch_dot", lambda p: K.batch_dot(p.vector, p.vector), r"batch_dot on inputs with rank < 2.*\(3,\)"),
    ("batch_dot", lambda p: K.batch_dot(p.cube, p.cube, (2, 1)), r"x.shape\[2\] != y.shape\[1\] \(4 != 3\)"),
    ("batch_dot", lambda p: K.batch_dot(K.zeros((2, 3, 4, 5)), p.cube, (3, 1)), r"Before, all axes but the last two"),
    ("batch_dot", lambda p: K.batch_dot(p.cube, p.cube, ((1, 2), 1)), "Multiple target dimensions"),
    ("batch_dot", lambda p: K.batch_dot(p.cube, p.cube, 0), "batch_dot over axis 0"),
    ("maximum", lambda p: K.maximum(p.matrix, p.other), r"maximum: .* do not broadcast: sizes 2 and 4"),
    ("+", lambda p: p.matrix + p.other, r"add: got \(2, 3\) .*\(4, 5\).* do not broadcast"),
    ("+", lambda p: p.matrix + "a", "Cannot make a tensor of str 'a'"),
    ("elu", lambda p: K.elu(None), "Cannot make a tensor of NoneType"),
    ("cast", lambda p: K.cast(p.matrix, "floaty"), "Unknown dtype 'floaty': wanted one of bool"),
    ("sum", lambda p: K.sum(p.matrix, axis=2), r"K.sum: got \(2, 3\) float32; axis 2 does not exist .* 2 dim"),
    ("var", lambda p: K.var(p.matrix, axis=4), "K.var: .* axis 4 does not exist"),
    ("std", lambda p: K.std(p.matrix, axis=[0, -3]), "axis -3 does not exist"),
    ("argmax", lambda p: K.argmax(p.matrix, axis=3), "K.argmax: .* axis 3"),
    ("softmax", lambda p: K.softmax(p.matrix, axis=2), "K.softmax: .* axis 2"),
    ("reshape", lambda p: K.reshape(p.matrix, (4, 2)), r"reshape: got \(2, 3\).* 6 elements do not fill .* of 8"),
    ("reshape", lambda p: K.reshape(p.matrix, (-1, -1)), "only one size .* may be -1"),
    ("permute_dimensions", lambda p: K.permute_dimensions(p.matrix, (0, 1, 2)), r"pattern \(0, 1, 2\) is not an order"),
    ("expand_dims", lambda p: K.expand_dims(p.matrix, 4), "K.expand_dims: .* axis 4"),
    ("squeeze", lambda p: K.squeeze(p.matrix, 0), "squeeze: .* axis 0 has size 2, wanted 1"),
    ("batch_flatten", lambda p: K.batch_flatten(p.scalar), "K.batch_flatten: wanted .* batch axis"),
    ("concatenate", lambda p: K.concatenate([p.matrix, p.other]), "all sizes but those of axis 1 must be equal"),
    ("concatenate", lambda p: K.concatenate([p.matrix, p.cube]), "same number of dimensions"),
    ("concatenate", lambda p: K.concatenate([]), "K.concatenate: wanted at least one tensor"),
    ("stack", lambda p: K.stack([p.matrix, p.other]), r"K.stack: .* all of one shape, got \(2, 3\), \(4, 5\)"),
    ("stack", lambda p: K.stack([]), "K.stack: wanted at least one tensor.* got none"),
    ("repeat", lambda p: K.repeat(p.cube, 2), r"K.repeat takes a tensor \(samples, dim\), got shape \(2, 3, 4\)"),
    ("tile", lambda p: K.tile(p.matrix, (1, 1, 2)), "tile: .* wanted 2 repeat counts, got 3"),
    ("reverse", lambda p: K.reverse(p.matrix, 2), "K.reverse: .* axis 2"),
    ("slice", lambda p: K.slice(p.matrix, (0,), (1,)), "K.slice: .* each of 2 axes, got 1 and 1"),
    ("[]", lambda p: p.matrix[5], "indexing: .* index 5 is out of range for axis 0 of size 2"),
    ("[]", lambda p: p.matrix[0, 0, 0], "indexing: .* too many indices"),
    ("[]", lambda p: p.matrix[p.matrix > 0], "indexing: .* a boolean mask"),
    ("temporal_padding", lambda p: K.temporal_padding(p.matrix), r"K.temporal_padding: .* 3 dim.* got .*\(2, 3\)"),
    ("temporal_padding", lambda p: K.temporal_padding(p.cube, (1,)), r"wanted padding \(before, after\), got \(1,\)"),
    ("spatial_2d_padding", lambda p: K.spatial_2d_padding(p.cube), "K.spatial_2d_padding: .* 4 dimensions"),
    ("spatial_2d_padding", lambda p: K.spatial_2d_padding(p.image, (1, 1)), r"\(\(top, bottom\), .* got \(1, 1\)"),
    ("spatial_3d_padding", lambda p: K.spatial_3d_padding(p.image), "K.spatial_3d_padding: .* 5 dimensions"),
    ("spatial_3d_padding", lambda p: K.spatial_3d_padding(p.volume, ((1, 1),)), "three pairs"),
    ("conv1d", lambda p: K.conv1d(p.matrix, kernel(3, 3, 2)), r"K.conv1d: wanted an input of 3 dim.* got .*\(2, 3\)"),
    ("conv1d", lambda p: K.conv1d(p.cube, kernel(3, 4, 2), padding="causal", data_format="channels_first"),
     "causal padding in K.conv1d, data_format must be 'channels_last'"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(3, 3, 4, 2)), "the input has 3 channels, the kernel takes 4"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(3, 3, 3)), "conv: .* wanted a kernel of 4 dimensions"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(3, 3, 3, 2), padding="full"), "Invalid padding: 'full'.*'valid'"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(3, 3, 3, 2), strides=(1, 2, 3)), r"strides: .* 2 of them, got \(1"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(3, 3, 3, 2), data_format="first"), "data_format.*Received: 'first'"),
    ("conv2d", lambda p: K.conv2d(p.image, kernel(9, 9, 3, 2)), "too small: along spatial axis 0 .* a window of 9"),
    ("conv3d", lambda p: K.conv3d(p.image, kernel(3, 3, 3, 2, 2)), "K.conv3d: wanted an input of 5 dimensions"),
    ("depthwise_conv2d", lambda p: K.depthwise_conv2d(p.cube, kernel(3, 3, 2, 2)), "K.depthwise_conv2d: .* 4 dim"),
    ("depthwise_conv2d", lambda p: K.depthwise_conv2d(p.image, kernel(3, 3, None, 2)),
     r"K.depthwise_conv2d: all sizes of the kernel must be known, got shape \(3, 3, None, 2\)"),
    ("separable_conv1d", lambda p: K.separable_conv1d(p.image, kernel(3, 3, 1), kernel(1, 3, 1)),
     "K.separable_conv1d: .* 3 dimensions"),
    ("conv2d_transpose", lambda p: K.conv2d_transpose(p.image, kernel(3, 3, 2, 4), (None, 10, 10, 2)),
     "the input has 3 channels, the kernel takes 4"),
    ("conv2d_transpose", lambda p: K.conv2d_transpose(p.image, kernel(3, 3, 2, 3), (None, 20, 16, 2), (2, 2), "same"),
     "size 20 along spatial axis 0 belongs to an input of size 10"),
    ("conv2d_transpose", lambda p: K.conv2d_transpose(p.image, kernel(3, 3, 2, 3), (10, 10)),
     r"an output_shape and a kernel of 4 dimensions, got \(10, 10\)"),
    ("conv3d_transpose", lambda p: K.conv3d_transpose(p.image, kernel(3, 3, 3, 2, 3), (None, 9, 9, 9, 2)),
     "K.conv3d_transpose: wanted an input of 5 dimensions"),
    ("pool2d", lambda p: K.pool2d(p.cube, (2, 2)), r"K.pool2d: wanted an input of 4 dim.*\(2, 3, 4\)"),
    ("pool2d", lambda p: K.pool2d(p.image, (2, 2), pool_mode="mean"), "Invalid pooling mode: 'mean'. Wanted 'max' or"),
    ("pool2d", lambda p: K.pool2d(p.image, (2, 2, 2)), r"pool_size: .* 2 of them, got \(2, 2, 2\)"),
    ("pool3d", lambda p: K.pool3d(p.image, (2, 2, 2)), "K.pool3d: wanted an input of 5 dim"),
    ("resize_images", lambda p: K.resize_images(p.cube, 2, 2, "channels_last"), "K.resize_images: .* 4 dim"),
    ("resize_images", lambda p: K.resize_images(p.image, 2, 2, "channels_last", "cubic"), "'bilinear', got 'cubic'"),
    ("resize_volumes", lambda p: K.resize_volumes(p.image, 2, 2, 2, "channels_last"), "K.resize_volumes: .* 5 dim"),
    ("local_conv1d", lambda p: K.local_conv1d(p.cube, kernel(2, 3, 4), 2, 1), "has 8 elements, the kernel .* takes 3"),
    ("local_conv2d", lambda p: K.local_conv2d(p.cube, kernel(2, 3, 4), 2, 1, (1, 2)), "K.local_conv2d: .* 4 dim"),
    ("bias_add", lambda p: K.bias_add(p.image, kernel(2, 2)), "K.bias_add: unexpected .* 2, expect 1 or 3"),
    ("bias_add", lambda p: K.bias_add(p.image, kernel(4)), "K.bias_add: .* has 3 channels, the bias 4"),
    ("batch_normalization", lambda p: K.batch_normalization(p.image, kernel(4), kernel(4), None, None),
     r"K.batch_normalization: axis 3 .* has size 3, got .*\(4,\)"),
    ("categorical_crossentropy", lambda p: K.categorical_crossentropy(p.matrix, kernel(2, 4)),
     r"K.categorical_crossentropy: .* got \(2, 3\) and \(2, 4\)"),
    ("sparse_categorical_crossentropy", lambda p: K.sparse_categorical_crossentropy(kernel(4), p.matrix),
     r"K.sparse_categorical_crossentropy: .*\(2, 3\), got a target of shape \(4,\)"),
    ("binary_crossentropy", lambda p: K.binary_crossentropy(p.matrix, p.other), "K.binary_crossentropy: wanted target"),
    ("in_top_k", lambda p: K.in_top_k(p.cube, p.vector, 1), r"in_top_k: .*wanted predictions \(batch, classes\)"),
    ("switch", lambda p: K.switch(p.cube > 0, p.matrix, p.matrix), "K.switch: the condition has 3 axes, more than"),
    ("map_fn", lambda p: K.map_fn(K.abs, p.scalar), "K.map_fn: .* axis to go over"),
    ("foldl", lambda p: K.foldl(K.maximum, p.scalar), "K.foldl: .* axis to go over"),
    ("foldr", lambda p: K.foldr(K.maximum, p.scalar), "K.foldr: .* axis to go over"),
    ("gradients", lambda p: K.gradients(p.matrix, 3), "K.gradients: wanted symbolic tensors .* got 3"),
    ("bool", lambda p: bool(p.matrix > 0), "has no truth value"),
    ("iter", lambda p: list(p.image), "the size of its first axis is unknown"),
]  # fmt: skip


class Placeholders:
    def __init__(self):
        for name, shape in SHAPES.items():
            setattr(self, name, K.placeholder(shape))


@pytest.mark.parametrize("call, text", [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_input(call, text):
    with pytest.raises((ValueError, TypeError), match=text):
        call(Placeholders())


def test_sizes_only_known_when_run_are_checked_then():
    x, y = K.placeholder((None, 3)), K.placeholder((None, 3))
    function = K.function([x, y], [x + y])
    # In the words of the engine, which name at least the sizes that do not fit.
    with pytest.raises((ValueError, TypeError, RuntimeError), match=r"\b2\b.*\b4\b"):
        function([np.zeros((2, 3)), np.zeros((4, 3))])
