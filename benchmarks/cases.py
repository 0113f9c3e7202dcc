"""The networks, written once in the Keras 2 style that every engine here understands.

Each case has the same synthetic data, the same weights to start from and the same batches for
all, and its loss after the first epoch is compared, so that nobody wins by computing something else.
"""

import os
from dataclasses import dataclass, replace
from types import ModuleType

import numpy as np


@dataclass(frozen=True)
class Case:
    """Sizes: `steps` of `batch` samples in an epoch; `singles` calls of predict with one sample."""

    title: str
    batch: int
    steps: int
    singles: int

    def shortened(self) -> "Case":
        return replace(self, steps=self.steps // _SHORTER, singles=self.singles // _SHORTER)

    @property
    def samples(self) -> int:
        return self.batch * self.steps


_SHORTER = 5 if os.environ.get("KERAS_BENCH_QUICK") else 1

CASES = {
    "tiny_mlp": Case("tiny MLP 100-32-1, batch 32, RMSprop", 32, 1000, 200),
    "mlp": Case("MLP 784-512-512-10 with Dropout, batch 128, RMSprop", 128, 60, 200),
    "mnist_cnn": Case("MNIST CNN, batch 128, Adadelta", 128, 10, 100),
    "lstm": Case("LSTM, Embedding 20000x128, 80 words, batch 32, Adam", 32, 25, 50),
}
CASES = {name: case.shortened() for name, case in CASES.items()}


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """The inputs and targets of a case, the same in every process."""
    random, n = np.random.RandomState(0), CASES[name].samples
    if name == "tiny_mlp":
        x = random.standard_normal((n, 100)).astype("float32")
        return x, (x[:, :5].sum(axis=1, keepdims=True) > 0).astype("float32")
    if name == "lstm":
        x = random.randint(0, 20000, size=(n, 80)).astype("int32")
        return x, (x[:, -1:] < 10000).astype("float32")
    shape = (n, 784) if name == "mlp" else (n, 28, 28, 1)
    x = random.uniform(size=shape).astype("float32")
    classes = random.randint(0, 10, size=n)
    x.reshape(n, 784)[np.arange(n), classes] += 3.0  # something to learn
    return x, np.eye(10, dtype="float32")[classes]


def weights(shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """Weights to start from, by shape: Glorot's uniform range, zeros for biases."""
    random, found = np.random.RandomState(1), []
    for shape in shapes:
        if len(shape) < 2:
            found.append(np.zeros(shape, "float32"))
            continue
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6.0 / (field * (shape[-2] + shape[-1])))
        found.append(random.uniform(-limit, limit, size=shape).astype("float32"))
    return found


def build(name: str, keras: ModuleType):
    """The network of a case, with the common weights, not compiled."""
    L = keras.layers
    if name == "tiny_mlp":
        layers = [L.Dense(32, activation="relu"), L.Dense(1, activation="sigmoid")]
        shape = (None, 100)
    elif name == "mlp":
        layers = [
            L.Dense(512, activation="relu"), L.Dropout(0.2), L.Dense(512, activation="relu"), L.Dropout(0.2),
            L.Dense(10, activation="softmax"),
        ]  # fmt: skip
        shape = (None, 784)
    elif name == "mnist_cnn":
        layers = [
            L.Conv2D(32, (3, 3), activation="relu"), L.Conv2D(64, (3, 3), activation="relu"),
            L.MaxPooling2D(pool_size=(2, 2)), L.Dropout(0.25), L.Flatten(), L.Dense(128, activation="relu"),
            L.Dropout(0.5), L.Dense(10, activation="softmax"),
        ]  # fmt: skip
        shape = (None, 28, 28, 1)
    else:
        layers = [L.Embedding(20000, 128), L.LSTM(128), L.Dense(1, activation="sigmoid")]
        shape = (None, 80)
    model = keras.models.Sequential(layers)
    model.build(shape)
    model.set_weights(weights([w.shape for w in model.get_weights()]))
    return model


def compile_model(name: str, model, keras: ModuleType, **options) -> None:
    """Compiles with the case's loss and optimizer, every rate named: the versions' defaults differ."""
    O = keras.optimizers  # noqa: E741
    optimizer = {
        "tiny_mlp": lambda: O.RMSprop(learning_rate=0.001, rho=0.9),
        "mlp": lambda: O.RMSprop(learning_rate=0.001, rho=0.9),
        "mnist_cnn": lambda: O.Adadelta(learning_rate=1.0, rho=0.95),
        "lstm": lambda: O.Adam(learning_rate=0.001),
    }[name]()
    binary = name in ("tiny_mlp", "lstm")
    loss = "binary_crossentropy" if binary else "categorical_crossentropy"
    model.compile(optimizer=optimizer, loss=loss, **options)
