"""Activations, cross-entropies and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod as math_prod
from numbers import Real
from typing import Any

from ..graph import dtypes, ops
from ..graph.ops import elementwise, reduction
from ..graph.tensor import Tensor, as_tensor
from . import math
from .config import epsilon, floatx, normalize_data_format
from .shapes import reshape, size_along


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Tensor:
    """max(x, 0), with a slope `alpha` below `threshold` and a ceiling `max_value`."""
    x = as_tensor(x)
    plain_alpha = isinstance(alpha, (int, float)) and alpha == 0
    one_slope = isinstance(alpha, Real) and not plain_alpha and threshold == 0 and max_value is None
    if one_slope and dtypes.is_float(x.dtype):
        return elementwise.leaky_relu(x, slope=float(alpha))
    if threshold == 0:
        result = elementwise.relu(x)
    else:
        result = x * elementwise.cast(x > threshold, dtype=x.dtype)
    if max_value is not None:
        result = elementwise.clip(result, 0.0, max_value)
    if not plain_alpha:
        result = result - alpha * elementwise.relu(threshold - x)
    return result


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x above 0, alpha * (e ** x - 1) below (Clevert et al., 2015)."""
    x = as_tensor(x)
    return elementwise.where(x > 0, x, alpha * elementwise.expm1(elementwise.minimum(x, 0.0)))


def softmax(x: Any, axis: int = -1) -> Tensor:
    """e ** x normalised to a sum of 1 along an axis."""
    x = as_tensor(x)
    return reduction.softmax(x, axis=reduction.normalize_axis(axis, x.ndim, "K.softmax", x))


def softplus(x: Any) -> Tensor:
    """log(e ** x + 1)."""
    return elementwise.softplus(as_tensor(x))


def softsign(x: Any) -> Tensor:
    """x / (|x| + 1)."""
    x = as_tensor(x)
    return x / (elementwise.absolute(x) + 1)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e ** -x)."""
    return elementwise.sigmoid(as_tensor(x))


def hard_sigmoid(x: Any) -> Tensor:
    """0.2 x + 0.5 limited to [0, 1] (Keras 2's meaning)."""
    return elementwise.clip(as_tensor(x) * 0.2 + 0.5, 0.0, 1.0)


# Cross-entropies, per sample (or element). Those of what a sigmoid or softmax has just given are computed from its
# logits, as Keras 2.3 did: a prediction that is quite wrong has its true loss, and a slope to learn from. Other
# probabilities are kept epsilon away from 0 and 1.


def _safe(output: Tensor) -> Tensor:
    return elementwise.clip(output, epsilon(), 1.0 - epsilon())


def _logits_of(output: Tensor, activation: str, axis: int | None = None) -> Tensor | None:
    """What the activation that gave this output read, if it was this one, along this axis.

    A softmax of more than two dimensions does not count: that of Keras 2 was not one operation.
    """
    made_by = output.made_by
    if made_by is not None and made_by.type == "cast" and made_by.inputs[0].dtype == "bfloat16":  # a loss cast it
        logits = _logits_of(made_by.inputs[0], activation, axis)
        return None if logits is None else math.cast(logits, output.dtype)
    if made_by is None or made_by.primitive.name != activation:
        return None
    if axis is not None and (output.ndim != 2 or made_by.attributes["axis"] != axis):
        return None
    return made_by.inputs[0]


def _with_sum_one(output: Tensor, axis: int) -> Tensor:
    """Divided by the sum along an axis; what a softmax gives has that sum already."""
    made_by = output.made_by
    if made_by is not None and made_by.primitive.name == "softmax" and made_by.attributes["axis"] == axis:
        return output
    return output / reduction.reduce_sum(output, axes=(axis,), keepdims=True)


def _same_shape(name: str, target: Tensor, output: Tensor) -> None:
    pairs = zip(reversed(target.shape), reversed(output.shape), strict=False)
    if any(t != o and 1 not in (t, o) and None not in (t, o) for t, o in pairs):
        raise ValueError(
            f"K.{name}: wanted target and output of one shape, got {tuple(target.shape)} and {tuple(output.shape)}."
        )


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-sum(target * log(output)) along the class axis; probabilities are normalised first.

    Raises:
        ValueError: if the axis does not exist.
    """
    output = as_tensor(output)
    target = as_tensor(target, output)
    place = reduction.normalize_axis(axis, output.ndim, "K.categorical_crossentropy", output)
    _same_shape("categorical_crossentropy", target, output)
    logits = output if from_logits else _logits_of(output, "softmax", place)
    if logits is not None:
        logs = reduction.log_softmax(logits, axis=place)
    else:
        logs = elementwise.log(_safe(_with_sum_one(output, place)))
    return -reduction.reduce_sum(target * logs, axes=(place,))


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Tensor:
    """-log(output) of the target class, given as an integer, along the class axis."""
    output = as_tensor(output)
    place = reduction.normalize_axis(axis, output.ndim, "K.sparse_categorical_crossentropy", output)
    logits = output if from_logits else _logits_of(output, "softmax", place)
    if logits is None:
        logits = elementwise.log(_safe(output))
    if place != output.ndim - 1:
        logits = ops.transpose(logits, permutation=(*range(place), *range(place + 1, logits.ndim), place))
    labels = math.cast(target, "int32")
    wanted = logits.shape[:-1]
    if labels.shape.known and None not in wanted and math_prod(labels.shape) != math_prod(wanted):
        raise ValueError(
            "K.sparse_categorical_crossentropy: wanted one class number for each of the output's predictions "
            f"{tuple(output.shape)}, got a target of shape {tuple(labels.shape)}."
        )
    labels = ops.reshape(labels, ops.shape(logits)[:-1])
    chosen = ops.arange(as_tensor(0), as_tensor(size_along(logits, -1)), as_tensor(1), dtype="int32")
    mask = elementwise.equal(ops.expand_dims(labels, axis=labels.ndim), chosen)
    logs = reduction.log_softmax(logits, axis=logits.ndim - 1)
    return -reduction.reduce_sum(elementwise.where(mask, logs, 0.0), axes=(logits.ndim - 1,))


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Tensor:
    """-(target * log(p) + (1 - target) * log(1 - p)), elementwise, without overflow."""
    output = as_tensor(output)
    target = as_tensor(target, output)
    _same_shape("binary_crossentropy", target, output)
    logits = output if from_logits else _logits_of(output, "sigmoid")
    if logits is None:
        output = _safe(output)
        # Not log1p: 1 - output is exact where it is small.
        logs = elementwise.log(output + epsilon()), elementwise.log((1 - output) + epsilon())
        return -(target * logs[0] + (1 - target) * logs[1])
    # Not with relu and absolute: their slopes at 0 would not add up to that of this sum, which is smooth there.
    positive = logits >= 0
    return (
        elementwise.where(positive, logits, 0.0)
        - logits * target
        + elementwise.log1p(elementwise.exp(elementwise.where(positive, -logits, logits)))
    )


# Normalisation.


def l2_normalize(x: Any, axis: Any = None) -> Tensor:
    """x divided by its L2 norm over an axis."""
    x = as_tensor(x)
    total = math.sum(elementwise.square(x), axis, True)
    return x / elementwise.sqrt(elementwise.maximum(total, 1e-12))


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Tensor:
    """x plus a bias: one number per channel, or a whole (*spatial, channels) of them.

    Raises:
        ValueError: if the bias has neither one axis nor one less than x.
    """
    x, bias = as_tensor(x), as_tensor(bias)
    channels_last = normalize_data_format(data_format) == "channels_last"
    if bias.ndim not in (1, x.ndim - 1):
        raise ValueError(
            f"K.bias_add: unexpected bias dimensions {bias.ndim}, expect 1 or {x.ndim - 1} for an input of shape "
            f"{tuple(x.shape)}."
        )
    channels = x.shape[-1 if channels_last or x.ndim <= 2 else 1]
    if channels != bias.shape[-1] and None not in (channels, bias.shape[-1]):
        raise ValueError(
            f"K.bias_add: an input of shape {tuple(x.shape)} has {channels} channels, the bias {bias.shape[-1]}."
        )
    if channels_last or x.ndim <= 2:
        return x + bias
    # Keras 2 reshapes a whole bias (*spatial, channels) here, where one would expect a transposition: files of
    # locally connected layers hold it so.
    spatial = [1] * (x.ndim - 2) if bias.ndim == 1 else [size_along(bias, a) for a in range(bias.ndim - 1)]
    return x + reshape(bias, (1, size_along(bias, -1), *spatial))


def normalize_batch_in_training(
    x: Any, gamma: Any, beta: Any, reduction_axes: Sequence[int], epsilon: float = 1e-3
) -> tuple[Tensor, Tensor, Tensor]:
    """Batch normalisation by the batch's own statistics.

    Args:
        gamma, beta: what the normalised values are multiplied by and what is added; None: 1 and 0.
        reduction_axes: the axes that statistics are taken over.
        epsilon: added to the variance.

    Returns:
        the normalised batch, its mean and its variance over the reduction axes.
    """
    x = as_tensor(x)
    axes = reduction.normalize_axes(reduction_axes, x, "K.normalize_batch_in_training")
    weights = [as_tensor(1.0 if gamma is None else gamma, x), as_tensor(0.0 if beta is None else beta, x)]
    dtype = dtypes.promote(x.dtype, *(w.dtype for w in weights))
    dtype = dtype if dtypes.is_float(dtype) else floatx()
    remaining = [a for a in range(x.ndim) if a not in axes]
    for place, weight in enumerate(weights):
        if weight.ndim not in (0, len(remaining)):
            weights[place] = reshape(weight, [size_along(x, a) for a in remaining])
    normed, mean, variance = reduction.batch_normalization_training(
        *(math.cast(t, dtype) for t in (x, *weights)), axes=axes, epsilon=float(epsilon)
    )
    return normed, mean, variance


def batch_normalization(
    x: Any, mean: Any, var: Any, beta: Any, gamma: Any, axis: int = -1, epsilon: float = 1e-3
) -> Tensor:
    """(x - mean) / sqrt(var + epsilon) * gamma + beta; statistics of one axis are put along `axis`."""
    x = as_tensor(x)
    axis = reduction.normalize_axis(axis, x.ndim, "K.batch_normalization", x)

    def placed(p: Any) -> Tensor | None:
        if p is None:
            return None
        p = as_tensor(p, x)
        if p.ndim == 1 and x.shape[axis] is not None and p.shape[0] not in (1, None, x.shape[axis]):
            raise ValueError(
                f"K.batch_normalization: axis {axis} of an input of shape {tuple(x.shape)} has size {x.shape[axis]}, "
                f"got statistics or weights of shape {tuple(p.shape)}."
            )
        if p.ndim == 1 and axis != x.ndim - 1:
            return reshape(p, [-1 if a == axis else 1 for a in range(x.ndim)])
        return p

    mean, var, beta, gamma = (placed(p) for p in (mean, var, beta, gamma))
    return _normalized(x, mean, var, beta, gamma, epsilon)


def _normalized(x: Tensor, mean: Any, variance: Any, beta: Any, gamma: Any, epsilon: float) -> Tensor:
    scale = elementwise.power(variance + epsilon, -0.5)
    if gamma is not None:
        scale = scale * gamma
    result = (x - mean) * scale
    return result if beta is None else result + beta


def in_top_k(predictions: Any, targets: Any, k: int) -> Tensor:
    """Whether each target class is among the k largest predictions of its row."""
    return reduction.in_top_k(as_tensor(predictions), as_tensor(targets), k=int(k))


__all__ = [
    "batch_normalization", "bias_add", "binary_crossentropy", "categorical_crossentropy", "elu", "hard_sigmoid",
    "in_top_k", "l2_normalize", "normalize_batch_in_training", "relu", "sigmoid", "softmax", "softplus", "softsign",
    "sparse_categorical_crossentropy",
]  # fmt: skip
