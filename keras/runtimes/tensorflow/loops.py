"""Loops in TensorFlow, with a gradient of their own for recurrent networks.

Left to itself, TensorFlow keeps every intermediate value of every turn in a list and adds up the gradient of the
recurrent matrix U in every turn of the backward loop. Here, as on JAX, the forward loop keeps only the states and,
for products and convolutions with a matrix or kernel that is the same in all turns, the operand and the result, and
the gates; the backward loop computes the cheap rest of a turn once more and keeps the derivatives of the products'
results; one product after the loop makes the gradient of U from all turns at once.

Milliseconds for the gradients of an LSTM (TensorFlow 2.21, 4 cores), TensorFlow's own gradient -> this one; what XLA
made of each of them in a second:

    128 units, 80 steps, batch 32     75 -> 25     34, 27
     64 units, 100 steps, batch 32    63 -> 22     20, 17
     50 units, 20 steps, batch 32      6 -> 3.4     2.7, 3.5
    128 units, 40 steps, batch 128    71 -> 42     43, 44

A gradient within a gradient is left to TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import record  # under tf.custom_gradient, which would keep each graph for ever

from ...graph.program import Block, Instruction
from ..evaluate import Context, Environment, draws, free_slots, is_host, run
from ..remembered import REMEMBERED, distinct, fixed_products, known_product, merge, only_multiplied, pick, replaced
from .pieces import pieces_first
from .table import TABLE, name_of, tensor
from .tapes import Tape

Array = Any
# Functions whose derivative is known by their result y: (y, derivative by y) -> that by x.
_GATES: dict[str, Callable[[Array, Array], Array]] = {
    "sigmoid": lambda y, derivative: tf.raw_ops.SigmoidGrad(y=y, dy=derivative),
    "tanh": lambda y, derivative: tf.raw_ops.TanhGrad(y=y, dy=derivative),
}


def scan(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Runs a `scan` instruction; see `keras.graph.ops.control.scan_`."""
    last, stacked, _ = Loop(instruction, environment, context).forward(lambda local: [])
    environment.update(zip(instruction.outputs, [*last, *stacked], strict=True))


def scan_to_differentiate(instruction: Instruction, environment: Environment, context: Context) -> None:
    """The same, recorded on the open tape with the gradient from here where that pays."""
    loop = Loop(instruction, environment, context)
    products = loop.products()
    if not products:
        scan(instruction, environment, context)
        return
    backward = _Backward(loop, products)
    with record.stop_recording():
        last, stacked, backward.kept = loop.forward(backward.slots)
    results = [*last, *stacked]
    record.record_operation("Loop", results, loop.differentiable(), backward)
    environment.update(zip(instruction.outputs, results, strict=True))


class Loop:
    """A `scan` instruction with the values that it starts from.

    Attributes:
        xs: the sequences.
        initial: the states before the first turn.
        outside: what the turns read of what is around the loop, by slot; without numbers known while tracing.
    """

    def __init__(self, instruction: Instruction, environment: Environment, context: Context) -> None:
        self.block = pieces_first(instruction.blocks[0])
        self.context = context
        sequences, self.states = instruction.attributes["sequences"], instruction.attributes["states"]
        values = [tensor(environment[slot]) for slot in instruction.inputs[: sequences + self.states]]
        self.xs, self.initial = values[:sequences], values[sequences:]
        self.reverse = instruction.attributes["reverse"]
        self.length = self.xs[0].shape[0]
        if self.length is None:  # in a SavedModel
            self.length = tf.shape(self.xs[0])[0]
        read = {slot: environment[slot] for slot in free_slots(self.block)}
        self.hosts = {s: v for s, v in read.items() if is_host(v)}
        self.outside = {s: v for s, v in read.items() if s not in self.hosts}
        self.random = draws(self.block)

    def differentiable(self) -> list[Array]:
        """All values that the loop depends on."""
        return [*self.xs, *self.initial, *self.outside.values()]

    def products(self) -> list[Instruction]:
        """The products and convolutions to remember, which go sample by sample."""
        found = fixed_products(self.block, {**self.hosts, **self.outside}, smooth)
        return [i for i in found if i.primitive == "conv" or 0 not in i.attributes["contract"][0]]

    def turn(
        self, place: Array, items: Sequence[Array], before: Sequence[Array], outside: Environment | None = None,
        instructions: Sequence[Instruction] | None = None, handlers: dict[str, Any] | None = None,
    ) -> Environment:  # fmt: skip
        """All values of one turn."""
        local: Environment = {**self.hosts, **(outside or self.outside)}
        local.update(zip(self.block.parameters, [*items, *before], strict=True))
        context = self.context.inside_loop(place) if self.random else self.context
        run(instructions or self.block.instructions, local, context.with_structural(handlers or {}))
        return local

    def results(self, local: Environment) -> list[Array]:
        """The new states and the outputs of a turn."""
        found = [tensor(local[slot]) for slot in self.block.results]
        after = [tf.ensure_shape(tensor(r, name_of(c)), c.shape) for r, c in zip(found, self.initial, strict=False)]
        return after + found[self.states :]

    def forward(
        self, slots: Callable[[Environment], Sequence[int]]
    ) -> tuple[list[Array], list[Array], dict[int, tf.TensorArray]]:
        """Last states, stacked outputs, and the values of some slots in all turns, by slot.

        Args:
            slots: function (values of a turn) -> the slots to keep.
        """
        kept: list[int] = []

        def turn(place: Array, before: list[Array]) -> tuple[list[Array], list[Array]]:
            local = self.turn(place, [x[place] for x in self.xs], before)
            kept[:] = slots(local)
            results = self.results(local)
            return results[: self.states], [*results[self.states :], *(tensor(local[slot]) for slot in kept)]

        last, arrays = loop_over(turn, self.initial, self.length, self.reverse)
        count = len(arrays) - len(kept)
        return last, [a.stack() for a in arrays[:count]], dict(zip(kept, arrays[count:], strict=True))


def loop_over(
    turn: Callable[[Array, list[Array]], tuple[list[Array], list[Array]]],
    initial: list[Array], length: Any, reverse: bool,
) -> tuple[list[Array], list[tf.TensorArray]]:  # fmt: skip
    """A while loop of `turn(place, carried) -> (carried, outputs)`: what is carried last, and the outputs by place."""
    arrays = [
        tf.TensorArray(dtype, size=length, element_shape=shape)
        for shape, dtype in specs_of(lambda *given: turn(given[0], list(given[1:]))[1], tf.constant(0), *initial)
    ]

    def body(number: Array, carried: list[Array], arrays: list[Any]) -> Any:
        place = length - 1 - number if reverse else number
        after, outputs = turn(place, carried)
        return number + 1, after, [a.write(place, o) for a, o in zip(arrays, outputs, strict=True)]

    _, last, arrays = tf.while_loop(
        lambda number, *_: number < length, body, (tf.constant(0), initial, arrays), maximum_iterations=length
    )
    return last, arrays


def specs_of(function: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Shape and dtype of the things that a function gives, found by tracing it."""
    traced = tf.function(function, autograph=False)
    specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), arguments)
    return [(o.shape, o.dtype) for o in traced.get_concrete_function(*specs).structured_outputs]


def smooth(array: Array) -> bool:
    return bool(array.dtype.is_floating)


class _Backward:
    """The gradient of a loop: called with the derivatives by its results, it gives those by what it depends on."""

    kept: dict[int, tf.TensorArray]  # what the forward loop has left; not stacked, so that nothing is copied

    def __init__(self, loop: Loop, products: list[Instruction]) -> None:
        self.loop = loop
        self.products = products
        self.forms: list[Instruction] = []  # the products as they are seen here; set by the forward loop
        self.specs: dict[int, tuple[Any, Any]] = {}  # of the products' results; set by the forward loop
        self.before = loop.block.parameters[len(loop.xs) :]

    def slots(self, local: Environment) -> list[int]:
        """What the forward loop is to keep: the states before a turn, the products' operands and results, the gates."""
        block, products = self.loop.block, self.products
        self.forms = [known_product(block, products, p, p.inputs[:1], local) for p in products]
        results = [f.outputs[0] for f in self.forms]
        self.specs = {s: (local[s].shape, local[s].dtype) for s in results}
        gates = [i.outputs[0] for i in block.instructions if i.primitive in _GATES]
        instructions = replaced(block, products, self.forms)
        wanted = [*self.before, *(f.inputs[0] for f in self.forms), *(s for s in gates if not is_host(local[s]))]
        wanted += [s for s in results if s in block.results or not _is_in_gates(s, instructions)]
        return list(dict.fromkeys(wanted))

    def _moving(self) -> list[int]:
        """What is read of around the loop, other than the fixed matrices, that has a derivative."""
        fixed = only_multiplied(self.loop.block, self.products)
        return [s for s, v in self.loop.outside.items() if smooth(v) and s not in fixed]

    def __call__(self, *derivatives: Array) -> list[Array | None]:
        loop, moving = self.loop, self._moving()
        instructions = replaced(loop.block, self.products, self.forms)
        smooth_x, smooth_state = [[smooth(v) for v in values] for values in (loop.xs, loop.initial)]
        given = [tf.convert_to_tensor(d) for d in derivatives]
        stacked = given[loop.states :]
        states, items = sum(smooth_state), sum(smooth_x)

        def turn(place: Array, carried: list[Array]) -> tuple[list[Array], list[Array]]:
            values = {slot: array.read(place) for slot, array in self.kept.items()}
            xs, before = [x[place] for x in loop.xs], [values[s] for s in self.before]
            tapped = [values[s] if s in values else tf.zeros(*spec) for s, spec in self.specs.items()]
            outside = [tf.identity(loop.outside[s]) for s in moving]
            with Tape([*pick(xs, smooth_x), *pick(before, smooth_state), *outside, *tapped]) as tape:
                sources = iter(tape.sources)
                xs, before = merge(sources, xs, smooth_x), merge(sources, before, smooth_state)
                free, taps = dict(zip(moving, sources, strict=False)), dict(zip(self.specs, sources, strict=True))
                handlers = {REMEMBERED: self._handler(taps), **dict.fromkeys(_GATES, _gate(values))}
                local = loop.turn(place, xs, before, {**loop.outside, **free}, instructions, handlers)
                results = loop.results(local)
            after = iter(carried)
            pairs = [(r, next(after)) for r, s in zip(results, smooth_state, strict=False) if s]
            pairs += [(r, d[place]) for r, d in zip(results[loop.states :], stacked, strict=True) if smooth(r)]
            found = tape.gradient([r for r, _ in pairs], [d for _, d in pairs])
            sums = [a + b for a, b in zip(after, found[items + states :], strict=False)]
            return [*found[items : items + states], *sums], distinct([*found[:items], *found[-len(taps) :]], places)

        places: list[int] = []  # of each derivative among the distinct ones; set while `turn` is traced
        start = [*pick(given[: loop.states], smooth_state), *(tf.zeros_like(loop.outside[s]) for s in moving)]
        last, arrays = loop_over(turn, start, loop.length, not loop.reverse)
        stacks = [a.stack() for a in arrays]
        found = [stacks[p] for p in places]
        outside = dict(zip(moving, last[states:], strict=True))
        for form, product, derivative in zip(self.forms, self.products, found[items:], strict=True):
            slot = product.inputs[1]
            part = self._right_gradient(product, self.kept[form.inputs[0]].stack(), derivative)
            outside[slot] = outside[slot] + part if slot in outside else part
        by_x, by_state = iter(found[:items]), iter(last[:states])
        return [
            *(next(by_x) if s else None for s in smooth_x),
            *(next(by_state) if s else None for s in smooth_state),
            *(outside.get(s) for s in loop.outside),
        ]

    def _handler(self, taps: dict[int, Array]) -> Callable[..., None]:
        """Puts known results in the place of products; what is differentiated by them are the taps."""
        rights = {f.outputs[0]: p for f, p in zip(self.forms, self.products, strict=True)}

        def handler(instruction: Instruction, environment: Environment, context: Context) -> None:
            left, *addend = (environment[slot] for slot in instruction.inputs)
            (out,) = instruction.outputs
            product = rights[out]

            def backward(derivative: Array) -> list[Array]:
                right = self.loop.outside[product.inputs[1]]
                by_left = _derivative(product, left, right, derivative, left)
                return [by_left, derivative, *(derivative for _ in addend)]

            with record.stop_recording():
                environment[out] = tf.identity(taps[out])
            record.record_operation("Remembered", [environment[out]], [left, taps[out], *addend], backward)

        return handler

    def _right_gradient(self, product: Instruction, left: Array, derivative: Array) -> Array:
        """From all turns and samples at once."""
        left, derivative = (tf.reshape(x, [-1, *x.shape[2:]]) for x in (left, derivative))
        right = self.loop.outside[product.inputs[1]]
        return _derivative(product, left, right, derivative, right)


def _is_in_gates(slot: int, instructions: Sequence[Instruction]) -> bool:
    """Whether only gates read something, or cuts of which only gates read the pieces."""
    readers = [i for i in instructions if slot in free_slots(Block((), [i], ()))]
    return all(
        i.primitive in _GATES or (i.primitive == "split" and all(_is_in_gates(s, instructions) for s in i.outputs))
        for i in readers
    )


def _gate(values: dict[int, Array]) -> Callable[..., None]:
    """Puts known results in the place of functions."""

    def handler(instruction: Instruction, environment: Environment, context: Context) -> None:
        (x,), (out,) = (environment[slot] for slot in instruction.inputs), instruction.outputs
        known, derivative = values.get(out), _GATES[instruction.primitive]
        if known is None:
            environment[out] = TABLE[instruction.primitive](x)
            return
        with record.stop_recording():
            environment[out] = tf.identity(known)
        record.record_operation("Gate", [environment[out]], [tensor(x)], lambda dy: [derivative(known, dy)])

    return handler


def _derivative(product: Instruction, left: Array, right: Array, derivative: Array, by: Array) -> Array:
    """The derivative by one operand; the product itself is not computed, as nobody reads it."""
    with tf.GradientTape() as tape:
        tape.watch(by)
        result = TABLE[product.primitive](left, right, **product.attributes)
    return tape.gradient(result, by, derivative)
