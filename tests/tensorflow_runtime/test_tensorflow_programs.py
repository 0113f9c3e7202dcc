"""Keras as a simplified interface to TensorFlow 1: layers on placeholders, trained by TensorFlow's optimizers.

Each program runs where TensorFlow computes at once, with placeholders of ours, and within a graph of TensorFlow 1.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from keras import backend as K
from keras import losses, metrics
from keras.layers import (
    LSTM, BatchNormalization, Bidirectional, Conv2D, Dense, Dropout, Flatten, Input, InputLayer, Lambda, Reshape,
)  # fmt: skip
from keras.models import Model, Sequential

X = np.random.RandomState(0).rand(20, 4).astype("float32")
Y = np.eye(3, dtype="float32")[X[:, :3].argmax(1)]


@pytest.fixture(params=["at once", "graph"], autouse=True)
def sess(request):
    K.clear_session()
    graph = tf.Graph()
    with graph.as_default() if request.param == "graph" else nullcontext():
        session = tf.Session(graph=graph)
        K.set_session(session)
        yield session


@pytest.fixture
def x():
    return tf.placeholder(tf.float32, shape=(None, 4), name="pixels")


@pytest.fixture
def y():
    return tf.placeholder(tf.float32, shape=(None, 3))


def softmax(z):
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def test_a_step_is_that_of_gradient_descent(sess, x, y):
    layer = Dense(3, activation="softmax")
    preds = layer(x)
    loss = tf.reduce_mean(losses.categorical_crossentropy(y, preds))
    step = tf.train.GradientDescentOptimizer(0.5).minimize(loss)
    sess.run(tf.global_variables_initializer())
    kernel, bias = layer.get_weights()
    errors = softmax(X @ kernel) - Y
    with sess.as_default():
        step.run(feed_dict={x: X, y: Y})
        accuracy = metrics.categorical_accuracy(y, preds).eval(feed_dict={x: X, y: Y})
    np.testing.assert_allclose(layer.get_weights()[0], kernel - 0.5 * X.T @ errors / 20, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(layer.get_weights()[1], bias - 0.5 * errors.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(accuracy, sess.run(preds, {x: X}).argmax(1) == Y.argmax(1))


OPTIMIZERS = {
    "momentum": lambda: tf.train.MomentumOptimizer(0.1, 0.9),
    "Adam": lambda: tf.train.AdamOptimizer(0.05),
    "RMSProp": lambda: tf.train.RMSPropOptimizer(0.05),
    "Adagrad": lambda: tf.train.AdagradOptimizer(0.5),
    "Adadelta": lambda: tf.train.AdadeltaOptimizer(5.0, epsilon=1e-3),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_model_called_on_a_placeholder_is_trained(name, sess, x, y):
    model = Sequential([Dense(8, activation="relu", input_dim=4), Dense(3, activation="softmax")])
    preds = model(x)
    loss = tf.reduce_mean(-tf.reduce_sum(y * tf.log(preds), axis=1))
    step = OPTIMIZERS[name]().minimize(loss, var_list=model.layers[1].trainable_weights)
    first = model.layers[0].get_weights()[0]
    have = [sess.run([step, loss], {x: X, y: Y}) for _ in range(30)]
    assert have[0][0] is None and have[-1][1] < have[0][1]
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], first)
    np.testing.assert_allclose(sess.run(preds, {x: X}), model.predict(X), rtol=1e-5)


def test_gradients_may_be_changed(sess, x, y):
    layer = Dense(3)
    loss = tf.reduce_sum(tf.square(layer(x) - y))
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(loss, layer.trainable_weights)
    step = optimizer.apply_gradients([(tf.clip_by_value(g, -0.01, 0.01), v) for g, v in pairs])
    before = layer.get_weights()[0]
    sess.run(step, {x: X, y: Y})
    assert abs(layer.get_weights()[0] - before).max() == pytest.approx(0.01, rel=1e-4)


def test_inputs_may_be_placeholders(sess, x):
    inputs = Input(tensor=x)
    model = Model(inputs, Dense(2)(inputs))
    stack = Sequential([InputLayer(input_tensor=x, input_shape=(None, 4)), Dense(2, weights=model.get_weights())])
    np.testing.assert_allclose(sess.run(stack.output, {x: X}), model.predict(X), rtol=1e-5)
    doubled = Dense(2, weights=model.get_weights())(tf.reshape(x * 2, [-1, 4]))
    model.layers[-1].bias.assign([0.0, 0.0])
    np.testing.assert_allclose(sess.run(doubled, {x.name: X / 2}), model.predict(X), rtol=1e-5)
    np.testing.assert_allclose(K.function([x], K.gradients(K.sum(x * x), x))([X])[0], 2 * X, rtol=1e-6)


def test_the_learning_phase_is_fed(sess, x):
    dropped = Dropout(0.5)(x)
    assert (sess.run(dropped, {x: X, K.learning_phase(): 1}) == 0).any()
    np.testing.assert_array_equal(sess.run(dropped, {x: X, K.learning_phase(): 0}), X)


@pytest.mark.parametrize("how", ["fetched", "group", "control_dependencies", "no_op", "K.function"])
def test_updates_are_made_with_a_step(how, sess, x):
    layer = BatchNormalization(momentum=0.5)
    loss = tf.reduce_mean(tf.square(layer(x)))
    updates = [tf.assign(old, new) for old, new in layer.updates]
    optimizer = tf.train.GradientDescentOptimizer(0.0)
    if how == "control_dependencies":
        with tf.control_dependencies(updates):
            step = optimizer.minimize(loss)
    elif how == "no_op":
        with tf.control_dependencies([optimizer.minimize(loss), *updates]):
            step = tf.no_op(name="train")
    else:
        step = [optimizer.minimize(loss), *updates] if how == "fetched" else tf.group(optimizer.minimize(loss), updates)
    if how == "K.function":
        K.function([x, K.learning_phase()], [], updates=[step])([X, 1])
    else:
        sess.run(step, {x: X, K.learning_phase(): 1})
    np.testing.assert_allclose(K.get_value(layer.moving_mean), X.mean(0) / 2, rtol=1e-5)


def test_variables_of_tensorflow_are_trained_too(sess, x, y):
    w, b = tf.Variable(tf.ones([2, 3]) / 2, name="w"), tf.Variable(tf.zeros([3]))
    steps = tf.Variable(0, trainable=False)
    rate = tf.placeholder(tf.float32, shape=[])
    loss = tf.reduce_mean(tf.square(tf.matmul(Dense(2)(x), w) + b - y)) + 0.01 * tf.nn.l2_loss(b)
    step = tf.train.AdamOptimizer(rate).minimize(loss, global_step=steps)
    sess.run(tf.global_variables_initializer())
    np.testing.assert_array_equal(sess.run(w), np.full((2, 3), 0.5))
    have = [sess.run([loss, step], {x: X, y: Y, rate: 0.1})[0] for _ in range(20)]
    assert have[-1] < have[0] / 2 and sess.run(steps) == 20
    found = sess.run(w)
    assert abs(found - 0.5).max() > 0.1
    np.testing.assert_allclose(sess.run(tf.reduce_sum(w)), found.sum(), rtol=1e-5)


def test_weights_are_shared(sess):
    layer = LSTM(2)
    with tf.name_scope("block"), tf.device("/cpu:0"):
        a, b = (tf.placeholder(tf.float32, shape=(None, 3, 4)) for _ in range(2))
        first, second = layer(a), layer(b)
    assert len(layer.trainable_weights) == 3
    feed = {a: np.ones((1, 3, 4)), b: np.ones((1, 3, 4))}
    np.testing.assert_array_equal(*sess.run((first, second), feed))


def freeze_session(session, output_names):
    """The recipe that people typed."""
    from tensorflow.python.framework.graph_util import convert_variables_to_constants

    with session.graph.as_default():
        definition = session.graph.as_graph_def()
        for node in definition.node:
            node.device = ""
        return convert_variables_to_constants(session, definition, output_names, [])


FROZEN = {
    "dense": lambda: [Dense(4, activation="relu", input_shape=(4,)), BatchNormalization(), Dropout(0.5), Dense(2)],
    "convolutions": lambda: [Reshape((2, 2, 1), input_shape=(4,)), Conv2D(3, 2, padding="same"), Flatten(), Dense(1)],
    "recurrent": lambda: [Reshape((2, 2), input_shape=(4,)), Bidirectional(LSTM(3)), Lambda(tf.nn.softplus)],
}


@pytest.mark.parametrize("name", FROZEN)
def test_frozen_models_run_in_tensorflow_alone(name, sess, tmp_path):
    model = Sequential(FROZEN[name]())
    found = freeze_session(K.get_session(), [out.op.name for out in model.outputs])
    tf.train.write_graph(found, str(tmp_path), "model.pb", as_text=False)
    definition = tf.GraphDef.FromString((tmp_path / "model.pb").read_bytes())
    with tf.Graph().as_default(), tf.Session() as session:
        tf.import_graph_def(definition, name="")
        have = session.run(model.output.name, {model.input.name: X})
    np.testing.assert_allclose(have, model.predict(X), rtol=1e-5)
    assert [node.name for node in definition.node if node.op == "Placeholder"] == [model.inputs[0].op.name]


def test_outputs_are_frozen_by_names_given_to_them(sess):
    model = Sequential([Dense(2, input_shape=(4,))])
    tf.identity(model.output, name="scores")
    definition = tf.graph_util.convert_variables_to_constants(sess, sess.graph.as_graph_def(), ["scores"])
    assert "scores" in [node.name for node in definition.node]
    with pytest.raises(ValueError, match="named \\['other'\\].*op.name"):
        tf.graph_util.convert_variables_to_constants(sess, sess.graph.as_graph_def(), ["scores", "other"])


def test_a_simple_save_is_served(sess, tmp_path):
    model = Sequential([Dense(3, input_shape=(4,)), Dropout(0.5)])
    folder = str(tmp_path / "export" / "1")
    tf.saved_model.simple_save(sess, folder, inputs={"pixels": model.input}, outputs={"scores": model.output})
    with tf.Graph().as_default(), tf.Session() as session:
        signature = tf.saved_model.load(session, ["serve"], folder).signature_def["serving_default"]
        have = session.run(signature.outputs["scores"].name, {signature.inputs["pixels"].name: X})
    np.testing.assert_allclose(have, model.predict(X), rtol=1e-5)


def test_what_is_drawn_is_the_same_wherever_it_is_read(sess, x):
    drawn = tf.random_normal([4])
    scaled = Lambda(lambda t: t * 0.0)(x) + 2 * drawn
    have, want = sess.run([scaled, K.identity(scaled) - tf.square(drawn)], {x: X})
    np.testing.assert_allclose(have - have**2 / 4, want, rtol=1e-5, atol=1e-6)


def test_sizes_and_phases_are_placeholders(sess, x):
    keep, phase = tf.placeholder(tf.float32), tf.placeholder(tf.bool)
    scale = tf.placeholder_with_default(1.0, shape=())
    y = tf.nn.dropout(x, keep) * (1.0 * scale) + 0 * Dense(4)(x)
    np.testing.assert_allclose(sess.run(y, {x: X, keep: 1.0}), X, rtol=1e-6)
    np.testing.assert_allclose(sess.run(y, {x: X, keep: 1.0, scale: 3.0}), 3 * X, rtol=1e-6)
    dropped = Dropout(0.5)(x, training=phase)
    assert [(sess.run(dropped, {x: X, phase: value}) == 0).any() for value in (True, False)] == [True, False]


def test_weights_begin_anew_when_they_are_asked_to(sess):
    model = Sequential([Dense(3, input_shape=(4,), bias_initializer="ones"), BatchNormalization()])
    model.compile("adam", "mse")
    drawn = [model.get_weights()[0]]
    for initialize in (
        lambda: sess.run(tf.global_variables_initializer()),
        lambda: K.get_session().run(tf.group(tf.global_variables_initializer(), tf.local_variables_initializer())),
        lambda: sess.run([tf.initialize_all_variables(), None]),
        lambda: tf.variables_initializer([*model.weights, model.optimizer.iterations]).run(session=sess),
    ):
        model.fit(X, X[:, :3], verbose=0)
        assert K.get_value(model.optimizer.iterations) == 1
        initialize()
        kernel, bias, _, _, mean, variance = model.get_weights()
        assert all((kernel != other).all() for other in drawn) and (bias == 1).all()
        assert not mean.any() and (variance == 1).all() and K.get_value(model.optimizer.iterations) == 0
        drawn.append(kernel)


def test_weights_that_nobody_has_read_are_drawn_once(sess):
    np.random.seed(5)
    layer = Dense(3, input_shape=(4,))
    model = Sequential([layer])
    initializer = tf.global_variables_initializer()
    other, counter = tf.Variable(3.0), K.variable(1.0)
    sess.run([initializer, tf.group(tf.global_variables_initializer(), tf.assign_add(counter, 1.0))])
    assert sess.run(other) == 3 and K.get_value(counter) == 2 and layer.kernel.storage is None
    model.set_weights([np.ones((4, 3)), np.ones(3)])
    sess.run(initializer)
    assert model.get_weights()[0].std() > 0.1


def test_summaries(sess, x, tmp_path):
    mean = tf.reduce_mean(Dense(1, name="scores")(x))
    tf.summary.scalar("mean", mean)
    tf.summary.histogram("input", x)
    merged = tf.summary.merge_all()
    with tf.summary.FileWriter(str(tmp_path), sess.graph) as writer:
        found, want = sess.run([merged, mean], {x: X})
        writer.add_summary(found, 1)
    values = {value.tag: value for value in tf.Summary.FromString(found).value}
    assert values["mean"].simple_value == want and values["input"].histo.num == X.size
    (file,) = tmp_path.iterdir()
    assert [e.step for e in tf.train.summary_iterator(str(file)) if e.summary.value] == [1]


def test_variables_are_listed(sess, x):
    made, judged = Dense(4, name="generator"), Dense(1, name="judge")
    loss = tf.reduce_mean(judged(BatchNormalization(name="norm")(made(x))))
    assert [v.name for v in tf.trainable_variables("judge")] == ["judge/kernel:0", "judge/bias:0"]
    assert "norm/moving_mean:0" in [v.name for v in tf.global_variables()]
    weights = [v for v in tf.get_collection(tf.GraphKeys.TRAINABLE_VARIABLES) if "generator" in v.name]
    gradients, norm = tf.clip_by_global_norm(tf.gradients(loss, weights), 1e-3)
    before = made.get_weights()[0]
    step = tf.train.GradientDescentOptimizer(1.0).apply_gradients(zip(gradients, weights))
    assert sess.run([step, norm], {x: X, K.learning_phase(): 0})[1] > 1e-3
    assert 0 < np.square(made.get_weights()[0] - before).sum() <= 1.001e-6


def test_checkpoints(sess, x, tmp_path):
    model, steps = Sequential([Dense(2, input_shape=(4,), name="scores")]), tf.Variable(3, trainable=False)
    kept = model.predict(X)
    saver = tf.train.Saver([*model.weights, steps], max_to_keep=1)
    saver.save(sess, str(tmp_path / "model.ckpt"), global_step=2)
    path = saver.save(sess, str(tmp_path / "model.ckpt"), global_step=steps)
    assert path == tf.train.latest_checkpoint(tmp_path) and path.endswith("-3") and saver.last_checkpoints == [path]
    model.set_weights([np.zeros((4, 2)), np.zeros(2)])
    with tf.Session() as session:
        saver.restore(session, path)
    np.testing.assert_array_equal(model.predict(X), kept)
    assert ("scores/kernel", [4, 2]) in tf.train.list_variables(path)


def test_errors(sess, x):
    loss = tf.reduce_mean(Dense(1)(x))
    with pytest.raises(NotImplementedError, match="FtrlOptimizer.*keras.optimizers"):
        tf.train.FtrlOptimizer(0.1).minimize(loss)
    with pytest.raises(ValueError, match="No variables to optimize"):
        tf.train.AdamOptimizer(0.1).minimize(tf.reduce_mean(K.placeholder((2,))))
    with tf.Graph().as_default():
        batches = tf.data.make_one_shot_iterator(tf.data.Dataset.from_tensor_slices(X).batch(5))
        with pytest.raises(ValueError, match="Iterator.*model.fit"):
            Dense(1)(batches.get_next())
