"""What XLA is told for a program, and versions of XLA that do not know it."""

import numpy as np
import pytest

import keras
from keras import backend as K

pytestmark = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")


def losses(one_by_one):
    """Three steps of a small model."""
    np.random.seed(1)
    K.clear_session()
    model = keras.models.Sequential([keras.layers.Dense(4, activation="tanh", input_shape=(3,)), keras.layers.Dense(1)])
    model.compile("rmsprop", "mse")
    x = np.random.RandomState(0).normal(size=(12, 3))
    if one_by_one:
        return [model.train_on_batch(x[i : i + 4], x[i : i + 4, :1]) for i in (0, 4, 8)]
    model.fit(x, x[:, :1], batch_size=4, shuffle=False, verbose=0)
    return [model.evaluate(x, x[:, :1], verbose=0)]


@pytest.mark.parametrize("name", ["_QUICK_OPTIONS", "_CPU_OPTIONS"])
def test_options_that_this_xla_does_not_know_are_dropped(monkeypatch, name):
    from keras.runtimes.jax import runtime

    wanted = losses(True), losses(False)
    options = {"xla_cpu_of_another_version": True, "xla_cpu_of_another_still": 3}
    monkeypatch.setattr(runtime, name, {**getattr(runtime, name), **options})
    monkeypatch.setattr(runtime, "_OPTIONS", (*runtime._OPTIONS, *options))
    monkeypatch.setattr(runtime.RUNTIME, "unknown_options", set())
    assert losses(True) == wanted[0]
    assert losses(False) == wanted[1]
    assert runtime.RUNTIME.unknown_options == set(options)


def test_small_programs_on_cpu_are_computed_within_the_call():
    import jax

    if jax.default_backend() != "cpu":
        pytest.skip("of the CPU")
    x, kernel, last = K.placeholder((None, 100)), K.variable(np.ones((100, 32))), K.variable(np.ones((32, 1)))
    function = K.function([x], [K.sigmoid(K.dot(K.relu(K.dot(x, kernel)), last))])
    one = np.ones((1, 100), "float32")
    assert all(function.run([one])[0].is_ready() for _ in range(100))
