"""Options of losses and metrics: logits, smoothed labels, axes, sequences with a weight per step; in models."""

import numpy as np
import pytest

from keras import backend as K
from keras import losses, metrics
from keras.layers import Dense, Input
from keras.models import Model, Sequential

rng = np.random.RandomState(4)
N, T, C = 6, 3, 4


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _unit(x, axis=-1):
    return x / np.sqrt((x**2).sum(axis, keepdims=True))


def _bce(t, p):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1)


def _cce(t, p):
    return -(t * np.log(p)).sum(-1)


LOGITS = rng.normal(size=(N, T, C)) * 2
LABELS = rng.randint(0, C, (N, T))
ONE_HOT = np.eye(C)[LABELS]
BITS = rng.randint(0, 2, (N, T, C)).astype("float64")
STEP_WEIGHTS = rng.uniform(0.1, 2, (N, T))

CROSSENTROPY = _cce(ONE_HOT, _softmax(LOGITS))

# Names of the loss and metric class, options, targets, predictions, reference per step.
CASES = [
    ("BinaryCrossentropy", {"from_logits": True}, BITS, LOGITS, _bce(BITS, _sigmoid(LOGITS))),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, BITS, _sigmoid(LOGITS), _bce(0.8 * BITS + 0.1, _sigmoid(LOGITS))),
    (
        "BinaryCrossentropy",
        {"from_logits": True, "label_smoothing": 0.4},
        BITS,
        LOGITS,
        _bce(0.6 * BITS + 0.2, _sigmoid(LOGITS)),
    ),
    ("CategoricalCrossentropy", {"from_logits": True}, ONE_HOT, LOGITS, CROSSENTROPY),
    (
        "CategoricalCrossentropy",
        {"from_logits": True, "label_smoothing": 0.2},
        ONE_HOT,
        LOGITS,
        _cce(0.8 * ONE_HOT + 0.05, _softmax(LOGITS)),
    ),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS[..., None], LOGITS, CROSSENTROPY),
    ("SparseCategoricalCrossentropy", {}, LABELS[..., None], _softmax(LOGITS), CROSSENTROPY),
    ("MeanSquaredError", {}, BITS, LOGITS, ((BITS - LOGITS) ** 2).mean(-1)),
]
IDS = [f"{name}({','.join(options)})" for name, options, *_ in CASES]


@pytest.mark.parametrize("name, options, t, p, each", CASES, ids=IDS)
def test_sequences_with_a_weight_per_step(name, options, t, p, each):
    loss, metric = getattr(losses, name)(**options), getattr(metrics, name)(**options)
    y_true, y_pred, weights = K.placeholder((None, *t.shape[1:])), K.placeholder((None, T, C)), K.placeholder((None, T))
    function = K.function(
        [y_true, y_pred, weights],
        [loss(y_true, y_pred), loss(y_true, y_pred, sample_weight=weights), metric(y_true, y_pred, weights)],
        updates=metric.updates,
    )
    plain, weighted, first = function([t[:4], p[:4], STEP_WEIGHTS[:4]])
    np.testing.assert_allclose(plain, each[:4].mean(), rtol=2e-5)
    np.testing.assert_allclose(weighted, (each * STEP_WEIGHTS)[:4].mean(), rtol=2e-5)
    np.testing.assert_allclose(first, np.average(each[:4], weights=STEP_WEIGHTS[:4]), rtol=2e-5)
    both = function([t[4:], p[4:], STEP_WEIGHTS[4:]])[2]
    np.testing.assert_allclose(both, np.average(each, weights=STEP_WEIGHTS), rtol=2e-5)
    for made in (loss, metric):
        again = type(made).from_config(made.get_config())
        assert options.items() <= again.get_config().items()


def test_axes():
    t, p = BITS + 0.5, LOGITS
    for axis in (1, 2, -1):
        cosine = (_unit(t, axis) * _unit(p, axis)).sum(axis)
        metric = metrics.CosineSimilarity(axis=axis)
        metric.update_state(t, p)
        np.testing.assert_allclose(K.eval(metric.result()), cosine.mean(), rtol=1e-5)
        np.testing.assert_allclose(K.eval(losses.cosine_proximity(t, p, axis=axis)), -cosine, rtol=1e-4, atol=1e-6)
    classes_first = _softmax(LOGITS).transpose(0, 2, 1)
    value = losses.sparse_categorical_crossentropy(LABELS, classes_first, axis=1)
    np.testing.assert_allclose(K.eval(value), CROSSENTROPY, rtol=1e-5)


def test_dtypes():
    K.set_floatx("float64")
    metric = metrics.MeanSquaredError()
    metric.update_state(BITS, LOGITS)
    assert K.dtype(metric.result()) == "float64"
    np.testing.assert_allclose(K.eval(metric.result()), ((BITS - LOGITS) ** 2).mean(), rtol=1e-14)


# In models.


def _two_outputs(loss, **options):
    x = Input((2,))
    model = Model(x, [Dense(1, name="a")(x), Dense(3, activation="softmax", name="b")(x)])
    model.compile("sgd", loss, **options)
    return model


X = rng.normal(size=(10, 2))
YA, YB = rng.normal(size=(10, 1)), np.eye(3)[rng.randint(0, 3, 10)]


@pytest.mark.parametrize(
    "loss, options, names",
    [
        (["mse", "mse"], {"metrics": ["mae"]}, ["a_loss", "b_loss", "a_mae", "b_mae"]),
        ({"a": "mse", "b": "mae"}, {"metrics": {"b": ["acc", metrics.Recall()]}},
         ["a_loss", "b_loss", "b_acc", "b_recall_1"]),
        ("mse", {"metrics": [["mse"], ["accuracy", "categorical_crossentropy"]], "weighted_metrics": ["mae"]},
         ["a_loss", "b_loss", "a_mse", "a_mae", "b_accuracy", "b_categorical_crossentropy", "b_mae"]),
        (losses.Huber(), {"metrics": {"a": metrics.RootMeanSquaredError(name="rmse")}}, ["a_loss", "b_loss", "a_rmse"]),
    ],
)  # fmt: skip
def test_names_in_models(loss, options, names):
    model = _two_outputs(loss, **options)
    history = model.fit(X, [YA, YB], verbose=0, validation_data=(X, [YA, YB]))
    assert model.metrics_names == ["loss", *names]
    assert list(history.history) == ["val_" + n for n in model.metrics_names] + model.metrics_names


def test_epochs_begin_anew_and_evaluation_is_that_of_all_samples():
    model = Sequential([Dense(3, activation="softmax", input_shape=(2,))])
    model.compile("sgd", "categorical_crossentropy", metrics=["acc", metrics.AUC(), metrics.Precision()])
    model.optimizer.lr = 0.0
    history = model.fit(X, YB, epochs=2, batch_size=5, verbose=0, validation_data=(X, YB)).history
    for values in history.values():
        assert values[0] == pytest.approx(values[1], rel=1e-5)
    values = dict(zip(model.metrics_names, model.evaluate(X, YB, batch_size=5, verbose=0), strict=True))
    p = model.predict(X)
    assert values["acc"] == pytest.approx((p.argmax(-1) == YB.argmax(-1)).mean())
    assert values["loss"] == pytest.approx(_cce(YB, p).mean(), rel=1e-5)
    positive = p > 0.5
    assert values["precision_1"] == pytest.approx((YB[positive]).sum() / max(positive.sum(), 1))
    for name, value in values.items():
        assert value == pytest.approx(history["val_" + name][0], rel=1e-5)


def test_weighted_metrics_and_the_others():
    model = Sequential([Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mae"])
    weights = rng.uniform(0.1, 3, 10)
    values = model.evaluate(X, YA, sample_weight=weights, batch_size=4, verbose=0)
    error = np.abs(model.predict(X) - YA)[:, 0]
    assert model.metrics_names == ["loss", "mae", "mae_1"]
    np.testing.assert_allclose(values[1:], [error.mean(), np.average(error, weights=weights)], rtol=1e-5)
