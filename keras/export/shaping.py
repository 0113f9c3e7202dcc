"""Primitives that rearrange, join, cut and index, in ONNX."""

import numpy as np

from ..graph import dtypes
from ..graph.ops.shaping import Ref, static_dims
from .elementwise import stored, together
from .graphs import LAST, Stored, compose, inverse, settled


def _shape(graph, x):
    return graph.cast_name(graph.shape(x), "int32")


def _reshape(graph, x, size):
    return graph.node("Reshape", graph.plain(x), _sizes(graph, size))


def _sizes(graph, size):
    """A shape vector for Reshape: a constant where at most one size is unknown."""
    dims = static_dims(size.tensor)
    if dims is not None and sum(d in (None, -1) for d in dims) <= 1:
        return graph.ints([-1 if d is None else d for d in dims])
    return graph.as_sizes(size)


def _transpose(graph, x, permutation):
    name, order = stored(graph, x)
    return settled(name, compose(order or range(x.ndim), permutation))


def _expand_dims(graph, x, axis):
    return graph.node("Unsqueeze", graph.plain(x), graph.ints([axis]))


def _squeeze(graph, x, axes):
    return graph.node("Squeeze", graph.plain(x), graph.ints(axes)) if axes else graph.plain(x)


def _broadcast_to(graph, x, size):
    return graph.node("Expand", graph.plain(x), graph.as_sizes(size))


def _split(graph, x, sizes, axis):
    name, order = stored(graph, x)
    place = order[axis] if order else axis
    if len(sizes) == 1:
        return [Stored(name, order)]
    names = graph.node("Split", name, graph.ints(sizes), count=len(sizes), axis=place)
    return [Stored(n, order) for n in names]


def _concatenate(graph, *values, axis):
    dtype = dtypes.promote(*(v.dtype for v in values))
    names, order = together(graph, [graph.cast(v, dtype) for v in values])
    if len(names) == 1:
        return Stored(names[0], order)
    return Stored(graph.node("Concat", *names, axis=order[axis] if order else axis), order)


def pad(graph, x, pads, value=0.0):
    dtype = "int32" if x.dtype == "bool" else x.dtype
    name, order = stored(graph, graph.cast(x, dtype))
    in_order = [pads[axis] for axis in (inverse(order) if order else range(x.ndim))]
    amounts = graph.ints([p[0] for p in in_order] + [p[1] for p in in_order])
    name = graph.node("Pad", name, amounts, graph.constant(np.asarray(value, dtypes.to_numpy(dtype))))
    return Stored(graph.cast_name(name, x.dtype) if dtype != x.dtype else name, order)


def _tile(graph, x, repeats):
    return graph.node("Tile", graph.plain(x), graph.as_sizes(repeats))


def _repeat(graph, x, count, axis):
    """Takes each place `count` times."""
    name, order = stored(graph, x)
    size = x.shape[axis]
    if size is None:
        length = graph.node("Mul", _size(graph, x, axis), graph.ints(count))
        places = graph.node("Div", graph.node("Range", graph.ints(0), length, graph.ints(1)), graph.ints(count))
    else:
        places = graph.ints(np.repeat(np.arange(size), count))
    return Stored(graph.node("Gather", name, places, axis=order[axis] if order else axis), order)


def _size(graph, x, axis):
    """The size of one axis, as a number."""
    return graph.node("Gather", graph.shape(x), graph.ints(axis))


def _flip(graph, x, axes):
    name, order = stored(graph, x)
    return Stored(flipped(graph, name, [order[a] for a in axes] if order else list(axes)), order)


def flipped(graph, name, axes):
    """An ONNX value with some axes from the last place to the first."""
    ones = np.ones(len(axes), np.int64)
    return graph.node("Slice", name, *(graph.ints(v) for v in (-ones, -LAST * ones, axes, -ones)))


def _gather(graph, x, indices, axis=0):
    return graph.node("Gather", graph.plain(x), graph.plain(indices), axis=axis)


def _one_hot(graph, indices, classes, dtype):
    """Compared with every class: ONNX's own OneHot counts negative numbers from the end."""
    one = graph.node("Unsqueeze", graph.plain(indices), graph.ints([indices.ndim]))
    all_of_them = graph.constant(np.arange(classes, dtype=dtypes.to_numpy(indices.dtype)))
    same = graph.node("Equal", one, all_of_them)
    return graph.cast_name(same, dtype) if dtype != "bool" else same


def _arange(graph, start, stop, step, dtype):
    kind = dtypes.promote(start.dtype, stop.dtype, step.dtype)
    numbers = graph.node("Range", *(graph.plain(graph.cast(v, kind)) for v in (start, stop, step)))
    return graph.cast_name(numbers, dtype) if dtype != kind else numbers


# Indexing: slices first, which leave every axis in its place; then indices, from the last axis to the first.


def _index(graph, x, *tensors, key):
    items = [item for item in key if item[0] != "new"]
    sliced = _sliced(graph, x, tensors, items)
    if all(item[0] == "slice" for item in key):
        return sliced
    name = graph.transposed(sliced.name, sliced.order) if sliced.order else sliced.name
    for axis in reversed(range(len(items))):
        if items[axis][0] != "slice":
            name = graph.node("Gather", name, _places(graph, tensors, items[axis]), axis=axis)
    new = _new_axes(key, tensors)
    return graph.node("Unsqueeze", name, graph.ints(new)) if new else name


def _places(graph, tensors, item):
    """What an index names: a number, or a tensor of them."""
    if item[0] == "tensor" or isinstance(item[1], Ref):
        return graph.as_sizes(tensors[item[1]])
    return graph.ints(item[1])


def _new_axes(key, tensors):
    axes, place = [], 0
    for item in key:
        if item[0] == "new":
            axes.append(place)
        place += {"new": 1, "slice": 1, "int": 0}.get(item[0], tensors[item[1]].ndim if item[0] == "tensor" else 0)
    return axes


def _sliced(graph, x, tensors, items):
    name, order = stored(graph, x)
    cuts = [(axis, *item[1:4]) for axis, item in enumerate(items) if item[0] == "slice" and _any_given(item[1:])]
    if not cuts:
        return Stored(name, order)
    steps = [1 if step is None else step for *_, step in cuts]
    starts = [_edge(start, step, at_start=True) for (_, start, _, _), step in zip(cuts, steps, strict=True)]
    stops = [_edge(stop, step, at_start=False) for (_, _, stop, _), step in zip(cuts, steps, strict=True)]
    axes = [order[axis] if order else axis for axis, *_ in cuts]
    vectors = [_vector(graph, tensors, numbers) for numbers in (starts, stops, axes, steps)]
    return Stored(graph.node("Slice", name, *vectors), order)


def _any_given(parts):
    return any(part is not None for part in parts)


def _edge(place, step, at_start):
    """Where a slice begins or ends if nothing is said: at the axis's ends, by the direction."""
    if place is not None:
        return place
    forwards = isinstance(step, Ref) or step > 0
    if at_start:
        return 0 if forwards else LAST
    return LAST if forwards else -LAST


def _vector(graph, tensors, numbers):
    if not any(isinstance(n, Ref) for n in numbers):
        return graph.ints(numbers)
    parts = [
        graph.node("Unsqueeze", graph.as_sizes(tensors[n]), graph.ints([0])) if isinstance(n, Ref) else graph.ints([n])
        for n in numbers
    ]
    return graph.node("Concat", *parts, axis=0)


TABLE = {
    "shape": _shape,
    "reshape": _reshape,
    "transpose": _transpose,
    "expand_dims": _expand_dims,
    "squeeze": _squeeze,
    "broadcast_to": _broadcast_to,
    "split": _split,
    "concatenate": _concatenate,
    "pad": pad,
    "tile": _tile,
    "repeat": _repeat,
    "flip": _flip,
    "gather": _gather,
    "one_hot": _one_hot,
    "arange": _arange,
    "index": _index,
}
