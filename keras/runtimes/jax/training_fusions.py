"""Convolutions and batch normalisation in training with what is around them, as one instruction.

Batch normalisation takes away what the bias of the layer before it adds, so that this need not be added: only the mean
is to have it. A ReLU behind it is done as it is written down (`native_normalization`). Medians of a training step in
turn, with both and without, 4 cores: CIFAR CNN 42 and 49 ms, ResNet50 1,055 and 1,149, MobileNet 304 and 310.

The gradient of any other bias is made with that of the kernel, which reads the same: MNIST CNN 31.6 and 33.0 ms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...graph.nodes import Slot
from ...graph.program import Block, Instruction, Program
from ..evaluate import Table
from ..fusing import Made, all_reads, source
from ..recurrent import made_once
from . import native_convolution
from .native_normalization import training
from .table import TABLE

Array = Any

NORMALIZATION, _NORMALIZED, _BIASED = "batch_normalization_training", "normalized", "conv_biased"


def instructions(program: Program) -> Sequence[Instruction]:
    """A program's, those within gradients too."""
    found = program.block.instructions
    if program.primitives.isdisjoint((NORMALIZATION, "gradients")):
        return found
    return _together(found, all_reads(program.block) + Counter(slot for _, slot in program.updates), False)


def _together(instructions: Sequence[Instruction], reads: Counter[Slot], differentiated: bool) -> list[Instruction]:
    """The instructions; `reads` are those of the whole program."""

    def inside(block: Block) -> Block:
        return replace(block, instructions=_together(block.instructions, reads, True))

    made = made_once(instructions)
    normalized = {i.inputs[0] for i in instructions if i.primitive == NORMALIZATION}
    only = {i.inputs[0]: i for i in instructions if i.primitive in ("relu", "add") and reads[i.inputs[0]] == 1}
    found, gone = [], set()
    for i in instructions:
        after = only.get(i.outputs[0])
        if i.primitive == "gradients":
            i = replace(i, blocks=tuple(map(inside, i.blocks)))
        elif i.primitive == NORMALIZATION:
            relu = after if after and after.primitive == "relu" else None
            i = _normalization_with(made.get(i.inputs[0]), i, relu, made)
            gone.update([id(relu)] if relu else [])
        elif differentiated and i.primitive == "conv" and after and after.primitive == "add":
            (biased,), (_, bias) = after.outputs, after.inputs
            if biased not in normalized and bias not in made:
                i = replace(i, primitive=_BIASED, inputs=(*i.inputs, bias), outputs=after.outputs)
                gone.add(id(after))
        if id(i) not in gone:
            found.append(i)
    return found


def _normalization_with(
    before: Instruction | None, normalization: Instruction, relu: Instruction | None, made: Made
) -> Instruction:
    """Batch normalisation without the bias of the layer before it, and with the ReLU behind it.

    The bias goes to the mean alone; its gradient, nothing but rounding errors, is 0 then.
    """
    x, gamma, beta = normalization.inputs
    biased = before is not None and before.primitive == "add" and source(before, made, "conv") is not None
    inputs = (before.inputs[0], gamma, beta, before.inputs[1]) if before and biased else (x, gamma, beta)
    _, *moments = normalization.outputs
    outputs = (*relu.outputs, *moments) if relu else normalization.outputs
    attributes = {**normalization.attributes, "relu": relu is not None}
    return replace(normalization, primitive=_NORMALIZED, inputs=inputs, outputs=outputs, attributes=attributes)


def _normalized(
    x: Array, gamma: Array, beta: Array, *bias: Array, axes: Any, epsilon: float, relu: bool
) -> list[Array]:
    """Batch normalisation of x + bias, and a ReLU."""
    channels = x.shape[-1:] if x.ndim - 1 not in axes else None
    if bias and bias[0].shape != channels:  # another branch, or channels elsewhere
        x, bias = TABLE["add"](x, *bias), ()
    made = training(x, gamma, beta, axes, epsilon, relu)
    if made is None:
        result, *moments = TABLE[NORMALIZATION](x, gamma, beta, axes=axes, epsilon=epsilon)
        made = [TABLE["relu"](result) if relu else result, *moments]
    result, mean, variance = made
    return [result, mean + bias[0] if bias else mean, variance]


def _conv_biased(x: Array, kernel: Array, bias: Array, **how: Any) -> Array:
    """A convolution, and a bias."""
    case = native_convolution.case_of(x, kernel, **how) if bias.shape == kernel.shape[-1:] else None
    made = native_convolution.conv_biased(x, kernel, bias, case) if case is not None else None
    return TABLE["add"](TABLE["conv"](x, kernel, **how), bias) if made is None else made


FUSED: Table = {_NORMALIZED: _normalized, _BIASED: _conv_biased}
