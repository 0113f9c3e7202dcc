"""A model with two outputs and everything that weighs in at once, written out in NumPy."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from keras.layers import Dense, Input, Masking, TimeDistributed
from keras.models import Model
from keras.optimizers import SGD
from keras.utils import Sequence

SAMPLES, STEPS, BATCH, RATE = 10, 4, 4, 0.1
FACTORS = {"series": 0.5, "kind": 2.0}
CLASS_WEIGHT = {0: 1.0, 1: 3.0, 2: 0.5}


class Data:
    """Inputs, targets and weights: per step for the masked series, per sample and class for the kind."""

    def __init__(self):
        rng = np.random.RandomState(3)
        self.mask = rng.rand(SAMPLES, STEPS) > 0.3
        self.steps = np.where(self.mask[..., None], rng.rand(SAMPLES, STEPS, 2), 0).astype("float32")
        self.values = rng.rand(SAMPLES, 3).astype("float32")
        self.series = rng.rand(SAMPLES, STEPS, 1).astype("float32")
        self.kind = np.eye(3, dtype="float32")[rng.randint(3, size=SAMPLES)]
        self.step_weights = rng.rand(SAMPLES, STEPS)
        self.weights = rng.rand(SAMPLES)


class Reference:
    """The same model in float64."""

    def __init__(self, model):
        weights = {w.name: v.astype("float64") for w, v in zip(model.weights, model.get_weights(), strict=True)}
        self.k1, self.b1, self.k2, self.b2 = weights.values()

    def forward(self, data, rows):
        scores = data.values[rows] @ self.k2 + self.b2
        exponentials = np.exp(scores - scores.max(-1, keepdims=True))
        return (data.steps[rows] @ self.k1 + self.b1)[..., 0], exponentials / exponentials.sum(-1, keepdims=True)

    def kind_weights(self, data, rows):
        return data.weights[rows] * np.vectorize(CLASS_WEIGHT.get)(data.kind[rows].argmax(-1))

    def losses(self, data, rows, class_weight):
        """The losses of a batch: a step that is masked adds nothing, but is counted."""
        series, kind = self.forward(data, rows)
        weighted = data.step_weights[rows] * data.mask[rows]
        kind_weights = self.kind_weights(data, rows) if class_weight else data.weights[rows]
        of_series = np.mean(weighted * (series - data.series[rows, :, 0]) ** 2)
        of_kind = np.mean(-kind_weights * np.log(np.sum(kind * data.kind[rows], -1)))
        return FACTORS["series"] * of_series + FACTORS["kind"] * of_kind, of_series, of_kind

    def step(self, data, rows):
        series, kind = self.forward(data, rows)
        weighted = data.step_weights[rows] * data.mask[rows]
        slope = FACTORS["series"] * 2 * weighted * (series - data.series[rows, :, 0]) / weighted.size
        weights = self.kind_weights(data, rows)[:, None]
        pull = FACTORS["kind"] * weights * (kind - data.kind[rows]) / len(kind)
        self.k1 -= RATE * np.einsum("ntf,nt->f", data.steps[rows], slope)[:, None]
        self.b1 -= RATE * slope.sum()
        self.k2 -= RATE * data.values[rows].T @ pull
        self.b2 -= RATE * pull.sum(0)

    def metrics(self, data):
        """Metrics over all samples: each divides by the weights it counted."""
        series, kind = self.forward(data, slice(None))
        error = np.abs(series - data.series[..., 0])
        hit = kind.argmax(-1) == data.kind.argmax(-1)
        both = data.step_weights * data.mask
        return {
            "series_mae": np.sum(error * data.mask) / np.sum(data.mask),
            "series_mae_1": np.sum(error * both) / np.sum(both),
            "kind_acc": np.mean(hit),
            "kind_acc_1": np.sum(hit * data.weights) / np.sum(data.weights),
        }


def build(how):
    steps, values = Input((STEPS, 2), name="steps"), Input((3,), name="values")
    series = TimeDistributed(Dense(1), name="series")(Masking()(steps))
    model = Model([steps, values], [series, Dense(3, activation="softmax", name="kind")(values)])
    arguments = {
        "loss": {"series": "mse", "kind": "categorical_crossentropy"},
        "loss_weights": FACTORS,
        "metrics": {"series": "mae", "kind": ["acc"]},
        "weighted_metrics": {"series": ["mae"], "kind": "acc"},
        "sample_weight_mode": {"series": "temporal", "kind": None},
    }
    if how == "lists":
        arguments = {k: [v["series"], v["kind"]] for k, v in arguments.items()}
    model.compile(SGD(RATE), **arguments)
    return model


def batch(data, how, rows=slice(None)):
    x = {"steps": data.steps[rows], "values": data.values[rows]}
    y = {"series": data.series[rows], "kind": data.kind[rows]}
    weights = {"series": data.step_weights[rows], "kind": data.weights[rows]}
    if how == "dict":
        return x, y, weights
    return list(x.values()), list(y.values()), list(weights.values())


class Batches(Sequence):
    def __init__(self, data, how):
        self.data, self.how = data, how

    def __len__(self):
        return math.ceil(SAMPLES / BATCH)

    def __getitem__(self, i):
        return batch(self.data, self.how, slice(i * BATCH, (i + 1) * BATCH))


@pytest.mark.parametrize("feed", ["arrays", "sequence"])
@pytest.mark.parametrize("how", ["dict", "lists"])
def test_losses_and_metrics(how, feed):
    data, model = Data(), build(how)
    reference = Reference(model)
    names = ["loss", "series_loss", "kind_loss", "series_mae", "series_mae_1", "kind_acc", "kind_acc_1"]
    assert model.metrics_names == names
    if feed == "arrays":
        x, y, weights = batch(data, how)
        values = model.evaluate(x, y, sample_weight=weights, batch_size=BATCH, verbose=0)
    else:
        values = model.evaluate(Batches(data, how), verbose=0)
    losses = reference.losses(data, slice(None), class_weight=False)
    wanted = dict(zip(names, losses)) | reference.metrics(data)
    assert dict(zip(names, values, strict=True)) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("feed", ["arrays", "sequence", "train_on_batch"])
@pytest.mark.parametrize("how", ["dict", "lists"])
def test_training(how, feed):
    data, model = Data(), build(how)
    reference = Reference(model)
    class_weight = {"kind": CLASS_WEIGHT} if how == "dict" else [None, CLASS_WEIGHT]
    x, y, weights = batch(data, how)
    if feed == "arrays":
        history = model.fit(
            x, y, sample_weight=weights, class_weight=class_weight, batch_size=BATCH, epochs=2, shuffle=False, verbose=0
        )
    elif feed == "sequence":
        options = {"class_weight": class_weight, "epochs": 2, "shuffle": False, "verbose": 0}
        history = model.fit_generator(Batches(data, how), **options)
    else:
        for _ in range(2):
            for part in Batches(data, how):
                model.train_on_batch(*part, class_weight=class_weight)
    losses = []
    for _ in range(2):
        of_epoch = np.zeros(3)
        for start in range(0, SAMPLES, BATCH):
            rows = slice(start, start + BATCH)
            of_epoch += np.array(reference.losses(data, rows, class_weight=True)) * len(data.values[rows]) / SAMPLES
            reference.step(data, rows)
        losses.append(of_epoch)
    wanted = [reference.k1, reference.b1, reference.k2, reference.b2]
    for got, want in zip(model.get_weights(), wanted, strict=True):
        assert_allclose(got, want, rtol=2e-5, atol=1e-6)
    if feed != "train_on_batch":
        got = [history.history[name] for name in ("loss", "series_loss", "kind_loss")]
        assert_allclose(np.transpose(got), losses, rtol=1e-5)
