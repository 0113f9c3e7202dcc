"""A training run that is cut off and taken up again in the middle of an epoch ends with the same bits."""

import numpy as np
import pytest
from reference import linear_data

from keras.callbacks import BaseLogger, Callback
from keras.layers import Dense, Dropout
from keras.models import Sequential

SAMPLES, BATCH, EPOCHS = 22, 4, 3  # 6 batches, the last one of 2


class CutOff(Exception):
    pass


class Keep(Callback):
    """Notes everything that a run is at, after one batch of one epoch, and cuts it off there."""

    def __init__(self, epoch, batch):
        super().__init__()
        self.at = (epoch, batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.at:
            position = self.model._position
            self.order = None if position.order is None else position.order.copy()
            self.step = position.step
            self.weights = self.model.get_weights()
            self.optimizer = self.model.optimizer.get_weights()
            self.metrics = [m.get_weights() for m in self.model.metrics]
            self.random = np.random.get_state()
            averages = logger(self.model)
            self.averages = averages.seen, dict(averages.totals)
            raise CutOff


def logger(model):
    return next(c for c in model._position.callbacks if isinstance(c, BaseLogger))


class TakeUp(Callback):
    def __init__(self, kept):
        super().__init__()
        self.kept = kept

    def on_train_begin(self, logs=None):
        kept, position = self.kept, self.model._position
        self.model.set_weights(kept.weights)
        self.model.optimizer.set_weights(kept.optimizer)
        for metric, values in zip(self.model.metrics, kept.metrics, strict=True):
            metric.set_weights(values)
        position.epoch, position.batch = kept.at[0], kept.at[1] + 1
        position.order, position.step = kept.order, kept.step
        if not position.replays:
            np.random.set_state(kept.random)

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.kept.at[0]:
            averages = logger(self.model)
            averages.seen, averages.totals = self.kept.averages


def build():
    np.random.seed(5)
    model = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Dropout(0.5), Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def rows(x, y):
    while True:
        order = np.random.permutation(SAMPLES)
        for start in range(0, SAMPLES, BATCH):
            chosen = order[start : start + BATCH]
            yield x[chosen], y[chosen]


def fit(model, kind, *callbacks):
    x, y = linear_data(samples=SAMPLES)
    options = dict(epochs=EPOCHS, verbose=0, callbacks=list(callbacks))
    if kind == "generator":
        return model.fit_generator(rows(x, y), 6, workers=0, **options)
    return model.fit(x, y, batch_size=BATCH, shuffle=kind if kind == "batch" else kind == "shuffled", **options)


@pytest.mark.parametrize("kind", ["shuffled", "batch", "ordered", "generator"])
def test_taken_up_again(kind):
    whole = build()
    history = fit(whole, kind)
    for at in ((0, 0), (1, 5)) if kind == "batch" else ((1, 3),):
        keep = Keep(*at)
        with pytest.raises(CutOff):
            fit(build(), kind, keep)
        again = build()
        rest = fit(again, kind, TakeUp(keep))
        for a, b in zip(whole.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert rest.epoch == list(range(at[0], EPOCHS))
        assert rest.history == {name: values[at[0] :] for name, values in history.history.items()}


def test_a_position_behind_the_last_epoch_trains_nothing():
    class Done(Callback):
        def on_train_begin(self, logs=None):
            self.model._position.epoch = EPOCHS

    for kind in ("shuffled", "generator"):
        model = build()
        before = model.get_weights()
        assert fit(model, kind, Done()).epoch == []
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        assert model._position is None


def test_one_step_for_all_data():
    """`steps_per_epoch` with arrays: every step takes all rows."""

    class Late(Callback):
        seen = []

        def on_train_begin(self, logs=None):
            self.model._position.batch = 2

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(batch)

    x, y = linear_data(samples=SAMPLES)
    build().fit(x, y, steps_per_epoch=4, epochs=2, verbose=0, callbacks=[Late()])
    assert Late.seen == [2, 3, 0, 1, 2, 3]
