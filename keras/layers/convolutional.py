"""Convolutions over sequences, images and volumes: plain, transposed, separable, depthwise."""

from .. import activations, constraints, initializers, regularizers  # noqa: F401  (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer  # noqa: F401
from ..legacy import interfaces
from ..utils import conv_utils
from ..utils.generic_utils import transpose_shape  # noqa: F401
from ._common import (
    add_weight,
    channel_axis,
    describe,
    full_shape,
    join_shape,
    keep_weight_options,
    positive,
    sizes_of,
    spatial_axes,
    weight_options_config,
)
from ._conv import _Conv, check_causal, without, without_kernel
from ._separable import SeparableConv1D, SeparableConv2D, _SeparableConv  # noqa: F401
from ._spatial import (  # noqa: F401  (their home for users is this module)
    Cropping1D,
    Cropping2D,
    Cropping3D,
    UpSampling1D,
    UpSampling2D,
    UpSampling3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
    _Cropping,
    _UpSampling,
    _ZeroPadding,
)
from .pooling import (  # noqa: F401  (old import path)
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)


class Conv1D(_Conv):
    """Convolution over a sequence.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: int or list of one int, in steps.
        padding: `'valid'`, `'same'` or `'causal'` (an output depends on no later input).
        data_format: `'channels_last'`: `(batch, steps, channels)`, `'channels_first'`: `(batch, channels,
            steps)`.
        activation, use_bias, kernel_*, bias_*, activity_regularizer: as in `Dense`.
    """

    _paddings = ("valid", "same", "causal")

    @interfaces.legacy_conv1d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=1,
        padding="valid",
        data_format="channels_last",
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
        super().__init__(
            rank=1,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        check_causal(self)

    def get_config(self):
        return without(super().get_config(), "rank")


class Conv2D(_Conv):
    """Convolution over images.

    Args:
        filters: number of output channels.
        kernel_size, strides, dilation_rate: int or pair of ints (rows, columns).
        padding: `'valid'` or `'same'`.
        data_format: `'channels_last'`: `(batch, rows, cols, channels)`, `'channels_first'`:
            `(batch, channels, rows, cols)`, None: `K.image_data_format()`.
        activation, use_bias, kernel_*, bias_*, activity_regularizer: as in `Dense`.
    """

    @interfaces.legacy_conv2d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
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
        super().__init__(
            rank=2,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )

    def get_config(self):
        return without(super().get_config(), "rank")


class Conv3D(_Conv):
    """Convolution over volumes. Arguments as in `Conv2D`, with three sizes each."""

    @interfaces.legacy_conv3d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1, 1),
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
        super().__init__(
            rank=3,
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )

    def get_config(self):
        return without(super().get_config(), "rank")


class _Transposed(_Conv):
    """What turns a convolution round: the output takes the input's place. Mixed into Conv2D and Conv3D."""

    def _set_output_padding(self, output_padding):
        self.output_padding = None
        if output_padding is None:
            return
        self.output_padding = sizes_of(self, "output_padding", output_padding, self.rank, least=0)
        if any(stride <= extra for stride, extra in zip(self.strides, self.output_padding, strict=True)):
            raise ValueError(
                f"{describe(self)}: Stride {self.strides} must be greater than output padding "
                f"{self.output_padding}."
            )

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.kernel = add_weight(self, "kernel", (*self.kernel_size, self.filters, channels))
        self.bias = add_weight(self, "bias", (self.filters,)) if self.use_bias else None
        self.built = True

    def _output_sizes(self, sizes):
        extras = self.output_padding or (None,) * self.rank
        return [
            conv_utils.deconv_length(size, stride, kernel, self.padding, extra, dilation)
            for size, stride, kernel, extra, dilation in zip(
                sizes, self.strides, self.kernel_size, extras, self.dilation_rate, strict=True
            )
        ]

    def call(self, inputs):
        self.compute_output_shape(K.int_shape(inputs))
        shape = full_shape(inputs)
        sizes = self._output_sizes([shape[axis] for axis in spatial_axes(self.data_format, self.rank)])
        # K.conv3d_transpose knows no dilation.
        dilation = {"dilation_rate": self.dilation_rate} if self.rank == 2 else {}
        outputs = getattr(K, f"conv{self.rank}d_transpose")(
            inputs,
            self.kernel,
            join_shape(self.data_format, shape[0], sizes, self.filters),
            strides=self.strides,
            padding=self.padding,
            data_format=self.data_format,
            **dilation,
        )
        return self._finish(outputs)

    def get_config(self):
        return {**super().get_config(), "output_padding": self.output_padding}


class Conv2DTranspose(_Transposed, Conv2D):
    """Transposed convolution over images ("deconvolution"): the gradient of `Conv2D` as a layer.

    Args:
        output_padding: int or pair of ints, less than the strides: rows and columns added at one side of the
            output, which settles the output size where several fit. None: the usual size.

    The other arguments are those of `Conv2D`.

    References: Dumoulin & Visin, "A guide to convolution arithmetic for deep learning", 2016;
    Zeiler et al., "Deconvolutional Networks", 2010.
    """

    @interfaces.legacy_deconv2d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        output_padding=None,
        data_format=None,
        dilation_rate=(1, 1),
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
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._set_output_padding(output_padding)


class Conv3DTranspose(_Transposed, Conv3D):
    """Transposed convolution over volumes. See `Conv2DTranspose`; there is no dilation."""

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1, 1),
        padding="valid",
        output_padding=None,
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
        super().__init__(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self._set_output_padding(output_padding)

    def get_config(self):
        return without(super().get_config(), "dilation_rate")


class DepthwiseConv2D(Conv2D):
    """Convolution of each channel of images by itself: the first step of `SeparableConv2D`.

    Args:
        depth_multiplier: number of outputs per input channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: for the kernel.

    The other arguments are those of `Conv2D`; there are `depth_multiplier * channels` filters.
    """

    def __init__(
        self,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        depth_multiplier=1,
        data_format=None,
        dilation_rate=(1, 1),
        activation=None,
        use_bias=True,
        depthwise_initializer="glorot_uniform",
        bias_initializer="zeros",
        depthwise_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        depthwise_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(
            filters=None,
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

    def _check_filters(self, filters):
        return filters

    def build(self, input_shape):
        channels = self._input_channels(input_shape)
        self.depthwise_kernel = add_weight(
            self,
            "depthwise_kernel",
            (*self.kernel_size, channels, self.depth_multiplier),
            options="depthwise",
        )
        self.bias = add_weight(self, "bias", (channels * self.depth_multiplier,)) if self.use_bias else None
        self.built = True

    def call(self, inputs, training=None):
        self.compute_output_shape(K.int_shape(inputs))
        return self._finish(self._apply("depthwise_conv", inputs, self.depthwise_kernel))

    def _output_channels(self, input_shape):
        channels = input_shape[channel_axis(self.data_format)]
        return None if channels is None else channels * self.depth_multiplier

    def get_config(self):
        config = without_kernel(without(super().get_config(), "filters"))
        return {
            **config,
            "depth_multiplier": self.depth_multiplier,
            **weight_options_config(self, "depthwise"),
        }


# Names of Keras 1 and short forms.
Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution3D = Conv3D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
Convolution2DTranspose = Conv2DTranspose
Deconvolution2D = Deconv2D = Conv2DTranspose
Deconvolution3D = Deconv3D = Conv3DTranspose

# The layers of Keras 1 are made of those above.
from ..legacy.layers import AtrousConvolution1D, AtrousConvolution2D  # noqa: E402

AtrousConv1D = AtrousConvolution1D
AtrousConv2D = AtrousConvolution2D
