"""Metric functions: `f(y_true, y_pred)` gives one value per sample; its mean is reported."""

from .. import backend as K
from ..utils import losses_utils


def _tensors(y_true, y_pred):
    return losses_utils.as_tensor(y_true), losses_utils.as_tensor(y_pred)


def accuracy(y_true, y_pred):
    """1 where targets and predictions are equal, else 0."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.cast(K.equal(K.cast(y_true, K.dtype(y_pred)), y_pred), K.floatx())


def binary_accuracy(y_true, y_pred, threshold=0.5):
    """Part of the values of the last axis for which label (0/1) and thresholded prediction agree."""
    y_true, y_pred = _tensors(y_true, y_pred)
    if threshold != 0.5:
        y_pred = K.cast(K.greater(y_pred, threshold), K.dtype(y_pred))
    agree = K.equal(K.cast(y_true, K.dtype(y_pred)), K.round(y_pred))
    return K.mean(K.cast(agree, K.floatx()), axis=-1)


def categorical_accuracy(y_true, y_pred):
    """1 where the largest value of the last axis is at the same place in one-hot labels and predictions."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.cast(K.equal(K.argmax(y_true, axis=-1), K.argmax(y_pred, axis=-1)), K.floatx())


def sparse_categorical_accuracy(y_true, y_pred):
    """1 where the largest prediction of the last axis is that of the class numbered y_true.

    Labels may be `(batch, ...)` or `(batch, ..., 1)`.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    if K.ndim(y_true) == K.ndim(y_pred):
        y_true = K.squeeze(y_true, -1)
    labels = K.cast(K.argmax(y_pred, axis=-1), K.dtype(y_true))
    return K.cast(K.equal(y_true, labels), K.floatx())


def top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class of the one-hot label is among the k largest predictions."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return _in_top_k(K.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true, y_pred, k=5):
    """1 where the class numbered y_true is among the k largest predictions.

    Labels may be `(batch, ...)` or `(batch, ..., 1)`.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    if K.ndim(y_true) == K.ndim(y_pred):
        y_true = K.squeeze(y_true, -1)
    return _in_top_k(y_true, y_pred, k)


def _in_top_k(labels, y_pred, k):
    """`K.in_top_k` for any number of leading axes; shape of the labels."""
    hits = K.in_top_k(K.reshape(y_pred, (-1, K.int_shape(y_pred)[-1])), K.cast(K.flatten(labels), "int32"), k)
    hits = K.cast(hits, K.floatx())
    return hits if K.ndim(labels) == 1 else K.reshape(hits, K.shape(labels))


def cosine_proximity(y_true, y_pred, axis=-1):
    """Cosine between targets and predictions along `axis`: 1 is best (the loss of this name is negative)."""
    y_true, y_pred = _tensors(y_true, y_pred)
    y_true = K.l2_normalize(K.cast(y_true, K.dtype(y_pred)), axis=axis)
    return K.sum(y_true * K.l2_normalize(y_pred, axis=axis), axis=axis)


cosine = cosine_similarity = cosine_proximity
