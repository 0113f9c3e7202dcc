"""Each primitive in JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...graph import dtypes
from ...graph.ops.native import in_table
from ..evaluate import is_host
from ..numpy.table import index_key, reshape_sizes
from . import convolution, pooling

Array = Any


def _float(function: Callable[..., Array]) -> Callable[..., Array]:
    """Integers become the default float before a function that only floats have."""

    def call(x: Array) -> Array:
        return function(x if jnp.issubdtype(x.dtype, jnp.floating) else jnp.asarray(x, dtypes.default_float))

    return call


def _divide(x: Array, y: Array) -> Array:
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(y.dtype, jnp.floating)):
        x = jnp.asarray(x, dtypes.default_float)
    return jnp.divide(x, y)


# At ties and at NaN these follow the graph's rules, in value and in gradient.
@jax.custom_jvp
def _relu(x: Array) -> Array:
    # As a maximum, XLA fuses it into the convolution before it.
    return jnp.maximum(x, jnp.zeros((), x.dtype))


_relu.defjvps(lambda tangent, y, x: jnp.where(x > 0, tangent, jnp.zeros((), x.dtype)))


@jax.custom_jvp
def _absolute(x: Array) -> Array:
    return jnp.abs(x)


# JAX's own slope at 0 is 1: an exact prediction would be pushed away by the mean absolute error.
_absolute.defjvps(lambda tangent, y, x: tangent * jnp.sign(x))


def _maximum(x: Array, y: Array) -> Array:
    x, y = _promote(x, y)
    return jnp.where((x >= y) | (x != x), x, y)


def _minimum(x: Array, y: Array) -> Array:
    x, y = _promote(x, y)
    return jnp.where((x <= y) | (x != x), x, y)


def _clip(x: Array, low: Array, high: Array) -> Array:
    low, high = jnp.asarray(low, x.dtype), jnp.asarray(high, x.dtype)
    return jnp.where(x < low, low, jnp.where(x > high, high, x))


def _promote(x: Array, y: Array) -> tuple[Array, Array]:
    dtype = dtypes.promote(x.dtype.name, y.dtype.name)
    return jnp.asarray(x, dtype), jnp.asarray(y, dtype)


def _power(x: Array, y: Array) -> Array:
    # A product is many times cheaper than the general power function.
    if is_host(y) and y.size == 1 and jnp.issubdtype(x.dtype, jnp.floating):
        exponent = float(y.reshape(()))
        if exponent.is_integer() and abs(exponent) <= 8 and y.ndim <= x.ndim:
            return lax.integer_pow(x, int(exponent))
        if exponent == 0.5 and y.ndim <= x.ndim:
            return jnp.sqrt(x)
    return jnp.power(*_promote(x, y))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        if x.dtype == bool:
            x = jnp.asarray(x, jnp.int32)
        return jnp.asarray(function(x, axis=axes, keepdims=keepdims), x.dtype)

    return call


def _logical(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axes, keepdims=False: function(x, axis=axes, keepdims=keepdims)


def _reduce_mean(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = jnp.asarray(x, dtypes.default_float)
    return jnp.mean(x, axis=axes, keepdims=keepdims)


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = x - lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=axis, keepdims=True))


def _softmax(x: Array, axis: int) -> Array:
    powers = jnp.exp(x - lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True)))
    return powers / jnp.sum(powers, axis=axis, keepdims=True)


def _logsumexp(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    top = lax.stop_gradient(jnp.max(x, axis=axes, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0)
    result = jnp.log(jnp.sum(jnp.exp(x - top), axis=axes, keepdims=True)) + top
    return result if keepdims else jnp.squeeze(result, axes)


def _in_top_k(predictions: Array, targets: Array, k: int) -> Array:
    chosen = jnp.take_along_axis(predictions, jnp.asarray(targets, jnp.int32)[:, None], axis=1)
    return jnp.sum(predictions > chosen, axis=1) < k


def _top_k(x: Array, count: Array) -> Array:
    if not is_host(count):
        raise TypeError("top_k: the count must be known when the program is compiled.")
    return lax.top_k(x, int(count))[1]


def _dot_general(x: Array, y: Array, contract: Any, batch: Any) -> Array:
    x, y = _promote(x, y)
    return lax.dot_general(x, y, (contract, batch))


def _cast(x: Array, dtype: str) -> Array:
    if dtype == "bool":
        return x != 0
    return lax.convert_element_type(x, jax.dtypes.canonicalize_dtype(dtypes.to_numpy(dtype)))


def _one_hot(indices: Array, classes: int, dtype: str) -> Array:
    places = jnp.arange(classes, dtype=indices.dtype)
    return jnp.asarray(indices[..., None] == places, dtypes.to_numpy(dtype))


def _index(x: Array, *tensors: Array, key: Any) -> Array:
    try:
        places = index_key(key, tensors)
    except jax.errors.ConcretizationTypeError:
        raise TypeError(
            "indexing: the ends of a slice must be known when the program is compiled (numbers, or sizes from "
            "K.shape), because sizes are fixed then. For ends that are computed, multiply by a mask or use K.gather."
        ) from None
    return jnp.asarray(x)[places]


def _arange(start: Array, stop: Array, step: Array, dtype: str) -> Array:
    if not all(is_host(v) for v in (start, stop, step)):
        raise TypeError("K.arange: start, stop and step must be known when the program is compiled.")
    return jnp.asarray(np.arange(start.item(), stop.item(), step.item()), dtypes.to_numpy(dtype))


def _print(x: Array, message: str) -> Array:
    jax.debug.callback(lambda value: print(message, value), x)
    return x


TABLE: dict[str, Callable[..., Array]] = {
    "negative": jnp.negative,
    "absolute": _absolute,
    "square": jnp.square,
    "identity": lambda x: x,
    "stop_gradient": lax.stop_gradient,
    "print_tensor": _print,
    "sign": jnp.sign,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "round": jnp.round,
    "relu": _relu,
    "sqrt": _float(jnp.sqrt),
    "exp": _float(jnp.exp),
    "expm1": _float(jnp.expm1),
    "log": _float(jnp.log),
    "log1p": _float(jnp.log1p),
    "sin": _float(jnp.sin),
    "cos": _float(jnp.cos),
    "tanh": _float(jnp.tanh),
    "sigmoid": _float(lax.logistic),
    "softplus": _float(lambda x: jnp.logaddexp(x, jnp.zeros((), x.dtype))),
    "erf": _float(lax.erf),
    "erf_inv": _float(lax.erf_inv),
    "add": jnp.add,
    "subtract": lambda x, y: jnp.subtract(*_promote(x, y)),
    "multiply": jnp.multiply,
    "divide": _divide,
    "floor_divide": jnp.floor_divide,
    "mod": jnp.mod,
    "power": _power,
    "maximum": _maximum,
    "minimum": _minimum,
    "equal": jnp.equal,
    "not_equal": jnp.not_equal,
    "less": jnp.less,
    "less_equal": jnp.less_equal,
    "greater": jnp.greater,
    "greater_equal": jnp.greater_equal,
    "logical_and": jnp.logical_and,
    "logical_or": jnp.logical_or,
    "logical_not": jnp.logical_not,
    "where": lambda c, x, y: jnp.where(c != 0, *_promote(x, y)),
    "switch": lambda c, x, y: jnp.where(c != 0, *_promote(x, y)),
    "clip": _clip,
    "cast": _cast,
    "reduce_sum": _reduction(jnp.sum),
    "reduce_prod": _reduction(jnp.prod),
    "reduce_max": _reduction(jnp.max),
    "reduce_min": _reduction(jnp.min),
    "reduce_any": _logical(jnp.any),
    "reduce_all": _logical(jnp.all),
    "reduce_mean": _reduce_mean,
    "logsumexp": _logsumexp,
    "argmax": lambda x, axis: jnp.argmax(x, axis=axis),
    "argmin": lambda x, axis: jnp.argmin(x, axis=axis),
    "cumsum": lambda x, axis: jnp.cumsum(x, axis=axis, dtype=x.dtype),
    "cumprod": lambda x, axis: jnp.cumprod(x, axis=axis, dtype=x.dtype),
    "softmax": _softmax,
    "log_softmax": _log_softmax,
    "in_top_k": _in_top_k,
    "top_k": _top_k,
    "dot_general": _dot_general,
    "conv": convolution.conv,
    "conv_transpose": convolution.conv_transpose,
    "pool": pooling.pool,
    "reshape": lambda x, size: jnp.reshape(x, reshape_sizes(size)),
    "transpose": lambda x, permutation: jnp.transpose(x, permutation),
    "expand_dims": lambda x, axis: jnp.expand_dims(x, axis),
    "squeeze": lambda x, axes: jnp.squeeze(x, axes),
    "broadcast_to": lambda x, size: jnp.broadcast_to(x, reshape_sizes(size)),
    "split": lambda x, sizes, axis: lax.split(x, sizes, axis),
    "concatenate": lambda *xs, axis: jnp.concatenate(xs, axis=axis),
    "pad": lambda x, pads, value=0.0: jnp.pad(x, pads, constant_values=value),
    "tile": lambda x, repeats: jnp.tile(x, reshape_sizes(repeats)),
    "repeat": lambda x, count, axis: jnp.repeat(x, count, axis=axis),
    "flip": lambda x, axes: jnp.flip(x, axes),
    "gather": lambda x, indices, axis=0: jnp.take(x, indices, axis=axis, mode="fill"),
    "one_hot": _one_hot,
    "arange": _arange,
    "index": _index,
    "native": in_table(lambda x, dtype: jnp.asarray(x, jax.dtypes.canonicalize_dtype(dtype) if dtype else None)),
}
