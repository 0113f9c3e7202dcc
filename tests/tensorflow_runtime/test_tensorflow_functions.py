"""tf.* functions applied to symbolic tensors record themselves, those of TensorFlow 1 among them."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from recorded import assert_is_slope, in_lambda_layer

from keras import backend as K
from keras.layers import Dense, Input, Lambda, Layer
from keras.models import Model, Sequential

KERNEL = np.random.RandomState(0).rand(2, 2, 1, 3)

# name: (function of a tensor (batch, 4, 6), its shape afterwards)
FUNCTIONS = {
    "concat of a list": (lambda x: tf.concat([x, x * 2], axis=-1), (None, 4, 12)),
    "stack of a tuple": (lambda x: tf.stack((x, x), axis=1), (None, 2, 4, 6)),
    "split, the second part": (lambda x: tf.split(x, [1, 3], axis=1)[1], (None, 3, 6)),
    "unstack": (lambda x: tf.unstack(x, axis=1)[2], (None, 6)),
    "reshape by tf.shape": (lambda x: tf.reshape(x, [tf.shape(x)[0], 24]), (None, 24)),
    "reshape with -1": (lambda x: tf.reshape(x, [-1, 6]), (None, 6)),
    "transpose": (lambda x: tf.transpose(x, [0, 2, 1]), (None, 6, 4)),
    "tile": (lambda x: tf.tile(x, [1, 2, 1]), (None, 8, 6)),
    "newaxis": (lambda x: tf.squeeze(x[:, tf.newaxis], 1) + x[..., tf.newaxis][..., 0], (None, 4, 6)),
    "einsum": (lambda x: tf.einsum("bij,bkj->bik", x, x), (None, 4, 4)),
    "matmul": (lambda x: tf.matmul(x, x, transpose_b=True), (None, 4, 4)),
    "gather": (lambda x: tf.gather(x, [2, 0], axis=1), (None, 2, 6)),
    "where": (lambda x: tf.where(x > 0.5, x, tf.zeros_like(x)), (None, 4, 6)),
    "clip_by_value": (lambda x: tf.clip_by_value(x, 0.25, 0.75), (None, 4, 6)),
    "reduce_logsumexp": (lambda x: tf.reduce_logsumexp(x, axis=[1, 2]), (None,)),
    "norm": (lambda x: tf.norm(x, axis=2, keepdims=True), (None, 4, 1)),
    "math.reduce_std": (lambda x: tf.math.reduce_std(x, axis=1), (None, 6)),
    "math.cumsum": (lambda x: tf.math.cumsum(x, axis=1, reverse=True), (None, 4, 6)),
    "math.top_k": (lambda x: tf.math.top_k(x, 2).values, (None, 4, 2)),
    "linalg.band_part": (lambda x: tf.linalg.band_part(x, -1, 0), (None, 4, 6)),
    "nn.l2_normalize": (lambda x: tf.nn.l2_normalize(x, axis=-1), (None, 4, 6)),
    "nn.leaky_relu": (lambda x: tf.nn.leaky_relu(x - 0.5), (None, 4, 6)),
    "nn.moments": (lambda x: tf.nn.moments(x, axes=[1])[1], (None, 6)),
    "nn.conv2d": (
        lambda x: tf.nn.conv2d(x[..., None], tf.constant(KERNEL, x.dtype), [1, 2, 1, 1], "SAME"), (None, 2, 6, 3)
    ),
    "nn.max_pool2d": (lambda x: tf.nn.max_pool2d(x[..., None], 2, 2, "VALID"), (None, 2, 3, 1)),
    "nn.depth_to_space": (lambda x: tf.nn.depth_to_space(tf.reshape(x, [-1, 2, 3, 4]), 2), (None, 4, 6, 1)),
    "image.resize": (lambda x: tf.image.resize(x[..., None], [8, 3]), (None, 8, 3, 1)),
    "image.flip_left_right": (lambda x: tf.image.flip_left_right(x[..., None]), (None, 4, 6, 1)),
    "scan": (lambda x: tf.scan(lambda a, b: a + b, x), (None, 4, 6)),
    "v1.reverse_sequence": (lambda x: tf1.reverse_sequence(x, tf.fill([tf.shape(x)[0]], 3), 1), (None, 4, 6)),
    "v1.log": (lambda x: tf1.log(x + 1.0), (None, 4, 6)),
    "v1.reduce_sum of TensorFlow 1.0": (lambda x: tf1.reduce_sum(x, axis=1, keep_dims=True), (None, 1, 6)),
    "v1.squared_difference": (lambda x: tf1.squared_difference(x, 1.0), (None, 4, 6)),
    "v1.space_to_depth": (lambda x: tf1.space_to_depth(tf1.reshape(x, [-1, 4, 6, 1]), 2), (None, 2, 3, 4)),
    "v1.nn.softmax_cross_entropy_with_logits_v2": (
        lambda x: tf1.nn.softmax_cross_entropy_with_logits_v2(labels=tf1.stop_gradient(x), logits=x), (None, 4)
    ),
}  # fmt: skip
# Differences are no derivatives where the gradient of labels is stopped.
STOPPED = "v1.nn.softmax_cross_entropy_with_logits_v2"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_lambda_layers(name):
    function, shape = FUNCTIONS[name]
    x = np.random.rand(2, 4, 6).astype("float32")
    have, slope = in_lambda_layer(function, x, shape)
    np.testing.assert_allclose(have, function(tf.constant(x)).numpy(), rtol=1e-5, atol=1e-6)
    if name != STOPPED:
        # `tf.image.resize` computes in float32 whatever it is given; it is linear, so that any step will do.
        step = 0.1 if name == "image.resize" else 1e-6
        assert_is_slope(lambda z: float(tf.reduce_sum(tf.square(function(tf.constant(z))))), x, slope, step)


def test_functions_with_several_outputs():
    x = np.random.rand(3, 5).astype("float32")
    inputs = Input((5,))
    top = tf.nn.top_k(inputs, 2)
    left, right = tf.split(inputs, [2, 3], axis=1)
    mean, variance = tf.nn.moments(inputs, [0])
    assert top.indices.dtype == "int32" and left.shape == (None, 2) and mean.shape == (5,)
    found = K.function([inputs], [top.values, top.indices, right, variance])([x])
    for have, want in zip(found, [-np.sort(-x)[:, :2], np.argsort(-x)[:, :2], x[:, 2:], x.var(0)], strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5)


def test_tensors_of_tensorflow_and_ours_in_one_expression():
    x = K.placeholder((None, 2))
    factor, weight = tf.constant([2.0, 3.0]), tf.Variable([1.0, 1.0])
    found = K.function([x], [factor * x, x - factor, x + weight])([np.ones((1, 2))])
    for have, want in zip(found, ([[2, 3]], [[-1, -2]], [[2, 2]]), strict=True):
        np.testing.assert_array_equal(have, want)


def test_sparse_tensors_between_functions_of_tensorflow():
    x, left, right = K.placeholder((None, 3)), K.placeholder((None,), dtype="int32"), K.placeholder((4,), dtype="int32")
    sparse = tf.sparse.from_dense(x)
    common = tf.sets.intersection(tf.expand_dims(left, 0), tf.expand_dims(right, 0))
    outputs = [tf1.sparse_tensor_to_dense(sparse), sparse.indices, sparse.values, tf.sparse.to_dense(common)[0]]
    found = K.function([x, left, right], outputs)([2 * np.eye(3), [1, 3, 5], [5, 7, 1, 0]])
    for have, want in zip(found, [2 * np.eye(3), [[0, 0], [1, 1], [2, 2]], [2, 2, 2], [1, 5]], strict=True):
        np.testing.assert_array_equal(have, want)


def test_variables_and_values_of_tensorflow_as_outputs_of_layers():
    x = Input((2,))
    anchors = Lambda(lambda x: tf.Variable([[3.0, 4.0]]))(x)
    model = Model(x, [Lambda(lambda x: [x * 2, tf.constant([1.0, 5.0])])(x)[0], anchors])
    np.testing.assert_array_equal(model.predict(np.ones((1, 2)))[1], [[3, 4]])


def test_sizes_that_a_layer_declares_wrongly_are_not_believed():
    """Mask R-CNN's layer of targets says (None, 1) of labels that are many for each image."""

    class Labels(Layer):
        def call(self, x):
            return tf.map_fn(lambda row: tf.boolean_mask(row, row >= 0), x)

        def compute_output_shape(self, input_shape):
            return (None, 1)

    x, logits = Input((None,)), Input((4, 3))
    loss = Lambda(lambda z: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(z[0], "int64"), logits=z[1]))
    labels = Labels()(x)
    assert K.int_shape(labels) == (None, 1)
    found = Model([x, logits], loss([labels, logits])).predict([np.array([[0, 1, -1, 2, 0]]), np.zeros((1, 4, 3))])
    np.testing.assert_allclose(found, np.full((1, 4), np.log(3)), rtol=1e-6)


def test_slices_up_to_a_number_that_is_computed():
    x = K.placeholder((None, 3))
    count = K.sum(K.cast(x[:, 0] > 0, "int32"))
    found = K.function([x], [x[:count], x[count - 1 :, 1:]])([np.array([[1.0, 2, 3], [1, 5, 6], [-1, 8, 9]])])
    np.testing.assert_array_equal(found[0], [[1, 2, 3], [1, 5, 6]])
    np.testing.assert_array_equal(found[1], [[5, 6], [8, 9]])


class Attention(Layer):
    """A layer as users wrote them, with functions of TensorFlow beside those of K."""

    def build(self, input_shape):
        self.w = self.add_weight(name="w", shape=(input_shape[-1], 3), initializer="glorot_uniform")
        super().build(input_shape)

    def call(self, x):
        scores = tf.nn.softmax(tf.tensordot(tf.tanh(x), self.w, axes=1), axis=1)
        return tf.reduce_sum(tf.expand_dims(scores, -1) * K.expand_dims(x, 2), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3, input_shape[2])


def test_weights_among_the_arguments_are_trained():
    inputs = Input((5, 4))
    layer = Attention()
    model = Model(inputs, Dense(1)(Lambda(lambda z: tf.reshape(z, [-1, 12]))(layer(inputs))))
    model.compile("adam", "mse")
    x = np.random.rand(16, 5, 4).astype("float32")
    before = K.get_value(layer.w)
    losses = model.fit(x, x[:, 0, :1], epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] and np.abs(K.get_value(layer.w) - before).max() > 1e-3


def test_custom_losses_and_metrics():
    def loss(y_true, y_pred):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_true, logits=y_pred), axis=-1)

    def largest(y_true, y_pred):
        return tf.reduce_max(tf.abs(y_true - y_pred))

    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", loss, metrics=[largest])
    x, y = np.random.rand(10, 3), np.random.randint(0, 2, (10, 2))
    z = model.predict(x)
    found, worst = model.train_on_batch(x, y)
    np.testing.assert_allclose(found, np.mean(np.log1p(np.exp(z)) - y * z), rtol=1e-5)
    np.testing.assert_allclose(worst, np.abs(z - y).max(), rtol=1e-5)


def test_the_functions_own_error_comes_when_the_layer_is_built():
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="shape|dimension|Dimension"):
        tf.matmul(K.placeholder((None, 4)), K.placeholder((3, 2)))


SQUARE = np.random.RandomState(1).rand(3, 3).astype("float32") + np.eye(3, dtype="float32")
NESTED = {
    "clip_by_global_norm": lambda x: tf.clip_by_global_norm([x, x[:1] * 2], 0.5),
    "sufficient_statistics, the last None": lambda x: tf.nn.sufficient_statistics(x, [0]),
    "slogdet, a named tuple": lambda x: tf.linalg.slogdet(x + tf.eye(3)),
}


@pytest.mark.parametrize("name", NESTED)
def test_results_within_results(name):
    x = K.placeholder((3, 3))
    have, want = NESTED[name](x), NESTED[name](tf.constant(SQUARE))
    have, want = tf.nest.flatten(have), tf.nest.flatten(want)
    for one, other in zip(have, want, strict=True):
        if other is not None:
            np.testing.assert_allclose(K.function([x], [one])([SQUARE])[0], other.numpy(), rtol=1e-5)


WITHOUT_DISPATCH = {
    "tridiagonal_solve": lambda x: tf.linalg.tridiagonal_solve(x, tf.constant([1.0, 2.0, 3.0])),
    "banded_triangular_solve": lambda x: tf.linalg.banded_triangular_solve(x[:2] + 1.0, tf.ones((3, 1))),
    "eigh_tridiagonal": lambda x: tf.linalg.eigh_tridiagonal(x[0], x[0, :2]),
    "logm": lambda x: tf.math.real(tf.linalg.logm(tf.cast(x, tf.complex64))),
    "sparse.sparse_dense_matmul": lambda x: tf.sparse.sparse_dense_matmul(tf.sparse.from_dense(tf.eye(3)), x),
    "v1.sparse_segment_sum": lambda x: tf1.sparse_segment_sum(x, [0, 1], [0, 0]),
    "nn.embedding_lookup_sparse": lambda x: tf.nn.embedding_lookup_sparse(
        x, tf.sparse.from_dense(np.array([[1, 2], [1, 1]])), None, combiner="sum"
    ),
    "required_space_to_batch_paddings": lambda x: tf1.required_space_to_batch_paddings(
        tf.cast(x[0], tf.int32), [2, 2, 2]
    ),
}


@pytest.mark.parametrize("name", WITHOUT_DISPATCH)
def test_functions_that_ask_no_dispatcher(name):
    x = K.placeholder((3, 3))
    for have, want in zip(*(tf.nest.flatten(WITHOUT_DISPATCH[name](z)) for z in (x, tf.constant(SQUARE))), strict=True):
        np.testing.assert_allclose(K.function([x], [have])([SQUARE])[0], want.numpy(), rtol=1e-4)


LIMITED = {
    "diag_part": tf.linalg.diag_part,
    "svd": lambda x: tf.linalg.svd(x)[0],
    "strided_slice": lambda x: tf.strided_slice(x, [0, 1], [4, 4]),
}


@pytest.mark.parametrize("name", LIMITED)
def test_sizes_that_depend_on_unknown_ones_are_unknown(name):
    x = K.placeholder((None, 4))
    found = LIMITED[name](x)
    assert found.shape[0] is None
    assert len(K.function([x], [found])([np.random.rand(3, 4)])[0]) == 3


def test_sizes_that_only_the_running_program_knows():
    boxes, scores = K.placeholder((None, 4)), K.placeholder((None,))
    kept = tf.boolean_mask(boxes, scores > 0.5)
    classes = K.ones_like(kept[:, 0], "int32") * 2
    first = K.gather(kept, tf.image.non_max_suppression(kept, K.cast(classes, "float32"), 1))
    found = K.function([boxes, scores], [classes, K.reshape(kept, (K.shape(kept)[0], 2, 2)), first])
    corners = np.array([[0, 0, 1, 1], [0, 0, 2, 2], [0, 0, 2.1, 2]], "float32")
    have = found([corners, [0.1, 0.9, 0.8]])
    assert have[0].tolist() == [2, 2] and have[1].shape == (2, 2, 2) and have[2].tolist() == [[0, 0, 2, 2]]


def test_how_many_results_there_are_must_be_known():
    with pytest.raises(ValueError, match="[Hh]ow many results|Cannot infer|infer argument"):
        tf.unstack(K.placeholder((None, 4)))


COMPLEX = {  # of a tensor of complex numbers
    "operators": (lambda c: (2 - c * 3.0 + c / 4) * c**2 * 1j,) * 2,
    "K": (lambda c: K.sum(K.exp(c), axis=-1) + K.mean(c), lambda c: np.exp(c).sum(-1) + c.mean()),
    "a constant": (lambda c: c * tf.constant(1 + 2j, tf.complex64), lambda c: c * (1 + 2j)),
    "tf": (lambda c: tf.signal.ifft(tf.math.conj(c)), lambda c: np.fft.ifft(np.conj(c))),
    "parts": (lambda c: K.concatenate([tf.math.imag(c), abs(c)]), lambda c: np.concatenate([c.imag, abs(c)], -1)),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_numbers(name):
    function, wanted = COMPLEX[name]
    x = K.placeholder((None, 4))
    array = np.random.rand(2, 4)
    found = K.function([x], [function(tf.complex(x, 2 * x))])([array])[0]
    np.testing.assert_allclose(found, wanted(array * (1 + 2j)), rtol=1e-4)


OF_COMPLEX = {
    "signal.ifft": lambda c: tf.signal.ifft(c),
    "signal.ifft2d": lambda c: tf.signal.ifft2d(c),
    "signal.irfft": lambda c: tf.signal.irfft(c),
    "signal.fftshift": lambda c: tf.signal.fftshift(c),
    "math.conj": lambda c: tf.math.conj(c),
    "math.imag": lambda c: tf.math.imag(c),
    "math.angle": lambda c: tf.math.angle(c),
    "linalg.adjoint": lambda c: tf.linalg.adjoint(c),
    "v1.real": lambda c: tf1.real(c) + tf1.imag(c),
    "v1.spectral.ifft": lambda c: tf1.spectral.ifft(c),
}


@pytest.mark.parametrize("name", OF_COMPLEX)
def test_functions_of_complex_placeholders(name):
    c = K.placeholder((3, 4), dtype="complex64")
    array = (np.random.rand(3, 4) + 1j * np.random.rand(3, 4)).astype("complex64")
    found = K.function([c], [OF_COMPLEX[name](c)])([array])[0]
    np.testing.assert_allclose(found, OF_COMPLEX[name](tf.constant(array)).numpy(), rtol=1e-4, atol=1e-6)


def test_gradients_flow_through_complex_numbers():
    inputs = Input((5,))
    spectrum = Lambda(tf.signal.rfft)(Dense(8)(inputs))
    model = Model(inputs, Dense(1)(Lambda(tf.abs)(spectrum)))
    assert spectrum.dtype == "complex64" and K.int_shape(spectrum) == (None, 5)
    slope = K.gradients(K.sum(tf.abs(spectrum)), inputs)[0]
    x = np.random.rand(3, 5).astype("float32")
    kernel = model.get_weights()[0].astype("float64")
    assert_is_slope(lambda z: np.abs(np.fft.rfft(z @ kernel)).sum(), x, K.function([inputs], [slope])([x])[0])
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.train_on_batch(x, np.ones((3, 1)))
    assert all(np.any(b != a) for b, a in zip(before, model.get_weights(), strict=True))
    assert Model(inputs, spectrum).predict(x).dtype == np.complex64


def test_strings_come_out_of_functions():
    x = K.placeholder((None, 2))
    words = tf.strings.join([tf.as_string(x, precision=1), "m"])
    found = K.function([x], [words, tf.strings.length(words)])([[[1, 20]]])
    assert words.dtype == "string" and found[0].tolist() == [[b"1.0m", b"20.0m"]] and found[1].tolist() == [[4, 5]]


def test_a_model_that_names_classes():
    names = tf.constant(["cat", "dog", "bird"])
    inputs = Input((3,))
    model = Model(inputs, Lambda(lambda p: tf.gather(names, tf.argmax(p, axis=-1)))(inputs))
    assert model.predict(np.eye(3)[[1, 0, 2]], batch_size=2).tolist() == [b"dog", b"cat", b"bird"]


def test_random_functions_draw_anew_at_each_call():
    x = K.placeholder((None, 3))
    f = K.function([x], [x + tf.random.normal(tf.shape(x))])
    first, second = (f([np.zeros((4, 3))])[0] for _ in range(2))
    assert first.shape == (4, 3) and not np.array_equal(first, second)


def test_symbolic_tensors_are_tensors():
    assert all(map(tf.is_tensor, (K.placeholder((2,)), K.variable(1.0), tf.constant(1.0), K.constant(2.0) * 2)))
    assert not any(map(tf.is_tensor, (1.0, np.zeros(2), "tensor", None)))
