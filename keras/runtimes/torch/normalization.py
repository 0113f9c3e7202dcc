"""Batch normalisation by PyTorch's own kernels, one forward and one backward.

One core, milliseconds of processor time for the forward part and all gradients, written out -> by the kernels:

    16 x 56 x 56 x 64     30 -> 8.9
    16 x 14 x 14 x 1024   32 -> 15
    64 x 32 x 32 x 32     16 -> 8.3
    32 x 80 x 128         2.3 -> 1.0
    128 x 64              0.20 -> 0.28
"""

from __future__ import annotations

from typing import Any

import torch

from ..composed import batch_normalization_training as composed
from .autograd import signed

Array = Any

# Of smaller arrays the formula is as fast.
SMALLEST = 16384

_written_out = composed({
    "reduce_mean": torch.mean, "square": torch.square, "squeeze": torch.squeeze, "expand_dims": torch.unsqueeze,
})  # fmt: skip


def batch_normalization_training(
    x: Array, gamma: Array, beta: Array, axes: tuple[int, ...], epsilon: float
) -> list[Array]:
    """See `keras.graph.ops.reduction.batch_normalization_training`."""
    kept = [axis for axis in range(x.ndim) if axis not in axes]
    alone = len(kept) == 1 and x.dtype in (torch.float32, torch.float64)
    if not alone or x.numel() < max(SMALLEST, 2 * x.shape[kept[0]]):  # at least two numbers for each channel
        return _written_out(x, gamma, beta, axes, epsilon)
    view, back = channels_second(x, kept[0])
    weights = (w.expand(view.shape[1]) for w in (gamma, beta))
    normed, mean, variance, *_ = _Normalization.apply(view, *weights, epsilon)
    return [back(normed), mean, variance]


def channels_second(x: Array, axis: int) -> tuple[Array, Any]:
    """A view with the channels along the second axis, and the function that undoes it.

    What lies channels last becomes one image of one column, which torch knows as its channels_last memory format.
    """
    if axis == x.ndim - 1 and x.is_contiguous():
        view = x.view(1, -1, 1, x.shape[axis]).permute(0, 3, 1, 2)
        return view, lambda y: y.permute(0, 2, 3, 1).reshape(x.shape)
    return x.movedim(axis, 1), lambda y: y.movedim(1, axis)


class _Normalization(torch.autograd.Function):  # type: ignore[misc]
    """normed, mean, variance, and what the kernel keeps, of x, gamma, beta, epsilon; channels along axis 1."""

    @staticmethod
    @signed
    def forward(x: Array, gamma: Array, beta: Array, epsilon: float) -> tuple[Array, ...]:
        count, channels = x.numel() // x.shape[1], x.shape[1]
        # "Moving" averages with a momentum of 1: the batch's own. The variance is that of a sample.
        mean, variance = x.new_zeros(channels), x.new_zeros(channels)
        normed, *kept = torch.native_batch_norm(x, gamma, beta, mean, variance, True, 1.0, epsilon)
        return normed, mean, variance.mul_((count - 1) / count), *kept

    @staticmethod
    def setup_context(context: Any, inputs: Any, output: tuple[Array, ...]) -> None:
        *sources, context.epsilon = inputs
        _, mean, _, *kept = output
        context.mark_non_differentiable(*kept)
        context.set_materialize_grads(False)
        context.save_for_backward(*sources, mean, *kept)

    @staticmethod
    def backward(context: Any, by_normed: Array, by_mean: Array, by_variance: Array, *_: Any) -> tuple[Array, ...]:
        x, gamma, beta, mean, *saved = context.saved_tensors
        wanted = context.needs_input_grad[:3]
        by_all = by_normed, by_mean, by_variance
        if torch.is_grad_enabled():  # to be differentiated again: torch's formula for that stops at the second order
            return *_by_formula((x, gamma, beta), wanted, by_all, context.epsilon), None
        found: list[Any] = [None, None, None]
        if by_normed is not None:
            by_normed = by_normed.contiguous(memory_format=suggested(x))  # other orders take ten times as long
            found = list(torch.ops.aten.native_batch_norm_backward(
                by_normed, x, gamma, None, None, *saved, True, context.epsilon, wanted
            ))  # fmt: skip
        count = x.numel() // x.shape[1]
        for by, part in ((by_mean, lambda: 1 / count), (by_variance, lambda: (x - _second(mean, x)) * (2 / count))):
            if by is not None and wanted[0]:
                added = _second(by, x) * part()
                found[0] = added.expand_as(x) if found[0] is None else found[0] + added
        return *found, None


def suggested(x: Array) -> Any:
    """The memory format that x has."""
    last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


def _second(vector: Array, x: Array) -> Array:
    """A vector along the second axis of x."""
    return vector.view(-1, *[1] * (x.ndim - 2))


def _by_formula(sources: Any, wanted: Any, by_all: Any, epsilon: float) -> list[Array]:
    """The gradients as functions that can be differentiated, by writing the normalisation out."""
    axes = tuple(axis for axis in range(sources[0].ndim) if axis != 1)
    with torch.enable_grad():
        sources = [s.view_as(s) for s in sources]  # gamma may have come from x, which is not to count here
        results = _written_out(*sources, axes, epsilon)
        pairs = [(result, by) for result, by in zip(results, by_all, strict=True) if by is not None]
        chosen = [s for s, w in zip(sources, wanted, strict=True) if w]
        found = iter(torch.autograd.grad(
            [result for result, _ in pairs], chosen, [by for _, by in pairs], create_graph=True,
            allow_unused=True, materialize_grads=True,
        ))  # fmt: skip
    return [next(found) if w else None for w in wanted]
