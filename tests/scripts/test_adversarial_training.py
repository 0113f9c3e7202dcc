"""Functions of one's own in the place of `train_function`: adversarial training, as NLP scripts do it."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Dropout, Embedding, GlobalAveragePooling1D, Input
from keras.models import Model
from keras.utils import Sequence

X = np.random.RandomState(0).randint(0, 20, (32, 6))
Y = (X[:, 0] > 9).astype("int32")


class Batches(Sequence):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return X[index * 8 : index * 8 + 8], Y[index * 8 : index * 8 + 8]


def forever():
    while True:
        yield from Batches()


def _disturbed(model, layer, size):
    """Trains with the embeddings moved along their gradient; gives the list of calls' sizes."""
    if model.train_function is None:
        model._make_train_function()
    before = model.train_function
    weights = layer.embeddings
    gradient = K.zeros_like(weights) + K.gradients(model.total_loss, [weights])[0]
    inputs = model._feed_inputs + model._feed_targets + model._feed_sample_weights
    gradients = K.function(inputs=inputs, outputs=[gradient], name="embedding_gradients")
    calls = []

    def train_function(inputs):
        calls.append(len(inputs))
        direction = gradients(inputs)[0]  # the inputs hold a learning phase more than asked for
        step = size * direction / (np.sqrt((direction**2).sum()) + 1e-8)
        K.set_value(weights, K.eval(weights) + step)
        outputs = before(inputs)
        K.set_value(weights, K.eval(weights) - step)
        return outputs

    model.train_function = train_function
    return calls


@pytest.fixture
def model():
    np.random.seed(1)
    x = Input((6,))
    y = GlobalAveragePooling1D()(Dropout(0.1)(Embedding(20, 8, name="tokens")(x)))
    model = Model(x, Dense(2, activation="softmax")(y))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_training_with_disturbed_embeddings(model):
    calls = _disturbed(model, model.get_layer("tokens"), size=0.1)
    losses = model.fit(X, Y, batch_size=8, epochs=3, verbose=0).history["loss"]
    assert len(calls) == 12 and set(calls) == {4} and losses[-1] < losses[0]
    model.fit_generator(forever(), steps_per_epoch=2, epochs=1, verbose=0)
    model.fit_generator(Batches(), epochs=1, verbose=0, validation_data=Batches())
    model.fit(Batches(), epochs=1, verbose=0)
    assert len(calls) == 22
    loss, accuracy = model.train_on_batch(X, Y)
    assert len(calls) == 23 and np.isfinite(loss) and 0 <= accuracy <= 1


def test_functions_for_evaluation_and_prediction(model):
    expected = model.evaluate(X, Y, batch_size=8, verbose=0), model.predict(X)
    calls = []

    def counted(before):
        return lambda inputs: calls.append(len(inputs)) or before(inputs)

    model.test_function = counted(model.test_function)
    model.predict_function = counted(model.predict_function)
    np.testing.assert_allclose(model.evaluate_generator(Batches()), expected[0], rtol=1e-5)
    np.testing.assert_allclose(model.predict_generator(Batches()), expected[1], rtol=1e-5)
    np.testing.assert_allclose(model.predict(X, batch_size=8), expected[1], rtol=1e-5)
    assert len(calls) == 12
