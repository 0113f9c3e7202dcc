"""Layers of Keras 1 that Keras 2 kept for old code only."""

import warnings

from .. import activations, constraints, initializers, regularizers
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils.generic_utils import to_list


class _KerasOneDense(Layer):
    """What Highway and MaxoutDense share: the options of Keras 1 by their old names."""

    def __init__(
        self, init="glorot_uniform", weights=None, W_regularizer=None, b_regularizer=None, activity_regularizer=None,
        W_constraint=None, b_constraint=None, bias=True, input_dim=None, **kwargs,
    ):  # fmt: skip
        warnings.warn(
            f"The `{type(self).__name__}` layer is deprecated and will be removed: use Dense layers.", stacklevel=3
        )
        if "transform_bias" in kwargs:
            kwargs.pop("transform_bias")
        if weights is not None:
            kwargs["weights"] = weights
        if input_dim:
            kwargs["input_shape"] = (input_dim,)
        super().__init__(**kwargs)
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

    # Arguments
        output_dim: units.
        nb_feature: linear maps per unit.
    """

    def __init__(self, output_dim, nb_feature=4, **kwargs):
        super().__init__(**kwargs)
        self.output_dim, self.nb_feature = output_dim, nb_feature

    def build(self, input_shape):
        self.W = self._kernel("W", (self.nb_feature, input_shape[1], self.output_dim))
        self.b = self._bias("b", (self.nb_feature, self.output_dim)) if self.bias else None
        self.built = True

    def call(self, inputs):
        output = K.dot(inputs, self.W)
        return K.max(output + self.b if self.bias else output, axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        return {**super().get_config(), "output_dim": self.output_dim, "nb_feature": self.nb_feature}


class Highway(_KerasOneDense):
    """A dense layer that mixes its output with its input by a learned gate (Srivastava et al., 2015)."""

    def __init__(self, init="glorot_uniform", activation=None, **kwargs):
        super().__init__(init=init, **kwargs)
        self.activation = activations.get(activation)

    def build(self, input_shape):
        size = input_shape[1]
        self.W, self.W_carry = self._kernel("W", (size, size)), self._kernel("W_carry", (size, size))
        self.b = self.b_carry = None
        if self.bias:
            self.b = self._bias("b", (size,))
            self.b_carry = self._bias("b_carry", (size,), "ones")
        self.built = True

    def call(self, inputs):
        carry, act = K.dot(inputs, self.W_carry), K.dot(inputs, self.W)
        if self.bias:
            carry, act = carry + self.b_carry, act + self.b
        gate = K.sigmoid(carry)
        return self.activation(act) * gate + (1 - gate) * inputs

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "activation": activations.serialize(self.activation)}


class Recurrent(Layer):
    """The abstract recurrent base class of Keras 1; new layers are built on `keras.layers.RNN`."""

    def __init__(
        self, return_sequences=False, return_state=False, go_backwards=False, stateful=False, unroll=False,
        implementation=0, **kwargs,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful = go_backwards, stateful
        self.unroll, self.implementation = unroll, implementation
        self.supports_masking = True
        self.input_spec = [InputSpec(ndim=3)]

    def compute_mask(self, inputs, mask=None):
        mask = to_list(mask)[0]
        return mask if self.return_sequences else None


class ConvRecurrent2D(Recurrent):
    """The abstract convolutional recurrent base class of Keras 1."""

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
        return_sequences=False, go_backwards=False, stateful=False, **kwargs,
    ):  # fmt: skip
        super().__init__(
            return_sequences=return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs
        )
        self.filters, self.kernel_size, self.strides, self.padding = filters, kernel_size, strides, padding
        self.data_format, self.dilation_rate = K.normalize_data_format(data_format), dilation_rate
        self.input_spec = [InputSpec(ndim=5)]


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
