"""SimpleRNN, GRU and LSTM in NumPy: plain loops over float64, as the papers write them."""

import numpy as np
from references import sigmoid, softmax  # noqa: F401  (activations of cases)


def relu(x):
    return np.maximum(x, 0)


def hard_sigmoid(x):
    return np.clip(0.2 * x + 0.5, 0, 1)


def simple_rnn(weights, x, states, activation=np.tanh):
    kernel, recurrent, bias = with_bias(weights, 1)
    h = activation(x @ kernel + states[0] @ recurrent + bias)
    return [h]


def gru(weights, x, states, activation=np.tanh, gate=sigmoid):
    kernel, recurrent, bias = with_bias(weights, 3)
    h = states[0]
    xz, xr, xh = np.split(x @ kernel + bias, 3, axis=-1)
    uz, ur, uh = np.split(recurrent, 3, axis=-1)
    z, r = gate(xz + h @ uz), gate(xr + h @ ur)
    return [z * h + (1 - z) * activation(xh + (r * h) @ uh)]


def gru_reset_after(weights, x, states, activation=np.tanh, gate=sigmoid):
    kernel, recurrent, bias = with_bias(weights, 3, rows=2)
    h = states[0]
    xz, xr, xh = np.split(x @ kernel + bias[0], 3, axis=-1)
    hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=-1)
    z, r = gate(xz + hz), gate(xr + hr)
    return [z * h + (1 - z) * activation(xh + r * hh)]


def lstm(weights, x, states, activation=np.tanh, gate=sigmoid):
    kernel, recurrent, bias = with_bias(weights, 4)
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = gate(f) * c + gate(i) * activation(g)
    return [gate(o) * activation(c), c]


def with_bias(weights, gates, rows=None):
    if len(weights) == 3:
        return weights
    units = weights[1].shape[0]
    return [*weights, np.zeros((rows, gates * units) if rows else gates * units)]


def plain(kernel, gates):
    """A cuDNN kernel as GRU and LSTM have it."""
    rows, columns = kernel.shape
    return np.hstack([k.reshape(columns // gates, rows).T for k in np.hsplit(kernel, gates)])


def cudnn_lstm(weights, x, states):
    kernel, recurrent, bias = weights
    return lstm([plain(kernel, 4), plain(recurrent, 4), bias.reshape(2, -1).sum(axis=0)], x, states)


def cudnn_gru(weights, x, states):
    kernel, recurrent, bias = weights
    return gru_reset_after([plain(kernel, 3), plain(recurrent, 3), bias.reshape(2, -1)], x, states)


def run(step, weights, x, states=None, mask=None, backwards=False, count=1):
    """The outputs of all steps (batch, time, units) and the last states."""
    units = weights[1].shape[0]
    states = [np.zeros((len(x), units)) for _ in range(count)] if states is None else list(states)
    output = np.zeros((len(x), units))
    outputs = []
    order = range(x.shape[1])
    for t in reversed(order) if backwards else order:
        new = step(weights, x[:, t], states)
        keep = np.ones((len(x), 1), bool) if mask is None else mask[:, t, None]
        output = np.where(keep, new[0], output)
        states = [np.where(keep, n, s) for n, s in zip(new, states)]
        outputs.append(output)
    return np.stack(outputs, axis=1), states
