"""Training whose batches are divided among the cores gives what training as a whole gives."""

import threading

import numpy as np
import pytest
from onednn_cases import OF_JAX

from keras import backend as K
from keras import initializers
from keras._processors import usable
from keras.callbacks import LambdaCallback
from keras.layers import (
    LSTM,
    Activation,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    GlobalAveragePooling1D,
    GlobalMaxPooling1D,
    Input,
    Lambda,
    Reshape,
    TimeDistributed,
    add,
    concatenate,
    dot,
)
from keras.models import Model, Sequential, load_model
from keras.optimizers import SGD, Adam

pytestmark = [OF_JAX, pytest.mark.skipif(usable() < 2, reason="there are no cores to divide among")]
SAMPLES, BATCH = 48, 16


@pytest.fixture
def divided(monkeypatch):
    """Whatever can be divided is; a list of the numbers of parts."""
    from keras.runtimes.jax import divided

    made = []
    built = divided.Division.__init__

    def noted(self, compiled, shapes, parts):
        built(self, compiled, shapes, parts)
        made.append(parts)

    monkeypatch.setattr(divided.Division, "__init__", noted)
    for limit in ("_NUMBERS", "_PER_WEIGHT"):
        monkeypatch.setattr(divided, limit, 0)
    monkeypatch.setattr(divided, "_ROWS", 2)
    return made


@pytest.fixture
def whole(monkeypatch):
    """What a function gives where nothing is divided."""
    from keras.runtimes.jax import divided

    def call(function, *args):
        with monkeypatch.context() as patch:
            patch.setattr(divided, "may_divide", lambda program: False)
            return function(*args)

    return call


def dense():
    m = Sequential([Dense(12, activation="relu", kernel_regularizer="l2", input_shape=(6,)), Dropout(0.4), Dense(3)])
    m.add(Activation("softmax"))
    return m


def attention():
    words = Input((5,), dtype="int32")
    x = Embedding(20, 8)(words)
    query, key, value = Dense(8)(x), Dense(8)(x), TimeDistributed(Dense(8))(x)
    found = dot([Activation("softmax")(Lambda(lambda t: t / 3)(dot([query, key], axes=[2, 2]))), value], axes=[2, 1])
    x = Lambda(lambda t: t - K.mean(t, axis=-1, keepdims=True))(add([x, found]))
    return Model(words, Dense(3, activation="softmax")(Dropout(0.3)(GlobalAveragePooling1D()(x))))


def shapes():
    x = Input((6,))
    y = Lambda(lambda t: K.reshape(t, (K.shape(t)[0], 3, 2)))(Dense(6, activation="tanh")(x))
    y = Lambda(lambda t: K.reshape(K.dot(K.reshape(t, (-1, 2)), K.constant([[1.0, 2.0], [3.0, -1.0]])), (-1, 6)))(y)
    y = Lambda(lambda t: t[:, 1:] * K.ones_like(t[:, :-1]) + K.permute_dimensions(t, (0, 1))[:, :5])(y)
    return Model(x, Dense(3, activation="softmax")(GlobalMaxPooling1D()(Reshape((5, 1))(y))))


def summed(y_true, y_pred):
    return K.sum(K.square(y_true - y_pred))


def per_sample(y_true, y_pred):
    return K.sum(K.abs(y_true - y_pred), axis=-1) * 0.3


def largest(y_true, y_pred):
    """A metric that looks at the batch as a whole."""
    return K.max(y_pred) - K.mean(K.max(y_pred, axis=0))


def shares_statistics():
    return Sequential([Dense(8, input_shape=(6,)), BatchNormalization(), Dense(3, activation="softmax")])


def shares_a_mean():
    return Sequential([Lambda(lambda t: t - K.mean(t, axis=0), input_shape=(6,)), Dense(3, activation="softmax")])


def compares_samples():
    x = Input((6,))
    y = Lambda(lambda t: K.dot(K.softmax(K.dot(t, K.transpose(t))), t))(Dense(6)(x))
    return Model(x, Dense(3, activation="softmax")(y))


def counts_samples():
    x = Input((6,))
    y = Lambda(lambda t: t / K.cast(K.shape(t)[0], "float32"))(Dense(6)(x))
    return Model(x, Dense(3, activation="softmax")(y))


def turns_around():
    return Sequential([Lambda(lambda t: K.reverse(t, 0), input_shape=(6,)), Dense(3, activation="softmax")])


def recurrent():
    return Sequential([Reshape((3, 2), input_shape=(6,)), LSTM(4), Dense(3, activation="softmax")])


def by_the_largest(y_true, y_pred):
    return K.mean(K.square(y_true - y_pred)) / (K.max(K.abs(y_true - y_pred)) + 1)


def last():
    return Dense(3, kernel_initializer=initializers.RandomUniform(-0.5, 0.5, seed=1))


def data(model):
    random = np.random.RandomState(3)
    integers = K.dtype(model.inputs[0]) == "int32"
    size = K.int_shape(model.inputs[0])[1]
    x = random.randint(0, 20, (SAMPLES, size)) if integers else random.rand(SAMPLES, size).astype("float32")
    return x, np.eye(3, dtype="float32")[random.randint(0, 3, SAMPLES)]


def trained(build, loss="categorical_crossentropy", metrics=("accuracy",), **how):
    """The history and weights after three epochs."""
    K.clear_session()
    np.random.seed(7)
    model = build()
    for weight in model.weights:  # the same for each way of training
        K.set_value(weight, K.eval(initializers.RandomUniform(-0.5, 0.5, seed=len(K.int_shape(weight)))(weight.shape)))
    np.random.seed(8)
    model.compile(SGD(0.1, momentum=0.5), loss, metrics=list(metrics))
    x, y = data(model)
    history = model.fit(x, y, batch_size=BATCH, epochs=3, verbose=0, shuffle=False, **how).history
    return [*history.values(), *model.get_weights()]


def close(found, wanted):
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "mse", per_sample])
@pytest.mark.parametrize("build", [dense, attention, shapes])
def test_the_same_as_undivided(divided, whole, build, loss):
    found = trained(build, loss)
    assert divided
    close(found, whole(trained, build, loss))


@pytest.mark.parametrize("reduce", [K.sum, K.mean])
def test_gradients_of_sums_and_means(divided, whole, reduce):
    """Of a function of one's own, which is run many times in one call."""
    stack = np.linspace(-1, 1, 3 * 8 * 4, dtype="float32").reshape(3, 8, 4)

    def run():
        x, w = K.placeholder((None, 4)), K.variable(np.linspace(0, 1, 8).reshape(4, 2))
        found = reduce(K.square(K.dot(x, w))) * 2.0
        (gradient,) = K.gradients(found, [w])
        compiled = K.function([x], [found], updates=[(w, w - 0.01 * gradient)]).compiled(0)
        losses = compiled.repeat(compiled.stage([stack]), 0, 3)
        return [np.asarray(losses[0]), K.get_value(w)]

    found = run()
    assert divided
    w, losses = np.linspace(0, 1, 8).reshape(4, 2), []
    for x in stack.astype("float64"):
        product = x @ w
        losses.append(2 * (product**2).sum() / (1 if reduce is K.sum else product.size))
        w = w - 0.01 * 4 * x.T @ product / (1 if reduce is K.sum else product.size)
    close(found, [losses, w])


def test_weights_of_samples_and_metrics(divided, whole):
    weights = np.linspace(0, 2, SAMPLES)
    for metrics in [("mae", "categorical_accuracy"), (largest, summed)]:
        found = trained(attention, "mse", metrics, sample_weight=weights)
        close(found, whole(lambda m=metrics: trained(attention, "mse", m, sample_weight=weights)))
    assert len(divided) == 2


@pytest.mark.parametrize(
    "build", [shares_statistics, shares_a_mean, compares_samples, counts_samples, turns_around, recurrent]
)
def test_what_needs_the_batch_as_a_whole_gets_it(divided, whole, build):
    found = trained(build)
    assert not divided
    close(found, whole(trained, build))


@pytest.mark.parametrize("loss", [by_the_largest, summed])
def test_a_loss_that_needs_the_batch_as_a_whole_gets_it(divided, whole, loss):
    found = trained(dense, loss)
    assert not divided
    close(found, whole(trained, dense, loss))


def test_two_inputs_and_outputs(divided, whole):
    def build_and_train():
        K.clear_session()
        a, b = Input((4,)), Input((6,))
        x = concatenate([Dense(5, kernel_initializer="ones")(a), Dense(5, kernel_initializer="ones")(b)])
        first, second = Dense(2, kernel_initializer="ones", name="p")(x), Dense(1, activation="sigmoid", name="q")(x)
        model = Model([a, b], [first, second])
        model.layers[-1].set_weights([np.linspace(-1, 1, 10).reshape(10, 1), np.zeros(1)])
        model.compile(Adam(0.01), ["mse", "binary_crossentropy"], loss_weights=[0.3, 1.0], metrics={"q": "accuracy"})
        random = np.random.RandomState(1)
        x = [random.rand(40, 4), random.rand(40, 6)]
        y = [random.rand(40, 2), random.randint(0, 2, (40, 1))]
        history = model.fit(x, y, batch_size=8, epochs=4, verbose=0, shuffle=False).history
        return [*history.values(), *model.get_weights()]

    found = build_and_train()
    assert divided
    close(found, whole(build_and_train))


def test_other_programs_between_steps(divided, whole, tmp_path):
    """Predictions, single steps, files and new weights read and set what the parts have trained."""

    def use():
        K.clear_session()
        model = Sequential([Dense(4, activation="tanh", kernel_initializer="ones", input_shape=(6,)), last()])
        model.compile(Adam(0.05), "mse", metrics=["mae"])
        random = np.random.RandomState(0)
        x, y = random.rand(32, 6), random.rand(32, 3)
        found = []
        for turn in range(3):
            found += [model.fit(x, y, batch_size=8, verbose=0, shuffle=False).history["loss"], model.predict(x)]
            found += [model.train_on_batch(x[:8], y[:8]), model.evaluate(x, y, verbose=0)]
            model.save(tmp_path / "m.h5")
            found += load_model(tmp_path / "m.h5").get_weights()
            if turn == 1:
                model.set_weights([w * 0.5 for w in model.get_weights()])
                K.set_value(model.optimizer.lr, 0.01)
        return found + model.optimizer.get_weights()

    found = use()
    assert divided
    close(found, whole(use))


def test_an_odd_last_batch_takes_one_program_more(divided):
    x, y = np.random.rand(35, 6), np.random.rand(35, 3)
    model = Sequential([Dense(3, input_shape=(6,))])
    model.compile("sgd", "mse")
    model.fit(x[:32], y[:32], batch_size=8, verbose=0)
    before = K.compiled_programs()
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert divided and K.compiled_programs() - before <= 2  # that of three samples, and of four batches for four
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    assert K.compiled_programs() - before <= 2


def test_batch_hooks_and_interrupts_see_whole_steps(divided, whole):
    def losses():
        found = []
        trained(attention, callbacks=[LambdaCallback(on_batch_end=lambda batch, logs: found.append(logs["loss"]))])
        return found

    np.testing.assert_allclose(losses(), whole(losses), rtol=1e-4)


def test_models_that_train_at_the_same_time(divided, whole):
    """Programs of the lanes wait for each other, and not for ever."""

    def build(number):
        model = Sequential([Dense(8, activation="tanh", kernel_initializer="ones", input_shape=(6,)), last()])
        model.compile(SGD(0.05 * (number + 1)), "mse")
        return model

    def train(models, at_once):
        x, y = np.linspace(0, 1, 32 * 6).reshape(32, 6), np.linspace(1, 0, 96).reshape(32, 3)
        work = [lambda m=m: m.fit(x, y, batch_size=8, epochs=20, verbose=0, shuffle=False) for m in models]
        threads = [threading.Thread(target=call) for call in work]
        for thread in threads:
            thread.start()
            if not at_once:
                thread.join()
        for thread in threads:
            thread.join()
        return [w for m in models for w in m.get_weights()]

    found = train([build(n) for n in range(3)], at_once=True)
    assert divided
    close(found, whole(lambda: train([build(n) for n in range(3)], at_once=False)))


@pytest.mark.parametrize("why", ["no lanes", "switched off"])
def test_undivided_training(divided, whole, monkeypatch, why):
    """JAX may have no lanes for us: they come from no public function."""
    from keras.runtimes.jax import lanes

    if why == "no lanes":
        monkeypatch.setattr(lanes, "devices", list)
    else:
        monkeypatch.setenv("KERAS_PARTS", "0")
    found = trained(dense)
    assert not divided
    close(found, whole(trained, dense))


def test_options_unknown_to_xla_are_dropped(divided, whole, monkeypatch):
    from keras.runtimes.jax import runtime

    monkeypatch.setitem(runtime._FOR_LANES, "xla_cpu_no_such_option", True)
    monkeypatch.setattr(runtime, "_OPTIONS", (*runtime._OPTIONS, "xla_cpu_no_such_option"))
    monkeypatch.setattr(runtime.RUNTIME, "unknown_options", set())
    found = trained(dense)
    assert divided and runtime.RUNTIME.unknown_options == {"xla_cpu_no_such_option"}
    close(found, whole(trained, dense))


def test_small_training_is_left_as_it_is(monkeypatch):
    """Without the test's limits: a tiny net gains nothing."""
    from keras.runtimes.jax import divided

    made = []
    monkeypatch.setattr(divided.Division, "_make", lambda self: made.append(self))
    trained(dense)
    assert not made
