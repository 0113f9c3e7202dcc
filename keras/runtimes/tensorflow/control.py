"""Branches and gradients in TensorFlow, while a program is traced; loops are in loops.py."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ...graph.program import Block, Instruction
from ..evaluate import Context, Environment, run
from . import loops
from .table import tensor
from .tapes import Tape

Array = Any

# The name of a handler of "scan" instructions that are differentiated once, where a program has one of its own.
DIFFERENTIATED = "scan to differentiate"


def _cond(instruction: Instruction, environment: Environment, context: Context) -> None:
    def branch(block: Block) -> Any:
        def call() -> list[Array]:
            local = dict(environment)
            run(block.instructions, local, context)
            return [tensor(local[slot]) for slot in block.results]

        return call

    condition = tf.cast(tensor(environment[instruction.inputs[0]]), tf.bool)
    results = tf.cond(condition, *(branch(b) for b in instruction.blocks))
    environment.update(zip(instruction.outputs, tf.nest.flatten(results), strict=True))


def _gradients(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Differentiates the block; every value it computes on the way is kept for the rest of
    the program, so the forward part runs once."""
    # The gradient of its own that a loop may have cannot be differentiated again.
    differentiated = context.structural.get(DIFFERENTIATED, loops.scan_to_differentiate)
    scan = loops.scan if context.place else differentiated
    _differentiate(instruction, environment, context.with_structural({"scan": scan, "gradients": _inner_gradients}))


def _inner_gradients(instruction: Instruction, environment: Environment, context: Context) -> None:
    _differentiate(instruction, environment, context.with_structural({"scan": loops.scan}))


def _differentiate(instruction: Instruction, environment: Environment, context: Context) -> None:
    block = instruction.blocks[0]
    direct = instruction.attributes["direct"]
    values = [tensor(environment[slot]) for slot in instruction.inputs]
    sources = [tf.identity(v) for v in values[:direct]] + [tf.zeros_like(v) for v in values[direct:]]
    with Tape(sources) as tape:
        environment.update(zip(block.parameters, tape.sources, strict=True))
        run(block.instructions, environment, context)
        total = tf.add_n([tf.reduce_sum(tensor(environment[slot])) for slot in block.results])
    if context.place is None:
        found = tape.gradient(total)
    else:  # on the device of the forward operation
        found = tf.compat.v1.gradients(
            total, sources, colocate_gradients_with_ops=True, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
    places = instruction.attributes["places"]
    environment.update(zip(instruction.outputs, (tf.convert_to_tensor(found[p]) for p in places), strict=True))


STRUCTURAL = {"scan": loops.scan, "cond": _cond, "gradients": _gradients}
