"""Which loops are a SimpleRNN, GRU or LSTM.

A loop is known by what its body computes, not by the layer it comes from: it is compared with the cells' own
formulas, traced for the activations that ONNX knows. What a layer of somebody's own does differently shows there.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from .. import activations
from .. import backend as K
from ..graph.program import build
from ..graph.tensor import Placeholder
from ..layers.recurrent_cells import gru_step, lstm_step

# As ONNX's recurrent nodes call them, with alpha and beta where they take these; the usual ones first.
ACTIVATIONS = {
    activations.sigmoid: ("Sigmoid",),
    activations.tanh: ("Tanh",),
    activations.relu: ("Relu",),
    activations.hard_sigmoid: ("HardSigmoid", 0.2, 0.5),
    activations.linear: ("Affine", 1.0, 0.0),
    activations.elu: ("Elu", 1.0),
    activations.softsign: ("Softsign",),
    activations.softplus: ("Softplus",),
}

# Bodies of more instructions are something else.
LARGEST = 80


class Formula(NamedTuple):
    """How one kind of cell makes a step.

    Attributes:
        node: ONNX's name for it.
        gates: where ONNX's gates lie among those of Keras.
        states: how many.
        kernels: the columns of the recurrent kernels, in units.
        bias: whether there is a recurrent bias.
        step: (projected, states, recurrent weights, activations, units) -> new states, the first being the output.
            The activations are in ONNX's order: that of the gates comes first.
        reset_after: a GRU's.
    """

    node: str
    gates: tuple
    states: int
    kernels: tuple
    bias: bool
    step: Callable
    reset_after: bool = False


class Recognised(NamedTuple):
    """A body's formula, its activations as in `ACTIVATIONS`, and the slots of its recurrent weights."""

    formula: Formula
    activations: tuple
    weights: list


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

FORMULAS = (
    Formula("RNN", (0,), 1, (1,), False, _simple),
    Formula("LSTM", _IFCO, 2, (4,), False, _lstm),
    Formula("GRU", _ZRH, 1, (2, 1), False, _gru),
    Formula("GRU", _ZRH, 1, (3,), True, _gru_reset_after, True),
    Formula("GRU", _ZRH, 1, (3,), False, _gru_reset_after, True),
)


def recognise(block, columns, units, states, masked, constant, among=tuple(ACTIVATIONS)):
    """What a loop's body computes, as a `Recognised`, or None.

    Args:
        columns: how many numbers the projected inputs of a step have.
        states: how many states of `units` numbers there are, not counting the output that a mask keeps.
        masked: whether the loop has a mask as its second sequence.
        constant: function (slot) -> the number that an outer slot is known to hold, or None.
        among: the activations to try.
    """
    if len(block.instructions) > LARGEST:
        return None
    form, outer = _form(block, constant)
    for formula in FORMULAS:
        if (len(formula.gates) * units, formula.states) != (columns, states):
            continue
        for functions in product(among, repeat=1 if formula.node == "RNN" else 2):
            if _traced(formula, functions, units, masked) == form:
                return Recognised(formula, tuple(ACTIVATIONS[f] for f in functions), outer)
    return None


def _form(block, constant):
    """What a block computes, the same for all that compute it in the same way, and the outer slots it reads.

    Everything is numbered in the order in which the results come to need it.
    """
    makers = {slot: (i, n) for i in block.instructions for n, slot in enumerate(i.outputs)}
    places = {slot: ("parameter", n) for n, slot in enumerate(block.parameters)}
    rows, outer = [], []

    def place(slot):
        if slot not in places:
            places[slot] = made(*makers[slot]) if slot in makers else read(slot)
        return places[slot]

    def made(instruction, output):
        inputs = tuple(place(slot) for slot in instruction.inputs)
        row = (instruction.primitive, inputs, repr(sorted(instruction.attributes.items())), len(instruction.blocks))
        rows.append(row)
        return (len(rows), output)

    def read(slot):
        number = constant(slot)
        if number is not None:
            return ("constant", number)
        outer.append(slot)
        return ("outer", len(outer))

    results = tuple(place(slot) for slot in block.results)
    return (tuple(rows), results), outer


@lru_cache(maxsize=1024)
def _traced(formula, functions, units, masked):
    """The form of the loop's body that `K.rnn` makes of a formula."""

    def step(x, states):
        new = formula.step(x, states, weights, functions, units)
        return new[0], new

    sequence = Placeholder((None, None, len(formula.gates) * units), "float32")
    states = [Placeholder((None, units), "float32") for _ in range(formula.states)]
    weights = [Placeholder((units, count * units), "float32") for count in formula.kernels]
    weights += [Placeholder((len(formula.gates) * units,), "float32")] if formula.bias else []
    mask = [Placeholder((None, None), "bool")] if masked else []
    last, outputs, new_states = K.rnn(step, sequence, states, mask=mask[0] if masked else None)
    program = build([sequence, *states, *weights, *mask], [last, outputs, *new_states])
    (loop,) = (i for i in program.block.instructions if i.primitive == "scan")
    constants = {slot: array for array, slot in program.constants}
    return _form(loop.blocks[0], lambda slot: number(constants.get(slot)))[0]


def number(array):
    """The number that an array of one element holds; None for another or for no array."""
    return None if array is None or array.size != 1 else array.item()
