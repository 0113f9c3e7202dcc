"""`K.control_dependencies`: updates that come before what is built within it."""

import numpy as np
import pytest

from keras import backend as K
from keras import metrics
from keras.layers import Dense, Input, Layer
from keras.models import Model, Sequential
from keras.optimizers import SGD, Adam

R = np.random.RandomState(3)
X, Y = R.rand(24, 3).astype("float32"), R.rand(24, 1).astype("float32")


def made(*updates):
    K.function([], [], updates=updates)([])


def test_variables_are_read_as_they_will_be():
    v, w = K.variable(1.0), K.variable(10.0)
    with K.control_dependencies([K.update_add(v, 1.0), (w, w + 5.0)]):
        within, sum_ = v * 2, K.update_add(w, v)
    assert K.eval(v * 2) == 2 and K.get_value(v) == 1
    made(sum_)
    assert (K.get_value(v), K.get_value(w)) == (2, 17)
    assert K.eval(within) == 6 and K.get_value(v) == 3  # whoever computes it makes the updates


def test_scopes_nest():
    v, w, unseen = K.variable(1.0), K.variable(0.0), K.variable(0.0)
    with K.control_dependencies(K.update_add(v, 1.0)):
        inner = K.update(v, v * 5)
        with K.control_dependencies([inner]):
            last = K.update(w, v + 1)
        with K.control_dependencies(None):
            outside = K.update(unseen, v)
    made(last, outside)
    assert [K.get_value(x) for x in (v, w, unseen)] == [10, 11, 1]


def test_an_update_takes_the_place_of_those_before_it():
    v, given = K.variable(1.0), K.constant(7.0)
    with K.control_dependencies([K.update_add(v, 1.0)]):
        twice = [K.update_add(v, 10.0), K.update_add(v, 20.0)]
        fixed = K.update(v, given)
    made(*twice)
    assert K.get_value(v) == 32
    made(fixed)
    assert K.get_value(v) == 7


def test_tensors_that_make_updates_are_updates():
    x, chosen, v, w = K.placeholder(()), K.placeholder((), dtype="bool"), K.variable(1.0), K.variable(0.0)
    branch = K.switch(chosen, lambda: K.update_add(v, x), lambda: K.update(w, 2.0))
    f = K.function([x, chosen], [v * 1.0], updates=[branch, K.update_sub(w, 1.0).as_tensor()])
    assert f([5.0, True]) == [1.0] and (K.get_value(v), K.get_value(w)) == (6, -1)
    assert f([5.0, False]) == [6.0] and (K.get_value(v), K.get_value(w)) == (6, 1)
    doubled = x * 2
    f = K.function([doubled], [], updates=[K.update_add(v, doubled) + doubled])  # fed in the middle
    f([3.0])
    assert K.get_value(v) == 9


def test_an_update_is_the_new_value_where_a_tensor_is_taken():
    v, w, total = K.variable([1.0, 4.0]), K.variable([2.0, 2.0]), K.variable(0.0)
    new = K.update_add(v, [3.0, 5.0])
    np.testing.assert_array_equal(K.eval(K.sqrt(new) + 1), [3, 4])
    assert K.get_value(v).tolist() == [4, 9]
    made(K.update(w, 2 * new - w / 2), K.update(total, K.sum(new)))
    assert K.get_value(v).tolist() == [7, 14] and K.get_value(w).tolist() == [13, 27] and K.get_value(total) == 21


@pytest.mark.parametrize("taken", [True, False])
def test_branches(taken):
    v, w, condition = K.variable(1.0), K.variable(3.0), K.placeholder((), dtype="bool")

    def then():
        with K.control_dependencies([K.update_add(v, 1.0)]):
            return v * 2

    chosen = K.switch(condition, then, lambda: w * 1.0)
    with K.control_dependencies([K.update_add(w, 1.0)]):
        variable = K.switch(condition, lambda: w, lambda: v)
    assert K.function([condition], [chosen, variable])([taken]) == ([4, 4] if taken else [3, 1])
    assert (K.get_value(v), K.get_value(w)) == (2 if taken else 1, 4)


def test_sizes_and_gradients_are_as_outside():
    v, x = K.variable(np.ones(3)), K.placeholder((None, 4))
    loss = K.sum(K.square(v))
    with K.control_dependencies([K.update(v, v * 2)]):
        assert K.int_shape(K.reshape(x, (-1, K.shape(v)[0] + 1))) == (None, 4)
        (gradient,) = K.gradients(loss, [v])
        copy = K.zeros((3,))
        within = K.sum(v * v)
        weight = Layer().add_weight("w", (2,), initializer="uniform")
    np.testing.assert_array_equal(K.eval(gradient), [2, 2, 2])
    assert K.get_value(v).tolist() == [2, 2, 2] and not K.get_value(copy).any() and K.get_value(weight).all()
    assert K.eval(within) == 48


class Accumulating(SGD):
    """Steps by the mean gradient of `n` batches, written as people did: the update of the sums, which is all that is
    returned, comes after those of the weights."""

    n = 3

    def get_gradients(self, loss, params):
        found = super().get_gradients(loss, params)
        self.sums, self.found = [K.zeros(K.int_shape(p)) for p in params], found
        return [(s + g) / self.n for s, g in zip(self.sums, found)]

    def get_updates(self, loss, params):
        last = K.cast(K.equal(self.iterations % self.n, self.n - 1), K.floatx())
        plain = K.update
        K.update = lambda x, new: plain(x, last * new + (1 - last) * x)
        try:
            updates = super().get_updates(loss, params)
        finally:
            K.update = plain
        with K.control_dependencies(updates):
            return [K.update(s, K.switch(last > 0, K.zeros_like(s), s + g)) for s, g in zip(self.sums, self.found)]


def test_accumulated_gradients():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile(Accumulating(0.1, momentum=0.5), "mse")
    kernel, bias = model.get_weights()
    speed = [np.zeros_like(kernel), np.zeros_like(bias)]
    for step in range(2):
        rows, before = slice(12 * step, 12 * step + 12), model.get_weights()[0]
        for at in range(12 * step, 12 * step + 12, 4):
            np.testing.assert_array_equal(model.get_weights()[0], before)
            model.train_on_batch(X[at : at + 4], Y[at : at + 4])
        error = 2 * (X[rows] @ kernel + bias - Y[rows]) / 12
        gradients = [X[rows].T @ error, error.sum(0)]
        speed = [0.5 * v - 0.1 * g for v, g in zip(speed, gradients)]
        kernel, bias = kernel + speed[0], bias + speed[1]
        np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-5)
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5)
    assert K.get_value(model.optimizer.iterations) == 6


class Lookahead(Adam):
    """Every other step the weights go half way back to the slow ones."""

    def get_updates(self, loss, params):
        updates = super().get_updates(loss, params)
        due = K.equal(self.iterations % 2, 1)
        self.slow = [K.variable(K.get_value(p)) for p in params]
        pairs = list(zip(params, self.slow))
        with K.control_dependencies(updates):
            slower = [K.update(q, K.switch(due, q + 0.5 * (p - q), q)) for p, q in pairs]
            with K.control_dependencies(slower):
                return [K.update(p, K.switch(due, q, p)) for p, q in pairs]


def test_lookahead():
    model, plain = (Sequential([Dense(1, input_shape=(3,), weights=[np.ones((3, 1)), np.ones(1)])]) for _ in range(2))
    model.compile(Lookahead(0.1), "mse")
    plain.compile(Adam(0.1), "mse")
    slow = plain.get_weights()
    for _ in range(2):
        model.fit(X, Y, batch_size=12, epochs=1, shuffle=False, verbose=0)
        plain.fit(X, Y, batch_size=12, epochs=1, shuffle=False, verbose=0)
        slow = [q + (p - q) / 2 for p, q in zip(plain.get_weights(), slow)]
        plain.set_weights(slow)
        for have, also, want in zip(model.get_weights(), model.optimizer.slow, slow):
            np.testing.assert_allclose(have, want, rtol=1e-5)
            np.testing.assert_array_equal(K.get_value(also), have)


class Normed(Dense):
    """Divides by an estimate of the largest singular value, which each use of the layer betters."""

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight("u", (1, self.units), initializer="ones", trainable=False)

    def call(self, inputs):
        v = K.l2_normalize(K.dot(self.u, K.transpose(self.kernel)), axis=1)
        u = K.l2_normalize(K.dot(v, self.kernel), axis=1)
        norm = K.dot(K.dot(v, self.kernel), K.transpose(u))
        with K.control_dependencies([self.u.assign(u)]):
            kernel = self.kernel / norm
        return K.dot(inputs, kernel)


def test_what_a_layer_computes_makes_updates():
    inputs = Input((3,))
    layer = Normed(4, use_bias=False)
    model = Model(inputs, layer(inputs))
    kernel = layer.get_weights()[0]
    for _ in range(60):
        found = model.predict(X)
    np.testing.assert_allclose(found, X @ kernel / np.linalg.norm(kernel, 2), rtol=1e-4)
    model.compile("sgd", "mse")
    model.fit(X, np.zeros((24, 4)), verbose=0)
    assert not np.array_equal(layer.get_weights()[0], kernel)


class Mean(metrics.Metric):
    def __init__(self, name="mean_of_all", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_weight(name="total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        with K.control_dependencies([K.update_add(self.total, K.sum(y_true))]):
            return K.update_add(self.count, K.cast(K.size(y_true), "float32"))

    def result(self):
        return self.total / self.count


def test_metrics_return_their_last_update():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", metrics=[Mean()])
    assert model.evaluate(X, Y, batch_size=5, verbose=0)[1] == pytest.approx(Y.mean(), rel=1e-5)
    assert K.eval(Mean()(Y, Y)) == pytest.approx(Y.mean(), rel=1e-5)
