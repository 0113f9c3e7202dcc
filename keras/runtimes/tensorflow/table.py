"""Each primitive in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import dtypes
from ...graph.ops.native import as_list, in_table
from .. import composed
from ..evaluate import is_host
from ..numpy.table import index_key, reshape_sizes
from . import convolution, normalization

Array = Any


def name_of(x: Array) -> str:
    """The graph's name of an array's dtype."""
    return str(x.dtype.name)


def tensor(x: Array, dtype: str | None = None) -> Array:
    """x, perhaps a NumPy array, as a tensor of that dtype (its own by default)."""
    if is_host(x):
        return tf.constant(x, dtype=dtype or name_of(x))
    return x if dtype is None or name_of(x) == dtype else tf.cast(x, dtype)


def _one(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, **attributes: function(tensor(x), **attributes)


def _is_inexact(x: Array) -> bool:
    return dtypes.is_inexact(name_of(x))


def _float(function: Callable[..., Array]) -> Callable[..., Array]:
    """Integers become the default float before a function that only floats have."""
    return lambda x: function(tensor(x) if _is_inexact(x) else tensor(x, dtypes.default_float))


def promoted(*arrays: Array) -> list[Array]:
    """All in the dtype of the graph's rule; TensorFlow has no rule of its own."""
    dtype = dtypes.promote(*map(name_of, arrays))
    return [tensor(x, dtype) for x in arrays]


def _promoting(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, y: function(*promoted(x, y))


def _arithmetic(function: Callable[..., Array], logical: Callable[..., Array]) -> Callable[..., Array]:
    """A function of numbers, and what it is for booleans."""

    def call(x: Array, y: Array) -> Array:
        x, y = promoted(x, y)
        return logical(x, y) if x.dtype == tf.bool else function(x, y)

    return call


_add_arrays = _arithmetic(tf.add, tf.logical_or)


def _add(x: Array, y: Array) -> Array:
    """A bias is added by TensorFlow's own kernel, whose gradient is several times as fast as a sum's."""
    rank = len(y.shape)
    if rank == 1 and len(x.shape) > 1 and not is_host(y) and x.dtype == y.dtype and _is_inexact(y):
        if x.shape[-1] == y.shape[0] and y.shape[0] is not None:
            return tf.nn.bias_add(x, y)
    return _add_arrays(x, y)


def _divide(x: Array, y: Array) -> Array:
    x, y = promoted(x, y)
    return x / y if _is_inexact(x) else tensor(x, dtypes.default_float) / tensor(y, dtypes.default_float)


def as_tensor(x: Any) -> Array:
    """What a function of TensorFlow gave, as a tensor.

    Raises:
        TypeError: for what the graph has no tensor for.
    """
    if isinstance(x, tf.Operation):  # of an assertion, which has run when this has a value
        with tf.control_dependencies([x]):
            return tf.constant(True)
    if isinstance(x, (tf.SparseTensor, tf.RaggedTensor, tf.TensorArray)):
        raise TypeError(
            f"A function of TensorFlow gave a {type(x).__name__}, which cannot be a symbolic tensor. Put the whole "
            "computation from tensor to tensor into one function f, and apply it with K.native(f)(x)."
        )
    return tf.convert_to_tensor(x)


_run_native = in_table(lambda x, dtype: tf.cast(as_tensor(x), dtype) if dtype else tf.convert_to_tensor(x))


def _native(*inputs: Array, function: Callable[..., Any], specs: Sequence[Any]) -> Any:
    results = _run_native(*inputs, function=function, specs=specs)
    for result, (shape, _) in zip(as_list(results), specs, strict=True):
        if result.shape.rank is None:  # of `tf.py_function`
            result.set_shape(shape)
    return results


def _clip(x: Array, low: Array, high: Array) -> Array:
    x = tensor(x)
    if _is_bound(low, 0) and _is_bound(high, 6) and getattr(getattr(x, "op", None), "type", "") == "Relu":
        return tf.nn.relu6(x.op.inputs[0])  # keeps one array for its gradient, not three
    if all(is_host(bound) and bound.size == 1 and np.isfinite(bound).all() for bound in (low, high)):
        if x.dtype in (tf.float32, tf.float64):
            return _clip_between(x, low.item(), high.item())
    if not _is_bound(low, -np.inf):
        x = tf.maximum(x, tensor(low, name_of(x)))
    if not _is_bound(high, np.inf):
        x = tf.minimum(x, tensor(high, name_of(x)))
    return x


def _clip_between(x: Array, low: float, high: float) -> Array:
    """TensorFlow's own gradient chooses number by number, twice: 0.20 ms with it instead of 0.06 (8 x 20 x 20 x 16)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]
    def clip(x: Array) -> Any:
        y = tf.clip_by_value(x, low, high)
        return y, lambda by: by * tf.cast(tf.equal(x, y), x.dtype)

    return clip(x)


def _is_bound(bound: Array, number: float) -> bool:
    """Whether a bound is known to be that number: `K.sqrt` clips to 0 ... inf, in optimizers all the weights."""
    return is_host(bound) and bool(np.all(bound == number))


def _power(x: Array, y: Array) -> Array:
    # A product is many times cheaper than the general power function, and so is its gradient.
    if is_host(y) and y.size == 1 and y.ndim <= len(x.shape) and _is_inexact(x):
        exponent = y.item()
        if exponent == 2:
            return tf.square(x)
        if exponent == 0.5:
            return tf.sqrt(x)
    return tf.pow(*promoted(x, y))


def _bool(x: Array) -> Array:
    x = tensor(x)
    return x if x.dtype == tf.bool else tf.not_equal(x, tf.zeros((), x.dtype))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        x = tensor(x, "int32" if name_of(x) == "bool" else None)
        return function(x, list(axes), keepdims)

    return call


def _logical(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axes, keepdims=False: function(_bool(x), list(axes), keepdims)


def _reduce_mean(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    return tf.reduce_mean(tensor(x) if _is_inexact(x) else tensor(x, dtypes.default_float), list(axes), keepdims)


def _extreme(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axis: function(tensor(x, "int32" if name_of(x) == "bool" else None), axis)


def _in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    predictions = tensor(predictions)
    chosen = tf.gather(predictions, tensor(targets, "int32")[:, None], batch_dims=1)
    return tf.reduce_sum(tf.cast(predictions > chosen, tf.int32), 1) < k


def _top_k(x: Array, count: Array) -> Array:
    return tf.math.top_k(tensor(x), tensor(count, "int32")).indices


def _dot_general(x: Array, y: Array, contract: Any, batch: Any) -> Array:
    x, y = promoted(x, y)
    if not batch[0]:
        if len(x.shape) == len(y.shape) == 2 and contract == ((1,), (0,)):
            return tf.matmul(x, y)
        return tf.tensordot(x, y, (list(contract[0]), list(contract[1])))
    count = len(batch[0])
    if len(x.shape) == len(y.shape) == count + 2 and len(contract[0]) == 1:
        if batch[0] == batch[1] == tuple(range(count)):  # one operation, and one for each gradient
            return tf.matmul(x, y, transpose_a=contract[0] == (count,), transpose_b=contract[1] == (count + 1,))
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    left = [next(letters) for _ in x.shape]
    right = [next(letters) for _ in y.shape]
    for i, j in [*zip(*contract, strict=True), *zip(*batch, strict=True)]:
        right[j] = left[i]
    out = [left[i] for i in batch[0]]
    out += [c for i, c in enumerate(left) if i not in contract[0] and i not in batch[0]]
    out += [c for j, c in enumerate(right) if j not in contract[1] and j not in batch[1]]
    return tf.einsum(f"{''.join(left)},{''.join(right)}->{''.join(out)}", x, y)


def _cast(x: Array, dtype: str) -> Array:
    return _bool(x) if dtype == "bool" else tensor(x, dtype)


def _where(c: Array, x: Array, y: Array) -> Array:
    return tf.where(_bool(c), *promoted(x, y))


def sizes(size: Any) -> Any:
    """A shape argument: plain numbers where they are known."""
    return reshape_sizes(size) if is_host(size) or isinstance(size, tuple) else size


def _concatenate(*xs: Array, axis: int) -> Array:
    return tf.concat(promoted(*xs), axis)


def _gather(x: Array, indices: Array, axis: int = 0) -> Array:
    return tf.gather(tensor(x), tensor(indices), axis=axis)


def _one_hot(indices: Array, classes: int, dtype: str) -> Array:
    indices = tensor(indices)
    return tf.cast(indices[..., None] == tf.range(classes, dtype=indices.dtype), dtype)


def _arange(start: Array, stop: Array, step: Array, dtype: str) -> Array:
    return tf.range(start, stop, step, dtype=dtype)


def _index(x: Array, *tensors: Array, key: Any) -> Array:
    """Basic indexing, then a gather along the axis that has an array of indices."""
    x = tensor(x)
    items = list(index_key(key, tensors, lambda x: x if isinstance(x, tf.Tensor) else int(x)))
    chosen = next((n for n, i in enumerate(items) if not isinstance(i, (slice, int)) and _rank(i)), None)
    if chosen is None:
        return x[tuple(items)]
    indices = tensor(items[chosen])
    items[chosen] = slice(None)
    place = sum(1 for i in items[:chosen] if i is not None)
    size = tf.cast(tf.shape(x)[place], indices.dtype) if x.shape[place] is None else x.shape[place]
    axis = sum(1 for i in items[:chosen] if i is None or isinstance(i, slice))
    x = x[tuple(items)]
    return tf.gather(x, tf.where(indices < 0, indices + size, indices), axis=axis)


def _rank(item: Any) -> int:
    return 0 if item is None else len(item.shape)


def _print(x: Array, message: str) -> Array:
    x = tensor(x)
    with tf.control_dependencies([tf.py_function(lambda value: print(message, value.numpy()), [x], [])]):
        return tf.identity(x)


def _pad(x: Array, pads: Sequence[tuple[int, int]], value: float = 0.0) -> Array:
    x = tensor(x)
    return tf.pad(x, pads, constant_values=tf.cast(value, x.dtype))


def _leaky_relu(x: Array, slope: float) -> Array:
    x = tensor(x)
    # Its kernel takes the slope in single precision.
    return tf.where(x > 0, x, x * slope) if x.dtype == tf.float64 else tf.nn.leaky_relu(x, slope)


TABLE: dict[str, Callable[..., Any]] = {
    "negative": _one(tf.negative),
    "absolute": _one(tf.abs),
    "square": _one(tf.square),
    "identity": _one(tf.identity),
    "stop_gradient": _one(tf.stop_gradient),
    "print_tensor": _print,
    "sign": _one(tf.sign),
    "floor": _one(tf.floor),
    "ceil": _one(tf.math.ceil),
    "round": _one(tf.round),
    "relu": _one(tf.nn.relu),
    "leaky_relu": _leaky_relu,
    "sqrt": _float(tf.sqrt),
    "exp": _float(tf.exp),
    "expm1": _float(tf.math.expm1),
    "log": _float(tf.math.log),
    "log1p": _float(tf.math.log1p),
    "sin": _float(tf.sin),
    "cos": _float(tf.cos),
    "tanh": _float(tf.tanh),
    "sigmoid": _float(tf.sigmoid),
    "softplus": _float(tf.math.softplus),
    "erf": _float(tf.math.erf),
    "erf_inv": _float(tf.math.erfinv),
    "add": _add,
    "subtract": _arithmetic(tf.subtract, tf.math.logical_xor),
    "multiply": _arithmetic(tf.multiply, tf.logical_and),
    "divide": _divide,
    "floor_divide": _promoting(tf.math.floordiv),
    "mod": _promoting(tf.math.floormod),
    "power": _power,
    "maximum": _arithmetic(tf.maximum, tf.logical_or),
    "minimum": _arithmetic(tf.minimum, tf.logical_and),
    "equal": _promoting(tf.equal),
    "not_equal": _promoting(tf.not_equal),
    "less": _promoting(tf.less),
    "less_equal": _promoting(tf.less_equal),
    "greater": _promoting(tf.greater),
    "greater_equal": _promoting(tf.greater_equal),
    "logical_and": lambda x, y: tf.logical_and(_bool(x), _bool(y)),
    "logical_or": lambda x, y: tf.logical_or(_bool(x), _bool(y)),
    "logical_not": lambda x: tf.logical_not(_bool(x)),
    "where": _where,
    "clip": _clip,
    "cast": _cast,
    "reduce_sum": _reduction(tf.reduce_sum),
    "reduce_prod": _reduction(tf.reduce_prod),
    "reduce_max": _reduction(tf.reduce_max),
    "reduce_min": _reduction(tf.reduce_min),
    "reduce_any": _logical(tf.reduce_any),
    "reduce_all": _logical(tf.reduce_all),
    "reduce_mean": _reduce_mean,
    "logsumexp": lambda x, axes, keepdims=False: tf.reduce_logsumexp(tensor(x), list(axes), keepdims),
    "argmax": _extreme(tf.argmax),
    "argmin": _extreme(tf.argmin),
    "cumsum": lambda x, axis: tf.cumsum(tensor(x), axis),
    "cumprod": lambda x, axis: tf.math.cumprod(tensor(x), axis),
    "softmax": lambda x, axis: tf.nn.softmax(tensor(x), axis),
    "log_softmax": lambda x, axis: tf.nn.log_softmax(tensor(x), axis),
    "in_top_k": _in_top_k,
    "top_k": _top_k,
    "dot_general": _dot_general,
    "conv": convolution.conv,
    "conv_transpose": convolution.conv_transpose,
    "pool": convolution.pool,
    "shape": tf.shape,
    "reshape": lambda x, size: tf.reshape(tensor(x), sizes(size)),
    "transpose": lambda x, permutation: tf.transpose(tensor(x), permutation),
    "expand_dims": lambda x, axis: tf.expand_dims(tensor(x), axis),
    "squeeze": lambda x, axes: tf.squeeze(tensor(x), list(axes)),
    "broadcast_to": lambda x, size: tf.broadcast_to(tensor(x), sizes(size)),
    "split": lambda x, sizes, axis: tf.split(tensor(x), list(sizes), axis),
    "concatenate": _concatenate,
    "pad": _pad,
    "tile": lambda x, repeats: tf.tile(tensor(x), sizes(repeats)),
    "repeat": lambda x, count, axis: tf.repeat(tensor(x), count, axis),
    "flip": lambda x, axes: tf.reverse(tensor(x), list(axes)),
    "gather": _gather,
    "one_hot": _one_hot,
    "arange": _arange,
    "index": _index,
    "native": _native,
}
TABLE["switch"] = composed.switch(TABLE, lambda x, axis: tf.cast(tf.equal(tf.shape(x)[axis], 0), tf.int32))
TABLE["batch_normalization_training"] = normalization.training(composed.batch_normalization_training(TABLE))
