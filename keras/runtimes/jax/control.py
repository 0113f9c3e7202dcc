"""Branches and gradients in JAX; loops are in loops.py."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.program import Block, Instruction
from ..evaluate import Context, Environment, is_host, run
from . import loops
from .parallel import parallel


def _cond(instruction: Instruction, environment: Environment, context: Context) -> None:
    def branch(block: Block) -> Any:
        def call() -> list[Any]:
            local = dict(environment)
            run(block.instructions, local, context)
            return [jnp.asarray(local[slot]) for slot in block.results]

        return call

    condition = jnp.asarray(environment[instruction.inputs[0]]) != 0
    results = lax.cond(condition, *(branch(b) for b in instruction.blocks))
    environment.update(zip(instruction.outputs, results, strict=True))


def _gradients(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Differentiates the block; every value it computes on the way is kept for the rest of
    the program, so the forward part runs once."""
    block = instruction.blocks[0]
    direct = instruction.attributes["direct"]
    slots = _written(block)
    constants: Environment = {}

    def forward(sources: list[Any]) -> Any:
        local = dict(environment)
        local.update(zip(block.parameters, sources, strict=True))
        run(block.instructions, local, context)
        total = sum(jnp.sum(local[slot]) for slot in block.results)
        constants.update((s, local[s]) for s in slots if is_host(local[s]))
        return total, {s: local[s] for s in slots if s not in constants}

    values = [environment[slot] for slot in instruction.inputs]
    sources = [jnp.asarray(v) for v in values[:direct]] + [jnp.zeros_like(v) for v in values[direct:]]
    total, backward, kept = jax.vjp(forward, sources, has_aux=True)
    (found,) = backward(jnp.ones((), total.dtype))
    # JAX gives the conjugate of the direction in which a real number grows with complex ones.
    found = [jnp.conj(slope) if jnp.iscomplexobj(slope) else slope for slope in found]
    environment.update(kept)
    environment.update(constants)
    places = instruction.attributes["places"]
    environment.update(zip(instruction.outputs, [found[p] for p in places], strict=True))


def _written(block: Block) -> list[int]:
    """Slots that a block fills, those of gradients inside it included."""
    found: dict[int, None] = {}
    for instruction in block.instructions:
        found.update(dict.fromkeys(instruction.outputs))
        if instruction.primitive == "gradients":
            found.update(dict.fromkeys(_written(instruction.blocks[0])))
    return list(found)


STRUCTURAL = {"scan": loops.scan, "cond": _cond, "gradients": _gradients, "parallel": parallel}
