"""Symbolic tensors as data: their values are computed anew for each batch."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from .. import backend as K
from .tensor_op import is_constant


def holds_tensors(*data):
    """Whether there are symbolic tensors among inputs, targets and weights (each one, a list or a dictionary)."""
    return any(K.is_tensor(leaf) for part in data for leaf in _leaves(part))


def batches_of(*data):
    """Batch after batch without end: the data with the values that their tensors have then.

    Raises:
        TypeError: a tensor has no values of its own.
    """
    tensors = [leaf for part in data for leaf in _leaves(part) if K.is_tensor(leaf)]
    for tensor in tensors:
        if not is_constant(tensor):
            raise TypeError(
                f"Got the symbolic tensor {tensor!r} as data, which has no values without an input. Arrays are wanted, "
                "or tensors that can be computed: variables, constants and what is made of them."
            )
    compute = K.function([], tensors)
    return (_with_values(data, compute([])) for _ in itertools.repeat(None))


def computed(*data):
    """One such batch; data without tensors as they are."""
    return next(batches_of(*data)) if holds_tensors(*data) else data


def batched(data, workers, steps, name):
    """`(*data, workers)`; where there are tensors among the data, their batches in place of the first part and
    `None` of the others, and no workers, for this thread has to compute them.

    Args:
        steps, name: how many batches are wanted, and how the caller names that argument.

    Raises:
        ValueError: there are tensors, and no number of batches was given.
    """
    if not holds_tensors(*data):
        return *data, workers
    if steps is None:
        raise ValueError(
            f"If your data is in the form of symbolic tensors, you should specify the `{name}` argument, the number "
            "of batches (instead of `batch_size`: each time the tensors are computed they give one batch)."
        )
    return batches_of(*data), *(None for _ in data[1:]), 0


def _with_values(data, values):
    values = iter(values)
    return tuple(_filled(part, values) for part in data)


def _leaves(part):
    if isinstance(part, Mapping):
        return part.values()
    return part if isinstance(part, (list, tuple)) else (part,)


def _filled(part, values):
    if isinstance(part, Mapping):
        return {name: _filled(leaf, values) for name, leaf in part.items()}
    if isinstance(part, (list, tuple)):
        return [_filled(leaf, values) for leaf in part]
    return next(values) if K.is_tensor(part) else part
