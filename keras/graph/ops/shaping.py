"""Primitives that rearrange, join, cut and index, and what is known statically about shapes.

Where a primitive takes a shape, it is an int32 vector tensor: a constant, or arithmetic on
`shape(x)`. The runtimes know it as plain numbers by the time a program is traced, because
such arithmetic is folded; the rules here read off whatever is known before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..primitive import Spec, fail, primitive
from ..tensor import Constant, Dim, Tensor, as_tensor
from .reduction import normalize_axis

Value = list[Any] | int | float | None


@primitive(differentiable=False)
def shape(x: Tensor) -> Spec:
    """The shape of x as an int32 vector."""
    return (x.ndim,), "int32"


@primitive()
def reshape(x: Tensor, size: Tensor) -> Spec:
    """x with another shape, in C order; one size may be -1."""
    dims = static_dims(size)
    if dims is None:
        raise fail("reshape", [x, size], "wanted a shape vector of known length")
    known = [d for d in dims if d is not None and d != -1]
    count = math.prod(known)
    total = math.prod(int(d) for d in x.shape if d is not None) if x.shape.known else None
    if dims.count(-1) > 1:
        raise fail("reshape", [x], f"only one size of {dims} may be -1")
    if -1 in dims:
        unknown: Dim = None
        if total is not None and None not in dims:
            if count == 0 or total % count:
                raise fail("reshape", [x], f"{total} elements do not fill the shape {tuple(dims)}")
            unknown = total // count
        dims = [unknown if d == -1 else d for d in dims]
    elif total is not None and None not in dims and count != total:
        raise fail("reshape", [x], f"{total} elements do not fill the shape {tuple(dims)} of {count}")
    return dims, x.dtype


@primitive()
def transpose(x: Tensor, permutation: tuple[int, ...]) -> Spec:
    """x with its axes in another order."""
    if sorted(permutation) != list(range(x.ndim)):
        raise fail("transpose", [x], f"the pattern {permutation} is not an order of its {x.ndim} axes")
    return [x.shape[a] for a in permutation], x.dtype


@primitive()
def expand_dims(x: Tensor, axis: int) -> Spec:
    """x with a new axis of size 1 before `axis`."""
    return [*x.shape[:axis], 1, *x.shape[axis:]], x.dtype


@primitive()
def squeeze(x: Tensor, axes: tuple[int, ...]) -> Spec:
    """x without some axes of size 1."""
    for axis in axes:
        if x.shape[axis] not in (1, None):
            raise fail("squeeze", [x], f"axis {axis} has size {x.shape[axis]}, wanted 1")
    return [d for a, d in enumerate(x.shape) if a not in axes], x.dtype


@primitive()
def broadcast_to(x: Tensor, size: Tensor) -> Spec:
    """x repeated along new axes and axes of size 1 to the given shape."""
    dims = static_dims(size)
    if dims is None:
        raise fail("broadcast_to", [x, size], "wanted a shape vector of known length")
    for have, want in zip(reversed(x.shape), reversed(dims), strict=False):
        if have not in (1, None, want) and want is not None:
            raise fail("broadcast_to", [x], f"does not broadcast to {tuple(dims)}")
    return dims, x.dtype


@primitive()
def split(x: Tensor, sizes: tuple[int, ...], axis: int) -> list[Spec]:
    """x cut along an axis into parts of the given sizes."""
    if x.shape[axis] not in (None, sum(sizes)):
        raise fail("split", [x], f"the sizes {sizes} must add up to {x.shape[axis]}, the size of axis {axis}")
    return [([*x.shape[:axis], size, *x.shape[axis + 1 :]], x.dtype) for size in sizes]


@primitive()
def concatenate(*tensors: Tensor, axis: int) -> Spec:
    """The tensors joined along an axis."""
    ranks = {t.ndim for t in tensors}
    if len(ranks) != 1:
        raise fail("concatenate", tensors, "all must have the same number of dimensions")
    dims: list[Dim] = list(tensors[0].shape)
    total: Dim = 0
    for tensor in tensors:
        for a, dim in enumerate(tensor.shape):
            if a == axis:
                total = None if total is None or dim is None else total + dim
            elif dim is not None and dims[a] is not None and dims[a] != dim:
                raise fail("concatenate", tensors, f"all sizes but those of axis {axis} must be equal")
            elif dims[a] is None:
                dims[a] = dim
    dims[axis] = total
    return dims, dtypes.promote(*(t.dtype for t in tensors))


@primitive()
def pad(x: Tensor, pads: tuple[tuple[int, int], ...], value: float = 0.0) -> Spec:
    """x with a constant before and after each axis."""
    return [None if d is None else d + sum(p) for d, p in zip(x.shape, pads, strict=True)], x.dtype


@primitive()
def tile(x: Tensor, repeats: Tensor) -> Spec:
    """x repeated as a whole along each axis."""
    counts = static_dims(repeats) or [None] * x.ndim
    if len(counts) != x.ndim:
        raise fail("tile", [x], f"wanted {x.ndim} repeat counts, got {len(counts)}")
    return [None if d is None or n is None else d * n for d, n in zip(x.shape, counts, strict=True)], x.dtype


@primitive()
def repeat(x: Tensor, count: int, axis: int) -> Spec:
    """Each element of an axis repeated `count` times in place."""
    return [d * count if a == axis and d is not None else d for a, d in enumerate(x.shape)], x.dtype


@primitive()
def flip(x: Tensor, axes: tuple[int, ...]) -> Spec:
    """x backwards along some axes."""
    return x.shape, x.dtype


@primitive()
def gather(x: Tensor, indices: Tensor, axis: int = 0) -> Spec:
    """The slices of x along an axis at the given integer places."""
    if not dtypes.is_integer(indices.dtype):
        raise fail("gather", [x, indices], "the indices must be integers: use K.cast(indices, 'int32')")
    return [*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]], x.dtype


@primitive(differentiable=False)
def one_hot(indices: Tensor, classes: int, dtype: str) -> Spec:
    """1 at the index, 0 elsewhere, along a new last axis; all 0 for an index out of range."""
    return [*indices.shape, classes], dtype


@primitive(differentiable=False)
def arange(start: Tensor, stop: Tensor, step: Tensor, dtype: str) -> Spec:
    """start, start + step, ... before stop."""
    values = [static_value(t) for t in (start, stop, step)]
    if any(v is None for v in values):
        return (None,), dtype
    return (len(np.arange(*values)),), dtype


# Indexing. The key is kept as a tuple of items: ("int", i), ("slice", start, stop, step) (and the length, where both
# ends are computed, a known number apart), ("new",), ("tensor", k) for an integer tensor; a `Ref(k)` stands for the
# value of input k.
class Ref(int):
    """The place of a scalar tensor among the inputs of an `index` node."""


def _item_size(item: tuple[Any, ...], dim: Dim) -> Dim:
    if any(isinstance(part, Ref) for part in item[1:]) or dim is None:
        step = item[3]
        if dim is None and not any(isinstance(p, Ref) for p in item[1:]) and item[1] is not None and item[1] < 0:
            # x[-3:] of an unknown axis has at most 3 elements: unknown unless the axis is longer.
            return None
        start, stop = item[1], item[2]
        whole = start in (None, 0) and stop is None and step in (None, 1)
        return dim if whole and not isinstance(start, Ref) else None
    return len(range(*slice(*item[1:]).indices(dim)))


@primitive()
def index(x: Tensor, *tensors: Tensor, key: tuple[tuple[Any, ...], ...]) -> Spec:
    """NumPy-style basic indexing, and integer tensors as indices."""
    dims: list[Dim] = []
    axis = 0
    for item in key:
        if item[0] == "new":
            dims.append(1)
            continue
        if axis >= x.ndim:
            raise fail("indexing", [x], f"too many indices for a tensor of {x.ndim} dimensions")
        dim = x.shape[axis]
        axis += 1
        if item[0] == "slice":
            dims.append(_item_size(item, dim))
        elif item[0] == "tensor":
            dims.extend(tensors[item[1]].shape)
        elif dim is not None and not isinstance(item[1], Ref) and not -dim <= item[1] < dim:
            raise fail("indexing", [x], f"index {item[1]} is out of range for axis {axis - 1} of size {dim}")
    return [*dims, *x.shape[axis:]], x.dtype


def index_tensor(x: Tensor, key: Any) -> Tensor:
    """x[key]."""
    tensors: list[Tensor] = []

    def reference(value: Any) -> Any:
        if isinstance(value, Tensor):
            known = static_value(value)
            if isinstance(known, int):
                return known
            tensors.append(value)
            return Ref(len(tensors) - 1)
        return None if value is None else int(value)

    parsed: list[tuple[Any, ...]] = []
    for item in _without_ellipsis(key, x.ndim):
        if item is None:
            parsed.append(("new",))
        elif isinstance(item, slice):
            ends = reference(item.start), reference(item.stop)
            length = _distance(item.start, item.stop) if all(isinstance(end, Ref) for end in ends) else None
            parsed.append(("slice", *ends, reference(item.step), *([] if length is None else [length])))
        elif isinstance(item, (list, np.ndarray)) and np.ndim(item) > 0:
            tensors.append(as_tensor(np.asarray(item)))
            parsed.append(("tensor", len(tensors) - 1))
        elif isinstance(item, Tensor) and item.ndim > 0:
            if item.dtype == "bool":
                raise fail(
                    "indexing", [x, item],
                    "a boolean mask gives a shape that is unknown until run time; use K.switch(mask, x, zeros) or "
                    "multiply by K.cast(mask, K.floatx())",
                )  # fmt: skip
            tensors.append(item)
            parsed.append(("tensor", len(tensors) - 1))
        else:
            parsed.append(("int", reference(item)))
    if sum(1 for p in parsed if p[0] == "tensor") > 1:
        raise fail("indexing", [x], "only one index may be a tensor of one or more dimensions; use K.gather")
    return index(x, *tensors, key=tuple(parsed))  # type: ignore[no-any-return]


def _without_ellipsis(key: Any, ndim: int) -> list[Any]:
    """The items of a key, with whole slices in the place of an ellipsis."""
    items = list(key) if isinstance(key, tuple) else [key]
    at = next((n for n, item in enumerate(items) if item is Ellipsis), None)
    if at is not None:
        used = sum(1 for item in items if item is not None and item is not Ellipsis)
        items[at : at + 1] = [slice(None)] * (ndim - used)
    return items


def _distance(start: Tensor, stop: Tensor) -> int | None:
    """How far two computed places lie apart, where that is a number: 2 for t * 3 - 1 and t * 3 + 1."""
    (a, before), (b, after) = _offset(start), _offset(stop)
    return after - before if _alike(a, b) else None


def _offset(x: Tensor) -> tuple[Tensor, int]:
    """(y, n) such that x is y + n."""
    operation = x.made_by
    if operation is not None and operation.type in ("add", "subtract"):
        sign = 1 if operation.type == "add" else -1
        for y, n in (operation.inputs, operation.inputs[::-1]):
            if isinstance(n, Constant) and n.ndim == 0 and (sign == 1 or n is operation.inputs[1]):
                inner, offset = _offset(y)
                return inner, offset + sign * int(n.value)
    return x, 0


def _alike(a: Tensor, b: Tensor) -> bool:
    """Whether they are the same tensor, or computed alike of the same."""
    if a is b:
        return True
    if isinstance(a, Constant) and isinstance(b, Constant):
        return a.dtype == b.dtype and a.ndim == b.ndim == 0 and bool(a.value == b.value)
    first, second = a.made_by, b.made_by
    if first is None or second is None or first.type != second.type or first.primitive.random or first.subgraphs:
        return False
    same = a.index == b.index and first.attributes == second.attributes and len(first.inputs) == len(second.inputs)
    return same and all(_alike(x, y) for x, y in zip(first.inputs, second.inputs, strict=True))


def shape_vector(size: Any) -> Tensor:
    """A shape argument (tuple, list, tensor; its items ints, None or scalar tensors) as a vector."""
    if isinstance(size, Tensor):
        return size if size.dtype == "int32" else cast_int(size)
    if isinstance(size, (int, np.integer)):
        size = (size,)
    items = [i if isinstance(i, Tensor) else -1 if i is None else int(i) for i in size]
    if any(isinstance(i, Tensor) for i in items):
        return stack_values([cast_int(i) if isinstance(i, Tensor) else i for i in items], "int32")
    return Constant(np.array(items, dtype=np.int32), "int32")


def cast_int(x: Tensor) -> Tensor:
    from .elementwise import cast

    return x if x.dtype == "int32" else cast(x, dtype="int32")


def stack_values(values: Sequence[Any], dtype: str | None = None) -> Tensor:
    """Tensors and numbers of one shape, side by side along a new first axis."""
    like = next(v for v in values if isinstance(v, Tensor))
    parts = [expand_dims(as_tensor(v, like, None if isinstance(v, Tensor) else dtype), axis=0) for v in values]
    return concatenate(*parts, axis=0)  # type: ignore[no-any-return]


def normalized(axis: int, x: Tensor, name: str, extra: int = 0) -> int:
    """An axis of x (with so many `extra` ones) counted from the front."""
    return normalize_axis(axis, x.ndim + extra, name, x)


def static_value(x: Tensor) -> Any:
    """The value of an integer scalar or vector as far as it is known: an int, a list with
    `None` for unknown items, or `None`."""
    if isinstance(x, Constant):
        return x.value.tolist() if x.ndim <= 1 and x.value.size <= 64 else None
    if x.made_by is None:
        return None
    rule = _STATIC.get(x.made_by.primitive.name)
    return rule(x.made_by.inputs, x.made_by.attributes) if rule else None


def static_dims(size: Tensor) -> list[Dim] | None:
    """The sizes a shape vector holds, `None` for those unknown; `None` if even its length is."""
    value = static_value(size)
    if isinstance(value, list):
        return [None if v is None else int(v) for v in value]
    if size.ndim == 1 and size.shape[0] is not None:
        return [None] * size.shape[0]
    return None


def _joined(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
    result: list[Any] = []
    for part in inputs:
        result += static_dims(part) or [None]
    return result


def _item(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
    key = attributes["key"]
    value = static_value(inputs[0])
    if not isinstance(value, list) or len(key) != 1 or any(isinstance(p, Ref) for p in key[0]):
        return None
    if key[0][0] == "int":
        return value[key[0][1]]  # type: ignore[no-any-return]
    return value[slice(*key[0][1:])] if key[0][0] == "slice" else None


def _arithmetic(function: Any) -> Any:
    def rule(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
        a, b = (static_value(i) for i in inputs)
        if isinstance(a, list) or isinstance(b, list):
            n = len(a) if isinstance(a, list) else len(b)
            left = a if isinstance(a, list) else [a] * n
            right = b if isinstance(b, list) else [b] * n
            if len(left) != len(right):
                return None
            return [None if x is None or y is None else function(x, y) for x, y in zip(left, right, strict=True)]
        return None if a is None or b is None else function(a, b)

    return rule


def _product(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
    value = static_value(inputs[0])
    return math.prod(value) if isinstance(value, list) and None not in value else None


def _wrapped(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
    value = static_value(inputs[0])
    return None if isinstance(value, list) else [value]


def _passed(inputs: tuple[Tensor, ...], attributes: dict[str, Any]) -> Value:
    return static_value(inputs[0])  # type: ignore[no-any-return]


_STATIC: dict[str, Any] = {
    "shape": lambda inputs, attributes: list(inputs[0].shape),
    "concatenate": _joined,
    "expand_dims": _wrapped,
    "index": _item,
    "cast": _passed,
    "identity": _passed,
    "after": _passed,
    "add": _arithmetic(lambda a, b: a + b),
    "subtract": _arithmetic(lambda a, b: a - b),
    "multiply": _arithmetic(lambda a, b: a * b),
    "floor_divide": _arithmetic(lambda a, b: a // b if b else None),
    "maximum": _arithmetic(max),
    "minimum": _arithmetic(min),
    "reduce_prod": _product,
}
