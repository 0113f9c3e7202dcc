"""`tf.metrics` of TensorFlow 1 as metrics of a model: they count over all batches that they have seen."""

import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential

TRUE = np.array([[0], [1], [1], [0], [1], [0]], "float32")
SCORES = np.array([[0.1], [0.8], [0.4], [0.6], [0.9], [0.2]], "float32")
HALVES = slice(0, 3), slice(3, 6)


def counted(metric):
    """What it gives after each of two batches."""
    y_true, y_pred = K.placeholder((None, 1)), K.placeholder((None, 1))
    ask = K.function([y_true, y_pred], [metric(y_true, y_pred)])
    return [ask([TRUE[half], SCORES[half]])[0] for half in HALVES]


def updated(name, rounded=False, **options):
    def metric(y_true, y_pred):
        result = getattr(tf.metrics, name)(y_true, tf.round(y_pred) if rounded else y_pred, **options)[1]
        K.get_session().run(tf.local_variables_initializer())
        return result

    return metric


def mean_iou(y_true, y_pred):
    score, update = tf.metrics.mean_iou(y_true, tf.to_int32(y_pred > 0.5), 2)
    with tf.control_dependencies([update]):
        return tf.identity(score)


METRICS = {  # after the first batch, and after both
    "accuracy": (updated("accuracy", rounded=True), [2 / 3, 4 / 6]),
    "precision": (updated("precision", rounded=True), [1, 2 / 3]),
    "recall": (updated("recall", rounded=True), [1 / 2, 2 / 3]),
    "auc": (updated("auc"), [1, 8 / 9]),
    "mean_absolute_error": (updated("mean_absolute_error"), [0.9 / 3, 1.8 / 6]),
    "mean_iou": (mean_iou, [(1 / 2 + 1 / 2) / 2, (2 / 4 + 2 / 4) / 2]),
}


@pytest.mark.parametrize("name", METRICS)
def test_values_after_each_batch(name):
    metric, wanted = METRICS[name]
    np.testing.assert_allclose(counted(metric), wanted, rtol=1e-4)


def test_each_call_counts_for_itself():
    y_true, y_pred = K.placeholder((None, 1)), K.placeholder((None, 1))
    one, other = (tf.metrics.accuracy(y_true, tf.round(y_pred))[1] for _ in range(2))
    first, second = K.function([y_true, y_pred], [one]), K.function([y_true, y_pred], [other])
    first([TRUE, 1 - TRUE])
    assert first([TRUE, TRUE])[0] == 0.5 and second([TRUE, TRUE])[0] == 1


def test_in_a_model():
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(1,))])
    model.compile("sgd", "binary_crossentropy", metrics=[updated("auc"), mean_iou])
    history = model.fit(SCORES, TRUE, epochs=2, verbose=0).history
    assert model.metrics_names == ["loss", "metric", "mean_iou"]
    np.testing.assert_allclose(history["metric"], 8 / 9, rtol=1e-4)


def test_without_symbolic_tensors_it_is_tensorflows_own():
    with pytest.raises(RuntimeError, match="eager"):
        tf.metrics.accuracy([1], [1])
