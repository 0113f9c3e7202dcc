"""Two or three instructions in a row for which PyTorch has one function: each pass through memory saved is time.

    clip(relu(x), low, high)            one clipping: relu6, with a gradient of one pass instead of six
    conv(x, kernel) + bias              a convolution with its bias
    dot_general(x, matrix) + bias       a product that is added to the bias
    where(random >= p, x * scale, 0)    a product: choosing by what nobody can foresee takes eight times as long
    (x - mean) * scale + shift          one pass for each channel's numbers: batch normalisation at inference
    (conv - mean) * scale + shift       on a CPU a convolution by the scaled kernel, which is kept for the next call

A step of training a MobileNet took 1.49 s of processor time and takes 1.33, its predictions 0.48 and 0.24, those of
ResNet50 1.5 and 1.05 (16 images of 224 x 224, one core). Whether the operands fit is seen when the function runs; where
they do not, the operations are done in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import replace
from typing import Any

import torch

from ...graph.program import Instruction
from .. import fusing
from ..evaluate import NOT_FOLDED
from ..fusing import Made, Pattern
from . import control
from .clipping import clip
from .convolution import conv
from .normalization import channels_second
from .table import TABLE, tensor_of

Array = Any


def fused(instructions: Sequence[Instruction], results: Iterable[int], host: Container[int]) -> Sequence[Instruction]:
    """The instructions with one in the place of several where that is possible.

    Args:
        results: slots that are read later.
        host: slots whose values are NumPy's.
    """
    numbers: set[int] = set()
    for instruction in instructions:
        if _is_host(instruction, lambda slot: slot in host or slot in numbers):
            numbers.update(instruction.outputs)
    return fusing.fused(instructions, results, _PATTERNS, kept=numbers)


def _is_host(instruction: Instruction, known: Callable[[int], bool]) -> bool:
    """Whether NumPy computes it: arithmetic on shapes and constants."""
    name = instruction.primitive
    if name == "shape":
        return True
    computed = name in control.STRUCTURAL or name == "random_uniform" or name in NOT_FOLDED
    return not computed and all(map(known, instruction.inputs))


# What to look for.


def _clipped_relu(instruction: Instruction, made: Made) -> Sequence[Instruction]:
    relu = fusing.source(instruction, made, "relu")
    if relu is None:
        return ()
    inputs = (*relu.inputs, *instruction.inputs[1:])
    return replace(instruction, primitive="clipped_relu", inputs=inputs), relu


def _added(instruction: Instruction, made: Made) -> Sequence[Instruction]:
    if not instruction.dtypes[0].startswith("float"):
        return ()
    product = fusing.source(instruction, made, "conv", "dot_general")
    if product:
        name, inputs = f"{product.primitive}_and_bias", (*product.inputs, instruction.inputs[1])
        return replace(product, primitive=name, inputs=inputs, outputs=instruction.outputs), product
    row = fusing.normalisation(instruction, made)
    if not row:
        return ()
    (x, *vectors), before = row
    conv = fusing.source(before[-1], made, "conv", "conv_and_bias")
    if not conv:
        return replace(instruction, primitive="scaled", inputs=(x, *vectors)), *before
    inputs = (*conv.inputs[:2], *vectors, *conv.inputs[2:])
    return replace(conv, primitive="conv_and_scaled", inputs=inputs, outputs=instruction.outputs), *before, conv


def _dropout(instruction: Instruction, made: Made) -> Sequence[Instruction]:
    condition, product = (made.get(slot) for slot in instruction.inputs[:2])
    if not condition or not product or condition.primitive != "greater_equal" or product.primitive != "multiply":
        return ()
    if not fusing.source(condition, made, "random_uniform"):
        return ()
    (uniform, level), (x, scale) = condition.inputs, product.inputs
    inputs = (uniform, x, level, scale, instruction.inputs[2])
    return replace(instruction, primitive="dropout", inputs=inputs), condition, product


_PATTERNS: dict[str, Pattern] = {"clip": _clipped_relu, "add": _added, "where": _dropout}


# Computing them.


def _clip_relu(x: Array, low: Any, high: Any) -> Array:
    if isinstance(low, torch.Tensor) or isinstance(high, torch.Tensor) or low.size != 1 or high.size != 1 or low > 0:
        return TABLE["clip"](torch.relu(x), low, high)
    return clip(x, max(low.item(), 0.0), high.item(), above=True)


def _conv_and_bias(x: Array, kernel: Array, bias: Array, channels_last: bool, **attributes: Any) -> Array:
    fits = bias.ndim == 1 and bias.shape[0] == kernel.shape[-1] and bias.dtype is x.dtype is kernel.dtype
    if channels_last and fits:
        return conv(x, kernel, channels_last=True, bias=bias, **attributes)
    return TABLE["add"](conv(x, kernel, channels_last=channels_last, **attributes), bias)


def _product_and_bias(x: Array, y: Array, bias: Array, contract: Any, batch: Any) -> Array:
    last = not batch[0] and y.ndim == 2 and contract == ((x.ndim - 1,), (0,)) and x.ndim > 1
    if not last or bias.ndim != 1 or bias.shape[0] != y.shape[1] or not x.dtype is y.dtype is bias.dtype:
        return TABLE["add"](TABLE["dot_general"](x, y, contract, batch), bias)
    if x.ndim == 2:
        return torch.addmm(bias, x, y)
    return torch.addmm(bias, x.reshape(-1, x.shape[-1]), y).view(*x.shape[:-1], -1)


def _scaled(x: Array, mean: Array, scale: Array, shift: Array) -> Array:
    vectors = mean, scale, shift
    along = all(v.ndim == 1 and v.shape[0] == x.shape[-1] and v.dtype is x.dtype for v in vectors)
    if not along or mean.requires_grad or x.ndim < 2 or not x.is_contiguous() or not x.numel():
        return TABLE["add"](TABLE["multiply"](TABLE["subtract"](x, mean), scale), shift)
    view, back = channels_second(x, x.ndim - 1)
    normed, _, _ = torch.native_batch_norm(view, scale, shift, mean, torch.ones_like(mean), False, 0.0, 0.0)
    return back(normed)


def _conv_and_scaled(
    x: Array, kernel: Array, mean: Array, scale: Array, shift: Array, *bias: Array,
    channels_last: bool, **attributes: Any,
) -> Array:  # fmt: skip
    vectors = mean, scale, shift, *bias
    known = x.dtype is kernel.dtype and x.dtype in (torch.float32, torch.float64) and x.device.type == "cpu"
    along = all(v.ndim == 1 and v.shape[0] == kernel.shape[-1] and v.dtype is x.dtype for v in vectors)
    if not (known and along and channels_last) or torch.is_grad_enabled():
        attributes["channels_last"] = channels_last
        y = _conv_and_bias(x, kernel, bias[0], **attributes) if bias else conv(x, kernel, **attributes)
        return _scaled(y, mean, scale, shift)
    for b in bias:
        mean = mean - b
    return conv(x, kernel, channels_last=True, bias=shift - mean * scale, scale=scale, **attributes)


def _dropped(uniform: Array, x: Array, level: Any, scale: Any, otherwise: Any) -> Array:
    numbers = level, scale, otherwise
    if any(isinstance(n, torch.Tensor) or n.size != 1 for n in numbers) or otherwise != 0 or not x.is_floating_point():
        numbers = tuple(n if isinstance(n, torch.Tensor) else tensor_of(n, x.device) for n in numbers)
        return TABLE["where"](uniform >= numbers[0], TABLE["multiply"](x, numbers[1]), numbers[2])
    kept = torch.ge(uniform, level.item(), out=uniform)  # nobody else reads the random numbers
    return x * torch.mul(kept, scale.item(), out=kept).to(x.dtype)


FUSED: dict[str, Callable[..., Array]] = {
    "clipped_relu": _clip_relu,
    "conv_and_bias": _conv_and_bias,
    "conv_and_scaled": _conv_and_scaled,
    "dot_general_and_bias": _product_and_bias,
    "dropout": _dropped,
    "scaled": _scaled,
}
