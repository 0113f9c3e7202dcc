"""The cases' networks as plain JAX functions: (shapes of the weights, logits of parameters, inputs and key).

Weights are listed as Keras lists them. `key` is None when predicting.
"""

import jax
import jax.numpy as jnp
from jax import lax


def drop(x, rate, key):
    if key is None:
        return x
    return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)


def split(key, count):
    return [None] * count if key is None else jax.random.split(key, count)


def dense_shapes(*sizes):
    return [shape for a, b in zip(sizes, sizes[1:], strict=False) for shape in ((a, b), (b,))]


def tiny_mlp(p, x, key):
    return jax.nn.relu(x @ p[0] + p[1]) @ p[2] + p[3]


def mlp(p, x, key):
    first, second = split(key, 2)
    x = drop(jax.nn.relu(x @ p[0] + p[1]), 0.2, first)
    x = drop(jax.nn.relu(x @ p[2] + p[3]), 0.2, second)
    return x @ p[4] + p[5]


def convolve(x, kernel):
    return lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def mnist_cnn(p, x, key):
    first, second = split(key, 2)
    x = jax.nn.relu(convolve(x, p[0]) + p[1])
    x = jax.nn.relu(convolve(x, p[2]) + p[3])
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    x = drop(x, 0.25, first).reshape(x.shape[0], -1)
    x = drop(jax.nn.relu(x @ p[4] + p[5]), 0.5, second)
    return x @ p[6] + p[7]


def conv1d(p, x, key):
    first, second = split(key, 2)
    x = drop(p[0][x], 0.2, first)
    x = lax.conv_general_dilated(x, p[1], (1,), "VALID", dimension_numbers=("NWC", "WIO", "NWC"))
    x = jnp.max(jax.nn.relu(x + p[2]), axis=1)
    x = drop(jax.nn.relu(x @ p[3] + p[4]), 0.2, second)
    return x @ p[5] + p[6]


def lstm_layer(x, kernel, recurrent, bias):
    """The last state; x is (batch, time, features). The input's product of all times is one."""
    units = recurrent.shape[0]
    projected = (x @ kernel + bias).swapaxes(0, 1)

    def step(carry, now):
        h, c = carry
        i, f, g, o = jnp.split(now + h @ recurrent, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((x.shape[0], units), x.dtype)
    return lax.scan(step, (zeros, zeros), projected)[0][0]


def lstm(p, x, key):
    return lstm_layer(p[0][x], *p[1:4]) @ p[4] + p[5]


def bidirectional(p, x, key):
    x = p[0][x]
    x = jnp.concatenate([lstm_layer(x, *p[1:4]), lstm_layer(x[:, ::-1], *p[4:7])], axis=-1)
    return drop(x, 0.5, key) @ p[7] + p[8]


def standardized(x):
    centered = x - x.mean(axis=-1, keepdims=True)
    return centered / jnp.sqrt((centered * centered).mean(axis=-1, keepdims=True) + 1e-6)


def transformer(p, x, key):
    """The heads' queries, keys and values are one product each here: what a hand would write."""
    x, place = p[0][x], 1
    for _ in range(2):
        query, key_, value = (x @ p[place + 2 * i] + p[place + 2 * i + 1] for i in range(3))
        query, key_, value = (t.reshape(*t.shape[:2], 4, 16) for t in (query, key_, value))
        scores = jax.nn.softmax(jnp.einsum("bqhd,bkhd->bhqk", query, key_) / 4, axis=-1)
        heads = jnp.einsum("bhqk,bkhd->bqhd", scores, value).reshape(x.shape)
        x = standardized(x + heads @ p[place + 6] + p[place + 7])
        inner = jax.nn.relu(x @ p[place + 8] + p[place + 9])
        x = standardized(x + inner @ p[place + 10] + p[place + 11])
        place += 12
    return drop(x.mean(axis=1), 0.1, key) @ p[place] + p[place + 1]


_BLOCK = [*dense_shapes(64, 64) * 4, *dense_shapes(64, 128, 64)]
NETS = {
    "tiny_mlp": (dense_shapes(100, 32, 1), tiny_mlp),
    "mlp": (dense_shapes(784, 512, 512, 10), mlp),
    "mnist_cnn": ([(3, 3, 1, 32), (32,), (3, 3, 32, 64), (64,), *dense_shapes(9216, 128, 10)], mnist_cnn),
    "conv1d": ([(5000, 50), (3, 50, 250), (250,), *dense_shapes(250, 250, 1)], conv1d),
    "lstm": ([(20000, 128), (128, 512), (128, 512), (512,), *dense_shapes(128, 1)], lstm),
    "bidirectional": (
        [(20000, 128), *[(128, 256), (64, 256), (256,)] * 2, *dense_shapes(128, 1)], bidirectional
    ),
    "transformer": ([(5000, 64), *_BLOCK * 2, *dense_shapes(64, 1)], transformer),
}  # fmt: skip
LSTM_BIASES = {"lstm": (3,), "bidirectional": (3, 6)}  # their forget gates start at one
