"""Networks of dense layers."""

import numpy as np

from .base import Case, marked_images


class TinyMLP(Case):
    name, title = "tiny_mlp", "tiny MLP 100-32-1, batch 32, RMSprop"
    batch, steps, singles, tolerance = 32, 1000, 200, 0.01
    loss = "binary_crossentropy"

    def data(self):
        x = np.random.RandomState(0).standard_normal((self.samples, 100)).astype("float32")
        return x, (x[:, :5].sum(axis=1, keepdims=True) > 0).astype("float32")

    def build(self, keras):
        L = keras.layers
        model = keras.models.Sequential([L.Dense(32, activation="relu"), L.Dense(1, activation="sigmoid")])
        model.build((None, 100))
        return model

    def optimizer(self, optimizers):
        return optimizers.RMSprop(learning_rate=0.001, rho=0.9)


class MLP(Case):
    name, title = "mlp", "MLP 784-512-512-10 with Dropout, batch 128, RMSprop"
    batch, steps, singles, tolerance = 128, 60, 200, 0.1
    loss = "categorical_crossentropy"

    def data(self):
        return marked_images(self.samples, (784,), 10)

    def build(self, keras):
        L = keras.layers
        model = keras.models.Sequential([
            L.Dense(512, activation="relu"), L.Dropout(0.2), L.Dense(512, activation="relu"), L.Dropout(0.2),
            L.Dense(10, activation="softmax"),
        ])  # fmt: skip
        model.build((None, 784))
        return model

    def optimizer(self, optimizers):
        return optimizers.RMSprop(learning_rate=0.001, rho=0.9)


CASES = [TinyMLP, MLP]
