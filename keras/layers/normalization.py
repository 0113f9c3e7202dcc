"""Batch normalization."""

from .. import backend as K
from .. import constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ._common import add_weight, describe, keep_weight_options, number, required_dim, weight_options_config


class BatchNormalization(Layer):
    """Normalizes each feature to mean 0 and standard deviation 1, then scales and shifts it.

    In training the statistics are the batch's; at inference they are the moving averages kept in
    `moving_mean` and `moving_variance`. A layer with `trainable=False` keeps its weights and its moving
    averages but, as in Keras 2.3.1, still normalizes with the batch's statistics in training; call it with
    `training=False` to use the moving averages always.

    Args:
        axis: the axis of the features: -1 for `channels_last`, 1 for `channels_first` data.
        momentum: how much of the moving averages stays at each update.
        epsilon: added to the variance.
        center: whether to add `beta`.
        scale: whether to multiply by `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: for the weights.

    Weights, in order: gamma, beta, moving_mean, moving_variance, each of the size of `axis`.

    Reference: Ioffe & Szegedy, "Batch Normalization", 2015.
    """

    _computes_in_variable_dtype = True

    @interfaces.legacy_batchnorm_support
    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = self._single_axis(axis)
        self.momentum = number(self, "momentum", momentum)
        self.epsilon = number(self, "epsilon", epsilon)
        self.center = center
        self.scale = scale
        keep_weight_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        keep_weight_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)
        keep_weight_options(self, "moving_mean", moving_mean_initializer)
        keep_weight_options(self, "moving_variance", moving_variance_initializer)

    def _single_axis(self, axis):
        """The axis as an int; tf.keras writes a list of one."""
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        if isinstance(axis, bool) or not isinstance(axis, int):
            raise ValueError(f"{describe(self)}: `axis` must be one integer, got {axis!r}.")
        return axis

    def build(self, input_shape):
        ndim = len(input_shape)
        if not -ndim <= self.axis < ndim or self.axis % ndim == 0:
            raise ValueError(
                f"{describe(self)}: axis={self.axis} is not a feature axis of an input of shape "
                f"{tuple(input_shape)}."
            )
        size = required_dim(self, input_shape, self.axis)
        self.input_spec = InputSpec(ndim=ndim, axes={self.axis: size})
        self.gamma = add_weight(self, "gamma", (size,)) if self.scale else None
        self.beta = add_weight(self, "beta", (size,)) if self.center else None
        self.moving_mean = add_weight(self, "moving_mean", (size,), trainable=False)
        self.moving_variance = add_weight(self, "moving_variance", (size,), trainable=False)
        self.built = True

    def call(self, inputs, training=None):
        def normalize_inference():
            return self._normalize(inputs)

        if training is False or (isinstance(training, int) and training == 0):
            return normalize_inference()
        normed, mean, variance = self._normalize_batch(inputs)
        self.add_update(
            [
                K.moving_average_update(self.moving_mean, mean, self.momentum),
                K.moving_average_update(self.moving_variance, variance, self.momentum),
            ],
            inputs,
        )
        return K.in_train_phase(normed, normalize_inference, training=training)

    def _normalize(self, inputs):
        """The inputs normalized by the moving averages."""
        ndim = K.ndim(inputs)
        weights = [self.moving_mean, self.moving_variance, self.beta, self.gamma]
        if self.axis % ndim != ndim - 1:
            shape = [1] * ndim
            shape[self.axis] = K.int_shape(inputs)[self.axis]
            weights = [w if w is None else K.reshape(w, shape) for w in weights]
        return K.batch_normalization(inputs, *weights, axis=self.axis, epsilon=self.epsilon)

    def _normalize_batch(self, inputs):
        """The inputs normalized by their own statistics, their mean and their unbiased variance."""
        ndim = K.ndim(inputs)
        reduced = [axis for axis in range(ndim) if axis != self.axis % ndim]
        normed, mean, variance = K.normalize_batch_in_training(
            inputs, self.gamma, self.beta, reduced, epsilon=self.epsilon
        )
        sizes = K.shape(inputs)
        count = 1
        for axis in reduced:
            count = count * sizes[axis]
        count = K.cast(count, K.dtype(variance))
        return normed, mean, variance * (count / (count - (1.0 + self.epsilon)))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        own = {
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **weight_options_config(self, "gamma", "beta", "moving_mean", "moving_variance"),
        }
        return {**super().get_config(), **own}
