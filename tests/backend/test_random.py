"""Random tensors by their statistics; seeds; fresh numbers at each call."""

import numpy as np
import pytest
from scipy import stats

import keras
from keras import backend as K

MANY = (200, 250)

DISTRIBUTIONS = {
    "uniform": (lambda: K.random_uniform(MANY), stats.uniform()),
    "uniform between": (lambda: K.random_uniform(MANY, -2.0, 3.0), stats.uniform(-2, 5)),
    "normal": (lambda: K.random_normal(MANY), stats.norm()),
    "normal wide": (lambda: K.random_normal(MANY, mean=1.5, stddev=3.0), stats.norm(1.5, 3)),
    "truncated": (lambda: K.truncated_normal(MANY, 1.0, 2.0), stats.truncnorm(-2, 2, loc=1, scale=2)),
    "uniform variable": (lambda: K.random_uniform_variable(MANY, 1, 2), stats.uniform(1, 1)),
    "normal variable": (lambda: K.random_normal_variable(MANY, 2, 0.5), stats.norm(2, 0.5)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name):
    make, wanted = DISTRIBUTIONS[name]
    numbers = K.eval(make())
    assert numbers.shape == MANY and numbers.dtype == "float32"
    assert stats.kstest(numbers.ravel(), wanted.cdf).pvalue > 1e-3
    low, high = wanted.support()
    assert low <= numbers.min() and numbers.max() <= high
    assert abs(np.corrcoef(numbers[:, :-1].ravel(), numbers[:, 1:].ravel())[0, 1]) < 0.02  # neighbours
    assert abs(np.corrcoef(numbers[:-1].ravel(), numbers[1:].ravel())[0, 1]) < 0.02


@pytest.mark.parametrize("dtype", [None, "float16", "float64", "int32"])
def test_random_binomial(dtype):
    x = K.random_binomial(MANY, p=0.3, dtype=dtype)
    numbers = K.eval(x)
    assert numbers.dtype == K.dtype(x) == (dtype or "float32")
    assert set(np.unique(numbers)) == {0, 1}
    assert abs(numbers.astype(float).mean() - 0.3) < 0.01
    assert not K.eval(K.random_binomial((3, 4))).any()  # p is 0


def test_integers_and_other_types():
    numbers = K.eval(K.random_uniform(MANY, 2, 6, dtype="int32"))
    assert numbers.dtype == "int32" and set(np.unique(numbers)) == {2, 3, 4, 5}
    assert K.eval(K.random_normal((2,), dtype="float64")).dtype == "float64"
    half = K.eval(K.random_uniform(MANY, dtype="float16"))
    assert half.dtype == "float16" and 0 <= half.min() and half.max() < 1


def test_seeds():
    def drawn(seed, numpy_seed=0):
        np.random.seed(numpy_seed)
        return [K.eval(K.random_normal((3, 2), seed=seed)) for _ in range(2)]

    first, second = drawn(7)
    np.testing.assert_array_equal(first, second)
    assert (drawn(8)[0] != first).any()
    # Without a seed NumPy's generator gives one for each tensor.
    first, second = drawn(None)
    assert (first != second).any()
    np.testing.assert_array_equal(drawn(None), [first, second])
    assert (drawn(None, numpy_seed=1)[0] != first).any()


def test_each_call_draws_anew_and_shapes_may_be_symbolic():
    x = K.placeholder((None, 3))
    noise = K.random_uniform(K.shape(x))
    assert K.int_shape(noise) == (None, 3)
    function = K.function([x], [noise, K.mean(K.random_normal((2, K.shape(x)[0])))])
    draws = [function([np.zeros((n, 3))]) for n in (4, 4, 2)]
    assert [d[0].shape for d in draws] == [(4, 3), (4, 3), (2, 3)]
    assert len({float(d[0][0, 0]) for d in draws}) == len({float(d[1]) for d in draws}) == 3


def test_dropout():
    x = K.ones(MANY)
    numbers = K.eval(K.dropout(x, 0.4))
    assert abs((numbers == 0).mean() - 0.4) < 0.01
    np.testing.assert_allclose(np.unique(numbers), [0, 1 / 0.6], rtol=1e-6)
    np.testing.assert_array_equal(K.eval(K.dropout(x, 0.0)), np.ones(MANY))
    same = K.eval(K.dropout(x, 0.5, noise_shape=(None, 1), seed=3))
    assert (same == same[:, :1]).all() and len(np.unique(same[:, 0])) == 2
    np.testing.assert_array_equal(same, K.eval(K.dropout(x, 0.5, noise_shape=(200, 1), seed=3)))
    for level in (-0.1, 1.0):
        with pytest.raises(ValueError, match=r"level must be in \[0, 1\)"):
            K.dropout(x, level)


def test_gradient_follows_the_numbers_drawn():
    x = K.placeholder((4, 50))
    y = K.dropout(x, 0.5)
    value, gradient = K.function([x], [y, K.gradients(K.sum(y), x)[0]])([np.full((4, 50), 3.0)])
    np.testing.assert_allclose(value, gradient * 3)
    assert (gradient == 0).any() and (gradient == 2).any()


def test_a_model_with_random_layers_is_reproduced_by_the_seed():
    def trained():
        K.clear_session()
        np.random.seed(3)
        model = keras.models.Sequential([keras.layers.Dense(4, input_dim=2), keras.layers.Dropout(0.5)])
        model.compile("sgd", "mse")
        return model.train_on_batch(np.ones((8, 2)), np.zeros((8, 4)))

    assert trained() == trained()
