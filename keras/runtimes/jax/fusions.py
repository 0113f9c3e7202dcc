"""A convolution and what is done to its result, by one call of oneDNN: each pass through memory saved is time.

That is in predictions: an addition (a bias, another branch), batch normalisation, a ReLU, ReLU6; and zeros put around
the image before. XLA's kernels between the convolutions also hand a program from thread to thread, each with OpenMP
threads of its own, which the system then moves about. Milliseconds a batch, medians in turn on 4 cores: MobileNet
65 -> 47, ResNet50 291 -> 266, CIFAR CNN 17.9 -> 10.1, MNIST CNN 9.8 -> 7.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import jax.numpy as jnp

from ...graph.program import Instruction, Program
from ..evaluate import Table, is_host
from ..fusing import Made, fused
from ..onednn.afterwards import Step
from . import native, native_convolution, training_fusions
from .table import TABLE

Array = Any

_OPERANDS = {"add": 1, "subtract": 1, "multiply": 1, "relu": 0, "clip": 2}


def instructions(program: Program) -> Sequence[Instruction]:
    """A program's instructions, several made one where that pays."""
    if native.usable() is None:
        return program.block.instructions
    found = training_fusions.instructions(program)
    if "conv" in program.primitives:
        found = fused(found, [*program.block.results, *(slot for _, slot in program.updates)], _PATTERNS)
    return found


def _padded(instruction: Instruction, made: Made) -> Sequence[Instruction]:
    """A convolution of an image with zeros around it."""
    pad = made.get(instruction.inputs[0])
    how = instruction.attributes
    if pad is None or pad.primitive != "pad" or how["padding"] != "valid" or not how["channels_last"]:
        return ()
    batch, *space, channels = pad.attributes["pads"]
    if any((*batch, *channels)) or pad.attributes.get("value", 0.0) != 0.0:
        return ()
    inputs = (*pad.inputs, *instruction.inputs[1:])
    return replace(instruction, inputs=inputs, attributes={**how, "padding": tuple(space)}), pad


def _continued(instruction: Instruction, made: Made) -> Sequence[Instruction]:
    """One step more after a convolution."""
    name, inputs = instruction.primitive, instruction.inputs
    either = name in ("add", "multiply") and inputs[0] != inputs[1]
    for place in range(2 if either else 1):
        before = made.get(inputs[place])
        if before is not None and before.primitive in ("conv", "conv_then") and before.dtypes == ("float32",):
            others = inputs[:place] + inputs[place + 1 :]
            then = (*before.attributes.get("then", ()), name)
            new = replace(
                before, primitive="conv_then", inputs=(*before.inputs, *others), outputs=instruction.outputs,
                attributes={**before.attributes, "then": then},
            )  # fmt: skip
            return new, before
    return ()


_PATTERNS = {"conv": _padded, **dict.fromkeys(_OPERANDS, _continued)}


def _conv_then(x: Array, kernel: Array, *operands: Array, then: Sequence[str], **how: Any) -> Array:
    given = iter(operands)
    steps = [(name, [next(given) for _ in range(_OPERANDS[name])]) for name in then]
    made, done = _by_onednn(x, kernel, steps, **how)
    if made is None:
        made, done = TABLE["conv"](x, kernel, **how), 0
    for name, arrays in steps[done:]:
        made = TABLE[name](made, *arrays)
    return made


FUSED: Table = {"conv_then": _conv_then, **training_fusions.FUSED}


def _by_onednn(
    x: Array, kernel: Array, steps: Sequence[tuple[str, Sequence[Array]]], strides: Any, padding: Any, dilation: Any,
    channels_last: bool, groups: int = 1,
) -> tuple[Array | None, int]:  # fmt: skip
    """The result after as many steps as oneDNN takes, and how many these are."""
    case = native_convolution.case_of(x, kernel, strides, padding, dilation, channels_last, groups)
    if case is None:
        return None, 0
    taken = list(_taken(steps, case.result))
    if not taken:
        return None, 0
    operands = [array for _, arrays in taken for array in arrays]
    case = case._replace(then=tuple(step for step, _ in taken))
    return native_convolution.conv_then(x, kernel, operands, case), len(taken)


def _taken(
    steps: Sequence[tuple[str, Sequence[Array]]], shape: tuple[int, ...]
) -> Iterator[tuple[Step, Sequence[Array]]]:
    """The first steps, up to one that oneDNN can't do, each with the arrays that it reads."""
    positive = False
    for name, arrays in steps:
        if name == "relu":
            yield (name, 0.0), ()
        elif name == "clip":
            low, high = arrays
            if not (positive and is_host(low) and is_host(high) and low.size == high.size == 1 and low <= 0 < high):
                return
            yield ("minimum", float(high.item())), ()
        else:
            (array,) = arrays
            of = _read_for(array, shape)
            if of is None:
                return
            yield (name, of), (array if of == "shape" else jnp.broadcast_to(jnp.ravel(array), shape[-1:]),)
        positive = name == "relu"


def _read_for(array: Array, shape: tuple[int, ...]) -> str | None:
    """Whether an array has a number for each "channel" or as many as the result, its "shape"."""
    if array.dtype != jnp.float32:
        return None
    if tuple(array.shape) == shape:
        return "shape"
    along = len(array.shape) <= len(shape) and prod(array.shape[:-1]) == 1 and array.size in (1, shape[-1])
    return "channel" if along else None
