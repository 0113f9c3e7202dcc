"""Random tensors. Each node draws its seed from NumPy's global generator when it is built, unless
one is given, so `np.random.seed` makes a program reproducible."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..graph import dtypes, ops
from ..graph.ops import elementwise
from ..graph.tensor import Tensor, as_tensor
from .config import floatx


def draw_seed(seed: Any = None) -> int:
    """The seed of a random node."""
    return int(np.random.randint(1, 10**7)) if seed is None else int(seed)


def _uniform(shape: Any, dtype: Any, seed: Any) -> Tensor:
    kind = dtypes.canonical(dtype or floatx())
    return ops.random_uniform(
        ops.shape_vector(shape), seed=draw_seed(seed) & 0xFFFFFFFF, dtype=kind if dtypes.is_float(kind) else "float32"
    )


def _finely(shape: Any, dtype: Any, seed: Any) -> Tensor:
    """As `_uniform`, but never of the 256 numbers that bfloat16 has there."""
    return _uniform(shape, "float32" if (dtype or floatx()) == "bfloat16" else dtype, seed)


def random_uniform(
    shape: Any, minval: float = 0.0, maxval: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Uniform numbers in [minval, maxval).

    Args:
        shape: ints, or a tensor that holds them (`K.shape(x)`).
        dtype: None: `K.floatx()`; an integer type gives whole numbers.
        seed: None: drawn from NumPy's global generator. Every run of a program gives other numbers all the same.
    """
    unit = _uniform(shape, dtype, seed)
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)) and (minval, maxval) == (0, 1):
        result = unit
    else:
        result = unit * (maxval - minval) + minval
    if dtype is not None and not dtypes.is_float(dtypes.canonical(dtype)):
        return elementwise.cast(elementwise.floor(result), dtype=dtypes.canonical(dtype))
    return result


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """Normal numbers of this mean and standard deviation. `shape`, `dtype` and `seed` as in `random_uniform`."""
    return _normal_between(shape, -1.0, 1.0, mean, stddev, dtype, seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: int | None = None
) -> Tensor:
    """As `random_normal`, without numbers more than two standard deviations from the mean."""
    return _normal_between(shape, -_WITHIN_TWO, _WITHIN_TWO, mean, stddev, dtype, seed)


_WITHIN_TWO = 0.9544997361036416  # the share of a normal distribution within two standard deviations


def _normal_between(
    shape: Any, low: float, high: float, mean: Any, stddev: Any, dtype: Any, seed: Any
) -> Tensor:
    """sqrt(2) * erf_inv(u), the inverse of the distribution function, for u uniform in (low, high): normal, cut off
    where erf says."""
    unit = _finely(shape, dtype, seed)
    # The smallest number is half a step above 0, so that the bounds themselves never occur.
    half = {"float64": 2.0**-54, "float16": 2.0**-12}.get(unit.dtype, 2.0**-25)
    spread = elementwise.clip((unit + half) * (high - low) + low, -1 + 2 * half, 1 - 2 * half)
    result = elementwise.erf_inv(spread) * (np.sqrt(2.0).item() * stddev) + mean
    return elementwise.cast(result, dtype="bfloat16") if dtype == "bfloat16" else result


def random_binomial(shape: Any, p: float = 0.0, dtype: Any = None, seed: int | None = None) -> Tensor:
    """1 with probability p, else 0. `shape`, `dtype` and `seed` as in `random_uniform`."""
    return elementwise.cast(
        elementwise.less(_finely(shape, dtype, seed), p), dtype=dtypes.canonical(dtype or floatx())
    )


def dropout(x: Tensor, level: Any, noise_shape: Any = None, seed: int | None = None) -> Tensor:
    """x with a share `level` of its elements at 0, the others scaled by 1 / (1 - level).

    `noise_shape` (None for sizes of x) shares one decision along axes of size 1.
    Method: Srivastava et al., "Dropout", 2014.
    """
    if isinstance(level, (int, float)) and not 0.0 <= level < 1.0:
        raise ValueError(f"K.dropout: level must be in [0, 1), got {level}.")
    if noise_shape is None:
        size: Any = ops.shape(x)
    else:
        size = [ops.shape(x)[i] if d is None else d for i, d in enumerate(noise_shape)]
    keep = elementwise.greater_equal(_finely(size, x.dtype, seed), level)
    scale = 1.0 / (1.0 - level)
    return elementwise.where(keep, x * scale, as_tensor(0.0, x))
