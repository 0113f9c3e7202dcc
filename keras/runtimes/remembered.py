"""Products in the turns of a loop whose results the forward loop has kept for the backward one: in any engine.

See the engines' `loops.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ..graph.program import Block, Instruction
from .evaluate import Environment, free_slots, is_host

REMEMBERED = "remembered product"  # stands for what the forward loop has kept the result of
_COSTLY = frozenset(("conv", "conv_transpose", "pool", "scan"))  # not to be computed twice


def fixed_products(block: Block, read: Environment, smooth: Callable[[Any], bool]) -> list[Instruction]:
    """The products and convolutions with what is the same in all turns; none if something else is costly.

    Args:
        block: the body of the loop.
        read: the values of around the loop that it reads.
        smooth: tells whether a value has a derivative.
    """
    found = [i for i in block.instructions if _is_fixed_product(i, read) and smooth(read[i.inputs[1]])]
    chosen = {id(i) for i in found}
    costly = any(i.primitive in _COSTLY and id(i) not in chosen for i in block.instructions)
    return [] if costly else found


def _is_fixed_product(instruction: Instruction, read: Environment) -> bool:
    if instruction.primitive not in ("dot_general", "conv"):
        return False
    left, right = instruction.inputs
    if left in read or right not in read or is_host(read[right]):
        return False
    if instruction.primitive == "conv":
        return bool(instruction.attributes.get("groups", 1) == 1)
    (_, right_axes), (batch, _) = instruction.attributes["contract"], instruction.attributes["batch"]
    return right_axes == (0,) and not batch


def only_multiplied(block: Block, products: Sequence[Instruction]) -> set[int]:
    """The matrices and kernels of fixed products that nothing else in the block reads."""
    chosen = {id(i) for i in products}
    rest = [i for i in block.instructions if id(i) not in chosen]
    elsewhere = set(free_slots(Block(block.parameters, rest, block.results))) | {i.inputs[0] for i in products}
    return {i.inputs[1] for i in products} - elsewhere


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


# Values of which some have a derivative (`chosen`).


def pick(items: Sequence[Any], chosen: Sequence[bool]) -> list[Any]:
    return [item for item, take in zip(items, chosen, strict=True) if take]


def merge(items: Iterable[Any], others: Sequence[Any], chosen: Sequence[bool]) -> list[Any]:
    """The next of the items at the chosen places, the others elsewhere."""
    rest = iter(items)
    return [next(rest) if take else other for other, take in zip(others, chosen, strict=True)]


def distinct(items: Sequence[Any], places: list[int]) -> list[Any]:
    """Each array once: x + h @ U hands the same derivative to both. `places` is set to where each item is found."""
    found = {id(item): item for item in items}
    order = list(found)
    places[:] = [order.index(id(item)) for item in items]
    return list(found.values())
