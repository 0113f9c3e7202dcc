"""Initializers: the values that weights start from.

An initializer is called with a shape and gives a backend tensor that depends on no placeholder, so that the
numbers themselves are only made when the weight is first read. Where `seed` is None, random initializers draw
their seed from NumPy's global generator at the moment they are called: `np.random.seed(42)` before a model is
built makes its weights reproducible, and two calls differ. Where a seed is given, each call moves it on by
one (as in Keras 2.3), so that one object used for several weights gives each its own numbers.
"""

import inspect
import math

import numpy as np

from . import backend as K
from .backend.variables import deferred
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object

# Standard deviation of a standard normal distribution cut off at +-2.
_TRUNCATED_STDDEV = 0.87962566103423978
# Matrices of more values than this are drawn from a seed, when they are read.
_MOST_DRAWN_AT_ONCE = 1 << 26


class Initializer:
    """Base class: implement `__call__(shape, dtype=None)`, and `get_config()` where there are arguments."""

    def __call__(self, shape, dtype=None):
        raise NotImplementedError(
            f"{type(self).__name__} must implement `__call__(self, shape, dtype=None)` and return a tensor "
            "of that shape."
        )

    def get_config(self):
        """The arguments to make it again from, plain values."""
        return {}

    @classmethod
    def from_config(cls, config):
        """An initializer with the arguments of a `get_config()`."""
        # Files of tf.keras carry the dtype that its initializers were made with; ours take it when called.
        return cls(**{k: v for k, v in config.items() if k != "dtype"})


class Zeros(Initializer):
    """All values 0."""

    def __call__(self, shape, dtype=None):
        return K.constant(0, shape=shape, dtype=dtype)


class Ones(Initializer):
    """All values 1."""

    def __call__(self, shape, dtype=None):
        return K.constant(1, shape=shape, dtype=dtype)


class Constant(Initializer):
    """All values equal to `value` (a number, or an array of the weight's shape)."""

    def __init__(self, value=0):
        self.value = value

    def __call__(self, shape, dtype=None):
        return K.constant(self.value, shape=shape, dtype=dtype)

    def get_config(self):
        return {"value": self.value}


def _next_seed(initializer):
    """The initializer's seed, which it moves on by one."""
    seed = initializer.seed
    if seed is not None:
        initializer.seed = seed + 1
    return seed


class RandomNormal(Initializer):
    """Normally distributed values.

    Args:
        mean: mean of the values.
        stddev: their standard deviation.
        seed: an integer, or None for a seed from NumPy's global generator.
    """

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape, dtype=None):
        return K.random_normal(shape, self.mean, self.stddev, dtype=dtype, seed=_next_seed(self))

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class RandomUniform(Initializer):
    """Values drawn evenly from `[minval, maxval)`.

    Args:
        minval, maxval: the bounds.
        seed: an integer, or None for a seed from NumPy's global generator.
    """

    def __init__(self, minval=-0.05, maxval=0.05, seed=None):
        self.minval = minval
        self.maxval = maxval
        self.seed = seed

    def __call__(self, shape, dtype=None):
        return K.random_uniform(shape, self.minval, self.maxval, dtype=dtype, seed=_next_seed(self))

    def get_config(self):
        return {"minval": self.minval, "maxval": self.maxval, "seed": self.seed}


class TruncatedNormal(Initializer):
    """Like `RandomNormal`, but values further than two standard deviations from the mean are drawn again."""

    def __init__(self, mean=0.0, stddev=0.05, seed=None):
        self.mean = mean
        self.stddev = stddev
        self.seed = seed

    def __call__(self, shape, dtype=None):
        return K.truncated_normal(shape, self.mean, self.stddev, dtype=dtype, seed=_next_seed(self))

    def get_config(self):
        return {"mean": self.mean, "stddev": self.stddev, "seed": self.seed}


class VarianceScaling(Initializer):
    """Values whose variance is `scale / n`, so that signals keep their size from layer to layer.

    n is the number of inputs of a unit (`mode='fan_in'`), of its outputs (`'fan_out'`), or the mean of both
    (`'fan_avg'`). `distribution` is `'normal'` (truncated at two standard deviations; the variance is that
    of the truncated values) or `'uniform'`.

    Raises:
        ValueError: for a `scale` that is not positive, or an unknown `mode` or `distribution`.
    """

    def __init__(self, scale=1.0, mode="fan_in", distribution="normal", seed=None):
        if scale <= 0.0:
            raise ValueError(f"`scale` must be a positive float. Got: {scale}")
        mode = mode.lower()
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(
                f'Invalid `mode` argument: expected one of "fan_in", "fan_out", "fan_avg" but got {mode!r}'
            )
        distribution = distribution.lower()
        # tf.keras and Keras 3 write "truncated_normal" for what Keras 2 calls "normal".
        distribution = "normal" if distribution == "truncated_normal" else distribution
        if distribution not in ("normal", "uniform"):
            raise ValueError(
                'Invalid `distribution` argument: expected one of "normal", "uniform" '
                f"but got {distribution!r}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution
        self.seed = seed

    def __call__(self, shape, dtype=None):
        fan_in, fan_out = _compute_fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[self.mode]
        scale = self.scale / max(1.0, fan)
        if self.distribution == "normal":
            stddev = math.sqrt(scale) / _TRUNCATED_STDDEV
            return K.truncated_normal(shape, 0.0, stddev, dtype=dtype, seed=_next_seed(self))
        limit = math.sqrt(3.0 * scale)
        return K.random_uniform(shape, -limit, limit, dtype=dtype, seed=_next_seed(self))

    def get_config(self):
        return {"scale": self.scale, "mode": self.mode, "distribution": self.distribution, "seed": self.seed}


class Orthogonal(Initializer):
    """A matrix with orthonormal rows or columns (whichever are fewer), times `gain`.

    Shapes of more than two dimensions are filled as the matrix of (all but the last, the last) dimensions.
    The numbers are NumPy's, so `np.random.seed` or `seed` gives those that Keras 2 gave.
    Saxe et al., https://arxiv.org/abs/1312.6120

    Raises:
        ValueError: for shapes of fewer than two dimensions.
    """

    def __init__(self, gain=1.0, seed=None):
        self.gain = gain
        self.seed = seed

    def __call__(self, shape, dtype=None):
        shape = tuple(shape)
        if len(shape) < 2:
            raise ValueError(
                "The orthogonal initializer needs a shape of at least two dimensions; "
                f'it got {shape}. Use e.g. "glorot_uniform" or "zeros" for vectors.'
            )
        rows, columns, gain = math.prod(shape[:-1]), shape[-1], self.gain
        seed = _next_seed(self)
        if seed is None and rows * columns > _MOST_DRAWN_AT_ONCE:
            seed = np.random.randint(2**31 - 1)
        # The global generator is drawn from now; the rest, which takes long, waits until the weight is read.
        draws = np.random.normal(0.0, 1.0, (rows, columns)) if seed is None else None

        def matrix():
            random = np.random.RandomState(seed).normal(0.0, 1.0, (rows, columns)) if draws is None else draws
            u, _, v = np.linalg.svd(random, full_matrices=False)
            return gain * (u if u.shape == (rows, columns) else v).reshape(shape)

        return deferred(matrix, shape, dtype)

    def get_config(self):
        return {"gain": self.gain, "seed": self.seed}


class Identity(Initializer):
    """The identity matrix times `gain`; for 2D shapes only (not necessarily square).

    Raises:
        ValueError: for shapes that are not two-dimensional.
    """

    def __init__(self, gain=1.0):
        self.gain = gain

    def __call__(self, shape, dtype=None):
        if len(shape) != 2:
            raise ValueError(
                "Identity matrix initializer can only be used for 2D matrices; "
                f"it got the shape {tuple(shape)}."
            )
        gain = self.gain
        return deferred(lambda: gain * np.eye(shape[0], shape[1]), shape, dtype)

    def get_config(self):
        return {"gain": self.gain}


def lecun_uniform(seed=None):
    """Uniform within +-sqrt(3 / fan_in). LeCun et al., Efficient Backprop, 1998."""
    return VarianceScaling(scale=1.0, mode="fan_in", distribution="uniform", seed=seed)


def lecun_normal(seed=None):
    """Truncated normal with standard deviation sqrt(1 / fan_in); the one to use with `selu`."""
    return VarianceScaling(scale=1.0, mode="fan_in", distribution="normal", seed=seed)


def glorot_uniform(seed=None):
    """Uniform within +-sqrt(6 / (fan_in + fan_out)). Glorot & Bengio, AISTATS 2010."""
    return VarianceScaling(scale=1.0, mode="fan_avg", distribution="uniform", seed=seed)


def glorot_normal(seed=None):
    """Truncated normal, standard deviation sqrt(2 / (fan_in + fan_out)). Glorot & Bengio, AISTATS 2010."""
    return VarianceScaling(scale=1.0, mode="fan_avg", distribution="normal", seed=seed)


def he_uniform(seed=None):
    """Uniform within +-sqrt(6 / fan_in). He et al., https://arxiv.org/abs/1502.01852"""
    return VarianceScaling(scale=2.0, mode="fan_in", distribution="uniform", seed=seed)


def he_normal(seed=None):
    """Truncated normal with standard deviation sqrt(2 / fan_in). He et al., https://arxiv.org/abs/1502.01852"""
    return VarianceScaling(scale=2.0, mode="fan_in", distribution="normal", seed=seed)


zero = zeros = Zeros
one = ones = Ones
constant = Constant
uniform = random_uniform = RandomUniform
normal = random_normal = RandomNormal
truncated_normal = TruncatedNormal
identity = Identity
orthogonal = Orthogonal


def _compute_fans(shape, data_format="channels_last"):
    """Number of inputs and of outputs that one unit of a weight of this shape connects.

    Two dimensions: (inputs, outputs). Three to five: a convolution kernel, whose every position counts.
    Anything else: the square root of the number of values, for both.
    """
    shape = tuple(shape)
    if len(shape) == 2:
        return shape
    if len(shape) in (3, 4, 5):
        if data_format == "channels_first":
            positions = np.prod(shape[2:])
            return shape[1] * positions, shape[0] * positions
        if data_format == "channels_last":
            positions = np.prod(shape[:-2])
            return shape[-2] * positions, shape[-1] * positions
        raise ValueError(
            f'Invalid data_format: {data_format!r}; expected "channels_first" or "channels_last".'
        )
    fan = math.sqrt(np.prod(shape))
    return fan, fan


def serialize(initializer):
    """The initializer as a configuration: `{'class_name': ..., 'config': ...}`, or the name of a function."""
    return serialize_keras_object(initializer)


def deserialize(config, custom_objects=None):
    """The initializer that a configuration or a name stands for.

    Raises:
        ValueError: for unknown names.
    """
    return deserialize_keras_object(
        config,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="initializer",
    )


def get(identifier):
    """The initializer meant by a name, a config dict, a class or a callable.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        return deserialize({"class_name": identifier, "config": {}})
    if callable(identifier):
        return identifier() if inspect.isclass(identifier) else identifier
    raise ValueError(
        f'Could not interpret initializer identifier: {identifier!r}. Give a name such as "glorot_uniform", '
        "an instance such as `initializers.RandomNormal(stddev=0.01)`, or a function "
        "`f(shape, dtype=None)`."
    )
