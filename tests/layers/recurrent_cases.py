"""The table of recurrent layers, cells and wrappers, each with its arithmetic in NumPy."""

from functools import partial

import convolutional_reference as images
import numpy as np
import recurrent_reference as ref
from harness import Case

from keras import layers as L
from keras.layers.convolutional_recurrent import ConvRNN2D

SEQUENCE = (2, 4, 5)
FILM = (2, 3, 5, 4, 3)

# name -> (layer, its arguments, one step in NumPy, number of states)
KINDS = {
    "simple": (L.SimpleRNN, {}, ref.simple_rnn, 1),
    "gru": (L.GRU, {}, ref.gru, 1),
    "gru_after": (L.GRU, {"reset_after": True}, ref.gru_reset_after, 1),
    "lstm": (L.LSTM, {}, ref.lstm, 2),
    "cudnn_gru": (L.CuDNNGRU, {}, ref.cudnn_gru, 1),
    "cudnn_lstm": (L.CuDNNLSTM, {}, ref.cudnn_lstm, 2),
}
OPTIONS = [
    {},
    {"return_sequences": True, "return_state": True},
    {"return_sequences": True, "go_backwards": True},
    {"unroll": True, "return_state": True},
    {"use_bias": False},
    {"implementation": 1, "return_sequences": True, "unroll": True, "go_backwards": True},
]


def sequence_reference(step, count, options):
    """The reference of a recurrent layer from that of its step."""

    def compute(weights, x):
        outputs, states = ref.run(step, weights, x, backwards=options.get("go_backwards"), count=count)
        output = outputs if options.get("return_sequences") else outputs[:, -1]
        return [output, *states] if options.get("return_state") else output

    return compute


def kind_cases():
    for kind, (layer, config, step, count) in KINDS.items():
        for options in OPTIONS:
            if kind.startswith("cudnn") and set(options) & {"unroll", "use_bias", "implementation"}:
                continue
            if kind == "simple":
                options = {k: v for k, v in options.items() if k != "implementation"}
            unknown = (0,) if options.get("unroll") else (0, 1)
            compute = sequence_reference(step, count, options)
            yield Case(layer, {"units": 3, **config, **options}, SEQUENCE, compute, unknown=unknown)


def activated_cases():
    """Other activations than the defaults, one without bounds and one that mixes the units."""
    gates = {"recurrent_activation": "hard_sigmoid"}
    yield "simple", {"activation": "relu"}, {"activation": ref.relu}
    yield "gru", {"activation": "relu", **gates}, {"activation": ref.relu, "gate": ref.hard_sigmoid}
    yield "gru", {"activation": "softmax", **gates}, {"activation": ref.softmax, "gate": ref.hard_sigmoid}
    yield "lstm", {"activation": "relu", **gates}, {"activation": ref.relu, "gate": ref.hard_sigmoid}
    yield "lstm", {"recurrent_activation": "softmax"}, {"gate": ref.softmax}


ACTIVATED = [
    Case(KINDS[kind][0], {"units": 3, **config}, SEQUENCE,
         sequence_reference(partial(KINDS[kind][2], **functions), KINDS[kind][3], config), unknown=(0, 1))
    for kind, config, functions in activated_cases()
]  # fmt: skip

# Cells.


def rnn_of(cell, units=3, cell_options=None, **options):
    return L.RNN(cell(units, **(cell_options or {})), **options)


def stacked(**options):
    return L.RNN([L.LSTMCell(3), L.GRUCell(2), L.SimpleRNNCell(4)], **options)


def stacked_reference(options):
    """LSTM of 3, GRU of 2, simple recurrence of 4 units on one another."""

    def compute(weights, x):
        parts, states = [(ref.lstm, 2), (ref.gru, 1), (ref.simple_rnn, 1)], []
        for number, (step, count) in enumerate(parts):
            x, last = ref.run(step, weights[3 * number : 3 * number + 3], x, count=count)
            states += last
        output = x if options.get("return_sequences") else x[:, -1]
        return [output, *states] if options.get("return_state") else output

    return compute


CELLS = [
    Case(rnn_of, {"cell": L.SimpleRNNCell}, SEQUENCE, sequence_reference(ref.simple_rnn, 1, {})),
    Case(rnn_of, {"cell": L.GRUCell, "cell_options": {"reset_after": True}, "return_sequences": True}, SEQUENCE,
         sequence_reference(ref.gru_reset_after, 1, {"return_sequences": True})),
    Case(rnn_of, {"cell": L.LSTMCell, "cell_options": {"implementation": 1}, "go_backwards": True}, SEQUENCE,
         sequence_reference(ref.lstm, 2, {"go_backwards": True}), unknown=(0, 1)),
    *(Case(stacked, options, SEQUENCE, stacked_reference(options))
      for options in ({}, {"return_sequences": True, "return_state": True}, {"unroll": True})),
]  # fmt: skip

# Convolutional recurrence.

BASE = {"filters": 2, "kernel_size": 2}


def conv_rnn_of(**options):
    return ConvRNN2D(L.ConvLSTM2DCell(**options), return_sequences=True)


CONVOLUTIONAL = [
    Case(L.ConvLSTM2D, BASE, FILM, lambda w, x: images.run(w, x)[0][:, -1], unknown=(0, 1, 2, 3)),
    Case(L.ConvLSTM2D, {**BASE, "return_sequences": True, "strides": 2, "return_state": True}, FILM,
         lambda w, x: [images.run(w, x, 2)[0], *images.run(w, x, 2)[1]], unknown=(0, 1)),
    Case(L.ConvLSTM2D, {**BASE, "return_sequences": True, "padding": "same", "go_backwards": True}, FILM,
         lambda w, x: images.run(w, x[:, ::-1], same=True)[0]),
    Case(L.ConvLSTM2D, {**BASE, "data_format": "channels_first", "use_bias": False}, (2, 3, 3, 5, 4),
         lambda w, x: np.moveaxis(images.run(w, images.channels_last(x))[0][:, -1], -1, 1)),
    Case(L.ConvLSTM2D, {"filters": 2, "kernel_size": (3, 2), "padding": "same"}, FILM,
         lambda w, x: images.run(w, x, same=True)[0][:, -1], unknown=(0, 1, 2, 3)),
    Case(L.ConvLSTM2D, {**BASE, "activation": "relu", "recurrent_activation": "sigmoid"}, FILM,
         lambda w, x: images.run(w, x, activation=ref.relu, gate=ref.sigmoid)[0][:, -1]),
    Case(conv_rnn_of, BASE, FILM, lambda w, x: images.run(w, x)[0]),
]  # fmt: skip

# Wrappers.


def both_ways(merge_mode, sequences=False, state=False):
    """The reference of a Bidirectional LSTM."""
    merges = {
        "concat": lambda a, b: np.concatenate([a, b], axis=-1),
        "sum": lambda a, b: a + b,
        "ave": lambda a, b: (a + b) / 2,
        "mul": lambda a, b: a * b,
        None: lambda a, b: [a, b],
    }

    def compute(weights, x):
        forward, states = ref.run(ref.lstm, weights[:3], x, count=2)
        backward, back_states = ref.run(ref.lstm, weights[3:], x, backwards=True, count=2)
        pair = (forward, backward[:, ::-1]) if sequences else (forward[:, -1], backward[:, -1])
        merged = merges[merge_mode](*pair)
        merged = merged if isinstance(merged, list) else [merged]
        return [*merged, *(states + back_states if state else [])]

    return compute


def bidirectional(merge_mode="concat", **options):
    return L.Bidirectional(L.LSTM(3, **options), merge_mode=merge_mode)


def bidirectional_case(merge_mode, sequences=False, state=False):
    config = {"merge_mode": merge_mode, "return_sequences": sequences, "return_state": state}
    return Case(bidirectional, config, SEQUENCE, both_ways(merge_mode, sequences, state), unknown=(0, 1))


def per_step(layer, **options):
    return L.TimeDistributed(layer(**options))


WRAPPERS = [
    *(bidirectional_case(mode, sequences=True) for mode in ("concat", "sum", "ave", "mul", None)),
    bidirectional_case("concat"),
    bidirectional_case(None, state=True),
    bidirectional_case("concat", True, True),
    Case(per_step, {"layer": L.Dense, "units": 3}, SEQUENCE, lambda w, x: x @ w[0] + w[1], unknown=(0, 1)),
    Case(per_step, {"layer": L.Conv2D, "filters": 2, "kernel_size": 1}, (2, 3, 4, 4, 2),
         lambda w, x: x @ w[0][0, 0] + w[1], unknown=(0, 1, 2, 3)),
    Case(per_step, {"layer": L.Flatten}, (2, 3, 4, 2), lambda w, x: x.reshape(2, 3, 8)),
    Case(per_step, {"layer": L.SimpleRNN, "units": 3}, (2, 3, 4, 2),
         lambda w, x: ref.run(ref.simple_rnn, w, x.reshape(6, 4, 2))[0][:, -1].reshape(2, 3, 3),
         unknown=(0, 1, 2)),
]  # fmt: skip

CASES = [*kind_cases(), *ACTIVATED, *CELLS, *CONVOLUTIONAL, *WRAPPERS]
