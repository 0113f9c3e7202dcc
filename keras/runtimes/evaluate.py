"""Runs a program's instructions with an engine's table: what all runtimes share.

Shapes and arithmetic on them are plain NumPy numbers here: any primitive whose inputs are
all known, small host values is computed by NumPy at once, so reshapes and the like see
numbers while a program is traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import copy
from typing import Any

import numpy as np

from ..graph import dtypes, randomness
from ..graph.program import Block, Instruction

Environment = dict[int, Any]
Table = dict[str, Callable[..., Any]]

FOLDED_SIZE = 64
# Results can be far larger than the inputs, or the operation is seen outside: the engine's work.
NOT_FOLDED = frozenset(("broadcast_to", "tile", "one_hot", "arange", "repeat", "pad", "print_tensor", "native"))


class Context:
    """What instructions need besides their inputs.

    Attributes:
        table: primitive -> implementation.
        structural: primitive -> handler(instruction, environment, context) that runs blocks.
        fold: the same as `table` for NumPy values, which are computed at once.
        words: makes the random words' places, 0 ... count - 1, as uint32; `AsArrays` where the engine has them.
        seeds: uint32 array, one per random instruction.
        step: uint32 array of shape (1,): which run of the program this is.
        place: opens the engine's scope for a device's name, where instructions are to be placed.
    """

    __slots__ = ("table", "structural", "fold", "words", "seeds", "step", "place")

    def __init__(
        self, table: Table, structural: Table, fold: Table, words: Any, seeds: Any, step: Any,
        place: Callable[[str], AbstractContextManager[Any]] | None = None,
    ) -> None:  # fmt: skip
        self.table = table
        self.structural = structural
        self.fold = fold
        self.words = words
        self.seeds = seeds
        self.step = step
        self.place = place

    def inside_loop(self, turn: Any) -> Context:
        """The context of one turn of a loop: its random numbers differ from turn to turn."""
        return self._with(step=randomness.fold(self.step, self.words.one(turn)))

    def with_structural(self, handlers: Table) -> Context:
        """The same context with further instructions that run blocks."""
        return self._with(structural={**self.structural, **handlers})

    def drawing(self, seeds: Any, step: Any) -> Context:
        """The same context with other random numbers."""
        return self._with(seeds=seeds, step=step)

    def counting(self, words: Any) -> Context:
        """The same context with random words at other places."""
        return self._with(words=words)

    def _with(self, **changes: Any) -> Context:
        other = copy(self)
        for name, value in changes.items():
            setattr(other, name, value)
        return other

    def uniform(self, size: Any, stream: int, dtype: str) -> Any:
        shape = tuple(int(d) for d in size)
        count = int(np.prod(shape, dtype=np.int64))
        seed = self.seeds[stream : stream + 1]
        numbers = randomness.uniform(self.words.places(count), seed, self.step, dtype, self.words.floats)
        return self.table["reshape"](self.table["cast"](numbers, dtype), shape)


class AsArrays:
    """Random words of an array module that has uint32."""

    def __init__(self, xp: Any) -> None:
        self.xp = xp

    def places(self, count: int) -> Any:
        return self.xp.arange(count, dtype="uint32")

    def one(self, number: Any) -> Any:
        """A number as words of shape (1,)."""
        return number.reshape(1).astype("uint32")

    @staticmethod
    def floats(words: Any, dtype: str) -> Any:
        """Words below 2**31 as floats."""
        # int32 conversion is one vector instruction where unsigned conversion is several.
        return words.astype("int32").astype(dtype)


class SignedWords:
    """An engine's int32 array taken as unsigned: the operations that `randomness` needs, where the
    engine's own unsigned integers are lacking."""

    __slots__ = ("bits", "shift")
    dtype = np.dtype(np.uint32)

    def __init__(self, bits: Any, shift: Callable[[Any, int], Any]) -> None:
        self.bits = bits
        self.shift = shift  # to the right, the sign bit coming after

    def _with(self, bits: Any) -> SignedWords:
        return SignedWords(bits, self.shift)

    def __add__(self, other: Any) -> SignedWords:
        return self._with(self.bits + signed(other))

    def __mul__(self, other: Any) -> SignedWords:
        return self._with(self.bits * signed(other))

    def __xor__(self, other: Any) -> SignedWords:
        return self._with(self.bits ^ signed(other))

    def __rshift__(self, places: int) -> SignedWords:
        return self._with(self.shift(self.bits, places) & ((1 << (32 - places)) - 1))

    def __getitem__(self, key: Any) -> SignedWords:
        return self._with(self.bits[key])


def signed(other: Any) -> Any:
    """The bits of words, or one word as the signed number that has its bits."""
    if isinstance(other, SignedWords):
        return other.bits
    word = other.item()
    return word - (1 << 32) if word >> 31 else word


def is_host(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))


def run(instructions: Sequence[Instruction], environment: Environment, context: Context) -> None:
    """Carries out instructions; results are added to the environment."""
    for instruction in instructions:
        if context.place is not None and instruction.device:
            with context.place(instruction.device):
                _carry_out(instruction, environment, context)
        else:
            _carry_out(instruction, environment, context)


def _carry_out(instruction: Instruction, environment: Environment, context: Context) -> None:
    name = instruction.primitive
    handler = context.structural.get(name)
    if handler is not None:
        handler(instruction, environment, context)
        return
    inputs = [environment[slot] for slot in instruction.inputs]
    if name == "random_uniform":
        result = context.uniform(inputs[0], **instruction.attributes)
    elif name == "shape" and None not in tuple(inputs[0].shape):  # else the engine finds out when it runs
        result = np.array(inputs[0].shape, dtype=np.int32)
    elif name not in NOT_FOLDED and all(is_host(i) and i.size <= FOLDED_SIZE for i in inputs):
        result = context.fold[name](*inputs, **instruction.attributes)
    else:
        result = context.table[name](*inputs, **instruction.attributes)
    if isinstance(result, list):
        environment.update(zip(instruction.outputs, result, strict=True))
        return
    if is_host(result):
        result = np.asarray(result, dtype=dtypes.to_numpy(instruction.dtypes[0]))
    environment[instruction.outputs[0]] = result


def draws(block: Block) -> bool:
    """Whether a block draws random numbers."""
    return any(i.primitive == "random_uniform" or any(draws(b) for b in i.blocks) for i in block.instructions)


def free_slots(block: Block) -> list[int]:
    """Slots that a block reads and does not fill itself."""
    filled: set[int] = set(block.parameters)
    free: dict[int, None] = {}

    def walk(instructions: Sequence[Instruction], known: set[int]) -> None:
        for instruction in instructions:
            free.update(dict.fromkeys(s for s in instruction.inputs if s not in known))
            for inner in instruction.blocks:
                walk(inner.instructions, known | set(inner.parameters))
                known |= {s for i in inner.instructions for s in i.outputs}
                free.update(dict.fromkeys(s for s in inner.results if s not in known | set(inner.parameters)))
            known.update(instruction.outputs)

    walk(block.instructions, filled)
    free.update(dict.fromkeys(s for s in block.results if s not in filled))
    return list(free)
