"""A `tf.TensorArray` among the variables of a loop whose body computes with symbolic tensors.

While the body is traced, what it writes is noted; when it runs, that is written to an array of TensorFlow, and the
recorded operation gives the whole as one tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from ...graph import ops
from ...graph.tensor import Dim, Tensor, as_tensor
from ..recording import each, leaves


class Writes:
    """Stands for the array of that number in a body that is traced."""

    def __init__(self, number: int, written: tuple[tuple[Tensor, Tensor], ...] = ()) -> None:
        self._number = number
        self._written = written

    def write(self, index: Any, value: Any, name: str | None = None) -> Writes:
        return Writes(self._number, (*self._written, (as_tensor(index), as_tensor(value))))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"A loop on symbolic tensors can write to a tf.TensorArray, and not ask for {name!r}.")

    def tensors(self) -> list[Tensor]:
        return [x for pair in self._written for x in pair]

    def element(self) -> Sequence[Dim] | None:
        return tuple(self._written[-1][1].shape) if self._written else None

    def made(self, arrays: Sequence[Any], values: Iterator[Any]) -> Any:
        """The array with the values of `tensors` written to it."""
        array = arrays[self._number]
        for _ in self._written:
            index = next(values)
            array = array.write(index, next(values))
        return array


class Stacked:
    """What a loop has written, with the methods of a `tf.TensorArray` that read."""

    def __init__(self, values: Tensor) -> None:
        self._values = values

    def stack(self, name: str | None = None) -> Tensor:
        return self._values

    def read(self, index: Any, name: str | None = None) -> Tensor:
        return self._values[index]

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        return ops.gather(self._values, as_tensor(indices))  # type: ignore[no-any-return]

    def concat(self, name: str | None = None) -> Tensor:
        return tf.reshape(self._values, [-1, *self._values.shape[2:]])  # type: ignore[no-any-return]

    def size(self, name: str | None = None) -> Tensor:
        return tf.shape(self._values)[0]  # type: ignore[no-any-return]


def tensors(x: Any) -> list[Tensor]:
    """The symbolic tensors of one result of a body."""
    return x.tensors() if isinstance(x, Writes) else [x] if isinstance(x, Tensor) else []


def fresh(x: Any) -> Any:
    """An array like an empty one, that lives where the loop is traced; anything else as it is."""
    if not isinstance(x, tf.TensorArray):
        return x
    return tf.TensorArray(x.dtype, size=x.size(), dynamic_size=x.dynamic_size, infer_shape=False)


def are_arrays(result: Any) -> list[bool]:
    """Of each result whether it is one."""
    return [isinstance(x, tf.TensorArray) for x in leaves(result)]


def stacked(x: Any, element: Sequence[Dim] | None) -> Any:
    """What an array holds, as a tensor; anything else as it is."""
    if not isinstance(x, tf.TensorArray):
        return x
    values = x.stack()
    values.set_shape([None, *(element or ())])
    return values


def as_arrays(result: Any, grown: Sequence[bool]) -> Any:
    """The recorded result, with those that were arrays readable as such."""
    kinds = iter(grown)
    return each(result, lambda x: Stacked(x) if next(kinds) else x)
