"""Locally connected layers: convolutions with weights of their own at every position."""

import math

from .. import activations, constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ..utils import conv_utils
from ._common import (
    activation_of,
    add_weight,
    channel_axis,
    check_sizes,
    data_format_of,
    join_shape,
    keep_weight_options,
    positive,
    required_dim,
    sizes_of,
    spatial_axes,
    weight_options_config,
    window_padding,
)


class _LocallyConnected(Layer):
    """A convolution whose weights are not shared between positions. Subclasses give `rank`."""

    rank = 0

    def _set_options(
        self,
        filters,
        kernel_size,
        strides,
        padding,
        data_format,
        activation,
        use_bias,
        kernel_initializer,
        bias_initializer,
        kernel_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        bias_constraint,
    ):
        self.filters = positive(self, "filters", filters)
        self.kernel_size = sizes_of(self, "kernel_size", kernel_size, self.rank)
        self.strides = sizes_of(self, "strides", strides, self.rank)
        self.padding = window_padding(self, padding, ("valid",))
        self.data_format = data_format_of(self, data_format)
        self.activation = activation_of(self, activation)
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def build(self, input_shape):
        axis = channel_axis(self.data_format)
        channels = required_dim(self, input_shape, axis)
        for spatial in spatial_axes(self.data_format, self.rank):
            required_dim(self, input_shape, spatial)
        sizes = self._output_sizes(input_shape)
        window = math.prod(self.kernel_size) * channels
        self.kernel = add_weight(self, "kernel", (math.prod(sizes), window, self.filters))
        self.bias = add_weight(self, "bias", (*sizes, self.filters)) if self.use_bias else None
        fixed = {i: input_shape[i] for i in (axis, *spatial_axes(self.data_format, self.rank))}
        self.input_spec = InputSpec(ndim=self.rank + 2, axes=fixed)
        self.built = True

    def _output_sizes(self, input_shape):
        sizes = [
            conv_utils.conv_output_length(input_shape[axis], kernel, self.padding, stride)
            for axis, kernel, stride in zip(
                spatial_axes(self.data_format, self.rank), self.kernel_size, self.strides, strict=True
            )
        ]
        check_sizes(
            self, input_shape, sizes, f"Use a smaller kernel_size than {self.kernel_size} or larger inputs."
        )
        return sizes

    def compute_output_shape(self, input_shape):
        return join_shape(self.data_format, input_shape[0], self._output_sizes(input_shape), self.filters)

    def _convolve(self, inputs):
        raise NotImplementedError

    def call(self, inputs):
        output = self._convolve(inputs)
        if self.use_bias:
            output = K.bias_add(output, self.bias, data_format=self.data_format)
        return self.activation(output)

    def get_config(self):
        own = {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **weight_options_config(self, "kernel", "bias"),
        }
        return {**super().get_config(), **own}


class LocallyConnected1D(_LocallyConnected):
    """Convolution over a sequence of fixed length with weights of its own at every step.

    Args:
        filters: number of output channels.
        kernel_size, strides: int or list of one int, in steps.
        padding: only `'valid'`.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
        activation, use_bias, kernel_*, bias_*, activity_regularizer: as in `Dense`.
    """

    rank = 1

    @interfaces.legacy_conv1d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._set_options(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
        )

    def _convolve(self, inputs):
        return K.local_conv1d(inputs, self.kernel, self.kernel_size, self.strides, self.data_format)


class LocallyConnected2D(_LocallyConnected):
    """Convolution over images of fixed size with weights of its own at every position.

    Args:
        filters: number of output channels.
        kernel_size, strides: int or pair of ints (rows, columns).
        padding: only `'valid'`.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
        activation, use_bias, kernel_*, bias_*, activity_regularizer: as in `Dense`.
    """

    rank = 2

    @interfaces.legacy_conv2d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self._set_options(
            filters,
            kernel_size,
            strides,
            padding,
            data_format,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            kernel_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            bias_constraint,
        )

    def _convolve(self, inputs):
        sizes = tuple(self._output_sizes(K.int_shape(inputs)))
        return K.local_conv2d(inputs, self.kernel, self.kernel_size, self.strides, sizes, self.data_format)
