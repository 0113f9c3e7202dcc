"""LSTM and GRU layers by oneDNN give what loops of the engine give."""

import importlib

import numpy as np
import pytest
from onednn_cases import WHERE_IT_IS, drawn

from keras import backend as K
from keras import layers as L
from keras.models import Model, Sequential
from keras.runtimes.onednn import layers
from keras.runtimes.onednn.library import Library
from keras.runtimes.onednn.shares import Shares

pytestmark = [
    pytest.mark.skipif(K.backend() not in ("jax", "tensorflow"), reason="of the JAX and TensorFlow runtimes"),
    WHERE_IT_IS,
]

STEPS, FEATURES, UNITS = 4, 3, 5


@pytest.fixture
def native(monkeypatch):
    """oneDNN for layers of any size, in shares of two samples."""
    for name in ("_SAMPLES", "_SHARE_SAMPLES"):
        monkeypatch.setattr(layers, name, 2)
    for name, value in (("_WORTH", 0), ("_SHARE_WORTH", 1)):
        monkeypatch.setattr(layers, name, value)
    monkeypatch.setattr(Library, "threads", lambda library: 3)
    return of_the_runtime()


def of_the_runtime():
    """The module that calls oneDNN."""
    return importlib.import_module(f"keras.runtimes.{K.backend()}.native_recurrent")


def both(native, monkeypatch, run):
    """What `run()` makes by oneDNN, and the operations that it called; what it makes by loops."""
    called = []
    call = native._called

    def watched(recipe, *rest):
        called.append(recipe.__name__.removeprefix("recurrent_"))
        return call(recipe, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(native, "_called", watched)
        ours = run()
    with monkeypatch.context() as patch:
        patch.setattr(layers, "_SAMPLES", 10**9)
        theirs = run()
    return called, ours, theirs


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5 * max(np.abs(b).max(), 1e-3))


def with_gradients(layer, batch=7, states=0):
    """(a function of arrays -> results of the layer, and gradients by inputs, states and weights; those arrays)."""
    inputs = [K.placeholder((batch, STEPS, FEATURES)), *(K.placeholder((batch, UNITS)) for _ in range(states))]
    results = layer(inputs[0], initial_state=inputs[1:]) if states else layer(inputs[0])
    results = results if isinstance(results, list) else [results]
    loss = sum(K.sum(K.square(r) * (n + 1)) for n, r in enumerate(results))
    layer.set_weights(drawn(*[K.int_shape(w) for w in layer.weights]))
    gradients = K.gradients(loss, [*inputs, *layer.trainable_weights])
    return K.function(inputs, [*results, *gradients]), drawn(*[K.int_shape(x) for x in inputs])


CELLS = {
    "lstm": lambda **options: L.LSTM(UNITS, **options),
    "gru": lambda **options: L.GRU(UNITS, recurrent_activation="sigmoid", **options),
    "lbr_gru": lambda **options: L.GRU(UNITS, recurrent_activation="sigmoid", reset_after=True, **options),
}
OPTIONS = [
    {},
    {"return_sequences": True, "go_backwards": True},
    {"return_sequences": True, "return_state": True, "use_bias": False},
    {"implementation": 1, "go_backwards": True},
]


@pytest.mark.parametrize(
    "cell, options", [*(("lstm", options) for options in OPTIONS), ("gru", OPTIONS[1]), ("lbr_gru", OPTIONS[0])]
)
def test_layers_and_their_gradients(native, monkeypatch, cell, options):
    def run():
        function, arrays = with_gradients(CELLS[cell](**options))
        return function(arrays)

    called, ours, theirs = both(native, monkeypatch, run)
    assert called == ["training", "gradient"]
    close(ours, theirs)


@pytest.mark.parametrize("cell, states", [("lstm", 2), ("gru", 1)])
def test_initial_states_have_gradients(native, monkeypatch, cell, states):
    def run():
        function, arrays = with_gradients(CELLS[cell](return_state=True), states=states)
        return function(arrays)

    called, ours, theirs = both(native, monkeypatch, run)
    assert called == ["training", "gradient"]
    close(ours, theirs)


def test_bidirectional(native, monkeypatch):
    def run():
        function, arrays = with_gradients(L.Bidirectional(L.LSTM(UNITS, return_sequences=True)))
        return function(arrays)

    called, ours, theirs = both(native, monkeypatch, run)
    assert called == ["training", "gradient"]  # both directions at once
    close(ours, theirs)


def test_a_direction_that_begins_with_the_others_states_comes_after_it(native, monkeypatch):
    def run():
        x = K.placeholder((7, STEPS, FEATURES))
        forwards, backwards = L.LSTM(UNITS, return_state=True), L.LSTM(UNITS, go_backwards=True)
        result = backwards(x, initial_state=forwards(x)[1:])
        weights = forwards.trainable_weights + backwards.trainable_weights
        K.batch_set_value(list(zip(weights, drawn(*map(K.int_shape, weights)), strict=True)))
        return K.function([x], [result, *K.gradients(K.sum(result**2), [x, *weights])])(drawn((7, STEPS, FEATURES)))

    called, ours, theirs = both(native, monkeypatch, run)
    assert called == ["training", "training", "gradient", "gradient"]
    close(ours, theirs)


@pytest.mark.parametrize("batch", [2, 11])
def test_predictions_of_any_batch(native, monkeypatch, batch):
    (x,) = drawn((batch, STEPS, FEATURES))
    weights = drawn((FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,))

    def run():
        model = Sequential([L.LSTM(UNITS, return_sequences=True, input_shape=(STEPS, FEATURES), weights=weights)])
        return [model.predict(x, batch_size=batch)]

    called, ours, theirs = both(native, monkeypatch, run)
    assert set(called) == {"prediction"}
    close(ours, theirs)


@pytest.mark.parametrize("around", [lambda layer: layer, L.Bidirectional])
def test_gradients_of_gradients(native, monkeypatch, around):
    def run():
        x = K.placeholder((4, STEPS, FEATURES))
        layer = around(L.LSTM(UNITS, return_sequences=True))
        y = layer(x)
        layer.set_weights(drawn(*[K.int_shape(w) for w in layer.weights]))
        (dx,) = K.gradients(K.sum(K.square(y)), [x])
        return K.function([x], K.gradients(K.sum(K.square(dx)), [x, *layer.weights]))(drawn(K.int_shape(x)))

    called, ours, theirs = both(native, monkeypatch, run)
    assert set(called) == ({"training", "gradient"} if K.backend() == "jax" else set())
    close(ours, theirs)


@pytest.mark.skipif(K.backend() != "jax", reason="TensorFlow has its loops for them")
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("kind", CELLS)
def test_the_formulas_that_gradients_of_gradients_are_taken_of(native, kind, backwards):
    from keras.runtimes.onednn.recurrent import BIASES, GATES, STATES, Recurrent

    case = Recurrent(kind, (3, 2), STEPS, FEATURES, UNITS, backwards)
    columns = GATES[kind] * UNITS
    weights = [(FEATURES, columns), (UNITS, columns), (BIASES[kind] * UNITS,)]
    arrays = drawn((5, STEPS, FEATURES), *[(5, UNITS)] * STATES[kind], *weights)
    close(*(made((case,), (tuple(arrays),))[0] for made in (native._recurrent, native._by_xla)))


@pytest.mark.parametrize("cell", ["lstm", "lbr_gru"])
def test_stateful_fit(native, monkeypatch, cell):
    """Many batches in one program, each beginning with the last one's states."""
    x, y = drawn((24, STEPS, FEATURES), (24, UNITS))

    def run():
        layer = CELLS[cell](stateful=True, dropout=0.25, unroll=False)
        x_of_model = L.Input(batch_shape=(6, STEPS, FEATURES))
        np.random.seed(3)
        model = Model(x_of_model, layer(x_of_model))
        layer.set_weights(drawn(*[w.shape for w in layer.get_weights()]))
        model.compile("sgd", "mse")
        history = model.fit(x, y, batch_size=6, epochs=2, shuffle=False, verbose=0).history["loss"]
        return [np.array(history), *layer.get_weights(), *map(K.get_value, layer.states)]

    called, ours, theirs = both(native, monkeypatch, run)
    assert "training" in called and "gradient" in called
    close(ours, theirs)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: L.LSTM(UNITS, recurrent_activation="hard_sigmoid"),
        lambda: L.LSTM(UNITS, activation="relu"),
        lambda: L.LSTM(UNITS, unroll=True),
        lambda: L.LSTM(UNITS, recurrent_dropout=0.5),
        lambda: L.SimpleRNN(UNITS),
    ],
)
def test_other_layers_are_left_to_loops(native, monkeypatch, layer):
    monkeypatch.setattr(native, "_called", None)
    model = Sequential([L.Lambda(lambda x: x, input_shape=(STEPS, FEATURES)), layer()])
    model.compile("sgd", "mse")
    assert np.isfinite(model.train_on_batch(*drawn((4, STEPS, FEATURES), (4, UNITS))))


def test_masks_are_left_to_loops(native, monkeypatch):
    monkeypatch.setattr(native, "_called", None)
    model = Sequential([L.Masking(input_shape=(STEPS, FEATURES)), L.LSTM(UNITS)])
    (x,) = drawn((4, STEPS, FEATURES))
    x[:, -1] = 0
    close([model.predict(x)[0]], [model.predict(x[:1])[0]])


def test_other_types_and_small_batches_are_left_to_loops(monkeypatch):
    monkeypatch.setattr(of_the_runtime(), "_called", None)
    assert K.function(*placed(K.placeholder((16, 20, 8)), L.LSTM(4)))(drawn((16, 20, 8)))[0].shape == (16, 4)
    assert K.function(*placed(K.placeholder((1, 20, 60)), L.LSTM(100)))(drawn((1, 20, 60)))[0].shape == (1, 100)
    monkeypatch.setattr(layers, "_WORTH", 0)
    x = K.placeholder((16, 2, 3), dtype="float64")
    assert K.function(*placed(x, L.LSTM(4, dtype="float64")))(drawn((16, 2, 3)))[0].dtype == "float64"


def placed(x, layer):
    return [x], [layer(x)]


def test_gradients_by_what_a_layer_in_the_middle_makes(native, monkeypatch):
    def run():
        x = K.placeholder((4, STEPS, 2))
        dense, recurrent = L.Dense(FEATURES), L.LSTM(UNITS)
        middle = dense(x)
        loss = K.sum(K.square(recurrent(middle)))
        for layer in (dense, recurrent):
            layer.set_weights(drawn(*[K.int_shape(w) for w in layer.weights]))
        return K.function([x], K.gradients(loss, [middle, x, *dense.weights]))(drawn(K.int_shape(x)))

    called, ours, theirs = both(native, monkeypatch, run)
    assert called == ["training", "gradient"]
    close(ours, theirs)


def test_functions_in_several_threads(native):
    from concurrent.futures import ThreadPoolExecutor

    function, (x,) = with_gradients(L.LSTM(UNITS), batch=6)
    arrays = [x * n for n in range(1, 9)]
    expected = [function([a]) for a in arrays]
    with ThreadPoolExecutor(4) as pool:
        for results, wanted in zip(pool.map(lambda a: function([a]), arrays * 4), expected * 4, strict=True):
            for result, array in zip(results, wanted, strict=True):
                np.testing.assert_array_equal(result, array)


def test_what_fails_inside_is_an_error_of_the_program(native, monkeypatch):
    function, arrays = with_gradients(L.LSTM(UNITS))
    with monkeypatch.context() as patch:
        patch.setattr(Shares, "run", lambda *_, **__: 1 / 0)
        with pytest.raises(Exception, match="ZeroDivisionError"):
            function(arrays)
    function(arrays)


@pytest.mark.skipif(K.backend() != "tensorflow", reason="of the TensorFlow runtime")
def test_a_saved_model_has_loops(native, tmp_path):
    import tensorflow as tf

    model = Sequential([L.Bidirectional(L.LSTM(UNITS), input_shape=(STEPS, FEATURES)), L.Dense(2)])
    (x,) = drawn((6, STEPS, FEATURES))
    expected = model.predict(x)
    model.export(tmp_path / "model")
    serve = tf.saved_model.load(str(tmp_path / "model")).signatures["serving_default"]
    functions = serve.graph.as_graph_def().library.function
    kinds = {node.op for nodes in (serve.graph.as_graph_def().node, *(f.node_def for f in functions)) for node in nodes}
    assert not any("PyFunc" in kind for kind in kinds)
    (served,) = serve(tf.constant(x)).values()
    close([served], [expected])


@pytest.mark.skipif(K.backend() != "tensorflow", reason="JAX asks once for a process")
def test_switched_off(native, monkeypatch):
    monkeypatch.setenv("KERAS_ONEDNN", "0")
    monkeypatch.setattr(native, "library", native.library.__wrapped__)  # which would remember what it has found
    monkeypatch.setattr(native, "_called", None)
    model = Sequential([L.LSTM(UNITS, input_shape=(STEPS, FEATURES))])
    assert model.predict(*drawn((6, STEPS, FEATURES))).shape == (6, UNITS)


@pytest.mark.skipif(K.backend() != "tensorflow", reason="of the TensorFlow runtime")
def test_xla_gets_the_elementwise_end_alone(native, monkeypatch):
    from keras.runtimes.tensorflow import runtime, tails

    x, y = drawn((24, STEPS, FEATURES), (24, UNITS))

    def run():
        np.random.seed(3)
        model = Sequential([L.LSTM(UNITS, input_shape=(STEPS, FEATURES))])
        model.compile("adam", "mse")
        return [*model.fit(x, y, batch_size=6, epochs=3, verbose=0).history["loss"], *model.get_weights()]

    monkeypatch.setattr(runtime, "runs_before_xla", lambda program: 2)
    monkeypatch.setattr(runtime, "OFTEN", 2)
    monkeypatch.setattr(tails, "WORTHWHILE", 2)
    seen, run_tail, repeat = [], tails.run_tail, runtime.TensorFlowCompiled._repeat
    monkeypatch.setattr(tails, "run_tail", lambda *given: seen.append("end") or run_tail(*given))
    monkeypatch.setattr(runtime.TensorFlowCompiled, "_repeat", lambda *given: seen.append("all") or repeat(*given))
    _, ours, theirs = both(native, monkeypatch, lambda: [set(seen), *run()])
    assert set(seen) == {"end", "all"} and not ours[0] and theirs[0] == {"end"}
    close(ours[1:], theirs[1:])


def test_threads_of_openmp_stay_as_they_were():
    from keras.runtimes.onednn.library import library
    from keras.runtimes.onednn.shares import _threads

    threads = _threads(library().path)
    before, seen = threads._get(), []
    threads.run([lambda: seen.append(threads._get())] * 3)
    assert seen == [1, 1, 1] and threads._get() == before
    with pytest.raises(ZeroDivisionError):
        threads.run([lambda: None, lambda: 1 / 0])
    assert threads._get() == before
