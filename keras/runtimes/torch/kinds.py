"""Shapes and dtypes that are known when a program is written.

Those of variables, constants and gradients, and so of an optimizer's arithmetic, are: torch's functions are called
without a look at the operands, which takes as long as the call (a multiplication of small arrays and what looks at
them: 2.4 us; alone: 1.1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...graph.program import Instruction, Program
from ..contract import stored_dtype
from .table import DTYPES

Kind = tuple[tuple[int | None, ...], Any]  # shape and torch's dtype


class Kinds:
    """The kinds of slots, as far as they are known."""

    def __init__(self, program: Program, host: Mapping[int, np.ndarray | None]) -> None:
        self._host = host
        self._of: dict[int, Kind] = {
            slot: (tuple(variable.shape), DTYPES[stored_dtype(variable).name])
            for variable, slot in program.variables
            if variable.shape.known
        }

    def get(self, slot: int) -> Kind | None:
        number = self._host.get(slot)
        return self._of.get(slot) if number is None else (number.shape, DTYPES[number.dtype.name])

    def elementwise(self, instruction: Instruction) -> Kind | None:
        """That of what an elementwise operation gives, if all its operands have one shape, or are single numbers,
        and one dtype, of floats. It is remembered."""
        found: Kind | None = None
        for slot in instruction.inputs:
            kind = self.get(slot)
            if kind is None or found is not None and kind[1] is not found[1]:
                return None
            if found is None or not found[0]:
                found = kind
            elif kind[0] and kind[0] != found[0]:
                return None
        if found is None or not found[1].is_floating_point:
            return None
        self._of[instruction.outputs[0]] = found
        return found

    def gradients(self, outputs: Sequence[int], sources: Sequence[int]) -> None:
        """Gradients are of the kinds of what they are taken by."""
        for output, source in zip(outputs, sources, strict=True):
            if source in self._of:
                self._of[output] = self._of[source]
