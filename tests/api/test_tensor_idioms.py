"""What programs do with tensors: operators, indices, axes of any kind, questions, and attributes of their own."""

import numpy as np
import pytest

from keras import backend as K
from keras import layers
from keras.models import Model

X = np.arange(24, dtype="float32").reshape(2, 3, 4) - 7

INDICES = {
    "row": np.s_[1],
    "last": np.s_[-1, -1],
    "backwards": np.s_[:, ::-1],
    "every second from behind": np.s_[..., ::-2],
    "from and to, backwards": np.s_[:, 2:0:-1, -1:-4:-1],
    "new axes": np.s_[None, :, None, 1],
    "new last axis": np.s_[..., None],
    "ellipsis in the middle": np.s_[0, ..., 1:],
    "ellipsis for nothing": np.s_[:, :, ..., 2],
    "beyond the end": np.s_[:, 1:100, -100:2],
    "nothing left": np.s_[:, 3:],
    "NumPy numbers": np.s_[np.int64(1), np.int32(0) : np.int32(2)],
}


def value(y, x, array=X):
    return K.function([x], [y])([array])[0]


@pytest.fixture(scope="module")
def indexed():
    """Everything of INDICES in one program, for known and unknown sizes."""
    found = {}
    for kind, shape in {"known": X.shape, "unknown": (None, None, None)}.items():
        x = K.placeholder(shape)
        ys = [x[key] for key in INDICES.values()]
        found[kind] = dict(zip(INDICES, zip(ys, K.function([x], ys)([X]))))
    return found


@pytest.mark.parametrize("name", INDICES)
@pytest.mark.parametrize("kind", ["known", "unknown"])
def test_indices(indexed, kind, name):
    y, array = indexed[kind][name]
    wanted = X[INDICES[name]]
    np.testing.assert_array_equal(array, wanted)
    static = K.int_shape(y)
    assert len(static) == wanted.ndim and all(s in (None, w) for s, w in zip(static, wanted.shape))
    assert kind == "unknown" or static == wanted.shape


def test_tensors_as_indices():
    x, i = K.placeholder((None, 4)), K.placeholder((), dtype="int32")
    rows = K.shape(x)[0]
    columns = K.constant([2, 0], dtype="int32")
    f = K.function([x, i], [x[i], x[:, i], x[rows - 1 :], x[: rows // 2, ::-1], x[:, columns]])
    array = X[0]
    found = f([array, 1])
    for f, wanted in zip(found, [array[1], array[:, 1], array[2:], array[:1, ::-1], array[:, [2, 0]]]):
        np.testing.assert_array_equal(f, wanted)
    ends = [(i, i + 2), (i - 1, 1 + i), (2 * i - 1, 2 * i + 1)]
    found = K.function([x, i], [*(x[:, a:b] for a, b in ends), x[None, ..., i - 1 : i + 1]])([array, 1])
    for f, (a, b) in zip(found, [(1, 3), (0, 2), (1, 3), (0, 2)]):
        np.testing.assert_array_equal(f, array[None, :, a:b] if f.ndim == 3 else array[:, a:b])
    rows = K.map_fn(lambda t: K.sum(x[:, t : t + 2], axis=1), K.constant([0, 2], dtype="int32"), dtype="float32")
    summed, gradient = K.function([x], [rows, K.gradients(rows[1], x)[0]])([array])
    np.testing.assert_allclose(summed, [array[:, :2].sum(1), array[:, 2:].sum(1)], rtol=1e-6)
    np.testing.assert_array_equal(gradient, np.tile([0, 0, 1, 1], (3, 1)))
    if K.backend() == "jax":
        with pytest.raises(TypeError, match="ends of a slice"):
            K.function([x, i], [x[i:]])([array, 1])
    with pytest.raises(ValueError, match="out of range"):
        K.placeholder((2, 3))[:, 3]
    with pytest.raises(ValueError, match="too many"):
        K.placeholder((2, 3))[0, 0, 0]


def test_operators_with_numbers_and_arrays_on_either_side():
    x = K.placeholder((2, 3, 4))
    row = np.array([1.0, 2.0, 3.0, 4.0])
    with np.errstate(all="ignore"):
        pairs = [
            (2 - x, 2 - X), (row * x, row * X), (x / row, X / row), (1 / (x + 20), 1 / (X + 20)), (x**2, X**2),
            (2.0**x, 2.0**X), (x // 2, X // 2), (x % 3, X % 3), (-x, -X), (abs(x), abs(X)),
            (7 % (x + 10), 7 % (X + 10)),
            (x > 0, X > 0), (0 >= x, X <= 0), (~(x < row), ~(X < row)), ((x > 0) & (x < 5), (X > 0) & (X < 5)),
            ((x < 0) | (x > 5), (X < 0) | (X > 5)), (x @ np.ones((4, 2), "float32"), X @ np.ones((4, 2))),
        ]  # fmt: skip
    found = K.function([x], [y for y, _ in pairs])([X])
    for f, (_, wanted) in zip(found, pairs):
        np.testing.assert_allclose(f, wanted, rtol=1e-6)
        assert f.dtype == (bool if wanted.dtype == bool else "float32")


AXES = [1, -1, np.int64(1), np.array(1), np.array([0, 2]), [0, -1], (1,), None]


@pytest.mark.parametrize("name", ["sum", "mean", "max", "prod", "std", "logsumexp", "any"])
def test_axes_of_any_kind(name):
    x = K.placeholder((2, 3, 4))
    small = X / 10
    numpy = {"logsumexp": lambda a, axis: np.log(np.sum(np.exp(a), axis))}.get(name) or getattr(np, name)
    found = K.function([x], [getattr(K, name)(x, axis=axis) for axis in AXES])([small])
    for f, axis in zip(found, AXES):
        wanted = numpy(small, axis=None if axis is None else tuple(np.ravel(axis)))
        np.testing.assert_allclose(f, wanted, rtol=1e-4, atol=1e-5)


def test_axes_and_sizes_as_numpy_numbers():
    x = K.placeholder((2, 3, 4))
    one, last = np.int64(1), np.array(-1)
    pairs = [
        (K.expand_dims(x, one), X[:, None]), (K.concatenate([x, x], axis=last), np.concatenate([X, X], -1)),
        (K.stack([x, x], axis=one), np.stack([X, X], 1)), (K.argmax(x, axis=last), X.argmax(-1)),
        (K.permute_dimensions(x, np.array([2, 0, 1])), X.transpose(2, 0, 1)), (K.reverse(x, last), X[..., ::-1]),
        (K.reverse(x, np.array([0, 1])), X[::-1, ::-1]), (K.cumsum(x, axis=one), X.cumsum(1)),
        (K.reshape(x, np.array([-1, 4])), X.reshape(-1, 4)), (K.reshape(x, (np.int64(2), -1)), X.reshape(2, -1)),
        (K.repeat_elements(x, np.int64(2), axis=one), X.repeat(2, 1)),
        (K.tile(x, np.array([1, 2, 1])), np.tile(X, (1, 2, 1))),
        (K.squeeze(x[:, :1], one), X[:, 0]), (K.softmax(x, axis=last), np.exp(X) / np.exp(X).sum(-1, keepdims=True)),
        (K.l2_normalize(x, axis=last), X / np.sqrt((X**2).sum(-1, keepdims=True))),
        (K.gather(x, np.array([1, 0])), X[[1, 0]]),
    ]  # fmt: skip
    for found, (_, wanted) in zip(K.function([x], [y for y, _ in pairs])([X]), pairs):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_questions():
    x = K.placeholder((None, 3))
    assert x._keras_shape == (None, 3) and x._uses_learning_phase is False
    assert K.variable(np.zeros((2, 3)))._keras_shape == (2, 3)
    assert x.shape[1] == 3 and x.get_shape().as_list() == [None, 3] and x.shape.ndims == len(x.get_shape()) == 2
    assert tuple(x.shape) == (None, 3) and x.dtype == "float32" and K.ndim(x) == x.ndim == 2
    assert int(x.shape[-1]) * 2 == 6
    assert (x == 0) is False and (x == x) is True and x in {x: 1}
    for wrong in (lambda: bool(x), lambda: list(x), lambda: len(x)):
        with pytest.raises(TypeError):
            wrong()
    assert [K.int_shape(row) for row in K.placeholder((2, 3))] == [(3,), (3,)]
    assert not hasattr(x, "__len__")  # how scripts tell one output from a list of them


def test_attributes_of_ones_own():
    x = layers.Input((3,))
    y = layers.Dense(2)(x)
    y.my_note = "kept"
    y._my_tensor = x
    model = Model(x, y)
    assert model.output.my_note == "kept" and model.output._my_tensor is x
    y._uses_learning_phase = True  # set by hand, as layers of the time did
    assert model.uses_learning_phase


def test_the_learning_phase_travels():
    x = layers.Input((3,))
    assert not layers.Dense(2)(x)._uses_learning_phase
    dropped = layers.Dropout(0.5)(x)
    assert dropped._uses_learning_phase and (dropped * 2)._uses_learning_phase
    assert layers.TimeDistributed(layers.Dropout(0.5))(layers.Input((2, 3)))._uses_learning_phase


def test_a_session_and_numpy():
    x = layers.Input((3,))
    y = layers.Dropout(0.5)(x) * 2
    array = np.ones((2, 3), "float32")
    found = K.get_session().run(y, feed_dict={x: array, K.learning_phase(): 0})
    np.testing.assert_array_equal(found, 2 * array)
    v = K.variable([1.0, 2.0])
    np.testing.assert_array_equal(np.asarray(v * 2), [2, 4])
    np.testing.assert_allclose(np.exp(K.eval(v)), np.exp([1, 2]), rtol=1e-6)
    assert float(K.sum(v).eval()) == 3
