"""Functions of each number, applied to the pieces that are wanted.

The formula of an LSTM takes the sigmoid of all four gates and cuts it up: one operation for a compiler that makes one
of them all, as XLA. TensorFlow's executor would cut twice, and compute a piece that nobody reads.
"""

from __future__ import annotations

from dataclasses import replace

from ...graph.program import Block, Instruction
from ..evaluate import free_slots

UNARY = frozenset(("sigmoid", "tanh", "relu", "softplus"))


def pieces_first(block: Block) -> Block:
    """The block with f(x), cut into pieces, as f(pieces of x), where x is cut into these pieces anyway."""
    made = {i.outputs[0]: i for i in block.instructions if i.primitive in UNARY}
    cuts = {_cut(i): i for i in block.instructions if i.primitive == "split" and i.inputs[0] not in made}
    changed: dict[int, list[Instruction]] = {}
    for cut in block.instructions:
        function = made.get(cut.inputs[0]) if cut.primitive == "split" else None
        if function is None:
            continue
        pieces = cuts.get(_cut(replace(cut, inputs=function.inputs)))
        if pieces is None or id(pieces) in changed or _readers(block, function.outputs[0]) > 1:
            continue
        changed[id(function)] = [pieces]
        changed[id(pieces)] = []
        changed[id(cut)] = [
            replace(function, inputs=(piece,), outputs=(result,))
            for piece, result in zip(pieces.outputs, cut.outputs, strict=True)
            if _readers(block, result)
        ]
    instructions = [new for old in block.instructions for new in changed.get(id(old), [old])]
    return Block(block.parameters, instructions, block.results) if changed else block


def _cut(split: Instruction) -> tuple[object, ...]:
    return split.inputs[0], split.attributes["sizes"], split.attributes["axis"]


def _readers(block: Block, slot: int) -> int:
    readers = sum(slot in free_slots(Block((), [i], ())) for i in block.instructions)
    return readers + (slot in block.results)
