"""Training, evaluation and prediction on batches from generators and Sequences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import Linear, linear_data

from keras.layers import Dense, SimpleRNN
from keras.models import Sequential
from keras.optimizers import SGD
from keras.utils.data_utils import Sequence


class Batches(Sequence):
    def __init__(self, x, y, batch_size=4):
        self.x, self.y, self.batch_size = x, y, batch_size
        self.ended = 0

    def __len__(self):
        return (len(self.x) + self.batch_size - 1) // self.batch_size

    def __getitem__(self, i):
        rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
        return self.x[rows], self.y[rows]

    def on_epoch_end(self):
        self.ended += 1


def forever(x, y, batch_size=4, weights=None):
    while True:
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            yield (x[rows], y[rows]) if weights is None else (x[rows], y[rows], weights[rows])


def linear_model(**options):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(SGD(0.1), "mse", **options)
    return model, Linear(*model.get_weights())


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("entry", ["fit", "fit_generator"])
def test_generator_trains_like_arrays(workers, entry):
    x, y = linear_data()
    model, reference = linear_model()
    method = getattr(model, entry)
    history = method(forever(x, y), steps_per_epoch=3, epochs=2, verbose=0, workers=workers)
    losses = [reference.epoch(x, y, 4) for _ in range(2)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


@pytest.mark.parametrize("workers", [0, 2])
def test_sequence_knows_its_length(workers):
    x, y = linear_data()
    model, reference = linear_model()
    sequence = Batches(x, y)
    history = model.fit(sequence, epochs=2, shuffle=False, verbose=0, workers=workers)
    assert history.params["steps"] == 3
    losses = [reference.epoch(x, y, 4) for _ in range(2)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert sequence.ended >= 1


def test_sample_weights_and_class_weights():
    x, y = linear_data()
    weights = np.linspace(0.5, 2, 10)
    model, reference = linear_model()
    model.fit_generator(forever(x, y, weights=weights), steps_per_epoch=3, verbose=0)
    reference.epoch(x, y, 4, weights=weights)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_validation_from_arrays_and_from_a_generator():
    x, y = linear_data()
    for data, steps in (((x, y), None), (forever(x, y), 3), (Batches(x, y), None)):
        model, reference = linear_model(metrics=["mae"])
        history = model.fit(
            forever(x, y), steps_per_epoch=3, verbose=0, validation_data=data, validation_steps=steps
        )
        reference.epoch(x, y, 4)
        assert_allclose(history.history["val_loss"], [reference.loss(x, y)], rtol=1e-5)
        mae = np.mean(np.abs(x @ reference.kernel + reference.bias - y))
        assert_allclose(history.history["val_mae"], [mae], rtol=1e-5)


def test_arrays_validated_on_a_sequence():
    x, y = linear_data()
    model, reference = linear_model()
    history = model.fit(x, y, shuffle=False, verbose=0, validation_data=Batches(x, y))
    reference.epoch(x, y, 32)
    assert_allclose(history.history["val_loss"], [reference.loss(x, y)], rtol=1e-5)


def test_evaluate_and_predict():
    x, y = linear_data()
    model, reference = linear_model()
    assert_allclose(model.evaluate(Batches(x, y), verbose=0), reference.loss(x, y), rtol=1e-5)
    assert_allclose(model.evaluate_generator(forever(x, y), steps=3), reference.loss(x, y), rtol=1e-5)
    prediction = x @ reference.kernel + reference.bias
    assert_allclose(model.predict(Batches(x, y)), prediction, rtol=1e-4, atol=1e-6)
    assert_allclose(model.predict_generator(forever(x, y), steps=3), prediction, rtol=1e-4, atol=1e-6)
    bare = (x[i : i + 5] for i in (0, 5))
    assert_allclose(model.predict_generator(bare, steps=2), prediction, rtol=1e-4, atol=1e-6)


def test_names_of_keras_1():
    x, y = linear_data()
    model, _ = linear_model()
    with pytest.warns(UserWarning, match="Keras 2 API"), pytest.warns(UserWarning, match="count batches"):
        history = model.fit_generator(forever(x, y), samples_per_epoch=3, nb_epoch=2, verbose=0)
    assert history.epoch == [0, 1]


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (lambda x, y: forever(x, y), {}, "no length"),
        (lambda x, y: forever(x, y), {"steps_per_epoch": 0}, "positive number"),
        (lambda x, y: iter([(x, y)]), {"steps_per_epoch": 3, "workers": 0}, "after 1 of 3"),
        (lambda x, y: iter([x] * 3), {"steps_per_epoch": 3, "workers": 0}, "should be a tuple"),
        (lambda x, y: iter([(x, y, y, y)] * 3), {"steps_per_epoch": 3, "workers": 0}, "of length 4"),
        (lambda x, y: forever(x, y), {"steps_per_epoch": 3, "y": 1}, "second element"),
        (lambda x, y: forever(x, y), {"steps_per_epoch": 3, "batch_size": 2}, "must not be specified"),
        (lambda x, y: forever(x, y), {"steps_per_epoch": 3, "validation_split": 0.2}, "validation_data"),
    ],
)
def test_errors(make, options, message):
    x, y = linear_data()
    model, _ = linear_model()
    with pytest.raises(ValueError, match=message):
        model.fit(make(x, y), verbose=0, **options)


def test_stop_between_batches():
    from keras.callbacks import Callback

    class Stop(Callback):
        def on_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    x, y = linear_data()
    model, reference = linear_model()
    model.fit(forever(x, y), steps_per_epoch=3, epochs=4, verbose=0, callbacks=[Stop()])
    reference.step(x[:4], y[:4])
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_a_sequence_that_is_an_iterator_too_is_asked_by_number():
    """As Keras' iterators over images: by number, every batch once per epoch, without workers as well."""

    class Both(Batches):
        def __next__(self):
            raise AssertionError("asked for the next batch")

        def __iter__(self):
            return self

    x, y = linear_data()
    for workers in (0, 1):
        model, reference = linear_model()
        model.fit(Both(x, y), epochs=2, shuffle=False, verbose=0, workers=workers, validation_data=Both(x, y))
        for _ in range(2):
            reference.epoch(x, y, 4)
        assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_arrays_validate_a_stateful_model_by_its_batch_size():
    model = Sequential([SimpleRNN(1, batch_input_shape=(2, 3, 1), stateful=True)])
    model.compile("sgd", "mse")
    x, y = np.ones((2, 3, 1)), np.ones((2, 1))
    history = model.fit_generator(
        ((x, y) for _ in range(9)), 2, verbose=0, validation_data=(np.ones((4, 3, 1)), np.ones((4, 1)))
    )
    assert np.isfinite(history.history["val_loss"]).all()
