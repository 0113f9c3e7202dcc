"""Gradients through every layer, against differences of the NumPy references; and that models learn."""

import harness
import layer_cases
import numpy as np
import pytest
import recurrent_cases
from every_layer import one_of_each, quiet

from keras import backend as K
from keras import layers as L
from keras.models import Model, Sequential

pytestmark = [quiet, pytest.mark.usefixtures("quick_compiler")]

# Integer inputs have no gradient; noise layers at inference are the identity.
SMOOTH = [
    case
    for case in [*layer_cases.CASES, *one_of_each(recurrent_cases.CASES)]
    if case.inputs is None or case.layer is L.Embedding
]


def normal(shapes, seed):
    random = np.random.RandomState(seed)
    return [random.standard_normal(shape) for shape in shapes]


@pytest.fixture(scope="module")
def gradients():
    """case -> (weights, cotangents, gradients by inputs and weights), in one program."""
    placeholders, feeds, outputs, found = [], [], [], []
    for case in SMOOTH:
        layer, symbols, results = harness.connect(case, unknown=())
        weights = harness.set_random_weights(layer)
        cotangents = normal(map(K.int_shape, results), 5)
        total = sum(K.sum(y * K.constant(c)) for y, c in zip(results, cotangents, strict=True))
        by = ([] if case.inputs else symbols) + layer.weights
        grads = K.gradients(total, by)
        assert all(g is not None for g in grads), str(case)
        placeholders += symbols
        feeds += case.arrays()
        outputs += grads
        found.append((case, weights, cotangents, len(grads)))
    values = iter(K.function([*placeholders, K.learning_phase()], outputs)([*feeds, 0]))
    return {case: (w, cotangents, [next(values) for _ in range(count)]) for case, w, cotangents, count in found}


@pytest.mark.parametrize("case", SMOOTH, ids=str)
def test_gradients_are_those_of_the_reference(case, gradients):
    weights, cotangents, got = gradients[case]
    weights = [w.astype("float64") for w in weights]
    inputs = case.arrays() if case.inputs else [x.astype("float64") for x in case.arrays()]
    moved = weights if case.inputs else inputs + weights
    step = normal(map(np.shape, moved), 9)

    def value(epsilon):
        at = [a + epsilon * d for a, d in zip(moved, step)]
        xs = inputs if case.inputs else at[: len(inputs)]
        results = harness.as_list(case.reference(at[len(at) - len(weights) :], *xs))
        return sum(np.sum(y * c) for y, c in zip(results, cotangents, strict=True))

    wanted = (value(1e-6) - value(-1e-6)) / 2e-6
    scale = 1 + sum(np.sum(np.abs(g * d)) for g, d in zip(got, step))
    assert abs(sum(np.sum(g * d) for g, d in zip(got, step)) - wanted) < 1e-5 * scale


def test_a_model_of_many_layers_learns():
    random = np.random.RandomState(0)
    x = random.standard_normal((64, 8, 8, 2)).astype("float32")
    y = (x.mean(axis=(1, 2, 3)) > 0).astype("float32")
    image = L.Input((8, 8, 2))
    h = L.SeparableConv2D(4, 3, padding="same")(L.ZeroPadding2D(1)(image))
    h = L.PReLU(shared_axes=[1, 2])(L.BatchNormalization()(h))
    h = L.add([h, L.Conv2D(4, 1)(L.ZeroPadding2D(1)(image))])
    h = L.Conv2DTranspose(3, 2, strides=2)(L.MaxPooling2D(2)(h))
    h = L.concatenate([L.GlobalAveragePooling2D()(h), L.Flatten()(L.LocallyConnected2D(1, 3)(image))])
    model = Model(image, L.Dense(1, activation="sigmoid")(L.Dropout(0.1)(h)))
    model.compile("adam", "binary_crossentropy")
    history = model.fit(x, y, epochs=25, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.7 * history[0]


def test_embeddings_learn_and_penalties_count():
    words = np.array([[1, 2], [3, 4], [1, 4], [3, 2]] * 8)
    labels = np.array([0, 1, 0, 1] * 8)
    model = Sequential([
        L.Embedding(5, 4, input_length=2, embeddings_regularizer="l2"),
        L.ActivityRegularization(l1=1e-4), L.Flatten(), L.Dense(1, activation="sigmoid"),
    ])  # fmt: skip
    model.compile("rmsprop", "binary_crossentropy")
    assert len(model.losses) == 2
    history = model.fit(words, labels, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
