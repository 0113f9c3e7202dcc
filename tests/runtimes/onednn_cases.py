"""What the tests of oneDNN's operations share."""

import platform

import numpy as np
import pytest

from keras import backend as K

OF_JAX = pytest.mark.skipif(K.backend() != "jax", reason="of the JAX runtime")
WHERE_IT_IS = pytest.mark.skipif(
    (platform.system(), platform.machine()) != ("Linux", "x86_64"), reason="the package is made for Linux on x86-64"
)


def drawn(*shapes):
    """Arrays of normal numbers, the same every time."""
    generator = np.random.default_rng(0)
    return [generator.normal(size=shape).astype("float32") for shape in shapes]
