"""When callbacks are called, with what, and what they can change."""

import copy

import numpy as np
import pytest

from keras import backend as K
from keras import callbacks as C
from keras.layers import Dense
from keras.models import Sequential

X = np.random.RandomState(0).rand(10, 2)
Y = X.sum(axis=1, keepdims=True)
TRAIN = ["on_train_batch_begin", "on_train_batch_end"] * 3
TEST = ["on_test_begin", "on_test_batch_begin", "on_test_batch_end", "on_test_end"]


def build():
    model = Sequential([Dense(1, input_dim=2, kernel_initializer="zeros")])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


class Recorder(C.Callback):
    """Notes every call: the hook, its place, the logs."""

    def __init__(self):
        super().__init__()
        self.calls = []

    @property
    def names(self):
        return [call[0] for call in self.calls]

    def logs_of(self, name):
        return [logs for called, _, logs in self.calls if called == name]


def _hook(name):
    def hook(self, *args):
        place = args[0] if len(args) == 2 else None
        self.calls.append((name, place, dict(args[-1])))

    return hook


for _name in [n for n in dir(C.Callback) if n.startswith("on_")]:
    setattr(Recorder, _name, _hook(_name))


def batches():
    while True:
        for start in (0, 4, 8):
            yield X[start : start + 4], Y[start : start + 4]


def fit(model, kind, *callbacks, **options):
    options = {"verbose": 0, "callbacks": list(callbacks), **options}
    if kind == "generator":
        return model.fit_generator(batches(), 3, **options)
    return model.fit(X, Y, batch_size=4, shuffle=False, **options)


@pytest.mark.parametrize("kind", ["arrays", "generator"])
def test_training(kind):
    model, seen = build(), Recorder()
    fit(model, kind, seen, epochs=2, validation_data=(X[:3], Y[:3]))
    epoch = ["on_epoch_begin", *TRAIN, *TEST, "on_epoch_end"]
    assert seen.names == ["on_train_begin", *epoch, *epoch, "on_train_end"]
    assert [place for name, place, _ in seen.calls if name == "on_epoch_end"] == [0, 1]
    assert [place for name, place, _ in seen.calls if name == "on_train_batch_end"] == [0, 1, 2] * 2
    begun = [{"batch": i, "size": size} for i, size in enumerate((4, 4, 2))]
    assert seen.logs_of("on_train_batch_begin")[:3] == begun
    for wanted, logs in zip(begun, seen.logs_of("on_train_batch_end"), strict=False):
        assert {k: logs[k] for k in wanted} == wanted and set(logs) == {"batch", "size", "loss", "mae"}
        assert isinstance(logs["loss"], float) and logs["loss"].item() == logs["loss"][()]  # a number of NumPy too
    assert all(type(value) is float for values in model.history.history.values() for value in values)
    assert set(seen.logs_of("on_epoch_end")[0]) == {"loss", "mae", "val_loss", "val_mae"}
    assert set(seen.logs_of("on_test_batch_end")[0]) == {"batch", "size", "loss", "mae"}
    assert seen.logs_of("on_epoch_begin")[0] == {} and seen.logs_of("on_train_begin") == [{}]


def test_parameters():
    model, seen = build(), Recorder()
    fit(model, "arrays", seen, epochs=1, validation_data=(X[:3], Y[:3]))
    assert seen.params == {
        "batch_size": 4, "epochs": 1, "steps": None, "samples": 10, "verbose": 0, "do_validation": True,
        "metrics": ["loss", "mae", "val_loss", "val_mae"],
    }  # fmt: skip
    assert seen.model is model and seen.validation_data[0].shape == (3, 2)
    fit(model, "generator", seen, epochs=1)
    assert seen.params["steps"] == 3 and seen.params["metrics"] == ["loss", "mae"] and not seen.params["do_validation"]


def test_evaluation_and_prediction():
    model, seen = build(), Recorder()
    values = model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[seen])
    assert seen.names == ["on_test_begin", *["on_test_batch_begin", "on_test_batch_end"] * 3, "on_test_end"]
    last = seen.logs_of("on_test_batch_end")[-1]
    assert last["size"] == 2 and last["mae"] == pytest.approx(values[1])
    seen.calls.clear()
    rows = model.predict(X, batch_size=4, callbacks=[seen])
    assert seen.names == [
        "on_predict_begin", *["on_predict_batch_begin", "on_predict_batch_end"] * 3, "on_predict_end"
    ]  # fmt: skip
    np.testing.assert_array_equal(seen.logs_of("on_predict_batch_end")[-1]["outputs"][0], rows[8:])
    seen.calls.clear()
    model.evaluate_generator(batches(), 3, callbacks=[seen])
    model.predict_generator(batches(), 2, callbacks=[seen])
    assert seen.names.count("on_test_batch_end") == 3 and seen.names.count("on_predict_batch_begin") == 2


def test_older_names_of_batch_hooks():
    seen = []

    class Old(C.Callback):
        def on_batch_begin(self, batch, logs=None):
            seen.append(("begin", batch, logs["size"]))

        def on_batch_end(self, number, values=None):  # by names of its own
            seen.append(("end", number, round(values["loss"], 3) > 0))

    fit(build(), "arrays", Old(), epochs=1)
    assert seen[:2] == [("begin", 0, 4), ("end", 0, True)] and len(seen) == 6
    old = Old()
    C.CallbackList([old]).on_batch_begin(7, {"size": 1})
    assert seen[-1] == ("begin", 7, 1)


@pytest.mark.parametrize("kind", ["arrays", "generator"])
def test_what_is_changed_between_batches_counts_for_the_next(kind):
    """Against the same training step by step."""

    class Change(C.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            K.set_value(self.model.optimizer.lr, 0.1 * (batch + 1))

        def on_train_batch_end(self, batch, logs=None):
            self.model.set_weights([w * 0.5 for w in self.model.get_weights()])

    model, single = build(), build()
    fit(model, kind, Change(), epochs=2)
    for _ in range(2):
        for batch in range(3):
            K.set_value(single.optimizer.lr, 0.1 * (batch + 1))
            single.train_on_batch(X[batch * 4 : batch * 4 + 4], Y[batch * 4 : batch * 4 + 4])
            single.set_weights([w * 0.5 for w in single.get_weights()])
    for one, other in zip(model.get_weights(), single.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


class Forwards(C.Callback):
    """Looks up hooks in another object, whatever is asked for."""

    def __init__(self, target):
        super().__init__()
        self._target = target

    def __getattribute__(self, name):
        if name.startswith("on_"):
            return getattr(object.__getattribute__(self, "_target"), name)
        return object.__getattribute__(self, name)


class Stands:
    """No Callback, but one stands behind it."""

    def __init__(self, target):
        self._target = target

    def __getattr__(self, name):
        return getattr(self._target, name)


@pytest.mark.parametrize("proxy", [Forwards, Stands])
def test_hooks_that_are_found_when_they_are_looked_up(proxy):
    """They are called between the batches, like those that a class defines."""
    steps = []

    class Note(C.Callback):
        def on_train_batch_end(self, batch, logs=None):
            steps.append(K.get_value(model.optimizer.iterations))

    model = build()
    fit(model, "arrays", proxy(Note()))
    assert steps == [1, 2, 3]


@pytest.mark.parametrize("kind", ["arrays", "generator"])
def test_training_is_stopped_after_any_batch(kind):
    class Stop(Recorder):
        def on_train_batch_end(self, batch, logs=None):
            super().on_train_batch_end(batch, logs)
            self.model.stop_training = batch == 1

    stop = Stop()
    history = fit(build(), kind, stop, epochs=5, validation_data=(X, Y))
    # The epoch ends, without validation.
    assert stop.names == ["on_train_begin", "on_epoch_begin", *TRAIN[:4], "on_epoch_end", "on_train_end"]
    assert history.epoch == [0] and set(history.history) == {"loss", "mae"}
    # The next training is not stopped by it.
    assert len(fit(stop.model, kind, epochs=2).epoch) == 2


def test_lambda_callback():
    calls = []
    note = lambda name: lambda *args: calls.append((name, *args[:-1]))  # noqa: E731
    names = ["on_epoch_begin", "on_epoch_end", "on_batch_begin", "on_batch_end", "on_train_begin", "on_train_end"]
    callback = C.LambdaCallback(**{name: note(name) for name in names}, on_test_begin=note("on_test_begin"))
    fit(build(), "arrays", callback, epochs=1, validation_data=(X, Y))
    begun = [(name, i) for i in range(3) for name in ("on_batch_begin", "on_batch_end")]
    assert calls == [
        ("on_train_begin",), ("on_epoch_begin", 0), *begun, ("on_test_begin",), ("on_epoch_end", 0), ("on_train_end",)
    ]  # fmt: skip
    assert isinstance(copy.deepcopy(callback), C.LambdaCallback)


def test_order_of_callbacks():
    calls = []

    def named(name, last=False):
        callback = C.LambdaCallback(on_epoch_end=lambda epoch, logs: calls.append(name))
        callback._runs_last = last
        return callback

    fit(build(), "arrays", named("backup", last=True), named("one"), named("two"), epochs=1)
    assert calls == ["one", "two", "backup"]
    several = C.CallbackList([named("a", last=True)])
    several.append(named("b"))
    several.on_epoch_end(0)
    assert calls[3:] == ["b", "a"] and len(list(several)) == 2


def test_several_trainings_with_the_same_callbacks():
    stop = C.EarlyStopping(monitor="loss", patience=1, min_delta=100)
    model = build()
    for _ in range(2):
        assert len(fit(model, "arrays", stop, epochs=5).epoch) == 2
    assert model.history.epoch == [0, 1]
