"""Text and series: recurrent networks, 1D convolutions."""

import numpy as np
from sessions import Session

from .base import Case, binary_sequences


class LSTM(Case):
    name, title = "lstm", "LSTM 128, Embedding 20000x128, 80 words, batch 32, Adam"
    batch, steps, singles, tolerance = 32, 25, 50, 0.01
    loss, words, length = "binary_crossentropy", 20000, 80

    def data(self):
        return binary_sequences(self.samples, self.length, self.words)

    def build(self, keras):
        model = keras.models.Sequential(self.layers(keras.layers))
        model.build((None, self.length))
        return model

    def layers(self, L):
        return [L.Embedding(self.words, 128), L.LSTM(128), L.Dense(1, activation="sigmoid")]

    def optimizer(self, optimizers):
        return optimizers.Adam(learning_rate=0.001)


class BidirectionalLSTM(LSTM):
    name, title = "bidirectional", "bidirectional LSTM 64, Embedding 20000x128, 100 words, Dropout, batch 32, Adam"
    tolerance, length = 0.05, 100

    def layers(self, L):
        return [
            L.Embedding(self.words, 128), L.Bidirectional(L.LSTM(64)), L.Dropout(0.5),
            L.Dense(1, activation="sigmoid"),
        ]  # fmt: skip


class Conv1D(LSTM):
    name, title = "conv1d", "1D CNN 250x3, Embedding 5000x50, 400 words, batch 32, Adam"
    tolerance, words, length = 0.05, 5000, 400

    def layers(self, L):
        return [
            L.Embedding(self.words, 50), L.Dropout(0.2), L.Conv1D(250, 3, activation="relu"),
            L.GlobalMaxPooling1D(), L.Dense(250, activation="relu"), L.Dropout(0.2), L.Dense(1, activation="sigmoid"),
        ]  # fmt: skip


class StatefulSession(Session):
    """Batches in order; the states are set back before each epoch."""

    def reset(self):
        for layer in self.model.layers:
            if getattr(layer, "stateful", False):
                layer.reset_state() if hasattr(layer, "reset_state") else layer.reset_states()

    def fit(self, shuffle=False):
        self.reset()
        return super().fit(shuffle=False)

    def train_on_batch(self):
        self.reset()
        super().train_on_batch()


class StatefulLSTM(Case):
    name, title = "stateful", "stateful LSTM 50-50, 20 time steps, batch 32, Adam"
    batch, steps, tolerance = 32, 50, 0.02
    loss, session = "mean_squared_error", StatefulSession
    measures = ("fit_ms", "train_on_batch_ms", "predict_ms")

    def data(self):
        """One long series per place in the batch, cut into windows that follow each other."""
        series = np.random.RandomState(0).standard_normal((self.batch, self.steps, 20, 1)).astype("float32")
        x = series.transpose(1, 0, 2, 3).reshape(self.samples, 20, 1)
        return x, x.mean(axis=1)

    def build(self, keras):
        L = keras.layers
        x = inputs = L.Input(batch_shape=(self.batch, 20, 1))
        x = L.LSTM(50, return_sequences=True, stateful=True)(x)
        x = L.LSTM(50, stateful=True)(x)
        return keras.models.Model(inputs, L.Dense(1)(x))

    def optimizer(self, optimizers):
        return optimizers.Adam(learning_rate=0.001)


class GenerationSession(Session):
    """`predict_one` writes text: one character per call of predict, drawn from what the model says."""

    def predict_one(self):
        random, window = np.random.RandomState(0), self.x[:1].copy()
        for _ in range(self.case.singles):
            chances = self.model.predict(window, verbose=0)[0].astype("float64")
            letter = random.choice(len(chances), p=chances / chances.sum())
            window = np.roll(window, -1, axis=1)
            window[0, -1] = 0
            window[0, -1, letter] = 1


class CharacterLSTM(Case):
    name, title = "char_lstm", "character LSTM 128, 40 of 57 letters, batch 128, RMSprop; predict one: writes text"
    batch, steps, singles, tolerance = 128, 15, 100, 0.02
    loss, session = "categorical_crossentropy", GenerationSession

    def data(self):
        letters = np.random.RandomState(0).randint(0, 57, size=(self.samples, 41))
        hot = np.eye(57, dtype="float32")[letters]
        return hot[:, :40], hot[:, 40]

    def build(self, keras):
        L = keras.layers
        model = keras.models.Sequential([L.LSTM(128), L.Dense(57, activation="softmax")])
        model.build((None, 40, 57))
        return model

    def optimizer(self, optimizers):
        return optimizers.RMSprop(learning_rate=0.001, rho=0.9)


CASES = [Conv1D, LSTM, BidirectionalLSTM, StatefulLSTM, CharacterLSTM]
