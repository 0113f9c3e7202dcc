"""Programs on several devices.

Such a program runs on a mesh of all its devices: batches are divided among them, variables lie on each,
and XLA adds up what the devices found about the same variable. A variable's `storage` stays an array on
one device, so that other programs need not know; what lies on the others is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from ...graph.program import Program
from ...graph.tensor import Variable
from .parallel import AXIS, mesh
from .runtime import JaxCompiled, JaxRuntime

Array = Any

# Of each variable: the array that was its storage, and the same on all devices of a mesh.
_copies: WeakKeyDictionary[Variable, tuple[Array, Array]] = WeakKeyDictionary()


class SpreadCompiled(JaxCompiled):
    """A program with `parallel` instructions."""

    def __init__(self, runtime: JaxRuntime, program: Program) -> None:
        self._mesh = mesh(program.parallel)
        self._everywhere = NamedSharding(self._mesh, PartitionSpec())
        super().__init__(runtime, program)
        self._large = [jax.device_put(array, self._everywhere) for array in self._large]

    def _step(self, *args: Any) -> tuple[list[Array], list[Array]]:
        outputs, new = super()._step(*args)
        return outputs, [lax.with_sharding_constraint(value, self._everywhere) for value in new]

    def __call__(self, feeds: Sequence[Array | None]) -> list[Array]:
        with self._precision():
            divided = [self._divided(feed, 0) for feed in feeds]
        return super().__call__(divided)

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        if not self.loops:
            return stacks
        with self._precision():
            return [self._divided(stack, 1) for stack in stacks]

    def _divided(self, array: Array | None, axis: int) -> Array | None:
        """An array whose axis of samples is divided among the devices, if it can be."""
        if array is None:
            return None
        whole = array.ndim <= axis or not array.shape[axis] or array.shape[axis] % self._mesh.size
        place = self._everywhere
        if not whole:
            place = NamedSharding(self._mesh, PartitionSpec(*[None] * axis, AXIS))
        return jax.device_put(array, place)

    def _values(self, variables: Sequence[Variable]) -> list[Array]:
        return [self._copied(variable) for variable in variables]

    def _copied(self, variable: Variable) -> Array:
        """The variable's value on all devices."""
        stored = self.runtime.storage(variable)
        if isinstance(stored, np.ndarray):
            return stored  # a number, which travels with the call
        before, copy = _copies.get(variable, (None, None))
        if before is not stored or copy.sharding != self._everywhere:
            copy = jax.device_put(stored, self._everywhere)
            _copies[variable] = stored, copy
        return copy

    def store(self, values: Sequence[Array]) -> None:
        ours = self._mesh.devices.flat[0]
        default = jax.devices()[0]
        for variable, value in zip(self.updated, values, strict=True):
            shards = {shard.device: shard.data for shard in value.addressable_shards}
            variable.storage = shards[default] if default in shards else jax.device_put(shards[ours], default)
            _copies[variable] = variable.storage, value
