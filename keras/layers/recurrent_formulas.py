"""The steps of SimpleRNN, GRU and LSTM as loops, by which `keras.graph.cells` knows such loops again."""

from .. import activations
from .. import backend as K
from ..graph import cells
from ..graph.program import build
from ..graph.tensor import Placeholder
from .recurrent_cells import gru_step, lstm_step

# As ONNX's recurrent nodes call them; the usual ones first.
ACTIVATIONS = {
    ("Sigmoid",): activations.sigmoid,
    ("Tanh",): activations.tanh,
    ("Relu",): activations.relu,
    ("HardSigmoid", 0.2, 0.5): activations.hard_sigmoid,
    ("Affine", 1.0, 0.0): activations.linear,
    ("Elu", 1.0): activations.elu,
    ("Softsign",): activations.softsign,
    ("Softplus",): activations.softplus,
}


def formula(step, node, gates, states, kernels, bias=False, **options):
    """A `cells.Formula`.

    Args:
        step: (projected, states, recurrent weights, activations, units) -> new states, the first being the output.
    """

    def trace(functions, units, masked):
        """The program with the loop that `K.rnn` makes."""
        chosen = [ACTIVATIONS[name] for name in functions]

        def step_of_loop(x, states):
            new = step(x, states, weights, chosen, units)
            return new[0], new

        sequence = Placeholder((None, None, len(gates) * units), "float32")
        initial = [Placeholder((None, units), "float32") for _ in range(states)]
        weights = [Placeholder((units, count * units), "float32") for count in kernels]
        weights += [Placeholder((len(gates) * units,), "float32")] if bias else []
        mask = [Placeholder((None, None), "bool")] if masked else []
        last, outputs, new_states = K.rnn(step_of_loop, sequence, initial, mask=mask[0] if masked else None)
        return build([sequence, *initial, *weights, *mask], [last, outputs, *new_states])

    return cells.Formula(node, gates, states, kernels, bias, trace, **options)


def _simple(x, states, weights, functions, units):
    return [functions[0](x + K.dot(states[0], weights[0]))]


def _lstm(x, states, weights, functions, units):
    gate, activation = functions
    return list(lstm_step(x + K.dot(states[0], weights[0]), states[1], activation, gate, units))


def _gru(x, states, weights, functions, units):
    products = iter(weights)
    return _gru_of(x, states[0], lambda h, first, last: K.dot(h, next(products)), functions, units, False)


def _gru_reset_after(x, states, weights, functions, units):
    def recurrent(h, first, last):
        found = K.dot(h, weights[0])
        return found + weights[1] if len(weights) > 1 else found

    return _gru_of(x, states[0], recurrent, functions, units, True)


def _gru_of(x, h, recurrent, functions, units, reset_after):
    gate, activation = functions
    return [gru_step(x, h, recurrent, activation, gate, units, reset_after)]


_IFCO, _ZRH = (0, 3, 1, 2), (0, 1, 2)  # ONNX has i, o, f, c and z, r, h

cells.register(
    (
        formula(_simple, "RNN", (0,), 1, (1,), activations=1),
        formula(_lstm, "LSTM", _IFCO, 2, (4,)),
        formula(_gru, "GRU", _ZRH, 1, (2, 1)),
        formula(_gru_reset_after, "GRU", _ZRH, 1, (3,), bias=True, reset_after=True),
        formula(_gru_reset_after, "GRU", _ZRH, 1, (3,), reset_after=True),
    ),
    ACTIVATIONS,
)
