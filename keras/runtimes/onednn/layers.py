"""Which LSTM and GRU layers of a program oneDNN does, and what they are given: for any engine, by its table.

Engines that call oneDNN do so one call after the other, so the two directions of a Bidirectional layer are one call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from math import prod
from typing import Any

import numpy as np

from ...graph.program import Block, Instruction, Program
from ..evaluate import Environment, Table
from ..recurrent import Found, find, made_once
from .library import Library
from .recurrent import GATES, Recurrent

Array = Any
Arrays = tuple[Array, ...]
Lists = tuple[Arrays, ...]  # the arrays of each case
Cases = tuple[Recurrent, ...]

# With fewer samples or multiplications XLA is as fast: an LSTM of 128 predicts one sample in 0.78 ms instead of 0.89.
_SAMPLES, _WORTH = 8, 2_000_000
# What is less than this is not worth a thread of its own. In four threads instead of two a step of LSTM(128) over 80
# steps, batch 32, takes 10.1 ms instead of 13.3 to 14.9, of Bidirectional(LSTM(64)) over 100 11.4 instead of 14.4 to
# 15.3, and 3 to 8 % more processor time (JAX, medians in turn).
_SHARE_SAMPLES, _SHARE_WORTH = 8, 20_000_000


def layers(
    program: Program, usable: Callable[[], Library | None], within: Collection[str] | None = None
) -> dict[int, list[Found]]:
    """The LSTM and GRU layers of a program, by the identity of their loops' instructions.

    With a layer comes the one that reads the same in the other direction, if it is the later of the two.

    Args:
        usable: function () -> oneDNN, or None; asked if the program has loops.
        within: the instructions in whose blocks to look as well; None for all.
    """
    if "scan" not in program.primitives or usable() is None:
        return {}
    numbers = {slot: array for array, slot in program.constants}
    found: dict[int, list[Found]] = {}
    for instructions in _lists(program.block, within):
        made = made_once(instructions)
        here = {n: layer for n, i in enumerate(instructions) if (layer := find(i, made, numbers.get)) is not None}
        for n, layer in here.items():
            unknown = {slot for i in instructions[n:] for slot in i.outputs}
            others = (other for m, other in here.items() if m > n and unknown.isdisjoint(other.read))
            found[id(instructions[n])] = [layer, *islice(filter(partial(_opposite, layer), others), 1)]
    return found


def _lists(block: Block, within: Collection[str] | None) -> Iterator[list[Instruction]]:
    """A block's instructions, and those of the blocks in it."""
    yield block.instructions
    for instruction in block.instructions:
        if within is None or instruction.primitive in within:
            for inner in instruction.blocks:
                yield from _lists(inner, within)


def _opposite(one: Found, other: Found) -> bool:
    return one.x == other.x and one.flipped != other.flipped


def prepared(
    together: Sequence[Found], environment: Environment, table: Table, library: Library
) -> tuple[Cases, Lists] | None:
    """What is to be computed, of which arrays; None where the engine is to do it."""
    threads = library.threads()
    if not threads:
        return None
    most = partial(_most_shares, threads, len(together))
    found = [_prepared(layer, environment, table, most) for layer in together]
    known = [f for f in found if f is not None]
    if len(known) < len(found):
        return None
    return tuple(case for case, _ in known), tuple(arrays for _, arrays in known)


def _prepared(
    layer: Found, environment: Environment, table: Table, most_shares: Callable[[int], int]
) -> tuple[Recurrent, Arrays] | None:
    def read(slots: Iterable[int]) -> list[Array]:
        return [environment[slot] for slot in slots]

    x, kernel, *recurrent = read((layer.x, layer.kernel, *layer.recurrent))
    biases = read((*layer.bias, *layer.recurrent_bias))
    columns = kernel.shape[-1]
    if any(a.dtype.name != "float32" for a in (x, kernel, *recurrent, *biases)) or None in tuple(x.shape):
        return None
    if any(prod(b.shape) != columns for b in biases):
        return None
    kind = "lstm" if layer.formula.node == "LSTM" else "lbr_gru" if layer.formula.reset_after else "gru"
    x = x if layer.batch_first else table["transpose"](x, permutation=(1, 0, 2))
    case = _case(kind, layer.flipped, tuple(x.shape), columns // GATES[kind], most_shares)
    if case is None:
        return None
    states = [table["broadcast_to"](s, (x.shape[0], case.units)) for s in read(layer.states)]
    biases = [table["reshape"](b, (columns,)) for b in biases]
    return case, (x, *states, kernel, table["concatenate"](*recurrent, axis=-1), _bias(layer, case, biases, table))


def _bias(layer: Found, case: Recurrent, biases: list[Array], table: Table) -> Array:
    """As oneDNN has it: what is added to a gate's products is one, but in the last gate of an lbr_gru."""
    add, zeros = table["add"], np.zeros(GATES[case.kind] * case.units, np.float32)
    missing = [zeros] * (2 - len(biases))
    bias, recurrent_bias = missing + biases if layer.recurrent_bias else biases + missing
    if case.kind != "lbr_gru":
        return add(bias, recurrent_bias)
    sizes = 2 * case.units, case.units
    (common, last), (recurrent_common, recurrent_last) = (
        table["split"](b, sizes=sizes, axis=0) for b in (bias, recurrent_bias)
    )
    return table["concatenate"](add(common, recurrent_common), last, recurrent_last, axis=0)


def _case(
    kind: str, backwards: bool, shape: tuple[int, int, int], units: int, most_shares: Callable[[int], int]
) -> Recurrent | None:
    """What is to be computed of an input, if it is worth a call."""
    batch, steps, features = shape
    work = batch * steps * (features + units) * units * GATES[kind]
    if not work or batch < _SAMPLES or work < _WORTH:
        return None
    count = max(min(most_shares(batch), work // _SHARE_WORTH), 1)
    shares = tuple(batch // count + (n < batch % count) for n in range(count))
    return Recurrent(kind, shares, steps, features, units, backwards)


def _most_shares(threads: int, together: int, batch: int) -> int:
    """In how many shares a batch may be cut where so many layers share the threads."""
    return min(threads // together, batch // _SHARE_SAMPLES)


def put(together: Sequence[Found], made: Iterable[Sequence[Array]], environment: Environment, table: Table) -> None:
    """Takes what a call has made for each layer, outputs first, for the results of their loops."""
    for layer, (outputs, *last) in zip(together, made, strict=True):
        outputs = table["flip"](outputs, axes=(1,)) if layer.flipped else outputs
        outputs = table["transpose"](outputs, permutation=(1, 0, 2))
        environment.update(zip(layer.results, [*last, outputs], strict=True))


def flat(lists: Iterable[Iterable[Any]]) -> list[Any]:
    """As a call takes them."""
    return list(chain(*lists))


def by_case(results: Iterable[Array], shapes: Sequence[Sequence[Any]]) -> Lists:
    """What a call gives: the results of each case, whose shapes are these."""
    rest = iter(results)
    return tuple(tuple(islice(rest, len(of_one))) for of_one in shapes)
