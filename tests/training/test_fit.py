"""`fit`: the numbers it trains to, the order of things, and what it compiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from reference import Linear, linear_data

from keras import backend as K
from keras.callbacks import Callback
from keras.layers import Dense, Dropout, Input
from keras.models import Model, Sequential
from keras.optimizers import SGD


def linear_model(features=3, targets=2, lr=0.1, **compile_options):
    model = Sequential([Dense(targets, input_shape=(features,))])
    model.compile(SGD(lr), loss="mse", **compile_options)
    return model, Linear(*model.get_weights(), lr=lr)


def assert_same_weights(model, reference, **tolerance):
    kernel, bias = model.get_weights()
    assert_allclose(kernel, reference.kernel, rtol=1e-4, atol=1e-6)
    assert_allclose(bias, reference.bias, rtol=1e-4, atol=1e-6)


class Recorder(Callback):
    """Notes every hook with its number; the logs of batches and epochs too."""

    def __init__(self):
        super().__init__()
        self.events = []
        self.batch_logs = []
        self.epoch_logs = []

    def on_train_begin(self, logs=None):
        self.events.append("train begin")

    def on_train_end(self, logs=None):
        self.events.append("train end")

    def on_epoch_begin(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} begin")

    def on_epoch_end(self, epoch, logs=None):
        self.events.append(f"epoch {epoch} end")
        self.epoch_logs.append(dict(logs))

    def on_train_batch_begin(self, batch, logs=None):
        self.events.append(f"batch {batch} begin")

    def on_train_batch_end(self, batch, logs=None):
        self.events.append(f"batch {batch} end")
        self.batch_logs.append(dict(logs))

    def on_test_begin(self, logs=None):
        self.events.append("test begin")

    def on_test_end(self, logs=None):
        self.events.append("test end")

    def on_test_batch_end(self, batch, logs=None):
        self.events.append(f"test batch {batch} end")


class Watcher(Recorder):
    """The same hooks, but they only look: batches may be computed several at a time."""

    _acts_between_batches = False


@pytest.mark.parametrize("batch_size", [4, 5, 10, 32])
def test_unshuffled_training_follows_gradient_descent(batch_size):
    x, y = linear_data()
    model, reference = linear_model()
    history = model.fit(x, y, batch_size=batch_size, epochs=3, shuffle=False, verbose=0)
    losses = [reference.epoch(x, y, batch_size) for _ in range(3)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert_same_weights(model, reference)


def test_batch_logs_are_the_losses_of_the_batches():
    x, y = linear_data()
    model, reference = linear_model(metrics=["mae"])
    expected = [reference.step(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    recorder = Recorder()
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[recorder])
    assert [log["size"] for log in recorder.batch_logs] == [4, 4, 2]
    assert [log["batch"] for log in recorder.batch_logs] == [0, 1, 2]
    assert_allclose([log["loss"] for log in recorder.batch_logs], expected, rtol=1e-5)
    assert isinstance(recorder.batch_logs[0]["loss"], float)


def test_shuffled_order_is_numpys():
    x, y = linear_data()
    model, reference = linear_model()
    np.random.seed(7)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    np.random.seed(7)
    order = np.arange(10)
    for _ in range(2):
        np.random.shuffle(order)
        reference.epoch(x, y, 4, order)
    assert_same_weights(model, reference)


def test_shuffle_batch_keeps_batches_together():
    x, y = linear_data()
    model, reference = linear_model()
    np.random.seed(3)
    model.fit(x, y, batch_size=4, verbose=0, shuffle="batch")
    np.random.seed(3)
    blocks = np.arange(8).reshape(2, 4)
    np.random.shuffle(blocks)
    reference.epoch(x, y, 4, np.append(blocks.flatten(), [8, 9]))
    assert_same_weights(model, reference)


def test_looking_callbacks_and_acting_callbacks_see_the_same():
    x, y = linear_data(30)
    runs = []
    for kind in (Recorder, Watcher):
        model, _ = linear_model(metrics=["mae"])
        model.set_weights([np.ones((3, 2)), np.zeros(2)])
        callback = kind()
        np.random.seed(1)
        model.fit(x, y, batch_size=4, epochs=3, verbose=0, callbacks=[callback], validation_split=0.2)
        runs.append((callback, model.get_weights()))
    (acting, weights), (looking, same) = runs
    assert acting.events == looking.events
    assert acting.batch_logs == looking.batch_logs
    assert acting.epoch_logs == looking.epoch_logs
    for a, b in zip(weights, same, strict=True):
        assert_array_equal(a, b)


def test_order_of_hooks():
    x, y = linear_data(10)
    model, _ = linear_model()
    recorder = Recorder()
    model.fit(x, y, batch_size=4, epochs=1, verbose=0, callbacks=[recorder], validation_data=(x[:4], y[:4]))
    assert recorder.events == [
        "train begin", "epoch 0 begin", "batch 0 begin", "batch 0 end", "batch 1 begin", "batch 1 end",
        "batch 2 begin", "batch 2 end", "test begin", "test batch 0 end", "test end", "epoch 0 end",
        "train end",
    ]  # fmt: skip


def test_subclass_that_adds_a_hook_acts_again():
    class Acting(Watcher):
        _acts_between_batches = True

        def on_train_batch_begin(self, batch, logs=None):
            K.set_value(self.model.optimizer.lr, 0.0 if batch else 0.1)

    x, y = linear_data()
    model, reference = linear_model()
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[Acting()])
    reference.step(x[:4], y[:4])
    assert_same_weights(model, reference)


def test_a_callback_that_sets_weights_between_batches_is_heeded():
    class Reset(Callback):
        def on_batch_begin(self, batch, logs=None):
            self.model.set_weights(self.start)

    x, y = linear_data(8)
    model, reference = linear_model()
    callback = Reset()
    callback.start = model.get_weights()
    model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[callback])
    reference.step(x[4:], y[4:])
    assert_same_weights(model, reference)


def test_stop_training_between_batches():
    class Stop(Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    x, y = linear_data(20)
    model, reference = linear_model()
    history = model.fit(
        x, y, batch_size=4, epochs=5, shuffle=False, verbose=0, callbacks=[Stop()], validation_data=(x, y)
    )
    for start in (0, 4):
        reference.step(x[start : start + 4], y[start : start + 4])
    assert_same_weights(model, reference)
    assert history.epoch == [0]
    assert "val_loss" not in history.history


def test_stop_training_at_the_end_of_an_epoch():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    x, y = linear_data()
    model, _ = linear_model()
    assert model.fit(x, y, epochs=5, verbose=0, callbacks=[Stop()]).epoch == [0, 1]
    # A second fit starts anew.
    assert model.fit(x, y, epochs=2, verbose=0).epoch == [0, 1]


def test_initial_epoch():
    x, y = linear_data()
    model, _ = linear_model()
    assert model.fit(x, y, epochs=5, initial_epoch=3, verbose=0).epoch == [3, 4]


def test_validation_split_takes_the_last_samples():
    x, y = linear_data(10)
    model, reference = linear_model()
    history = model.fit(x, y, batch_size=4, validation_split=0.3, shuffle=False, verbose=0)
    reference.epoch(x[:7], y[:7], 4)
    assert_same_weights(model, reference)
    assert_allclose(history.history["val_loss"], [reference.loss(x[7:], y[7:])], rtol=1e-5)


def test_validation_data_with_weights():
    x, y = linear_data(10)
    model, reference = linear_model()
    weights = np.linspace(0.5, 2, 6)
    history = model.fit(x, y, verbose=0, shuffle=False, validation_data=(x[:6], y[:6], weights))
    reference.epoch(x, y, 32)
    assert_allclose(history.history["val_loss"], [reference.loss(x[:6], y[:6], weights)], rtol=1e-5)


@pytest.mark.parametrize(("freq", "epochs"), [(2, [2, 4]), ([1, 3], [1, 3])])
def test_validation_freq(freq, epochs):
    x, y = linear_data()
    model, _ = linear_model()
    recorder = Recorder()
    model.fit(x, y, epochs=4, verbose=0, validation_data=(x, y), validation_freq=freq, callbacks=[recorder])
    assert [i + 1 for i, logs in enumerate(recorder.epoch_logs) if "val_loss" in logs] == epochs


def test_metrics_of_an_epoch_are_over_all_its_samples():
    x, y = linear_data(10)
    model, _ = linear_model(lr=0.0, metrics=["mae"])
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    mae = np.mean(np.abs(model.predict(x) - y))
    assert_allclose(history.history["mae"], [mae, mae], rtol=1e-5)
    assert set(history.history) == {"loss", "mae"}


def test_history_and_params():
    x, y = linear_data(10)
    model, _ = linear_model(metrics=["mae"])
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0, validation_split=0.2)
    assert history is model.history
    assert history.params == {
        "batch_size": 4, "epochs": 2, "steps": None, "samples": 8, "verbose": 0, "do_validation": True,
        "metrics": ["loss", "mae", "val_loss", "val_mae"],
    }  # fmt: skip
    assert len(history.validation_data) == 3


def test_two_runs_with_one_seed_are_identical():
    x, y = linear_data(40)

    def train():
        np.random.seed(42)
        K.clear_session()
        model = Sequential([Dense(8, activation="relu", input_shape=(3,)), Dropout(0.5), Dense(2)])
        model.compile("adam", loss="mse")
        model.fit(x, y, batch_size=8, epochs=2, verbose=0)
        return model.get_weights()

    for a, b in zip(train(), train(), strict=True):
        assert_array_equal(a, b)


def programs(shapes):
    """How many programs that many batch shapes take: PyTorch's run on any shape."""
    return 1 if K.backend() == "torch" else shapes


def test_training_compiles_one_program_per_batch_shape():
    x, y = linear_data(10)
    model, _ = linear_model(metrics=["mae"])
    before = K.compiled_programs()
    model.fit(x, y, batch_size=4, epochs=3, verbose=0)  # 4, 4 and 2 samples
    assert K.compiled_programs() - before == programs(2)
    model.fit(x, y, batch_size=4, epochs=2, verbose=0, callbacks=[Recorder()])
    assert K.compiled_programs() - before == programs(2)


def test_validation_adds_its_own_programs_only():
    x, y = linear_data(16)
    model, _ = linear_model()
    before = K.compiled_programs()
    model.fit(x, y, batch_size=8, epochs=3, verbose=0, validation_data=(x, y))
    assert K.compiled_programs() - before == 2
    model.evaluate(x, y, batch_size=8, verbose=0)
    assert K.compiled_programs() - before == 2


def test_train_on_batch_and_resetting_metrics():
    x, y = linear_data(8)
    model, reference = linear_model(metrics=["mae"])
    loss, _ = model.train_on_batch(x, y)
    assert_allclose(loss, reference.step(x, y), rtol=1e-5)
    assert_same_weights(model, reference)
    first = model.test_on_batch(x[:4], y[:4], reset_metrics=False)[1]
    both = model.test_on_batch(x[4:], y[4:])[1]
    mae = np.abs(model.predict(x) - y)
    assert_allclose(first, mae[:4].mean(), rtol=1e-5)
    assert_allclose(both, mae.mean(), rtol=1e-5)
    assert_allclose(model.test_on_batch(x[4:], y[4:])[1], mae[4:].mean(), rtol=1e-5)


def test_evaluate_is_the_same_for_every_batch_size():
    x, y = linear_data(10)
    model, reference = linear_model(metrics=["mae"])
    mae = np.mean(np.abs(model.predict(x) - y))
    for batch_size in (3, 5, 32):
        values = model.evaluate(x, y, batch_size=batch_size, verbose=0)
        assert_allclose(values, [reference.loss(x, y), mae], rtol=1e-5)
    assert model.metrics_names == ["loss", "mae"]


def test_evaluate_with_one_value_gives_a_number():
    x, y = linear_data(10)
    model, reference = linear_model()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(reference.loss(x, y), rel=1e-5)


def test_training_on_the_models_own_tensors():
    x, y = linear_data(10)
    inputs = Input(tensor=K.constant(x))
    model = Model(inputs, Dense(2)(inputs))
    model.compile(SGD(0.1), loss="mse", target_tensors=[K.constant(y)])
    reference = Linear(*model.get_weights())
    history = model.fit(epochs=2, steps_per_epoch=3, verbose=0)
    losses = [np.mean([reference.step(x, y) for _ in range(3)]) for _ in range(2)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert_same_weights(model, reference)
    assert model.evaluate(steps=2, verbose=0) == pytest.approx(reference.loss(x, y), rel=1e-5)
    assert model.predict(None, steps=2).shape == (20, 2)
    with pytest.raises(ValueError, match="steps_per_epoch"):
        model.fit(epochs=1, verbose=0)
    with pytest.raises(ValueError, match="The model has 2 outputs, .* a single tensor"):
        Model(inputs, [Dense(2)(inputs)] * 2).compile("sgd", "mse", target_tensors=K.constant(y))


def test_targets_beside_the_models_own_inputs_are_gone_through_in_batches():
    x, y = linear_data(10)
    inputs = Input(tensor=K.constant(x))
    model = Model(inputs, Dense(2)(inputs))
    model.compile(SGD(0.1), loss="mse")
    reference = Linear(*model.get_weights())
    history = model.fit(None, y, epochs=2, batch_size=10, shuffle=False, verbose=0)
    assert_allclose(history.history["loss"], [reference.step(x, y) for _ in range(2)], rtol=1e-5)
    assert model.evaluate(None, y, batch_size=10, verbose=0) == pytest.approx(reference.loss(x, y), rel=1e-5)


@pytest.mark.parametrize(
    "as_data", [lambda model, x: x, lambda model, x: {model.input_names[0]: x}, lambda model, x: [x]]
)
def test_training_on_tensors(as_data):
    """They give a batch in each step."""
    x, y = linear_data(10)
    model, reference = linear_model()
    inputs, targets = as_data(model, K.variable(x)), K.constant(y)
    history = model.fit(inputs, targets, epochs=2, steps_per_epoch=3, verbose=0,
                        validation_data=(inputs, targets), validation_steps=2)  # fmt: skip
    losses = [np.mean([reference.step(x, y) for _ in range(3)]) for _ in range(2)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert_allclose(history.history["val_loss"][1], reference.loss(x, y), rtol=1e-5)
    assert model.evaluate(inputs, targets, steps=2, verbose=0) == pytest.approx(reference.loss(x, y), rel=1e-5)
    assert_allclose(model.predict(inputs, steps=2), np.tile(x @ reference.kernel + reference.bias, (2, 1)), rtol=1e-4)
    assert model.train_on_batch(inputs, targets) == pytest.approx(reference.step(x, y), rel=1e-5)
    assert model.test_on_batch(inputs, targets) == pytest.approx(reference.loss(x, y), rel=1e-5)
    assert_same_weights(model, reference)


def test_tensors_as_data_are_computed_anew_for_each_batch():
    model, _ = linear_model()
    noise = K.random_uniform((4, 3))
    twice = model.predict(noise, steps=2)
    assert twice.shape == (8, 2) and not np.allclose(twice[:4], twice[4:])
    for call, name in ((model.fit, "steps_per_epoch"), (model.evaluate, "steps")):
        with pytest.raises(ValueError, match=f"symbolic tensors, you should specify the `{name}` argument"):
            call(noise, noise[:, :2], verbose=0)
    for call in (model.predict_on_batch, lambda x: model.predict(x, steps=1)):
        with pytest.raises(TypeError, match="no values without an input"):
            call(model.inputs[0])


def test_nb_epoch_is_the_old_name():
    x, y = linear_data(4)
    model, _ = linear_model()
    with pytest.warns(UserWarning, match="nb_epoch"):
        history = model.fit(x, y, nb_epoch=2, verbose=0)
    assert history.epoch == [0, 1]
    with pytest.raises(TypeError, match="nonsense"):
        model.fit(x, y, nonsense=1)


def test_an_interrupted_fit_leaves_a_usable_model():
    class Interrupt(Callback):
        def on_batch_end(self, batch, logs=None):
            if batch == 1:
                raise KeyboardInterrupt

    x, y = linear_data(12)
    model, reference = linear_model()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=4, shuffle=False, verbose=0, callbacks=[Interrupt()])
    for start in (0, 4):
        reference.step(x[start : start + 4], y[start : start + 4])
    assert_same_weights(model, reference)
    model.fit(x, y, verbose=0)


def test_verbose_prints_what_keras_2_prints(capsys):
    x, y = linear_data(10)
    model, _ = linear_model()
    model.fit(x, y, verbose=2, validation_split=0.2)
    out = capsys.readouterr().out
    assert out.startswith("Train on 8 samples, validate on 2 samples\nEpoch 1/1\n")
    assert " - loss: " in out
    assert " - val_loss: " in out
    model.fit(x, y, verbose=0)
    assert capsys.readouterr().out == ""


def test_steps_take_the_arrays_as_a_whole():
    x, y = linear_data(6)
    model, reference = linear_model()
    history = model.fit(
        x, y, steps_per_epoch=2, epochs=2, verbose=0, validation_data=(x, y), validation_steps=1
    )
    expected = [np.mean([reference.step(x, y) for _ in range(2)]) for _ in range(2)]
    assert_allclose(history.history["loss"], expected, rtol=1e-5)
    assert_allclose(history.history["val_loss"][-1], reference.loss(x, y), rtol=1e-5)
    for options in ({"validation_steps": 1}, {"steps_per_epoch": 2}):
        with pytest.raises(ValueError, match="step-wise training"):
            model.fit(x, y, verbose=0, validation_data=(x, y), **options)
    with pytest.raises(ValueError, match="must be None"):
        model.fit(x, y, batch_size=2, steps_per_epoch=2, verbose=0)


def test_adversarial_training_of_two_models_that_share_layers():
    x, _ = linear_data(8)
    generator = Sequential([Dense(3, input_shape=(2,))])
    judge = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Dense(1, activation="sigmoid")])
    judge.compile("sgd", "binary_crossentropy", metrics=["acc"])
    noise = Input((2,))
    judge.trainable = False
    both = Model(noise, judge(generator(noise)))
    both.compile("sgd", "binary_crossentropy")
    assert both.metrics_names == ["loss"]

    frozen, before = judge.get_weights(), generator.get_weights()
    z = np.random.rand(8, 2)
    assert np.ndim(both.train_on_batch(z, np.ones(8))) == 0
    for a, b in zip(frozen, judge.get_weights(), strict=True):
        assert_array_equal(a, b)
    assert np.abs(generator.get_weights()[0] - before[0]).max() > 0
    with pytest.warns(UserWarning, match="Discrepancy"):
        loss, acc = judge.train_on_batch(x, np.ones(8))
    assert np.abs(judge.get_weights()[0] - frozen[0]).max() > 0


def test_metrics_added_to_the_model_are_reported():
    inputs = Input((3,))
    outputs = Dense(2)(inputs)
    model = Model(inputs, outputs)
    model.add_metric(K.sum(outputs), name="total")
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = linear_data(6)
    assert model.metrics_names == ["loss", "mae", "total"]
    values = dict(zip(model.metrics_names, model.evaluate(x, y, verbose=0), strict=True))
    assert values["total"] == pytest.approx(model.predict(x).sum(), rel=1e-4)


def test_double_precision():
    K.set_floatx("float64")
    x, y = linear_data(10)
    x, y = x.astype("float64"), y.astype("float64")
    model, reference = linear_model()
    model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
    for _ in range(3):
        reference.epoch(x, y, 4)
    kernel, bias = model.get_weights()
    assert kernel.dtype == np.float64
    assert_allclose(kernel, reference.kernel, rtol=1e-12)
    assert_allclose(bias, reference.bias, rtol=1e-12)


def test_a_single_callback_needs_no_list():
    x, y = linear_data(4)
    model, _ = linear_model()
    recorder = Recorder()
    model.fit(x, y, verbose=0, callbacks=recorder)
    model.evaluate(x, y, verbose=0, callbacks=recorder)
    assert recorder.events.count("test begin") == 1
