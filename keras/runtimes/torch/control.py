"""Loops and gradients in PyTorch, called from written programs (see source.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from ...graph import randomness

Array = Any


def fold(step: np.ndarray, turn: int) -> Any:
    """The step value inside one turn of a loop: its random numbers differ from turn to turn."""
    return randomness.fold(step, np.array([turn], dtype=np.uint32))


def check_length(length: int) -> None:
    """Refuses loops without a step: their outputs have no values to take a shape from."""
    if length == 0:
        raise ValueError("A recurrent layer got sequences of length 0: it needs at least one time step.")


def scan(
    turn: Callable[..., tuple[Array, ...]], step: np.ndarray, sequences: Sequence[Array], states: Sequence[Array],
    reverse: bool, random: bool,
) -> Any:  # fmt: skip
    """The last states and the stacked outputs of `turn(step, [number,] *items, *states)`."""
    length = sequences[0].shape[0]
    check_length(length)
    items = list(zip(*(s.unbind(0) for s in sequences), strict=True))
    kinds = [s.dtype for s in states]
    carried: tuple[Array, ...] = tuple(states)
    stacked: list[tuple[Array, ...]] = []
    for number in range(length - 1, -1, -1) if reverse else range(length):
        head: tuple[Any, ...] = (step, number) if random else (step,)
        results = turn(*head, *items[number], *carried)
        carried = results[: len(kinds)]
        if any(c.dtype is not kind for c, kind in zip(carried, kinds, strict=True)):
            carried = tuple(c.to(kind) for c, kind in zip(carried, kinds, strict=True))
        stacked.append(results[len(kinds) :])
    if reverse:
        stacked.reverse()
    found = (*carried, *(torch.stack(outputs) for outputs in zip(*stacked, strict=True)))
    return found[0] if len(found) == 1 else found


def cond(condition: Array, then: Callable[[], tuple[Array, ...]], otherwise: Callable[[], tuple[Array, ...]]) -> Any:
    """What the branch taken gives."""
    found = then() if condition else otherwise()
    return found[0] if len(found) == 1 else found


def gradients(
    function: Callable[..., Any], values: Sequence[Array], direct: int, places: Sequence[int], kept: bool
) -> Any:
    """The derivatives of the sum of what `function` gives, by the first `direct` values and by zeros that it
    adds to values in the middle; with `kept`, also the second half of what it gives.
    """
    nested = torch.is_grad_enabled()  # inside another gradient: this one is to be differentiated again
    with torch.enable_grad():
        sources = [_source(v) for v in values[:direct]]
        sources += [torch.zeros_like(v).requires_grad_() for v in values[direct:]]
        outcome = function(*sources)
        results, rest = outcome if kept else (outcome, None)
        total = sum(r if r.ndim == 0 else r.sum() for r in results)
        if isinstance(total, torch.Tensor) and total.requires_grad:
            found = torch.autograd.grad(total, sources, create_graph=nested, allow_unused=True, materialize_grads=True)
        else:
            found = tuple(torch.zeros_like(s) for s in sources)
    chosen: Any = [found[p] for p in places]
    chosen = chosen[0] if len(chosen) == 1 else chosen
    return (chosen, rest) if kept else chosen


def _source(value: Array) -> Array:
    """The value as a new node of autograd's graph: only what the function itself does with it counts."""
    return value.view_as(value) if value.requires_grad else value.detach().requires_grad_()


STRUCTURAL: dict[str, Callable[..., Any]] = {"scan": scan, "cond": cond, "gradients": gradients}
