"""ConvLSTM2D in NumPy: plain loops over float64."""

import numpy as np
from recurrent_reference import hard_sigmoid


def convolve(x, kernel, stride=1, same=False):
    """Cross-correlation of images (batch, rows, columns, channels), stride 1 if `same`."""
    rows, columns = kernel.shape[:2]
    if same:
        before = ((rows - 1) // 2, (columns - 1) // 2)
        x = np.pad(x, [(0, 0), (before[0], rows - 1 - before[0]), (before[1], columns - 1 - before[1]), (0, 0)])
    height = (x.shape[1] - rows) // stride + 1
    width = (x.shape[2] - columns) // stride + 1
    out = np.zeros((len(x), height, width, kernel.shape[-1]))
    for r in range(rows):
        for c in range(columns):
            window = x[:, r : r + height * stride : stride, c : c + width * stride : stride]
            out += window[:, :height, :width] @ kernel[r, c]
    return out


def run(weights, x, stride=1, same=False, states=None, activation=np.tanh, gate=hard_sigmoid):
    """The outputs of all steps of a ConvLSTM2D, and its last states."""
    kernel, recurrent, *bias = weights
    sequence = [convolve(x[:, t], kernel, stride, same) + sum(bias) for t in range(x.shape[1])]
    h, c = states or [np.zeros_like(sequence[0][..., : recurrent.shape[2]])] * 2
    outputs = []
    for projected in sequence:
        i, f, g, o = np.split(projected + convolve(h, recurrent, same=True), 4, axis=-1)
        c = gate(f) * c + gate(i) * activation(g)
        h = gate(o) * activation(c)
        outputs.append(h)
    return np.stack(outputs, axis=1), [h, c]


def channels_last(x):
    return np.moveaxis(x, 2, -1)
