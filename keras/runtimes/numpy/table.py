"""Each primitive in NumPy, as obviously as possible."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...graph import dtypes
from ...graph.ops.native import in_table
from ...graph.ops.products import resolve_pads
from ...graph.ops.shaping import Ref
from .. import composed

Array = Any


def _float(function: Callable[..., Array]) -> Callable[..., Array]:
    """Integers become the default float before a function that only floats have."""

    def call(x: Array, *rest: Array) -> Array:
        x = np.asarray(x)
        return function(x if x.dtype.kind == "f" else x.astype(dtypes.default_float), *rest)

    return call


def _sigmoid(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return (1 / (1 + np.exp(-x))).astype(x.dtype)


def _erf(x: Array) -> Array:
    from scipy.special import erf

    return erf(x)


# The coefficients of Giles, "Approximating the erfinv function" (2011), for single precision: highest power first.
_ERF_INV_MIDDLE = (
    2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087, -0.00125372503, -0.00417768164,
    0.246640727, 1.50140941,
)  # fmt: skip
_ERF_INV_TAILS = (
    -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
    1.00167406, 2.83297682,
)  # fmt: skip


def _erf_inv(x: Array) -> Array:
    if x.dtype != np.float32:
        from scipy.special import erfinv

        return erfinv(x)
    # SciPy's takes 21 ns for a number, this 3. JAX and TensorFlow compute the same formula.
    with np.errstate(all="ignore"):
        w = -np.log((1 - x) * (1 + x))
        found = np.asarray(_polynomial(_ERF_INV_MIDDLE, w - np.float32(2.5)) * x)
        if w.size and not w.max() < 5:
            far = ~(w < 5)
            edge = np.where(np.abs(x) == 1, np.float32(np.inf), _polynomial(_ERF_INV_TAILS, np.sqrt(w) - np.float32(3)))
            found[far] = (edge * x)[far]
    return found


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += np.float32(coefficient)
    return value


def _divide(x: Array, y: Array) -> Array:
    dtype = dtypes.promote(x.dtype.name, y.dtype.name)
    dtype = dtype if dtypes.is_float(dtype) else dtypes.default_float
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(x.astype(dtype, copy=False), y.astype(dtype, copy=False))


def _quiet(function: Callable[..., Array]) -> Callable[..., Array]:
    """IEEE results (inf, nan) without NumPy's warnings, as engines give them."""

    def call(*args: Array, **attributes: Any) -> Array:
        with np.errstate(all="ignore"):
            return function(*args, **attributes)

    return call


def _promoting(function: Callable[..., Array]) -> Callable[..., Array]:
    """Both operands in the dtype that the graph's rule gives."""

    def call(x: Array, y: Array) -> Array:
        dtype = dtypes.to_numpy(dtypes.promote(x.dtype.name, y.dtype.name))
        with np.errstate(all="ignore"):
            return function(x.astype(dtype, copy=False), y.astype(dtype, copy=False))

    return call


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        dtype = np.dtype(np.int32) if x.dtype == bool else x.dtype
        return function(x, axis=axes, keepdims=keepdims).astype(dtype)

    return call


def _reduce_mean(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    x = x if x.dtype.kind == "f" else x.astype(dtypes.default_float)
    with np.errstate(all="ignore"):
        return x.sum(axis=axes, keepdims=keepdims) / x.dtype.type(math.prod(x.shape[a] for a in axes))


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = x - x.max(axis=axis, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))


def _logsumexp(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    top = x.max(axis=axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    with np.errstate(divide="ignore"):
        result = np.log(np.exp(x - top).sum(axis=axes, keepdims=True)) + top
    return result if keepdims else result.squeeze(axes)


def _in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    chosen = np.take_along_axis(predictions, targets.astype(int)[:, None], axis=1)
    return (predictions > chosen).sum(axis=1) < k


def _dot_general(x: Array, y: Array, contract: Any, batch: Any) -> Array:
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in range(x.ndim)]
    right = [next(letters) for _ in range(y.ndim)]
    for i, j in [*zip(*contract, strict=True), *zip(*batch, strict=True)]:
        right[j] = left[i]
    out = [left[i] for i in batch[0]]
    out += [c for i, c in enumerate(left) if i not in contract[0] and i not in batch[0]]
    out += [c for j, c in enumerate(right) if j not in contract[1] and j not in batch[1]]
    dtype = dtypes.to_numpy(dtypes.promote(x.dtype.name, y.dtype.name))
    formula = f"{''.join(left)},{''.join(right)}->{''.join(out)}"
    return np.einsum(formula, x.astype(dtype), y.astype(dtype), optimize=True)


def _windows(x: Array, window: tuple[int, ...], strides: tuple[int, ...], pads: Any, dilation: tuple[int, ...],
             fill: float) -> Array:  # fmt: skip
    """Views (batch, *places, channels, *window) of a channels-last array."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    spans = tuple((w - 1) * d + 1 for w, d in zip(window, dilation, strict=True))
    axes = tuple(range(1, x.ndim - 1))
    views = np.lib.stride_tricks.sliding_window_view(x, spans, axis=axes)
    places = (slice(None), *(slice(None, None, s) for s in strides), slice(None))
    return views[(*places, *(slice(None, None, d) for d in dilation))]


def _last(x: Array, channels_last: bool) -> Array:
    return x if channels_last else np.moveaxis(x, 1, -1)


def _back(x: Array, channels_last: bool) -> Array:
    return x if channels_last else np.moveaxis(x, -1, 1)


def _conv(x: Array, kernel: Array, strides: Any, padding: Any, dilation: Any, channels_last: bool,
          groups: int = 1) -> Array:  # fmt: skip
    x = _last(x, channels_last)
    window = kernel.shape[:-2]
    pads = resolve_pads(padding, x.shape[1:-1], window, strides, dilation)
    views = _windows(x, window, strides, pads, dilation, 0)
    rank = len(window)
    inner = x.shape[-1] // groups
    outer = kernel.shape[-1] // groups
    parts = []
    for g in range(groups):
        part = np.take(views, range(g * inner, (g + 1) * inner), axis=rank + 1)
        weights = kernel[..., g * outer : (g + 1) * outer]
        parts.append(
            np.tensordot(part, weights, axes=([*range(rank + 2, 2 * rank + 2), rank + 1], [*range(rank), rank]))
        )
    return _back(np.concatenate(parts, axis=-1), channels_last)


def _conv_transpose(x: Array, kernel: Array, size: Array, strides: Any, padding: str, dilation: Any,
                    channels_last: bool) -> Array:  # fmt: skip
    x = _last(x, channels_last)
    sizes = tuple(int(s) for s in size)
    window = kernel.shape[:-2]
    pads = resolve_pads(padding, sizes, window, strides, dilation)
    padded = [s + sum(p) for s, p in zip(sizes, pads, strict=True)]
    out = np.zeros((x.shape[0], *padded, kernel.shape[-2]), dtype=np.result_type(x, kernel))
    for place in np.ndindex(*window):
        at = tuple(
            slice(p * d, p * d + (n - 1) * s + 1, s)
            for p, d, n, s in zip(place, dilation, x.shape[1:-1], strides, strict=True)
        )
        out[(slice(None), *at)] += x @ kernel[place].T
    cut = tuple(slice(p[0], p[0] + s) for p, s in zip(pads, sizes, strict=True))
    return _back(out[(slice(None), *cut)], channels_last)


def _pool(x: Array, window: Any, strides: Any, padding: str, mode: str, channels_last: bool) -> Array:
    x = _last(x, channels_last)
    ones = (1,) * len(window)
    pads = resolve_pads(padding, x.shape[1:-1], window, strides, ones)
    axes = tuple(range(-len(window), 0))
    if mode == "max":
        lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
        return _back(_windows(x, window, strides, pads, ones, lowest).max(axis=axes), channels_last)
    total = _windows(x, window, strides, pads, ones, 0).sum(axis=axes)
    count = _windows(np.ones_like(x), window, strides, pads, ones, 0).sum(axis=axes)
    return _back(total / count, channels_last)


def reshape_sizes(size: Any) -> tuple[int, ...]:
    return tuple(int(s) for s in size)


def index_key(key: Any, tensors: tuple[Array, ...], bound: Callable[[Any], Any] = int) -> tuple[Any, ...]:
    """The Python index that an `index` node's key stands for; `bound` makes what the engine's slices take."""

    def value(part: Any) -> Any:
        return tensors[part] if isinstance(part, Ref) else part

    def limit(part: Any) -> Any:
        part = value(part)
        return None if part is None else bound(part)

    items: list[Any] = []
    for item in key:
        if item[0] == "new":
            items.append(None)
        elif item[0] == "slice":
            items.append(slice(limit(item[1]), limit(item[2]), limit(item[3])))
        elif item[0] == "tensor":
            items.append(tensors[item[1]])
        else:
            items.append(value(item[1]))
    return tuple(items)


def _one_hot(indices: Array, classes: int, dtype: str) -> Array:
    return (indices[..., None] == np.arange(classes)).astype(dtypes.to_numpy(dtype))


def _cast(x: Array, dtype: str) -> Array:
    if np.iscomplexobj(x) and not dtypes.is_complex(dtype):
        x = x.real if dtype != "bool" else x != 0
    with np.errstate(invalid="ignore"):
        return x.astype(dtypes.to_numpy(dtype))


def _print(x: Array, message: str) -> Array:
    print(message, x)
    return x


def _widely(function: Callable[..., Array]) -> Callable[..., Array]:
    """bfloat16, which NumPy only half knows, is computed in float32 and rounded once."""

    def call(*operands: Any, **attributes: Any) -> Any:
        for x in operands:
            if _kind(x) == "V":
                break
        else:
            return function(*operands, **attributes)
        result = function(*(x.astype(np.float32) if _kind(x) == "V" else x for x in operands), **attributes)
        if any(_kind(x) == "f" for x in operands):  # beside which bfloat16 is no float to stay
            return result
        return [_narrowed(x) for x in result] if isinstance(result, (list, tuple)) else _narrowed(result)

    return call


def _kind(x: Any) -> str:
    return x.dtype.kind if isinstance(x, (np.ndarray, np.generic)) else ""


def _narrowed(x: Array) -> Array:
    return x.astype(dtypes.to_numpy("bfloat16")) if x.dtype.kind == "f" else x


TABLE: dict[str, Callable[..., Array]] = {
    "negative": np.negative,
    "absolute": np.abs,
    "square": np.square,
    "identity": lambda x: x,
    "stop_gradient": lambda x: x,
    "print_tensor": _print,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x, slope: np.where(x > 0, x, x * x.dtype.type(slope)),
    "sqrt": _float(_quiet(np.sqrt)),
    "exp": _float(_quiet(np.exp)),
    "expm1": _float(_quiet(np.expm1)),
    "log": _float(_quiet(np.log)),
    "log1p": _float(_quiet(np.log1p)),
    "sin": _float(np.sin),
    "cos": _float(np.cos),
    "tanh": _float(np.tanh),
    "sigmoid": _float(_sigmoid),
    "softplus": _float(lambda x: np.logaddexp(x, 0).astype(x.dtype)),
    "erf": _float(_erf),
    "erf_inv": _float(_erf_inv),
    "add": _promoting(np.add),
    "subtract": _promoting(np.subtract),
    "multiply": _promoting(np.multiply),
    "divide": _divide,
    "floor_divide": _promoting(np.floor_divide),
    "mod": _promoting(np.mod),
    "power": _promoting(np.power),
    "maximum": _promoting(np.maximum),
    "minimum": _promoting(np.minimum),
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_not": np.logical_not,
    "where": np.where,
    "clip": lambda x, low, high: np.minimum(np.maximum(x, low.astype(x.dtype)), high.astype(x.dtype)),
    "cast": _cast,
    "reduce_sum": _reduction(np.sum),
    "reduce_prod": _reduction(np.prod),
    "reduce_max": _reduction(np.max),
    "reduce_min": _reduction(np.min),
    "reduce_any": lambda x, axes, keepdims=False: np.any(x, axis=axes, keepdims=keepdims),
    "reduce_all": lambda x, axes, keepdims=False: np.all(x, axis=axes, keepdims=keepdims),
    "reduce_mean": _reduce_mean,
    "logsumexp": _logsumexp,
    "argmax": lambda x, axis: np.argmax(x, axis=axis),
    "argmin": lambda x, axis: np.argmin(x, axis=axis),
    "cumsum": lambda x, axis: np.cumsum(x, axis=axis, dtype=x.dtype),
    "cumprod": lambda x, axis: np.cumprod(x, axis=axis, dtype=x.dtype),
    "softmax": lambda x, axis: np.exp(_log_softmax(x, axis)),
    "log_softmax": _log_softmax,
    "in_top_k": _in_top_k,
    "top_k": lambda x, count: np.argsort(-x, axis=-1, kind="stable")[..., : int(count)].astype(np.int32),
    "dot_general": _dot_general,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "pool": _pool,
    "shape": lambda x: np.array(x.shape, dtype=np.int32),
    "reshape": lambda x, size: np.reshape(x, reshape_sizes(size)),
    "transpose": lambda x, permutation: np.transpose(x, permutation),
    "expand_dims": lambda x, axis: np.expand_dims(x, axis),
    "squeeze": lambda x, axes: np.squeeze(x, axes),
    "broadcast_to": lambda x, size: np.broadcast_to(x, reshape_sizes(size)),
    "split": lambda x, sizes, axis: np.split(x, np.cumsum(sizes)[:-1], axis=axis),
    "concatenate": lambda *xs, axis: np.concatenate(xs, axis=axis),
    "pad": lambda x, pads, value=0.0: np.pad(x, pads, constant_values=value),
    "tile": lambda x, repeats: np.tile(x, reshape_sizes(repeats)),
    "repeat": lambda x, count, axis: np.repeat(x, count, axis=axis),
    "flip": lambda x, axes: np.flip(x, axes),
    "gather": lambda x, indices, axis=0: np.take(x, indices, axis=axis, mode="clip"),
    "one_hot": _one_hot,
    "arange": lambda start, stop, step, dtype: np.arange(
        start.item(), stop.item(), step.item(), dtype=dtypes.to_numpy(dtype)
    ),
    "index": lambda x, *tensors, key: x[index_key(key, tensors)],
    "native": in_table(lambda x, dtype: np.asarray(x, dtypes.to_numpy(dtype) if dtype else None)),
}
TABLE["switch"] = composed.switch(TABLE)
TABLE["batch_normalization_training"] = _quiet(composed.batch_normalization_training(TABLE))
TABLE.update({name: _widely(function) for name, function in TABLE.items() if name not in ("cast", "shape", "native")})
