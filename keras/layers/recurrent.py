"""SimpleRNN, GRU and LSTM: recurrent layers around one cell. RNN and the cells are handed on."""

import warnings

from .. import activations, constraints, initializers, regularizers  # noqa: F401 (names of Keras 2)
from .. import backend as K
from ..engine.base_layer import InputSpec, Layer, disable_tracking  # noqa: F401
from ..legacy import interfaces
from ..utils.generic_utils import has_arg, to_list  # noqa: F401
from . import recurrent_formulas  # noqa: F401 (makes them known)
from ._common import required_dim
from .recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell
from .rnn import RNN, StackedRNNCells
from .rnn import standardize_args as _standardize_args  # noqa: F401 (layers of one's own import it)

__all__ = [
    "GRU",
    "GRUCell",
    "LSTM",
    "LSTMCell",
    "RNN",
    "Recurrent",
    "SimpleRNN",
    "SimpleRNNCell",
    "StackedRNNCells",
]


def _generate_dropout_mask(ones, rate, training=None, count=1):
    """A mask of `ones`' shape, or a list of `count`: recurrent cells of one's own import this."""

    def mask():
        return K.in_train_phase(lambda: K.dropout(ones, rate), ones, training=training)

    return mask() if count == 1 else [mask() for _ in range(count)]


def of_cell(name):
    """A read-only attribute of the layer that its cell holds."""
    return property(lambda layer: getattr(layer.cell, name), doc=f"The cell's `{name}`.")


def cell_dtype(kwargs):
    """The layer's `dtype` argument, for its cell too: there are the weights."""
    return {"dtype": kwargs["dtype"]} if kwargs.get("dtype") is not None else {}


class CellArguments:
    """Mixed into a recurrent layer that makes its own cell: it shows the cell's arguments as its own."""

    activation = of_cell("activation")
    use_bias = of_cell("use_bias")
    kernel_initializer = of_cell("kernel_initializer")
    recurrent_initializer = of_cell("recurrent_initializer")
    bias_initializer = of_cell("bias_initializer")
    kernel_regularizer = of_cell("kernel_regularizer")
    recurrent_regularizer = of_cell("recurrent_regularizer")
    bias_regularizer = of_cell("bias_regularizer")
    kernel_constraint = of_cell("kernel_constraint")
    recurrent_constraint = of_cell("recurrent_constraint")
    bias_constraint = of_cell("bias_constraint")
    dropout = of_cell("dropout")
    recurrent_dropout = of_cell("recurrent_dropout")

    def call(self, inputs, mask=None, training=None, initial_state=None):
        return super().call(inputs, mask=mask, training=training, initial_state=initial_state)

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return {
            **config,
            **self.cell.own_config(),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class _CellLayer(CellArguments, RNN):
    """What SimpleRNN, GRU and LSTM share."""

    units = of_cell("units")

    def build(self, input_shape):
        sequence_shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        required_dim(self, sequence_shape, -1, "The last axis of the inputs, the features,")
        super().build(input_shape)

    @classmethod
    def from_config(cls, config):
        if config.get("implementation") == 0:
            config = {**config, "implementation": 1}
        return cls(**config)


class SimpleRNN(_CellLayer):
    """Fully connected recurrence: `h = activation(x @ W + h_before @ U + b)`.

    Args:
        units: size of the state and of the output.
        activation: function of the sums; None: linear.
        use_bias: whether b exists.
        kernel_*, recurrent_*, bias_*: initializer, regularizer and constraint of W, U and b.
        activity_regularizer: applied to the output.
        dropout, recurrent_dropout: fractions of the inputs and of the state to drop in training. One mask
            serves all steps of a sequence (Gal and Ghahramani, "A Theoretically Grounded Application of
            Dropout in Recurrent Neural Networks", 2016).
        return_sequences, return_state, go_backwards, stateful, unroll: see `RNN`.

    Input `(batch, time, features)`; output `(batch, units)` or as described at `RNN`.
    """

    @interfaces.legacy_recurrent_support
    def __init__(
        self,
        units,
        activation="tanh",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        **kwargs,
    ):
        if "implementation" in kwargs:
            kwargs.pop("implementation")
            warnings.warn(
                "The `implementation` argument in `SimpleRNN` has been deprecated. "
                "Please remove it from your layer call.",
                stacklevel=3,
            )
        cell = SimpleRNNCell(
            units,
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
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
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)


class GRU(_CellLayer):
    """Gated recurrent unit.

    Args:
        recurrent_activation: of the update and reset gates.
        implementation: how dropout masks apply: 1 draws one per gate, 2 one for all gates. Without
            dropout both are the same.
        reset_after: apply the reset gate after the product with the recurrent kernel, as cuDNN and
            `CuDNNGRU` do; the bias then has the shape `(2, 3 * units)`.
        others: see `SimpleRNN`.

    Input `(batch, time, features)`; output `(batch, units)` or as described at `RNN`.

    References: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014 (the
    version of `reset_after=True` is that of arXiv:1406.1078v1, the default that of v3).
    """

    recurrent_activation = of_cell("recurrent_activation")
    implementation = of_cell("implementation")
    reset_after = of_cell("reset_after")

    @interfaces.legacy_recurrent_support
    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        use_bias=True,
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer="zeros",
        kernel_regularizer=None,
        recurrent_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        implementation=2,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        reset_after=False,
        **kwargs,
    ):
        cell = GRUCell(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            recurrent_regularizer=recurrent_regularizer,
            bias_regularizer=bias_regularizer,
            kernel_constraint=kernel_constraint,
            recurrent_constraint=recurrent_constraint,
            bias_constraint=bias_constraint,
            dropout=dropout,
            recurrent_dropout=recurrent_dropout,
            implementation=implementation,
            reset_after=reset_after,
            **cell_dtype(kwargs),
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)


class LSTM(_CellLayer):
    """Long short-term memory; two states, h (the output) and c.

    Args:
        recurrent_activation: of the input, forget and output gates.
        unit_forget_bias: start the forget gate's bias at 1 (Jozefowicz et al., 2015).
        implementation: how dropout masks apply: 1 draws one per gate, 2 one for all gates. Without
            dropout both are the same.
        others: see `SimpleRNN`.

    Input `(batch, time, features)`; output `(batch, units)` or as described at `RNN`.

    References: Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 2000.
    """

    recurrent_activation = of_cell("recurrent_activation")
    implementation = of_cell("implementation")
    unit_forget_bias = of_cell("unit_forget_bias")

    @interfaces.legacy_recurrent_support
    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
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
        dropout=0.0,
        recurrent_dropout=0.0,
        implementation=2,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        stateful=False,
        unroll=False,
        **kwargs,
    ):
        cell = LSTMCell(
            units,
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
            implementation=implementation,
            **cell_dtype(kwargs),
        )
        super().__init__(
            cell,
            return_sequences=return_sequences,
            return_state=return_state,
            go_backwards=go_backwards,
            stateful=stateful,
            unroll=unroll,
            **kwargs,
        )
        self.activity_regularizer = regularizers.get(activity_regularizer)


from ..legacy.layers import Recurrent  # noqa: E402
from ..legacy.recurrent import time_distributed_dense  # noqa: E402

_time_distributed_dense = time_distributed_dense  # its name in Keras 2.0
