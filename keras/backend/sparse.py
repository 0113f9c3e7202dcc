"""Sparse tensors. Values may come as SciPy matrices; inside programs everything is dense.

A sparse placeholder takes a matrix, a variable made of one starts with it. Both say that they are
sparse, as do concatenations of them, and compute like any other tensor.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..graph import ops
from ..graph.tensor import Tensor


class SparseTensor(NamedTuple):
    """The elements that are not 0: their places, in row order, and values.

    Functions give `indices` (n, axes) and `values` (n,) for the n elements there are; inside a program
    both have a row for each place of the dense tensor, those without an element holding -1.
    """

    indices: Tensor
    values: Tensor
    dense_shape: Tensor
    dense: Tensor

    def get_shape(self) -> Any:
        return self.dense.shape

    @property
    def shape(self) -> Any:
        return self.dense.shape

    @property
    def dtype(self) -> str:
        return self.values.dtype


def is_sparse(tensor: Any) -> bool:
    """Whether a tensor was declared sparse, or made of a SciPy matrix."""
    return isinstance(tensor, SparseTensor) or bool(getattr(tensor, "_is_sparse", False))


def marked_sparse(tensor: Tensor) -> Tensor:
    """The tensor itself, from now on called sparse."""
    tensor._is_sparse = True  # type: ignore[attr-defined]
    return tensor


def to_dense(tensor: Any) -> Any:
    """The same values as a tensor that is not sparse."""
    if isinstance(tensor, SparseTensor):
        return tensor.dense
    return ops.identity(tensor) if is_sparse(tensor) else tensor
