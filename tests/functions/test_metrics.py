"""Metrics: functions and streaming classes against NumPy and scikit-learn, in batches with weights."""

import json

import numpy as np
import pytest
from sklearn import metrics as sk

from keras import backend as K
from keras import losses, metrics
from keras.utils import metrics_utils

rng = np.random.RandomState(2)
BATCHES, SIZE, CLASSES = 3, 5, 4
N = BATCHES * SIZE


def _rows(shape):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(-1, keepdims=True)


REAL = rng.normal(size=(N, CLASSES)), rng.normal(size=(N, CLASSES))
POSITIVE = rng.uniform(0.1, 3, (N, CLASSES)), rng.uniform(0.1, 3, (N, CLASSES))
BINARY = rng.randint(0, 2, (N, CLASSES)).astype("float64"), rng.uniform(0.02, 0.98, (N, CLASSES))
SIGNS = rng.choice([-1.0, 1.0], (N, CLASSES)), rng.normal(size=(N, CLASSES))
ONE_HOT = np.eye(CLASSES)[rng.randint(0, CLASSES, N)], _rows((N, CLASSES))
SPARSE = ONE_HOT[0].argmax(-1)[:, None], ONE_HOT[1]
NUMBERS = rng.randint(0, 3, (N, CLASSES)), rng.randint(0, 3, (N, CLASSES))
WEIGHTS = rng.uniform(0.1, 3, N)


def _l2(x):
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def _rank(labels, p):
    return (p > np.take_along_axis(p, labels, -1)).sum(-1)


def _bce(t, p):
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1)


# The metric and its value per sample; the result is the weighted mean.
MEANS = [
    (metrics.Accuracy, {}, NUMBERS, lambda t, p: (t == p).mean(-1)),
    (metrics.BinaryAccuracy, {}, BINARY, lambda t, p: (t == (p > 0.5)).mean(-1)),
    (metrics.BinaryAccuracy, {"threshold": 0.3}, BINARY, lambda t, p: (t == (p > 0.3)).mean(-1)),
    (metrics.CategoricalAccuracy, {}, ONE_HOT, lambda t, p: t.argmax(-1) == p.argmax(-1)),
    (metrics.SparseCategoricalAccuracy, {}, SPARSE, lambda t, p: t[:, 0] == p.argmax(-1)),
    (metrics.TopKCategoricalAccuracy, {"k": 2}, ONE_HOT, lambda t, p: _rank(t.argmax(-1)[:, None], p) < 2),
    (metrics.SparseTopKCategoricalAccuracy, {"k": 3}, SPARSE, lambda t, p: _rank(t, p) < 3),
    (metrics.CosineSimilarity, {}, REAL, lambda t, p: (_l2(t) * _l2(p)).sum(-1)),
    (metrics.MeanSquaredError, {}, REAL, lambda t, p: ((t - p) ** 2).mean(-1)),
    (metrics.MeanAbsoluteError, {}, REAL, lambda t, p: np.abs(t - p).mean(-1)),
    (metrics.MeanAbsolutePercentageError, {}, POSITIVE, lambda t, p: 100 * np.abs((t - p) / t).mean(-1)),
    (
        metrics.MeanSquaredLogarithmicError,
        {},
        POSITIVE,
        lambda t, p: ((np.log1p(t) - np.log1p(p)) ** 2).mean(-1),
    ),
    (metrics.Hinge, {}, SIGNS, lambda t, p: np.maximum(1 - t * p, 0).mean(-1)),
    (metrics.SquaredHinge, {}, SIGNS, lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1)),
    (
        metrics.CategoricalHinge,
        {},
        ONE_HOT,
        lambda t, p: np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0),
    ),
    (metrics.Poisson, {}, POSITIVE, lambda t, p: (p - t * np.log(p)).mean(-1)),
    (
        metrics.KLDivergence,
        {},
        POSITIVE,
        lambda t, p: (np.minimum(t, 1) * np.log(np.minimum(t, 1) / np.minimum(p, 1))).sum(-1),
    ),
    (metrics.LogCoshError, {}, REAL, lambda t, p: np.log(np.cosh(p - t)).mean(-1)),
    (metrics.BinaryCrossentropy, {}, BINARY, _bce),
    (metrics.BinaryCrossentropy, {"label_smoothing": 0.2}, BINARY, lambda t, p: _bce(0.8 * t + 0.1, p)),
    (metrics.CategoricalCrossentropy, {}, ONE_HOT, lambda t, p: -(t * np.log(p)).sum(-1)),
    (
        metrics.SparseCategoricalCrossentropy,
        {},
        SPARSE,
        lambda t, p: -np.log(np.take_along_axis(p, t, -1))[:, 0],
    ),
    (
        metrics.MeanMetricWrapper,
        {"fn": lambda t, p, power: K.mean(K.abs(t - p) ** power, axis=-1), "power": 3},
        REAL,
        lambda t, p: (np.abs(t - p) ** 3).mean(-1),
    ),
]


def _confusion(t, p, w, threshold):
    w = np.broadcast_to(w[:, None], t.shape)
    positive, label = p > threshold, t > 0
    return [
        (w * cell).sum()
        for cell in (label & positive, ~label & positive, ~label & ~positive, label & ~positive)
    ]


def _auc_roc(t, p, w):
    points = [_confusion(t, p, w, threshold) for threshold in np.linspace(1, 0, 200)]
    points = np.array([[0, 0, 1, 1], *points, [1, 1, 0, 0]], "float64")
    tp, fp, tn, fn = points.T
    return np.trapezoid(tp / (tp + fn), fp / (fp + tn))


def _iou(t, p, w):
    matrix = sk.confusion_matrix(t.ravel(), p.ravel(), sample_weight=np.repeat(w, CLASSES))
    hits = np.diag(matrix)
    return (hits / (matrix.sum(0) + matrix.sum(1) - hits)).mean()


# The metric and its result over all samples.
WHOLES = [
    (metrics.TruePositives, {}, BINARY, lambda t, p, w: _confusion(t, p, w, 0.5)[0]),
    (metrics.FalsePositives, {"thresholds": 0.3}, BINARY, lambda t, p, w: _confusion(t, p, w, 0.3)[1]),
    (
        metrics.TrueNegatives,
        {"thresholds": [0.2, 0.7]},
        BINARY,
        lambda t, p, w: [_confusion(t, p, w, x)[2] for x in (0.2, 0.7)],
    ),
    (metrics.FalseNegatives, {}, BINARY, lambda t, p, w: _confusion(t, p, w, 0.5)[3]),
    (
        metrics.Precision,
        {},
        BINARY,
        lambda t, p, w: sk.precision_score(t.ravel(), p.ravel() > 0.5, sample_weight=np.repeat(w, CLASSES)),
    ),
    (
        metrics.Recall,
        {"thresholds": [0.3, 0.6]},
        BINARY,
        lambda t, p, w: [
            sk.recall_score(t.ravel(), p.ravel() > x, sample_weight=np.repeat(w, CLASSES)) for x in (0.3, 0.6)
        ],
    ),
    (
        metrics.Recall,
        {"class_id": 1},
        BINARY,
        lambda t, p, w: sk.recall_score(t[:, 1], p[:, 1] > 0.5, sample_weight=w),
    ),
    (
        metrics.Precision,
        {"top_k": 2},
        BINARY,
        lambda t, p, w: (w[:, None] * t * (p >= np.sort(p)[:, [-2]])).sum() / (2 * w.sum()),
    ),
    (metrics.AUC, {"num_thresholds": 200}, BINARY, _auc_roc),
    (metrics.MeanIoU, {"num_classes": 3}, NUMBERS, _iou),
    (
        metrics.RootMeanSquaredError,
        {},
        REAL,
        lambda t, p, w: np.sqrt((w[:, None] * (t - p) ** 2).sum() / (CLASSES * w.sum())),
    ),
]
ALL = [
    (make, arguments, data, lambda t, p, w, each=each: (w * each(t, p)).sum() / w.sum())
    for make, arguments, data, each in MEANS
] + WHOLES
IDS = [f"{make.__name__}({','.join(a)})" for make, a, *_ in ALL]


@pytest.mark.parametrize(("make", "arguments", "data", "reference"), ALL, ids=IDS)
def test_streaming(make, arguments, data, reference):
    """In a program: the value after each batch is that of all samples so far; then again after a reset."""
    t, p = data
    metric = make(**arguments)
    y_true, y_pred, weight = (
        K.placeholder((None, t.shape[1])),
        K.placeholder((None, CLASSES)),
        K.placeholder((None,)),
    )
    if make is metrics.MeanIoU:
        given = K.repeat_elements(K.expand_dims(weight, -1), CLASSES, axis=1)
    else:
        given = weight
    value = metric(y_true, y_pred, sample_weight=given)
    step = K.function([y_true, y_pred, weight], [value], updates=metric.updates)
    for order in (range(BATCHES), reversed(range(BATCHES))):
        seen = []
        for batch in order:
            rows = np.arange(batch * SIZE, (batch + 1) * SIZE)
            seen.extend(rows)
            got = step([t[rows], p[rows], WEIGHTS[rows]])[0]
            wanted = reference(t[seen], p[seen], WEIGHTS[seen])
            np.testing.assert_allclose(got, wanted, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(K.eval(metric.result()), wanted, rtol=2e-5, atol=1e-6)
        metric.reset_states()
        assert all(not w.any() for w in metric.get_weights())


@pytest.mark.parametrize(("make", "arguments", "data", "reference"), ALL, ids=IDS)
def test_configuration_and_clone(make, arguments, data, reference):
    metric = make(name="mine", **arguments)
    assert metric.name == "mine"
    clone = metrics.clone_metric(metric)
    assert type(clone) is make and clone is not metric and clone.name == "mine"
    assert clone.get_config() == metric.get_config()
    assert not {id(w) for w in clone.weights} & {id(w) for w in metric.weights}
    if make is metrics.MeanMetricWrapper:
        return
    stored = json.loads(json.dumps(metrics.serialize(metric)))
    again = metrics.deserialize(stored)
    assert type(again) is make
    assert again.get_config() == metric.get_config()


def test_given_arrays_it_works_at_once():
    m = metrics.Mean(name="my_mean")
    assert K.eval(m.result()) == 0
    assert K.eval(m(100)) == 100
    assert K.eval(m.total) == 100 and K.eval(m.count) == 1
    K.eval(m.update_state([1, 5]))
    np.testing.assert_allclose(K.eval(m.result()), 106 / 3, rtol=1e-6)
    m.update_state([2, 3], sample_weight=[0.5, 0.0])
    np.testing.assert_allclose(K.eval(m.result()), 107 / 3.5, rtol=1e-6)
    m.reset_states()
    assert K.eval(m.result()) == 0

    m = metrics.SparseCategoricalAccuracy()
    for _ in range(2):
        m.update_state(np.array([[0], [2]]), np.array([[0.9, 0.1, 0.0], [0.5, 0.3, 0.2]]))
    assert K.eval(m.result()) == 0.5 and K.eval(m.count) == 4
    assert m.updates == []


def test_the_value_of_a_batch_of_tensors_takes_the_batch_in_when_it_is_evaluated():
    m = metrics.Precision(top_k=1)
    first = m(K.constant([[0, 1]]), K.constant([[0.1, 0.9]]))
    assert K.eval(m.true_positives) == 0
    assert K.eval(first) == 1 and K.eval(m.true_positives) == 1
    assert K.eval(m(K.constant([[0, 1]]), K.constant([[0.9, 0.1]]))) == 0.5
    assert K.eval(m.result()) == 0.5 and K.eval(m.false_positives) == 1


def test_sum_and_reduce():
    m = metrics.Sum()
    m.update_state([1.0, 2.0], sample_weight=[2.0, 1.0])
    assert K.eval(m(10.0)) == 14
    m = metrics.Reduce(metrics_utils.Reduction.SUM_OVER_BATCH_SIZE, "by_number")
    m.update_state([1.0, 2.0], sample_weight=[2.0, 1.0])
    assert K.eval(m.result()) == 2.0


@pytest.mark.parametrize("method", ["interpolation", "minoring", "majoring"])
@pytest.mark.parametrize("curve", ["ROC", "PR"])
def test_auc_of_four_samples(curve, method):
    """Worked out by hand, at thresholds just below 0, 0.5 and just above 1."""
    m = metrics.AUC(num_thresholds=3, curve=curve, summation_method=method)
    m.update_state([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9], sample_weight=[1.0, 2.0, 3.0, 4.0])
    # tp = [7, 4, 0], fp = [3, 0, 0], fn = [0, 3, 7], tn = [0, 3, 3]
    recall, rate, precision = np.array([1, 4 / 7, 0]), np.array([1, 0, 0]), np.array([0.7, 1, 0])
    x, y = (rate, recall) if curve == "ROC" else (recall, precision)
    if (curve, method) == ("PR", "interpolation"):
        # Between tp 4, p 4 and tp 7, p 10: slope 1/2, intercept 2; between 0 and 4 the precision is 1.
        wanted = (0.5 * (3 + 2 * np.log(10 / 4)) + 4) / 7
    else:
        join = {"interpolation": lambda a, b: (a + b) / 2, "minoring": np.minimum, "majoring": np.maximum}[
            method
        ]
        wanted = ((x[:-1] - x[1:]) * join(y[:-1], y[1:])).sum()
    np.testing.assert_allclose(K.eval(m.result()), wanted, rtol=1e-5)


def test_auc_near_the_exact_one():
    t, p = rng.randint(0, 2, 300), rng.uniform(size=300)
    p = np.clip(p + 0.2 * t, 0, 1)
    m = metrics.AUC(num_thresholds=2000)
    m.update_state(t, p)
    np.testing.assert_allclose(K.eval(m.result()), sk.roc_auc_score(t, p), atol=2e-3)


def test_auc_thresholds():
    m = metrics.AUC(thresholds=[0.7, 0.2])
    assert m.num_thresholds == 4 and m.thresholds[1:-1] == [0.2, 0.7]
    assert metrics.AUC.from_config(m.get_config()).thresholds == m.thresholds
    for arguments in (
        {"num_thresholds": 1},
        {"thresholds": [1.5]},
        {"curve": "XY"},
        {"summation_method": "x"},
    ):
        with pytest.raises(ValueError):
            metrics.AUC(**arguments)


def test_sensitivity_and_specificity():
    t = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    p = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.01, 0.02, 0.25, 0.26, 0.26])
    for make, value in [
        (metrics.SensitivityAtSpecificity, 0.8),
        (metrics.SensitivityAtSpecificity, 0.4),
        (metrics.SpecificityAtSensitivity, 0.4),
    ]:
        m = make(value, num_thresholds=200)
        m.update_state(t, p)
        # The reference: the threshold whose rate is nearest, the first of equal ones.
        cells = np.array([_confusion(t[:, None], p[:, None], np.ones(10), x) for x in m.thresholds]).T
        sensitivity, specificity = cells[0] / 5, cells[2] / 5
        given, asked = sensitivity, specificity
        if make is metrics.SensitivityAtSpecificity:
            given, asked = specificity, sensitivity
        np.testing.assert_allclose(K.eval(m.result()), asked[np.abs(given - value).argmin()], rtol=1e-5)
        again = make.from_config(m.get_config())
        assert again.get_config() == m.get_config() and again.value == value
        for arguments in [(-1,), (1.5,), (0.5, 0)]:
            with pytest.raises(ValueError):
                make(*arguments)
    assert metrics.SensitivityAtSpecificity(0.5, num_thresholds=1).thresholds == [0.5]


def test_without_any_positive_the_ratios_are_zero():
    for m in (metrics.Precision(), metrics.Recall(), metrics.MeanIoU(2)):
        assert K.eval(m.result()) == 0


def test_thresholds_out_of_range():
    for make in (metrics.Precision, metrics.Recall, metrics.TruePositives):
        with pytest.raises(ValueError, match="1.5"):
            make(thresholds=[0.5, 1.5])


def test_functions_take_sequences():
    """Values per time step, for labels with and without a last axis of size 1."""
    t, p = rng.randint(0, 3, (2, 4)), _rows((2, 4, 3))
    hit = t == p.argmax(-1)
    one_hot = np.eye(3)[t]
    top = _rank(t.reshape(-1, 1), p.reshape(-1, 3)).reshape(2, 4) < 2
    for value, wanted in [
        (metrics.sparse_categorical_accuracy(t, p), hit),
        (metrics.sparse_categorical_accuracy(t[..., None], p), hit),
        (metrics.categorical_accuracy(one_hot, p), hit),
        (metrics.top_k_categorical_accuracy(one_hot, p, k=2), top),
        (metrics.sparse_top_k_categorical_accuracy(t, p, k=2), top),
        (metrics.sparse_top_k_categorical_accuracy(t[..., None], p, k=2), top),
    ]:
        np.testing.assert_array_equal(K.eval(value), wanted)


def test_cosine_is_positive_as_a_metric():
    t, p = REAL
    np.testing.assert_allclose(K.eval(metrics.cosine_proximity(t, p)), -K.eval(losses.cosine_proximity(t, p)))


def test_filter_top_k_of_equal_values_keeps_the_first():
    value = K.eval(metrics_utils.filter_top_k(K.constant([[1.0, 3.0, 3.0, 3.0]]), 2))
    np.testing.assert_array_equal(value > 0, [[False, True, True, False]])


def test_own_metric():
    """A metric as users write it, with one update that is not in a list."""

    class Largest(metrics.Metric):
        def __init__(self, name="largest", **kwargs):
            super().__init__(name=name, **kwargs)
            self.largest = self.add_weight("largest", initializer="zeros")

        def update_state(self, y_true, y_pred, sample_weight=None):
            return K.update(self.largest, K.maximum(self.largest, K.max(y_pred)))

        def result(self):
            return K.identity(self.largest)

    metric = Largest()
    assert metric.stateful and metric.weights == [metric.largest] and metric.trainable_weights == []
    y = K.placeholder((None,))
    step = K.function([y], [metric(y, y)], updates=metric.updates)
    assert [step([v])[0] for v in ([1.0, 3.0], [2.0], [5.0])] == [3, 3, 5]
    assert K.eval(metric(None, [7.0])) == 7
    assert (
        metrics.deserialize(metrics.serialize(metric), {"Largest": Largest}).get_config()
        == metric.get_config()
    )


def test_weights_that_do_not_fit():
    metric = metrics.MeanSquaredError()
    with pytest.raises(ValueError, match="Incompatible shapes"):
        metric.update_state(np.zeros((4, 2)), np.zeros((4, 2)), sample_weight=np.zeros(3))
    assert K.eval(metric.count) == 0
