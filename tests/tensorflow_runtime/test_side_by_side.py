"""Dense layers that read the same values are computed as one, with the same numbers."""

import numpy as np
import pytest

from keras import backend as K
from keras.layers import Dense, Dropout, Input, Lambda, add, concatenate, dot
from keras.models import Model
from keras.runtimes.tensorflow import side_by_side


def heads(x):
    """With and without a bias, each its own group, and one that is too wide for either."""
    return [Dense(2)(x), Dense(3, activation="tanh")(x), Dense(4, use_bias=False)(x), Dense(2, use_bias=False)(x),
            Dense(9)(x)]  # fmt: skip


def attention(x):
    query, key, value = (Dense(4)(x) for _ in range(3))
    return [dot([dot([query, key], axes=2), value], axes=[2, 1]), x]


def products(x):
    """Products that are read without their biases too."""
    kernel = [K.variable(np.random.rand(5, 3)) for _ in range(2)]
    bias = K.variable(np.random.rand(3))

    def compute(x):
        plain = [K.dot(x, k) for k in kernel]
        return K.concatenate([*plain, *(p + bias for p in plain)])

    layer = Lambda(compute)
    layer.trainable_weights = [*kernel, bias]
    return [layer(x), x]


def one_bias(x):
    """A bias that is one number for all columns."""
    kernel, bias = ([K.variable(np.random.rand(*shape)) for _ in range(2)] for shape in ((5, 3), (1,)))
    layer = Lambda(lambda x: K.concatenate([K.dot(x, k) + b for k, b in zip(kernel, bias, strict=True)]))
    layer.trainable_weights = [*kernel, *bias]
    return [layer(x), x]


@pytest.mark.parametrize("network, groups", [(heads, 2), (attention, 1), (products, 1), (one_bias, 1)])
def test_the_numbers_are_the_same(network, groups, monkeypatch):
    x, y = np.random.RandomState(0).rand(24, 6, 5), np.random.RandomState(1).rand(24, 6, 1)

    def numbers(narrow):
        monkeypatch.setattr(side_by_side, "NARROW", narrow)
        K.clear_session()
        np.random.seed(3)
        inputs = Input((6, 5))
        parts = network(Dropout(0.2)(inputs))
        model = Model(inputs, Dense(1)(concatenate([*parts, add([parts[-1], parts[-1]])])))
        model.compile("adam", "mse")
        losses = model.fit(x, y, batch_size=8, epochs=2, verbose=0).history["loss"]
        predicted = model.predict(x)
        primitives = [i.primitive for i in model.predict_function.compiled(0)._body]
        assert primitives.count("dense") == (groups if narrow else 0)
        return [losses, predicted, *model.get_weights()]

    for have, want in zip(numbers(8), numbers(0), strict=True):
        np.testing.assert_allclose(have, want, rtol=1e-5, atol=1e-6)
