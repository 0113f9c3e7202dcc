"""Loops that are a SimpleRNN, GRU or LSTM, as ONNX's nodes of those kinds.

More programs read these than a Scan, and onnxruntime runs them faster: an LSTM over one sequence in a third of the
time.
"""

from typing import NamedTuple

import numpy as np

from ..graph import cells
from ..runtimes.numpy.table import TABLE as NUMPY_TABLE
from . import shaping
from .graphs import Value

# What makes of weights the parts that a cell takes: slices, and cuDNN's layout undone.
_OF_WEIGHTS = frozenset(("index", "reshape", "transpose", "concatenate", "add"))
# What makes of zeros more zeros.
_OF_ZEROS = frozenset(("broadcast_to", "reduce_sum", "cast", "expand_dims", "tile", "identity"))


class Projection(NamedTuple):
    """What a loop goes over: `sequence @ kernel + bias`.

    Attributes:
        turned: whether the loop has the batch and the time the other way round.
        flipped: whether it begins with the last step.
    """

    sequence: Value
    kernel: Value
    bias: Value | None
    turned: bool
    flipped: bool


def lowered(lowering, graph, instruction, inputs):
    """The results of a scan as a recurrent node gives them, or None where it is none that ONNX has."""
    count, block = instruction.attributes["sequences"], instruction.blocks[0]
    x, masks, carried = inputs[0], inputs[1:count], inputs[count : count + instruction.attributes["states"]]
    states = carried[len(masks) :]  # with a mask, the output that masked steps repeat is carried first
    projection = _projection(x)
    if projection is None or instruction.attributes["reverse"] or not _fit(x, masks, states):
        return None
    if masks and not _is_zero(carried[0]):
        return None
    found = cells.recognise(
        block, x.shape[-1], states[0].shape[-1], len(states), bool(masks), lambda slot: _constant(lowering.values[slot])
    )
    weights = found and _weights(graph, found.formula, projection, [lowering.values[slot] for slot in found.weights])
    if not weights:
        return None
    run = _masked if masks else _plain
    return run(graph, found, projection, weights, states, *masks)


# What a loop is made of.


def _projection(x):
    """How a loop's inputs were made, or None if that is no projection; its parts may come in any order."""
    bias, turned, flipped = None, False, False
    while not _is_made_by(x, "dot_general", contract=((2,), (0,)), batch=((), ())):
        if _is_made_by(x, "transpose", permutation=(1, 0, 2)):
            turned = not turned
        elif _is_made_by(x, "flip", axes=(1 if turned else 0,)):
            flipped = not flipped
        elif _is_made_by(x, "add") and bias is None:
            bias = x.made.inputs[1]
        else:
            return None
        x = x.made.inputs[0]
    return Projection(*x.made.inputs, bias, turned, flipped)


def _is_made_by(value, primitive, **attributes):
    made = value.made
    return made is not None and made.primitive == primitive and attributes.items() <= made.attributes.items()


def _fit(x, masks, states):
    """Whether all is in single precision, as onnxruntime's recurrent nodes want it, and of fitting shapes."""
    values = [x, *states]
    widths = {state.shape[-1] for state in states}
    if any(v.dtype != "float32" for v in values) or len(widths) != 1 or None in widths:
        return False
    # A mask of one row may stand for all rows of a batch.
    one_each = all(mask.ndim == 2 and mask.shape[1] == x.shape[1] for mask in masks)
    return one_each and len(masks) < 2 and [v.ndim for v in values] == [3] + [2] * len(states)


def _is_zero(value):
    """Whether a value was made of nothing but zeros."""
    while value.made is not None and value.made.primitive in _OF_ZEROS:
        value = value.made.inputs[0]
    return value.host is not None and not value.host.any()


def _constant(value):
    return None if value.label else cells.number(value.host)


# Weights, as ONNX wants them: a row for each of a gate's units, its own order of gates, an axis for the directions.


def _weights(graph, formula, projection, recurrent):
    """The names of W, R and B ('' without biases), or None where they aren't known before the model runs."""
    kernel, bias = projection.kernel, projection.bias
    kernels, biases = recurrent[: len(formula.kernels)], recurrent[len(formula.kernels) :]
    units = kernels[0].shape[0]
    wanted = [(units, count * units) for count in formula.kernels]
    vectors = [b for b in (bias, *biases) if b is not None]
    if [tuple(k.shape) for k in kernels] != wanted or any(_numbers(v) is None for v in (kernel, *kernels, *vectors)):
        return None
    if any(tuple(v.shape) != (len(formula.gates) * units,) for v in vectors):
        return None

    def stored(values, make):
        key = (formula.node, *map(id, values))
        if key not in values[0].forms:
            values[0].forms[key] = graph.constant(make(*map(_numbers, values)), _label(values[0]))
        return values[0].forms[key]

    def matrix(*parts):
        return _by_gates(np.concatenate(parts, 1), formula.gates).T[None]

    def vector(*found):
        own = found[0] if bias is not None else np.zeros_like(found[0])
        other = found[-1] if biases else np.zeros_like(own)
        return np.concatenate([_by_gates(own, formula.gates), _by_gates(other, formula.gates)])[None]

    return stored([kernel], matrix), stored(kernels, matrix), stored(vectors, vector) if vectors else ""


def _by_gates(columns, gates):
    parts = np.split(columns, len(gates), -1)
    return np.concatenate([parts[gate] for gate in gates], -1)


def _numbers(value):
    """The numbers of a weight, or of what is made of weights alone; else None."""
    if value.host is not None or value.made is None or value.made.primitive not in _OF_WEIGHTS:
        return value.host
    if "numbers" not in value.forms:
        inputs = [_numbers(v) for v in value.made.inputs]
        known = all(array is not None for array in inputs)
        value.forms["numbers"] = NUMPY_TABLE[value.made.primitive](*inputs, **value.made.attributes) if known else None
    return value.forms["numbers"]


def _label(value):
    """The name of the (first) weight that a value is made of."""
    while not value.label and value.made is not None:
        value = value.made.inputs[0]
    return value.label


# Nodes.


def _plain(graph, found, projection, weights, states):
    return _node(graph, found, _sequence(graph, projection), weights, states)


def _sequence(graph, projection):
    name = graph.plain(projection.sequence)
    name = graph.transposed(name, (1, 0, 2)) if projection.turned else name
    return shaping.flipped(graph, name, [0]) if projection.flipped else name


def _node(graph, found, sequence, weights, states, lengths=""):
    """The last states and the outputs of all steps."""
    formula, functions = found.formula, found.activations
    functions += functions[-1:] * (formula.node == "LSTM")  # once for the candidates, once for the output
    alphas = [f[1] for f in functions if len(f) > 1]
    betas = [f[2] for f in functions if len(f) > 2]
    initial = ["" if _is_zero(s) else graph.node("Unsqueeze", graph.plain(s), graph.ints([0])) for s in states]
    outputs, *last = graph.node(
        formula.node, sequence, *weights, lengths, *initial, count=1 + len(states),
        hidden_size=states[0].shape[-1], activations=[f[0] for f in functions],
        **({"activation_alpha": alphas} if alphas else {}), **({"activation_beta": betas} if betas else {}),
        **({"linear_before_reset": 1} if formula.reset_after else {}),
    )  # fmt: skip
    last = [graph.node("Squeeze", name, graph.ints([0])) for name in last]
    return [*last, graph.node("Squeeze", outputs, graph.ints([1]))]


def _masked(graph, found, projection, weights, states, mask):
    """The unmasked steps are moved to the front and run; then each step takes the output of the last one before it.

    Rows without an unmasked step run one that is thrown away.
    """
    counted = graph.cast_name(graph.plain(mask), "int64")
    seen = graph.node("CumSum", counted, graph.ints(0))  # unmasked steps up to each one
    total = graph.reduce("ReduceSum", counted, [0], keepdims=False)
    lengths = graph.cast_name(graph.node("Max", total, graph.ints(1)), "int32")
    steps = graph.node("Gather", graph.node("Shape", counted), graph.ints([0]))
    _, order = graph.node("TopK", counted, steps, axis=0, count=2)  # of equals it takes the first first
    front = _steps(graph, _sequence(graph, projection), order)
    *last, outputs = _node(graph, found, front, weights, states, lengths)

    zero = graph.constant(np.float32(0))
    outputs = _steps(graph, outputs, graph.node("Sub", seen, graph.ints(1)))
    outputs = _where_positive(graph, seen, outputs, zero)
    kept = [_where_positive(graph, total, new, graph.plain(old)) for new, old in zip(last, states, strict=True)]
    return [_where_positive(graph, total, last[0], zero), *kept, outputs]


def _steps(graph, sequence, places):
    """Of a sequence (time, batch, features) the steps at `places` (time, batch), which may be -1."""
    shape = graph.node("Shape", sequence)
    batch, width = (graph.node("Gather", shape, graph.ints(axis)) for axis in (1, 2))
    rows = graph.node("Range", graph.ints(0), batch, graph.ints(1))
    rows = graph.node("Add", graph.node("Mul", places, batch), rows)
    width = graph.node("Unsqueeze", width, graph.ints([0]))
    flat = graph.node("Reshape", sequence, graph.node("Concat", graph.ints([-1]), width, axis=0))
    return graph.node("Gather", flat, rows, axis=0)


def _where_positive(graph, count, value, other):
    """`value` where a count is above 0, over all features."""
    positive = graph.node("Greater", count, graph.ints(0))
    return graph.node("Where", graph.node("Unsqueeze", positive, graph.ints([-1])), value, other)
