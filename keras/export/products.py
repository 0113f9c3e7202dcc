"""Matrix products, convolutions and pooling in ONNX."""

import numpy as np

from ..graph import dtypes
from ..graph.ops.products import resolve_pads, same_pads
from ..graph.ops.shaping import static_dims
from . import shaping
from .graphs import NotInONNX, Stored, Value

# Products.


def _dot_general(graph, x, y, contract, batch):
    dtype = dtypes.promote(x.dtype, y.dtype)
    x, y = graph.cast(x, dtype), graph.cast(y, dtype)
    left, right = contract
    if len(left) == 1 and left[0] == x.ndim - 1 and y.ndim == 2 and not batch[0] and x.ndim > 1:
        kernel = graph.plain(y) if right[0] == 0 else graph.laid(y, (1, 0), 2)
        return graph.node("MatMul", graph.plain(x), kernel)
    if _is_stacked(x, y, contract, batch):
        return graph.node("MatMul", graph.plain(x), graph.plain(y))
    return graph.node("Einsum", graph.plain(x), graph.plain(y), equation=_equation(x.ndim, y.ndim, contract, batch))


def _is_stacked(x, y, contract, batch):
    """Whether these are matrices side by side along the same first axes."""
    count = len(batch[0])
    first = tuple(range(count))
    return (
        count > 0
        and x.ndim == y.ndim == count + 2
        and tuple(batch[0]) == tuple(batch[1]) == first
        and tuple(contract[0]) == (x.ndim - 1,)
        and tuple(contract[1]) == (y.ndim - 2,)
    )


def _equation(left_rank, right_rank, contract, batch):
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(left_rank)]
    right = [next(letters) for _ in range(right_rank)]
    for i, j in [*zip(*contract, strict=True), *zip(*batch, strict=True)]:
        right[j] = left[i]
    result = [left[i] for i in batch[0]]
    result += [c for i, c in enumerate(left) if i not in (*contract[0], *batch[0])]
    result += [c for j, c in enumerate(right) if j not in (*contract[1], *batch[1])]
    return f"{''.join(left)},{''.join(right)}->{''.join(result)}"


# Convolutions and pooling: ONNX has the channels first.


def _order(ndim, channels_last):
    """The order of axes in which what ONNX computes is what the program wants."""
    return (0, *range(2, ndim), 1) if channels_last else None


def _spatial(x, channels_last):
    return tuple(x.shape[1:-1] if channels_last else x.shape[2:])


def _window(kernel):
    window = tuple(kernel.shape[:-2])
    if None in window:
        raise NotInONNX("a convolution whose kernel is of unknown size")
    return window


def _padding(padding, sizes, window, strides, dilation):
    """The attributes that say how to pad."""
    if padding == "same":
        # With strides of 1 it takes the same amount whatever the size.
        known = [1000 if size is None and s == 1 else size for size, s in zip(sizes, strides, strict=True)]
        if None in known:
            if any(d != 1 for d in dilation):
                raise NotInONNX("strides and dilation together, padding='same', over an axis of unknown size")
            return {"auto_pad": "SAME_UPPER"}
        sizes = tuple(known)
    pads = resolve_pads(padding, sizes, window, strides, dilation)
    flat = [before for before, _ in pads] + [after for _, after in pads]
    return {"pads": flat} if any(flat) else {}


def conv(graph, x, kernel, strides, padding, dilation, channels_last, groups=1, bias=None):
    """A Conv; `bias` may name a vector to add."""
    dtype = dtypes.promote(x.dtype, kernel.dtype)
    x, kernel = graph.cast(x, dtype), graph.cast(kernel, dtype)
    order, window = _order(x.ndim, channels_last), _window(kernel)
    name = graph.node(
        "Conv", graph.laid(x, order, x.ndim), _weights(graph, kernel), *([bias] if bias else []),
        strides=strides, dilations=dilation, kernel_shape=window, group=groups,
        **_padding(padding, _spatial(x, channels_last), window, strides, dilation),
    )  # fmt: skip
    return Stored(name, order)


def _weights(graph, kernel):
    """The kernel as ONNX has it: both kinds of channels, the last first, before the window."""
    rank = kernel.ndim
    return graph.laid(kernel, (*range(2, rank), 1, 0), rank)


def _pool(graph, x, window, strides, padding, mode, channels_last):
    order = _order(x.ndim, channels_last)
    how = _padding(padding, _spatial(x, channels_last), window, strides, (1,) * len(window))
    taken = _kept_zeros(graph, x) if dtypes.is_float(x.dtype) else graph.cast(x, "float32")
    kind = "MaxPool" if mode == "max" else "AveragePool"
    name = graph.node(kind, graph.laid(taken, order, x.ndim), kernel_shape=window, strides=strides, **how)
    return Stored(graph.cast_name(name, x.dtype) if taken is not x else name, order)


def _kept_zeros(graph, x):
    """x; if zeros were put around it, with -0 instead, which is the same number.

    onnxruntime (seen in 1.31) leaves a padding with 0 to the pooling that follows, which pads with -inf.
    """
    if x.made is None or x.made.primitive != "pad" or x.made.attributes.get("value", 0.0) != 0:
        return x
    return Value(graph, x.tensor, shaping.pad(graph, *x.made.inputs, x.made.attributes["pads"], -0.0))


def _conv_transpose(graph, x, kernel, size, strides, padding, dilation, channels_last):
    dtype = dtypes.promote(x.dtype, kernel.dtype)
    x, kernel = graph.cast(x, dtype), graph.cast(kernel, dtype)
    order, window = _order(x.ndim, channels_last), _window(kernel)
    how = {"strides": strides, "dilations": dilation, "kernel_shape": window}
    places, sizes = _spatial(x, channels_last), static_dims(size.tensor)
    names = graph.laid(x, order, x.ndim), _weights(graph, kernel)
    span = [(w - 1) * d + 1 for w, d in zip(window, dilation, strict=True)]
    if sizes is None or None in (*places, *sizes):
        whole = graph.node("ConvTranspose", *names, **how)
        return Stored(_cut(graph, whole, graph.as_sizes(size), strides, span, padding), order)
    cuts = []
    for full, place, stride, wide in zip(sizes, places, strides, span, strict=True):
        before = 0 if padding == "valid" else same_pads(full, wide, stride)[0]
        cuts.append((before, (place - 1) * stride + wide - before - full))
    how["pads"] = [before for before, _ in cuts] + [max(after, 0) for _, after in cuts]
    how["output_padding"] = [max(-after, 0) for _, after in cuts]
    return Stored(graph.node("ConvTranspose", *names, **how), order)


def _cut(graph, whole, size, strides, span, padding):
    """The part of size `size` of a transposed convolution that was made whole, for sizes unknown until it runs.

    Along each axis: zeros after it, as many as could be wanted, then cut from the place where 'same' begins.
    """
    rank = len(strides)
    zeros = np.zeros(rank + 2, np.int64)
    longer = graph.node("Pad", whole, graph.ints([*zeros, 0, 0, *strides]))
    first = graph.ints(zeros[2:])
    if padding == "same":
        steps, one = graph.ints(strides), graph.ints(1)
        windows = graph.node("Div", graph.node("Add", size, graph.node("Sub", steps, one)), steps)
        reach = graph.node("Add", graph.node("Mul", graph.node("Sub", windows, one), steps), graph.ints(span))
        total = graph.node("Max", graph.node("Sub", reach, size), graph.ints(0))
        first = graph.node("Div", total, graph.ints(2))
    last = graph.node("Add", first, size)
    return graph.node("Slice", longer, first, last, graph.ints(range(2, rank + 2)))


TABLE = {"dot_general": _dot_general, "conv": conv, "conv_transpose": _conv_transpose, "pool": _pool}
