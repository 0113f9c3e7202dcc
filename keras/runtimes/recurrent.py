"""LSTM and GRU layers among a program's instructions, for engines that have one function for all steps.

They are known by what their loops compute (see `keras.graph.cells`): the usual activations, no mask, no recurrent
dropout. To the layer belongs the product of its inputs with the kernel, which is made before the loop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..graph import cells
from ..graph.nodes import Slot
from ..graph.program import Instruction

# The gates' comes first.
ACTIVATIONS = (("Sigmoid",), ("Tanh",))


class Found(NamedTuple):
    """A layer.

    Attributes:
        formula: of its cell: LSTM or one of the GRUs.
        x, kernel, recurrent, states: where its inputs, weights and initial states are; a GRU without `reset_after` has
            two recurrent kernels.
        bias, recurrent_bias: one, or none.
        flipped: whether it begins with the last step.
        batch_first: whether the inputs are (batch, steps, features), and not (steps, batch, features).
        results: where the last states and the outputs of all steps go.
    """

    formula: cells.Formula
    x: Slot
    kernel: Slot
    recurrent: tuple[Slot, ...]
    states: tuple[Slot, ...]
    bias: tuple[Slot, ...]
    recurrent_bias: tuple[Slot, ...]
    flipped: bool
    batch_first: bool
    results: tuple[Slot, ...]

    @property
    def read(self) -> tuple[Slot, ...]:
        return (self.x, self.kernel, *self.recurrent, *self.states, *self.bias, *self.recurrent_bias)


def made_once(instructions: Sequence[Instruction]) -> dict[Slot, Instruction]:
    """What fills each slot; without those that are filled more than once."""
    written = Counter(slot for i in instructions for slot in i.outputs)
    return {slot: i for i in instructions for slot in i.outputs if written[slot] == 1}


def find(
    loop: Instruction, made: dict[Slot, Instruction], known: Callable[[Slot], np.ndarray | None]
) -> Found | None:
    """The layer whose loop an instruction is, or None.

    Args:
        made: of the instructions beside it, see `made_once`.
        known: function (slot) -> the numbers in it, if they are known.
    """
    cell = _cell(loop, known) if may_be(loop) else None
    if cell is None:
        return None
    formula, weights = cell
    projected, bias = loop.inputs[0], []
    if flipped := _is(made.get(projected), "flip", axes=(0,)):
        (projected,) = made[projected].inputs
    if _is(made.get(projected), "add"):  # K.rnn leaves it behind the transposition if the bias has one axis
        projected, *bias = made[projected].inputs
    if batch_first := _is(made.get(projected), "transpose", permutation=(1, 0, 2)):
        (projected,) = made[projected].inputs
    if not _is(made.get(projected), "dot_general", contract=((2,), (0,)), batch=((), ())):
        return None
    x, kernel = made[projected].inputs
    kernels = len(formula.kernels)
    return Found(
        formula, x, kernel, tuple(weights[:kernels]), tuple(loop.inputs[1:]), tuple(bias), tuple(weights[kernels:]),
        flipped, batch_first, tuple(loop.outputs),
    )  # fmt: skip


def may_be(instruction: Instruction) -> bool:
    """Whether to look closer: that takes some time."""
    if instruction.primitive != "scan":
        return False
    attributes, used = instruction.attributes, {i.primitive for i in instruction.blocks[0].instructions}
    return attributes["sequences"] == 1 and not attributes["reverse"] and {"sigmoid", "tanh"} <= used


def _is(instruction: Instruction | None, primitive: str, **attributes: Any) -> bool:
    if instruction is None or instruction.primitive != primitive:
        return False
    return attributes.items() <= instruction.attributes.items()


def _cell(loop: Instruction, known: Callable[[Slot], np.ndarray | None]) -> tuple[cells.Formula, list[Slot]] | None:
    """The formula and the slots of the recurrent weights, if that is what a loop computes."""
    count, (shape, dtype) = loop.attributes["states"], loop.attributes["specs"][0]
    if dtype not in ("float32", "float64") or len(shape) != 2 or shape[1] is None or count > 2:
        return None
    found = cells.recognise(
        loop.blocks[0], shape[1] * (4 if count == 2 else 3), shape[1], count, False,
        lambda slot: cells.number(known(slot)), ACTIVATIONS,
    )  # fmt: skip
    if found is None or found.activations != ACTIVATIONS:
        return None
    return found.formula, found.weights
