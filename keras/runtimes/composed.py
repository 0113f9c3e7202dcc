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
