"""Derivatives of the tables' rows along random directions, against central differences."""

import conv_table
import function_table
import nn_table
import numpy as np
import pytest
import shape_table

from keras import backend as K

# Rows at a corner of their function, where the two sides differ, and step functions.
CORNERS = {
    "sqrt-negative", "l2_normalize-zeros", "categorical_crossentropy-certainly wrong", "round-halves to even",
    "binary_crossentropy-certainly wrong", "binary_crossentropy-small probabilities", "clip-limits crossed",
    "gather-float indices", "sparse_categorical_crossentropy-floats",
}  # fmt: skip
INTRICATE = (
    "relu", "batch_dot", "dot", "switch", "operator", "clip", "categorical_crossentropy", "binary_crossentropy",
    "sparse_categorical_crossentropy", "normalize_batch_in_training",
)  # fmt: skip
FLAT = ("round", "sign", "stop_gradient", "zeros_like", "ones_like")  # no gradient at all


def one_of_each(cases):
    """The last row of each function in each data format (compiling takes long), all of the intricate ones."""
    return list({(c.name, c.label if c.name in INTRICATE else "first" in c.label): c for c in cases}.values())


def is_smooth(case):
    return (
        case.wanted.dtype == np.float64 and case.name not in FLAT and case.id not in CORNERS
        and any(x.dtype == np.float64 for x in case.inputs)
    )  # fmt: skip


TABLES = [*function_table.CASES, *shape_table.CASES, *conv_table.CASES, *nn_table.CASES]
CASES = one_of_each(filter(is_smooth, TABLES))
STEP = 1e-6


class Row:
    """A row with a weighting of its output, to differentiate."""

    def __init__(self, case, seed):
        random = np.random.RandomState(seed)
        self.inputs = [K.placeholder(x.shape, dtype=x.dtype.name) for x in case.inputs]
        weights = random.uniform(0.5, 1.5, case.wanted.shape)
        self.loss = K.sum(case.call(*self.inputs) * K.constant(weights))
        self.sources = [i for i, x in enumerate(case.inputs) if x.dtype == np.float64]
        self.gradients = K.gradients(self.loss, [self.inputs[i] for i in self.sources])
        self.directions = [random.normal(size=case.inputs[i].shape) for i in self.sources]

    def shifted(self, arrays, amount):
        arrays = list(arrays)
        for place, direction in zip(self.sources, self.directions, strict=True):
            arrays[place] = arrays[place] + amount * direction
        return arrays


@pytest.fixture(scope="module")
def rows():
    """[(derivative, difference)], all rows from one program."""
    K.set_floatx("float64")
    made = [Row(case, number) for number, case in enumerate(CASES)]
    inputs = [x for row in made for x in row.inputs]
    losses = [row.loss for row in made]
    function = K.function(inputs, losses + [g for row in made for g in row.gradients if g is not None])
    K.set_floatx("float32")

    def at(amount):
        return function([x for row, case in zip(made, CASES, strict=True) for x in row.shifted(case.inputs, amount)])

    above, below = at(STEP)[: len(made)], at(-STEP)[: len(made)]
    found = iter(at(0)[len(made) :])
    result = []
    for row, high, low in zip(made, above, below, strict=True):
        pairs = zip(row.gradients, row.directions, strict=True)
        total = sum(0 if g is None else np.sum(next(found) * direction) for g, direction in pairs)
        result.append((total, (high - low) / (2 * STEP)))
    return result


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.id for case in CASES])
def test_gradient(number, rows):
    derivative, difference = rows[number]
    np.testing.assert_allclose(derivative, difference, rtol=1e-6, atol=2e-8)


@pytest.mark.parametrize("name", FLAT)
def test_no_gradient(name):
    x = K.variable([0.5, -1.2])
    assert K.gradients(K.sum(getattr(K, name)(x)), x) == [None]
    y = K.sum(x * getattr(K, name)(x))
    np.testing.assert_allclose(K.eval(K.gradients(y, [x])[0]), K.eval(getattr(K, name)(x)))


def test_gradients_nest():
    x = K.placeholder((3,))
    first = K.gradients(K.sum(x**3), x)[0]
    second = K.gradients(K.sum(first * x), [x])[0]  # 3 x ** 3, so 9 x ** 2
    third = K.gradients(second, x)[0]
    values = K.function([x], [first, second, third])([[1.0, 2.0, -1.0]])
    for value, wanted in zip(values, ([3, 12, 3], [9, 36, 9], [18, 36, -18]), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-6)


def test_gradient_penalty_through_a_convolution():
    """The derivative by the weights of the norm of a derivative by the input."""
    R = np.random.RandomState(0)
    image, kernel = R.normal(size=(1, 4, 4, 1)), R.normal(size=(2, 2, 1, 2))
    K.set_floatx("float64")
    x, w = K.placeholder((1, 4, 4, 1)), K.placeholder((2, 2, 1, 2))
    slope = K.gradients(K.sum(K.tanh(K.conv2d(x, w))), x)[0]
    penalty = K.sum(K.square(slope))
    function = K.function([x, w], [penalty, *K.gradients(penalty, w)])
    found = function([image, kernel])[1]
    for place in np.ndindex(kernel.shape):
        shift = np.zeros_like(kernel)
        shift[place] = STEP
        above, below = (function([image, kernel + s])[0] for s in (shift, -shift))
        np.testing.assert_allclose(found[place], (above - below) / (2 * STEP), rtol=1e-5, atol=1e-7)
