"""Training in parts of the batch, a part on each core of a CPU.

XLA divides each kernel among its threads, which wait for each other after every one: in a Transformer's step of some
1,000 kernels they were idle, or one of them alone at work, two thirds of the time. Parts of a batch need not meet
before their gradients are added up, and what comes after that each core does for itself: milliseconds a step in turn
on 4 cores, an encoder of 2 layers of 4 heads, 64 words, batch 32, 6.5 instead of 9.8; three dense layers of 64 units
for each of 50 words, batch 64, 1.6 instead of 2.0.

Which programs can be divided `graph/rows.py` finds out. Random numbers are those that the whole batch would have. Sums
are added up in another order, and so differ by rounding errors.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from operator import is_not
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec

from ..._processors import usable
from ...graph import rows
from ...graph.nodes import Slot
from ...graph.program import Instruction, Program
from ...graph.rows import MEAN, ROWS, SIZES, SUM, WHOLE
from ...graph.tensor import Variable
from ..contract import Part
from ..evaluate import Context, Environment, is_host, run
from ..fusing import reads_of
from ..interrupts import Whole
from . import lanes
from .device import on_cpu, on_one_core
from .executables import Executables
from .runtime import JaxCompiled, JaxRuntime, Words
from .sharing import UPDATES

Array = Any
Shapes = tuple[tuple[int, ...] | None, ...]

# A part has so many rows at least.
_ROWS = 4
# So many numbers should depend on the batch for the meeting to be worth it, and so many for each weight, as each core
# makes gradients of all weights and updates them. Time with parts over time without: 0.65 and 0.8 for the nets above
# (8 and 4 million numbers, 30 and 290 a weight), 0.86 for a table of 4,096 rows (2.5 million, 250), but 1.2 for one of
# 1,024 rows (0.6 million), an autoencoder (13 a weight) and a wide Transformer (15 a weight).
_NUMBERS = 1 << 21
_PER_WEIGHT = 20
# What can't be divided, is done by threads of oneDNN's own, or would be seen once for each core.
_REFUSED = frozenset((
    "scan", "cond", "conv", "conv_transpose", "pool", "native", "batch_normalization_training", "print_tensor",
))  # fmt: skip


def may_divide(program: Program) -> bool:
    """Whether a program makes updates by gradients, on a CPU of several cores."""
    gradients = [i for i in program.block.instructions if i.primitive == "gradients"]
    fit = program.updates and len(gradients) == 1 and not program.needs_64_bit
    wanted = os.environ.get("KERAS_PARTS") != "0"
    return bool(fit) and wanted and _REFUSED.isdisjoint(program.primitives) and on_cpu() and usable() > 1


class DividedCompiled(JaxCompiled):
    """A program that trains; many steps in a row are made in parts, where its batches can be divided."""

    def __init__(self, runtime: JaxRuntime, program: Program) -> None:
        super().__init__(runtime, program)
        self._divisions: dict[Shapes, Division | None] = {}

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        shapes = tuple([None if stack is None else stack.shape[1:] for stack in stacks])
        if shapes not in self._divisions:
            self._divisions[shapes] = self._divided(shapes)
        division = self._divisions[shapes]
        return _InParts(division, division.staged(stacks)) if division and lanes.devices() else super().stage(stacks)

    def _divided(self, shapes: Shapes) -> Division | None:
        sizes = {shape[0] if shape else 0 for shape in shapes if shape is not None}
        batch = sizes.pop() if len(sizes) == 1 else 0
        parts = next((p for p in range(min(usable(), batch // _ROWS), 1, -1) if batch % p == 0), 1)
        try:
            return Division(self, shapes, parts) if parts > 1 else None
        except (rows.Undivided, TypeError, ValueError):  # the last two for a size of the batch that is written down
            return None

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        if not isinstance(staged, _InParts):
            return super().repeat(staged, start, count)
        with Whole():
            outputs = UPDATES.repeated(self._update_in_parts, staged, start, count)
        return [Part(output, start, count) for output in outputs]

    def _update_in_parts(self, staged: _InParts, start: int, count: int) -> list[Array]:
        with UPDATES:
            step = np.uint32(self.take_step(count))
            return self._attempt(lambda: staged.division.run(staged.stacks, step, start, count))  # type: ignore[no-any-return]

    def arguments(self) -> tuple[list[Variable], list[Variable]]:
        """What it updates, and what it only reads."""
        return self.updated, self._fixed

    def many(self, step: Any) -> Any:
        """The function that makes many steps, each by `step`."""
        return partial(self._loop, step)

    def options(self) -> dict[str, Any]:
        """What XLA is told for programs of the lanes."""
        return self.runtime.options_for_lanes(self._options)

    def executables(self, function: Any, form: str, mesh: Mesh) -> Executables:
        """Programs for a mesh of lanes."""
        jitted = jax.jit(function, donate_argnums=0, compiler_options=self.options())
        return Executables(jitted, self._text(form, self.options()), self.runtime, mesh.devices.tolist())


class _InParts(NamedTuple):
    """Staged batches that are divided."""

    division: Division
    stacks: list[Array | None]


class _Shared(NamedTuple):
    """Slots of what parts tell each other: float32 sums and means, which travel as one array, other ones, and rows."""

    flat: list[Slot]
    added: list[Slot]
    rows: list[Slot]


class Division:
    """A program for batches of one size.

    Raises:
        Undivided: if it can't be, or if that would not pay.
    """

    def __init__(self, compiled: DividedCompiled, shapes: Shapes, parts: int) -> None:
        self._compiled = compiled
        self._parts = parts
        instructions = compiled.program.block.instructions
        cut = next(n for n, i in enumerate(instructions) if i.primitive == "gradients") + 1
        self._before, self._after = instructions[:cut], instructions[cut:]
        read = {slot for instruction in self._before for slot in reads_of(instruction)}
        self._variables = [variable for variable, slot in compiled.program.variables if slot in read]
        self._values, self._hosts = self._traced(shapes)
        part, _ = self._traced(tuple([None if s is None else (s[0] // parts, *s[1:]) for s in shapes]))
        self._kinds = self._found(part)
        self._check_worth()
        if len(lanes.devices()) < parts:
            raise rows.Undivided("no lanes for them")
        self._shared = self._needed()
        self._form = f"in {parts} parts {shapes}"
        self._mesh = lanes.mesh(parts)
        updated, fixed = compiled.arguments()
        self._all, self._updated = [*updated, *fixed], len(updated)
        self._latest: list[Array] = []  # values of all variables as the last run left them
        self._large = lanes.everywhere(self._mesh, compiled.large)
        self._make()

    def _make(self) -> None:
        self._options = self._compiled.options()
        whole = Spec()
        spread = jax.shard_map(
            self._compiled.many(jax.jit(self._step)), mesh=self._mesh, check_vma=False, out_specs=whole,
            in_specs=(whole, whole, Spec(None, lanes.AXIS), *[whole] * 5),
        )  # fmt: skip
        self._program = self._compiled.executables(spread, self._form, self._mesh)

    # How it is divided.

    def _traced(self, shapes: Shapes) -> tuple[dict[Slot, Any], Environment]:
        """The kinds of arrays that a step makes up to its gradients, and the values known while it is traced."""
        compiled, hosts = self._compiled, Environment()

        def values(arrays: list[Array], feeds: list[Array | None], seeds: Array, step: Array) -> Environment:
            given = dict(zip(self._variables, arrays, strict=True))
            environment = compiled.environment(given, feeds, compiled.large)
            context = compiled.context(seeds, step).with_structural({"gradients": _forward})
            run(self._before, environment, context)
            hosts.update((slot, value) for slot, value in environment.items() if is_host(value))
            return {slot: value for slot, value in environment.items() if slot not in hosts and value is not None}

        feeds = [
            None if shape is None else jax.ShapeDtypeStruct(shape, tensor.dtype)
            for shape, (tensor, _) in zip(shapes, compiled.program.inputs, strict=True)
        ]
        variables = [compiled.runtime.storage(variable) for variable in self._variables]
        with on_one_core():
            arrays = jax.eval_shape(values, variables, feeds, compiled.seeds, np.uint32(0))
        return {**arrays, **hosts}, hosts

    def _found(self, part: Mapping[Slot, Any]) -> dict[Slot, str]:
        program = self._compiled.program
        given = [*program.variables, *program.constants]
        kinds = {slot: WHOLE for _, slot in given if slot in self._values}
        kinds.update((slot, ROWS) for _, slot in program.inputs if slot in self._values)
        whole, of_part = ({slot: np.shape(value) for slot, value in values.items()} for values in (self._values, part))
        found = rows.Found(kinds, whole, of_part, self._hosts, self._parts)
        found.follow(self._before)
        return found.kinds

    def _check_worth(self) -> None:
        sizes = {slot: prod(np.shape(value)) for slot, value in self._values.items()}
        numbers = sum(size for slot, size in sizes.items() if self._kinds.get(slot) == ROWS)
        weights = sum(sizes[slot] for slot in self._before[-1].outputs)
        if numbers < max(_NUMBERS, _PER_WEIGHT * weights):
            raise rows.Undivided("too little to do")

    def _needed(self) -> _Shared:
        program = self._compiled.program
        wanted = {slot for instruction in self._after for slot in reads_of(instruction)}
        wanted |= {*program.block.results, *(slot for _, slot in program.updates)}
        found = _Shared([], [], [])
        for slot, kind in self._kinds.items():
            if slot in wanted and kind == ROWS:
                found.rows.append(slot)
            elif slot in wanted and kind in (SUM, MEAN):
                (found.flat if self._values[slot].dtype == jnp.float32 else found.added).append(slot)
        return found

    # What is traced.

    def _step(self, mutable: list[Array], fixed: list[Array], feeds: list[Array | None], large: list[Array],
              seeds: Array, step: Array) -> tuple[list[Array], list[Array]]:  # fmt: skip
        """One run, as one of the parts makes it."""
        compiled = self._compiled
        environment = compiled.environment(compiled.values_of(mutable, fixed), feeds, large)
        context = compiled.context(seeds, step)
        with on_one_core():
            run(self._before, environment, context.with_structural({"random_uniform": self._draw}))
            environment.update((slot, host) for slot, host in self._hosts.items() if self._kinds.get(slot) == SIZES)
            environment.update(self._together(environment))
            run(self._after, environment, context)
        return compiled.results(environment)

    def _draw(self, instruction: Instruction, environment: Environment, context: Context) -> None:
        size = environment[instruction.inputs[0]]
        if self._kinds[instruction.outputs[0]] == ROWS:
            context = context.counting(_Later(lax.axis_index(lanes.AXIS)))
        environment[instruction.outputs[0]] = context.uniform(size, **instruction.attributes)

    def _together(self, part: Environment) -> Environment:
        """The values of the whole batch, from those of a part."""
        slots = self._shared
        found = {slot: lax.all_gather(part[slot], lanes.AXIS, tiled=True) for slot in slots.rows}
        found.update((slot, self._sum(slot, lax.psum(part[slot], lanes.AXIS))) for slot in slots.added)
        if slots.flat:
            shapes = [np.shape(self._values[slot]) for slot in slots.flat]
            total = lax.psum(jnp.concatenate([part[slot].ravel() for slot in slots.flat]), lanes.AXIS)
            pieces = jnp.split(total, np.cumsum([prod(shape) for shape in shapes])[:-1])
            for slot, piece, shape in zip(slots.flat, pieces, shapes, strict=True):
                found[slot] = self._sum(slot, piece).reshape(shape)
        return found

    def _sum(self, slot: Slot, total: Array) -> Array:
        return total / np.asarray(self._parts, total.dtype) if self._kinds[slot] == MEAN else total

    # What is called.

    def staged(self, stacks: Sequence[np.ndarray | None]) -> list[Array | None]:
        return lanes.divided(self._mesh, stacks)

    def run(self, stacks: list[Array | None], step: np.uint32, start: int, count: int) -> list[Array]:
        """So many runs, which store what they update; gives the outputs."""
        compiled = self._compiled
        if self._options != compiled.options():  # some of them this version of XLA does not know
            self._make()
        values = self._values_here()
        with lanes.ALONE:
            outputs, new = self._program(
                tuple([None if stack is None else stack.shape for stack in stacks]),
                values[: self._updated], values[self._updated :], stacks, self._large, compiled.seeds, step,
                np.int32(start), np.int32(count),
            )  # fmt: skip
            jax.block_until_ready(new)
        lanes.store(compiled.updated, new)
        self._latest = [variable.storage for variable in self._all]
        return outputs  # type: ignore[no-any-return]

    def _values_here(self) -> list[Array]:
        """The values of all variables; they are moved here if something else than the last run has set one."""
        found = [variable.storage for variable in self._all]
        if self._latest and not any(map(is_not, found, self._latest)):
            return found
        for variable in self._all:
            self._compiled.runtime.storage(variable)  # made now, if nobody has read it yet
        return lanes.here(self._mesh, self._all)


def _forward(instruction: Instruction, environment: Environment, context: Context) -> None:
    """What `gradients` computes on the way; the gradients are like what they are taken by."""
    (block,), sources = instruction.blocks, [environment[slot] for slot in instruction.inputs]
    environment.update(zip(block.parameters, sources, strict=True))
    run(block.instructions, environment, context)
    places = instruction.attributes["places"]
    environment.update((out, sources[place]) for out, place in zip(instruction.outputs, places, strict=True))


class _Later(Words):
    """The words of a part's rows, which come after those of the parts before it."""

    def __init__(self, number: Array) -> None:
        super().__init__(jnp)
        self._number = number

    def places(self, count: int) -> Array:
        return super().places(count) + self._number.astype(jnp.uint32) * np.uint32(count)

