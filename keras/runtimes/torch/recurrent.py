"""Loops that PyTorch runs as one function: LSTM, and GRU with `reset_after`.

Which loops these are is seen by what they compute (see `keras.graph.cells`): the usual activations, no mask, no
recurrent dropout. Of all others, SimpleRNN too, the loop stays: there the one function is no faster.

One core, milliseconds of processor time, loop written out -> one function:

    LSTM(128), 80 steps, batch 32    prediction 15 -> 7.4    training 46 -> 24
    LSTM(32), 20 steps, batch 32     prediction 0.9 -> 0.2   training 3.1 -> 0.7
    GRU(128), 80 steps, batch 32     prediction 22 -> 9.6    training 46 -> 34
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from ...graph import cells
from ...graph.program import Instruction
from .control import check_length

Array = Any

# cuDNN's functions are the same calls; they wait for somebody to try them on a GPU.
DEVICES = frozenset(("cpu",))

# What the instruction is called that takes the place of a loop.
NAME = "recurrent"

# Those of PyTorch's cells: the gates' comes first.
ACTIVATIONS = (("Sigmoid",), ("Tanh",))


class Finder(NamedTuple):
    """Finds those loops among a program's instructions.

    Attributes:
        known: function (slot) -> the numbers in it, if they are known.
        reads: function (instruction) -> the slots that it or something in it reads.
    """

    known: Callable[[int], np.ndarray | None]
    reads: Callable[[Instruction], Iterable[int]]

    def fused(self, instructions: Sequence[Instruction], results: Iterable[int]) -> Sequence[Instruction]:
        """The instructions with one called 'recurrent' in the place of each such loop; `results` are read later."""
        if not any(map(_may_be, instructions)):
            return instructions
        written = Counter(slot for i in instructions for slot in i.outputs)
        made = {slot: i for i in instructions for slot in i.outputs if written[slot] == 1}
        found = [self._as_one(i, made) or i for i in instructions]
        return self._without_unread(found, instructions, results)

    def _as_one(self, loop: Instruction, made: dict[int, Instruction]) -> Instruction | None:
        """The instruction that takes the place of a loop, or None."""
        cell = _cell(loop, self.known) if _may_be(loop) else None
        if cell is None:
            return None
        kind, (recurrent, *recurrent_biases) = cell
        projected, biases = loop.inputs[0], []
        if flipped := _is(made.get(projected), "flip", axes=(0,)):
            (projected,) = made[projected].inputs
        if _is(made.get(projected), "add"):  # K.rnn leaves it behind the transposition if the bias has one axis
            projected, *biases = made[projected].inputs
        if batch_first := _is(made.get(projected), "transpose", permutation=(1, 0, 2)):
            (projected,) = made[projected].inputs
        if not _is(made.get(projected), "dot_general", contract=((2,), (0,)), batch=((), ())):
            return None
        attributes = {
            "kind": kind, "flipped": flipped, "batch_first": batch_first,
            "counts": (len(loop.inputs) - 1, len(biases), len(recurrent_biases)),
        }  # fmt: skip
        inputs = (*made[projected].inputs, recurrent, *loop.inputs[1:], *biases, *recurrent_biases)
        return replace(loop, primitive=NAME, inputs=inputs, attributes=attributes, blocks=())

    def _without_unread(
        self, found: Sequence[Instruction], before: Sequence[Instruction], results: Iterable[int]
    ) -> list[Instruction]:
        """The instructions without those whose values were read by the loops alone that are no more."""
        kept: list[Instruction] = []
        gone = {slot for i, old in zip(found, before, strict=True) if i is not old for slot in old.inputs}
        wanted = set(results)
        for instruction in reversed(found):
            if gone.intersection(instruction.outputs) and not wanted.intersection(instruction.outputs):
                gone.update(instruction.inputs)
                continue
            wanted.update(self.reads(instruction))
            kept.append(instruction)
        return kept[::-1]


def _may_be(instruction: Instruction) -> bool:
    """Whether to look closer: that takes some time."""
    if instruction.primitive != "scan":
        return False
    attributes, used = instruction.attributes, {i.primitive for i in instruction.blocks[0].instructions}
    return attributes["sequences"] == 1 and not attributes["reverse"] and {"sigmoid", "tanh"} <= used


def _is(instruction: Instruction | None, primitive: str, **attributes: Any) -> bool:
    if instruction is None or instruction.primitive != primitive:
        return False
    return attributes.items() <= instruction.attributes.items()


def _cell(loop: Instruction, known: Callable[[int], np.ndarray | None]) -> tuple[str, list[int]] | None:
    """'LSTM' or 'GRU' and the slots of the recurrent weights, if that is what a loop computes."""
    count, (shape, dtype) = loop.attributes["states"], loop.attributes["specs"][0]
    if dtype not in ("float32", "float64") or len(shape) != 2 or shape[1] is None or count > 2:
        return None
    found = cells.recognise(
        loop.blocks[0], shape[1] * (4 if count == 2 else 3), shape[1], count, False,
        lambda slot: cells.number(known(slot)), ACTIVATIONS,
    )  # fmt: skip
    if found is None or found.activations != ACTIVATIONS:
        return None
    formula = found.formula
    return (formula.node, found.weights) if formula.node == "LSTM" or formula.reset_after else None


# Running them.


def function_for(instruction: Instruction) -> Callable[..., Any]:
    """What computes an instruction 'recurrent' from its inputs."""
    return partial(_run, **instruction.attributes)


def _run(
    x: Array, kernel: Array, recurrent: Array, *rest: Array,
    kind: str, flipped: bool, batch_first: bool, counts: tuple[int, int, int],
) -> tuple[Array, ...]:  # fmt: skip
    """The last states and the outputs of all steps."""
    x = x.transpose(0, 1) if batch_first else x
    check_length(x.shape[0])
    x = x.flip(0) if flipped else x
    given = iter(rest)
    states, bias, recurrent_bias = ([next(given) for _ in range(count)] for count in counts)
    weights = [_by_gates(kind, w).t() for w in (kernel, recurrent)]
    if bias or recurrent_bias:
        zeros = kernel.new_zeros(kernel.shape[1])
        weights += [_by_gates(kind, zeros + b[0] if b else zeros) for b in (bias, recurrent_bias)]
    initial = [s.expand(x.shape[1], -1)[None] for s in states]
    options = (bool(bias or recurrent_bias), 1, 0.0, torch.is_grad_enabled(), False, False)
    if kind == "LSTM":
        outputs, *last = torch.lstm(x, initial, weights, *options)
    else:
        outputs, *last = torch.gru(x, *initial, weights, *options)
    return (*(state[0] for state in last), outputs)


def _by_gates(kind: str, columns: Array) -> Array:
    """A weight with its columns in PyTorch's order: i, f, c, o as here for an LSTM, r, z, h for a GRU."""
    if kind == "LSTM":
        return columns
    z, r, h = columns.chunk(3, -1)
    return torch.cat((r, z, h), -1)
