"""Loops and branches in NumPy."""

from __future__ import annotations

import numpy as np

from ...graph.program import Instruction
from ..evaluate import Context, Environment, run


def _scan(instruction: Instruction, environment: Environment, context: Context) -> None:
    block = instruction.blocks[0]
    sequences, states = instruction.attributes["sequences"], instruction.attributes["states"]
    values = [environment[slot] for slot in instruction.inputs]
    xs, carried = values[:sequences], values[sequences : sequences + states]
    length = len(xs[0])
    turns = range(length - 1, -1, -1) if instruction.attributes["reverse"] else range(length)
    stacked: list[list[np.ndarray]] = [[] for _ in block.results[states:]]
    for turn in turns:
        local = dict(environment)
        local.update(zip(block.parameters, [*(x[turn] for x in xs), *carried], strict=True))
        run(block.instructions, local, context.inside_loop(np.asarray(turn, dtype=np.uint32)))
        results = [local[slot] for slot in block.results]
        carried = results[:states]
        for items, result in zip(stacked, results[states:], strict=True):
            items.append(result)
    if instruction.attributes["reverse"]:
        stacked = [items[::-1] for items in stacked]
    environment.update(zip(instruction.outputs, [*carried, *(np.stack(s) for s in stacked)], strict=True))


def _cond(instruction: Instruction, environment: Environment, context: Context) -> None:
    block = instruction.blocks[0 if environment[instruction.inputs[0]] else 1]
    local = dict(environment)
    run(block.instructions, local, context)
    environment.update(zip(instruction.outputs, [local[slot] for slot in block.results], strict=True))


def _gradients(instruction: Instruction, environment: Environment, context: Context) -> None:
    raise NotImplementedError(
        "The NumPy runtime has no gradients: it is the reference for forward results. "
        "Use the JAX backend (KERAS_BACKEND=jax) to train."
    )


STRUCTURAL = {"scan": _scan, "cond": _cond, "gradients": _gradients}
