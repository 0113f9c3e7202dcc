"""Programs of TensorFlow 1's time: sessions, configurations, devices, data sets."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from keras import backend as K
from keras.layers import Dense, Dropout, Input
from keras.models import Model, Sequential


def test_growing_memory():
    config = tf1.ConfigProto()
    config.gpu_options.allow_growth = True
    config.gpu_options.per_process_gpu_memory_fraction = 0.3
    K.set_session(tf1.Session(config=config))
    assert K.get_session().run(K.constant(2.0)) == 2


def test_a_session_evaluates_tensors_of_both():
    model = Sequential([Dense(2, input_shape=(3,)), Dropout(0.5)])
    x = np.ones((4, 3), "float32")
    session = K.get_session()
    session.run(tf1.global_variables_initializer())
    feed = {model.input: x, K.learning_phase(): 0}
    mean, output = session.run([tf.reduce_mean(model.output), model.output], feed_dict=feed)
    np.testing.assert_allclose(output, model.predict(x), rtol=1e-6)
    np.testing.assert_allclose(mean, output.mean(), rtol=1e-6)
    with session.as_default(), session.graph.as_default():
        assert session.run(model.output, {**feed, K.learning_phase(): 1}).shape == (4, 2)


def test_assignments_are_made_when_a_session_runs_them():
    v, x = K.variable([1.0, 2.0]), K.placeholder((2,))
    session = K.get_session()
    once, more, less = tf1.assign(v, [3.0, 4.0]), tf1.assign_add(v, x), tf1.assign_sub(v, x * 2)
    np.testing.assert_array_equal(K.get_value(v), [1, 2])
    np.testing.assert_array_equal(session.run(once), [3, 4])
    np.testing.assert_array_equal(session.run(more, {x: np.ones(2)}), [4, 5])
    np.testing.assert_array_equal(session.run(less, {x: np.ones(2)}), [2, 3])
    assert session.run(tf1.is_variable_initialized(v))


def test_a_learning_rate_is_assigned():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    K.get_session().run(tf1.assign(model.optimizer.lr, 0.5))
    assert K.get_value(model.optimizer.lr) == 0.5


def test_values_among_the_fetches():
    have = K.get_session().run([tf.constant([1.0, 2.0]), K.constant(3.0), tf1.report_uninitialized_variables()])
    assert have[0].tolist() == [1, 2] and have[1] == 3 and len(have[2]) == 0


def test_devices_of_a_session():
    kinds = [device.device_type for device in K.get_session().list_devices()]
    assert "CPU" in kinds and kinds.count("GPU") == len(tf.config.list_logical_devices("GPU"))


@pytest.mark.parametrize("scope", [lambda: tf.device("/cpu:0"), lambda: tf1.device("/device:CPU:0")])
def test_device_scopes(scope):
    with scope():
        a = Input((3,))
        model = Model(a, Dense(2)(a))
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert model.predict(np.ones((1, 3))).shape == (1, 2)


# Data sets.

X = np.linspace(-1, 1, 40, dtype="float32").reshape(10, 4)
Y = X.sum(1, keepdims=True)


@pytest.fixture
def pair():
    def model():
        model = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
        model.compile("sgd", "mse")
        return model

    return model(), model()


def test_data_sets_give_the_same_numbers_as_arrays(pair):
    model, twin = pair
    data = tf.data.Dataset.from_tensor_slices((X, Y * 2)).batch(5)
    have = model.fit(data, epochs=3, validation_data=data, verbose=0).history
    want = twin.fit(X, Y * 2, batch_size=5, epochs=3, validation_data=(X, Y * 2), shuffle=False, verbose=0).history
    np.testing.assert_allclose(have["loss"], want["loss"], rtol=1e-5)
    np.testing.assert_allclose(have["val_loss"], want["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(data, verbose=0), twin.evaluate(X, Y * 2, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.predict(data), twin.predict(X), rtol=1e-5)


def test_endless_data_sets_take_steps(pair):
    model, _ = pair
    data = tf.data.Dataset.from_tensor_slices((X, Y)).repeat().shuffle(10).batch(5).prefetch(2)
    history = model.fit(data, steps_per_epoch=3, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], 0, atol=1e-10)
    np.testing.assert_allclose(model.evaluate(data, steps=2, verbose=0), 0, atol=1e-10)
    assert model.predict(data, steps=2).shape == (10, 1)


def test_data_sets_with_sample_weights(pair):
    model, _ = pair
    weights = np.r_[np.ones(5), np.zeros(5)].astype("float32")
    targets = np.where(weights[:, None] > 0, Y, 100.0).astype("float32")
    data = tf.data.Dataset.from_tensor_slices((X, targets, weights)).batch(10)
    np.testing.assert_allclose(model.evaluate(data, verbose=0), 0, atol=1e-10)


def test_tensors_are_arrays(pair):
    model, _ = pair
    np.testing.assert_allclose(model.evaluate(tf.constant(X), tf.constant(Y), verbose=0), 0, atol=1e-10)
    np.testing.assert_allclose(model.predict(tf.constant(X)), Y, rtol=1e-5)
    model.train_on_batch(tf.constant(X), tf.constant(Y))
