"""Products in the turns of a loop whose results the forward loop has kept for the backward one: in any engine.

See the engines' `loops.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..graph.program import Block, Instruction
from .evaluate import Environment, free_slots, is_host

REMEMBERED = "remembered product"  # stands for what the forward loop has kept the result of


def known_product(
    block: Block, products: Sequence[Instruction], product: Instruction, inputs: tuple[int, ...], local: Environment
) -> Instruction:
    """A product as the backward loop sees it: a known result, of the product or of x + product.

    Args:
        products: all of the block's that are remembered.
        inputs: those of the product that the backward loop takes; x is added to them.
        local: the values of a turn.
    """
    (out,) = product.outputs
    result = out
    total = _only_sum(block, products, out)
    if total is not None:
        other = next(s for s in total.inputs if s != out)
        x, y = local[other], local[out]
        if not is_host(x) and x.shape == y.shape and x.dtype == y.dtype:
            inputs, result = (*inputs, other), total.outputs[0]
    return Instruction(REMEMBERED, inputs, (result,), product.attributes, product.dtypes)


def _only_sum(block: Block, products: Sequence[Instruction], out: int) -> Instruction | None:
    """The addition of a product and something that is none, if nothing else reads the product."""
    if out in block.results:
        return None
    made = {p.outputs[0] for p in products}
    readers = [i for i in block.instructions if out in free_slots(Block((), [i], ()))]
    if len(readers) != 1 or readers[0].primitive != "add":
        return None
    return readers[0] if sum(s in made for s in readers[0].inputs) == 1 else None


def replaced(block: Block, products: Sequence[Instruction], forms: Sequence[Instruction]) -> list[Instruction]:
    """The block's instructions with those whose results are known replaced."""
    known = {form.outputs: form for form in forms}
    made = {p.outputs for p in products}
    return [known.get(i.outputs, i) for i in block.instructions if i.outputs in known or i.outputs not in made]
