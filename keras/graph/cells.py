"""Which loops are a SimpleRNN, GRU or LSTM.

A loop is known by what its body computes, not by the layer it comes from: it is compared with the cells' own
formulas, which those who have them register (see `keras.layers.recurrent_formulas`). What a layer of somebody's
own does differently shows there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .nodes import Slot
from .program import Block, Instruction, Program

# How ONNX calls a function, with alpha and beta where it takes these: ("HardSigmoid", 0.2, 0.5).
Activation = tuple[Any, ...]
Form = tuple[Any, ...]
Numbers = Callable[[Slot], Any]  # the number that a slot is known to hold, or None

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
        trace: (activations, units, masked) -> a program with the loop. The activations are in ONNX's order: that of
            the gates comes first.
        activations: how many it has.
        reset_after: a GRU's.
    """

    node: str
    gates: tuple[int, ...]
    states: int
    kernels: tuple[int, ...]
    bias: bool
    trace: Callable[[tuple[Activation, ...], int, bool], Program]
    activations: int = 2
    reset_after: bool = False


class Recognised(NamedTuple):
    """A body's formula, its activations, and the slots of its recurrent weights."""

    formula: Formula
    activations: tuple[Activation, ...]
    weights: list[Slot]


_FORMULAS: list[Formula] = []
_ACTIVATIONS: list[Activation] = []


def register(formulas: Iterable[Formula], activations: Iterable[Activation]) -> None:
    """Makes formulas known, and the activations to try them with, the usual ones first."""
    _FORMULAS.extend(formulas)
    _ACTIVATIONS.extend(activations)


def recognise(
    block: Block, columns: int, units: int, states: int, masked: bool, constant: Numbers,
    among: Iterable[Activation] | None = None,
) -> Recognised | None:  # fmt: skip
    """What a loop's body computes, as a `Recognised`, or None.

    Args:
        columns: how many numbers the projected inputs of a step have.
        states: how many states of `units` numbers there are, not counting the output that a mask keeps.
        masked: whether the loop has a mask as its second sequence.
        constant: function (slot) -> the number that an outer slot is known to hold, or None.
        among: the activations to try; all that are known unless said.
    """
    if len(block.instructions) > LARGEST:
        return None
    form, outer = _form(block, constant)
    tried = tuple(_ACTIVATIONS if among is None else among)
    for formula in _FORMULAS:
        if (len(formula.gates) * units, formula.states) != (columns, states):
            continue
        for functions in product(tried, repeat=formula.activations):
            if _traced(formula, functions, units, masked) == form:
                return Recognised(formula, functions, outer)
    return None


def _form(block: Block, constant: Numbers) -> tuple[Form, list[Slot]]:
    """What a block computes, the same for all that compute it in the same way, and the outer slots it reads.

    Everything is numbered in the order in which the results come to need it.
    """
    makers = {slot: (i, n) for i in block.instructions for n, slot in enumerate(i.outputs)}
    places: dict[Slot, Form] = {slot: ("parameter", n) for n, slot in enumerate(block.parameters)}
    rows: list[Form] = []
    outer: list[Slot] = []

    def place(slot: Slot) -> Form:
        if slot not in places:
            places[slot] = made(*makers[slot]) if slot in makers else read(slot)
        return places[slot]

    def made(instruction: Instruction, output: int) -> Form:
        inputs = tuple(place(slot) for slot in instruction.inputs)
        row = (instruction.primitive, inputs, repr(sorted(instruction.attributes.items())), len(instruction.blocks))
        rows.append(row)
        return (len(rows), output)

    def read(slot: Slot) -> Form:
        number = constant(slot)
        if number is not None:
            return ("constant", number)
        outer.append(slot)
        return ("outer", len(outer))

    results = tuple(place(slot) for slot in block.results)
    return (tuple(rows), results), outer


@lru_cache(maxsize=1024)
def _traced(formula: Formula, functions: tuple[Activation, ...], units: int, masked: bool) -> Form:
    """The form of the loop's body that a formula makes."""
    program = formula.trace(functions, units, masked)
    (loop,) = (i for i in program.block.instructions if i.primitive == "scan")
    constants = {slot: array for array, slot in program.constants}
    return _form(loop.blocks[0], lambda slot: number(constants.get(slot)))[0]


def number(array: np.ndarray | None) -> Any:
    """The number that an array of one element holds; None for another or for no array."""
    return None if array is None or array.size != 1 else array.item()
