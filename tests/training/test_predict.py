"""`predict` and its relatives: the short way for one batch, the long way for many."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from keras import backend as K
from keras.callbacks import Callback
from keras.layers import Add, Conv2D, Dense, Dropout, Input
from keras.models import Model, Sequential
from keras.runtimes import numpy as numpy_runtime


def make_model():
    model = Sequential([Dense(4, activation="tanh", input_shape=(3,)), Dropout(0.5), Dense(2)])
    model.compile("sgd", "mse")
    return model


def expected(model, x):
    kernel, bias, out_kernel, out_bias = (w.astype("float64") for w in model.get_weights())
    return np.tanh(x @ kernel + bias) @ out_kernel + out_bias


@pytest.mark.parametrize("samples", [1, 7, 32, 33, 100])
@pytest.mark.parametrize("batch_size", [None, 5, 200])
def test_numbers(samples, batch_size):
    model = make_model()
    x = np.random.rand(samples, 3).astype("float32")
    for _ in range(2):  # the second call may take the short way
        result = model.predict(x, batch_size=batch_size)
        assert result.shape == (samples, 2)
        assert result.dtype == np.float32
        assert_allclose(result, expected(model, x), rtol=1e-4, atol=1e-5)


def test_results_may_be_written_to():
    model = make_model()
    x = np.random.rand(40, 3).astype("float32")
    for result in (model.predict(x), model.predict(x[:1]), model.predict(x[:1]), model.predict_on_batch(x)):
        result[0] = 7
        assert (result[0] == 7).all()


def test_weights_set_later_count_on_the_short_way_too():
    model = make_model()
    x = np.ones((1, 3), "float32")
    model.predict(x)
    model.set_weights([np.full(w.shape, 0.25) for w in model.get_weights()])
    assert_allclose(model.predict(x), expected(model, x), rtol=1e-5)
    model.compile("sgd", "mae")
    assert_allclose(model.predict(x), expected(model, x), rtol=1e-5)


def test_wrong_shapes_are_told_after_right_ones():
    model = make_model()
    model.predict(np.ones((1, 3), "float32"))
    with pytest.raises(ValueError, match=r"to have shape \(3,\)"):
        model.predict(np.ones((1, 4), "float32"))
    with pytest.raises(ValueError, match="dimensions"):
        model.predict(np.ones((1, 3, 1), "float32"))


def test_a_thousand_predictions_compile_one_program_and_keep_nothing():
    model = make_model()
    x = np.random.rand(1000, 3).astype("float32")
    for _ in range(1000 if K.backend() == "tensorflow" else 1):  # which has XLA compile what runs often
        model.predict(x[:1])
    gc.collect()
    programs, objects = K.compiled_programs(), len(gc.get_objects())
    for i in range(1000):
        model.predict(x[i : i + 1])
    gc.collect()
    assert K.compiled_programs() == programs
    assert len(gc.get_objects()) - objects < 200


def test_many_batches_compile_two_programs():
    model = make_model()
    before = K.compiled_programs()
    for _ in range(3):
        model.predict(np.zeros((70, 3)), batch_size=32)
    assert K.compiled_programs() - before == (1 if K.backend() == "torch" else 2)  # PyTorch's take any shape


def test_large_outputs_are_not_kept_for_many_batches_at_once():
    from keras.engine.training_runner import RESULT_BYTES, ArrayFeed
    from keras.layers import Embedding

    model = Sequential([Embedding(10, 1000, input_length=50)])
    x = np.random.randint(0, 10, (320, 50))
    model._make_predict_function()
    feed = ArrayFeed(model.predict_function, [x], 32)
    assert 1 <= feed.room <= RESULT_BYTES / (32 * 50 * 1000 * 4)
    table = model.get_weights()[0]
    assert_allclose(model.predict(x), table[x])


@pytest.mark.parametrize("samples", [64, 70, 72, 200])
def test_chunks_that_a_thread_stacks_are_all_batches_in_their_order(samples):
    from keras.engine import training_runner

    model = make_model()
    x = np.random.rand(samples, 3).astype("float32")
    order = np.random.permutation(samples)
    model._make_predict_function()
    feed = training_runner.ArrayFeed(model.predict_function, [x, 0], 8, order)
    feed.room = 4
    seen = []

    def consume(first, count, outputs):
        seen.append((first, count))
        result = outputs[0].reshape(-1, 2)
        rows = order[first * 8 : first * 8 + len(result)]
        assert_allclose(result, expected(model, x[rows]), rtol=1e-4, atol=1e-5)

    training_runner.run(feed, consume)
    assert [first for first, count in seen] == [0, *np.cumsum([count for _, count in seen])[:-1]]
    assert sum(count for _, count in seen) == feed.batches == -(-samples // 8)


def test_a_row_that_cannot_be_stacked_stops_the_run():
    from keras.engine import training_runner

    model = make_model()
    model._make_predict_function()
    feed = training_runner.ArrayFeed(model.predict_function, [np.ones((80, 3), "float32"), 0], 8, np.arange(60, 140))
    feed.room = 2
    seen = []
    with pytest.raises(IndexError):
        training_runner.run(feed, lambda first, count, outputs: seen.append(first))
    assert seen == list(range(len(seen)))


def test_predictions_from_several_threads():
    model = make_model()
    x = np.random.rand(200, 3).astype("float32")
    right = expected(model, x)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda i: model.predict(x[i : i + 1])[0], range(200)))
    assert_allclose(results, right, rtol=1e-4, atol=1e-5)


def test_first_values_are_drawn_once_however_many_threads_read(monkeypatch):
    """Weights have their first value when somebody reads them: here several threads at the same moment."""
    drawn = []

    def slowly(tensors):
        drawn.append(tensors)
        time.sleep(0.02)
        return evaluate(tensors)

    evaluate = numpy_runtime.evaluate
    monkeypatch.setattr(numpy_runtime, "evaluate", slowly)
    model = Sequential([Dense(3, input_shape=(4,))])
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: model.get_weights()[0], range(4)))
    assert drawn and len(drawn) == len({tensor for (tensor,) in drawn})
    for value in found:
        assert_array_equal(value, found[0])


def test_several_outputs_and_callbacks():
    class Record(Callback):
        def __init__(self):
            super().__init__()
            self.sizes, self.rows = [], 0

        def on_predict_batch_end(self, batch, logs=None):
            self.sizes.append((logs["batch"], logs["size"]))
            self.rows += len(logs["outputs"][0])

    inputs = Input((3,))
    model = Model(inputs, [Dense(1)(inputs), Dense(2)(inputs)])
    record = Record()
    one, two = model.predict(np.ones((10, 3)), batch_size=4, callbacks=[record])
    assert one.shape == (10, 1)
    assert two.shape == (10, 2)
    assert record.sizes == [(0, 4), (1, 4), (2, 2)]
    assert record.rows == 10


def test_progress_bar(capsys):
    make_model().predict(np.zeros((40, 3)), verbose=1)
    assert "40/40" in capsys.readouterr().out


def test_steps_need_no_samples():
    with pytest.raises(ValueError, match="steps"):
        make_model().predict(None)


def test_model_written_as_a_subclass():
    class Net(Model):
        def __init__(self):
            super().__init__(name="net")
            self.hidden = Dense(4, activation="tanh")
            self.out = Dense(2)

        def call(self, inputs):
            return self.out(self.hidden(inputs))

    model = Net()
    model.compile("sgd", "mse", metrics=["mae"])
    x, y = np.random.rand(10, 3), np.random.rand(10, 2)
    history = model.fit(x, y, epochs=3, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    assert_allclose(model.predict(x), expected(model, x), rtol=1e-4, atol=1e-5)


def test_predict_does_not_need_compile():
    model = Sequential([Dense(2, input_shape=(3,))])
    x = np.ones((2, 3))
    first = model.predict(x)
    model.compile("sgd", "mse")
    assert_array_equal(first, model.predict(x))


def test_inputs_of_one_batch_may_differ_in_length():
    a, b = Input((2,)), Input((2,))
    model = Model([a, b], Add()([a, b]))
    rows, one = np.arange(8.0).reshape(4, 2), np.array([[10.0, 20.0]])
    assert_array_equal(model.predict_on_batch([rows, one]), rows + one)
    with pytest.raises(ValueError, match="Got input arrays with 1 and 4 samples"):
        model.predict([rows, one])  # which cannot be divided into batches


@pytest.mark.parametrize("target", [(6,), (6, 1), (6, 2, 2, 5)])
def test_targets_that_no_loss_reads_may_have_any_shape(target):
    model = Sequential([Conv2D(1, 2, use_bias=False, kernel_initializer="ones", input_shape=(3, 3, 1))])
    model.compile("sgd", lambda y_true, y_pred: K.mean(y_pred, axis=(1, 2, 3)))
    x, y = np.ones((6, 3, 3, 1)), np.zeros(target)
    assert model.evaluate(x, y, batch_size=4, verbose=0) == model.test_on_batch(x, y) == 4
    assert_allclose(model.fit(x, y, batch_size=3, verbose=0).history["loss"], [4 - 0.04 / 2])
    model.compile("sgd", lambda y_true, y_pred: K.mean(y_pred - y_true))
    if target != (6, 2, 2, 5):
        with pytest.raises(ValueError, match="Cannot feed value of shape"):
            model.train_on_batch(x, y)
