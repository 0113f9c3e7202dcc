"""Scans in JAX, with a faster gradient by what does not change from turn to turn.

A recurrent step multiplies its state by a matrix U that is the same in all turns. Left to
itself, autodiff adds up U's gradient in every turn of the backward loop, a rank-B product and
a pass over U each time. Here such products are taken out: the backward loop only keeps the
derivative of each product's result, and one product after the loop makes the gradient of U
from all turns at once. An LSTM of 128 units over 80 steps of 32 samples: 32 -> 26 ms for its
gradient (jaxlib 0.10.2, 4 cores).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.program import Block, Instruction
from ..evaluate import Context, Environment, is_host, run

Array = Any
_TAPPED = "tapped dot"  # stands for a product whose right operand is the same in all turns


def scan(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Runs a `scan` instruction; see `keras.graph.ops.control.scan_`."""
    loop = _Loop(instruction, environment, context)
    last, stacked = loop.run()
    environment.update(zip(instruction.outputs, [*last, *stacked], strict=True))


class _Loop:
    def __init__(self, instruction: Instruction, environment: Environment, context: Context) -> None:
        self.block = instruction.blocks[0]
        self.attributes = instruction.attributes
        self.context = context
        sequences, self.states = self.attributes["sequences"], self.attributes["states"]
        values = [jnp.asarray(environment[slot]) for slot in instruction.inputs[: sequences + self.states]]
        self.xs, self.initial = values[:sequences], values[sequences:]
        self.length = self.xs[0].shape[0]
        read = {slot: environment[slot] for slot in _free_slots(self.block)}
        self.hosts = {s: v for s, v in read.items() if is_host(v)}
        self.outside = {s: v for s, v in read.items() if s not in self.hosts}
        self.random = draws(self.block)
        self.tapped = [i for i in self.block.instructions if self._can_be_tapped(i)]

    def _can_be_tapped(self, instruction: Instruction) -> bool:
        if instruction.primitive != "dot_general":
            return False
        left, right = instruction.inputs
        if left in self.outside or left in self.hosts or right not in self.outside:
            return False
        (_, right_axes), (batch, _) = instruction.attributes["contract"], instruction.attributes["batch"]
        return right_axes == (0,) and not batch and bool(jnp.issubdtype(self.outside[right].dtype, jnp.floating))

    def run(self) -> tuple[list[Array], list[Array]]:
        if not self.tapped:
            last, stacked, _ = self.call(self.xs, self.initial, self.outside, None)
            return last, stacked

        def plain(xs: list[Array], initial: list[Array], outside: dict[int, Array]) -> Any:
            return self.call(xs, initial, outside, None)[:2]

        function = jax.custom_vjp(plain)
        function.defvjp(self._forward, self._backward)
        last, stacked = function(self.xs, self.initial, self.outside)
        return last, stacked

    def call(
        self, xs: list[Array], initial: list[Array], outside: dict[int, Array], taps: list[Array] | None
    ) -> tuple[list[Array], list[Array], list[Array]]:
        """The loop: last states, stacked outputs, and (with taps) the stacked left operands.

        A tap is a sequence of zeros added to the result of a product; its derivative is that
        of the result.
        """

        def turn(carry: Any, item: Any) -> Any:
            number, before = carry
            items, tap = item
            local: Environment = {**self.hosts, **outside}
            local.update(zip(self.block.parameters, [*items, *before], strict=True))
            context = self.context.inside_loop(number) if self.random else self.context
            operands: list[Array] = []
            self._body(local, context, tap, operands)
            results = [jnp.asarray(local[slot]) for slot in self.block.results]
            after = [jnp.asarray(r, b.dtype) for r, b in zip(results, before, strict=False)]
            return (number + 1 if self.random else number, after), (results[self.states :], operands)

        (_, last), (stacked, operands) = lax.scan(
            turn,
            (jnp.zeros((), jnp.uint32), initial),
            (xs, taps),
            reverse=self.attributes["reverse"],
            length=self.length,
            unroll=min(self.attributes["unroll"], max(self.length, 1)),
        )
        return last, stacked, operands

    def _body(self, local: Environment, context: Context, taps: list[Array] | None, operands: list[Array]) -> None:
        if taps is None:
            run(self.block.instructions, local, context)
            return
        waiting = iter(taps)

        def tapped_dot(instruction: Instruction, environment: Environment, context: Context) -> None:
            left, right = (environment[slot] for slot in instruction.inputs)
            (axis,) = instruction.attributes["contract"][0]
            operands.append(jnp.moveaxis(left, axis, -1))
            product = context.table["dot_general"](left, lax.stop_gradient(right), **instruction.attributes)
            environment[instruction.outputs[0]] = product + next(waiting)

        chosen = {id(i) for i in self.tapped}
        instructions = [
            Instruction(_TAPPED, i.inputs, i.outputs, i.attributes, i.dtypes) if id(i) in chosen else i
            for i in self.block.instructions
        ]
        run(instructions, local, context.with_structural({_TAPPED: tapped_dot}))

    def _forward(self, xs: list[Array], initial: list[Array], outside: dict[int, Array]) -> Any:
        taps = [jnp.zeros((self.length, *shape), dtype) for shape, dtype in self._products(xs, initial, outside)]

        def with_taps(*args: Any) -> Any:
            last, stacked, operands = self.call(*args)
            return (last, stacked), operands

        results, backward, operands = jax.vjp(with_taps, xs, initial, outside, taps, has_aux=True)
        return results, (backward, operands)

    def _products(self, xs: list[Array], initial: list[Array], outside: dict[int, Array]) -> list[Any]:
        """Shapes and dtypes of the tapped products of one turn."""
        found: list[Any] = []

        def record() -> None:
            local: Environment = {**self.hosts, **outside}
            local.update(zip(self.block.parameters, [*(x[0] for x in xs), *initial], strict=True))
            context = self.context.inside_loop(jnp.zeros((), jnp.uint32)) if self.random else self.context
            run(self.block.instructions, local, context)
            found.extend((local[i.outputs[0]].shape, local[i.outputs[0]].dtype) for i in self.tapped)

        jax.eval_shape(record)
        return found

    def _backward(self, kept: Any, cotangents: Any) -> Any:
        backward, operands = kept
        xs, initial, outside, taps = backward(cotangents)
        outside = dict(outside)
        for instruction, left, result in zip(self.tapped, operands, taps, strict=True):
            # All turns and samples at once: (turns, ..., in) and (turns, ..., out) -> (in, out).
            right = self.outside[instruction.inputs[1]]
            rows = left.reshape(-1, left.shape[-1])
            columns = result.reshape(rows.shape[0], -1)
            gradient = (rows.T @ columns).reshape(right.shape)
            outside[instruction.inputs[1]] = outside[instruction.inputs[1]] + gradient
        return xs, initial, outside


def _free_slots(block: Block) -> list[int]:
    """Slots that a block reads and does not fill itself."""
    filled: set[int] = set(block.parameters)
    free: dict[int, None] = {}

    def walk(instructions: Sequence[Instruction], known: set[int]) -> None:
        for instruction in instructions:
            free.update(dict.fromkeys(s for s in instruction.inputs if s not in known))
            for inner in instruction.blocks:
                walk(inner.instructions, known | set(inner.parameters))
                known |= {s for i in inner.instructions for s in i.outputs}
                free.update(dict.fromkeys(s for s in inner.results if s not in known | set(inner.parameters)))
            known.update(instruction.outputs)

    walk(block.instructions, filled)
    free.update(dict.fromkeys(s for s in block.results if s not in filled))
    return list(free)


def draws(block: Block) -> bool:
    """Whether a block draws random numbers."""
    return any(i.primitive == "random_uniform" or any(draws(b) for b in i.blocks) for i in block.instructions)
