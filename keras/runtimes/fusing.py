"""Several instructions in a row for which an engine has one function."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from ..graph.nodes import Slot
from ..graph.program import Block, Instruction

Made = dict[Slot, Instruction]
# function (instruction, what makes a slot that nothing else reads) -> the instruction for all, and those that it takes
# the place of beside its own; nothing, where there is no such.
Pattern = Callable[[Instruction, Made], Sequence[Instruction]]


def fused(
    instructions: Sequence[Instruction], results: Iterable[Slot], patterns: Mapping[str, Pattern],
    kept: Collection[Slot] = (),
) -> Sequence[Instruction]:  # fmt: skip
    """The instructions with one in the place of several where that is possible.

    Args:
        results: slots that are read later.
        patterns: what to look for, by the primitive of the last of several.
        kept: slots that are to be made as they are.
    """
    read = Counter(results)
    filled: Counter[Slot] = Counter()
    for instruction in instructions:
        read.update(reads_of(instruction) if instruction.blocks else instruction.inputs)  # twice, if it is there twice
        filled.update(written_by(instruction))
    made = {slot: i for i in instructions for slot in i.outputs if filled[slot] == read[slot] == 1}
    gone: set[Slot] = set()
    found = []
    for instruction in instructions:
        pattern = patterns.get(instruction.primitive)
        parts = pattern(instruction, made) if pattern else None
        if parts and not any(slot in kept for slot in instruction.outputs):
            new, *old = parts
            if all(part.device == instruction.device for part in old):
                gone.update(part.outputs[0] for part in old)
                # What is made one may be part of something larger.
                made.update(dict.fromkeys(made.keys() & set(instruction.outputs), new))
                instruction = new
        found.append(instruction)
    return [i for i in found if not gone.intersection(i.outputs)] if gone else instructions


def source(instruction: Instruction, made: Made, *primitives: str) -> Instruction | None:
    """What makes an instruction's first input, if it is one of the primitives."""
    found = made.get(instruction.inputs[0])
    return found if found and found.primitive in primitives else None


def normalisation(addition: Instruction, made: Made) -> tuple[tuple[Slot, ...], tuple[Instruction, ...]] | None:
    """If an addition ends `(x - mean) * scale + shift`: these four slots, and the instructions before it."""
    product = source(addition, made, "multiply")
    difference = product and source(product, made, "subtract")
    if not product or not difference:
        return None
    return (*difference.inputs, product.inputs[1], addition.inputs[1]), (product, difference)


def reads_of(instruction: Instruction) -> list[Slot]:
    """Slots that an instruction or something inside it reads."""
    found = dict.fromkeys(instruction.inputs)
    for block in instruction.blocks:
        for inner in block.instructions:
            found.update(dict.fromkeys(reads_of(inner)))
        found.update(dict.fromkeys(block.results))
    return list(found)


def all_reads(block: Block) -> Counter[Slot]:
    """How often each slot is read, in gradients and loops inside too."""
    found = Counter(block.results)
    for instruction in block.instructions:
        found.update(instruction.inputs)
        for inner in instruction.blocks:
            found.update(all_reads(inner))
    return found


def written_by(instruction: Instruction) -> list[Slot]:
    """Slots that are filled once an instruction has run: what a gradient computes on the way included."""
    found = list(instruction.outputs)
    if instruction.primitive == "gradients":
        for inner in instruction.blocks[0].instructions:
            found += written_by(inner)
    return found
