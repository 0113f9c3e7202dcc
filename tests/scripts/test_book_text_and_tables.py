"""Notebooks of a first course: reviews, newswires, house prices, written as people wrote them in 2018."""

import copy
import json

import numpy as np
import pytest

from keras import layers, losses, metrics, models, optimizers, regularizers
from keras.layers import LSTM, Conv1D, Dense, Dropout, Embedding, Flatten, GlobalMaxPooling1D, MaxPooling1D
from keras.models import Sequential
from keras.preprocessing import sequence
from keras.preprocessing.text import Tokenizer
from keras.utils.np_utils import to_categorical


def word_lists(classes, count=60, seed=0):
    """Lists of word numbers; those of class c hold many words from 10 + 5c on."""
    random = np.random.RandomState(seed)
    labels = random.randint(0, classes, count)
    texts = [
        random.choice([random.randint(1, 100), 12 + 5 * c], p=[0.3, 0.7], size=random.randint(5, 25))
        for c in labels
    ]
    return np.fromiter([list(map(int, text)) for text in texts], dtype=object), labels


def vectorize_sequences(sequences, dimension=100):
    results = np.zeros((len(sequences), dimension))
    for i, words in enumerate(sequences):
        results[i, words] = 1.0
    return results


@pytest.fixture
def imdb(published):
    x, y = word_lists(2)
    np.savez(published.folder / "imdb.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    (published.folder / "imdb_word_index.json").write_text(json.dumps({f"word{i}": i for i in range(1, 100)}))
    published("imdb.npz")
    published("imdb_word_index.json")
    from keras.datasets import imdb

    return imdb


def test_film_reviews(imdb):
    (train_data, train_labels), (test_data, test_labels) = imdb.load_data(num_words=100)
    assert max([max(sequence) for sequence in train_data]) < 100
    word_index = imdb.get_word_index()
    reverse_word_index = dict([(value, key) for (key, value) in word_index.items()])
    decoded_review = " ".join([reverse_word_index.get(i - 3, "?") for i in train_data[0]])
    assert decoded_review.startswith("?") and "word" in decoded_review

    x_train, x_test = vectorize_sequences(train_data), vectorize_sequences(test_data)
    y_train = np.asarray(train_labels).astype("float32")
    y_test = np.asarray(test_labels).astype("float32")

    model = models.Sequential()
    model.add(layers.Dense(16, kernel_regularizer=regularizers.l2(0.001), activation="relu", input_shape=(100,)))
    model.add(layers.Dropout(0.5))
    model.add(layers.Dense(16, activation="relu"))
    model.add(layers.Dense(1, activation="sigmoid"))
    model.compile(
        optimizer=optimizers.RMSprop(lr=0.01), loss=losses.binary_crossentropy, metrics=[metrics.binary_accuracy]
    )

    x_val, partial_x_train = x_train[:15], x_train[15:]
    y_val, partial_y_train = y_train[:15], y_train[15:]
    history = model.fit(
        partial_x_train, partial_y_train, epochs=20, batch_size=16, validation_data=(x_val, y_val), verbose=0
    )
    history_dict = history.history
    assert sorted(history_dict) == ["binary_accuracy", "loss", "val_binary_accuracy", "val_loss"]

    plt = pytest.importorskip("matplotlib.pyplot")
    epochs = range(1, len(history_dict["loss"]) + 1)
    plt.plot(epochs, history_dict["loss"], "bo", label="Training loss")
    plt.plot(epochs, history_dict["val_loss"], "b", label="Validation loss")
    plt.legend()
    plt.close()

    results = model.evaluate(x_test, y_test, verbose=0)
    assert len(results) == 2 and results[1] > 0.8
    assert model.predict(x_test).shape == (20, 1)
    assert (model.predict_classes(x_test)[:, 0] == y_test).mean() == pytest.approx(results[1])


def test_newswires(published):
    x, y = word_lists(4)
    np.savez(published.folder / "reuters.npz", x=x, y=y)
    published("reuters.npz")
    from keras.datasets import reuters

    (train_data, train_labels), (test_data, test_labels) = reuters.load_data(num_words=100)
    assert (len(train_data), len(test_data)) == (48, 12)
    x_train = vectorize_sequences(train_data)
    one_hot_train_labels = to_categorical(train_labels)

    def build_model(loss):
        model = models.Sequential()
        model.add(layers.Dense(16, activation="relu", input_shape=(100,)))
        model.add(layers.Dense(4, activation="softmax"))
        model.compile(optimizer="rmsprop", loss=loss, metrics=["acc"])
        return model

    model = build_model("categorical_crossentropy")
    history = model.fit(x_train, one_hot_train_labels, epochs=30, batch_size=16, verbose=0)
    assert history.history["acc"][-1] > history.history["acc"][0]
    predictions = model.predict(vectorize_sequences(test_data))
    np.testing.assert_allclose(np.sum(predictions, axis=1), 1, rtol=1e-5)

    test_labels_copy = copy.copy(test_labels)
    np.random.shuffle(test_labels_copy)
    assert float(np.sum(np.array(test_labels) == np.array(test_labels_copy))) / len(test_labels) <= 1

    sparse = build_model("sparse_categorical_crossentropy")
    sparse.set_weights(model.get_weights())
    many = model.evaluate(x_train, one_hot_train_labels, verbose=0)
    np.testing.assert_allclose(sparse.evaluate(x_train, np.array(train_labels), verbose=0), many, rtol=1e-5)


def test_house_prices_in_folds(published):
    random = np.random.RandomState(0)
    x = random.rand(50, 13) * 10
    np.savez(published.folder / "boston_housing.npz", x=x, y=x[:, 5] * 3 + x[:, 0] + random.rand(50))
    published("boston_housing.npz")
    from keras.datasets import boston_housing

    (train_data, train_targets), (test_data, test_targets) = boston_housing.load_data()
    mean = train_data.mean(axis=0)
    train_data -= mean
    std = train_data.std(axis=0)
    train_data /= std
    test_data -= mean
    test_data /= std

    def build_model():
        model = models.Sequential()
        model.add(layers.Dense(16, activation="relu", input_shape=(train_data.shape[1],)))
        model.add(layers.Dense(1))
        model.compile(optimizer="rmsprop", loss="mse", metrics=["mae"])
        return model

    k = 4
    num_val_samples = len(train_data) // k
    all_mae_histories = []
    for i in range(k):
        val_data = train_data[i * num_val_samples : (i + 1) * num_val_samples]
        val_targets = train_targets[i * num_val_samples : (i + 1) * num_val_samples]
        partial_train_data = np.concatenate(
            [train_data[: i * num_val_samples], train_data[(i + 1) * num_val_samples :]], axis=0
        )
        partial_train_targets = np.concatenate(
            [train_targets[: i * num_val_samples], train_targets[(i + 1) * num_val_samples :]], axis=0
        )
        model = build_model()
        history = model.fit(
            partial_train_data, partial_train_targets, validation_data=(val_data, val_targets),
            epochs=5, batch_size=1, verbose=0,
        )  # fmt: skip
        all_mae_histories.append(history.history["val_mae"])
    average_mae_history = [np.mean([x[i] for x in all_mae_histories]) for i in range(5)]
    assert average_mae_history[-1] < average_mae_history[0]
    test_mse_score, test_mae_score = model.evaluate(test_data, test_targets, verbose=0)
    assert test_mse_score >= test_mae_score**2 * 0.999


RECURRENT = {
    "lstm": [Embedding(100, 8), LSTM(8, dropout=0.2, recurrent_dropout=0.2), Dense(1, activation="sigmoid")],
    "conv": [
        Embedding(100, 8, input_length=20), Conv1D(8, 5, activation="relu"), MaxPooling1D(2), Dropout(0.1),
        Conv1D(8, 3, activation="relu"), GlobalMaxPooling1D(), Dense(1, activation="sigmoid"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", RECURRENT)
def test_reviews_as_sequences(name, imdb):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(num_words=100)
    x_train = sequence.pad_sequences(x_train, maxlen=20)
    model = Sequential.from_config(Sequential(RECURRENT[name]).get_config())
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    history = model.fit(x_train, y_train, epochs=2, batch_size=16, validation_split=0.2, verbose=0)
    assert set(history.history) == {"loss", "acc", "val_loss", "val_acc"}
    assert len(model.predict(sequence.pad_sequences(x_test, maxlen=20))) == 20


def test_pretrained_word_vectors(tmp_path):
    texts = ["a good film", "a bad film", "good good", "bad bad bad"]
    tokenizer = Tokenizer(num_words=5)
    tokenizer.fit_on_texts(texts)
    data = sequence.pad_sequences(tokenizer.texts_to_sequences(texts), maxlen=4)
    (tmp_path / "glove.txt").write_text("good 1 0 0\nbad -1 0 0\nfilm 0 1 0\n")
    embeddings_index = {}
    with open(tmp_path / "glove.txt") as f:
        for line in f:
            values = line.split()
            embeddings_index[values[0]] = np.asarray(values[1:], dtype="float32")
    embedding_matrix = np.zeros((5, 3))
    for word, i in tokenizer.word_index.items():
        embedding_vector = embeddings_index.get(word)
        if i < 5 and embedding_vector is not None:
            embedding_matrix[i] = embedding_vector

    model = Sequential()
    model.add(Embedding(5, 3, input_length=4))
    model.add(Flatten())
    model.add(Dense(1, activation="sigmoid"))
    model.layers[0].set_weights([embedding_matrix])
    model.layers[0].trainable = False
    model.compile(optimizer="rmsprop", loss="binary_crossentropy", metrics=["acc"])
    model.fit(data, np.array([1, 0, 1, 0]), epochs=2, verbose=0)
    model.save_weights(str(tmp_path / "pre_trained_glove_model.h5"))
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], embedding_matrix.astype("float32"))
    model.load_weights(str(tmp_path / "pre_trained_glove_model.h5"))
