"""What code written for TensorFlow 1's sessions finds: `K.get_session().run`, and sparse values."""

from collections import namedtuple

import numpy as np
import pytest
from scipy import sparse

import keras
from keras import backend as K

X = np.arange(6, dtype="float32").reshape(2, 3)


def run(*arguments, **options):
    return K.get_session().run(*arguments, **options)


def test_fetches_keep_their_structure():
    x, v = K.placeholder((None, 3)), K.variable([1.0, 2.0, 3.0])
    pair = namedtuple("pair", "a b")
    found = run({"sum": K.sum(x), "rest": [x + v, (v, pair(x * 2, v * 2))]}, {x: X})
    assert list(found) == ["sum", "rest"] and found["sum"] == 15
    first, (second, both) = found["rest"]
    np.testing.assert_array_equal(first, X + [1, 2, 3])
    np.testing.assert_array_equal(second, [1, 2, 3])
    assert isinstance(both, pair)
    np.testing.assert_array_equal(both.a, X * 2)
    assert run([]) == [] and run(v).shape == (3,)


def test_learning_phase_is_fed():
    x = K.placeholder((None, 3))
    y = K.in_train_phase(x * 10, x)
    np.testing.assert_array_equal(run(y, {x: X}), X)
    np.testing.assert_array_equal(run(y, {x: X, K.learning_phase(): 0}), X)
    np.testing.assert_array_equal(run(y, {x: X, K.learning_phase(): True}), X * 10)
    K.set_learning_phase(1)
    np.testing.assert_array_equal(run(x + K.learning_phase(), {x: X, K.learning_phase(): 1}), X + 1)


def test_a_model_is_run():
    model = keras.models.Sequential([keras.layers.Dense(2, input_dim=3), keras.layers.Dropout(0.5)])
    feed = {model.input: X, K.learning_phase(): 0}
    with K.get_session().graph.as_default(), K.get_session().as_default() as session:
        output, hidden = session.run([model.output, model.layers[0].output], feed_dict=feed)
    np.testing.assert_allclose(output, model.predict(X), rtol=1e-6)
    np.testing.assert_allclose(hidden, output)
    np.testing.assert_allclose(run(model.layers[1](model.layers[0].output * 0), {model.layers[0].output: output}), 0)


def test_updates_are_made_and_give_the_new_value():
    v, w = K.variable(1.0), K.variable([1.0, 2.0])
    old, new, _ = run([v, K.update_add(v, 2.0), (K.update(w, w * 3),)])
    assert (old, new) == (1, 3) and K.get_value(v) == 3
    assert K.get_value(w).tolist() == [3, 6]
    increase = K.update_add(v, 1.0)
    assert [run(increase) for _ in range(3)] == [4, 5, 6]


def test_calls_made_again_are_not_compiled_again():
    x = K.placeholder((None, 3))
    y = K.square(x)
    for number in range(3):
        before = K.compiled_programs()
        np.testing.assert_array_equal(run(y, {x: X + number}), (X + number) ** 2)
        assert number == 0 or K.compiled_programs() == before


@pytest.mark.parametrize(
    "fetches, feed, text",
    [
        (lambda x: ["loss"], lambda x: {}, "cannot fetch 'loss' of type str"),
        (lambda x: [x, 7], lambda x: {}, "cannot fetch 7 of type int"),
        (lambda x: x, lambda x: {"input": X}, "cannot feed 'input'"),
        (lambda x: x + 1, lambda x: {}, "placeholder .*'wanted:0'.* not among the inputs"),
        (lambda x: x + 1, lambda x: {x: X[0]}, r"shape \(3,\) for tensor 'wanted:0', which has shape \(None, 3\)"),
    ],
)
def test_errors(fetches, feed, text):
    x = K.placeholder((None, 3), name="wanted:0")
    with pytest.raises((TypeError, ValueError), match=text):
        run(fetches(x), feed(x))


def test_sessions_of_ours_are_kept_and_others_ignored():
    session = K.get_session()
    try:
        K.set_session(object())
        assert K.get_session() is session
        other = K.Session()
        K.set_session(other)
        with K.get_session() as found:
            assert found is other
    finally:
        K.set_session(session)


def test_clear_session_starts_anew():
    K.set_learning_phase(1)
    assert [K.get_uid("dense"), K.get_uid("dense"), K.get_uid()] == [1, 2, 1]
    K.clear_session()
    assert K.get_uid("dense") == 1 and K.is_tensor(K.learning_phase())
    K.reset_uids()
    assert K.get_uid("dense") == 1


# Sparse values.

MATRIX = sparse.csr_matrix(np.array([[0, 2.0, 0], [1, 0, 0], [0, 0, 3], [0, 0, 0]], "float32"))


def test_sparse_placeholder_takes_matrices_of_any_format():
    x, kernel = K.placeholder((None, 3), sparse=True), K.variable(np.arange(6).reshape(3, 2))
    function = K.function([x], [K.dot(x, kernel)])
    for given in (MATRIX, MATRIX.tocoo(), sparse.csc_array(MATRIX), MATRIX.toarray()):
        np.testing.assert_array_equal(function([given])[0], MATRIX.toarray() @ np.arange(6).reshape(3, 2))
    with pytest.raises(ValueError, match=r"shape \(3, 4\).*\(None, 3\)"):
        function([MATRIX.T])


def test_what_is_sparse():
    x, v = K.placeholder((None, 3), sparse=True), K.variable(MATRIX)
    assert K.is_sparse(x) and K.is_sparse(v) and K.int_shape(v) == (4, 3)
    assert not K.is_sparse(K.placeholder((None, 3))) and not K.is_sparse(K.variable(MATRIX.toarray()))
    joined = K.concatenate([v, v], axis=0)
    assert K.is_sparse(joined) and not K.is_sparse(K.concatenate([v, K.zeros((1, 3))], axis=0))
    assert not K.is_sparse(K.to_dense(joined)) and K.to_dense(x + 1) is not x
    dense = K.zeros((2,))
    assert K.to_dense(dense) is dense
    np.testing.assert_array_equal(K.eval(K.to_dense(joined)), np.concatenate([MATRIX.toarray()] * 2))
    np.testing.assert_array_equal(K.eval(v), MATRIX.toarray())


def test_labels_as_a_sparse_tensor():
    labels, lengths = np.array([[3, 1, 9], [9, 9, 9], [2, 0, 4]]), np.array([[2], [0], [3]])
    found = K.ctc_label_dense_to_sparse(labels, lengths)
    assert K.is_sparse(found) and K.int_shape(found) == (3, 3) and K.dtype(found) == "int32"
    assert K.eval(found.indices).tolist() == [[0, 0], [0, 1], [2, 0], [2, 1], [2, 2]]
    assert K.eval(found.values).tolist() == [3, 1, 2, 0, 4]
    assert K.eval(found.dense_shape).tolist() == [3, 3]
    assert K.eval(found).tolist() == K.eval(K.to_dense(found)).tolist() == [[3, 1, 0], [0, 0, 0], [2, 0, 4]]
    x, n = K.placeholder((None, None), dtype="int32"), K.placeholder((None,), dtype="int32")
    value = run(K.ctc_label_dense_to_sparse(x, n), {x: labels, n: lengths[:, 0]})
    assert isinstance(value, K.SparseTensor) and value.values.tolist() == [3, 1, 2, 0, 4]
    with pytest.raises(ValueError, match=r"labels must be \(samples, labels\)"):
        K.ctc_label_dense_to_sparse(labels[0], lengths)
