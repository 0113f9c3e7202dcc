"""ConvLSTM2D: an LSTM whose products are convolutions."""

from .. import activations, constraints, initializers, regularizers  # noqa: F401 (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer
from ..legacy import interfaces
from ..utils import conv_utils
from ..utils.generic_utils import has_arg, to_list, transpose_shape  # noqa: F401
from ._common import (
    activation_of,
    add_weight,
    channel_axis,
    check_sizes,
    data_format_of,
    drop_rate,
    full_shape,
    join_shape,
    keep_weight_options,
    positive,
    required_dim,
    sizes_of,
    weight_options_config,
    window_padding,
)
from .recurrent_cells import gate_parts, masked_product, with_forget_bias
from .rnn import RNN, as_sizes
from .recurrent import CellArguments, cell_dtype, of_cell


class ConvRNN2D(RNN):
    """Runs a convolutional cell over a sequence of images.

    Args:
        cell: a cell as for `RNN` whose states are images; it also has `filters`, `kernel_size`, `strides`,
            `padding`, `data_format`, `dilation_rate`, `kernel` and `input_conv`.
        others: see `RNN`; there is no unrolling and no stacking of cells.

    Input: `(batch, time, rows, columns, channels)`, or `(batch, time, channels, rows, columns)` with
    'channels_first'. Output: `(batch, rows, columns, filters)`, or with the axis of time for
    `return_sequences`; the states have the shape of the output without time.
    """

    input_ndim = 5

    def __init__(
        self,
        cell,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        **kwargs,
    ):
        if unroll:
            raise TypeError("Unrolling isn't possible with convolutional RNNs. Use `unroll=False`.")
        if isinstance(cell, (list, tuple)):
            raise TypeError("It is not possible at the moment to stack convolutional cells: pass one cell.")
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=False,
            **kwargs,
        )

    def _spatial_shape(self, input_shape):
        """Rows and columns of the states for an input shape."""
        cell = self.cell
        sizes = input_shape[3:] if cell.data_format == "channels_first" else input_shape[2:4]
        spatial = [
            conv_utils.conv_output_length(size, kernel, cell.padding, stride, rate)
            for size, kernel, stride, rate in zip(sizes, cell.kernel_size, cell.strides, cell.dilation_rate)
        ]
        advice = f"Use a smaller kernel_size than {cell.kernel_size}, padding='same' or larger images."
        check_sizes(self, input_shape, spatial, advice)
        return spatial

    def build(self, input_shape):
        self._spatial_shape(input_shape[0] if isinstance(input_shape, list) else input_shape)
        super().build(input_shape)

    def _state_shapes(self, input_shape):
        spatial = self._spatial_shape(input_shape)
        return [
            join_shape(self.cell.data_format, input_shape[0], spatial, size)
            for size in as_sizes(self.cell.state_size)
        ]

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        states = self._state_shapes(input_shape)
        output_shape = states[0]
        if self.return_sequences:
            output_shape = (output_shape[0], input_shape[1], *output_shape[1:])
        return [output_shape, *states] if self.return_state else output_shape

    def _sequence_spec(self, batch, input_shape):
        # A stateful layer keeps states of one size of image; otherwise any will do.
        images = [
            size if self.stateful or axis == self._channel_axis() else None
            for axis, size in enumerate(input_shape)
            if axis >= 2
        ]
        return InputSpec(shape=(batch, None, *images))

    def _channel_axis(self):
        return 2 if self.cell.data_format == "channels_first" else 4

    def get_initial_state(self, inputs):
        """Zeros of the shape that the convolution gives for an image; the convolution is never computed."""
        kernel = self.cell.kernel[..., : self.cell.filters]
        result = self.cell.input_conv(K.sum(inputs, axis=1), kernel, padding=self.cell.padding)
        return [K.zeros_like(result) for _ in as_sizes(self.cell.state_size)]


@gate_parts("ifco")
class ConvLSTM2DCell(Layer):
    """One step of a convolutional LSTM. Weights hold the gates in the order i, f, c, o.

    Args:
        filters: channels of each of the two states; the output is the first.
        kernel_size, strides, padding, data_format, dilation_rate: of the convolution of the input, as for
            `Conv2D`. That of the state has the same kernel size, stride 1 and padding 'same'.
        others: see `LSTMCell`; dropout draws one mask per gate.

    Called as `cell(x, [h, c])` with images.
    """

    gates = 4
    implementation = 1

    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = positive(self, "filters", filters)
        self.kernel_size = sizes_of(self, "kernel_size", kernel_size, 2)
        self.strides = sizes_of(self, "strides", strides, 2)
        self.padding = window_padding(self, padding)
        self.data_format = data_format_of(self, data_format)
        self.dilation_rate = sizes_of(self, "dilation_rate", dilation_rate, 2)
        self.activation = activation_of(self, activation)
        self.recurrent_activation = activation_of(self, recurrent_activation)
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.unit_forget_bias = unit_forget_bias
        self.dropout = drop_rate(self, "dropout", dropout)
        self.recurrent_dropout = drop_rate(self, "recurrent_dropout", recurrent_dropout)
        self.state_size = (self.filters, self.filters)

    @property
    def gate_width(self):
        return self.filters

    def build(self, input_shape):
        axis = channel_axis(self.data_format)
        channels = required_dim(self, input_shape, axis, "The channel dimension of the inputs")
        self.kernel_shape = (*self.kernel_size, channels, 4 * self.filters)
        self.kernel = add_weight(self, "kernel", self.kernel_shape)
        self.recurrent_kernel = add_weight(
            self, "recurrent_kernel", (*self.kernel_size, self.filters, 4 * self.filters), options="recurrent"
        )
        self.bias = None
        if self.use_bias:
            initial = with_forget_bias(self.bias_initializer, self.filters) if self.unit_forget_bias else None
            self.bias = add_weight(self, "bias", (4 * self.filters,), initializer=initial)
        self.built = True

    def input_conv(self, x, w, b=None, padding="valid"):
        """The convolution of the input with a kernel, plus a bias."""
        result = K.conv2d(
            x,
            w,
            strides=self.strides,
            padding=padding,
            data_format=self.data_format,
            dilation_rate=self.dilation_rate,
        )
        return result if b is None else K.bias_add(result, b, data_format=self.data_format)

    def recurrent_conv(self, x, w):
        """The convolution of the state with a kernel; the size stays."""
        return K.conv2d(x, w, strides=(1, 1), padding="same", data_format=self.data_format)

    def _masks(self, image, rate):
        if not 0 < rate < 1:
            return []
        ones = K.ones_like(image)
        return [K.dropout(ones, rate) for _ in range(self.gates)]

    def bind_sequence(self, states, training=None, constants=None):
        """See `keras.layers.rnn.bind_cell`: all images of a sequence go through one convolution."""
        recurrent_masks = self._masks(states[0], self.recurrent_dropout)
        axis = channel_axis(self.data_format)

        def convolve(x, kernel):
            if K.ndim(x) == 4:
                return self.input_conv(x, kernel, padding=self.padding)
            result = self.input_conv(K.reshape(x, (-1, *full_shape(x)[2:])), kernel, padding=self.padding)
            return K.reshape(result, (*full_shape(x)[:2], *full_shape(result)[1:]))

        def project(x):
            masks = self._masks(K.sum(x, axis=1) if K.ndim(x) == 5 else x, self.dropout)
            if K.ndim(x) == 5:
                masks = [K.expand_dims(mask, 1) for mask in masks]
            result = masked_product(x, self.kernel, masks, training, convolve, axis)
            if not self.use_bias:
                return result
            shape = (-1, 1, 1) if self.data_format == "channels_first" else (-1,)
            return result + K.reshape(self.bias, shape)

        def step(projected, states):
            h, c = states
            sums = projected + masked_product(
                h, self.recurrent_kernel, recurrent_masks, training, self.recurrent_conv, axis
            )
            i, f, g, o = K.split(sums, (self.filters,) * 4, axis)
            c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
            h = self.recurrent_activation(o) * self.activation(c)
            return h, [h, c]

        return project, step

    def call(self, inputs, states, training=None):
        project, step = self.bind_sequence(states, training)
        return step(project(inputs), states)

    def own_config(self):
        """The arguments of the cell itself, without those of every layer."""
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activation": activations.serialize(self.activation),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "unit_forget_bias": self.unit_forget_bias,
            **weight_options_config(self, "kernel", "recurrent", "bias"),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
        }

    def get_config(self):
        return {**super().get_config(), **self.own_config()}


class ConvLSTM2D(CellArguments, ConvRNN2D):
    """LSTM over a sequence of images, with convolutions of the input and of the state.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: see `ConvLSTM2DCell`.
        others: see `LSTM`.

    Input and output: see `ConvRNN2D`.

    Reference: Shi et al., "Convolutional LSTM Network: A Machine Learning Approach for Precipitation
    Nowcasting", 2015 (without its connections from the cell state to the gates).
    """

    filters = of_cell("filters")
    kernel_size = of_cell("kernel_size")
    strides = of_cell("strides")
    padding = of_cell("padding")
    data_format = of_cell("data_format")
    dilation_rate = of_cell("dilation_rate")
    recurrent_activation = of_cell("recurrent_activation")
    unit_forget_bias = of_cell("unit_forget_bias")

    @interfaces.legacy_convlstm2d_support
    def __init__(
        self,
        filters,
        kernel_size,
        strides=(1, 1),
        padding="valid",
        data_format=None,
        dilation_rate=(1, 1),
        activation="tanh",
        recurrent_activation="hard_sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        unit_forget_bias=True,
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        return_sequences=False,
        go_backwards=False,
        stateful=False,
        dropout=0.0,
        recurrent_dropout=0.0,
        **kwargs,
    ):
        cell = ConvLSTM2DCell(
            filters,
            kernel_size,
            strides=strides,
            padding=padding,
            data_format=data_format,
            dilation_rate=dilation_rate,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            unit_forget_bias=unit_forget_bias,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            **cell_dtype(kwargs),
        )
        super().__init__(
            cell, return_sequences=return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)


from ..legacy.layers import ConvRecurrent2D  # noqa: E402
from ..legacy.layers import Recurrent  # noqa: E402, F401

__all__ = ["ConvLSTM2D", "ConvLSTM2DCell", "ConvRNN2D", "ConvRecurrent2D"]
