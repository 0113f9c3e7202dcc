"""Programs that run often are compiled by XLA, and give the same numbers."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import BatchNormalization, Conv1D, Dense, Dropout, Embedding, Flatten, Input, Lambda, SimpleRNN
from keras.models import Model, Sequential
from keras.optimizers import SGD
from keras.runtimes.tensorflow import runtime, tails
from keras.runtimes.tensorflow.traced import Traced

LAYERS = {
    "dense": lambda: [Dense(5, input_shape=(6,)), Dropout(0.3), Dense(1)],
    "recurrent": lambda: [Embedding(9, 3, input_length=6), SimpleRNN(4, recurrent_dropout=0.2), Dense(1)],
}


def trained(layers, warm, monkeypatch):
    monkeypatch.setattr(runtime, "runs_before_xla", lambda program: warm)
    K.clear_session()
    np.random.seed(5)
    model = Sequential(layers())
    model.compile(SGD(0.001), "mse")
    x = np.random.randint(0, 9, (70, 6))
    history = model.fit(x, x[:, :1] / 9, batch_size=8, epochs=3, verbose=0).history
    return model, [history["loss"], *model.get_weights()]


@pytest.mark.parametrize("name", LAYERS)
def test_the_numbers_are_the_same(name, monkeypatch):
    _, wanted = trained(LAYERS[name], 10**9, monkeypatch)
    model, found = trained(LAYERS[name], 11, monkeypatch)
    program = model.train_function.compiled(1)
    assert program._for_xla
    assert any(key[:2] == ("_many", True) for key in program._traced), "several runs in one call"
    assert np.all(np.isfinite(wanted[0]))
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("fitted", (0, 20))
def test_single_runs_go_to_xla_too(fitted, monkeypatch):
    found = {}
    x = np.random.RandomState(0).rand(4, 3)
    for warm in (10**9, 6):
        monkeypatch.setattr(runtime, "runs_before_xla", lambda program, warm=warm: warm)
        K.clear_session()
        np.random.seed(5)
        model = Sequential([Dense(4, input_shape=(3,)), Dropout(0.5), Dense(1)])
        model.compile("adam", "mse")
        if fitted:
            model.fit(np.tile(x, (fitted, 1)), np.tile(x[:, :1], (fitted, 1)), batch_size=4, verbose=0)
        made = []
        for _ in range(9):
            before = K.compiled_programs()
            loss = model.train_on_batch(x, x[:, :1])
            made.append(K.compiled_programs() - before)
            found.setdefault(warm, []).append(loss)
        # Begun long before the runs go there, also where many in one call have gone there already.
        assert made == [int(not fitted), 0, int(warm == 6), *[0] * 6]
        found[warm] += model.get_weights()
    for have, want in zip(*found.values(), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def test_further_sizes_go_to_xla_later(monkeypatch):
    begun = []
    monkeypatch.setattr(Traced, "compile_beside", lambda self, arguments: begun.append(arguments[3][0].shape[0]))
    monkeypatch.setattr(runtime, "runs_before_xla", lambda program: 3)
    model = Sequential([Dense(4, input_shape=(3,))])
    x = np.random.rand(3, 3).astype("float32")
    when = {}
    for size in (1, 2, 3):
        for number in range(9):
            np.testing.assert_allclose(model.predict(x[:size]), x[:size] @ model.get_weights()[0], rtol=1e-5)
            when.update(dict.fromkeys({*begun} - {*when}, number))
    assert when == {1: 1, 2: 2, 3: 3}


@pytest.mark.parametrize("name", LAYERS)
def test_compiling_beside_the_runs_changes_no_number(name, monkeypatch):
    begun, real = [], Traced.compile_beside
    monkeypatch.setattr(Traced, "compile_beside", lambda *given: begun.append(given) or real(*given))
    found = []
    for begins in (1, 3):
        monkeypatch.setattr(runtime, "BEGINS", begins)
        found.append(trained(LAYERS[name], 11, monkeypatch)[1])
        assert bool(begun) == (begins == 3)
    for have, want in zip(*found, strict=True):
        np.testing.assert_array_equal(have, want)


def test_xla_comes_sooner_where_runs_lose_more():
    def runs(units, batch_norm=False):
        model = Sequential([Dense(units, input_shape=(50,)), *[BatchNormalization()] * batch_norm, Dense(1)])
        model.compile("adam", "mse")
        model._make_train_function()
        return runtime.runs_before_xla(model.train_function.compiled(1).program)

    assert 20 < runs(10**4) < runs(10**3) < runs(10) < 2000
    assert runs(10**4) < runs(10**4, batch_norm=True)  # more to compile


def test_a_program_is_compiled_once_for_any_number_of_batches(monkeypatch):
    model, _ = trained(LAYERS["dense"], 2, monkeypatch)
    x = np.random.rand(70, 6)
    before = K.compiled_programs()
    for rows in (70, 66):
        model.fit(x[:rows], x[:rows, :1], batch_size=8, verbose=0)
    # The 8 batches of 8 are those of before; the rests of 6 and 2 rows are seldom enough to be new.
    assert K.compiled_programs() - before <= 2


def test_convolutions_and_functions_of_tensorflow_are_left_to_tensorflow(monkeypatch):
    for layer in (Conv1D(2, 2), Lambda(lambda x: runtime.tf.sort(x, axis=1))):
        layers = [Embedding(9, 3, input_length=6), layer, Flatten(), Dense(1)]
        model, _ = trained(lambda layers=layers: layers, 2, monkeypatch)
        assert not any(key[1] for key in model.train_function.compiled(1)._traced)


def test_what_xla_does_not_know_runs_all_the_same(monkeypatch):
    real = runtime.tf.function

    def function(*args, jit_compile=None, **kwargs):
        if jit_compile:
            raise runtime.tf.errors.UnimplementedError(None, None, "not in XLA")
        return real(*args, **kwargs)

    monkeypatch.setattr(runtime.tf, "function", function)
    model, found = trained(LAYERS["dense"], 4, monkeypatch)
    assert not model.train_function.compiled(1)._for_xla
    assert np.all(np.isfinite(found[0]))


def test_stacked_outputs_are_cut_and_joined():
    part = runtime.Part(np.arange(6), 2, 3)
    joined = runtime.Joined([part, np.array([9])])
    assert len(part) == 3 and len(joined) == 4
    np.testing.assert_array_equal(np.asarray(joined), [2, 3, 4, 9])
    assert np.asarray(joined, dtype="float32").dtype == "float32"


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", "adamax", "nadam", "adagrad", "adadelta"])
def test_an_optimizer_as_one_program_gives_the_same_numbers(optimizer, monkeypatch):
    monkeypatch.setattr(runtime, "OFTEN", 2)
    monkeypatch.setattr(runtime, "NOT_FOR_XLA", {"gradients"})  # so no training as a whole

    def trained_with(elements):
        monkeypatch.setattr(tails, "WORTHWHILE", elements)
        K.clear_session()
        np.random.seed(5)
        model = Sequential([Dense(4, input_shape=(3,), kernel_constraint="maxnorm"), Dropout(0.5), Dense(1)])
        model.compile(optimizer, "mse", metrics=["mae"])
        x = np.random.rand(20, 3)
        history = model.fit(x, x[:, :1], batch_size=8, epochs=2, verbose=0).history
        return model, [history["loss"], history["mae"], *model.get_weights(), *model.optimizer.get_weights()]

    _, wanted = trained_with(10**9)
    model, found = trained_with(1)
    assert model.train_function.compiled(1)._tail
    for have, want in zip(found, wanted, strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LAYERS)
def test_random_numbers_by_xla_are_the_same(name, monkeypatch):
    monkeypatch.setattr(runtime, "NOT_FOR_XLA", {"gradients"})
    found = {}
    for many in (1, 10**9):
        monkeypatch.setattr(tails, "MANY", many)
        _, found[many] = trained(LAYERS[name], 10**9, monkeypatch)
    for have, want in zip(*found.values(), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)


def test_layers_that_draw_as_many_numbers_share_a_program_of_xla(monkeypatch):
    made = []

    def numbers(*given):
        made.append((given, numbers_by_xla(*given)))
        return made[-1][1]

    numbers_by_xla = tails.numbers_by_xla
    monkeypatch.setattr(tails, "numbers_by_xla", numbers)
    monkeypatch.setattr(tails, "MANY", 16)
    x = Input((4,))
    model = Model(x, [Dropout(0.5)(x), Dropout(0.5)(x)])
    model.compile("sgd", "mse")
    model.train_on_batch(np.ones((4, 4)), [np.ones((4, 4))] * 2)
    (first, program), (second, same) = made
    assert first == second == ((4, 4), "float32") and program is same
    drawn = [program(runtime.tf.constant([seed]), runtime.tf.constant([1])).numpy() for seed in (1, 2)]
    assert 0 <= np.min(drawn) and np.max(drawn) < 1 and np.all(drawn[0] != drawn[1])


def test_large_draws_without_xla(monkeypatch):
    def without(*given):
        raise runtime.tf.errors.UnimplementedError(None, None, "no XLA")

    monkeypatch.setattr(tails, "MANY", 1)
    monkeypatch.setattr(tails, "numbers_by_xla", without)
    model = Sequential([Dropout(0.5, input_shape=(3,)), Dense(2)])
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(np.ones((4, 3)), np.ones((4, 2))))
    assert not model.train_function.compiled(1)._with_xla


def test_an_optimizer_runs_without_xla(monkeypatch):
    def without(*given):
        raise runtime.tf.errors.UnimplementedError(None, None, "no XLA")

    monkeypatch.setattr(tails, "WORTHWHILE", 1)
    monkeypatch.setattr(tails, "run_tail", without)
    monkeypatch.setattr(runtime, "OFTEN", 1)
    monkeypatch.setattr(runtime, "NOT_FOR_XLA", {"gradients"})
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("adam", "mse")
    losses = [model.train_on_batch(np.ones((4, 3)), np.ones((4, 2))) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert not model.train_function.compiled(1)._with_xla
