"""What the tests of functions that record themselves share, whichever the engine."""

import numpy as np

from keras import backend as K
from keras.layers import Input, Lambda


def in_lambda_layer(function, x, shape):
    """The function's result in a Lambda layer, whose known shape must be `shape`, and the gradient of its squares."""
    inputs = Input(x.shape[1:])
    layer = Lambda(function)
    output = layer(inputs)
    assert K.int_shape(output) == shape == layer.output_shape
    gradient = K.gradients(K.sum(K.square(output)), inputs)[0]
    return K.function([inputs], [output, gradient])([x])


def assert_is_slope(value, x, slope, step=1e-6):
    """Compares the derivative in a random direction with a difference quotient in float64."""
    direction = np.random.randn(*x.shape)
    x = x.astype("float64")
    wanted = (value(x + step * direction) - value(x - step * direction)) / (2 * step)
    np.testing.assert_allclose(np.sum(slope * direction), wanted, rtol=2e-4, atol=2e-4)
