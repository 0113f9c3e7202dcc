"""After `tf.disable_v2_behavior()`, with which many programs for TensorFlow 1 begin now: in a process of its own."""

import subprocess
import sys

import pytest

OLD = """
import warnings
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()

import keras
from keras import backend as K
from keras.models import Sequential, Model
from keras.layers import Dense, Dropout, Lambda, Input, LSTM
x = np.random.rand(20, 3).astype("float32")
"""

TRAINING = """
model = Sequential([Dense(4, activation='relu', input_dim=3), Dropout(0.5), Lambda(lambda t: tf.square(t)), Dense(1)])
model.compile('adam', lambda y, p: tf.reduce_mean(tf.square(y - p), axis=-1))
model.fit(x, x[:, :1], epochs=2, verbose=0)
assert model.predict(x).shape == (20, 1)
recurrent = Sequential([LSTM(3, input_shape=(5, 2)), Dense(1)])
recurrent.compile('sgd', 'mse')
assert np.isfinite(recurrent.train_on_batch(np.ones((4, 5, 2)), np.ones((4, 1))))
assert not tf.executing_eagerly() and not isinstance(tf.TensorShape([1])[0], int), "the user's choice stays"
"""

CONSTANTS = """
inputs = Input((3,))
scale = tf.constant([1.0, 2.0, 3.0])
def call(t):
    t = t * scale + tf.eye(3)[0] * tf.ones([3])
    t = tf.cond(tf.less(tf.reduce_sum(t), 0.0), lambda: t, lambda: -t)
    return tf.reshape(t, [-1, t.shape[1].value])
f = K.function([inputs], [Lambda(call)(inputs)])
np.testing.assert_allclose(f([x])[0], -(x * [1, 2, 3] + [1, 0, 0]), rtol=1e-5)
noisy = K.function([inputs], [inputs + tf.random_normal([3])])
assert (noisy([x])[0] != noisy([x])[0]).all()
w, p = tf.get_variable('w', initializer=[1.0, 2.0, 3.0]), tf.placeholder(tf.float32, [3])
with tf.Session() as sess:
    have = sess.run(inputs * w + 2 * p, {inputs: x, p: [1, 1, 0]})
    np.testing.assert_allclose(have, x * [1, 2, 3] + [2, 2, 0], rtol=1e-5)
"""

SESSIONS = """
sess = tf.Session()
K.set_session(sess)
model = Sequential([Dense(2, input_dim=3), Dropout(0.5)])
sess.run(tf.global_variables_initializer())
K.get_session().run([tf.global_variables_initializer(), tf.local_variables_initializer()])
feed = {model.input: x, K.learning_phase(): 0}
found = sess.run([model.output, {'mean': tf.reduce_mean(model.output)}], feed_dict=feed)
np.testing.assert_allclose(found[0], model.predict(x), rtol=1e-5)
np.testing.assert_allclose(found[1]['mean'], found[0].mean(), rtol=1e-5)
assert sess.run(tf.constant(2.0) * 3) == 6, 'its own tensors are still its own business'
with tf.Session() as other:
    K.set_session(other)
    np.testing.assert_allclose(other.run(model.output, feed), found[0], rtol=1e-5)
    np.testing.assert_allclose(model.output.eval(session=other, feed_dict={model.input: x}), found[0], rtol=1e-5)
    np.testing.assert_allclose(model.output.eval({model.input: x}), found[0], rtol=1e-5)
graph = tf.get_default_graph()
with graph.as_default(), sess.as_default():
    np.testing.assert_allclose(model.predict(x), found[0], rtol=1e-5)
"""

BRANCHES = """
v, chosen = K.variable(1.0), tf.placeholder(tf.bool, ())
step = tf.cond(chosen, lambda: tf.group(tf.assign_add(v, 1.0)), lambda: tf.no_op())
value = tf.cond(chosen, lambda: tf.assign_add(v, 1.0), lambda: v * 5.0)
for taken, want in ((True, 2), (False, 10)):
    assert K.get_session().run(value, {chosen: taken}) == want and K.get_value(v) == 2
for taken in (True, False):
    K.get_session().run(step, {chosen: taken})
    assert K.get_value(v) == 3
"""

METRICS = """
def auc(y_true, y_pred):
    value = tf.metrics.auc(y_true, y_pred)[1]
    K.get_session().run(tf.local_variables_initializer())
    return value
model = Sequential([Dense(1, activation='sigmoid', input_dim=3)])
model.compile('adam', 'binary_crossentropy', metrics=[auc])
history = model.fit(x, x[:, 0] > 0.5, epochs=2, verbose=0).history
assert all(0 < value < 1 for value in history['auc']), history
"""


@pytest.mark.parametrize(
    "script",
    [TRAINING, CONSTANTS, SESSIONS, BRANCHES, METRICS],
    ids=["training", "constants", "sessions", "branches", "metrics"],
)
def test_programs_of_version_1(script):
    done = subprocess.run([sys.executable, "-c", OLD + script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
