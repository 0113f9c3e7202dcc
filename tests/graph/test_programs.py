"""What programs are made of, and what they compute."""

import subprocess
import sys

import numpy as np
import pytest

from keras import backend as K
from keras.graph.primitive import GraphError
from keras.graph.program import build


def names(program):
    """The primitives of a program, those of its blocks included."""

    def walk(block):
        for instruction in block.instructions:
            yield instruction.primitive
            for inner in instruction.blocks:
                yield from walk(inner)

    return list(walk(program.block))


def phase_program(outputs, inputs, phase):
    return K.function([*inputs, K.learning_phase()], outputs).compiled(phase).program


def test_dead_code_is_dropped_and_common_parts_are_computed_once():
    x = K.placeholder((None, 3))
    K.exp(x)  # nobody reads it
    twice = [K.tanh(x) + 1.0, K.tanh(x) * 2.0]
    assert sorted(names(build([x], twice))) == ["add", "multiply", "tanh"]


def test_dropout_for_inference_holds_no_random_number():
    x = K.placeholder((None, 3))
    y = K.in_train_phase(K.dropout(x, 0.5), x)
    assert names(phase_program([y], [x], 0)) == []
    assert "random_uniform" in names(phase_program([y], [x], 1))


def test_learning_phase_in_conditions():
    x = K.placeholder((2,))
    y = K.switch(K.equal(K.learning_phase(), 1), lambda: K.exp(x), lambda: K.square(x))
    assert names(phase_program([y], [x], 0)) == ["square"]
    f = K.function([x, K.learning_phase()], [y])
    np.testing.assert_allclose(f([np.array([1.0, 2.0]), 1])[0], np.exp([1.0, 2.0]), rtol=1e-6)
    np.testing.assert_allclose(f([np.array([1.0, 2.0]), 0])[0], [1, 4])


def test_gradients_share_the_forward_part():
    x, w = K.placeholder((None, 3)), K.variable(np.ones((3, 2)))
    y = K.dot(x, w)
    loss = K.sum(K.square(y))
    program = build([x], [y, loss, *K.gradients(loss, [w])])
    assert names(program).count("dot_general") == 1


def test_gradients_of_one_loss_by_several_lists_share_too():
    x, a, b = K.placeholder((None, 3)), K.variable(np.ones((3, 2))), K.variable(np.ones((2,)))
    loss = K.sum(K.tanh(K.dot(x, a) + b))
    program = build([x], [*K.gradients(loss, [a]), *K.gradients(loss, [b])])
    assert names(program).count("gradients") == 1


def test_second_derivatives():
    x = K.placeholder((3,))
    y = K.sum(K.sin(x) * x)
    (first,) = K.gradients(y, [x])
    (second,) = K.gradients(K.sum(first), [x])
    v = np.array([0.3, -1.0, 2.0])
    got = K.function([x], [first, second])([v])
    np.testing.assert_allclose(got[0], np.cos(v) * v + np.sin(v), rtol=1e-5)
    np.testing.assert_allclose(got[1], 2 * np.cos(v) - v * np.sin(v), rtol=1e-5)


def test_gradients_by_tensors_in_the_middle():
    """Also by several of which one depends on another: each is the whole derivative."""
    x = K.placeholder((2,))
    a = x * 2.0
    b = a * a
    loss = K.sum(b * 3.0 + a)
    by_b, by_a, by_x = K.gradients(loss, [b, a, x])
    v = np.array([1.0, -2.0])
    got = K.function([x], [by_b, by_a, by_x, loss])([v])
    np.testing.assert_allclose(got[0], [3, 3])
    np.testing.assert_allclose(got[1], 6 * (2 * v) + 1)
    np.testing.assert_allclose(got[2], 2 * (6 * (2 * v) + 1))


def test_unconnected_and_stopped_gradients_are_none():
    x, z = K.placeholder((2,)), K.placeholder((2,))
    loss = K.sum(K.stop_gradient(K.exp(x)) + K.cast(K.argmax(x), "float32"))
    assert K.gradients(loss, [x, z]) == [None, None]


def test_all_reads_see_old_values():
    v = K.variable(1.0)
    f = K.function([], [v * 10.0], updates=[K.update_add(v, 1.0)])
    assert [f([])[0] for _ in range(3)] == [10, 20, 30]


def test_two_updates_of_one_variable_both_count():
    v = K.variable(10.0)
    K.function([], [], updates=[K.update_add(v, 1.0), K.update_sub(v, 3.0)])([])
    assert K.get_value(v) == 8


def test_after_updates():
    v = K.variable(1.0)
    total = v * 2.0
    after = K.after_updates(total, [K.update(v, v + 4.0)])
    assert K.function([], [total, after])([]) == [2, 10]


def test_a_tensor_in_the_middle_can_be_fed():
    x = K.placeholder((2,))
    middle = K.exp(x)
    assert K.function([middle], [middle * 2.0])([np.ones(2)])[0].tolist() == [2, 2]


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda x: K.dot(x, K.zeros((4, 2))), r"dot: got \(None, 3\) float32, \(4, 2\) float32; .*3 and 4"),
        (lambda x: x + K.zeros((2,)), "add: .*do not broadcast: sizes 3 and 2 differ at axis -1"),
        (lambda x: K.reshape(K.zeros((2, 3)), (4,)), "reshape: .*6 elements do not fill"),
        (lambda x: K.concatenate([x, K.zeros((2, 3, 1))]), "concatenate: .*same number of dimensions"),
        (lambda x: x[:, 5], "indexing: .*index 5 is out of range for axis 1 of size 3"),
        (lambda x: K.sum(x, axis=2), "K.sum: .*axis 2 does not exist"),
        (lambda x: K.permute_dimensions(x, (0, 1, 2)), "not an order of its 2 axes"),
    ],
)
def test_bad_input_is_an_error_when_the_graph_is_built(make, text):
    with pytest.raises(GraphError, match=text):
        make(K.placeholder((None, 3)))


def test_errors_of_functions():
    x, y = K.placeholder((None, 3), name="given"), K.placeholder((2,), name="forgotten")
    with pytest.raises(GraphError, match="forgotten.*not among the inputs"):
        K.function([x], [K.sum(x) + y])([np.zeros((1, 3))])
    f = K.function([x], [K.sum(x)])
    with pytest.raises(ValueError, match=r"shape \(1, 4\) for tensor 'given:0', which has shape \(None, 3\)"):
        f([np.zeros((1, 4))])
    with pytest.raises(ValueError, match="takes 1 inputs .*got 2"):
        f([np.zeros((1, 3)), np.zeros((1, 3))])
    assert f([np.ones((1, 3)), 1]) == [3.0]  # a learning phase too many is passed over, as in Keras 2
    with pytest.raises(TypeError, match="has no truth value"):
        bool(x > 0)
    with pytest.raises(TypeError, match="Cannot iterate"):
        list(x)


class TestLoops:
    def test_captured_tensors_and_gradients(self):
        x, w = K.placeholder((2, 4, 3)), K.variable(np.full((3, 3), 0.1))

        def step(item, states):
            new = K.tanh(item + K.dot(states[0], w))
            return new, [new]

        last, outputs, _ = K.rnn(step, x, [K.zeros_like(x[:, 0])])
        _, unrolled, _ = K.rnn(step, x, [K.zeros_like(x[:, 0])], unroll=True)
        grads = [K.gradients(K.sum(o), [w])[0] for o in (outputs, unrolled)]
        v = np.random.rand(2, 4, 3)
        got = K.function([x], [outputs, unrolled, *grads])([v])
        np.testing.assert_allclose(got[0], got[1], rtol=1e-5)
        np.testing.assert_allclose(got[2], got[3], rtol=1e-4)

    def test_random_numbers_differ_from_turn_to_turn(self):
        x = K.placeholder((1, 5, 2))
        _, outputs, _ = K.rnn(lambda i, s: (K.random_uniform((1, 2)) + 0 * i, s), x, [K.zeros((1, 2))])
        drawn = K.function([x], [outputs])([np.zeros((1, 5, 2))])[0][0]
        assert len(np.unique(drawn)) == 10

    def test_map_and_folds(self):
        x = K.placeholder((None, 3))
        v = np.arange(6.0).reshape(2, 3)
        outputs = [
            K.map_fn(K.sum, x), K.foldl(lambda a, e: a * 2.0 + e, x), K.foldr(lambda a, e: a * 2.0 + e, x),
        ]  # fmt: skip
        got = K.function([x], outputs)([v])
        np.testing.assert_allclose(got[0], v.sum(axis=1))
        np.testing.assert_allclose(got[1], v[0] * 2 + v[1])
        np.testing.assert_allclose(got[2], v[1] * 2 + v[0])


class TestRandomness:
    def test_no_place_is_special(self):
        """Over many seeds, each of the first places takes all values alike."""
        drawn = np.array([K.eval(K.random_uniform((8,), seed=s)) for s in range(400)])
        assert np.abs(drawn.mean(axis=0) - 0.5).max() < 0.08
        assert np.abs(np.corrcoef(drawn.T) - np.eye(8)).max() < 0.2

    def test_uniform_numbers(self):
        u = K.eval(K.random_uniform((200_000,), seed=3))
        assert 0 <= u.min() and u.max() < 1
        assert abs(u.mean() - 0.5) < 0.003 and abs(u.var() - 1 / 12) < 0.001
        counts = np.histogram(u, bins=100, range=(0, 1))[0]
        assert ((counts - 2000) ** 2 / 2000).sum() < 160  # chi-square, 99 degrees of freedom
        for lag in (1, 2, 32, 1000):
            assert abs(np.corrcoef(u[:-lag], u[lag:])[0, 1]) < 0.01

    def test_seeds_and_steps_are_not_correlated(self):
        a, b = K.random_uniform((50_000,), seed=1), K.random_uniform((50_000,), seed=2)
        f = K.function([], [a, b])
        first, second = f([]), f([])
        for u, v in ((first[0], first[1]), (first[0], second[0]), (first[1], second[0])):
            assert abs(np.corrcoef(u, v)[0, 1]) < 0.02

    def test_normal_numbers(self):
        from scipy import stats

        x = K.eval(K.random_normal((50_000,), mean=1.0, stddev=2.0, seed=4))
        assert stats.kstest((x - 1) / 2, "norm").pvalue > 1e-3
        t = K.eval(K.truncated_normal((50_000,), seed=5))
        assert np.abs(t).max() <= 2 and abs(t.std() - 0.8796) < 0.01

    def test_dropout_keeps_its_share_and_scale(self):
        x = K.placeholder((None, 1000))
        y = K.function([x], [K.dropout(x, 0.3)])([np.ones((100, 1000))])[0]
        assert abs((y == 0).mean() - 0.3) < 0.01
        np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-6)
        shared = K.function([x], [K.dropout(x, 0.3, noise_shape=(None, 1))])([np.ones((100, 1000))])[0]
        assert (shared == shared[:, :1]).all()

    def test_numpy_and_jax_draw_the_same_bits(self):
        u = K.random_uniform((1000,), seed=9)
        x = K.placeholder((1000,))
        on_jax = K.function([x], [u + x])([np.zeros(1000)])[0]  # an input makes it run on JAX
        np.testing.assert_array_equal(on_jax, K.eval(u))

    def test_the_global_seed_makes_graphs_equal_in_two_processes(self):
        script = (
            "import numpy as np; np.random.seed(42)\n"
            "from keras import backend as K\n"
            "x = K.placeholder((None, 3))\n"
            "f = K.function([x], [K.dropout(x, 0.5), K.random_normal((2, 3))])\n"
            "print([v.tobytes().hex() for _ in range(2) for v in f([np.ones((4, 3))])])"
        )
        runs = {
            subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
            for _ in range(2)
        }
        assert len(runs) == 1
