"""Variables and their values, updates, functions, the learning phase, questions about tensors."""

import numpy as np
import pytest

import keras
from keras import backend as K

X = np.arange(6, dtype="float32").reshape(2, 3)


def test_variables():
    v = K.variable([[1, 2], [3, 4]], name="v")
    assert (v.name, K.dtype(v), K.int_shape(v), K.ndim(v), K.count_params(v)) == ("v:0", "float32", (2, 2), 2, 4)
    assert K.get_variable_shape(v) == (2, 2)
    with K.name_scope("outer"), K.name_scope("inner"):
        assert K.variable(1.0, name="w").name == "outer/inner/w:0"
    assert K.variable(3, dtype="int32").dtype == "int32"
    flags = K.variable([True, False], dtype="bool")
    assert K.dtype(flags) == "bool" and K.get_value(flags).tolist() == [True, False]
    limit = keras.constraints.NonNeg()
    assert K.variable(0.0, constraint=limit).constraint is limit
    given = np.ones(3)
    v = K.variable(given)
    given[:] = 5
    assert K.get_value(v).tolist() == [1, 1, 1]  # a copy of what was given


def test_a_variable_from_a_tensor():
    first = K.variable([1.0, 2.0])
    second = K.variable(first * 2)
    K.set_value(first, [5, 5])
    assert K.get_value(second).tolist() == [2, 4]
    with pytest.raises(ValueError, match="cannot start as .* it depends on the input"):
        K.variable(K.placeholder((2,)))


def test_values_are_set_and_got():
    v, w = K.variable(np.zeros((2, 2))), K.variable(1.0)
    K.set_value(v, [[1, 2], [3, 4]])
    K.batch_set_value([(w, 7), (v, K.get_value(v) * 2)])
    assert [x.tolist() for x in K.batch_get_value([v, w])] == [[[2, 4], [6, 8]], 7]
    K.get_value(v)[:] = 0  # a copy
    assert K.get_value(v).sum() == 20
    assert K.eval(v).sum() == 20 and np.asarray(v).sum() == 20 and v.numpy().sum() == 20 and v.eval().sum() == 20
    v.assign(np.ones((2, 2)))
    assert K.eval(K.sum(v)) == 4


def test_batch_set_value_checks_all_before_it_sets_any():
    v, w = K.variable([1.0, 2.0], name="v"), K.variable(1.0, name="w")
    with pytest.raises(ValueError, match=r"variable 'w:0' has shape \(\).*shape \(2,\)"):
        K.batch_set_value([(v, [9, 9]), (w, [1, 2])])
    with pytest.raises(TypeError, match="sets variables"):
        K.batch_set_value([(v, [9, 9]), (K.placeholder(()), 1)])
    assert K.get_value(v).tolist() == [1, 2]
    K.batch_set_value([])
    assert K.batch_get_value([]) == []


def test_updates():
    x, v, w = K.placeholder(()), K.variable(1.0), K.variable([1.0, 1.0])
    function = K.function([x], [v * 1.0], updates=[K.update_add(v, x), (w, w * x), None])
    assert function([2])[0] == 1 and function([3])[0] == 3  # outputs are those before the updates
    assert K.get_value(v) == 6 and K.get_value(w).tolist() == [6, 6]
    K.function([], [], updates=[K.update_sub(v, 2.0), K.update(w, [0.0, 1.0])])([])
    assert K.get_value(v) == 4 and K.get_value(w).tolist() == [0, 1]
    K.function([], [], updates=[K.moving_average_update(v, 0.0, 0.75)])([])
    assert K.get_value(v) == 3
    assert K.eval(K.update_add(v, 2.0)) == 5 and K.get_value(v) == 5  # evaluated it is made
    with pytest.raises(TypeError, match="Not an update"):
        K.function([x], [], updates=[x])
    with pytest.raises(TypeError, match="Not an update"):
        K.function([x], [], updates=[(x, 1)])


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda v: K.update(v, [1.0, 2.0]), r"variable 'v:0' has shape \(3,\).* value of shape \(2,\)"),
        (lambda v: K.update(v, K.zeros((1, 3))), r"shape \(1, 3\)"),
        (lambda v: K.update_add(K.constant(1.0), 1.0), "K.update changes variables; <Constant"),
        (lambda v: K.zeros((None, 3)), r"K.zeros and K.ones need known sizes .* got \(None, 3\)"),
    ],
)
def test_bad_values(make, text):
    with pytest.raises((TypeError, ValueError), match=text):
        make(K.variable([1.0, 2.0, 3.0], name="v"))


def test_function():
    x, y = K.placeholder((None, 3), name="x:0"), K.placeholder(ndim=0)
    function = K.function((x, y), x * y)
    (value,) = function([X, 2])
    np.testing.assert_array_equal(value, X * 2)
    value[:] = 0  # the caller's own
    assert K.function([x, y], [])([X, 1]) == []
    with pytest.raises(ValueError, match=r"takes 2 inputs \(x:0, .*\), got 1"):
        function([X])
    shorter = K.function([x, y, K.learning_phase()], [K.in_train_phase(x * 2, x)])  # as Keras 2: no more than is needed
    for values in ([X, 1, 0], [X], [[X, np.ones(())], 0], [[X], 1, 0], [X, 1]):
        np.testing.assert_array_equal(shorter(values)[0], X)
    with pytest.raises(TypeError, match="takes a list of arrays, got ndarray"):
        function(X)
    with pytest.raises(ValueError, match=r"shape \(3, 2\) for tensor 'x:0', which has shape \(None, 3\)"):
        function([X.T, 1])
    with pytest.raises(TypeError, match="the inputs must be placeholders, got 'x'"):
        K.function(["x"], [x])
    with pytest.raises(ValueError, match="Invalid argument 'foo' passed to K.function"):
        K.function([x], [x], foo=1)


def test_function_feeds_and_fetches_beside_inputs_and_outputs():
    x, extra, v, w = K.placeholder(()), K.placeholder(()), K.variable(0.0), K.variable(0.0)
    feed = {extra: 10.0}
    function = K.function([x], [x + extra], [(v, x)], feed_dict=feed, fetches=[K.update(w, 5.0), x * 2], name="f")
    assert function([1.0]) == [11] and K.batch_get_value([v, w]) == [1, 5]
    feed[extra] = 20.0  # looked up at each call
    assert function([2.0]) == [22]
    staged = function.stage([np.array([1.0, 2.0, 3.0])])
    (stacked,) = function.repeat(staged, 0, 3)
    assert np.asarray(stacked).tolist() == [21, 22, 23] and K.get_value(v) == 3
    assert K.function([x], [x], fetches=K.update_add(w, 1.0))([0]) == [0] and K.get_value(w) == 6


def test_a_model_compiled_with_a_feed():
    scale = K.placeholder(())
    inputs = keras.layers.Input((2,))
    outputs = keras.layers.Dense(1, kernel_initializer="ones")(inputs)
    model = keras.models.Model(inputs, outputs)
    model.compile("sgd", lambda t, p: K.mean(K.square(t - p), -1) * scale, feed_dict={scale: 100.0})
    assert model.train_on_batch(np.ones((1, 2)), np.zeros((1, 1))) == 400


def test_learning_phase():
    x = K.placeholder((2,))
    phases = [K.in_train_phase(x + 1, x), K.in_test_phase(lambda: x + 2, lambda: x)]
    function = K.function([x, K.learning_phase()], phases)
    assert [v.tolist() for v in function([[0, 0], 1])] == [[1, 1], [0, 0]]
    assert [v.tolist() for v in function([[0, 0], 0])] == [[0, 0], [2, 2]]
    assert [v.tolist() for v in K.function([x], phases)([[0, 0]])] == [[0, 0], [2, 2]]
    assert K.in_train_phase(x, lambda: 1 / 0, training=True) is x
    assert K.in_train_phase(lambda: 1 / 0, x, training=0) is x
    K.set_learning_phase(1)
    assert K.learning_phase() == 1 and K.in_train_phase(x, None) is x
    K.set_learning_phase(0)
    assert K.in_train_phase(None, x) is x


def test_questions():
    x, v, c = K.placeholder((None, 3)), K.variable(1.0), K.constant([1.0])
    assert [K.is_tensor(t) for t in (x, v, c, 1, X)] == [True, True, True, False, False]
    assert [K.is_variable(t) for t in (x, v, c, 1)] == [False, True, False, False]
    assert [K.is_placeholder(t) for t in (x, v, c, 1)] == [True, False, False, False]
    assert [K.is_symbolic(t) for t in (x, v, c, 1)] == [True, False, True, False]
    assert K.is_keras_tensor(keras.layers.Input((2,))) and not K.is_keras_tensor(x)
    with pytest.raises(ValueError, match="Unexpectedly found an instance of type `ndarray`"):
        K.is_keras_tensor(X)
    assert K.int_shape(X) == (2, 3) and K.int_shape(3) is None and K.ndim(X) == 2 and K.dtype(X) == "float32"
    assert K.int_shape(K.placeholder(ndim=3)) == (None, None, None)
    with pytest.raises(ValueError, match="specify either a shape or ndim"):
        K.placeholder()
    assert K.pattern_broadcast(x, (True, False)) is x


def test_like():
    x = K.placeholder((None, 3), dtype="int32")
    tensors = [K.zeros_like(x), K.ones_like(x, dtype="float64"), K.identity(x)]
    assert [K.dtype(t) for t in tensors] == ["int32", "float64", "int32"] and tensors[2] is not x
    zeros, ones, same = K.function([x], tensors)([X])
    assert zeros.shape == ones.shape == (2, 3) and not zeros.any() and ones.all() and (same == X).all()


def test_eval_needs_values():
    x = K.placeholder((2,))
    with pytest.raises(ValueError, match=r"depends on the input .* use K.function"):
        K.eval(x + 1)
    assert K.eval([1, 2]).tolist() == [1, 2] and K.get_value(K.constant(2.0) + 1) == 3


@pytest.mark.parametrize("traced", [False, True])
def test_print_tensor_prints_when_it_is_computed(traced, capsys):
    x = K.placeholder((2,))
    y = K.print_tensor(x if traced else K.constant([1.0, 2.0]), message="x is") * 2
    assert capsys.readouterr().out == ""
    for _ in range(2):
        value = K.function([x], [y])([[1, 2]])[0] if traced else K.eval(y)
        assert value.tolist() == [2, 4] and capsys.readouterr().out == "x is [1. 2.]\n"
    K.function([x], [x])([[1, 2]])
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("x, y, axes, shape", [((2, 4, 3, 5),) * 2 + ((3, 3), (2, 4, 3, 4, 3)),
                                               ((2, 4, 7), (2, 4, 7, 3), (2, 2), (2, 4, 4, 3))])  # fmt: skip
def test_a_product_that_was_another_before_keras_2_3_is_told(x, y, axes, shape):
    with pytest.warns(UserWarning, match="Axis 0 alone is the batch since Keras 2.3"):
        assert K.int_shape(K.batch_dot(K.zeros(x), K.zeros(y), axes)) == shape


def test_what_changes_nothing_here():
    assert K.manual_variable_initialization(True) is None
    assert K.get_value(K.variable(2.0)) == 2
    with K.control_dependencies([K.constant(1.0)]):
        assert K.eval(K.constant(1.0)) == 1

    @K.symbolic
    def double(x):
        return x * 2

    assert K.eval(double(K.constant(2.0))) == 4 and K.eager(double)(3) == 6
    v = K.variable(2.0)
    constant, also = K.stop_gradient([v, v * 2])
    assert K.gradients(constant * also * v, v)[0] is not None
    assert K.eval(K.gradients(constant * also * v, v)[0]) == 8
