"""Batches from any iterable of (x, y[, w]), such as torch's DataLoader."""

import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose
from reference import Linear, linear_data

from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import SGD


class Tensor:
    """Looks like a tensor of another library: an array only when asked to be one."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def __array__(self, dtype=None, copy=None):
        return self.array if dtype is None else self.array.astype(dtype)

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        return Tensor(self.array[rows])


Tensor.__module__ = "torch"


class Loader:
    """As torch's DataLoader: a length, passes, lists of tensors, and no indexing."""

    def __init__(self, *arrays, batch_size=4):
        self.arrays, self.batch_size, self.passes = arrays, batch_size, 0

    def __len__(self):
        return math.ceil(len(self.arrays[0]) / self.batch_size)

    def __iter__(self):
        self.passes += 1
        for start in range(0, len(self.arrays[0]), self.batch_size):
            yield [Tensor(a[start : start + self.batch_size]) for a in self.arrays]


class Unending(Loader):
    def __len__(self):
        raise TypeError("an IterableDataset has no length")


def linear_model(**options):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile(SGD(0.1), "mse", **options)
    return model, Linear(*model.get_weights())


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_loader(workers):
    x, y = linear_data()
    model, reference = linear_model()
    loader = Loader(x, y)
    history = model.fit(loader, epochs=3, verbose=0, workers=workers)
    losses = [reference.epoch(x, y, 4) for _ in range(3)]
    assert_allclose(history.history["loss"], losses, rtol=1e-5)
    assert loader.passes == 3
    assert_allclose(model.evaluate(loader, verbose=0, workers=workers), reference.loss(x, y), rtol=1e-5)
    prediction = x @ reference.kernel + reference.bias
    assert_allclose(model.predict(loader, workers=workers), prediction, rtol=1e-4, atol=1e-6)
    assert_allclose(model.predict(Loader(x), workers=workers), prediction, rtol=1e-4, atol=1e-6)


def test_loader_with_sample_weights_and_validation():
    x, y = linear_data()
    weights = np.linspace(0.5, 2, 10)
    model, reference = linear_model()
    history = model.fit(Loader(x, y, weights), verbose=0, validation_data=Loader(x, y))
    reference.epoch(x, y, 4, weights=weights)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)
    assert_allclose(history.history["val_loss"], [reference.loss(x, y)], rtol=1e-5)


def test_without_a_length():
    x, y = linear_data()
    model, reference = linear_model()
    with pytest.raises(ValueError, match="specify `steps_per_epoch`"):
        model.fit(Unending(x, y), verbose=0)
    model.fit(Unending(x, y), steps_per_epoch=2, epochs=3, verbose=0)  # two passes of three
    for _ in range(2):
        reference.epoch(x, y, 4)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_zip_and_other_iterators():
    x, y = linear_data(samples=12)
    model, reference = linear_model()
    model.fit(zip(x.reshape(3, 4, 3), y.reshape(3, 4, 2)), steps_per_epoch=3, verbose=0)
    reference.epoch(x, y, 4)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_an_iterable_without_batches():
    model, _ = linear_model()
    with pytest.raises(ValueError, match="Unending has no batches"):
        model.fit(Unending(np.zeros((0, 3)), np.zeros((0, 2))), steps_per_epoch=2, verbose=0)


def test_batches_of_frames_sparse_matrices_dictionaries_and_lists():
    x, y = linear_data()
    model, reference = linear_model()
    name = model.input_names[0]
    forms = [
        (pd.DataFrame(x), pd.DataFrame(y)), (scipy.sparse.csr_matrix(x), y), ({name: x}, {model.output_names[0]: y}),
        ([x], [y]), [x, y], (x.tolist(), y.tolist()), (scipy.sparse.coo_array(x), y),
    ]  # fmt: skip
    model.fit((form for form in forms), steps_per_epoch=len(forms), verbose=0)
    for _ in forms:
        reference.step(x, y)
    assert_allclose(model.get_weights()[0], reference.kernel, rtol=1e-4)


def test_frames_and_series_with_class_weights():
    """The index of a frame does not count, only the order of its rows."""
    x, _ = linear_data()
    labels = np.arange(10) % 2
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "label": labels}, index=range(10, 0, -1))

    def trained(x, y, **options):
        model = Sequential([Dense(1, input_shape=(2,), kernel_initializer="ones")])
        model.compile(SGD(0.1), "mse")
        model.fit(x, y, verbose=0, shuffle=False, **options)
        return model.get_weights()[0]

    weights = pd.Series(np.linspace(0, 1, 10), index=range(10, 0, -1))
    assert_allclose(
        trained(frame[["a", "b"]], frame["label"], class_weight={0: 1.0, 1: 3.0}, sample_weight=weights),
        trained(x[:, :2], labels, sample_weight=weights.to_numpy() * np.where(labels, 3.0, 1.0)),
        rtol=1e-6,
    )


def test_sparse_targets_with_class_weights():
    x, _ = linear_data()
    targets = np.eye(2)[np.arange(10) % 2]

    def trained(y):
        model = Sequential([Dense(2, input_shape=(3,), kernel_initializer="ones")])
        model.compile(SGD(0.1), "mse")
        model.fit(x, y, verbose=0, shuffle=False, class_weight={0: 1.0, 1: 3.0})
        return model.get_weights()[0]

    assert_allclose(trained(scipy.sparse.csr_matrix(targets)), trained(targets), rtol=1e-6)


def test_memory_map(tmp_path):
    x, y = linear_data()
    mapped = np.memmap(tmp_path / "x", "float32", "w+", shape=x.shape)
    mapped[:] = x
    for shuffle in (False, True, "batch"):
        results = []
        for data in (x, np.memmap(tmp_path / "x", "float32", "r", shape=x.shape)):
            np.random.seed(3)
            model, _ = linear_model()
            model.fit(data, y, batch_size=4, verbose=0, shuffle=shuffle, validation_split=0.2)
            results.append(model.get_weights()[0])
        assert_allclose(*results, rtol=0)
