"""Scans in JAX, with a gradient of their own for recurrent networks.

Left to itself, autodiff keeps every intermediate value of every turn and adds up the gradient of
the recurrent matrix U in every turn of the backward loop. Here the forward loop keeps only the
states and, for products and convolutions with a matrix or kernel that is the same in all turns,
the operand and the result;
the backward loop computes the cheap rest of a turn once more and keeps the derivatives of the
products' results; one product after the loop makes the gradient of U from all turns at once.
An LSTM of 128 units over 80 steps of 32 samples, behind an Embedding of 20,000 x 128:
46 ms a training step by plain autodiff, 34 with only U's gradient taken out of the loop, 25 as it is
(jaxlib 0.10.2, 4 cores). Of x + h @ U it is the sum that is kept, one array to read again instead of two,
and the backward loop multiplies with a transpose of U made before it (32x512 by 512x128: 39 us instead of
49): another 2 to 5 % of the processor time of LSTM and GRU layers.

For convolutions it matters more, because XLA's CPU compiler is slow on their gradients in a loop:
a ConvLSTM2D of 16 filters over 10 steps of 4 images of 32x32 takes 480 ms a training step by plain
autodiff, 100 as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.program import Instruction, Program
from ..evaluate import Context, Environment, draws, free_slots, is_host, run
from ..remembered import REMEMBERED, distinct, fixed_products, known_product, merge, only_multiplied, pick, replaced
from . import native_recurrent
from .convolution import conv_input_gradient, conv_kernel_gradient

Array = Any


def handler(program: Program) -> Callable[[Instruction, Environment, Context], None]:
    """What runs a program's `scan` instructions: loops, or the layers that oneDNN does as one operation."""
    layers = native_recurrent.layers(program)

    def scan_or_layer(instruction: Instruction, environment: Environment, context: Context) -> None:
        together = layers.get(id(instruction))
        if together is None or not native_recurrent.run(together, environment):
            scan(instruction, environment, context)

    return scan_or_layer if layers else scan


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
        read = {slot: environment[slot] for slot in free_slots(self.block)}
        self.hosts = {s: v for s, v in read.items() if is_host(v)}
        self.outside = {s: v for s, v in read.items() if s not in self.hosts}
        self.random = draws(self.block)
        self.products = fixed_products(self.block, read, _smooth)
        self.forms: list[Instruction] = []  # the products as the backward loop sees them; set by the forward loop

    def run(self) -> tuple[list[Array], list[Array]]:
        def plain(xs: list[Array], initial: list[Array], outside: dict[int, Array]) -> Any:
            return self._forward_loop(xs, initial, outside, keep=False)[:2]

        if not self.products:
            return plain(self.xs, self.initial, self.outside)  # type: ignore[no-any-return]
        function = jax.custom_vjp(plain)
        function.defvjp(self._forward, self._backward)
        return function(self.xs, self.initial, self.outside)  # type: ignore[no-any-return]

    def _scan(self, turn: Any, carry: Any, items: Any, reverse: bool) -> Any:
        unroll = min(self.attributes["unroll"], max(self.length, 1))
        return lax.scan(turn, carry, items, reverse=reverse, length=self.length, unroll=unroll)

    def _numbers(self) -> Array | None:
        """The numbers of the turns, which random numbers depend on."""
        if not self.random:
            return None
        numbers = jnp.arange(self.length, dtype=jnp.uint32)
        return numbers[::-1] if self.attributes["reverse"] else numbers

    def _turn(self, number: Array | None, items: list[Array], before: list[Array], outside: dict[int, Array],
              handlers: dict[str, Any] | None = None) -> Environment:  # fmt: skip
        """All values of one turn."""
        local: Environment = {**self.hosts, **outside}
        local.update(zip(self.block.parameters, [*items, *before], strict=True))
        context = self.context if number is None else self.context.inside_loop(number)
        if handlers:
            run(replaced(self.block, self.products, self.forms), local, context.with_structural(handlers))
        else:
            run(self.block.instructions, local, context)
        return local

    def _results(self, local: Environment, before: list[Array]) -> list[Array]:
        results = [jnp.asarray(local[slot]) for slot in self.block.results]
        after = [jnp.asarray(r, b.dtype) for r, b in zip(results, before, strict=False)]
        return after + results[self.states :]

    def _forward_loop(
        self, xs: list[Array], initial: list[Array], outside: dict[int, Array], keep: bool
    ) -> tuple[list[Array], list[Array], dict[int, Array]]:
        """Last states, stacked outputs, and the stacked values that the backward loop needs."""
        states = self.block.parameters[len(xs) :]

        def turn(before: list[Array], item: Any) -> Any:
            number, items = item
            local = self._turn(number, items, before, outside)
            results = self._results(local, before)
            slots: list[int] = []
            if keep:
                self.forms = [known_product(self.block, self.products, p, p.inputs, local) for p in self.products]
                slots = [*states, *(s for f in self.forms for s in (f.inputs[0], f.outputs[0]))]
            return results[: self.states], (results[self.states :], {s: local[s] for s in slots})

        last, (stacked, kept) = self._scan(turn, initial, (self._numbers(), xs), self.attributes["reverse"])
        return last, stacked, kept

    # The gradient.

    def _forward(self, xs: list[Array], initial: list[Array], outside: dict[int, Array]) -> Any:
        last, stacked, kept = self._forward_loop(xs, initial, outside, keep=True)
        return (last, stacked), (xs, initial, outside, kept)

    def _backward(self, saved: Any, cotangents: Any) -> Any:
        xs, initial, outside, kept = saved
        d_last, d_stacked = cotangents
        multiplied = only_multiplied(self.block, self.products)
        moving = {s: v for s, v in outside.items() if _smooth(v) and s not in multiplied}
        fixed = {s: v for s, v in outside.items() if s not in moving}
        smooth_x, smooth_state = [_smooth(x) for x in xs], [_smooth(s) for s in initial]
        states = self.block.parameters[len(xs) :]
        operands = [_turned(form, outside[form.inputs[1]]) for form in self.forms]
        results = [*initial, *d_stacked]  # of these only the places matter
        smooth_out = smooth_state + [d.dtype != jax.dtypes.float0 for d in results[self.states :]]

        def turn(carry: Any, item: Any) -> Any:
            d_after, d_moving = carry
            number, items, values, d_out = item
            before = [values[s] for s in states]

            def again(some_x: list[Array], some_before: list[Array], moving: dict[int, Array],
                      taps: list[Array]) -> list[Array]:  # fmt: skip
                handler = _remembered(self.forms, taps, operands, values)
                every_before = merge(some_before, before, smooth_state)
                local = self._turn(number, merge(some_x, items, smooth_x), every_before, {**fixed, **moving},
                                   {REMEMBERED: handler})  # fmt: skip
                return pick(self._results(local, every_before), smooth_out)

            taps = [jnp.zeros_like(values[form.outputs[0]]) for form in self.forms]
            _, pull = jax.vjp(again, pick(items, smooth_x), pick(before, smooth_state), moving, taps)
            d_items, d_before, more, d_taps = pull([*d_after, *d_out])
            return (d_before, jax.tree.map(jnp.add, d_moving, more)), distinct([*d_items, *d_taps], places)

        places: list[int] = []  # of each derivative among the distinct ones; set while `turn` is traced
        start = (pick(d_last, smooth_state), jax.tree.map(jnp.zeros_like, moving))
        items = (self._numbers(), xs, kept, pick(d_stacked, smooth_out[self.states :]))
        (d_initial, d_moving), stacked = self._scan(turn, start, items, not self.attributes["reverse"])
        derivatives = [stacked[p] for p in places]
        d_xs, d_products = derivatives[: sum(smooth_x)], derivatives[sum(smooth_x) :]

        d_outside = {s: d_moving.get(s) for s in outside}
        self._add_right_gradients(d_outside, d_products, outside, kept)
        return _spread(d_xs, smooth_x), _spread(d_initial, smooth_state), d_outside

    def _add_right_gradients(
        self, found: dict[int, Array | None], d_products: list[Array], outside: dict[int, Array], kept: dict[int, Array]
    ) -> None:
        """Adds the derivatives by the products' matrices and kernels to those found."""
        for instruction, result in zip(self.products, d_products, strict=True):
            slot = instruction.inputs[1]
            gradient = _right_gradient(instruction, kept[instruction.inputs[0]], result, outside[slot])
            before = found[slot]
            found[slot] = gradient if before is None else before + gradient


def _smooth(array: Array) -> bool:
    return bool(jnp.issubdtype(array.dtype, jnp.inexact))


def _spread(items: Sequence[Array], chosen: Sequence[bool]) -> list[Array | None]:
    """The items at the chosen places, None (no derivative) at the others."""
    rest = iter(items)
    return [next(rest) if take else None for take in chosen]


def _remembered(
    forms: Sequence[Instruction], taps: Sequence[Array], operands: Sequence[Array], values: dict[int, Array]
) -> Any:
    """A handler for products, and sums with them, whose result is known: only derivatives are computed.

    A tap is what the derivative of the result is taken by."""

    known = {f.outputs[0]: (_left_gradient(f), *rest) for f, *rest in zip(forms, taps, operands, strict=True)}

    def handler(instruction: Instruction, environment: Environment, context: Context) -> None:
        left, _, *addend = (environment[slot] for slot in instruction.inputs)
        (out,) = instruction.outputs
        pull, tap, operand = known[out]
        environment[out] = _known_result(pull, left, tap, addend, operand, values[out])

    return handler


def _known(
    pull: Callable[..., Array], left: Array, tap: Array, addend: list[Array], operand: Array, result: Array
) -> Array:
    return result


def _known_forward(
    pull: Callable[..., Array], left: Array, tap: Array, addend: list[Array], operand: Array, result: Array
) -> Any:
    return result, (left, operand, addend)


def _known_backward(pull: Callable[..., Array], saved: Any, derivative: Array) -> Any:
    left, operand, addend = saved
    return pull(derivative, left, operand).astype(left.dtype), derivative, [derivative] * len(addend), None, None


_known_result = jax.custom_vjp(_known, nondiff_argnums=(0,))
_known_result.defvjp(_known_forward, _known_backward)


def _turned(form: Instruction, right: Array) -> Array:
    """The right operand as the derivative by the left one needs it, made once for all turns."""
    return right if _is_convolution(form) else right.reshape(right.shape[0], -1).T


def _is_convolution(instruction: Instruction) -> bool:
    return "contract" not in instruction.attributes


def _left_gradient(instruction: Instruction) -> Callable[..., Array]:
    """A function (derivative of the result, left, right as `_turned` gives it) -> derivative by left."""
    if _is_convolution(instruction):
        return partial(conv_input_gradient, **_without_groups(instruction))
    (axis,) = instruction.attributes["contract"][0]

    def product(derivative: Array, left: Array, turned: Array) -> Array:
        others = left.shape[:axis] + left.shape[axis + 1 :] if axis >= 0 else left.shape[:axis]  # they come first
        return jnp.moveaxis(derivative.reshape(*others, -1) @ turned, -1, axis)

    return product


def _without_groups(instruction: Instruction) -> dict[str, Any]:
    return {name: value for name, value in instruction.attributes.items() if name != "groups"}


def _right_gradient(instruction: Instruction, left: Array, result: Array, right: Array) -> Array:
    """All turns and samples at once: (turns, ..., in) and (turns, ..., out) -> (in, out)."""
    if instruction.primitive == "conv":
        left, result = (a.reshape(-1, *a.shape[2:]) for a in (left, result))
        return conv_kernel_gradient(result, left, right, **_without_groups(instruction))
    (axis,) = instruction.attributes["contract"][0]
    left = jnp.moveaxis(left, axis + 1 if axis >= 0 else axis, -1)
    rows = left.reshape(-1, left.shape[-1])
    return (rows.T @ result.reshape(rows.shape[0], -1)).reshape(right.shape)
