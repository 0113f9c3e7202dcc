"""torch.utils.data.DataLoader feeds fit, evaluate and predict."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from keras.layers import Dense, Input, add
from keras.models import Model, Sequential

X = np.linspace(-1, 1, 40, dtype="float32").reshape(10, 4)
Y = X.sum(1, keepdims=True)


class Rows(Dataset):
    """Rows with weights, as NumPy arrays: the loader makes tensors of them."""

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return X[index], Y[index], np.float32(index % 2)


@pytest.fixture
def model():
    model = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


def test_the_same_numbers_as_arrays(model):
    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y * 2)), batch_size=3)
    twin = Sequential([Dense(1, input_shape=(4,), kernel_initializer="ones")])
    twin.compile("sgd", "mse")
    have = model.fit(loader, epochs=3, validation_data=loader, verbose=0).history
    want = twin.fit(X, Y * 2, batch_size=3, epochs=3, validation_data=(X, Y * 2), shuffle=False, verbose=0).history
    np.testing.assert_allclose(have["loss"], want["loss"], rtol=1e-5)
    np.testing.assert_allclose(have["val_loss"], want["val_loss"], rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(loader, verbose=0), twin.evaluate(X, Y * 2, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(model.predict(loader), twin.predict(X), rtol=1e-5)


def test_workers_and_sample_weights(model):
    loader = DataLoader(Rows(), batch_size=5, num_workers=2)
    loss = model.evaluate(loader, verbose=0)
    np.testing.assert_allclose(loss, 0, atol=1e-10)
    assert model.fit(loader, epochs=2, verbose=0).epoch == [0, 1]
    assert model.predict(loader).shape == (10, 1)


def test_several_inputs_as_a_dictionary():
    class Named(Dataset):
        def __len__(self):
            return 6

        def __getitem__(self, index):
            return {"a": X[index], "b": X[index] * 2}, Y[index] * 3

    a, b = Input((4,), name="a"), Input((4,), name="b")
    model = Model([a, b], Dense(1, kernel_initializer="ones")(add([a, b])))
    model.compile("sgd", "mse")
    loader = DataLoader(Named(), batch_size=4)
    np.testing.assert_allclose(model.evaluate(loader, verbose=0), 0, atol=1e-10)
    model.fit(loader, verbose=0)


def test_tensors_are_arrays(model):
    x, y = torch.tensor(X, requires_grad=True), torch.tensor(Y)
    np.testing.assert_allclose(model.evaluate(x.detach(), y, verbose=0), 0, atol=1e-10)
    np.testing.assert_allclose(model.predict(x.detach()), Y, rtol=1e-5)
    model.fit(x.detach(), y, verbose=0)
    model.train_on_batch(x.detach(), y)


@pytest.mark.parametrize("backend", ["jax", "numpy"])
def test_loaders_feed_the_other_runtimes(backend):
    code = (
        "import numpy as np, torch\nfrom torch.utils.data import DataLoader, TensorDataset\n"
        "from keras.models import Sequential\nfrom keras.layers import Dense\n"
        "x = np.random.rand(10, 4).astype('f')\n"
        "loader = DataLoader(TensorDataset(torch.tensor(x), torch.tensor(x[:, :1])), batch_size=5,\n"
        "                    num_workers=2)\n"
        "m = Sequential([Dense(1, input_shape=(4,))])\nm.compile('sgd', 'mse')\n"
        "assert np.isclose(m.evaluate(loader, verbose=0), np.mean((m.predict(x) - x[:, :1]) ** 2), rtol=1e-5)\n"
        "assert m.predict(loader).shape == (10, 1)\n"
    )
    if backend == "jax":
        code += "m.fit(loader, epochs=2, verbose=0)\n"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "KERAS_BACKEND": backend}, check=True, timeout=120)
