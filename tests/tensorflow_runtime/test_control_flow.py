"""tf.* functions that take Python functions, and those that TensorFlow does not dispatch by itself."""

import threading

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from keras import backend as K
from keras.layers import Dense, Flatten, Input, Lambda
from keras.models import Model, Sequential

X = np.random.RandomState(0).rand(2, 4, 6).astype("float32")


def assertion(x):
    with tf.control_dependencies([tf.debugging.assert_equal(tf.shape(x)[1], 4)]):
        return tf.identity(x)


@tf.custom_gradient
def doubled(x):
    return x * 2, lambda upstream: upstream * 2


# name: (function of a tensor (batch, 4, 6), the same in NumPy, its shape afterwards)
SAME = (None, 4, 6)
FUNCTIONS = {
    "map_fn": (lambda x: tf.map_fn(lambda row: row * 2, x), lambda x: x * 2, SAME),
    "map_fn with K": (
        lambda x: tf.map_fn(lambda row: K.sum(row) * 2, x, dtype=tf.float32), lambda x: x.sum((1, 2)) * 2, (None,)
    ),
    "map_fn of two": (lambda x: tf1.map_fn(lambda t: t[0] * t[1], (x, x), dtype=tf.float32), lambda x: x * x, SAME),
    "map_fn of indices": (
        lambda x: tf.map_fn(lambda i: x[:, i], tf.range(3), dtype=tf.float32), lambda x: x.swapaxes(0, 1)[:3],
        (3, None, 6),
    ),
    "cond": (lambda x: tf.cond(K.sum(x) > 0, lambda: K.exp(x), lambda: K.square(x)), np.exp, SAME),
    "cond of TensorFlow 1": (
        lambda x: tf1.cond(tf1.less(tf1.reduce_mean(x), 0.0), true_fn=lambda: x, false_fn=lambda: x + 1),
        lambda x: x + 1, SAME,
    ),
    "case": (lambda x: tf.case([(tf.reduce_sum(x) < 0, lambda: x)], default=lambda: -x), np.negative, SAME),
    "while_loop": (
        lambda x: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2.0), [tf.constant(0), x])[1],
        lambda x: x * 8, SAME,
    ),
    "while_loop that reads the model": (
        lambda x: tf.while_loop(
            lambda i, a: tf.less(i, 3), lambda i, a: [i + 1, a + K.mean(x)], [tf.constant(0), tf.constant(0.0)]
        )[1] + x,
        lambda x: x + 3 * x.mean(), SAME,
    ),
    "scan that reads the model": (
        lambda x: tf.scan(lambda a, b: a * 0.5 + x[0], x), lambda x: np.stack([x[0], x[0] * 1.5]), SAME
    ),
    "foldl": (lambda x: tf.foldl(lambda a, b: a + b, x), lambda x: x.sum(0), (4, 6)),
    "gradients": (lambda x: tf.gradients(tf.reduce_sum(x * x), x)[0], lambda x: 2 * x, SAME),
    "gradients that stop": (
        lambda x: (lambda y: sum(tf.gradients(x * y, [x, y], stop_gradients=[x, y])))(3 * x),
        lambda x: 4 * x,
        SAME,
    ),
    "gradients with grad_ys": (lambda x: tf1.gradients([x * x], [x], grad_ys=[x])[0], lambda x: 2 * x * x, SAME),
    "custom_gradient": (doubled, lambda x: 2 * x, SAME),
    "tf.function": (tf.function(lambda x: tf.reduce_sum(x) * x), lambda x: x.sum() * x, SAME),
    "py_func": (lambda x: tf1.py_func(lambda z: np.sort(z), [x], tf.float32), np.sort, SAME),
    "numpy_function": (lambda x: tf.numpy_function(lambda z: z[:, 0], [x], tf.float32), lambda x: x[:, 0], (None, 6)),
    "assertion": (assertion, lambda x: x, SAME),
    "concat by TensorFlow 0": (
        lambda x: tf.concat(2, [x, x * 2]), lambda x: np.concatenate([x, x * 2], axis=2), (None, 4, 12)
    ),
    "rfft": (lambda x: tf.abs(tf.signal.rfft(x)), lambda x: np.abs(np.fft.rfft(x)), (None, 4, 4)),
    "irfft": (lambda x: tf1.spectral.irfft(tf1.spectral.rfft(x)), lambda x: x, SAME),
    "losses of TensorFlow 1": (
        lambda x: x + tf1.losses.mean_squared_error(x, x * 2), lambda x: x + np.mean(x * x), SAME
    ),
    "psnr": (lambda x: tf.image.psnr(x[..., None], x[..., None] * 0, 1.0),
             lambda x: -10 * np.log10((x * x).mean((1, 2))), (None,)),
    "sizes by .value": (lambda x: x * x.shape[1].value + x.get_shape()[-1].value, lambda x: x * 4 + 6, SAME),
    "dtypes": (
        lambda x: tf.cast(tf.cast(x, x.dtype.base_dtype), x.dtype.name) if x.dtype.is_floating else None,
        lambda x: x, SAME,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_lambda_layers(name):
    function, wanted, shape = FUNCTIONS[name]
    inputs = Input((4, 6))
    output = Lambda(function)(inputs)
    assert K.int_shape(output) == shape
    np.testing.assert_allclose(K.function([inputs], [output])([X])[0], wanted(X), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["map_fn with K", "cond", "while_loop that reads the model", "custom_gradient"])
def test_gradients_flow_into_loops_and_out_of_them(name):
    function, wanted, _ = FUNCTIONS[name]
    inputs = Input((4, 6))
    slope = K.gradients(K.sum(function(inputs)), inputs)[0]
    direction = np.random.RandomState(1).randn(*X.shape)
    step = 1e-6
    difference = (wanted(X + step * direction).sum() - wanted(X - step * direction).sum()) / (2 * step)
    found = np.sum(K.function([inputs], [slope])([X])[0] * direction)
    np.testing.assert_allclose(found, difference, rtol=1e-4)


def test_weights_read_within_a_loop_are_trained():
    factor = K.variable(3.0)
    x = K.placeholder((None, 2))
    y = tf.map_fn(lambda row: row * factor, x)
    slope = K.gradients(K.sum(y), factor)[0]
    np.testing.assert_allclose(K.function([x], [y, slope])([np.ones((4, 2))])[1], 8)


@pytest.mark.parametrize("name", ["scan", "foldl", "foldr", "map_fn"])
def test_variable_scopes_still_nest_after_loops_whose_function_was_tried_in_vain(name):
    x, factor = K.placeholder((None, 2)), K.variable([2.0, 3.0])
    getattr(tf1, name)(lambda *given: sum(given) * factor, x)
    with tf1.variable_scope("outer"), tf1.variable_scope("inner") as scope:
        assert scope.name == "outer/inner" and scope.caching_device is None


def test_random_numbers_within_loops_are_new_in_each_run():
    x = K.placeholder((None, 2))
    f = K.function([x], [tf.map_fn(lambda row: row + K.random_normal((2,)), x)])
    first, second = (f([np.zeros((3, 2))])[0] for _ in range(2))
    assert first.shape == (3, 2) and np.abs(first - second).min() > 0


def test_dropout_by_the_learning_phase_in_a_branch():
    inputs = Input((5,))
    phase = tf.cast(K.learning_phase(), tf.bool)
    output = Lambda(lambda x: tf.cond(phase, lambda: x * 0, lambda: x))(inputs)
    f = K.function([inputs, K.learning_phase()], [output])
    assert f([np.ones((1, 5)), 1])[0].sum() == 0 and f([np.ones((1, 5)), 0])[0].sum() == 5


def test_updates_are_made_in_the_branch_that_is_taken():
    chosen, v, w = K.placeholder((), dtype="bool"), K.variable(1.0), K.variable(0.0)

    def then():
        with tf.control_dependencies([K.update_add(v, 1.0)]):
            return tf.identity(v * 2)

    result = tf.cond(chosen, then, lambda: K.update_sub(w, 1.0))
    nothing = tf1.cond(chosen, lambda: tf1.group(tf1.assign_add(v, 10.0), K.update(w, 5.0)), tf1.no_op)
    f = K.function([chosen], [result, nothing])
    assert [f([True])[0], K.get_value(v), K.get_value(w)] == [4, 12, 5]
    assert [f([False])[0], K.get_value(v), K.get_value(w)] == [4, 12, 4]


@pytest.mark.parametrize("loop", [
    lambda v: tf.map_fn(lambda row: row + K.update_add(v, 1.0), K.placeholder((None, 2))),
    lambda v: tf.while_loop(lambda i: i < 3, lambda i: K.update_add(v, 1.0), [K.sum(K.placeholder((2,)))]),
])  # fmt: skip
def test_updates_in_loops_are_refused(loop):
    with pytest.raises(ValueError, match="'counted:0'.*by K.update"):
        loop(K.variable(1.0, name="counted"))


def test_functions_that_know_tensors_while_another_thread_tries_its_own():
    x, other = K.placeholder((None, 2)), K.placeholder((None, 2))
    tried, done = threading.Event(), threading.Event()

    def slowly(row):
        tried.set()
        done.wait(60)
        return row * 2

    thread = threading.Thread(target=lambda: tf.map_fn(slowly, other))
    thread.start()
    assert tried.wait(60)
    try:
        result = tf.map_fn(lambda row: row + K.sum(x), tf.ones([3]))
    finally:
        done.set()
        thread.join()
    np.testing.assert_array_equal(K.function([x], [result])([np.ones((1, 2))])[0], [3, 3, 3])


def test_a_layer_with_a_loop_in_a_model_is_trained():
    model = Sequential([
        Dense(3, input_shape=(4,)),
        Lambda(lambda x: tf.scan(lambda a, row: 0.5 * a + row, tf.expand_dims(x, 0))[0]),
        Dense(1),
    ])  # fmt: skip
    model.compile("adam", "mse")
    x = np.random.rand(16, 4)
    losses = model.fit(x, x[:, :1], epochs=15, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_variables_of_tensorflow_are_read_when_the_program_runs():
    x, weight = K.placeholder((None, 2)), tf.Variable([1.0, 1.0])
    f = K.function([x], [x + weight, tf.multiply(x, weight)])
    f([np.ones((1, 2))])
    weight.assign([5.0, 6.0])
    for found, want in zip(f([np.ones((1, 2))]), ([[6, 7]], [[5, 6]]), strict=True):
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("function", [tf.square, lambda v: tf.reduce_sum(v * v), lambda v: tf.constant(3.0) * v])
def test_functions_of_weights_alone_follow_the_weights(function):
    v = K.variable(2.0)
    y = function(v)
    slope = K.gradients(y, v)[0]
    before = K.get_session().run([y, slope])
    K.set_value(v, 5.0)
    after = K.get_session().run([y, slope])
    assert before[0] != after[0] and np.all(np.array(after) > 0)
    np.testing.assert_allclose(np.asarray(v), 5)
    np.testing.assert_allclose(np.mean(v), 5)


@pytest.mark.parametrize("function", [
    lambda x: tf.RaggedTensor.from_tensor(x),
    lambda x: tf.TensorArray(tf.float32, size=1).write(0, x).stack(),
])  # fmt: skip
def test_what_is_no_tensor_is_refused_with_a_way_out(function):
    x = K.placeholder((None, 3))
    with pytest.raises((TypeError, ValueError), match="K.native"):
        function(x)
    whole = K.native(lambda z: tf.sparse.to_dense(tf.sparse.from_dense(z)))(x)
    np.testing.assert_array_equal(K.function([x], [whole])([np.eye(3)])[0], np.eye(3))


def test_errors_of_the_functions_are_told():
    with pytest.raises((TypeError, ValueError), match="shape|dimension|Dimension"):
        tf.map_fn(lambda row: tf.matmul(row, tf.zeros((7, 7))), K.placeholder((None, 4, 6)))
    with pytest.raises((TypeError, ValueError)):
        tf.map_fn(lambda row: row * 2, None)


def test_models_of_such_layers_run():
    a = Input((4, 6))
    model = Model(a, Dense(1)(Flatten()(Lambda(FUNCTIONS["cond"][0])(a))))
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(X, np.ones((2, 1))))


@pytest.mark.parametrize("loop", [tf.while_loop, lambda *given: K.control_flow_ops.while_loop(*given)])
def test_loops_that_write_to_an_array(loop):
    """As the loss of YOLO did it: for each picture of the batch the boxes that are there."""
    x, mask, w = K.placeholder((None, 3)), K.placeholder((None, 3)), K.variable([2.0, 1.0, 0.5])

    def body(i, found):
        chosen = tf.boolean_mask(x[i] * w, mask[i] > 0)
        return i + 1, found.write(i, K.stack([K.sum(chosen), K.max(chosen)]))

    array = tf.TensorArray("float32", size=1, dynamic_size=True)
    count, found = loop(lambda i, *given: i < K.shape(x)[0], body, [0, array])
    stacked = found.stack()
    outputs = [count, stacked, found.read(1), found.gather([2, 0]), found.concat(), found.size()]
    numbers, kept = np.random.rand(4, 3), np.array([[1, 0, 1], [0, 1, 0], [1, 1, 1], [0, 0, 1]])
    scaled = numbers * [2, 1, 0.5]
    wanted = np.stack([(scaled * kept).sum(1), (scaled * kept).max(1)], axis=1)
    assert K.int_shape(stacked) == (None, 2)
    have = K.function([x, mask], [*outputs, *K.gradients(K.sum(stacked[:, 0]), [w])])([numbers, kept])
    for one, other in zip(
        have, [4, wanted, wanted[1], wanted[[2, 0]], wanted.ravel(), 4, (numbers * kept).sum(0)], strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_what_a_body_may_not_do_with_an_array():
    x = K.placeholder((None, 3))
    array = tf.TensorArray("float32", size=3)
    with pytest.raises(AttributeError, match="write to a tf.TensorArray.*'read'"):
        tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a.write(i, a.read(0) + K.sum(x))), [0, array])
