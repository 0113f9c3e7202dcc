"""What programs written for Keras 2 take from a compiled model and do with optimizers."""

import numpy as np
import pytest

from keras import backend as K
from keras import layers, optimizers
from keras.models import Model, Sequential

X = np.random.RandomState(0).standard_normal((6, 3)).astype("float32")
Y = X.sum(1, keepdims=True)
ONES = np.ones(6, "float32")


def small_model(optimizer="sgd", dropout=0.0):
    np.random.seed(1)
    hidden = [layers.Dropout(dropout)] if dropout else []
    model = Sequential([layers.Dense(4, activation="tanh", input_shape=(3,)), *hidden, layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def weights_after(model, steps):
    for _ in range(steps):
        model.train_on_batch(X, Y)
    return model.get_weights()


def assert_same(found, wanted, **tolerance):
    for f, w in zip(found, wanted, strict=True):
        np.testing.assert_allclose(f, w, **{"rtol": 1e-5, "atol": 1e-7, **tolerance})


# The compiled functions.


def test_the_functions_of_a_model():
    model, twin = small_model(), small_model()
    assert model.train_function is None and model.test_function is None
    model._make_train_function()
    model._make_test_function()
    model._make_predict_function()
    loss, mae = model.test_function([X, Y, ONES])
    np.testing.assert_allclose(loss, np.mean((model.predict(X) - Y) ** 2), rtol=1e-5)
    assert model.train_function([X, Y, ONES])[0] == pytest.approx(loss)
    twin.train_on_batch(X, Y)
    assert_same(model.get_weights(), twin.get_weights())
    np.testing.assert_allclose(model.predict_function([X])[0], twin.predict(X), rtol=1e-5)


def test_callbacks_get_another_model():
    """How scripts had the template of a parallel model saved, and stopped it."""
    from keras.callbacks import EarlyStopping

    template = small_model()
    model = Sequential([template])
    model.compile("sgd", "mse")
    assert model._get_callback_model() is model
    model.callback_model = template
    assert model._get_callback_model() is template
    stopping = EarlyStopping("loss", min_delta=1e6, patience=0)
    history = model.fit(X, Y, epochs=5, verbose=0, callbacks=[stopping])
    assert stopping.model is template and template.stop_training and history.epoch == [0, 1]


def test_the_learning_phase_is_the_last_input():
    model = small_model(dropout=0.5)
    model._make_train_function()
    model._make_test_function()
    assert model._uses_dynamic_learning_phase() and model.uses_learning_phase
    assert model.test_function.inputs[-1] is K.learning_phase()
    first = model.test_function([X, Y, ONES, 0])[0]
    assert first == model.test_function([X, Y, ONES, 0])[0]
    assert model.test_function([X, Y, ONES, 1])[0] != first


@pytest.mark.parametrize("names", [("inputs", "targets", "sample_weights"),
                                   ("_feed_inputs", "_feed_targets", "_feed_sample_weights")])  # fmt: skip
def test_gradients_of_a_batch(names):
    model = small_model()
    inputs = [x for name in names for x in getattr(model, name)] + [K.learning_phase()]
    gradients = model.optimizer.get_gradients(model.total_loss, model.trainable_weights)
    f = K.function(inputs, [model.total_loss, *gradients])
    loss, *found = f([X, Y, ONES, 1])
    np.testing.assert_allclose(loss, model.evaluate(X, Y, verbose=0)[0], rtol=1e-5)
    before = model.get_weights()
    model.train_on_batch(X, Y)
    assert_same(model.get_weights(), [w - np.float32(0.01) * g for w, g in zip(before, found)])


def test_a_training_function_of_ones_own():
    """Assigned before training, as programs that change the step do; any callable will do."""
    model, twin = small_model(), small_model()
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    updates = model.optimizer.get_updates(params=model._collected_trainable_weights, loss=model.total_loss)
    step = K.function(inputs, [model.total_loss] + model.metrics_tensors, updates=model.updates + updates)
    calls = []

    def train_function(arrays):
        calls.append(len(arrays[0]))
        return step(arrays)

    model.train_function = train_function
    history = model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert calls == [4, 2, 4, 2] and len(history.history["loss"]) == 2
    twin.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    assert_same(model.get_weights(), twin.get_weights())


def test_make_train_function_overridden():
    count = K.variable(0.0)

    class Counting(Model):
        """Adds to every step of training what the program wants."""

        made = 0

        def _make_train_function(self):
            if self.train_function is None:
                type(self).made += 1
                super()._make_train_function()
                f = self.train_function
                self.train_function = K.function(f.inputs, f.outputs, [*f.updates, K.update_add(count, 1.0)])

    inputs = layers.Input((3,))
    model = Counting(inputs, layers.Dense(1)(inputs))
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=2, epochs=2, verbose=0)
    assert (Counting.made, K.get_value(count)) == (1, 6)


def test_states_and_updates():
    model = Sequential([
        layers.LSTM(2, stateful=True, batch_input_shape=(2, 4, 3)), layers.BatchNormalization(), layers.Dense(1)
    ])  # fmt: skip
    model.compile("sgd", "mse")
    kept = {variable for variable, _ in model.state_updates}
    assert kept == set(model.layers[0].states) and model.stateful
    assert {v for v, _ in model.updates} == kept | set(model.layers[1].non_trainable_weights)
    assert len(model.get_updates_for(model.inputs)) == 4


def test_states_of_layers_that_name_one_of_their_inputs():
    class Last(layers.Layer):
        def build(self, input_shape):
            self.stateful, self.kept = True, self.add_weight("kept", (1, 3), initializer="zeros", trainable=False)

        def call(self, inputs):
            x = inputs[0]
            self.add_update(K.update(self.kept, x), x)
            return self.kept + 0.0 * (x + inputs[1])

    inputs = [layers.Input(batch_shape=(1, 3)), layers.Input(batch_shape=(1, 3))]
    model = Model(inputs, Last()(inputs))
    first, second = (model.predict([np.full((1, 3), value), np.zeros((1, 3))]) for value in (5.0, 7.0))
    assert not first.any() and (second == 5).all()


# Optimizers.


class Accumulating(optimizers.Optimizer):
    """Plain descent on the mean of the gradients of several steps: an optimizer with `lr` of its own."""

    def __init__(self, lr=0.1, every=2, **kwargs):
        super().__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            self.lr = K.variable(lr, name="lr")
        self.every = every

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        sums = [K.zeros(K.int_shape(p), dtype=K.dtype(p)) for p in params]
        self.weights = [self.iterations] + sums
        due = K.equal((self.iterations + 1) % self.every, 0)
        for p, g, s in zip(params, grads, sums):
            total = s + g / self.every
            self.updates.append(K.update(s, K.switch(due, K.zeros_like(s), total)))
            new = K.switch(due, p - self.lr * total, p)
            if getattr(p, "constraint", None) is not None:
                new = p.constraint(new)
            self.updates.append(K.update(p, new))
        return self.updates

    def get_config(self):
        config = {"lr": float(K.get_value(self.lr)), "every": self.every}
        return dict(list(super().get_config().items()) + list(config.items()))


def test_an_optimizer_that_accumulates_gradients(tmp_path):
    model, twin = small_model(Accumulating(0.1, every=2)), small_model(optimizers.SGD(0.1))
    start = model.get_weights()
    assert_same(weights_after(model, 1), start)
    assert_same(weights_after(model, 1), weights_after(twin, 1))
    assert K.get_value(model.optimizer.iterations) == 2
    assert model.optimizer.get_config()["lr"] == pytest.approx(0.1) and len(model.optimizer.weights) == 5
    model.optimizer.lr = 0.5
    assert K.get_value(model.optimizer.learning_rate) == 0.5
    model.train_on_batch(X, Y)
    path = tmp_path / "m.h5"
    model.save(path)
    from keras.models import load_model

    again = load_model(path, custom_objects={"Accumulating": Accumulating})
    assert_same(weights_after(again, 1), weights_after(model, 1))


class Lookahead(optimizers.Optimizer):
    """Wraps an optimizer: every k steps the weights go half the way back to where they were."""

    def __init__(self, optimizer, k=2, **kwargs):
        self.optimizer = optimizers.get(optimizer)
        super().__init__(**kwargs)
        self.k = k

    @property
    def lr(self):
        return self.optimizer.lr

    @property
    def iterations(self):
        return self.optimizer.iterations

    def get_updates(self, loss, params):
        updates = list(self.optimizer.get_updates(loss, params))
        slow = [K.variable(p) for p in params]
        new = {u[0]: u[1] for u in updates}
        due = K.equal((self.iterations + 1) % self.k, 0)
        for p, s in zip(params, slow):
            middle = s + 0.5 * (new[p] - s)
            new[p], new[s] = K.switch(due, middle, new[p]), K.switch(due, middle, s)
        self.weights = self.optimizer.weights + slow
        self.updates = [K.update(variable, value) for variable, value in new.items()]
        return self.updates

    def get_config(self):
        return {"optimizer": optimizers.serialize(self.optimizer), "k": self.k}


def test_an_optimizer_around_another():
    model, twin = small_model(Lookahead(optimizers.Adam(0.01))), small_model(optimizers.Adam(0.01))
    start = twin.get_weights()
    assert_same(weights_after(model, 1), weights_after(twin, 1))
    wanted = [(a + b) / 2 for a, b in zip(start, weights_after(twin, 1))]
    assert_same(weights_after(model, 1), wanted, rtol=1e-4)
    K.set_value(model.optimizer.lr, 0.0)
    assert_same(weights_after(model, 1), wanted, rtol=1e-4)


def test_an_optimizer_that_takes_over_anothers_gradients():
    """The wrapped optimizer's `get_gradients` and rate are replaced by what the wrapper wants."""
    inner = optimizers.SGD(0.1, momentum=0.9)
    inner.get_gradients = lambda loss, params: [K.sign(g) for g in K.gradients(loss, params)]
    inner.lr = K.switch(K.equal(inner.iterations, 0), inner.lr, 0.0)
    model = small_model(inner)
    before = model.get_weights()
    after = weights_after(model, 1)
    changed = np.concatenate([np.ravel(a - b) for a, b in zip(after, before)])
    np.testing.assert_allclose(np.abs(changed), 0.1, rtol=1e-4)


class WithRates(optimizers.SGD):
    """A factor on the learning rate for some layers: `get_updates` of a built-in optimizer, changed."""

    def __init__(self, factors, **kwargs):
        super().__init__(**kwargs)
        self.factors = factors

    def get_updates(self, loss, params):
        updates = super().get_updates(loss, params)
        changed = []
        for variable, value in updates:
            factor = next((f for name, f in self.factors.items() if name in variable.name), 1.0)
            changed.append(K.update(variable, variable + factor * (value - variable)))
        self.updates = changed
        return self.updates


def test_a_learning_rate_by_layer():
    model, twin = small_model(), small_model()
    first, last = model.layers[0].name, model.layers[-1].name
    rates = WithRates({f"{first}/": 0.0, f"{last}/bias": 2.0}, lr=0.01)
    model.compile(rates, "mse")
    before = model.get_weights()
    found, plain = weights_after(model, 1), weights_after(twin, 1)
    assert_same(found[:2], before[:2])
    assert_same(found[2], plain[2])
    assert_same(found[3] - before[3], 2 * (plain[3] - before[3]))


def test_the_state_of_an_optimizer():
    model, twin = small_model("adam"), small_model("adam")
    weights_after(model, 2)
    values = K.batch_get_value(model.optimizer.weights)
    assert values[0] == 2 and len(values) == 1 + 3 * len(model.trainable_weights)
    twin._make_train_function()
    twin.optimizer.set_weights(values)
    twin.set_weights(model.get_weights())
    assert_same(weights_after(twin, 1), weights_after(model, 1))


# Metrics by hand.


def test_metrics_appended_to_the_lists():
    model = small_model()
    penalty = K.sum(K.square(model.layers[0].kernel))
    squares = K.square(model.output)  # one number per sample: its mean is reported
    for name, tensor in {"penalty": penalty, "squares": squares}.items():
        model.metrics_names.append(name)
        model.metrics_tensors.append(tensor)
    assert model.metrics_names == ["loss", "mae", "penalty", "squares"]
    weights = model.get_weights()
    wanted = np.sum(weights[0] ** 2)
    found = model.evaluate(X, Y, batch_size=4, verbose=0)  # batches of 4 and 2
    np.testing.assert_allclose(found[2:], [wanted, np.mean(model.predict(X) ** 2)], rtol=1e-5)
    np.testing.assert_allclose(model.train_on_batch(X, Y)[2], wanted, rtol=1e-5)
    history = model.fit(X, Y, batch_size=2, epochs=2, verbose=0).history
    assert set(history) == {"loss", "mae", "penalty", "squares"} and len(history["penalty"]) == 2
    model.compile("sgd", "mse")
    assert model.metrics_names == ["loss"]
    model.metrics_names += ["mean"]
    model.metrics_tensors += [K.mean(model.output)]
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0)[1], model.predict(X).mean(), rtol=1e-5)


def test_slow_weights_injected_beside_the_training_function():
    """Makes the model's training function from its parts, and runs updates by evaluating them."""
    model, twin = small_model(), small_model()
    model._check_trainable_weights_consistency()
    fast = model._collected_trainable_weights
    slow = [K.variable(p) for p in fast]
    with K.name_scope("training"), K.name_scope(model.optimizer.__class__.__name__):
        updates = model.optimizer.get_updates(params=fast, loss=model.total_loss)
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    step = K.function(
        inputs, [model.total_loss] + model.metrics_tensors,
        updates=model.updates + updates + model.metrics_updates, name="fast", **model._function_kwargs,
    )  # fmt: skip
    move = [K.update(s, s + 0.5 * (p - s)) for p, s in zip(fast, slow)]
    copy = [K.update(p, s) for p, s in zip(fast, slow)]
    count = 0

    def train_function(arrays):
        nonlocal count
        count += 1
        results = step(arrays)
        if count % 2 == 0:
            K.batch_get_value(move)
            K.batch_get_value(copy)
        return results

    model.train_function = train_function
    start = model.get_weights()
    model.fit(X, Y, batch_size=6, epochs=2, verbose=0)
    assert_same(model.get_weights(), [(a + b) / 2 for a, b in zip(start, weights_after(twin, 2))])


def test_a_warning_where_trainable_was_changed():
    model = small_model()
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="Discrepancy"):
        model._check_trainable_weights_consistency()
