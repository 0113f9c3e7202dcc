"""K.rnn with all its arguments, against a loop in NumPy."""

import itertools

import numpy as np
import pytest

from keras import backend as K

R = np.random.RandomState(4)
X = R.normal(size=(2, 5, 3))
STATES = [R.normal(size=(2, 4)), R.normal(size=(2, 4))]
KERNEL = R.normal(size=(3, 4)) * 0.5
CONSTANT = R.normal(size=(2, 4))
MASK = np.array([[True, False, True, True, False], [False, True, True, False, True]])
STEP = 1e-6


def cell(x, states, product, tanh):
    """An output that is no state, two states, one constant."""
    a, b, *constants = states
    a = tanh(product(x) + a * 0.5 + (constants[0] if constants else 0))
    b = b * 0.9 + a
    return a * b, [a, b]


def by_hand(x, states, go_backwards, mask, constants):
    """Last output, outputs, last states: at a masked step the output is repeated and states stay."""
    times = range(x.shape[1])[::-1] if go_backwards else range(x.shape[1])
    outputs, previous = [], np.zeros((2, 4))
    for t in times:
        output, new = cell(x[:, t], [*states, *constants], lambda v: v @ KERNEL, np.tanh)
        keep = np.ones((2, 1), bool) if mask is None else mask[:, t : t + 1]
        previous = np.where(keep, output, previous)
        states = [np.where(keep, n, s) for n, s in zip(new, states, strict=True)]
        outputs.append(previous)
    return [previous, np.stack(outputs, 1), *states]


def symbolic(x, states, constants, **how):
    product = lambda v: K.dot(v, K.constant(KERNEL))  # noqa: E731
    last, outputs, states = K.rnn(
        lambda v, s: cell(v, s, product, K.tanh), x, states, constants=constants or None, **how
    )
    return [last, outputs, *states]


HOW = list(itertools.product((False, True), (None, 2, 3), (False, True), (False, True)))


def arguments(go_backwards, mask_rank, constants, unroll):
    mask = None if mask_rank is None else MASK if mask_rank == 2 else MASK[..., None]
    return dict(go_backwards=go_backwards, mask=mask, unroll=unroll), [CONSTANT] if constants else []


@pytest.fixture(scope="module")
def results():
    """[values, the loss, its gradients] of each way."""
    K.set_floatx("float64")
    x, c = K.placeholder((2, 5, 3)), K.placeholder((2, 4))
    states = [K.placeholder((2, 4)), K.placeholder((2, 4))]
    outputs = []
    for how in HOW:
        options, constants = arguments(*how)
        values = symbolic(x, states, [c] if constants else [], **options)
        loss = sum(K.sum(v * (i + 1)) for i, v in enumerate(values))
        wanted = [x, *states, *([c] if constants else [])]
        outputs.append([*values, loss, *K.gradients(loss, wanted)])
        assert [K.int_shape(v) for v in values] == [(2, 4), (2, 5, 4), (2, 4), (2, 4)]
    flat = K.function([x, *states, c], sum(outputs, []))([X, *STATES, CONSTANT])
    K.set_floatx("float32")
    found = iter(flat)
    return [[next(found) for _ in row] for row in outputs]


@pytest.mark.parametrize("number", range(len(HOW)), ids=[str(how) for how in HOW])
def test_values_and_gradients(number, results):
    options, constants = arguments(*HOW[number])
    mask = None if options["mask"] is None else MASK

    def run(x, a, b, *c):
        return by_hand(x, [a, b], options["go_backwards"], mask, c)

    arrays = [X, *STATES, *constants]
    values, gradients = results[number][:4], results[number][5:]
    for value, wanted in zip(values, run(*arrays), strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-9, atol=1e-12)
    for place, gradient in enumerate(gradients):
        direction = np.random.RandomState(place).normal(size=gradient.shape)
        losses = []
        for step in (STEP, -STEP):
            moved = [a + step * direction if i == place else a for i, a in enumerate(arrays)]
            losses.append(sum(np.sum(v) * (i + 1) for i, v in enumerate(run(*moved))))
        np.testing.assert_allclose(np.sum(gradient * direction), (losses[0] - losses[1]) / (2 * STEP), rtol=1e-6)


def test_unknown_sizes_and_no_states():
    x = K.placeholder((None, None, 3))
    last, outputs, states = K.rnn(lambda v, s: (v * 2, []), x, [], input_length=5)
    assert K.int_shape(outputs) == (None, None, 3) and K.int_shape(last) == (None, 3) and states == []
    values = K.function([x], [last, outputs])([X])
    np.testing.assert_allclose(values[0], X[:, -1] * 2, rtol=1e-6)
    np.testing.assert_allclose(values[1], X * 2, rtol=1e-6)


def test_images_over_time():
    """More axes than three; the mask (samples, time) covers all of them."""
    x, m = K.placeholder((None, 5, 2, 2, 1)), K.placeholder((None, 5))
    images = R.normal(size=(2, 5, 2, 2, 1))
    start = K.zeros_like(x[:, 0])
    last, _, (total,) = K.rnn(lambda v, s: (v, [s[0] + v]), x, [start], mask=m)
    values = K.function([x, m], [last, total])([images, MASK])
    np.testing.assert_allclose(values[1], (images * MASK[..., None, None, None]).sum(1), rtol=1e-5)
    np.testing.assert_allclose(values[0], [images[0, 3], images[1, 4]], rtol=1e-6)


def test_random_numbers_differ_from_step_to_step():
    x = K.placeholder((1, 4, 1))
    outputs = K.rnn(lambda v, s: (v + K.random_uniform((1, 1)), []), x, [])[1]
    found = K.function([x], [outputs])([np.zeros((1, 4, 1))])[0]
    assert len(set(found.ravel())) == 4


def test_errors():
    with pytest.raises(ValueError, match=r"K.rnn: the inputs must be at least 3D"):
        K.rnn(lambda v, s: (v, []), K.placeholder((2, 3)), [])
    with pytest.raises(ValueError, match="unrolling requires a fixed number of timesteps"):
        K.rnn(lambda v, s: (v, []), K.placeholder((2, None, 3)), [], unroll=True)
    with pytest.raises(ValueError, match="the step function got 1 states and returned 2"):
        K.rnn(lambda v, s: (v, [*s, v]), K.placeholder((2, 4, 3)), [K.zeros((2, 3))])
