"""Layers of tf.keras 2 that Keras 2.3.1 does not have. Files of tf.keras hold them, so they can be loaded.

They are no names of `keras.layers`; a class of one's own by such a name, handed in as custom object, comes first.
"""

import numpy as np

from .. import backend as K
from ..engine.base_layer import Layer
from ._common import add_weight, describe, keep_weight_options, number, required_dim, weight_options_config


class _AlongAxes(Layer):
    """What is kept for each feature of one axis or several."""

    _computes_in_variable_dtype = True

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.axis = list(axis) if isinstance(axis, (list, tuple)) else axis

    def _take_axes(self, input_shape):
        """Notes the places of the axes, gives their sizes."""
        ndim = len(input_shape)
        axes = [] if self.axis is None else self.axis if isinstance(self.axis, list) else [self.axis]
        if not all(-ndim <= axis < ndim and axis % ndim for axis in axes):
            raise ValueError(f"{describe(self)}: axis={self.axis} is not of an input of shape {tuple(input_shape)}.")
        self._axes = sorted(axis % ndim for axis in axes)
        return tuple(required_dim(self, input_shape, axis) for axis in self._axes)

    def _beside(self, weight, x):
        """A weight in the shape in which it goes with x."""
        shape = [K.int_shape(x)[axis] if axis in self._axes else 1 for axis in range(K.ndim(x))]
        return K.reshape(weight, shape)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


class LayerNormalization(_AlongAxes):
    """Normalizes each sample to mean 0 and standard deviation 1 over some axes, then scales and shifts the features.

    Args:
        axis: the axis or axes of the features.
        epsilon: added to the variance.
        center, scale: whether to add `beta`, to multiply by `gamma`.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
        gamma_constraint: for the weights.

    Reference: Ba et al., "Layer Normalization", 2016.
    """

    def __init__(
        self, axis=-1, epsilon=1e-3, center=True, scale=True, beta_initializer="zeros", gamma_initializer="ones",
        beta_regularizer=None, gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs,
    ):  # fmt: skip
        super().__init__(axis, **kwargs)
        self.epsilon = number(self, "epsilon", epsilon)
        self.center, self.scale = center, scale
        keep_weight_options(self, "gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        keep_weight_options(self, "beta", beta_initializer, beta_regularizer, beta_constraint)

    def build(self, input_shape):
        sizes = self._take_axes(input_shape)
        self.gamma = add_weight(self, "gamma", sizes) if self.scale else None
        self.beta = add_weight(self, "beta", sizes) if self.center else None
        super().build(input_shape)

    def call(self, inputs):
        deviations = inputs - K.mean(inputs, self._axes, keepdims=True)
        variance = K.mean(K.square(deviations), self._axes, keepdims=True)
        output = deviations / K.sqrt(variance + self.epsilon)
        if self.scale:
            output = output * self._beside(self.gamma, inputs)
        return output + self._beside(self.beta, inputs) if self.center else output

    def get_config(self):
        own = {"epsilon": self.epsilon, "center": self.center, "scale": self.scale}
        return {**super().get_config(), **own, **weight_options_config(self, "gamma", "beta")}


class Normalization(_AlongAxes):
    """Takes off a mean and divides by a standard deviation that were learned from data before training.

    Args:
        axis: the axis or axes whose features have numbers of their own; None: one for all.

    Weights, in order: mean, variance, and a count of the data, which has no use here.
    """

    def build(self, input_shape):
        sizes = self._take_axes(input_shape)
        self.mean = self.add_weight(name="mean", shape=sizes, initializer="zeros", trainable=False)
        self.variance = self.add_weight(name="variance", shape=sizes, initializer="ones", trainable=False)
        self.count = self.add_weight(name="count", shape=(), dtype="int64", initializer="zeros", trainable=False)
        super().build(input_shape)

    def call(self, inputs):
        deviation = K.maximum(K.sqrt(self.variance), np.float32(1e-7))
        return (inputs - self._beside(self.mean, inputs)) / self._beside(deviation, inputs)
