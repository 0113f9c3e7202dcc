"""Each primitive in JAX."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...graph import dtypes
from ...graph.ops.native import in_table
from .. import composed
from ..evaluate import is_host
from ..numpy.table import index_key, reshape_sizes
from . import convolution, extremes, normalization, pooling
from .cores import on_all_cores
from .products import product

Array = Any


def _float(function: Callable[..., Array]) -> Callable[..., Array]:
    """Integers become the default float before a function that only floats have."""

    def call(x: Array) -> Array:
        return function(x if jnp.issubdtype(x.dtype, jnp.floating) else _converted(x, _stored(dtypes.default_float)))

    return call


def _binary(function: Callable[..., Array]) -> Callable[..., Array]:
    """An operation of lax on arrays of the same dtype and shape."""
    return lambda x, y: function(*_alike(x, y))


def _alike(*arrays: Array) -> list[Array]:
    """The arrays in their common dtype and shape."""
    name = arrays[0].dtype.name
    for other in arrays[1:]:
        name = dtypes.promote(name, other.dtype.name)
    dtype, shape = _stored(name), np.broadcast_shapes(*(array.shape for array in arrays))
    return [_broadcast(_converted(array, dtype), shape) for array in arrays]


def _stored(dtype: str) -> Any:
    return jax.dtypes.canonicalize_dtype(dtypes.to_numpy(dtype))


def _converted(x: Array, dtype: Any) -> Array:
    if x.dtype == dtype:
        return x
    return x.astype(dtype) if is_host(x) else lax.convert_element_type(x, dtype)


def _broadcast(x: Array, shape: tuple[int, ...]) -> Array:
    return x if x.shape == shape else lax.broadcast_in_dim(x, shape, range(len(shape) - x.ndim, len(shape)))


def _divide(x: Array, y: Array) -> Array:
    if not (jnp.issubdtype(x.dtype, jnp.floating) or jnp.issubdtype(y.dtype, jnp.floating)):
        x = _converted(x, _stored(dtypes.default_float))
    return lax.div(*_alike(x, y))


def _add(x: Array, y: Array) -> Array:
    return lax.bitwise_or(x, y) if x.dtype == bool else lax.add(x, y)


def _addition(x: Array, y: Array) -> Array:
    made = _add(*_alike(x, y))
    # Biases. Sums of arrays belong to a layer that is treated so itself, or to an optimizer, which gains nothing.
    return on_all_cores(made) if x.shape != y.shape and x.ndim and y.ndim else made


def _multiply(x: Array, y: Array) -> Array:
    return lax.bitwise_and(x, y) if x.dtype == bool else lax.mul(x, y)


def _where(condition: Array, x: Array, y: Array) -> Array:
    x, y = _alike(x, y)
    shape = np.broadcast_shapes(condition.shape, x.shape)
    condition = condition if condition.dtype == bool else lax.ne(condition, lax.full_like(condition, 0))
    return lax.select(_broadcast(condition, shape), _broadcast(x, shape), _broadcast(y, shape))


# At ties and at NaN these follow the graph's rules, in value and in gradient.
@jax.custom_jvp
def _relu(x: Array) -> Array:
    # As a maximum, XLA fuses it into the convolution before it.
    return lax.max(x, lax.full_like(x, 0))


_relu.defjvps(lambda tangent, y, x: lax.select(lax.gt(x, lax.full_like(x, 0)), tangent, lax.full_like(tangent, 0)))


@jax.custom_jvp
def _absolute(x: Array) -> Array:
    return jnp.abs(x)


# JAX's own slope at 0 is 1: an exact prediction would be pushed away by the mean absolute error.
_absolute.defjvps(lambda tangent, y, x: jnp.real(tangent * jnp.conj(jnp.sign(x))))


def _maximum(x: Array, y: Array) -> Array:
    x, y = _alike(x, y)
    return lax.select(lax.bitwise_or(lax.ge(x, y), lax.ne(x, x)), x, y)


def _minimum(x: Array, y: Array) -> Array:
    x, y = _alike(x, y)
    return lax.select(lax.bitwise_or(lax.le(x, y), lax.ne(x, x)), x, y)


def _clip(x: Array, low: Array, high: Array) -> Array:
    low, high = (_broadcast(_converted(end, x.dtype), x.shape) for end in (low, high))
    return lax.select(lax.lt(x, low), low, lax.select(lax.gt(x, high), high, x))


def _power(x: Array, y: Array) -> Array:
    # A product is many times cheaper than the general power function.
    if is_host(y) and y.size == 1 and jnp.issubdtype(x.dtype, jnp.floating):
        exponent = float(y.reshape(()))
        if exponent.is_integer() and abs(exponent) <= 8 and y.ndim <= x.ndim:
            return lax.integer_pow(x, int(exponent))
        if exponent == 0.5 and y.ndim <= x.ndim:
            return lax.sqrt(x)
    return jnp.power(*_alike(x, y))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def call(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
        if x.dtype == bool:
            x = lax.convert_element_type(x, jnp.int32)
        result = function(x, axes)
        return lax.expand_dims(result, axes) if keepdims else result

    return call


def _sum(x: Array, axes: tuple[int, ...]) -> Array:
    if x.dtype.itemsize >= 4 or not jnp.issubdtype(x.dtype, jnp.floating):
        return lax.reduce_sum(x, axes)
    total = lax.reduce_sum(lax.convert_element_type(x, jnp.float32), axes)  # half floats would lose too much
    return lax.convert_element_type(total, x.dtype)


def _logical(function: Callable[..., Array]) -> Callable[..., Array]:
    return lambda x, axes, keepdims=False: function(x, axis=axes, keepdims=keepdims)


def _reduce_mean(x: Array, axes: tuple[int, ...], keepdims: bool = False) -> Array:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        x = _converted(x, _stored(dtypes.default_float))
    if x.dtype.itemsize < 4:
        return jnp.mean(x, axis=axes, keepdims=keepdims)
    total = _reduction(_sum)(x, axes, keepdims)
    return lax.div(total, lax.full_like(total, math.prod(x.shape[a] for a in axes)))


def _log_softmax(x: Array, axis: int) -> Array:
    shifted = x - lax.stop_gradient(jnp.max(x, axis=axis, keepdims=True))
    return shifted - jnp.log(jnp.sum(jnp.exp(shifted), axis=axis, keepdims=True))


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def _softmax(x: Array, axis: int) -> Array:
    powers = jnp.exp(x - jnp.max(x, axis=axis, keepdims=True))
    return powers / jnp.sum(powers, axis=axis, keepdims=True)


@_softmax.defjvp
def _softmax_derivative(axis: int, values: tuple[Array], slopes: tuple[Array]) -> tuple[Array, Array]:
    """From the result alone: the quotient's own derivative is more kernels (a Transformer's step compiles in 2.4
    instead of 2.8 s of processor time)."""
    result, (slope,) = _softmax(*values, axis), slopes
    return result, result * (slope - jnp.sum(result * slope, axis=axis, keepdims=True))


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
    dtype = _stored(dtypes.promote(x.dtype.name, y.dtype.name))
    x, y = _converted(x, dtype), _converted(y, dtype)
    if y.ndim == 2 and x.ndim > 1 and not batch[0] and tuple(map(tuple, contract)) == ((x.ndim - 1,), (0,)):
        return product(x, y) if x.ndim == 2 else convolution.by_matrix(x, y)
    if x.ndim == y.ndim == 3 and tuple(map(tuple, batch)) == ((0,), (0,)) and len(contract[0]) == 1:
        (first,), (second,) = contract
        return product(jnp.swapaxes(x, 1, 2) if first == 1 else x, jnp.swapaxes(y, 1, 2) if second == 2 else y)
    return lax.dot_general(x, y, (contract, batch))


def _cast(x: Array, dtype: str) -> Array:
    if dtype == "bool":
        return x != 0
    if jnp.iscomplexobj(x) and not dtypes.is_complex(dtype):
        x = jnp.real(x)
    return lax.convert_element_type(x, _stored(dtype))


def _one_hot(indices: Array, classes: int, dtype: str) -> Array:
    places = jnp.arange(classes, dtype=indices.dtype)
    return jnp.asarray(indices[..., None] == places, dtypes.to_numpy(dtype))


def _index(x: Array, *tensors: Array, key: Any) -> Array:
    x, key = _computed_slices(jnp.asarray(x), tensors, key)
    try:
        places = index_key(key, tensors)
    except jax.errors.ConcretizationTypeError:
        raise TypeError(
            "indexing: the ends of a slice must be known when the program is compiled (numbers, or sizes from "
            "K.shape), or lie a number apart (x[t : t + 2]), because sizes are fixed then. For other ends use K.slice "
            "with a size that is a number, K.gather, or multiply by a mask."
        ) from None
    return x[places]


def _computed_slices(x: Array, tensors: Sequence[Array], key: Any) -> tuple[Array, Any]:
    """Makes slices whose ends are computed, a known number apart; gives what is left of the key.

    What lies outside of x is NaN (of whole numbers the least one): a shorter slice cannot be.
    """
    rest, axis = [], 0
    for item in key:
        if len(item) == 5 and item[3] is None and not is_host(start := tensors[item[1]]):
            first = jnp.where(start < 0, start + x.shape[axis], start)
            x = jnp.take(x, first + jnp.arange(max(item[4], 0)), axis, mode="fill")
            item = ("slice", None, None, None)
        rest.append(item)
        axis += item[0] != "new"
    return x, tuple(rest)


def _arange(start: Array, stop: Array, step: Array, dtype: str) -> Array:
    if not all(is_host(v) for v in (start, stop, step)):
        raise TypeError("K.arange: start, stop and step must be known when the program is compiled.")
    return jnp.asarray(np.arange(start.item(), stop.item(), step.item()), dtypes.to_numpy(dtype))


def _print(x: Array, message: str) -> Array:
    jax.debug.callback(lambda value: print(message, value), x)
    return x


TABLE: dict[str, Callable[..., Array]] = {
    "negative": lax.neg,
    "absolute": _absolute,
    "square": lax.square,
    "identity": lambda x: x,
    "stop_gradient": lax.stop_gradient,
    "print_tensor": _print,
    "sign": lax.sign,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "round": jnp.round,
    "relu": lambda x: on_all_cores(_relu(x)),
    "leaky_relu": lambda x, slope: on_all_cores(
        lax.select(lax.gt(x, lax.full_like(x, 0)), x, lax.mul(x, lax.full_like(x, slope)))
    ),
    "sqrt": _float(lax.sqrt),
    "exp": _float(lax.exp),
    "expm1": _float(lax.expm1),
    "log": _float(lax.log),
    "log1p": _float(lax.log1p),
    "sin": _float(lax.sin),
    "cos": _float(lax.cos),
    "tanh": _float(lax.tanh),
    "sigmoid": _float(lax.logistic),
    "softplus": _float(lambda x: jnp.logaddexp(x, jnp.zeros((), x.dtype))),
    "erf": _float(lax.erf),
    "erf_inv": _float(lax.erf_inv),
    "add": _addition,
    "subtract": _binary(lax.sub),
    "multiply": _binary(_multiply),
    "divide": _divide,
    "floor_divide": jnp.floor_divide,
    "mod": jnp.mod,
    "power": _power,
    "maximum": _maximum,
    "minimum": _minimum,
    "equal": _binary(lax.eq),
    "not_equal": _binary(lax.ne),
    "less": _binary(lax.lt),
    "less_equal": _binary(lax.le),
    "greater": _binary(lax.gt),
    "greater_equal": _binary(lax.ge),
    "logical_and": jnp.logical_and,
    "logical_or": jnp.logical_or,
    "logical_not": jnp.logical_not,
    "where": lambda condition, x, y: on_all_cores(_where(condition, x, y)),
    "clip": lambda x, low, high: on_all_cores(_clip(x, low, high)),
    "cast": _cast,
    "reduce_sum": _reduction(_sum),
    "reduce_prod": _reduction(lax.reduce_prod),
    "reduce_max": _reduction(extremes.largest),
    "reduce_min": _reduction(extremes.smallest),
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
TABLE["switch"] = composed.switch(TABLE)
_composed_normalization = composed.batch_normalization_training(TABLE)


def _batch_normalization_training(x: Array, gamma: Array, beta: Array, axes: Any, epsilon: float) -> list[Array]:
    # The means of half floats are made in single precision.
    by = _composed_normalization if x.dtype.itemsize < 4 else normalization.batch_normalization_training
    return by(x, gamma, beta, axes, epsilon)


TABLE["batch_normalization_training"] = _batch_normalization_training
