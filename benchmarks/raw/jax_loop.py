"""The loop by hand in JAX: one compiled call per step, weights and optimizer state given up to it."""

import jax
import jax.numpy as jnp
import numpy as np
from cases.base import Initializer

from .jax_nets import LSTM_BIASES, NETS

EPSILON = 1e-7


def rmsprop(p, g, state, step):
    square = 0.9 * state[0] + 0.1 * g * g
    return p - 0.001 * g / (jnp.sqrt(square) + EPSILON), (square,)


def adam(p, g, state, step):
    m, v = 0.9 * state[0] + 0.1 * g, 0.999 * state[1] + 0.001 * g * g
    rate = 0.001 * jnp.sqrt(1 - 0.999**step) / (1 - 0.9**step)
    return p - rate * m / (jnp.sqrt(v) + EPSILON), (m, v)


def adadelta(p, g, state, step):
    square = 0.95 * state[0] + 0.05 * g * g
    change = g * jnp.sqrt(state[1] + EPSILON) / jnp.sqrt(square + EPSILON)
    return p - change, (square, 0.95 * state[1] + 0.05 * change * change)


OPTIMIZERS = {"tiny_mlp": rmsprop, "mlp": rmsprop, "mnist_cnn": adadelta}  # the others: Adam


class JaxSession:
    def __init__(self, case):
        self.case, self.name = case, case.name
        self.x, self.y = case.data()
        shapes, self.logits = NETS[self.name]
        initial = Initializer()
        self.parameters = [
            jnp.asarray(initial.glorot(shape)) if len(shape) > 1 else jnp.zeros(shape) for shape in shapes
        ]
        for place in LSTM_BIASES.get(self.name, ()):
            units = shapes[place][0] // 4
            self.parameters[place] = self.parameters[place].at[units : 2 * units].set(1.0)
        self.state = [(jnp.zeros_like(p), jnp.zeros_like(p)) for p in self.parameters]
        if OPTIMIZERS.get(self.name) is rmsprop:
            self.state = [s[:1] for s in self.state]
        self.key, self.count = jax.random.key(0), jnp.asarray(1.0)

    def loss_of(self, parameters, x, y, key):
        out = self.logits(parameters, x, key)
        if self.case.loss == "binary_crossentropy":
            return jnp.mean(jnp.maximum(out, 0) - out * y + jnp.log1p(jnp.exp(-jnp.abs(out))))
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(out), axis=-1))

    def compile(self):
        """Makes the step; JAX compiles it at its first call."""
        update = OPTIMIZERS.get(self.name, adam)
        final = jax.nn.sigmoid if self.case.loss == "binary_crossentropy" else jax.nn.softmax

        def step(parameters, state, key, count, x, y):
            key, mine = jax.random.split(key)
            loss, gradients = jax.value_and_grad(self.loss_of)(parameters, x, y, mine)
            both = [update(p, g, s, count) for p, g, s in zip(parameters, gradients, state, strict=True)]
            return [p for p, _ in both], [s for _, s in both], key, count + 1, loss

        self.step = jax.jit(step, donate_argnums=(0, 1, 2, 3))
        self.run = jax.jit(lambda parameters, x: final(self.logits(parameters, x, None)))

    def train(self, rows):
        self.parameters, self.state, self.key, self.count, loss = self.step(
            self.parameters, self.state, self.key, self.count, self.x[rows], self.y[rows]
        )
        return loss

    def first_step(self):
        float(self.train(slice(0, self.case.batch)))

    def fit(self, shuffle=True):
        n, samples = self.case.batch, self.case.samples
        order = np.random.permutation(samples) if shuffle else np.arange(samples)
        losses = [self.train(order[i : i + n]) for i in range(0, samples, n)]
        return float(np.mean(jax.device_get(losses)))

    def train_on_batch(self):
        """Each loss is looked at before the next batch, as train_on_batch does."""
        n = self.case.batch
        for i in range(0, self.case.samples, n):
            float(self.train(slice(i, i + n)))

    def predict(self):
        n = self.case.batch
        return np.concatenate(
            [np.asarray(self.run(self.parameters, self.x[i : i + n])) for i in range(0, self.case.samples, n)]
        )

    def predict_one(self):
        one = self.x[:1]
        for _ in range(self.case.singles):
            np.asarray(self.run(self.parameters, one))
