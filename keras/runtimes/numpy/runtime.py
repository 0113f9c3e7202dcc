"""Running programs on NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...graph import dtypes
from ...graph.program import Program, build
from ...graph.tensor import Tensor
from ..contract import Compiled, Runtime
from ..evaluate import AsArrays, Context, Environment, run
from .control import STRUCTURAL
from .table import TABLE


class NumpyCompiled(Compiled):
    """Interprets the instructions on every call."""

    def __call__(self, feeds: Sequence[Any]) -> list[Any]:
        environment: Environment = {
            slot: np.asarray(feed, dtype=dtypes.to_numpy(tensor.dtype))
            for (tensor, slot), feed in zip(self.program.inputs, feeds, strict=True)
            if slot >= 0
        }
        return self._run(environment)

    def _run(self, environment: Environment) -> list[Any]:
        program = self.program
        for variable, slot in program.variables:
            # Another engine's array may lie there, whose operators are not NumPy's.
            environment[slot] = np.asarray(self.runtime.storage(variable), dtypes.to_numpy(variable.dtype))
        for array, slot in program.constants:
            environment[slot] = array
        step = np.array([self.take_step()], dtype=np.uint32)
        run(program.block.instructions, environment, Context(TABLE, STRUCTURAL, TABLE, AsArrays(np), self.seeds, step))
        new = [(variable, environment[slot]) for variable, slot in program.updates]
        outputs = [environment[slot] for slot in program.block.results]
        for variable, value in new:
            variable.storage = np.array(value, dtype=dtypes.to_numpy(variable.dtype))
        return outputs


class NumpyRuntime(Runtime):
    """NumPy as an engine."""

    name = "numpy"
    title = "NumPy"
    differentiates = False

    def __init__(self) -> None:
        self._compiled = 0

    def to_device(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)

    def to_host(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def compile(self, program: Program) -> NumpyCompiled:
        self._compiled += 1
        return NumpyCompiled(self, program)

    def devices(self) -> list[str]:
        return ["cpu:0"]

    def programs_compiled(self) -> int:
        return self._compiled


RUNTIME = NumpyRuntime()


def evaluate(tensors: Sequence[Tensor]) -> list[np.ndarray]:
    """The values of tensors that depend on constants and random numbers only."""
    program = build([], tensors)
    compiled = NumpyCompiled(RUNTIME, program)
    results = compiled._run({})
    return [
        np.asarray(r, dtype=dtypes.to_numpy(t.dtype)) for r, t in zip(results, tensors, strict=True)
    ]
