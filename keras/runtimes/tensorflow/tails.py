"""What goes over arrays many times, as programs of XLA: the elementwise end of a program - an optimizer's arithmetic -
and random numbers.

TensorFlow's executor goes over the weights once for each operation, which for Adam are a dozen, and thirty times over
random numbers; XLA goes once. Processor time of a training step on one core: three Dense layers of 670,000 weights
10.4 -> 8.7 ms, an LSTM behind an Embedding of 20,000 x 128 68 -> 58. It is compiled in 0.3 s. Random numbers: 65,000
0.47 -> 0.2 ms, 1,200,000 8.6 -> 1.0; compiled in 0.04 s. On four cores more: each shift waits for other threads. An MLP
that draws twice 65,000 takes 4.5 instead of 5.2 ms a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import tensorflow as tf

from ...graph.program import Block, Instruction, Program
from ..evaluate import Context, Environment, free_slots, is_host, run
from .table import TABLE, tensor
from .words import Words, words_of

# From how many on it pays: fewer stay in the processor's cache. Calling a program of XLA takes 0.1 ms.
WORTHWHILE = 100_000  # weights to update
MANY = 32_000  # random numbers
ELEMENTWISE = frozenset((
    "add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "absolute", "sign", "power", "exp",
    "maximum", "minimum", "clip", "cast", "less", "less_equal", "greater", "greater_equal", "equal", "where", "switch",
))  # fmt: skip


def divided(program: Program) -> tuple[Sequence[Instruction], Sequence[Instruction]]:
    """The instructions, and those at the end that are elementwise and that only updates need."""
    instructions = program.block.instructions
    if updated_numbers(program) < WORTHWHILE:
        return instructions, []
    read = set(program.block.results)
    body: list[Instruction] = []
    tail: list[Instruction] = []
    for instruction in reversed(instructions):
        if instruction.primitive in ELEMENTWISE and read.isdisjoint(instruction.outputs):
            tail.append(instruction)
        else:
            body.append(instruction)
            read.update(free_slots(Block((), [instruction], ())))
    return body[::-1], tail[::-1]


def updated_numbers(program: Program) -> int:
    """How many numbers a run of it writes into variables."""
    return sum(size(variable.shape) for variable, _ in program.updates)


def size(shape: Sequence[int | None]) -> int:
    return math.prod(d or 0 for d in shape)


def run_tail(tail: Sequence[Instruction], results: Sequence[int], environment: Environment, context: Context) -> None:
    """Carries out the instructions in a program of XLA; the results that they make are added to the environment."""
    made = {slot for instruction in tail for slot in instruction.outputs}
    read = {slot: environment[slot] for instruction in tail for slot in instruction.inputs if slot not in made}
    hosts = {slot: value for slot, value in read.items() if is_host(value)}
    arrays = {slot: value for slot, value in read.items() if slot not in hosts}
    wanted = [slot for slot in dict.fromkeys(results) if slot in made]

    def compute(*values: tf.Tensor) -> list[tf.Tensor]:
        local: Environment = {**hosts, **dict(zip(arrays, values, strict=True))}
        run(tail, local, context)
        return [tensor(local[slot]) for slot in wanted]

    found = tf.function(compute, autograph=False, jit_compile=True)(*arrays.values())
    environment.update(zip(wanted, found, strict=True))


class RandomInXla(Context):
    """A context in which XLA makes random numbers, where they are many."""

    def uniform(self, size: Any, stream: int, dtype: str) -> tf.Tensor:
        if math.prod(int(d) for d in size) < MANY:
            return super().uniform(size, stream, dtype)
        numbers = numbers_by_xla(tuple(int(d) for d in size), dtype)
        return numbers(self.seeds.bits[stream : stream + 1], self.step.bits)


@lru_cache(maxsize=64)
def numbers_by_xla(size: tuple[int, ...], dtype: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """Random numbers by seed and step: compiled once, however many layers and programs draw so many."""

    def numbers(seed: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        return Context(TABLE, {}, {}, Words, words_of(seed), words_of(step)).uniform(size, 0, dtype)

    return tf.function(numbers, autograph=False, jit_compile=True)  # type: ignore[no-any-return]
