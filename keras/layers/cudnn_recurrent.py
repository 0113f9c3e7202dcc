"""CuDNNGRU and CuDNNLSTM: GRU and LSTM with the weights in NVIDIA cuDNN's layout, on any device."""

from collections import namedtuple

from .. import backend as K
from .. import constraints, initializers, regularizers  # noqa: F401 (names of Keras 2)
from ..engine.base_layer import InputSpec, Layer  # noqa: F401 (names of Keras 2)
from ._common import add_weight, keep_weight_options, positive, required_dim, weight_options_config
from .recurrent_cells import gru_step, lstm_step, with_forget_bias
from .rnn import RNN

Cell = namedtuple("Cell", "state_size")


class _CuDNNRNN(RNN):
    """What both layers share. They hold their weights themselves; `cell` only tells the state's size.

    Attributes:
        gates: how many blocks of `units` columns the kernels have.
        state_count: how many states.
    """

    gates = 1
    state_count = 1

    def __init__(
        self, return_sequences=False, return_state=False, go_backwards=False, stateful=False, **kwargs
    ):
        self._zero_output_for_mask = kwargs.pop("zero_output_for_mask", False)
        super(RNN, self).__init__(**kwargs)
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = False
        self.supports_masking = True
        self.input_spec = [InputSpec(ndim=3)]
        self.state_spec = None
        self.constants_spec = None
        self._states = None
        self._num_constants = None

    def _set_arguments(
        self,
        units,
        kernel_initializer,
        recurrent_initializer,
        bias_initializer,
        kernel_regularizer,
        recurrent_regularizer,
        bias_regularizer,
        activity_regularizer,
        kernel_constraint,
        recurrent_constraint,
        bias_constraint,
    ):
        self.units = positive(self, "units", units)
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.activity_regularizer = regularizers.get(activity_regularizer)

    @property
    def cell(self):
        return Cell(state_size=self.units if self.state_count == 1 else (self.units,) * self.state_count)

    def build(self, input_shape):
        sequence_shape = input_shape[0] if isinstance(input_shape, list) else input_shape
        width = self.units * self.gates
        self.kernel = add_weight(self, "kernel", (required_dim(self, sequence_shape, -1), width))
        self.recurrent_kernel = add_weight(self, "recurrent_kernel", (self.units, width), options="recurrent")
        self.bias = add_weight(self, "bias", (2 * width,), initializer=self._initial_bias())
        super().build(input_shape)

    def _initial_bias(self):
        return self.bias_initializer

    def _plain_kernel(self, kernel):
        """A kernel as GRU and LSTM have it: cuDNN's are each gate's transposed matrix, written row by row."""
        rows = K.int_shape(kernel)[0]
        parts = [kernel[:, gate * self.units : (gate + 1) * self.units] for gate in range(self.gates)]
        return K.concatenate([K.transpose(K.reshape(part, (self.units, rows))) for part in parts])

    def _bind_cell(self, states, training, constants):
        kernel = self._plain_kernel(self.kernel)
        recurrent_kernel = self._plain_kernel(self.recurrent_kernel)
        half = self.units * self.gates
        return self._bind(kernel, recurrent_kernel, self.bias[:half], self.bias[half:])

    def _bind(self, kernel, recurrent_kernel, bias, recurrent_bias):
        """`project` and `step` (see `bind_cell`) from the kernels in GRU's and LSTM's layout."""
        raise NotImplementedError

    def call(self, inputs, mask=None, training=None, initial_state=None):
        return super().call(inputs, mask=mask, training=training, initial_state=initial_state)

    def get_config(self):
        return {
            **super(RNN, self).get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "units": self.units,
            **weight_options_config(self, "kernel", "recurrent", "bias"),
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class CuDNNGRU(_CuDNNRNN):
    """GRU with the arithmetic and the weights of cuDNN: `reset_after=True`, no dropout, tanh and sigmoid.

    Weights: kernel `(features, 3 * units)` and recurrent kernel `(units, 3 * units)`, gates z, r, h, each
    gate's matrix in cuDNN's order (transposed, row by row); bias `(6 * units,)`: of the inputs, then of the
    state. Saved weights load into `GRU(reset_after=True)` and back.

    Args:
        units: size of the state and of the output.
        others: see `SimpleRNN` and `RNN`.
    """

    gates = 3

    def __init__(
        self,
        units,
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
        return_sequences=False,
        return_state=False,
        stateful=False,
        **kwargs,
    ):
        super().__init__(
            return_sequences=return_sequences, return_state=return_state, stateful=stateful, **kwargs
        )
        self._set_arguments(
            units,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
        )

    def _bind(self, kernel, recurrent_kernel, bias, recurrent_bias):
        def step(projected, states):
            h = gru_step(
                projected,
                states[0],
                lambda h, first, last: K.dot(h, recurrent_kernel) + recurrent_bias,
                K.tanh,
                K.sigmoid,
                self.units,
                reset_after=True,
            )
            return h, [h]

        return lambda x: K.dot(x, kernel) + bias, step


class CuDNNLSTM(_CuDNNRNN):
    """LSTM with the weights of cuDNN: no dropout, tanh and sigmoid.

    Weights: kernel `(features, 4 * units)` and recurrent kernel `(units, 4 * units)`, gates i, f, c, o, each
    gate's matrix in cuDNN's order (transposed, row by row); bias `(8 * units,)`: of the inputs, then of the
    state. Saved weights load into `LSTM` and back.

    Args:
        units: size of the states and of the output.
        unit_forget_bias: start the forget gate's (recurrent) bias at 1.
        others: see `SimpleRNN` and `RNN`.
    """

    gates = 4
    state_count = 2

    def __init__(
        self,
        units,
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
        return_state=False,
        stateful=False,
        **kwargs,
    ):
        super().__init__(
            return_sequences=return_sequences, return_state=return_state, stateful=stateful, **kwargs
        )
        self._set_arguments(
            units,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            activity_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
        )
        self.unit_forget_bias = unit_forget_bias

    def _initial_bias(self):
        if not self.unit_forget_bias:
            return self.bias_initializer
        return with_forget_bias(self.bias_initializer, self.units, before=5)

    def _bind(self, kernel, recurrent_kernel, bias, recurrent_bias):
        def step(projected, states):
            h, c = states
            gates = projected + K.dot(h, recurrent_kernel)
            h, c = lstm_step(gates, c, K.tanh, K.sigmoid, self.units)
            return h, [h, c]

        return lambda x: K.dot(x, kernel) + (bias + recurrent_bias), step

    def get_config(self):
        return {**super().get_config(), "unit_forget_bias": self.unit_forget_bias}
