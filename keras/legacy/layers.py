"""Layers of Keras 1 that Keras 2 kept for old code only."""

import warnings

from .. import activations, constraints, initializers, regularizers
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils import conv_utils  # noqa: F401 (names that Keras 2 has here)
from ..utils.generic_utils import to_list  # noqa: F401
from .merging import Merge, merge  # noqa: F401
from .recurrent import ConvRecurrent2D, Recurrent  # noqa: F401


class _KerasOneDense(Layer):
    """What Highway and MaxoutDense share: the options of Keras 1 by their old names."""

    def _take(self, init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
              bias, input_dim, kwargs):  # fmt: skip
        warnings.warn(
            f"The `{type(self).__name__}` layer is deprecated and will be removed: use Dense layers.", stacklevel=3
        )
        kwargs.pop("transform_bias", None)
        if weights is not None:
            kwargs["weights"] = weights
        if input_dim:
            kwargs["input_shape"] = (input_dim,)
        Layer.__init__(self, **kwargs)
        self.init = initializers.get(init)
        self.W_regularizer, self.b_regularizer = regularizers.get(W_regularizer), regularizers.get(b_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.W_constraint, self.b_constraint = constraints.get(W_constraint), constraints.get(b_constraint)
        self.bias, self.input_dim = bias, input_dim
        self.input_spec = InputSpec(ndim=2)

    def _kernel(self, name, shape):
        return self.add_weight(
            name=name, shape=shape, initializer=self.init, regularizer=self.W_regularizer, constraint=self.W_constraint
        )

    def _bias(self, name, shape, initializer="zeros"):
        return self.add_weight(
            name=name, shape=shape, initializer=initializer, regularizer=self.b_regularizer,
            constraint=self.b_constraint,
        )

    def get_config(self):
        config = {
            "init": initializers.serialize(self.init),
            "W_regularizer": regularizers.serialize(self.W_regularizer),
            "b_regularizer": regularizers.serialize(self.b_regularizer),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            "W_constraint": constraints.serialize(self.W_constraint),
            "b_constraint": constraints.serialize(self.b_constraint),
            "bias": self.bias,
            "input_dim": self.input_dim,
        }
        return {**super().get_config(), **config}


class MaxoutDense(_KerasOneDense):
    """The largest of several linear maps (Goodfellow et al., "Maxout Networks", 2013).

    Args:
        output_dim: units.
        nb_feature: linear maps per unit.
        init: initializer of the weights.
        weights: arrays to start from instead.
        W_regularizer, b_regularizer, W_constraint, b_constraint: of the weights and of the bias.
        activity_regularizer: applied to the output.
        bias: whether there is one.
        input_dim: number of features, for the first layer of a model.
    """

    def __init__(
        self, output_dim, nb_feature=4, init="glorot_uniform", weights=None, W_regularizer=None, b_regularizer=None,
        activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, input_dim=None, **kwargs,
    ):  # fmt: skip
        self._take(init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                   bias, input_dim, kwargs)  # fmt: skip
        self.output_dim, self.nb_feature = output_dim, nb_feature

    def build(self, input_shape):
        self.W = self._kernel("W", (self.nb_feature, input_shape[1], self.output_dim))
        self.b = self._bias("b", (self.nb_feature, self.output_dim)) if self.bias else None
        self.built = True

    def call(self, x):
        output = K.dot(x, self.W)
        return K.max(output + self.b if self.bias else output, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        return {**super().get_config(), "output_dim": self.output_dim, "nb_feature": self.nb_feature}


class Highway(_KerasOneDense):
    """A dense layer that mixes its output with its input by a learned gate (Srivastava et al., 2015).

    Args:
        activation: of the dense part; None: linear.
        The others as in `MaxoutDense`; of the gate too.
    """

    def __init__(
        self, init="glorot_uniform", activation=None, weights=None, W_regularizer=None, b_regularizer=None,
        activity_regularizer=None, W_constraint=None, b_constraint=None, bias=True, input_dim=None, **kwargs,
    ):  # fmt: skip
        self._take(init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint, b_constraint,
                   bias, input_dim, kwargs)  # fmt: skip
        self.activation = activations.get(activation)

    def build(self, input_shape):
        size = input_shape[1]
        self.W, self.W_carry = self._kernel("W", (size, size)), self._kernel("W_carry", (size, size))
        self.b = self.b_carry = None
        if self.bias:
            self.b = self._bias("b", (size,))
            self.b_carry = self._bias("b_carry", (size,), "ones")
        self.built = True

    def call(self, x):
        carry, act = K.dot(x, self.W_carry), K.dot(x, self.W)
        if self.bias:
            carry, act = carry + self.b_carry, act + self.b
        gate = K.sigmoid(carry)
        return self.activation(act) * gate + (1 - gate) * x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


def _atrous(name, new, args, kwargs):
    from .. import layers

    if "atrous_rate" in kwargs:
        kwargs["dilation_rate"] = kwargs.pop("atrous_rate")
    warnings.warn(f"The `{name}` layer has been deprecated. Use `{new}` with `dilation_rate`.", stacklevel=3)
    return getattr(layers, new)(*args, **kwargs)


def AtrousConvolution1D(*args, **kwargs):
    """Today: `Conv1D(..., dilation_rate=...)`."""
    return _atrous("AtrousConvolution1D", "Conv1D", args, kwargs)


def AtrousConvolution2D(*args, **kwargs):
    """Today: `Conv2D(..., dilation_rate=...)`."""
    return _atrous("AtrousConvolution2D", "Conv2D", args, kwargs)
