"""Slopes where a function has none, or several: those of Keras 2 on TensorFlow 1, on every runtime."""

import numpy as np
import pytest

from keras import backend as K
from keras import losses


def _max(x):
    return K.max(x, axis=-1)


# name: function, where, slopes there
CORNERS = {
    "abs": (K.abs, [0.0, 1.0, -1.0], [0, 1, -1]),
    "relu": (K.relu, [0.0, 1.0], [0, 1]),
    "leaky relu": (lambda x: K.relu(x, alpha=0.5), [1.0, -1.0, 0.0], [1, 0.5, 0.5]),
    "elu": (K.elu, [0.0, 1.0], [1, 1]),
    "softplus": (K.softplus, [0.0], [0.5]),
    "softsign": (K.softsign, [0.0], [1]),
    "hard sigmoid": (K.hard_sigmoid, [-3.0, 0.0, 3.0], [0, 0.2, 0]),
    "maximum": (lambda x: K.maximum(x, 1.0), [1.0, 2.0, 0.0], [1, 1, 0]),
    "minimum": (lambda x: K.minimum(x, 1.0), [1.0, 2.0, 0.0], [1, 0, 1]),
    "clip": (lambda x: K.clip(x, 0.0, 1.0), [-1.0, 0.5, 2.0], [0, 1, 0]),
    "max of equals": (_max, [2.0, 2.0, 1.0, 0.0], [0.5, 0.5, 0, 0]),
    "min of equals": (lambda x: -K.min(x, axis=-1), [0.0, 2.0, 0.0, 3.0], [-0.5, 0, -0.5, 0]),
    "mean absolute error": (lambda x: 2 * losses.mean_absolute_error(K.constant([1.0, 1.0]), x), [1.0, 3.0], [0, 1]),
    "hinge": (lambda x: 2 * losses.hinge(K.constant([1.0, -1.0]), x), [1.0, 1.0], [-1, 1]),
    "logcosh": (lambda x: losses.logcosh(K.constant([0.0]), x), [0.0], [0]),
    "categorical crossentropy of a softmax": (
        lambda x: K.categorical_crossentropy(K.constant([1.0, 0.0, 0.0]), K.softmax(x)),
        [0.0, 0.0, -90.0], [-0.5, 0.5, 0],
    ),
    "categorical crossentropy of shares that are certainly wrong": (
        lambda x: K.categorical_crossentropy(K.constant([1.0, 0.0]), K.softmax(x)), [-90.0, 90.0], [0, 0],
    ),
    "categorical crossentropy of a softmax that is certainly wrong": (
        lambda x: K.categorical_crossentropy(K.constant([[1.0, 0.0]]), K.softmax(K.expand_dims(x, 0))),
        [-90.0, 90.0], [-1, 1],
    ),
    "binary crossentropy of a sigmoid that is certainly wrong": (
        lambda x: K.binary_crossentropy(K.constant([0.0, 1.0]), K.sigmoid(x)), [90.0, -90.0], [1, -1],
    ),
    "binary crossentropy": (
        lambda x: K.binary_crossentropy(K.constant([0.0, 1.0, 0.3]), K.sigmoid(x)), [0.0, 0.0, 0.0], [0.5, -0.5, 0.2],
    ),
    "binary crossentropy of logits": (
        lambda x: K.binary_crossentropy(K.constant([0.0, 1.0]), x, from_logits=True), [0.0, 0.0], [0.5, -0.5],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def slopes():
    """All of them, from one program."""
    inputs = [K.placeholder((len(at),)) for _, at, _ in CORNERS.values()]
    outputs = [K.sum(function(x)) for (function, *_), x in zip(CORNERS.values(), inputs)]
    gradients = [K.gradients(y, [x])[0] for x, y in zip(inputs, outputs)]
    values = K.function(inputs, gradients)([np.array(at) for _, at, _ in CORNERS.values()])
    return dict(zip(CORNERS, values, strict=True))


@pytest.mark.parametrize("name", CORNERS)
def test_slopes(name, slopes):
    np.testing.assert_allclose(slopes[name], CORNERS[name][2], rtol=1e-6, atol=1e-7)
