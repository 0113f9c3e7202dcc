"""What all convolutions share."""

from .. import activations, regularizers
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..utils import conv_utils
from ._common import (
    activation_of,
    add_weight,
    channel_axis,
    check_sizes,
    data_format_of,
    describe,
    join_shape,
    keep_weight_options,
    positive,
    required_dim,
    sizes_of,
    spatial_axes,
    weight_options_config,
    window_padding,
)


class _Conv(Layer):
    """A convolution over `rank` spatial axes.

    Args:
        rank: number of spatial axes, 1 to 3.
        filters: number of output channels.
        kernel_size: int or `rank` ints.
        strides: int or `rank` ints.
        padding: `'valid'`, `'same'`, or for sequences `'causal'`.
        data_format: `'channels_last'`, `'channels_first'` or None (`K.image_data_format()`).
        dilation_rate: int or `rank` ints.
        activation, use_bias, kernel_*, bias_*, activity_regularizer: as in `Dense`.
    """

    _paddings = ("valid", "same")

    def __init__(
        self,
        rank,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
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
        self.rank = rank
        self.filters = self._check_filters(filters)
        self.kernel_size = sizes_of(self, "kernel_size", kernel_size, rank)
        self.strides = sizes_of(self, "strides", strides, rank)
        self.padding = window_padding(self, padding, self._paddings)
        self.data_format = data_format_of(self, data_format)
        self.dilation_rate = sizes_of(self, "dilation_rate", dilation_rate, rank)
        self.activation = activation_of(self, activation)
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _check_filters(self, filters):
        return positive(self, "filters", filters)

    def _input_channels(self, input_shape):
        """The number of input channels; from now on inputs must have it."""
        axis = channel_axis(self.data_format)
        channels = required_dim(self, input_shape, axis, "The channel dimension of the inputs")
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: channels})
        return channels

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.kernel = add_weight(self, "kernel", (*self.kernel_size, channels, self.filters))
        self.bias = add_weight(self, "bias", (self.filters,)) if self.use_bias else None
        self.built = True

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        return self._finish(self._apply("conv", inputs, self.kernel))

    def _apply(self, operation, inputs, *kernels):
        """Calls K.<operation><rank>d with the layer's arguments."""
        padding = self.padding
        if padding == "causal" and operation != "conv":
            inputs = K.temporal_padding(inputs, (self.dilation_rate[0] * (self.kernel_size[0] - 1), 0))
            padding = "valid"
        # K's functions over sequences take plain numbers.
        single = self.rank == 1
        return getattr(K, f"{operation}{self.rank}d")(
            inputs,
            *kernels,
            strides=self.strides[0] if single else self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate[0] if single else self.dilation_rate,
        )

    def _finish(self, outputs):
        """Adds the bias and applies the activation."""
        if self.use_bias:
            outputs = K.bias_add(outputs, self.bias, data_format=self.data_format)
        return self.activation(outputs)

    def _output_sizes(self, sizes):
        return [
            conv_utils.conv_output_length(size, kernel, self.padding, stride, dilation=dilation)
            for size, kernel, stride, dilation in zip(
                sizes, self.kernel_size, self.strides, self.dilation_rate, strict=True
            )
        ]

    def _output_channels(self, input_shape):
        return self.filters

    def compute_output_shape(self, input_shape):
        sizes = self._output_sizes([input_shape[axis] for axis in spatial_axes(self.data_format, self.rank)])
        advice = f"Use a smaller kernel_size than {self.kernel_size}, padding='same' or larger inputs."
        check_sizes(self, input_shape, sizes, advice)
        return join_shape(self.data_format, input_shape[0], sizes, self._output_channels(input_shape))

    def get_config(self):
        own = {
            "rank": self.rank,
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
            **weight_options_config(self, "kernel", "bias"),
        }
        return {**super().get_config(), **own}


def without(config, *keys):
    return {key: value for key, value in config.items() if key not in keys}


def without_kernel(config):
    return without(config, "kernel_initializer", "kernel_regularizer", "kernel_constraint")


def check_causal(layer):
    if layer.padding == "causal" and layer.data_format != "channels_last":
        raise ValueError(
            f"{describe(layer)}: When using causal padding in `{type(layer).__name__}`, `data_format` must be "
            f'"channels_last" (temporal data). Got {layer.data_format!r}.'
        )
