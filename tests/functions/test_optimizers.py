"""Optimizers: several steps against the formulas in NumPy float64; state, configuration, clipping."""

import numpy as np
import pytest

from keras import backend as K
from keras import constraints, optimizers

STEPS = 4
EPS = 1e-7
rng = np.random.RandomState(3)
START = [rng.normal(size=(3, 2)), rng.normal(size=(2,))]
FACTORS = [rng.uniform(0.5, 2, size=(3, 2)), rng.uniform(0.5, 2, size=(2,))]


def _gradients(params):
    """Of sum(factor * param ** 2) / 2 + sum(param)."""
    return [f * p + 1 for f, p in zip(FACTORS, params, strict=True)]


class Reference:
    """The formulas of Keras 2.3.1, one parameter at a time."""

    def __init__(self, **arguments):
        self.a = arguments

    def lr(self, t, default):
        a = self.a
        return a.get("learning_rate", default) / (1 + a.get("decay", 0) * t)

    def run(self, gradients=_gradients):
        params = [p.copy() for p in START]
        slots = [{k: np.zeros_like(p) for k in "abcd"} for p in params]
        for t in range(STEPS):
            grads = gradients(params)
            self.begin(t)
            params = [p + self.step(p, g, s, t) for p, g, s in zip(params, grads, slots, strict=True)]
        return params

    def begin(self, t):
        pass


class SGD(Reference):
    def step(self, p, g, s, t):
        lr, momentum = self.lr(t, 0.01), self.a.get("momentum", 0)
        s["a"] = momentum * s["a"] - lr * g
        return momentum * s["a"] - lr * g if self.a.get("nesterov") else s["a"]


class RMSprop(Reference):
    def step(self, p, g, s, t):
        rho = self.a.get("rho", 0.9)
        s["a"] = rho * s["a"] + (1 - rho) * g**2
        return -self.lr(t, 0.001) * g / (np.sqrt(s["a"]) + self.a.get("epsilon", EPS))


class Adagrad(Reference):
    def step(self, p, g, s, t):
        s["a"] += g**2
        return -self.lr(t, 0.01) * g / (np.sqrt(s["a"]) + self.a.get("epsilon", EPS))


class Adadelta(Reference):
    def step(self, p, g, s, t):
        rho, eps = self.a.get("rho", 0.95), self.a.get("epsilon", EPS)
        s["a"] = rho * s["a"] + (1 - rho) * g**2
        update = g * np.sqrt(s["b"] + eps) / np.sqrt(s["a"] + eps)
        s["b"] = rho * s["b"] + (1 - rho) * update**2
        return -self.lr(t, 1.0) * update


class Adam(Reference):
    default = 0.001

    def moments(self, g, s):
        b1, b2 = self.a.get("beta_1", 0.9), self.a.get("beta_2", 0.999)
        s["a"] = b1 * s["a"] + (1 - b1) * g
        s["b"] = b2 * s["b"] + (1 - b2) * g**2
        return b1, b2

    def step(self, p, g, s, t):
        b1, b2 = self.moments(g, s)
        lr = self.lr(t, self.default) * np.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))
        s["c"] = np.maximum(s["c"], s["b"])
        square = s["c"] if self.a.get("amsgrad") else s["b"]
        return -lr * s["a"] / (np.sqrt(square) + self.a.get("epsilon", EPS))


class Adamax(Adam):
    def step(self, p, g, s, t):
        b1, b2 = self.moments(g, s)
        s["d"] = np.maximum(b2 * s["d"], np.abs(g))
        return -self.lr(t, 0.002) / (1 - b1 ** (t + 1)) * s["a"] / (s["d"] + self.a.get("epsilon", EPS))


class Nadam(Adam):
    def begin(self, t):
        b1, schedule = self.a.get("beta_1", 0.9), self.a.get("schedule_decay", 0.004)
        self.now, self.next = (b1 * (1 - 0.5 * 0.96 ** ((t + i) * schedule)) for i in (1, 2))
        self.product = (self.product if t else 1.0) * self.now

    def step(self, p, g, s, t):
        _, b2 = self.moments(g, s)
        g_prime = g / (1 - self.product)
        m_prime = s["a"] / (1 - self.product * self.next)
        v_prime = s["b"] / (1 - b2 ** (t + 1))
        m_bar = (1 - self.now) * g_prime + self.next * m_prime
        return -self.a.get("learning_rate", 0.002) * m_bar / (np.sqrt(v_prime) + self.a.get("epsilon", EPS))


OPTIMIZERS = [
    (SGD, {}),
    (SGD, {"learning_rate": 0.1, "momentum": 0.8, "decay": 0.2}),
    (SGD, {"learning_rate": 0.1, "momentum": 0.8, "nesterov": True}),
    (RMSprop, {}),
    (RMSprop, {"learning_rate": 0.02, "rho": 0.7, "decay": 0.1, "epsilon": 1e-3}),
    (Adagrad, {}),
    (Adagrad, {"learning_rate": 0.1, "decay": 0.3, "epsilon": 1e-2}),
    (Adadelta, {}),
    (Adadelta, {"learning_rate": 0.5, "rho": 0.8, "decay": 0.1, "epsilon": 1e-3}),
    (Adam, {}),
    (Adam, {"learning_rate": 0.05, "beta_1": 0.7, "beta_2": 0.9, "decay": 0.3, "epsilon": 1e-4}),
    (Adam, {"learning_rate": 0.5, "amsgrad": True, "beta_2": 0.5}),
    (Adamax, {}),
    (Adamax, {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.6, "decay": 0.2}),
    (Nadam, {}),
    (Nadam, {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.9, "schedule_decay": 0.1}),
]
IDS = [f"{r.__name__}({','.join(a)})" for r, a in OPTIMIZERS]
WEIGHTS = {
    "SGD": "n p",
    "RMSprop": "n p",
    "Adagrad": "n p",
    "Adadelta": "n p p",
    "Adam": "n p p 1",
    "Adamax": "n p p",
    "Nadam": "n s p p",
}


def _make(reference, arguments):
    return getattr(optimizers, reference.__name__)(**arguments)


def _loss(params):
    return sum(K.sum(0.5 * K.constant(f) * K.square(p) + p) for f, p in zip(FACTORS, params, strict=True))


def _training(optimizer, **options):
    """Parameters, and a function that makes one step."""
    params = [K.variable(p, name=f"w{i}", **options) for i, p in enumerate(START)]
    return params, K.function([], [], updates=optimizer.get_updates(_loss(params), params))


@pytest.mark.parametrize(("reference", "arguments"), OPTIMIZERS, ids=IDS)
def test_steps(reference, arguments):
    optimizer = _make(reference, arguments)
    params, step = _training(optimizer)
    for _ in range(STEPS):
        step([])
    for got, wanted in zip(params, reference(**arguments).run(), strict=True):
        np.testing.assert_allclose(K.get_value(got), wanted, rtol=2e-5, atol=2e-6)
    assert K.get_value(optimizer.iterations) == STEPS


@pytest.mark.parametrize(("reference", "arguments"), OPTIMIZERS[1::2], ids=IDS[1::2])
def test_state_carries_over(reference, arguments):
    """Stopping after two steps, moving state and weights into new objects, and going on changes nothing."""
    first = _make(reference, arguments)
    params, step = _training(first)
    step([])
    step([])
    second = type(first).from_config(first.get_config())
    resumed, resumed_step = _training(second)
    second.set_weights(first.get_weights())
    K.batch_set_value(list(zip(resumed, K.batch_get_value(params), strict=True)))
    step([])
    resumed_step([])
    for one, other in zip(params, resumed, strict=True):
        np.testing.assert_array_equal(K.get_value(one), K.get_value(other))


@pytest.mark.parametrize("name", WEIGHTS)
def test_order_and_shapes_of_weights(name):
    optimizer = getattr(optimizers, name)()
    _training(optimizer)
    shapes = {"n": [()], "s": [()], "p": [p.shape for p in START], "1": [(1,)] * len(START)}
    wanted = [shape for part in WEIGHTS[name].split() for shape in shapes[part]]
    assert [w.shape for w in optimizer.get_weights()] == wanted
    assert optimizer.weights[0] is optimizer.iterations


def test_amsgrad_keeps_a_third_slot():
    optimizer = optimizers.Adam(amsgrad=True)
    _training(optimizer)
    assert [w.shape for w in optimizer.get_weights()[5:]] == [p.shape for p in START]


def test_default_configurations():
    common = {"decay": 0.0, "epsilon": 1e-7}
    betas = {"beta_1": 0.9, "beta_2": 0.999}
    for name, wanted in {
        "SGD": {"learning_rate": 0.01, "momentum": 0.0, "decay": 0.0, "nesterov": False},
        "RMSprop": {"learning_rate": 0.001, "rho": 0.9, **common},
        "Adagrad": {"learning_rate": 0.01, **common},
        "Adadelta": {"learning_rate": 1.0, "rho": 0.95, **common},
        "Adam": {"learning_rate": 0.001, "amsgrad": False, **betas, **common},
        "Adamax": {"learning_rate": 0.002, **betas, **common},
        "Nadam": {"learning_rate": 0.002, "schedule_decay": 0.004, "epsilon": 1e-7, **betas},
    }.items():
        assert optimizers.get(name).get_config() == pytest.approx(wanted)


def test_learning_rate_by_either_name():
    assert np.isclose(K.get_value(optimizers.Adam(lr=0.5).learning_rate), 0.5)
    optimizer = optimizers.SGD(0.25)
    assert optimizer.lr is optimizer.learning_rate
    assert np.isclose(K.get_value(optimizer.lr), 0.25)


def test_changing_the_learning_rate_of_a_compiled_step():
    optimizer = optimizers.SGD(0.1)
    params, step = _training(optimizer)

    def moved():
        before = K.get_value(params[1])
        step([])
        return np.abs(K.get_value(params[1]) - before).max()

    assert moved() > 0
    K.set_value(optimizer.lr, 0.0)
    assert moved() == 0
    optimizer.lr = 0.1
    assert moved() > 0
    optimizer.learning_rate = 0
    assert moved() == 0


def test_clipnorm_is_over_all_gradients_together():
    clip = 0.7

    def clipped(params):
        grads = _gradients(params)
        norm = np.sqrt(sum((g**2).sum() for g in grads))
        assert norm > clip
        return [g * clip / norm for g in grads]

    params, step = _training(optimizers.SGD(0.1, clipnorm=clip))
    for _ in range(STEPS):
        step([])
    for got, wanted in zip(params, SGD(learning_rate=0.1).run(clipped), strict=True):
        np.testing.assert_allclose(K.get_value(got), wanted, rtol=1e-5)


def test_clipvalue_and_small_gradients():
    params, step = _training(optimizers.SGD(0.1, clipvalue=0.3, clipnorm=1e6))
    for _ in range(STEPS):
        step([])
    wanted = SGD(learning_rate=0.1).run(lambda p: [np.clip(g, -0.3, 0.3) for g in _gradients(p)])
    for got, value in zip(params, wanted, strict=True):
        np.testing.assert_allclose(K.get_value(got), value, rtol=1e-5)


def test_clipping_is_in_the_configuration():
    config = optimizers.Adam(clipnorm=1.5, clipvalue=0.5).get_config()
    assert config["clipnorm"] == 1.5 and config["clipvalue"] == 0.5
    assert optimizers.Adam.from_config(config).clipnorm == 1.5
    assert "clipnorm" not in optimizers.Adam().get_config()


@pytest.mark.parametrize("name", WEIGHTS)
def test_constraints_after_each_update(name):
    params, step = _training(getattr(optimizers, name)(learning_rate=0.5), constraint=constraints.NonNeg())
    step([])
    for p in params:
        value = K.get_value(p)
        assert value.min() == 0.0


def test_unconnected_weights_are_named():
    used, unused = K.variable([1.0], name="used"), K.variable([1.0], name="unused")
    with pytest.raises(ValueError, match="unused.*K.argmax"):
        optimizers.SGD().get_updates(K.sum(used), [used, unused])


def test_bad_arguments():
    with pytest.raises(TypeError, match="learningrate"):
        optimizers.Adam(learningrate=0.1)
    with pytest.raises(ValueError, match="clipnorm"):
        optimizers.SGD(clipnorm=-1.0)
    with pytest.raises(NotImplementedError, match="TensorFlow 1"):
        optimizers.TFOptimizer(object())


def test_weights_that_do_not_fit_change_nothing():
    optimizer = optimizers.RMSprop()
    _training(optimizer)
    before = optimizer.get_weights()
    with pytest.raises(ValueError, match="Length"):
        optimizer.set_weights(before[:1])
    with pytest.raises(ValueError, match="shape"):
        optimizer.set_weights([np.array(5), np.ones((3, 2)), np.ones((9,))])
    for old, new in zip(before, optimizer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="_make_train_function"):
        optimizers.Adam().set_weights(before)


def test_states_of_older_versions():
    slots = [np.full(p.shape, 2.0) for p in START]
    for name, given, wanted_length in [
        ("RMSprop", slots, 3),
        ("Adagrad", slots, 3),
        ("Adadelta", slots + slots, 5),
        ("Adam", [np.array(7), *slots, *slots], 7),
        ("Nadam", [np.array(7), *slots, *slots], 6),
        ("SGD", [np.array(7)], 3),
    ]:
        optimizer = getattr(optimizers, name)()
        _training(optimizer)
        optimizer.set_weights(given)
        state = optimizer.get_weights()
        assert len(state) == wanted_length
        assert state[0] == (7 if name in ("Adam", "Nadam", "SGD") else 0)
        if name == "Nadam":
            assert state[1] == 1.0
        if name != "SGD":
            np.testing.assert_array_equal(state[-1 if name != "Adam" else 4], slots[1])


class Signs(optimizers.Optimizer):
    """An optimizer as a Keras 2.2 user would write it."""

    def __init__(self, lr=0.1, **kwargs):
        super().__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            self.lr = K.variable(lr, name="lr")

    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        self.weights = [self.iterations]
        for p, g in zip(params, grads, strict=True):
            self.updates.append(K.update(p, p - self.lr * K.sign(g)))
        return self.updates

    def get_config(self):
        return {**super().get_config(), "lr": float(K.get_value(self.lr))}


def test_own_optimizer():
    optimizer = Signs(0.5, clipvalue=1.0)
    params, step = _training(optimizer)
    step([])
    for got, start, g in zip(params, START, _gradients(START), strict=True):
        np.testing.assert_allclose(K.get_value(got), start - 0.5 * np.sign(g), rtol=1e-5)
    assert K.get_value(optimizer.iterations) == 1
    again = optimizers.deserialize(optimizers.serialize(optimizer), {"Signs": Signs})
    assert again.get_config() == {"lr": 0.5, "clipvalue": 1.0}


class Cautious(optimizers.SGD):
    """A subclass whose first argument has the older name, and whose configuration is inherited."""

    def __init__(self, lr=0.01, **kwargs):
        super().__init__(lr=lr, **kwargs)


def test_a_subclass_that_knows_lr_keeps_its_rate():
    first = Cautious(0.25, momentum=0.5)
    again = optimizers.deserialize(optimizers.serialize(first), {"Cautious": Cautious})
    assert again.get_config() == first.get_config() and again.get_config()["learning_rate"] == 0.25
