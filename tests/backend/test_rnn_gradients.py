"""Gradients of K.rnn for steps of many forms: the loop against the same steps written out one by one.

On JAX the loop has a gradient of its own that keeps the results of products with a fixed matrix, or of the sums
they are part of; a loop written out (`unroll`) is left to automatic differentiation.
"""

import numpy as np
import pytest

from keras import backend as K

RANDOM = np.random.RandomState(5)
X, H = RANDOM.normal(size=(2, 6, 4)), RANDOM.normal(size=(2, 4))
U, V, BIAS = (RANDOM.normal(size=shape) * 0.5 for shape in ((4, 4), (4, 4), (4,)))

STEPS = {
    "a sum with the item": lambda x, h, u, v, b: K.tanh(x + K.dot(h, u)),
    "the sum the other way round": lambda x, h, u, v, b: K.tanh(K.dot(h, u) + x),
    "a sum with a share of the item": lambda x, h, u, v, b: K.concatenate(
        [K.tanh(x[:, :2] + K.dot(h, u[:, :2])), h[:, :2]]
    ),
    "a sum with something computed": lambda x, h, u, v, b: K.tanh(K.sigmoid(x) * h + K.dot(h, u)),
    "a sum with a vector": lambda x, h, u, v, b: x * K.tanh(K.dot(h, u) + b),
    "a vector's sum grows the product": lambda x, h, u, v, b: x + K.tanh(
        K.reshape(K.expand_dims(K.dot(h, u), 1) + K.reshape(x, (2, 1, 4)), (2, 4))
    ),
    "the product is read twice": lambda x, h, u, v, b: K.tanh(x + K.dot(h, u)) * K.sigmoid(K.dot(h, u)),
    "the item is read twice": lambda x, h, u, v, b: K.tanh(x + K.dot(h, u)) * x,
    "the sum is the state": lambda x, h, u, v, b: 0.1 * x + K.dot(h, u),
    "the product is the state": lambda x, h, u, v, b: K.dot(K.tanh(x + h), u),
    "a sum of two products": lambda x, h, u, v, b: K.tanh(K.dot(h, u) + K.dot(x * h, v)),
    "a product in a product": lambda x, h, u, v, b: K.tanh(x + K.dot(K.sigmoid(x + K.dot(h, u)) * h, v)),
    "one matrix twice": lambda x, h, u, v, b: K.tanh(x + K.dot(h, u)) * (h + K.dot(x * h, u)),
    "the product twice in a sum": lambda x, h, u, v, b: (lambda p: x * K.tanh(p + p))(K.dot(h, u)),
    "the matrix read otherwise": lambda x, h, u, v, b: K.tanh(x + K.dot(h, u)) + h * K.sum(u),
    "a product with three axes": lambda x, h, u, v, b: K.tanh(
        x + K.reshape(K.dot(K.reshape(h, (2, 2, 2)), v[:2, :2]), (2, 4))
    ),
}  # fmt: skip


def gradients(step, backwards, unroll):
    x, h, u, v, b = places = [K.placeholder(shape=a.shape) for a in (X, H, U, V, BIAS)]

    def function(item, states):
        new = step(item, states[0], u, v, b)
        return 2.0 * new, [new]

    last, outputs, states = K.rnn(function, x, [h], go_backwards=backwards, unroll=unroll)
    loss = K.sum(K.square(outputs) * np.arange(6).reshape(1, 6, 1)) + K.sum(K.sin(states[0])) + K.sum(last)
    found = [g for g in K.gradients(loss, places) if g is not None]
    return K.function(places, [loss, *found])([X, H, U, V, BIAS])


@pytest.mark.parametrize("number", range(len(STEPS)), ids=list(STEPS))
def test_the_loop_agrees_with_its_steps_written_out(number):
    step = list(STEPS.values())[number]
    loop, written_out = (gradients(step, bool(number % 2), unroll) for unroll in (False, True))
    assert len(loop) == len(written_out) >= 4
    for one, other in zip(loop, written_out):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-5)
