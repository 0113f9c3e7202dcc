"""The cells of SimpleRNN, GRU and LSTM: the arithmetic of one time step, written once.

A time loop uses a cell in two parts (`bind_sequence`): `project` does for all steps at once
what does not depend on the state, and `step` does the rest. `call` is both for one step.
"""

import warnings

from .. import activations, initializers
from .. import backend as K
from ..engine.base_layer import Layer
from ._common import (
    activation_of,
    add_weight,
    describe,
    drop_rate,
    keep_weight_options,
    positive,
    required_dim,
    weight_options_config,
)


class GatePart:
    """Attribute of a cell that reads the columns of one gate from a weight, e.g. `cell.kernel_i`."""

    def __init__(self, weight, gate):
        self.weight = weight
        self.gate = gate

    def __get__(self, cell, owner=None):
        if cell is None:
            return self
        weight = getattr(cell, self.weight)
        start = self.gate * cell.gate_width
        return None if weight is None else weight[..., start : start + cell.gate_width]


def gate_parts(names):
    """Class decorator: attributes `kernel_<n>`, `recurrent_kernel_<n>`, `bias_<n>`, n the gates' letters."""

    def decorate(cell):
        for weight in ("kernel", "recurrent_kernel", "bias"):
            for gate, name in enumerate(names):
                setattr(cell, f"{weight}_{name}", GatePart(weight, gate))
        return cell

    return decorate


def with_forget_bias(initializer, units, before=1):
    """`initializer`, but with ones for the forget gate: `units` values after `before * units` others.

    Reference: Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", 2015.
    """

    def initialize(shape, *args, **kwargs):
        size = shape[0]
        return K.concatenate(
            [
                initializer((before * units,), *args, **kwargs),
                initializers.Ones()((units,), *args, **kwargs),
                initializer((size - (before + 1) * units,), *args, **kwargs),
            ]
        )

    return initialize


def current_implementation(cell, implementation):
    """1 or 2 from a cell's argument `implementation`; 0, of old code and files, has become 1.

    Raises:
        ValueError: if it is something else.
    """
    if implementation not in (0, 1, 2):
        raise ValueError(f"{describe(cell)}: `implementation` must be 1 or 2, got {implementation!r}.")
    if implementation == 0:
        warnings.warn(
            "`implementation=0` has been deprecated, and now defaults to `implementation=1`. "
            "Please update your layer call.",
            stacklevel=4,
        )
        return 1
    return implementation


def masked_product(x, kernel, masks, training, product=K.dot, axis=-1):
    """`product(x, kernel)`, in training with dropout masks on x. The result has the gates along `axis`.

    Args:
        masks: none, one for all gates (`implementation=2`), or one per gate, that is per equal
            share of the kernel's columns (`implementation=1`).
    """
    if not masks:
        return product(x, kernel)

    def dropped():
        if len(masks) == 1:
            return product(x * masks[0], kernel)
        width = K.int_shape(kernel)[-1] // len(masks)
        shares = [kernel[..., n * width : (n + 1) * width] for n in range(len(masks))]
        return K.concatenate(
            [product(x * mask, share) for mask, share in zip(masks, shares)], axis=axis
        )

    return K.in_train_phase(dropped, lambda: product(x, kernel), training=training)


class _Cell(Layer):
    """What the three cells share: arguments, weights, dropout masks, configuration.

    Attributes:
        gates: how many blocks of `units` columns the kernels have.
    """

    gates = 1
    implementation = 2

    def __init__(
        self,
        units,
        activation,
        use_bias,
        kernel_initializer,
        recurrent_initializer,
        bias_initializer,
        kernel_regularizer,
        recurrent_regularizer,
        bias_regularizer,
        kernel_constraint,
        recurrent_constraint,
        bias_constraint,
        dropout,
        recurrent_dropout,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = positive(self, "units", units)
        self.activation = activation_of(self, activation)
        self.use_bias = use_bias
        keep_weight_options(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        keep_weight_options(self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint)
        keep_weight_options(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self.dropout = drop_rate(self, "dropout", dropout)
        self.recurrent_dropout = drop_rate(self, "recurrent_dropout", recurrent_dropout)
        self.state_size = self.units
        self.output_size = self.units

    @property
    def gate_width(self):
        return self.units

    def build(self, input_shape):
        self._input_dim = required_dim(self, input_shape, -1)
        width = self.units * self.gates
        self.kernel = add_weight(self, "kernel", (self._input_dim, width))
        self.recurrent_kernel = add_weight(
            self, "recurrent_kernel", (self.units, width), options="recurrent",
            initializer=self._initial_recurrent_kernel(),
        )  # fmt: skip
        self.bias = None
        if self.use_bias:
            self.bias = add_weight(self, "bias", self._bias_shape(), initializer=self._initial_bias())
        self.built = True

    def _initial_recurrent_kernel(self):
        """The identity is one for each gate."""
        initializer = self.recurrent_initializer
        if not isinstance(initializer, initializers.Identity):
            return initializer
        return lambda shape, dtype=None: K.tile(initializer((self.units, self.units), dtype=dtype), (1, self.gates))

    def _bias_shape(self):
        return (self.units * self.gates,)

    def _initial_bias(self):
        return self.bias_initializer

    def _input_bias(self):
        return self.bias

    def _masks(self, state, width, rate):
        """Dropout masks (batch, width), in the number that `masked_product` wants."""
        if not 0 < rate < 1:
            return []
        ones = K.tile(K.ones_like(state[:, :1]), (1, width))
        return [K.dropout(ones, rate) for _ in range(self.gates if self.implementation == 1 else 1)]

    def bind_sequence(self, states, training=None, constants=None):
        """Prepares one run over a sequence. Dropout masks are drawn here: one set for all steps.

        Args:
            states: the initial states.
            constants: ignored; these cells have no use for them.

        Returns:
            `project`, which maps the inputs of one step `(batch, input_dim)` or of all steps
            `(batch, time, input_dim)` to what the step wants, and
            `step(projected, states) -> (output, new_states)`.
        """
        masks = self._masks(states[0], self._input_dim, self.dropout)
        recurrent_masks = self._masks(states[0], self.units, self.recurrent_dropout)

        def project(x):
            over_time = [K.expand_dims(m, 1) for m in masks] if K.ndim(x) == 3 else masks
            projected = masked_product(x, self.kernel, over_time, training)
            return projected + self._input_bias() if self.use_bias else projected

        return project, lambda x, states: self._step(x, states, recurrent_masks, training)

    def _step(self, projected, states, masks, training):
        raise NotImplementedError

    def call(self, inputs, states, training=None):
        project, step = self.bind_sequence(states, training)
        return step(project(inputs), states)

    def own_config(self):
        """The arguments of the cell itself, without those of every layer."""
        return {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            **weight_options_config(self, "kernel", "recurrent", "bias"),
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
        }

    def get_config(self):
        return {**super().get_config(), **self.own_config()}


class SimpleRNNCell(_Cell):
    """One step of the fully connected recurrence `h = activation(x @ W + h @ U + b)`.

    Args:
        units: size of the state, which is also the output.
        activation: function of the sums; None: linear.
        use_bias: whether b exists.
        kernel_*, recurrent_*, bias_*: initializer, regularizer and constraint of W, U and b.
        dropout, recurrent_dropout: fractions of the input and of the state to drop in training.

    Called as `cell(x, [h])`: x `(batch, input_dim)`, h `(batch, units)`; gives `h, [h]`.
    """

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        **kwargs,
    ):
        super().__init__(
            units,
            activation,
            use_bias,
            kernel_initializer,
            recurrent_initializer,
            bias_initializer,
            kernel_regularizer,
            recurrent_regularizer,
            bias_regularizer,
            kernel_constraint,
            recurrent_constraint,
            bias_constraint,
            dropout,
            recurrent_dropout,
            **kwargs,
        )

    def _step(self, projected, states, masks, training):
        recurrent = masked_product(states[0], self.recurrent_kernel, masks, training)
        output = self.activation(projected + recurrent)
        return output, [output]


class _GatedCell(_Cell):
    """A cell with gates: a second activation and a choice of implementation."""

    def __init__(self, units, recurrent_activation, implementation, **kwargs):
        super().__init__(units, **kwargs)
        self.recurrent_activation = activation_of(self, recurrent_activation)
        self.implementation = current_implementation(self, implementation)

    def own_config(self):
        return {
            **super().own_config(),
            "recurrent_activation": activations.serialize(self.recurrent_activation),
            "implementation": self.implementation,
        }


# Applied to each number by itself, so that one call serves all gates.
_ELEMENTWISE = frozenset((activations.sigmoid, activations.hard_sigmoid, activations.tanh, activations.relu,
                          activations.linear, K.sigmoid, K.hard_sigmoid, K.tanh))  # fmt: skip


def activated_gates(gates, activation, units):
    """`activation` of each block of `units` columns.

    One call on the whole where that is the same: on CPU XLA vectorises it, while the slices'
    activations end up in one slow loop (forward loop of an LSTM in training, 80 steps: 11.2 -> 6.7 ms).
    """
    sizes = (units,) * (K.int_shape(gates)[-1] // units)
    if activation in _ELEMENTWISE:
        return K.split(activation(gates), sizes)
    return [activation(gate) for gate in K.split(gates, sizes)]


def gru_step(projected, h, recurrent_product, activation, recurrent_activation, units, reset_after):
    """The new state of a GRU from the projected inputs `(batch, 3 * units)`, gates z, r, h.

    Args:
        recurrent_product: function (x, first gate, last gate + 1) that gives x times those gates'
            share of the recurrent kernel (plus the recurrent bias, with `reset_after`).
    """
    gates, candidate = K.split(projected, (2 * units, units))
    if reset_after:
        inner, recurrent = K.split(recurrent_product(h, 0, 3), (2 * units, units))
        z, r = activated_gates(gates + inner, recurrent_activation, units)
        recurrent = r * recurrent
    else:
        z, r = activated_gates(gates + recurrent_product(h, 0, 2), recurrent_activation, units)
        recurrent = recurrent_product(r * h, 2, 3)
    return z * h + (1 - z) * activation(candidate + recurrent)


@gate_parts("zrh")
class GRUCell(_GatedCell):
    """One step of a gated recurrent unit. Weights hold the gates in the order update z, reset r, candidate h.

    Args:
        units: size of the state, which is also the output.
        recurrent_activation: of the gates.
        implementation: how dropout masks apply: 1 draws one per gate, 2 one for all gates.
        reset_after: apply the reset gate after the product with the recurrent kernel (as cuDNN does)
            instead of before; the bias then has the shape `(2, 3 * units)`.
        activation, use_bias, kernel_*, recurrent_*, bias_*, dropout, recurrent_dropout: see `SimpleRNN`.

    Called as `cell(x, [h])`: x `(batch, input_dim)`, h `(batch, units)`; gives `h, [h]`.

    Reference: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.
    """

    gates = 3

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        implementation=2,
        reset_after=False,
        **kwargs,
    ):
        super().__init__(
            units,
            recurrent_activation,
            implementation,
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
            **kwargs,
        )
        self.reset_after = reset_after

    def _bias_shape(self):
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self):
        return self.bias[0] if self.reset_after else self.bias

    def _step(self, projected, states, masks, training):
        h = states[0]
        if len(masks) == 1:
            # As in Keras 2, a mask for all gates also meets the state that is carried over.
            h = K.in_train_phase(lambda: states[0] * masks[0], h, training=training)

        def product(x, first, last):
            kernel = self.recurrent_kernel[:, first * self.units : last * self.units]
            result = masked_product(x, kernel, masks[first:last] if len(masks) == 3 else [], training)
            return result + self.bias[1] if self.reset_after and self.use_bias else result

        h = gru_step(
            projected, h, product, self.activation, self.recurrent_activation, self.units, self.reset_after
        )
        return h, [h]

    def own_config(self):
        return {**super().own_config(), "reset_after": self.reset_after}


def lstm_step(gates, c, activation, recurrent_activation, units):
    """The new (h, c) of an LSTM from the gates' sums `(batch, 4 * units)`, in the order i, f, c, o."""
    i, f, _, o = activated_gates(gates, recurrent_activation, units)
    c = f * c + i * activation(K.split(gates, (units,) * 4)[2])
    return o * activation(c), c


@gate_parts("ifco")
class LSTMCell(_GatedCell):
    """One step of a long short-term memory. Weights hold the gates in the order i, f, c, o.

    Args:
        units: size of each of the two states; the output is the first.
        recurrent_activation: of the gates.
        unit_forget_bias: start the forget gate's bias at 1.
        implementation: how dropout masks apply: 1 draws one per gate, 2 one for all gates.
        activation, use_bias, kernel_*, recurrent_*, bias_*, dropout, recurrent_dropout: see `SimpleRNN`.

    Called as `cell(x, [h, c])`: x `(batch, input_dim)`, h and c `(batch, units)`; gives `h, [h, c]`.

    Reference: Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al. (forget gate), 2000.
    """

    gates = 4

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
        kernel_constraint=None,
        recurrent_constraint=None,
        bias_constraint=None,
        dropout=0.0,
        recurrent_dropout=0.0,
        implementation=2,
        **kwargs,
    ):
        super().__init__(
            units,
            recurrent_activation,
            implementation,
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
            **kwargs,
        )
        self.unit_forget_bias = unit_forget_bias
        self.state_size = (self.units, self.units)

    def _initial_bias(self):
        if not self.unit_forget_bias:
            return self.bias_initializer
        return with_forget_bias(self.bias_initializer, self.units)

    def _step(self, projected, states, masks, training):
        h, c = states
        gates = projected + masked_product(h, self.recurrent_kernel, masks, training)
        h, c = lstm_step(gates, c, self.activation, self.recurrent_activation, self.units)
        return h, [h, c]

    def own_config(self):
        return {**super().own_config(), "unit_forget_bias": self.unit_forget_bias}
