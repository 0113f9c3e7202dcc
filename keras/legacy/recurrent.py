"""Recurrent layers by one class that defines `step`: the way before cells (Keras 2.0), kept for code that does."""

import numpy as np

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer, disable_tracking
from ..utils import conv_utils
from ..utils.generic_utils import has_arg, to_list


class Recurrent(Layer):
    """The base of recurrent layers that are written as one class; new ones are built on `keras.layers.RNN`.

    A subclass sets `units`, and in `build` the weights and `self.states = [None] * n` for n states; it
    defines `step(inputs, states)` and, if it likes, `preprocess_input` (what can be computed for all
    times at once), `get_constants` (given to each step after the states) and `get_initial_state`.

    Args:
        return_sequences: whether the output is that of every time.
        return_state: whether the last states are given too.
        go_backwards: from the last time to the first.
        stateful: whether each batch begins with the states of the one before.
        unroll: write the loop out; needs a fixed length.
        implementation: kept for the subclass.
    """

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
        self.state_spec = None
        self.dropout = self.recurrent_dropout = 0
        self.states = [None]

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        state = (input_shape[0], self.units)
        output = (*input_shape[:2], self.units) if self.return_sequences else state
        return [output, *(state for _ in self.states)] if self.return_state else output

    def compute_mask(self, inputs, mask):
        mask = to_list(mask)[0] if self.return_sequences else None
        return [mask, *(None for _ in self.states)] if self.return_state else mask

    # What a subclass defines.

    def step(self, inputs, states):
        """One time: the input of the time and the states (and constants) to the output and the new states."""
        raise NotImplementedError(f"{type(self).__name__} must define `step(inputs, states)`.")

    def get_constants(self, inputs, training=None):
        """Tensors that every step gets after the states."""
        return []

    def get_initial_state(self, inputs):
        """Zeros (batch, units) for each state."""
        zeros = K.expand_dims(K.sum(K.zeros_like(inputs), axis=list(range(1, K.ndim(inputs)))))
        return [K.tile(zeros, [1, self.units]) for _ in self.states]

    def preprocess_input(self, inputs, training=None):
        """The sequence as the steps shall see it."""
        return inputs

    # The call.

    def __call__(self, inputs, initial_state=None, **kwargs):
        if isinstance(inputs, (list, tuple)):
            if initial_state is not None:
                raise ValueError(
                    f"{self.name} got its initial states twice: in the list of inputs and as `initial_state`."
                )
            inputs, *initial_state = inputs
        initial_state = [] if initial_state is None else to_list(initial_state, allow_tuple=True)
        if not initial_state:
            return super().__call__(inputs, **kwargs)
        if not all(K.is_keras_tensor(state) for state in initial_state):
            return super().__call__(inputs, initial_state=initial_state, **kwargs)
        # As inputs of the layer, so that a model's graph contains what they come from.
        sequence_spec = to_list(self.input_spec)[0]
        self.input_spec = [sequence_spec, *(InputSpec(shape=K.int_shape(state)) for state in initial_state)]
        try:
            return super().__call__([inputs, *initial_state], **kwargs)
        finally:
            self.input_spec = to_list(self.input_spec)[:1]

    def call(self, inputs, mask=None, training=None, initial_state=None):
        sequence, initial_state = self._starting_from(inputs, initial_state)
        if len(initial_state) != len(self.states):
            raise ValueError(
                f"{self.name} has {len(self.states)} states but was passed {len(initial_state)} initial states."
            )
        timesteps = K.int_shape(sequence)[1]
        if self.unroll and timesteps is None:
            raise ValueError(
                f"{self.name} cannot be unrolled: the length of the sequences is unknown. Give it in "
                "`input_shape=(time, features)`, or use unroll=False."
            )
        last, outputs, states = K.rnn(
            self.step,
            self.preprocess_input(sequence, **_training(self.preprocess_input, training)),
            initial_state,
            go_backwards=self.go_backwards,
            mask=to_list(mask)[0],
            constants=self.get_constants(sequence, **_training(self.get_constants, training)),
            unroll=self.unroll,
            input_length=timesteps,
        )
        if self.stateful:
            self.add_update([(kept, state) for kept, state in zip(self.states, states)], inputs)
        output = outputs if self.return_sequences else last
        if not self.return_state:
            return output
        return [output, *(K.identity(state) if state is output else state for state in states)]

    def _starting_from(self, inputs, initial_state):
        """The sequence and the states that its first step gets."""
        if isinstance(inputs, (list, tuple)):
            return inputs[0], list(inputs[1:])
        if initial_state is not None:
            return inputs, to_list(initial_state, allow_tuple=True)
        return inputs, self.states if self.stateful else self.get_initial_state(inputs)

    @disable_tracking  # the states are no weights
    def reset_states(self, states=None):
        """Sets the states of a stateful layer to arrays (batch, units), or to zeros.

        Raises:
            AttributeError: if the layer is not stateful.
            ValueError: if the batch size is unknown or the arrays do not fit.
        """
        if not self.stateful:
            raise AttributeError(f"{self.name} must be stateful to have states: use `stateful=True`.")
        batch = (getattr(to_list(self.input_spec)[0], "shape", None) or self.input_shape)[0]
        if not batch:
            raise ValueError(
                f"{self.name} is stateful and must know its batch size: use `batch_input_shape` in the first layer "
                "or `Input(batch_shape=...)`."
            )
        shape = (batch, self.units)
        values = [np.zeros(shape)] * len(self.states) if states is None else to_list(states, allow_tuple=True)
        if len(values) != len(self.states) or any(np.shape(value) != shape for value in values):
            raise ValueError(
                f"{self.name} wants {len(self.states)} states of shape {shape}, but was given arrays of shapes "
                f"{[np.shape(value) for value in values]}."
            )
        if self.states[0] is None:
            self.states = [K.variable(value) for value in values]
        else:
            K.batch_set_value(list(zip(self.states, values)))

    def get_config(self):
        return {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "implementation": self.implementation,
        }


def _training(method, training):
    """The argument `training`, for methods that take it: older subclasses do not."""
    return {"training": training} if has_arg(method, "training") else {}


class ConvRecurrent2D(Recurrent):
    """The base of convolutional recurrent layers that are written as one class.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate: as for `Conv2D`.
        return_sequences, go_backwards, stateful: as for `Recurrent`.
    """

    def __init__(
        self, filters, kernel_size, strides=(1, 1), padding="valid", data_format=None, dilation_rate=(1, 1),
        return_sequences=False, go_backwards=False, stateful=False, **kwargs,
    ):  # fmt: skip
        super().__init__(return_sequences=return_sequences, go_backwards=go_backwards, stateful=stateful, **kwargs)
        self.filters = filters
        self.kernel_size = conv_utils.normalize_tuple(kernel_size, 2, "kernel_size")
        self.strides = conv_utils.normalize_tuple(strides, 2, "strides")
        self.padding = conv_utils.normalize_padding(padding)
        self.data_format = K.normalize_data_format(data_format)
        self.dilation_rate = conv_utils.normalize_tuple(dilation_rate, 2, "dilation_rate")
        self.input_spec = [InputSpec(ndim=5)]

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        first = self.data_format == "channels_first"
        sizes = [
            conv_utils.conv_output_length(size, kernel, self.padding, stride, dilation)
            for size, kernel, stride, dilation in zip(
                input_shape[3:5] if first else input_shape[2:4], self.kernel_size, self.strides, self.dilation_rate
            )
        ]
        image = (self.filters, *sizes) if first else (*sizes, self.filters)
        output = (*input_shape[:2], *image) if self.return_sequences else (input_shape[0], *image)
        return [output, *((input_shape[0], *image) for _ in range(2))] if self.return_state else output

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
        }


def time_distributed_dense(
    x, w, b=None, dropout=None, input_dim=None, output_dim=None, timesteps=None, training=None
):  # fmt: skip
    """x @ w + b at every time of a sequence (batch, time, features), with one dropout mask for all times.

    Keras 1 had it as `keras.layers.recurrent.time_distributed_dense`, Keras 2.0 with an underscore before it.
    """
    input_dim = input_dim or K.int_shape(x)[2]
    if dropout is not None and 0.0 < dropout < 1.0:
        kept = K.dropout(K.ones_like(K.reshape(x[:, 0, :], (-1, input_dim))), dropout)
        x = K.in_train_phase(x * K.expand_dims(kept, 1), x, training=training)
    y = K.dot(x, w)
    return y if b is None else K.bias_add(y, b)
