"""The recurrent layer around a cell, and cells stacked on one another."""

import warnings

import numpy as np

from .. import backend as K
from ..engine.base_layer import InputSpec, Layer, disable_tracking
from ..utils.generic_utils import has_arg, to_list
from ._common import describe


def as_sizes(state_size):
    """A cell's `state_size` as a list, whether it is one number or several."""
    return list(state_size) if hasattr(state_size, "__len__") else [state_size]


def output_size_of(cell):
    """The size of a cell's output: `output_size` where the cell has it, else its first state's."""
    size = getattr(cell, "output_size", None)
    return as_sizes(cell.state_size)[0] if size is None else size


def bind_cell(cell, states, training=None, constants=None):
    """Prepares one run of any cell over a sequence.

    Returns:
        `project`, which is applied to the whole sequence before the loop, and
        `step(projected, states) -> (output, new_states)`.
    """
    if _offers_bind_sequence(cell):
        return cell.bind_sequence(states, training=training, constants=constants)
    arguments = {}
    if has_arg(cell.call, "training"):
        arguments["training"] = training
    if constants and has_arg(cell.call, "constants"):
        arguments["constants"] = constants
    return lambda x: x, lambda x, states: cell.call(x, states, **arguments)


def _offers_bind_sequence(cell):
    """Whether `bind_sequence` stands for the cell's `call`: a subclass may redefine `call` alone."""
    if "call" in vars(cell):
        return False
    owner = next((c for c in type(cell).__mro__ if "call" in vars(c) or "bind_sequence" in vars(c)), None)
    return owner is not None and "bind_sequence" in vars(owner)


def _check_cell(cell):
    if isinstance(cell, type):
        raise ValueError(f"A cell must be an instance, such as {cell.__name__}(...), got the class {cell!r}.")
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise ValueError(
                f"A cell must have the method `call(inputs, states)` and the attribute `state_size` (an "
                f"integer or a list of integers, one per state). {cell!r} has no `{name}`."
            )


def standardize_args(inputs, initial_state, constants, num_constants):
    """Takes a call's inputs apart: the sequence, the initial states and the constants (lists or None).

    A list of inputs holds all of them in this order.
    """
    if isinstance(inputs, (list, tuple)):
        if initial_state is not None or constants is not None:
            raise ValueError(
                "Initial states and constants came twice: in the list of inputs, and as `initial_state` or "
                "`constants`. Pass the sequence alone as the inputs, or everything in the list."
            )
        inputs = list(inputs)
        if num_constants:
            constants = inputs[-num_constants:]
            inputs = inputs[:-num_constants]
        initial_state = inputs[1:] or None
        inputs = inputs[0]
    initial_state = None if initial_state is None else to_list(initial_state, allow_tuple=True)
    constants = None if constants is None else to_list(constants, allow_tuple=True)
    return inputs, initial_state, constants


def all_keras_tensors(layer, tensors):
    """Whether all of the additional inputs are Keras tensors.

    Raises:
        ValueError: if some are and some are not.
    """
    kinds = {bool(K.is_keras_tensor(t)) for t in tensors}
    if len(kinds) > 1:
        raise ValueError(
            f"{describe(layer)}: the initial states or constants of a recurrent layer must all be Keras "
            "tensors (outputs of layers or of `Input`) or none of them. Wrap the others in a `Lambda` layer "
            "or in `Input(tensor=...)`."
        )
    return kinds.pop()


class StackedRNNCells(Layer):
    """Cells on one another that behave as one: each takes the output of the one below.

    Args:
        cells: list of cells.
        reverse_state_order: list the states from the last cell to the first, as Keras did before 2.3
            (`[h2, c2, h1, c1]` instead of `[h1, c1, h2, c2]`).
    """

    def __init__(self, cells, **kwargs):
        if not cells:
            raise ValueError("StackedRNNCells needs at least one cell, got an empty list.")
        for cell in cells:
            _check_cell(cell)
        self.cells = list(cells)
        self.reverse_state_order = kwargs.pop("reverse_state_order", False)
        if self.reverse_state_order:
            warnings.warn(
                "`reverse_state_order=True` in `StackedRNNCells` will soon be deprecated. Please update the "
                "code to work with the natural order of states if you rely on the RNN states, "
                "e.g. `RNN(return_state=True)`.",
                stacklevel=2,
            )
        super().__init__(**kwargs)

    def _in_state_order(self, per_cell):
        return per_cell[::-1] if self.reverse_state_order else per_cell

    @property
    def state_size(self):
        return tuple(size for cell in self._in_state_order(self.cells) for size in as_sizes(cell.state_size))

    @property
    def output_size(self):
        return output_size_of(self.cells[-1])

    def _split_states(self, states):
        """The flat list of states as one list per cell, in the order of the cells."""
        states, nested = list(states), []
        for cell in self._in_state_order(self.cells):
            count = len(as_sizes(cell.state_size))
            nested.append(states[:count])
            states = states[count:]
        return self._in_state_order(nested)

    def bind_sequence(self, states, training=None, constants=None):
        """See `bind_cell`: the first cell projects the whole sequence, the others step by step."""
        bound = [
            bind_cell(cell, own, training, constants)
            for cell, own in zip(self.cells, self._split_states(states))
        ]

        def step(x, states):
            new_states = []
            for (project, cell_step), own in zip(bound, self._split_states(states)):
                x, changed = cell_step(project(x) if new_states else x, own)
                new_states.append(list(changed))
            return x, [state for own in self._in_state_order(new_states) for state in own]

        return bound[0][0], step

    def call(self, inputs, states, constants=None, **kwargs):
        project, step = self.bind_sequence(states, constants=constants, **kwargs)
        return step(project(inputs), states)

    def build(self, input_shape):
        constants_shape = []
        if isinstance(input_shape, list):
            constants_shape = input_shape[1:]
            input_shape = input_shape[0]
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                with K.name_scope(cell.name):
                    takes_constants = constants_shape and has_arg(cell.call, "constants")
                    cell.build([input_shape, *constants_shape] if takes_constants else input_shape)
                cell.built = True
            input_shape = (input_shape[0], output_size_of(cell))
        self.built = True

    def get_config(self):
        cells = [{"class_name": type(cell).__name__, "config": cell.get_config()} for cell in self.cells]
        config = {**super().get_config(), "cells": cells}
        if self.reverse_state_order:
            config["reverse_state_order"] = True
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from . import deserialize

        config = dict(config)
        cells = [deserialize(cell, custom_objects=custom_objects) for cell in config.pop("cells")]
        return cls(cells, **config)

    def get_losses_for(self, inputs=None):
        """As every layer's, but `inputs` may be left out."""
        return super().get_losses_for(inputs)


class RNN(Layer):
    """Runs a cell over the time steps of a sequence.

    Args:
        cell: an object with `call(inputs, states) -> (output, new_states)` for one step, `state_size` (an
            integer or a list of them; the first is the size of the output unless there is `output_size`)
            and, if it is a layer, `build`; or a list of such cells, to be stacked. `call` may also take
            `training` and `constants`.
        return_sequences: give the outputs of all steps instead of the last.
        return_state: also give the last states.
        go_backwards: run from the last step to the first; outputs come in that order.
        stateful: start each batch with the states in which the batch before ended, sample by sample.
            Needs a fixed batch size; `reset_states()` starts anew.
        unroll: write the loop out. Faster for short sequences, larger programs; needs a fixed length.

    Input: `(batch, time, features)`; masked steps (a mask `(batch, time)`) leave the states and the
    output as they are. `initial_state` and `constants` are given to `layer(...)`, as Keras tensors,
    tensors or variables; or all in one list `[sequence, *states, *constants]`.

    Output: `(batch, units)`, or `(batch, time, units)` with `return_sequences`; with `return_state` a
    list of this and the states.
    """

    input_ndim = 3
    # The first is what tf.keras and Keras 3 do inside a Bidirectional; files from there ask for it.
    _config_arguments = ("zero_output_for_mask", "num_constants")

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
        if isinstance(cell, (list, tuple)):
            cell = StackedRNNCells(cell)
        _check_cell(cell)
        self._zero_output_for_mask = kwargs.pop("zero_output_for_mask", False)
        super().__init__(**kwargs)
        self.cell = cell
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll
        self.supports_masking = True
        self.input_spec = [InputSpec(ndim=self.input_ndim)]
        self.state_spec = None
        self._states = None
        self.constants_spec = None
        self._num_constants = None

    @property
    def states(self):
        """The variables that keep the states of a stateful layer, else a list of None."""
        if self._states is None:
            return [None] * len(as_sizes(self.cell.state_size))
        return self._states

    @states.setter
    def states(self, states):
        self._states = states

    def compute_output_shape(self, input_shape):
        if isinstance(input_shape, list):
            input_shape = input_shape[0]
        batch, time = input_shape[:2]
        size = output_size_of(self.cell)
        output_shape = (batch, time, size) if self.return_sequences else (batch, size)
        if self.return_state:
            return [output_shape, *self._state_shapes(input_shape)]
        return output_shape

    def _state_shapes(self, input_shape):
        """The shape of each state for an input shape."""
        return [(input_shape[0], size) for size in as_sizes(self.cell.state_size)]

    def _state_specs(self, input_shape=None):
        shapes = self._state_shapes(input_shape or (None,) * self.input_ndim)
        return [InputSpec(shape=shape) for shape in shapes]

    def compute_mask(self, inputs, mask):
        if isinstance(mask, list):
            mask = mask[0]
        output_mask = mask if self.return_sequences else None
        if self.return_state:
            return [output_mask] + [None] * len(self.states)
        return output_mask

    def build(self, input_shape):
        constants_shape = []
        if isinstance(input_shape, list):
            if self._num_constants:
                constants_shape = input_shape[-self._num_constants :]
            input_shape = input_shape[0]
        batch = input_shape[0] if self.stateful else None
        if isinstance(self.cell, Layer):
            step_shape = (input_shape[0], *input_shape[2:])
            if not self.cell.built:
                self.cell.build([step_shape, *constants_shape] if constants_shape else step_shape)
                self.cell.built = True
        if self.state_spec is None:
            self.state_spec = self._state_specs()
        self.input_spec[0] = self._sequence_spec(batch, input_shape)
        if self.stateful:
            self.reset_states()
        self.built = True

    def _sequence_spec(self, batch, input_shape):
        return InputSpec(shape=(batch, None, *input_shape[2:]))

    def get_initial_state(self, inputs):
        """Zeros for each state, for a batch of sequences `(batch, time, features)`."""
        zeros = K.sum(K.zeros_like(inputs), axis=list(range(1, K.ndim(inputs))))
        zeros = K.expand_dims(K.cast(zeros, self._state_dtype()))
        return [K.tile(zeros, (1, size)) for size in as_sizes(self.cell.state_size)]

    def _state_dtype(self):
        return getattr(self.cell, "dtype", None) or self.dtype or K.floatx()

    def __call__(self, inputs, initial_state=None, constants=None, **kwargs):
        inputs, initial_state, constants = standardize_args(
            inputs, initial_state, constants, self._num_constants
        )
        if initial_state is None and constants is None:
            return super().__call__(inputs, **kwargs)
        if initial_state is not None:
            self._check_initial_state(initial_state)
            self.state_spec = [InputSpec(shape=K.int_shape(state)) for state in initial_state]
        if constants is not None:
            self._check_constants()
            self.constants_spec = [InputSpec(shape=K.int_shape(constant)) for constant in constants]
            self._num_constants = len(constants)
        additional = [*(initial_state or []), *(constants or [])]
        if all_keras_tensors(self, additional):
            # They become inputs of the layer, so that a model's graph contains what they come from.
            specs = [*(self.state_spec if initial_state else []), *(self.constants_spec if constants else [])]
            own_spec = self.input_spec
            self.input_spec = [*own_spec, *specs]
            try:
                return super().__call__([inputs, *additional], **kwargs)
            finally:
                self.input_spec = self.input_spec[: len(own_spec)]
        if initial_state is not None:
            kwargs["initial_state"] = initial_state
        if constants is not None:
            kwargs["constants"] = constants
        return super().__call__(inputs, **kwargs)

    def _check_initial_state(self, initial_state, input_shape=None):
        """Raises ValueError if the number or the sizes of initial states are not the cell's."""
        sizes = as_sizes(self.cell.state_size)
        for state in initial_state:
            if not K.is_tensor(state):
                raise ValueError(
                    f"{describe(self)}: `initial_state` must be a tensor or a list of tensors, got an instance of "
                    f"`{type(state).__name__}`. Wrap arrays with `K.constant(...)`, or feed them through an `Input`."
                )
        if len(initial_state) != len(sizes):
            raise ValueError(
                f"{describe(self)} has {len(sizes)} state(s) of size {sizes} but was passed "
                f"{len(initial_state)} initial state(s). Pass one tensor per state, e.g. "
                "`initial_state=[h, c]` for an LSTM."
            )
        for wanted, state in zip(self._state_specs(input_shape), initial_state):
            shape = K.int_shape(state)
            if len(shape) != len(wanted.shape) or any(
                w is not None and s is not None and w != s for w, s in zip(wanted.shape, shape)
            ):
                raise ValueError(
                    f"{describe(self)}: an `initial_state` was passed that is not compatible with "
                    f"`cell.state_size`, which is {sizes}: wanted the shape {tuple(wanted.shape)}, got {shape}."
                )

    def _check_constants(self):
        if not has_arg(self.cell.call, "constants"):
            raise ValueError(
                f"{describe(self)} was passed `constants`, but its cell {type(self.cell).__name__} does not "
                "support them: its `call` has no argument `constants`."
            )

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        sequence = inputs
        if isinstance(inputs, (list, tuple)):
            sequence, initial_state, constants = standardize_args(inputs, None, None, self._num_constants)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        if initial_state is None:
            initial_state = self.states if self.stateful else self.get_initial_state(sequence)
        initial_state = to_list(initial_state, allow_tuple=True)
        self._check_initial_state(initial_state, K.int_shape(sequence))
        if constants:
            self._check_constants()
        timesteps = K.int_shape(sequence)[1]
        if self.unroll and timesteps is None:
            raise ValueError(
                f"{describe(self)}: cannot unroll a RNN if the time dimension is undefined. Give the length "
                "of the sequences: `input_shape=(time, features)`, `batch_input_shape` or "
                "`Input(shape=(time, features))`; after an Embedding layer, its `input_length`. "
                "Or use `unroll=False`."
            )
        project, step = self._bind_cell(initial_state, training, constants)
        last_output, outputs, states = K.rnn(
            step,
            project(sequence),
            initial_state,
            go_backwards=self.go_backwards,
            mask=mask,
            unroll=self.unroll,
            input_length=timesteps,
        )
        if self.stateful:
            self.add_update(list(zip(self.states, states)), inputs)
        if self._zero_output_for_mask and mask is not None:
            outputs = self._without_masked_steps(outputs, mask)
        output = outputs if self.return_sequences else last_output
        if not self.return_state:
            return output
        # The last output may be a state itself; as outputs of the layer they are two.
        return [output, *(K.identity(state) if state is output else state for state in states)]

    def _without_masked_steps(self, outputs, mask):
        mask = K.reverse(mask, 1) if self.go_backwards else mask
        for _ in range(K.ndim(outputs) - 2):
            mask = K.expand_dims(mask)
        return outputs * K.cast(mask, K.dtype(outputs))

    def _bind_cell(self, states, training, constants):
        return bind_cell(self.cell, states, training, constants)

    @disable_tracking  # the states are no weights
    def reset_states(self, states=None):
        """Sets the states of a stateful layer.

        Args:
            states: an array `(batch, units)` per state (a list where there are several); by default zeros.

        Raises:
            AttributeError: if the layer is not stateful.
            ValueError: if the batch size is unknown, or the arrays do not fit; nothing is changed then.
        """
        if not self.stateful:
            raise AttributeError(
                f"{describe(self)} must be stateful to have states to reset: use `stateful=True`."
            )
        shapes = self._stateful_shapes()
        if self._states is None:
            self.states = [K.zeros(shape, dtype=self._state_dtype()) for shape in shapes]
            if states is None:
                return
        if states is None:
            states = [np.zeros(shape) for shape in shapes]
        states = to_list(states, allow_tuple=True)
        if len(states) != len(shapes):
            raise ValueError(
                f"{describe(self)} expects {len(shapes)} states, but it received {len(states)} state values. "
                f"Wanted arrays of the shapes {shapes}."
            )
        for index, (value, shape) in enumerate(zip(states, shapes)):
            if np.shape(value) != shape:
                raise ValueError(
                    f"State {index} is incompatible with {describe(self)}: expected shape={shape}, "
                    f"found shape={np.shape(value)}."
                )
        K.batch_set_value(list(zip(self.states, states)))

    def _stateful_shapes(self):
        sequence_shape = self.input_spec[0].shape
        shapes = None if sequence_shape is None else self._state_shapes(sequence_shape)
        if shapes is None or any(None in shape for shape in shapes):
            raise ValueError(
                f"{describe(self)}: if a RNN is stateful, it needs to know its batch size. Specify the batch "
                "size of your input tensors:\n"
                "- in a Sequential model, pass `batch_input_shape=(batch, time, features)` to the first "
                "layer;\n"
                "- with the functional API, use `Input(batch_shape=(batch, time, features))`.\n"
                "The states exist once the layer has been called on an input."
            )
        return shapes

    def get_config(self):
        config = {
            **super().get_config(),
            "return_sequences": self.return_sequences,
            "return_state": self.return_state,
            "go_backwards": self.go_backwards,
            "stateful": self.stateful,
            "unroll": self.unroll,
            "cell": {"class_name": type(self.cell).__name__, "config": self.cell.get_config()},
        }
        if self._num_constants is not None:
            config["num_constants"] = self._num_constants
        if self._zero_output_for_mask:
            config["zero_output_for_mask"] = True
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from . import deserialize

        config = dict(config)
        cell = deserialize(config.pop("cell"), custom_objects=custom_objects)
        num_constants = config.pop("num_constants", None)
        layer = cls(cell, **config)
        layer._num_constants = num_constants
        return layer

    def get_losses_for(self, inputs=None):
        """As every layer's, but `inputs` may be left out."""
        return super().get_losses_for(inputs)
