"""Parts of a batch on several devices at the same time: the instruction `parallel`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as Spec

from ...graph.program import Instruction
from ..evaluate import Context, Environment, free_slots, is_host, run

Array = Any
AXIS = "part"


@cache
def mesh(devices: tuple[int, ...]) -> Mesh:
    every = jax.devices()
    return Mesh(np.array([every[number] for number in devices]), (AXIS,))


def parallel(instruction: Instruction, environment: Environment, context: Context) -> None:
    """Runs the body for each part: at the same time if all are of one size, else one after the other."""
    parts = _Parts(instruction, environment, context)
    wholes = [jnp.asarray(environment[slot]) for slot in instruction.inputs]
    if all(whole.shape[0] and whole.shape[0] % parts.count == 0 for whole in wholes):
        results = parts.together(wholes)
    else:
        results = parts.in_turn(wholes)
    environment.update(zip(instruction.outputs, results, strict=True))


class _Parts:
    def __init__(self, instruction: Instruction, environment: Environment, context: Context) -> None:
        attributes = instruction.attributes
        self.block = instruction.blocks[0]
        self.context = context
        self.devices: tuple[int, ...] = attributes["devices"]
        self.count = len(self.devices)
        self.joined: int = attributes["joined"]  # so many results are joined, the others given part by part
        read = {slot: environment[slot] for slot in free_slots(self.block)}
        self.hosts = {slot: value for slot, value in read.items() if is_host(value)}
        self.outside = {slot: value for slot, value in read.items() if slot not in self.hosts}
        # Each part draws its random numbers from seeds of its own: row i is the seeds as part i sees them.
        streams = np.tile(np.arange(context.seeds.shape[0]), (self.count, 1))
        for stream, copies in attributes["streams"].items():
            streams[:, stream] = copies
        self.seeds = jnp.asarray(context.seeds)[streams]

    def _run(self, part: Sequence[Array], outside: dict[int, Array], seeds: Array, step: Array) -> list[Any]:
        local: Environment = {**self.hosts, **outside}
        local.update(zip(self.block.parameters, part, strict=True))
        run(self.block.instructions, local, self.context.drawing(seeds, step))
        return [local[slot] for slot in self.block.results]

    def together(self, wholes: list[Array]) -> list[Any]:
        sizes: dict[int, Any] = {}  # results known while tracing, such as shapes: the same for each part

        def one(part: list[Array], outside: dict[int, Array], seeds: Array, step: Array) -> list[Array]:
            results = self._run(part, outside, seeds[0], step)
            sizes.update((place, result) for place, result in enumerate(results) if is_host(result))
            results = [jnp.asarray(result) for result in results]
            return results[: self.joined] + [result[None] for result in results[self.joined :]]

        everywhere, divided = Spec(), Spec(AXIS)
        # `check_vma` wants to be told of each value in a loop whether it differs between devices.
        spread = jax.shard_map(
            one, mesh=mesh(self.devices), in_specs=(divided, everywhere, divided, everywhere), out_specs=divided,
            check_vma=False,
        )  # fmt: skip
        results = spread(wholes, self.outside, self.seeds, self.context.step)
        single = [
            sizes.get(place, result[part])
            for place, result in enumerate(results[self.joined :], self.joined)
            for part in range(self.count)
        ]
        return results[: self.joined] + single

    def in_turn(self, wholes: list[Array]) -> list[Any]:
        found = []
        for i in range(self.count):
            steps = [whole.shape[0] // self.count for whole in wholes]
            ends = [None if i == self.count - 1 else (i + 1) * step for step in steps]
            part = [whole[i * step : end] for whole, step, end in zip(wholes, steps, ends, strict=True)]
            found.append(self._run(part, self.outside, self.seeds[i], self.context.step))
        copies = list(zip(*found, strict=True))
        joined = [jnp.concatenate(results) for results in copies[: self.joined]]
        return joined + [result for results in copies[self.joined :] for result in results]
