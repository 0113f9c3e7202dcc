"""Loops, branches and gradients in TensorFlow, while a program is traced."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ...graph.program import Block, Instruction
from ..evaluate import Context, Environment, draws, run
from .table import name_of, tensor

Array = Any


def _scan(instruction: Instruction, environment: Environment, context: Context) -> None:
    """A while loop; results are written into one array each."""
    block, attributes = instruction.blocks[0], instruction.attributes
    sequences, states = attributes["sequences"], attributes["states"]
    values = [tensor(environment[slot]) for slot in instruction.inputs[: sequences + states]]
    items, first = values[:sequences], values[sequences:]
    length = items[0].shape[0]
    if length is None:  # in a SavedModel
        length = tf.shape(items[0])[0]
    random = draws(block)

    def turn(number: Array, carried: list[Array]) -> list[Array]:
        place = length - 1 - number if attributes["reverse"] else number
        local = dict(environment)
        local.update(zip(block.parameters, [*(x[place] for x in items), *carried], strict=True))
        run(block.instructions, local, context.inside_loop(place) if random else context)
        results = [tensor(local[slot]) for slot in block.results]
        after = [tf.ensure_shape(tensor(r, name_of(c)), c.shape) for r, c in zip(results, carried, strict=False)]
        return after + results[states:]

    outputs = [
        tf.TensorArray(dtype, size=length, element_shape=shape)
        for shape, dtype in _outputs(turn, first, states)
    ]

    def body(number: Array, carried: list[Array], arrays: list[Any]) -> Any:
        results = turn(number, carried)
        place = length - 1 - number if attributes["reverse"] else number
        arrays = [a.write(place, r) for a, r in zip(arrays, results[states:], strict=True)]
        return number + 1, results[:states], arrays

    _, last, arrays = tf.while_loop(
        lambda number, *_: number < length, body, (tf.constant(0), first, outputs), maximum_iterations=length
    )
    stacked = [a.stack() for a in arrays]
    environment.update(zip(instruction.outputs, [*last, *stacked], strict=True))


def _outputs(turn: Any, first: list[Array], states: int) -> list[tuple[Any, Any]]:
    """Shape and dtype of what one turn puts out, found by tracing it once."""
    traced = tf.function(lambda *carried: turn(tf.constant(0), list(carried))[states:])
    graph = traced.get_concrete_function(*(tf.TensorSpec(x.shape, x.dtype) for x in first))
    return [(o.shape, o.dtype) for o in graph.structured_outputs]


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
    block = instruction.blocks[0]
    direct = instruction.attributes["direct"]
    values = [tensor(environment[slot]) for slot in instruction.inputs]
    sources = [tf.identity(v) for v in values[:direct]] + [tf.zeros_like(v) for v in values[direct:]]
    with tf.GradientTape() as tape:
        tape.watch(sources)
        environment.update(zip(block.parameters, sources, strict=True))
        run(block.instructions, environment, context)
        total = tf.add_n([tf.reduce_sum(tensor(environment[slot])) for slot in block.results])
    if context.place is None:
        found = tape.gradient(total, sources, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    else:  # on the device of the forward operation
        found = tf.compat.v1.gradients(
            total, sources, colocate_gradients_with_ops=True, unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
    places = instruction.attributes["places"]
    environment.update(zip(instruction.outputs, (tf.convert_to_tensor(found[p]) for p in places), strict=True))


STRUCTURAL = {"scan": _scan, "cond": _cond, "gradients": _gradients}
