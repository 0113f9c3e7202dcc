"""Separable convolutions: each channel by itself, then a mix. Users find them in `keras.layers`."""

from .. import backend as K
from ..legacy import interfaces
from ._common import add_weight, keep_weight_options, positive, weight_options_config
from ._conv import _Conv, check_causal, without, without_kernel


class _SeparableConv(_Conv):
    """A convolution of each channel by itself, then one of size 1 that mixes the channels.

    Args:
        depth_multiplier: number of outputs of the first step per input channel.
        depthwise_*, pointwise_*: initializers, regularizers, constraints of the two kernels.

    The other arguments are those of `_Conv`.
    """

    def __init__(
        self,
        rank,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format=None,
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=rank,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.depth_multiplier = positive(self, "depth_multiplier", depth_multiplier)
        keep_weight_options(self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint)
        keep_weight_options(self, "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint)
        check_causal(self)

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.depthwise_kernel = add_weight(
            self,
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            options="depthwise",
        )
        ones = (1,) * self.rank
        self.pointwise_kernel = add_weight(
            self,
            "pointwise_kernel",
            (*ones, self.depth_multiplier * channels, self.filters),
            options="pointwise",
        )
        self.bias = add_weight(self, "bias", (self.filters,)) if self.use_bias else None
        self.built = True

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        return self._finish(
            self._apply("separable_conv", inputs, self.depthwise_kernel, self.pointwise_kernel)
        )

    def get_config(self):
        config = without_kernel(without(super().get_config(), "rank"))
        own = {
            "depth_multiplier": self.depth_multiplier,
            **weight_options_config(self, "depthwise", "pointwise"),
        }
        return {**config, **own}


class SeparableConv1D(_SeparableConv):
    """Separable convolution over a sequence: per channel first, then a mix of the channels.

    Args:
        depth_multiplier: number of outputs of the first step per input channel.
        depthwise_*, pointwise_*: initializers, regularizers, constraints of the two kernels.

    The other arguments are those of `Conv1D`.
    """

    _paddings = ("valid", "same", "causal")

    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format="channels_last",
        dilation_rate=1,
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=1,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )


class SeparableConv2D(_SeparableConv):
    """Separable convolution over images: per channel first, then a mix of the channels.

    Args:
        depth_multiplier: number of outputs of the first step per input channel.
        depthwise_*, pointwise_*: initializers, regularizers, constraints of the two kernels.

    The other arguments are those of `Conv2D`.
    """

    @interfaces.legacy_separable_conv2d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        depth_multiplier=1,
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        pointwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        pointwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        pointwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            rank=2,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            depth_multiplier=depth_multiplier,
            activation=activation,
            use_bias=use_bias,
            depthwise_initializer=depthwise_initializer,
            pointwise_initializer=pointwise_initializer,
            bias_initializer=bias_initializer,
            depthwise_regularizer=depthwise_regularizer,
            pointwise_regularizer=pointwise_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            depthwise_constraint=depthwise_constraint,
            pointwise_constraint=pointwise_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
