"""Products of one array with several matrices, as one product with the matrices side by side.

A layer of attention multiplies its input with the queries', keys' and values' matrices of each head, which are narrow:
XLA reaches half the speed with 16 columns that it has with 192, and a third in their gradients. The gradient by the
input is one product too, where it was a sum of as many arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import lax

from ...graph.program import Instruction
from ..evaluate import Context, Environment, is_host
from .control import written

Array = Any

SIBLINGS = "sibling products"
# Wider matrices are as fast one by one; with few rows it would be the joining of the matrices that takes the time.
_COLUMNS, _ROWS = 64, 256


def joined(instructions: Sequence[Instruction]) -> list[Instruction]:
    """The instructions with those products replaced by instructions named SIBLINGS, also where gradients are taken."""
    made: dict[int, int] = {}  # slots, and at which place
    families: dict[Any, list[int]] = {}
    for place, instruction in enumerate(instructions):
        if instruction.primitive == "dot_general":
            key = instruction.inputs[0], instruction.attributes["contract"], instruction.attributes["batch"]
            family = families.setdefault(key, [place])
            if made.get(instruction.inputs[1], -1) < family[0] < place:
                family.append(place)
        made.update(dict.fromkeys(written([instruction]), place))
    places = {family[0]: [instructions[p] for p in family] for family in families.values() if len(family) > 1}
    gone = {p for family in families.values() for p in family[1:]}
    found = []
    for place, instruction in enumerate(instructions):
        if place in places:
            found.append(_together(places[place]))
        elif instruction.primitive == "gradients":
            (block,) = instruction.blocks
            block = replace(block, instructions=joined(block.instructions))
            found.append(replace(instruction, blocks=(block,)))
        elif place not in gone:
            found.append(instruction)
    return found


def _together(family: Sequence[Instruction]) -> Instruction:
    first = family[0]
    return replace(
        first, primitive=SIBLINGS, inputs=(first.inputs[0], *(i.inputs[1] for i in family)),
        outputs=tuple(i.outputs[0] for i in family), dtypes=tuple(i.dtypes[0] for i in family),
    )  # fmt: skip


def products(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Carries out an instruction that `joined` made."""
    x, *matrices = (environment[slot] for slot in instruction.inputs)
    multiply = context.table["dot_general"]
    if _pays(x, matrices, instruction.attributes):
        together = multiply(x, jnp.concatenate(matrices, axis=1), **instruction.attributes)
        results = lax.split(together, [m.shape[1] for m in matrices], axis=together.ndim - 1)
    else:
        results = [multiply(x, matrix, **instruction.attributes) for matrix in matrices]
    environment.update(zip(instruction.outputs, results, strict=True))


def _pays(x: Array, matrices: Sequence[Array], attributes: dict[str, Any]) -> bool:
    if attributes["contract"] != ((x.ndim - 1,), (0,)) or any(is_host(a) for a in (x, *matrices)):
        return False
    narrow = all(m.ndim == 2 and m.dtype == x.dtype and m.shape[1] <= _COLUMNS for m in matrices)
    return narrow and x.size >= _ROWS * x.shape[-1]


HANDLERS = {SIBLINGS: products}
