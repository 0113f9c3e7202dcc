"""What a case is: sizes, data, a network, and which measures make sense for it."""

import os

import numpy as np
from sessions import Session

QUICK = bool(os.environ.get("KERAS_BENCH_QUICK"))
EVERYTHING = ("fit_ms", "train_on_batch_ms", "predict_ms", "predict_one_ms")


class Case:
    """A network in the Keras 2 style that every engine here understands, with its data and sizes.

    Every engine gets the same data, starting weights and batches, and its loss after the first epoch is compared,
    so that nobody wins by computing something else. `tolerance` is how far (relative) it may lie from the others'
    median: Dropout and augmentation draw other numbers on each engine.
    """

    name: str
    title: str
    batch: int
    steps: int  # batches of an epoch
    singles: int = 0  # calls of predict with one sample
    tolerance: float | None = None  # of None nothing is compared
    loss: str
    heavy = False  # takes minutes: left out of the quick run
    measures: tuple = EVERYTHING
    session = Session  # how it is trained and asked

    def __init__(self):
        if QUICK:
            self.steps, self.singles = max(2, self.steps // 5), self.singles // 5

    @property
    def samples(self):
        return self.batch * self.steps

    def data(self):
        """Inputs and targets, the same in every process."""
        raise NotImplementedError

    def build(self, keras):
        """The network, not compiled, with weights of its own."""
        raise NotImplementedError

    def optimizer(self, optimizers):
        """Every rate is named: the versions' defaults differ."""
        raise NotImplementedError


class Initializer:
    """Starting weights by shape: the n-th weight of one shape is the same wherever it occurs.

    Networks that list their layers in another order start from the same numbers, or from ones drawn alike.
    """

    def __init__(self):
        self.seen = {}

    def glorot(self, shape):
        """Glorot's uniform range."""
        shape = tuple(int(n) for n in shape)
        number = self.seen[shape] = self.seen.get(shape, -1) + 1
        field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6.0 / (field * (shape[-2] + shape[-1])))
        random = np.random.RandomState([number, *shape])
        return random.uniform(-limit, limit, size=shape).astype("float32")


def set_common_weights(model):
    """Gives a Keras model the common matrices; vectors (biases, scales) start alike in all versions of Keras."""
    initial = Initializer()
    model.set_weights([initial.glorot(w.shape) if w.ndim > 1 else w for w in model.get_weights()])


def binary_sequences(samples, length, words):
    """Random words, and whether the last one is of the first half."""
    random = np.random.RandomState(0)
    x = random.randint(0, words, size=(samples, length)).astype("int32")
    return x, (x[:, -1:] < words // 2).astype("float32")


def marked_images(samples, shape, classes):
    """Noise in which one number, at the place of the class, is larger: something to learn."""
    random = np.random.RandomState(0)
    x = random.uniform(size=(samples, *shape)).astype("float32")
    labels = random.randint(0, classes, size=samples)
    x.reshape(samples, -1)[np.arange(samples), labels] += 3.0
    return x, np.eye(classes, dtype="float32")[labels]
