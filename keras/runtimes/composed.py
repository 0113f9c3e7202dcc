"""Primitives made of a table's simpler entries: for engines that have, or want, no function of their own for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Array = Any
Table = dict[str, Callable[..., Any]]


def batch_normalization_training(table: Table) -> Callable[..., list[Array]]:
    """See `keras.graph.ops.reduction.batch_normalization_training`."""

    def call(x: Array, gamma: Array, beta: Array, axes: tuple[int, ...], epsilon: float) -> list[Array]:
        mean = table["reduce_mean"](x, axes, True)
        centred = x - mean
        variance = table["reduce_mean"](table["square"](centred), axes, True)
        scale = (variance + epsilon) ** -0.5 * along(table, gamma, axes)
        normed = centred * scale + along(table, beta, axes)
        return [normed, table["squeeze"](mean, axes), table["squeeze"](variance, axes)]

    return call


def along(table: Table, weight: Array, axes: tuple[int, ...]) -> Array:
    """What has the axes that remain, with the reduced ones of size 1; a single number as it is."""
    for axis in axes if len(weight.shape) else ():
        weight = table["expand_dims"](weight, axis)
    return weight


def switch(
    table: Table, empty: Callable[[Array, int], Any] = lambda x, axis: int(x.shape[axis] == 0)
) -> Callable[..., Array]:
    """See `keras.graph.ops.control.switch`: the loss of what there is, or 0 where there is nothing.

    What is empty along an axis that the other value lacks, or has one place along, counts as one place of zeros:
    broadcast to nothing, the other value would be lost.

    Args:
        empty: 1 if an array is empty along an axis, else 0; asked where that may be.
    """

    def beside(x: Array, y: Array) -> Array:
        more = len(x.shape) - len(y.shape)
        pads = [
            (0, empty(x, axis) if size in (0, None) and (axis < more or y.shape[axis - more] == 1) else 0)
            for axis, size in enumerate(x.shape)
        ]
        return x if all(isinstance(after, int) and not after for _, after in pads) else table["pad"](x, pads)

    return lambda condition, x, y: table["where"](condition, beside(x, y), beside(y, x))
