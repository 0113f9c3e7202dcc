"""Loops that PyTorch runs as one function: LSTM, and GRU with `reset_after`.

Which loops these are `..recurrent` sees. Of all others, SimpleRNN too, the loop stays: there the one function is no
faster.

One core, milliseconds of processor time, loop written out -> one function:

    LSTM(128), 80 steps, batch 32    prediction 15 -> 7.4    training 46 -> 24
    LSTM(32), 20 steps, batch 32     prediction 0.9 -> 0.2   training 3.1 -> 0.7
    GRU(128), 80 steps, batch 32     prediction 22 -> 9.6    training 46 -> 34
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import torch

from ...graph.program import Instruction
from ..recurrent import find, made_once, may_be
from .control import check_length

Array = Any

# On a GPU the same calls reach cuDNN, which refuses weights that are views turned round, as these, and states that are
# broadcast; warns that it copies weights which are not one piece of memory; and has no second derivatives.
DEVICES = frozenset(("cpu",))

# What the instruction is called that takes the place of a loop.
NAME = "recurrent"


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
        if not any(map(may_be, instructions)):
            return instructions
        made = made_once(instructions)
        found = [self._as_one(i, made) or i for i in instructions]
        return self._without_unread(found, instructions, results)

    def _as_one(self, loop: Instruction, made: dict[int, Instruction]) -> Instruction | None:
        """The instruction that takes the place of a loop, or None."""
        found = find(loop, made, self.known)
        if found is None or not (found.formula.node == "LSTM" or found.formula.reset_after):
            return None
        attributes = {
            "kind": found.formula.node, "flipped": found.flipped, "batch_first": found.batch_first,
            "counts": (len(found.states), len(found.bias), len(found.recurrent_bias)),
        }  # fmt: skip
        inputs = (
            found.x, found.kernel, *found.recurrent, *found.states, *found.bias, *found.recurrent_bias
        )  # fmt: skip
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


# Running them.


@cache
def make_kernels() -> None:
    """Has the kernels of LSTMs made once, beside what comes next: oneDNN writes those of all its products in 35 ms,
    a third of the time from `compile` to the end of the first step of a small net."""
    thread = threading.Thread(target=_smallest_lstm, name="keras-lstm-kernels")
    thread.start()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=thread.join)  # a process with half the kernels would wait for the others for ever


def _smallest_lstm() -> None:
    """One step of two sequences: the product of one alone is none of those."""
    zeros = partial(torch.zeros, dtype=torch.float32, device="cpu")
    state, weight = zeros(1, 2, 1), zeros(4, 1)
    torch.lstm(state, [state, state], [weight, weight], False, 1, 0.0, False, False, False)


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
