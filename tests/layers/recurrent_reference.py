"""SimpleRNN, GRU and LSTM in NumPy: plain loops over float64, as the papers write them."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simple_rnn(weights, x, states):
    kernel, recurrent, bias = with_bias(weights, 1)
    h = np.tanh(x @ kernel + states[0] @ recurrent + bias)
    return [h]


def gru(weights, x, states):
    kernel, recurrent, bias = with_bias(weights, 3)
    h = states[0]
    xz, xr, xh = np.split(x @ kernel + bias, 3, axis=-1)
    uz, ur, uh = np.split(recurrent, 3, axis=-1)
    z, r = sigmoid(xz + h @ uz), sigmoid(xr + h @ ur)
    return [z * h + (1 - z) * np.tanh(xh + (r * h) @ uh)]


def gru_reset_after(weights, x, states):
    kernel, recurrent, bias = with_bias(weights, 3, rows=2)
    h = states[0]
    xz, xr, xh = np.split(x @ kernel + bias[0], 3, axis=-1)
    hz, hr, hh = np.split(h @ recurrent + bias[1], 3, axis=-1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    return [z * h + (1 - z) * np.tanh(xh + r * hh)]


def lstm(weights, x, states):
    kernel, recurrent, bias = with_bias(weights, 4)
    h, c = states
    i, f, g, o = np.split(x @ kernel + h @ recurrent + bias, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return [sigmoid(o) * np.tanh(c), c]


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
