"""Losses against NumPy in float64: functions, objects, weights, reductions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras import backend as K
from keras import losses
from keras.metrics import MeanMetricWrapper
from keras.utils import losses_utils
from keras.utils.losses_utils import Reduction

EPS = 1e-7
rng = np.random.RandomState(0)


def _rows(shape):
    p = rng.uniform(0.05, 1, shape)
    return p / p.sum(-1, keepdims=True)


def _l2(x):
    return x / np.sqrt(np.maximum((x**2).sum(-1, keepdims=True), 1e-12))


REAL = rng.normal(size=(4, 3)), rng.normal(size=(4, 3))
POSITIVE = rng.uniform(0.1, 3, (4, 3)), rng.uniform(0.1, 3, (4, 3))
BINARY = rng.randint(0, 2, (4, 3)).astype("float64"), rng.uniform(0.02, 0.98, (4, 3))
SIGNS = rng.choice([-1.0, 1.0], (4, 3)), rng.normal(size=(4, 3))
ONE_HOT = np.eye(3)[rng.randint(0, 3, 4)], _rows((4, 3))
SOFT = _rows((4, 3)), _rows((4, 3))


def _bce(t, p):
    p = np.clip(p, EPS, 1 - EPS)
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(-1)


def _cce(t, p):
    p = np.clip(p / p.sum(-1, keepdims=True), EPS, 1 - EPS)
    return -(t * np.log(p)).sum(-1)


def _huber(t, p, delta=1.0):
    e = np.abs(p - t)
    return np.where(e <= delta, 0.5 * e**2, 0.5 * delta**2 + delta * (e - delta))


# name: (class, inputs, reference of the losses per sample)
LOSSES = {
    "mean_squared_error": ("MeanSquaredError", REAL, lambda t, p: ((t - p) ** 2).mean(-1)),
    "mean_absolute_error": ("MeanAbsoluteError", REAL, lambda t, p: np.abs(t - p).mean(-1)),
    "mean_absolute_percentage_error": (
        "MeanAbsolutePercentageError",
        REAL,
        lambda t, p: 100 * np.abs((t - p) / np.maximum(np.abs(t), EPS)).mean(-1),
    ),
    "mean_squared_logarithmic_error": (
        "MeanSquaredLogarithmicError",
        POSITIVE,
        lambda t, p: ((np.log1p(t) - np.log1p(p)) ** 2).mean(-1),
    ),
    "squared_hinge": ("SquaredHinge", SIGNS, lambda t, p: (np.maximum(1 - t * p, 0) ** 2).mean(-1)),
    "hinge": ("Hinge", SIGNS, lambda t, p: np.maximum(1 - t * p, 0).mean(-1)),
    "categorical_hinge": (
        "CategoricalHinge",
        ONE_HOT,
        lambda t, p: np.maximum(((1 - t) * p).max(-1) - (t * p).sum(-1) + 1, 0),
    ),
    "logcosh": ("LogCosh", REAL, lambda t, p: np.log(np.cosh(p - t)).mean(-1)),
    "huber_loss": ("Huber", REAL, _huber),
    "categorical_crossentropy": ("CategoricalCrossentropy", ONE_HOT, _cce),
    "binary_crossentropy": ("BinaryCrossentropy", BINARY, _bce),
    "kullback_leibler_divergence": ("KLDivergence", SOFT, lambda t, p: (t * np.log(t / p)).sum(-1)),
    "poisson": ("Poisson", POSITIVE, lambda t, p: (p - t * np.log(p + EPS)).mean(-1)),
    "cosine_proximity": ("CosineSimilarity", REAL, lambda t, p: -(_l2(t) * _l2(p)).sum(-1)),
}
WEIGHTS = np.array([0.5, 2.0, 0.0, 3.0])


@pytest.fixture(scope="module")
def computed():
    """Everything about every loss, from one program."""
    outputs = {}
    for name, (class_name, (t, p), _) in LOSSES.items():
        y_true, y_pred = K.constant(t), K.constant(p)
        make = getattr(losses, class_name)
        outputs[name, "function"] = losses.get(name)(y_true, y_pred)
        outputs[name, "mean"] = make()(y_true, y_pred)
        outputs[name, "sum"] = make(reduction=Reduction.SUM)(y_true, y_pred)
        outputs[name, "none"] = make(reduction="none")(y_true, y_pred)
        outputs[name, "weighted"] = make()(y_true, y_pred, sample_weight=K.constant(WEIGHTS))
        outputs[name, "column"] = make()(y_true, y_pred, sample_weight=WEIGHTS[:, None])
        outputs[name, "scalar"] = make()(y_true, y_pred, sample_weight=2.5)
        outputs[name, "arrays"] = make()(t, p)
    return dict(zip(outputs, K.function([], list(outputs.values()))([]), strict=True))


@pytest.mark.parametrize("name", LOSSES)
def test_numbers(name, computed):
    _, (t, p), reference = LOSSES[name]
    each = reference(t, p)
    weights = WEIGHTS.reshape((4,) + (1,) * (each.ndim - 1))
    expected = {
        "function": each,
        "none": each,
        "mean": each.mean(),
        "arrays": each.mean(),
        "sum": each.sum(),
        "weighted": (each * weights).mean(),
        "column": (each * weights).mean(),
        "scalar": 2.5 * each.mean(),
    }
    for what, value in expected.items():
        np.testing.assert_allclose(computed[name, what], value, rtol=2e-5, atol=1e-6, err_msg=what)


@pytest.mark.parametrize("name", LOSSES)
def test_configurations(name):
    loss = getattr(losses, LOSSES[name][0])(reduction="sum", name="mine")
    config = loss.get_config()
    assert config["name"] == "mine" and config["reduction"] == "sum"
    again = losses.deserialize(losses.serialize(loss))
    assert type(again) is type(loss) and again.get_config() == config
    again = type(loss).from_config(config)
    assert again.get_config() == config


def test_default_names():
    assert losses.MeanSquaredError().name == "mean_squared_error"
    assert losses.Huber().name == "huber_loss"
    assert losses.Huber(delta=2.0).get_config() == {
        "reduction": "sum_over_batch_size",
        "name": "huber_loss",
        "delta": 2.0,
    }


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_sparse_crossentropy(shape):
    t, p = ONE_HOT
    value = K.eval(losses.sparse_categorical_crossentropy(t.argmax(-1).reshape(shape), p))
    np.testing.assert_allclose(value, _cce(t, p), rtol=1e-5)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True)
    value = K.eval(loss(t.argmax(-1).reshape(shape), np.log(p)))
    np.testing.assert_allclose(value, _cce(t, p).mean(), rtol=1e-5)


def test_crossentropies_from_logits():
    t, p = BINARY
    value = K.eval(losses.binary_crossentropy(t, np.log(p / (1 - p)), from_logits=True))
    np.testing.assert_allclose(value, _bce(t, p), rtol=1e-5)
    t, p = ONE_HOT
    value = K.eval(losses.CategoricalCrossentropy(from_logits=True)(t, np.log(p)))
    np.testing.assert_allclose(value, _cce(t, p).mean(), rtol=1e-5)


def test_label_smoothing():
    t, p = BINARY
    value = K.eval(losses.binary_crossentropy(t, p, label_smoothing=0.2))
    np.testing.assert_allclose(value, _bce(0.8 * t + 0.1, p), rtol=1e-5)
    t, p = ONE_HOT
    value = K.eval(losses.CategoricalCrossentropy(label_smoothing=0.3)(t, p))
    np.testing.assert_allclose(value, _cce(0.7 * t + 0.1, p).mean(), rtol=1e-5)


def test_extreme_predictions_stay_finite():
    t = np.array([[1.0, 0.0], [0.0, 1.0]])
    for function in (
        losses.binary_crossentropy,
        losses.categorical_crossentropy,
        losses.kullback_leibler_divergence,
    ):
        value = K.eval(function(t, 1 - t))
        assert np.all(np.isfinite(value)) and np.all(value > 10)
    assert np.isfinite(K.eval(losses.logcosh([[0.0]], [[1e5]]))).all()
    assert np.isfinite(K.eval(losses.poisson([[1.0]], [[0.0]]))).all()
    value = K.eval(losses.binary_crossentropy([[1.0]], [[-1000.0]], from_logits=True))
    np.testing.assert_allclose(value, [1000.0])


def test_hinge_converts_binary_labels():
    t = np.array([[0.0, 1.0], [1.0, 1.0]])
    p = np.array([[0.3, -0.2], [0.5, 2.0]])
    for function, power in ((losses.hinge, 1), (losses.squared_hinge, 2)):
        expected = (np.maximum(1 - (2 * t - 1) * p, 0) ** power).mean(-1)
        np.testing.assert_allclose(K.eval(function(t, p)), expected, rtol=1e-6)


def test_is_categorical_crossentropy():
    f = losses.is_categorical_crossentropy
    assert f("categorical_crossentropy") and f(losses.categorical_crossentropy)
    assert f(losses.CategoricalCrossentropy()) and f(
        losses.LossFunctionWrapper(losses.categorical_crossentropy)
    )
    assert not f("mse") and not f(losses.Huber()) and not f(None)


def test_own_loss_class():
    class Fourth(losses.Loss):
        def call(self, y_true, y_pred):
            return K.mean((y_pred - y_true) ** 4, axis=-1)

    t, p = REAL
    np.testing.assert_allclose(
        K.eval(Fourth()(K.constant(t), K.constant(p))), ((p - t) ** 4).mean(), rtol=1e-5
    )
    with pytest.raises(NotImplementedError, match="call"):
        losses.Loss()(K.constant(t), K.constant(p))


def test_bad_reduction():
    with pytest.raises(ValueError, match="wrong"):
        losses.Huber(reduction="wrong")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 3), st.booleans())
def test_weights_broadcast_from_the_left(shape, rank, keep_ones):
    """Weights of any leading part of the shape, axes possibly of size 1, weigh as NumPy would."""
    rank = min(rank, len(shape))
    draw = np.random.RandomState(1)
    values = draw.normal(size=shape)
    w_shape = [1 if keep_ones and i else n for i, n in enumerate(shape[:rank])]
    weights = draw.uniform(size=w_shape)
    full = np.broadcast_to(weights.reshape(w_shape + [1] * (len(shape) - rank)), shape)
    spread = K.eval(losses_utils.broadcast_weights(K.constant(values), K.constant(weights)))
    np.testing.assert_allclose(spread, full, rtol=1e-6)


def test_weights_with_unknown_sizes():
    values, weights = K.placeholder((None, None)), K.placeholder((None,))
    f = K.function([values, weights], [losses_utils.broadcast_weights(values, weights)])
    np.testing.assert_array_equal(f([np.zeros((2, 3)), [1.0, 2.0]])[0], [[1, 1, 1], [2, 2, 2]])


@pytest.mark.parametrize("shape", [(4,), (4, 3)], ids=str)
def test_one_number_for_the_whole_batch_fits_any_weights(shape):
    """As a metric of a model with masks gives it, a conditional random field's accuracy say."""
    weights = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    loss = losses_utils.compute_weighted_loss(K.constant(3.0), K.constant(weights))
    np.testing.assert_allclose(K.eval(loss), 3 * weights.mean(), rtol=1e-6)
    metric = MeanMetricWrapper(lambda y_true, y_pred: K.constant(3.0))
    np.testing.assert_allclose(K.eval(metric(weights, weights, sample_weight=weights)), 3, rtol=1e-6)


def test_weights_that_do_not_fit():
    for values, weights in [((4, 3), (4, 2)), ((4,), (4, 3)), ((4, 3), (5,))]:
        with pytest.raises(ValueError, match="Incompatible shapes"):
            losses_utils.broadcast_weights(K.zeros(values), K.zeros(weights))
    with pytest.raises(ValueError, match=r"shape \(4, 3\) has more .*returns None from `compute_mask`"):
        losses_utils.compute_weighted_loss(K.zeros((4,)), K.zeros((4, 3)))


def test_gradients_are_finite_everywhere():
    """No loss gives NaN gradients for a perfect or a hopeless prediction."""
    targets = K.constant(np.array([[1.0, 0.0, 0.0]]))
    predictions = [K.variable(np.array([row])) for row in ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])]
    grads = [K.gradients(K.sum(losses.get(name)(targets, p)), [p])[0] for name in LOSSES for p in predictions]
    for name, value in zip([n for n in LOSSES for _ in predictions], K.function([], grads)([]), strict=True):
        assert np.all(np.isfinite(value)), name
