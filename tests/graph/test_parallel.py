"""The program compiler finds what is computed alike for each part of a batch."""

import numpy as np
import pytest

from keras import backend as K
from keras.graph.program import build

DEVICES = (0, 1, 2)


def parts(x, devices=DEVICES):
    return [K.part(x, index, devices) for index in range(len(devices))]


def primitives(inputs, outputs, device_count=3, updates=()):
    program = build(inputs, outputs, updates, device_count=lambda: device_count)
    return [i.primitive for i in program.block.instructions], program


@pytest.fixture
def x():
    return K.placeholder((None, 4))


@pytest.fixture
def dense():
    weights = K.variable(np.ones((4, 4)))
    return lambda x: K.tanh(K.dot(x, weights) + K.constant([1.0, 2.0, 3.0, 4.0]))


def test_copies_become_one_instruction(x, dense):
    names, program = primitives([x], [K.concatenate([dense(p) for p in parts(x)], axis=0)])
    assert names == ["parallel"]
    (instruction,) = program.block.instructions
    assert instruction.attributes == {"devices": DEVICES, "joined": 1, "streams": {}}
    assert [i.primitive for i in instruction.blocks[0].instructions].count("dot_general") == 1
    assert program.parallel == DEVICES


def test_one_after_the_other(x, dense):
    """A second model takes its parts from the joined results of a first."""
    joined = K.concatenate([dense(p) for p in parts(x)], axis=0)
    names, _ = primitives([x], [K.concatenate([dense(p) for p in parts(joined)], axis=0)])
    assert names == ["parallel", "parallel"]


def test_what_differs_between_parts_stays_outside(x, dense):
    one, two, three = (dense(p) for p in parts(x))
    names, program = primitives([x], [K.concatenate([one, K.exp(two), three], axis=0)])
    assert names == ["parallel", "exp", "concatenate"]
    assert len(program.block.instructions[0].outputs) == 3


def test_values_of_each_part(x, dense):
    """As the updates of BatchNormalization, which are added up."""
    v = K.variable(np.zeros(4))
    outcome = K.concatenate([dense(p) for p in parts(x)], axis=0)
    updates = [(v, v * 0.9 + K.mean(dense(p), axis=0) * 0.1) for p in parts(x)]
    names, program = primitives([x], [outcome], updates=updates)
    assert names.count("parallel") == 1 and set(names) <= {"parallel", "multiply", "add", "subtract"}
    (instruction,) = (i for i in program.block.instructions if i.primitive == "parallel")
    assert "reduce_mean" in [i.primitive for i in instruction.blocks[0].instructions]


def test_random_numbers_keep_their_seeds(x):
    outputs = [K.dropout(p, 0.5, seed=seed) for seed, p in enumerate(parts(x), 5)]
    _, program = primitives([x], [K.concatenate(outputs, axis=0)])
    ((stream, copies),) = program.block.instructions[0].attributes["streams"].items()
    assert stream == copies[0] and [program.seeds[c] for c in copies] == [5, 6, 7]


def test_loops(x):
    def loop(p):
        return K.rnn(lambda i, s: (i + s[0], [i + s[0]]), K.reshape(p, (-1, 2, 2)), [p[:, :2]])[0]

    names, _ = primitives([x], [K.concatenate([loop(p) for p in parts(x)], axis=0)])
    assert names == ["parallel"]


@pytest.mark.parametrize("devices, count", [((0, 1, 2), 2), ((0, 5, 1), 3), ((1, 1, 0), 3), (DEVICES, 1)])
def test_too_few_devices(x, dense, devices, count):
    names, program = primitives([x], [K.concatenate([dense(p) for p in parts(x, devices)], axis=0)], count)
    assert names.count("dot_general") == 3 and not {"parallel", "part"} & set(names)
    assert program.parallel == ()


def test_nothing_alike(x):
    """Each part has weights of its own."""
    outputs = [K.dot(p, K.variable(np.ones((4, 4)))) for p in parts(x)]
    names, program = primitives([x], [K.concatenate(outputs, axis=0)])
    assert names.count("dot_general") == 3 and program.parallel == ()


def test_a_part_alone(x, dense):
    names, program = primitives([x], [dense(parts(x)[1])])
    assert not {"parallel", "part"} & set(names) and program.parallel == ()


def test_gradients_by_something_inside(x, dense):
    """Nothing is hidden that a gradient is taken by."""
    inner = [dense(p) for p in parts(x)]
    joined = K.concatenate([K.exp(i) for i in inner], axis=0)
    names, program = primitives([x], K.gradients(K.sum(joined), [inner[1]]))
    assert program.parallel == () and "parallel" not in names


def test_runtimes_without_it(x, dense):
    """A part is the slice it holds."""
    function = K.function([x], [K.concatenate([dense(p) for p in parts(x)], axis=0), *parts(x)])
    values = np.random.rand(7, 4)
    whole, *pieces = function([values])
    np.testing.assert_allclose(whole, np.tanh(values.sum(1, keepdims=True) + [1, 2, 3, 4]), rtol=1e-5)
    assert [len(p) for p in pieces] == [2, 2, 3]
