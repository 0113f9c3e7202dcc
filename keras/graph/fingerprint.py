"""A program as text: two programs with the same text compute the same.

By this text a runtime finds again what it has compiled in an earlier process, so whatever is in doubt (a function, an
object of a class not named here) makes the program one that has no text.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .dtypes import DType
from .program import LARGE_CONSTANT, Block, Instruction, Program
from .tensor import Shape, Size

# They call functions of Python, or are seen outside.
_REFUSED = frozenset(("native", "print_tensor"))
_PLAIN = frozenset((type(None), bool, int, str, bytes, type(Ellipsis)))


class Unknown(Exception):
    """Something whose text might be that of something else."""


def fingerprint(program: Program) -> str | None:
    """All that decides what the program computes from its inputs, variables, large constants and seeds; None where
    that can't be told for sure."""
    variables = {variable: place for place, (variable, _) in enumerate(program.variables)}
    try:
        parts = [
            [(tuple(t.shape), t.dtype, slot) for t, slot in program.inputs],
            [(tuple(v.shape), v.dtype, slot) for v, slot in program.variables],
            [_constant(array, slot) for array, slot in program.constants],
            [(tuple(v.shape), v.dtype, variables.get(v, -1), slot) for v, slot in program.updates],
            [len(program.seeds), program.needs_64_bit, program.parallel],
            _block(program.block),
        ]
        return rendered(parts)
    except Unknown:
        return None


def _constant(array: np.ndarray, slot: int) -> tuple[Any, ...]:
    """Of a large one, which is an argument of the compiled program, only the kind counts."""
    return (slot, array.dtype, array.shape, None if array.size > LARGE_CONSTANT else array)


def _block(block: Block) -> tuple[Any, ...]:
    return (block.parameters, [_instruction(i) for i in block.instructions], block.results)


def _instruction(instruction: Instruction) -> tuple[Any, ...]:
    i = instruction
    if i.primitive in _REFUSED:
        raise Unknown(i.primitive)
    return (i.primitive, i.inputs, i.outputs, i.attributes, i.dtypes, [_block(b) for b in i.blocks], i.device)


def rendered(value: Any) -> str:
    """A value as text that no other value has.

    Raises:
        Unknown: for a value of a type that is not plain data.
    """
    kind = type(value)
    if kind in _PLAIN:
        return repr(value)
    if kind is Size:
        return f"Size({int(value)})"
    if kind is DType:
        return f"DType({value:s})"
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({value})"
    if kind is tuple or kind is Shape:
        return f"({_all(value)})"
    if kind is list:
        return f"[{_all(value)}]"
    if kind is dict:
        return f"{{{_all([part for pair in value.items() for part in pair])}}}"
    if kind is slice:
        return f"slice({_all([value.start, value.stop, value.step])})"
    if isinstance(value, np.dtype) and not value.hasobject:
        return f"dtype({value.str})"
    if (kind is np.ndarray or isinstance(value, np.generic)) and not value.dtype.hasobject:
        # A number's type matters: a scalar of NumPy is promoted otherwise than one of Python.
        data = value.tobytes()
        text = data.hex() if len(data) <= 32 else hashlib.sha256(data).hexdigest()
        return f"{kind.__name__}({value.dtype.str},{value.shape},{len(data)},{text})"
    raise Unknown(f"{kind.__module__}.{kind.__qualname__}")


def _all(values: Sequence[Any]) -> str:
    return "".join(f"{rendered(value)}," for value in values)
