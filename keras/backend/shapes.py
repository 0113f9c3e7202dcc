"""Rearranging, joining, padding, cutting and indexing tensors."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..graph import dtypes, ops
from ..graph.tensor import Tensor, as_tensor
from .config import floatx, normalize_data_format
from .math import cast, equal
from .sparse import is_sparse, marked_sparse


def size_along(x: Tensor, axis: int) -> Any:
    """The size of an axis: a number where it is known, else a symbolic one. (Beyond Keras 2.)"""
    size = x.shape[axis]
    return ops.shape(x)[axis] if size is None else size


def reshape(x: Any, shape: Any) -> Tensor:
    """x in another shape (ints, one of them possibly -1, or symbolic sizes)."""
    return ops.reshape(as_tensor(x), ops.shape_vector(shape))


def permute_dimensions(x: Any, pattern: Sequence[int]) -> Tensor:
    """x with its axes in the order of `pattern`."""
    x = as_tensor(x)
    return ops.transpose(x, permutation=tuple(int(a) + x.ndim if a < 0 else int(a) for a in pattern))


def transpose(x: Any) -> Tensor:
    """x with its axes backwards."""
    x = as_tensor(x)
    return ops.transpose(x, permutation=tuple(range(x.ndim))[::-1])


def expand_dims(x: Any, axis: int = -1) -> Tensor:
    """x with a new axis of size 1 at `axis`."""
    x = as_tensor(x)
    return ops.expand_dims(x, axis=ops.shaping.normalized(axis, x, "K.expand_dims", extra=1))


def squeeze(x: Any, axis: Any) -> Tensor:
    """x without an axis of size 1."""
    x = as_tensor(x)
    return ops.squeeze(x, axes=ops.reduction.normalize_axes(axis, x, "K.squeeze"))


def flatten(x: Any) -> Tensor:
    """x as a vector."""
    return reshape(x, (-1,))


def batch_flatten(x: Any) -> Tensor:
    """x as a matrix: all axes but the first made one."""
    x = as_tensor(x)
    if x.ndim == 0:
        raise ValueError("K.batch_flatten: wanted a tensor with a batch axis, got a scalar.")
    rest = x.shape[1:]
    if None in rest:
        size: Any = ops.reduction.reduce_prod(ops.shape(x)[1:], axes=(0,))
        return reshape(x, (-1, size))
    return reshape(x, (0 if x.shape[0] == 0 else -1, math.prod(rest)))


def concatenate(tensors: Sequence[Any], axis: int = -1) -> Tensor:
    """The tensors joined along an axis."""
    if len(tensors) == 0:
        raise ValueError("K.concatenate: wanted at least one tensor, got none.")
    like = next((t for t in tensors if isinstance(t, Tensor)), None)
    parts = [as_tensor(t, like) for t in tensors]
    axis = ops.reduction.normalize_axis(axis, parts[0].ndim, "K.concatenate", parts[0])
    joined = ops.concatenate(*parts, axis=axis)
    return marked_sparse(joined) if all(map(is_sparse, tensors)) else joined


def split(x: Any, sizes: Sequence[int], axis: int = -1) -> list[Tensor]:
    """x cut along an axis into parts of the given sizes; undoes `concatenate`. (Beyond Keras 2: its
    gradient is one concatenation, that of slices a sum of padded arrays.)"""
    x = as_tensor(x)
    axis = ops.reduction.normalize_axis(axis, x.ndim, "K.split", x)
    return ops.split(x, sizes=tuple(int(size) for size in sizes), axis=axis)  # type: ignore[no-any-return]


def part(x: Any, index: int, devices: Sequence[int]) -> Tensor:
    """One of the parts into which a batch is cut for several devices; the last takes what is left over.

    What is computed from one part alone, in the same way for each, is computed by all devices at the same
    time where the engine can; joined along the first axis, the results are those of the parts in turn.
    (Beyond Keras 2.)

    Args:
        index: of the part, from 0 on.
        devices: numbers of the devices, one for each part.
    """
    x = as_tensor(x)
    step = ops.shape(x)[0] // len(devices)
    end = None if index == len(devices) - 1 else (index + 1) * step
    return ops.part(x, x[index * step : end], index=index, devices=tuple(map(int, devices)))  # type: ignore[no-any-return]


def stack(x: Sequence[Any], axis: int = 0) -> Tensor:
    """The tensors side by side along a new axis."""
    like = next((t for t in x if isinstance(t, Tensor)), None)
    parts = [as_tensor(t, like) for t in x]
    if not parts or any(_differ(parts[0], part) for part in parts):
        given = ", ".join(str(tuple(part.shape)) for part in parts)
        raise ValueError(f"K.stack: wanted at least one tensor, all of one shape, got {given or 'none'}.")
    return concatenate([expand_dims(part, axis) for part in parts], axis)


def _differ(x: Tensor, y: Tensor) -> bool:
    """Whether two shapes are different for sure."""
    return x.ndim != y.ndim or any(a != b and None not in (a, b) for a, b in zip(x.shape, y.shape, strict=True))


def repeat_elements(x: Any, rep: int, axis: int) -> Tensor:
    """Each element of an axis `rep` times in place, as `np.repeat`."""
    x = as_tensor(x)
    return ops.repeat(x, count=int(rep), axis=ops.reduction.normalize_axis(axis, x.ndim, "K.repeat_elements", x))


def repeat(x: Any, n: Any) -> Tensor:
    """(samples, dim) -> (samples, n, dim)."""
    x = as_tensor(x)
    if x.ndim != 2:
        raise ValueError(f"K.repeat takes a tensor (samples, dim), got shape {tuple(x.shape)}.")
    return tile(expand_dims(x, 1), (1, n, 1))


def tile(x: Any, n: Any) -> Tensor:
    """x repeated as a whole n times along each axis."""
    x = as_tensor(x)
    if isinstance(n, (int, np.integer)):
        n = [n]
    if not isinstance(n, Tensor):
        n = list(n)
        n = [1] * (x.ndim - len(n)) + n
    return ops.tile(x, ops.shape_vector(n))


def reverse(x: Any, axes: Any) -> Tensor:
    """x backwards along some axes."""
    x = as_tensor(x)
    return ops.flip(x, axes=ops.reduction.normalize_axes(axes, x, "K.reverse"))


def slice(x: Any, start: Any, size: Any) -> Tensor:
    """`size` elements from `start` on, for each axis; a size of -1 means the rest."""
    x = as_tensor(x)
    start, size = ([v] if isinstance(v, (int, np.integer)) else v for v in (start, size))
    if isinstance(start, Tensor):
        start = [start[axis] for axis in range(x.ndim)]
    if len(start) != x.ndim or len(size) != x.ndim:
        raise ValueError(
            f"K.slice: wanted a start and a size for each of {x.ndim} axes, got {len(start)} and {len(size)}."
        )
    parts = []
    for axis, (first, count) in enumerate(zip(start, size)):
        known = isinstance(count, (int, np.integer))
        if isinstance(first, Tensor) and known and count != -1:  # perhaps computed from what the program is given
            x = ops.gather(x, cast(first, "int32") + np.arange(count, dtype="int32"), axis=axis)
            parts.append(builtins.slice(None))
        else:
            parts.append(builtins.slice(first, None if known and count == -1 else first + count))
    return x[tuple(parts)]


def gather(reference: Any, indices: Any) -> Tensor:
    """The slices of the first axis of `reference` at integer places."""
    indices = as_tensor(indices)
    return ops.gather(as_tensor(reference), indices if dtypes.is_integer(indices.dtype) else cast(indices, "int32"))


def one_hot(indices: Any, num_classes: Any) -> Tensor:
    """Indices as rows of 0 and a 1, along a new last axis. `num_classes` may be a symbolic size (`K.shape`)."""
    indices = as_tensor(indices)
    if indices.dtype not in ("int32", "int64"):  # in bytes there are no more than 256 classes
        indices = cast(indices, "int32")
    if isinstance(num_classes, Tensor):
        places = arange(0, num_classes, dtype=indices.dtype)
        return cast(equal(ops.expand_dims(indices, axis=indices.ndim), places), floatx())
    return ops.one_hot(indices, classes=int(num_classes), dtype=floatx())


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: str = "int32") -> Tensor:
    """start, start + step, ... before stop; with one argument, 0 ... before it."""
    if stop is None:
        start, stop = 0, start
        if not isinstance(stop, Tensor) and stop < 0:
            stop = 0  # Theano's meaning, kept by Keras 2
    return ops.arange(as_tensor(start), as_tensor(stop), as_tensor(step), dtype=dtypes.canonical(dtype))


def pad(x: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    """x with zeros before and after each axis."""
    return ops.pad(x, pads=tuple((int(a), int(b)) for a, b in pads))


def temporal_padding(x: Any, padding: tuple[int, int] = (1, 1)) -> Tensor:
    """Zeros before and after the middle axis of a 3D tensor."""
    if len(padding) != 2:
        raise ValueError(f"K.temporal_padding: wanted padding (before, after), got {padding!r}.")
    return _padded("K.temporal_padding", x, [padding], "channels_last")


def _padded(name: str, x: Any, padding: Sequence[Any], data_format: str | None) -> Tensor:
    x = as_tensor(x)
    if x.ndim != len(padding) + 2:
        raise ValueError(f"{name}: wanted a tensor of {len(padding) + 2} dimensions, got shape {tuple(x.shape)}.")
    none = (0, 0)
    channels_last = normalize_data_format(data_format) == "channels_last"
    return pad(x, [none, *padding, none] if channels_last else [none, none, *padding])


def _are_pairs(padding: Any, count: int) -> bool:
    return np.shape(padding) == (count, 2)


def spatial_2d_padding(x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None) -> Tensor:
    """Zeros around the two spatial axes of a 4D tensor: ((top, bottom), (left, right))."""
    if not _are_pairs(padding, 2):
        raise ValueError(f"K.spatial_2d_padding: wanted ((top, bottom), (left, right)), got {padding!r}.")
    return _padded("K.spatial_2d_padding", x, padding, data_format)


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Tensor:
    """Zeros around the three spatial axes of a 5D tensor: three pairs, as in `spatial_2d_padding`."""
    if not _are_pairs(padding, 3):
        raise ValueError(f"K.spatial_3d_padding: wanted three pairs (before, after), got {padding!r}.")
    return _padded("K.spatial_3d_padding", x, padding, data_format)
