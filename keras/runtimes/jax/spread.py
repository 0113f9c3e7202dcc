"""Programs on several devices.

Such a program runs on a mesh of all its devices: batches are divided among them, variables lie on each,
and XLA adds up what the devices found about the same variable. A variable's `storage` stays an array on
one device, so that other programs need not know; what lies on the others is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import jax
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from ...graph.program import Program
from ...graph.tensor import Variable
from .device import on_cpu, own
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
        self.large = [jax.device_put(array, self._everywhere) for array in self.large]

    def _step(self, *args: Any) -> tuple[list[Array], list[Array]]:
        outputs, new = super()._step(*args)
        return outputs, [lax.with_sharding_constraint(value, self._everywhere) for value in new]

    def __call__(self, feeds: Sequence[Array | None]) -> list[Array]:
        with self._precision():
            return super().__call__(self._divided(own(feeds), 0))

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        if not self.loops:
            return stacks
        with self._precision():
            return self._divided(stacks, 1)

    def _divided(self, arrays: Sequence[Array | None], axis: int) -> Any:
        """Arrays on all devices, each with a part of the samples where they can be divided; else with all."""
        return jax.device_put(list(arrays), [None if array is None else self._place(array, axis) for array in arrays])

    def _place(self, array: Array, axis: int) -> NamedSharding:
        if array.ndim <= axis or array.shape[axis] % self._mesh.size:
            return self._everywhere
        return NamedSharding(self._mesh, PartitionSpec(*[None] * axis, AXIS))

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

    def _attempt(self, call: Callable[[], Any]) -> Any:
        results = super()._attempt(call)
        if on_cpu():
            # The devices of a divided CPU share its threads: two programs under way at the same time could take
            # them all and wait for each other's sums for ever (jaxlib 0.10.2).
            jax.block_until_ready(results)
        return results

    def store(self, values: Sequence[Array]) -> None:
        default = jax.devices()[0]
        if self._mesh.devices.flat[0] == default:
            first = [value.addressable_data(0) for value in values]  # no copy
        else:
            first = jax.device_put(list(values), default)
        super().store(first)
        for variable, stored, value in zip(self.updated, first, values, strict=True):
            _copies[variable] = stored, value
