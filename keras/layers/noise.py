"""Layers that add noise in training and do nothing at inference."""

import math

from .. import backend as K
from ..engine.base_layer import Layer
from ..legacy import interfaces
from ._common import number


class _Noise(Layer):
    """Replaces its inputs by `_noised(inputs)` in training."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def _noised(self, inputs):
        raise NotImplementedError

    def call(self, inputs, training=None):
        return K.in_train_phase(lambda: self._noised(inputs), inputs, training=training)

    def compute_output_shape(self, input_shape):
        return input_shape


class GaussianNoise(_Noise):
    """Adds normal noise of mean 0 in training.

    Args:
        stddev: standard deviation of the noise.
    """

    @interfaces.legacy_gaussiannoise_support
    def __init__(self, stddev, **kwargs):
        super().__init__(**kwargs)
        # A variable lets the noise change while a model is trained.
        self.stddev = stddev if K.is_tensor(stddev) else number(self, "stddev", stddev)

    def _noised(self, inputs):
        return inputs + K.random_normal(K.shape(inputs), mean=0.0, stddev=self.stddev, dtype=K.dtype(inputs))

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev}


class GaussianDropout(_Noise):
    """Multiplies by normal noise of mean 1 in training.

    Args:
        rate: as in `Dropout`: the noise has the standard deviation `sqrt(rate / (1 - rate))`.

    Reference: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014.
    """

    @interfaces.legacy_gaussiandropout_support
    def __init__(self, rate, **kwargs):
        super().__init__(**kwargs)
        self.rate = number(self, "rate", rate)

    def call(self, inputs, training=None):
        return super().call(inputs, training) if 0 < self.rate < 1 else inputs

    def _noised(self, inputs):
        stddev = math.sqrt(self.rate / (1.0 - self.rate))
        return inputs * K.random_normal(K.shape(inputs), mean=1.0, stddev=stddev, dtype=K.dtype(inputs))

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


class AlphaDropout(_Noise):
    """Dropout for SELU networks: keeps the mean and the variance of normalized inputs.

    Dropped values become the lower limit of SELU; an affine map restores mean and variance.

    Args:
        rate: fraction to drop.
        noise_shape: shape of the binary mask; None: the inputs' shape.
        seed: integer; by default taken from NumPy's global generator.

    Reference: Klambauer et al., "Self-Normalizing Neural Networks", 2017.
    """

    _lower_limit = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate = number(self, "rate", rate)
        self.noise_shape = noise_shape
        self.seed = seed

    def _get_noise_shape(self, inputs):
        return self.noise_shape or K.shape(inputs)

    def call(self, inputs, training=None):
        return super().call(inputs, training) if 0.0 < self.rate < 1.0 else inputs

    def _noised(self, inputs):
        rate, low = self.rate, self._lower_limit
        draws = K.random_uniform(self._get_noise_shape(inputs), dtype=K.dtype(inputs), seed=self.seed)
        kept = K.cast(K.greater_equal(draws, rate), K.dtype(inputs))
        scale = ((1 - rate) * (1 + rate * low**2)) ** -0.5
        return scale * (inputs * kept + low * (1 - kept)) - scale * low * rate

    def get_config(self):
        config = {**super().get_config(), "rate": self.rate}
        # Keras 2.3.1 stores the rate alone; what the user chose besides is kept, so that a copy is a copy.
        given = {"noise_shape": self.noise_shape, "seed": self.seed}
        return {**config, **{key: value for key, value in given.items() if value is not None}}
