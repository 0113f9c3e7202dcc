"""Tells which text a few words come from, with an LSTM.

    python examples/text_lstm.py

The corpus is real prose that scikit-learn carries: the descriptions of its data sets. Each is cut
into pieces of 20 words; the network learns which description a piece is from. Every fourth piece is
held out, so a test piece shares no word position with a training piece.
"""

import re

import numpy as np
from sklearn import datasets

from keras.layers import LSTM, Dense, Dropout, Embedding
from keras.models import Sequential

WORDS, LENGTH = 2000, 20


def read_corpus():
    """Pieces of words and the number of the description each is from."""
    loaders = (datasets.load_breast_cancer, datasets.load_diabetes, datasets.load_digits, datasets.load_wine,
               datasets.load_iris, datasets.load_linnerud)  # fmt: skip
    pieces, labels = [], []
    for label, loader in enumerate(loaders):
        words = re.findall(r"[a-z]+", loader().DESCR.lower())
        for start in range(0, len(words) - LENGTH, LENGTH):
            pieces.append(words[start : start + LENGTH])
            labels.append(label)
    return pieces, np.array(labels), len(loaders)


def numbers(pieces, training):
    """Words as numbers by frequency in the training pieces; 0 for a word not seen there."""
    counts = {}
    for i in training:
        for word in pieces[i]:
            counts[word] = counts.get(word, 0) + 1
    ranked = sorted(counts, key=counts.get, reverse=True)[: WORDS - 1]
    index = {word: i + 1 for i, word in enumerate(ranked)}
    return np.array([[index.get(word, 0) for word in piece] for piece in pieces])


def main():
    np.random.seed(3)
    pieces, labels, classes = read_corpus()
    held_out = np.arange(len(pieces)) % 4 == 3
    x = numbers(pieces, np.flatnonzero(~held_out))
    model = Sequential()
    model.add(Embedding(WORDS, 32, input_length=LENGTH))
    model.add(Dropout(0.3))
    model.add(LSTM(48))
    model.add(Dense(classes, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(x[~held_out], labels[~held_out], batch_size=16, epochs=60, verbose=2)
    _, accuracy = model.evaluate(x[held_out], labels[held_out], verbose=0)
    most = np.bincount(labels).max() / len(labels)
    print(f"Held-out pieces: {accuracy:.0%} of {held_out.sum()} right (always the longest text: {most:.0%})")


if __name__ == "__main__":
    main()
