"""Kernels of large arrays are divided among all cores; the numbers stay the same (the JAX runtime on a CPU)."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from keras import backend as K
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, ReLU
from keras.models import Sequential
from keras.runtimes.jax import cores, executables

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


@pytest.fixture
def all_large(monkeypatch):
    """As on a machine with many cores, where every float array is large."""
    monkeypatch.setattr(cores, "_cores", lambda: 4)
    monkeypatch.setattr(cores, "_ELEMENTS", 0)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int32", "bool"])
def test_nothing_changes(all_large, dtype):
    with jax.enable_x64(True):
        x = jnp.asarray(np.array([0.0, -0.0, 1.5, -3e4] + [np.inf, -np.inf, np.nan] * ("float" in dtype)), dtype)
        y = jax.jit(cores.on_all_cores)(x)
    assert y.dtype == x.dtype
    assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def test_gradients_pass_to_any_order(all_large):
    check_grads(lambda x: jnp.sum(cores.on_all_cores(x**3)), (jnp.asarray([1.0, -2.0]),), order=3, modes=["rev"])


def test_the_compiler_divides_among_all_cores(monkeypatch):
    monkeypatch.setattr(cores, "_cores", lambda: 4)
    x = jnp.ones((4 * cores._ELEMENTS,))
    assert cores.is_large(x) and not cores.is_large(x[1:]) and not cores.is_large(x.astype(int))
    small, large = (jax.jit(f).lower(x, x).as_text() for f in (jnp.multiply, lambda a, b: cores.on_all_cores(a * b)))
    assert small.count("xor") == 0 and large.count("xor") == cores._OPERATIONS


def trained_weights():
    np.random.seed(1)
    x, y = np.random.rand(16, 8, 8, 3), np.random.rand(16, 2)
    model = Sequential([
        Conv2D(8, 3, padding="same", input_shape=(8, 8, 3)), BatchNormalization(), ReLU(6.0), MaxPooling2D(),
        Conv2D(8, 3, activation="relu"), Flatten(), Dropout(0.5), Dense(2),
    ])  # fmt: skip
    model.compile("sgd", "mse")
    model.fit(x, y, batch_size=8, epochs=2, verbose=0)
    return model.get_weights()


def test_training_gives_the_same(all_large, monkeypatch):
    monkeypatch.setattr(executables, "_usable", lambda: False)  # programs are found by their graph, which is the same
    divided = trained_weights()
    monkeypatch.setattr(cores, "_cores", lambda: 1)
    for one, other in zip(divided, trained_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


def test_few_cores_and_other_devices(monkeypatch):
    monkeypatch.setattr(cores, "_cores", lambda: 2)
    assert not cores.is_large(jnp.ones((1 << 22,)))
