"""Initializers: shapes, moments, seeds."""

import numpy as np
import pytest

from keras import backend as K
from keras import initializers

SHAPE = (60, 50)
RANDOM = {
    "RandomNormal": (initializers.RandomNormal, {"mean": 0.5, "stddev": 2.0}, 0.5, 2.0),
    "RandomUniform": (initializers.RandomUniform, {"minval": 1.0, "maxval": 3.0}, 2.0, 2 / np.sqrt(12)),
    "TruncatedNormal": (
        initializers.TruncatedNormal,
        {"mean": 1.0, "stddev": 0.5},
        1.0,
        0.5 * 0.8796256610342398,
    ),
    "lecun_uniform": (initializers.lecun_uniform, {}, 0, np.sqrt(1 / 60)),
    "lecun_normal": (initializers.lecun_normal, {}, 0, np.sqrt(1 / 60)),
    "glorot_uniform": (initializers.glorot_uniform, {}, 0, np.sqrt(2 / 110)),
    "glorot_normal": (initializers.glorot_normal, {}, 0, np.sqrt(2 / 110)),
    "he_uniform": (initializers.he_uniform, {}, 0, np.sqrt(2 / 60)),
    "he_normal": (initializers.he_normal, {}, 0, np.sqrt(2 / 60)),
    "VarianceScaling_fan_out": (
        initializers.VarianceScaling,
        {"scale": 3.0, "mode": "fan_out", "distribution": "uniform"},
        0,
        np.sqrt(3 / 50),
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_moments(name):
    make, arguments, mean, std = RANDOM[name]
    x = K.eval(make(seed=3, **arguments)(SHAPE))
    assert x.shape == SHAPE and x.dtype == np.float32
    assert abs(x.mean() - mean) < 4 * std / np.sqrt(x.size)
    assert abs(x.std() / std - 1) < 0.06


@pytest.mark.parametrize("name", [*RANDOM, "Orthogonal"])
def test_seeds(name):
    make, arguments, *_ = RANDOM.get(name, (initializers.Orthogonal, {}))

    def draw(initializer):
        return K.eval(initializer((3, 4)))

    fixed = make(seed=7, **arguments)
    first, second = draw(fixed), draw(fixed)
    assert not np.array_equal(first, second)
    assert fixed.seed == 9
    assert np.array_equal(draw(make(seed=7, **arguments)), first)

    free = make(**arguments)
    np.random.seed(5)
    first, second = draw(free), draw(free)
    assert not np.array_equal(first, second)
    np.random.seed(5)
    assert np.array_equal(draw(make(**arguments)), first)
    assert free.seed is None


def test_truncated_within_two_deviations():
    x = K.eval(initializers.TruncatedNormal(mean=1.0, stddev=0.5, seed=1)((2000,)))
    assert x.min() >= 0 and x.max() <= 2


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7), (2, 3, 5), (2, 2, 2, 9)])
def test_orthogonal(shape):
    x = K.eval(initializers.Orthogonal(gain=2.0, seed=1)(shape)).astype("float64")
    matrix = x.reshape(-1, shape[-1])
    product = matrix.T @ matrix if matrix.shape[0] >= matrix.shape[1] else matrix @ matrix.T
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_constant_values():
    assert np.array_equal(K.eval(initializers.Zeros()((2, 3))), np.zeros((2, 3)))
    assert np.array_equal(K.eval(initializers.Ones()((2, 3))), np.ones((2, 3)))
    assert np.array_equal(K.eval(initializers.Constant(2.5)((2, 3))), np.full((2, 3), 2.5))
    assert np.array_equal(K.eval(initializers.Constant([1, 2])((2,))), [1, 2])
    np.testing.assert_array_equal(K.eval(initializers.Identity(gain=3.0)((2, 3))), 3 * np.eye(2, 3))
    assert K.eval(initializers.Ones()((2,), dtype="int32")).dtype == np.int32


@pytest.mark.parametrize(
    ("shape", "fans"),
    [((3, 5), (3, 5)), ((3, 4, 5), (12, 15)), ((2, 3, 4, 5), (24, 30)), ((9,), (3, 3)), ((), (1, 1))],
)
def test_fans(shape, fans):
    assert tuple(initializers._compute_fans(shape)) == fans


def test_fans_channels_first():
    assert tuple(initializers._compute_fans((5, 4, 2, 3), "channels_first")) == (24, 30)


def test_bad_arguments():
    for arguments in ({"scale": 0}, {"mode": "fan"}, {"distribution": "cauchy"}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            initializers.VarianceScaling(**arguments)
    with pytest.raises(ValueError, match="2D"):
        initializers.Identity()((2, 2, 2))
    with pytest.raises(ValueError, match="two dimensions"):
        initializers.Orthogonal()((4,))


def test_own_initializer():
    def mine(shape, dtype=None):
        return K.ones(shape, dtype=dtype) * 3

    assert initializers.get(mine) is mine
