"""Each primitive in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ...graph import dtypes
from ...graph.ops.native import in_table
from .. import composed
from ..evaluate import is_host
from ..numpy.table import index_key, reshape_sizes
from . import clipping, convolution, normalization

Array = Any


class _Dtypes(dict[str, Any]):
    def __missing__(self, name: str) -> Any:
        raise TypeError(
            f"Got {name} numbers: on PyTorch, Keras tensors are real. Keep the real and the imaginary part in two "
            "tensors, and what computes with both in one function f of torch: K.native(f)(real, imaginary)."
        )


DTYPES = _Dtypes({
    name: getattr(torch, name)
    for name in (
        "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
        "float16", "bfloat16", "float32", "float64",
    )
})  # fmt: skip
NAMES: dict[Any, str] = {dtype: name for name, dtype in DTYPES.items()}

# Inputs that stay NumPy numbers: shapes, indices and the like, which torch wants as Python ints.
HOST_INPUTS: dict[str, range] = {
    "reshape": range(1, 2),
    "broadcast_to": range(1, 2),
    "tile": range(1, 2),
    "conv_transpose": range(2, 3),
    "power": range(1, 2),
    "clip": range(1, 3),
    "clipped_relu": range(1, 3),
    "dropout": range(2, 5),
    "arange": range(3),
    "top_k": range(1, 2),
    "index": range(1, 100),
}


# The dtypes that both libraries have.
_NATIVE = frozenset(np.dtype(name) for name in DTYPES if name != "bfloat16")


def tensor_of(array: np.ndarray, device: Any) -> Array:
    """A tensor with a copy of an array's numbers."""
    kind = array.dtype
    if kind in _NATIVE:
        tensor = torch.from_numpy(np.array(array, order="C"))
        return tensor if device.type == "cpu" else tensor.to(device)
    if kind.kind == "c":
        return DTYPES[kind.name]  # which says what to do
    if kind.name not in DTYPES or kind.name == "bfloat16":
        array = array.astype(np.float32)
    elif not kind.isnative:
        array = array.astype(kind.newbyteorder("="))
    tensor = torch.from_numpy(np.array(array, order="C"))
    return tensor.to(device, torch.bfloat16 if kind.name == "bfloat16" else None)


class Sent:
    """Makes tensors of numbers that NumPy computes while a program runs (the size of a batch, say). To an accelerator
    each is sent once: that waits for what is queued there, and cannot be part of a CUDA graph."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._kept: dict[Any, Array] = {}

    def __call__(self, array: np.ndarray, device: Any = None) -> Array:
        device = self._device if device is None else device
        if device.type == "cpu":
            return tensor_of(array, device)
        key = device, array.dtype, array.shape, array.tobytes()
        found = self._kept.get(key)
        if found is None:
            found = tensor_of(array, device)
            if len(self._kept) < _MOST_SENT:  # what a graph has read must stay
                self._kept[key] = found
        return found


_MOST_SENT = 256


def _default_float() -> Any:
    return DTYPES[dtypes.default_float]


def _float(function: Callable[..., Array]) -> Callable[..., Array]:
    """Integers become the default float before a function that only floats have."""

    def call(x: Array) -> Array:
        return function(x if x.is_floating_point() else x.to(_default_float()))

    return call


def promoted(x: Array, y: Array) -> tuple[Array, Array]:
    """Both in the dtype of the graph's rule; torch's own gives way to arrays with more dimensions."""
    if x.dtype is y.dtype:
        return x, y
    dtype = _PROMOTED[x.dtype, y.dtype]
    return x.to(dtype), y.to(dtype)


_PROMOTED = {(x, y): DTYPES[dtypes.promote(NAMES[x], NAMES[y])] for x in NAMES for y in NAMES}


def _promoting(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, y: Array) -> Array:
        if x.dtype is not y.dtype:
            x, y = promoted(x, y)
        return function(x, y)

    return call


def _divide(x: Array, y: Array) -> Array:
    x, y = promoted(x, y)
    if not x.is_floating_point():
        x = x.to(_default_float())
    return x / y


def _subtract(x: Array, y: Array) -> Array:
    return x ^ y if x.dtype is torch.bool else x - y


# At ties and at NaN these follow the graph's rules, in value and in gradient.


def _maximum(x: Array, y: Array) -> Array:
    if not (x.requires_grad or y.requires_grad):
        return torch.maximum(x, y)
    # Of two equals x gets the gradient, where torch's own gives each a half; and a twentieth of the speed.
    return torch.where((x >= y) | (x != x), x, y)


def _minimum(x: Array, y: Array) -> Array:
    if not (x.requires_grad or y.requires_grad):
        return torch.minimum(x, y)
    return torch.where((x <= y) | (x != x), x, y)


def _clip(x: Array, low: Any, high: Any) -> Array:
    if is_host(low) and is_host(high):
        if low.size == high.size == 1:
            return clipping.clip(x, low.item(), high.item())
    low, high = ((tensor_of(v, x.device) if is_host(v) else v).to(x.dtype) for v in (low, high))
    return torch.where(x < low, low, torch.where(x > high, high, x))


def _power(x: Array, y: Any) -> Array:
    if is_host(y):
        if y.size == 1 and y.ndim <= x.ndim and x.is_floating_point():
            return torch.pow(x, y.item())
        y = tensor_of(y, x.device)
    return torch.pow(*promoted(x, y))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        if x.dtype is torch.bool:
            x = x.to(torch.int32)
        return function(x, axes, keepdims).to(x.dtype) if axes else x

    return call


def _prod(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    for axis in sorted(axes, reverse=True):
        x = torch.prod(x, axis, keepdim=keepdims)
    return x


def _logical(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        x = x != 0
        return function(x, axes, keepdim=keepdims) if axes else x

    return call


def _reduce_mean(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    if not x.is_floating_point():
        x = x.to(_default_float())
    return torch.mean(x, axes, keepdims) if axes else x


def _extreme(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axis: int) -> Array:
        return function(x.to(torch.int32) if x.dtype is torch.bool else x, axis)

    return call


def _in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    chosen = torch.gather(predictions, 1, targets.long()[:, None])
    return torch.sum(predictions > chosen, 1) < k


def _top_k(x: Array, count: Any) -> Array:
    # torch.topk leaves open which of equals comes first.
    return torch.argsort(x, dim=-1, descending=True, stable=True)[..., : int(count)].to(torch.int32)


def _dot_general(x: Array, y: Array, contract: Any, batch: Any) -> Array:
    if x.dtype is not y.dtype:
        x, y = promoted(x, y)
    left, right = contract
    if not batch[0]:
        if right == (0,) and left == (x.ndim - 1,) and y.ndim == 2:
            return torch.matmul(x, y)
        product: Array = torch.tensordot(x, y, (list(left), list(right)))
        return product
    return _batched_product(x, y, contract, batch)


def _batched_product(x: Array, y: Array, contract: Any, batch: Any) -> Array:
    """As one product of stacks of matrices."""
    rest_x = [i for i in range(x.ndim) if i not in contract[0] and i not in batch[0]]
    rest_y = [i for i in range(y.ndim) if i not in contract[1] and i not in batch[1]]
    shape = [x.shape[i] for i in batch[0]]
    inner = int(np.prod([x.shape[i] for i in contract[0]]))
    rows = x.permute(*batch[0], *rest_x, *contract[0]).reshape(*shape, -1, inner)
    columns = y.permute(*batch[1], *contract[1], *rest_y).reshape(*shape, inner, -1)
    sizes = [*shape, *(x.shape[i] for i in rest_x), *(y.shape[i] for i in rest_y)]
    return torch.matmul(rows, columns).reshape(sizes)


def _cast(x: Array, dtype: str) -> Array:
    return x != 0 if dtype == "bool" else x.to(DTYPES[dtype])


def _where(c: Array, x: Array, y: Array) -> Array:
    return torch.where(c if c.dtype is torch.bool else c != 0, *promoted(x, y))


def _pad(x: Array, pads: Any, value: float = 0.0) -> Array:
    return F.pad(x, [n for pair in reversed(pads) for n in pair], value=value)


def _gather(x: Array, indices: Array, axis: int = 0) -> Array:
    if axis == 0 and x.ndim == 2 and x.is_floating_point():
        return F.embedding(indices if indices.dtype is torch.int32 else indices.long(), x)
    picked = torch.index_select(x, axis, indices.reshape(-1))
    return picked.reshape((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


def _one_hot(indices: Array, classes: int, dtype: str) -> Array:
    places = torch.arange(classes, dtype=indices.dtype, device=indices.device)
    return (indices[..., None] == places).to(DTYPES[dtype])


def _arange(start: Any, stop: Any, step: Any, dtype: str, device: Any) -> Array:
    return torch.arange(start.item(), stop.item(), step.item(), dtype=DTYPES[dtype], device=device)


def _index(x: Array, *tensors: Any, key: Any) -> Array:
    items = list(index_key(key, tensors))
    axis = 0
    for place, item in enumerate(items):
        if isinstance(item, slice) and item.step is not None and item.step < 0:
            # torch has no negative steps: the same places, upside down.
            chosen = range(*item.indices(x.shape[axis]))[::-1]
            items[place] = slice(chosen.start, chosen.stop, chosen.step)
            x = x if not chosen else x[(slice(None),) * axis + (items[place],)].flip(axis)
            items[place] = slice(None) if chosen else slice(0, 0)
        elif is_host(item):
            items[place] = tensor_of(item, x.device) if item.ndim else int(item)
        elif isinstance(item, torch.Tensor) and not item.ndim and x.device.type != "cpu":
            # torch would read the number back, and wait for it.
            x, items[place] = x.index_select(axis, (item % x.shape[axis])[None]), 0
        axis += item is not None
    return x[tuple(items)]


def _print(x: Array, message: str) -> Array:
    print(message, x.detach().cpu().numpy())
    return x


TABLE: dict[str, Callable[..., Any]] = {
    "negative": torch.neg,
    "absolute": torch.abs,
    "square": torch.square,
    "identity": lambda x: x,
    "stop_gradient": lambda x: x.detach(),
    "print_tensor": _print,
    "sign": torch.sign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "round": torch.round,
    "relu": torch.relu,
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "sqrt": _float(torch.sqrt),
    "exp": _float(torch.exp),
    "expm1": _float(torch.expm1),
    "log": _float(torch.log),
    "log1p": _float(torch.log1p),
    "sin": _float(torch.sin),
    "cos": _float(torch.cos),
    "tanh": _float(torch.tanh),
    "sigmoid": _float(torch.sigmoid),
    "softplus": _float(lambda x: F.softplus(x, threshold=30)),
    "erf": _float(torch.erf),
    "erf_inv": _float(torch.erfinv),
    "add": _promoting(torch.add),
    "subtract": _promoting(_subtract),
    "multiply": _promoting(torch.mul),
    "divide": _divide,
    "floor_divide": _promoting(torch.floor_divide),
    "mod": _promoting(torch.remainder),
    "power": _power,
    "maximum": _promoting(_maximum),
    "minimum": _promoting(_minimum),
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
    "logical_and": torch.logical_and,
    "logical_or": torch.logical_or,
    "logical_not": torch.logical_not,
    "where": _where,
    "clip": _clip,
    "cast": _cast,
    "reduce_sum": _reduction(torch.sum),
    "reduce_prod": _reduction(_prod),
    "reduce_max": _reduction(torch.amax),
    "reduce_min": _reduction(torch.amin),
    "reduce_any": _logical(torch.any),
    "reduce_all": _logical(torch.all),
    "reduce_mean": _reduce_mean,
    "batch_normalization_training": normalization.batch_normalization_training,
    "logsumexp": lambda x, axes, keepdims=False: torch.logsumexp(x, axes, keepdims),
    "argmax": _extreme(torch.argmax),
    "argmin": _extreme(torch.argmin),
    "cumsum": lambda x, axis: torch.cumsum(x, axis, dtype=x.dtype),
    "cumprod": lambda x, axis: torch.cumprod(x, axis, dtype=x.dtype),
    "softmax": lambda x, axis: torch.softmax(x, axis),
    "log_softmax": lambda x, axis: torch.log_softmax(x, axis),
    "in_top_k": _in_top_k,
    "top_k": _top_k,
    "dot_general": _dot_general,
    "conv": convolution.conv,
    "conv_transpose": convolution.conv_transpose,
    "pool": convolution.pool,
    "reshape": lambda x, size: x.reshape(reshape_sizes(size)),
    "transpose": lambda x, permutation: x.permute(permutation),
    "expand_dims": lambda x, axis: x.unsqueeze(axis),
    "squeeze": lambda x, axes: x.squeeze(axes),
    "broadcast_to": lambda x, size: x.expand(reshape_sizes(size)),
    "split": lambda x, sizes, axis: torch.split(x, sizes, axis),
    "concatenate": lambda *xs, axis: torch.cat(xs, axis),
    "pad": _pad,
    "tile": lambda x, repeats: torch.tile(x, reshape_sizes(repeats)),
    "repeat": lambda x, count, axis: torch.repeat_interleave(x, count, axis),
    "flip": lambda x, axes: torch.flip(x, axes),
    "gather": _gather,
    "one_hot": _one_hot,
    "arange": _arange,
    "index": _index,
    "native": in_table(lambda x, dtype: x.to(DTYPES[dtype]) if dtype else x),
}
TABLE["switch"] = composed.switch(TABLE)

# Elementwise functions that can write over an operand. Taking and returning memory costs more than
# the arithmetic: large blocks go back to the system each time.
REUSING: dict[str, Callable[..., Any]] = {
    "add": torch.add,
    "subtract": torch.sub,
    "multiply": torch.mul,
    "divide": torch.div,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "negative": torch.neg,
}


def reused(function: Callable[..., Any], place: int, *operands: Array) -> Array:
    """`function(*operands)`, written over the operand at `place` where the result has its shape and dtype."""
    target = operands[place]
    if not target.is_floating_point():
        return TABLE[_NAME_OF[function]](*operands)
    for other in operands:
        if other.dtype is not target.dtype or (other.ndim and other.shape != target.shape):
            return TABLE[_NAME_OF[function]](*operands)
    return function(*operands, out=target)


_NAME_OF = {function: name for name, function in REUSING.items()}
