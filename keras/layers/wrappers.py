"""Layers around other layers: Wrapper, TimeDistributed, Bidirectional."""

from .. import backend as K
from .. import mixed_precision
from ..engine.base_layer import InputSpec, Layer, disable_tracking
from ..utils.generic_utils import CustomObjectScope, has_arg, object_list_uid, to_list
from . import recurrent  # noqa: F401 (name of Keras 2)
from ._common import describe, full_shape
from .rnn import all_keras_tensors, standardize_args


class Wrapper(Layer):
    """Base of layers that change how another layer is applied; weights, losses and updates are that layer's.

    Args:
        layer: the layer to wrap.
    """

    @disable_tracking
    def __init__(self, layer, **kwargs):
        if not isinstance(layer, Layer):
            raise ValueError(f"{type(self).__name__} wraps a layer (an instance of `Layer`), got {layer!r}.")
        self.layer = layer
        # From the wrapper's inputs to those that the inner layer got in their place: its updates hang on
        # the latter. The tensors are kept so that their ids stay theirs.
        self._input_map = {}
        super().__init__(**kwargs)
        if "trainable" in kwargs:
            self.trainable = kwargs["trainable"]

    def build(self, input_shape=None):
        self.built = True

    @property
    def activity_regularizer(self):
        return getattr(self.layer, "activity_regularizer", None)

    @property
    def trainable(self):
        return self.layer.trainable

    @trainable.setter
    def trainable(self, value):
        self.layer.trainable = value

    @property
    def trainable_weights(self):
        return self.layer.trainable_weights

    @property
    def non_trainable_weights(self):
        return self.layer.non_trainable_weights

    @property
    def updates(self):
        return self.layer.updates + super().updates

    def get_updates_for(self, inputs=None):
        inner = inputs
        if inputs is not None:
            inner = self._inner_inputs(inputs)
        return self.layer.get_updates_for(inner) + super().get_updates_for(inputs)

    def _inner_inputs(self, inputs):
        _, inner = self._input_map.get(object_list_uid(inputs), (None, inputs))
        return inner

    @property
    def losses(self):
        return self.layer.losses + super().losses

    def get_losses_for(self, inputs=None):
        inner = None if inputs is None else self._inner_inputs(inputs)
        return self.layer.get_losses_for(inner) + super().get_losses_for(inputs)

    def get_weights(self):
        return self.layer.get_weights()

    def set_weights(self, weights):
        self.layer.set_weights(weights)

    def get_config(self):
        inner = {"class_name": type(self.layer).__name__, "config": self.layer.get_config()}
        return {**super().get_config(), "layer": inner}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        from . import deserialize

        config = dict(config)
        layer = deserialize(config.pop("layer"), custom_objects=custom_objects)
        return cls(layer, **config)


class TimeDistributed(Wrapper):
    """Applies a layer to every time step, with the same weights.

    Args:
        layer: the layer, e.g. a `Dense`, `Conv2D` or a model.

    Input: `(batch, time, ...)`; output: `(batch, time, ...)` with the layer's output for each step. The steps
    are laid side by side into one batch of `batch * time` samples, except for a layer that keeps to its
    own batch size (a stateful one, a model with a fixed batch size), which runs step by step.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        if len(input_shape) < 3:
            raise ValueError(
                f"{describe(self)}: wanted an input with at least 3 axes (batch, time, features...), got the "
                f"shape {tuple(input_shape)}."
            )
        self.input_spec = InputSpec(shape=(None, None, *input_shape[2:]))
        if not self.layer.built:
            # As in Keras 2 the weights bear the wrapper's name alone.
            self.layer.build(self._step_shape(input_shape))
            self.layer.built = True
        super().build()

    @staticmethod
    def _step_shape(input_shape):
        return (input_shape[0], *input_shape[2:])

    def compute_output_shape(self, input_shape):
        step_shape = self.layer.compute_output_shape(self._step_shape(input_shape))
        return (step_shape[0], input_shape[1], *step_shape[1:])

    def _step_by_step(self):
        if getattr(self.layer, "stateful", False):
            return True
        inputs = getattr(self.layer, "inputs", None) or []
        return any(K.int_shape(x)[0] is not None for x in inputs)

    @staticmethod
    def _merged(x):
        """(batch, time, ...) as (batch * time, ...)."""
        return K.reshape(x, (-1, *full_shape(x)[2:]))

    @staticmethod
    def _parted(y, like):
        """(batch * time, ...) as (batch, time, ...), with batch and time of `like`."""
        return K.reshape(y, (*full_shape(like)[:2], *full_shape(y)[1:]))

    def call(self, inputs, training=None, mask=None):
        arguments = {}
        if has_arg(self.layer.call, "training"):
            arguments["training"] = training
        if self._step_by_step():
            _, y, _ = K.rnn(
                lambda x, _: (mixed_precision.compute(self.layer, x, arguments), []),
                inputs,
                initial_states=[],
                input_length=K.int_shape(inputs)[1],
            )
            return y
        merged = self._inner(inputs)
        self.layer.assert_input_compatibility(merged)
        if mask is not None and has_arg(self.layer.call, "mask"):
            arguments["mask"] = self._merged(mask)
        return self._parted(mixed_precision.compute(self.layer, merged, arguments), inputs)

    def _inner(self, inputs):
        uid = object_list_uid(inputs)
        if uid not in self._input_map:
            self._input_map[uid] = (inputs, self._merged(inputs))
        return self._input_map[uid][1]

    def compute_mask(self, inputs, mask=None):
        """The mask (batch, time): what the inner layer gives for its steps, else the input's."""
        if self._step_by_step():
            return mask
        inner = self.layer.compute_mask(self._inner(inputs), None if mask is None else self._merged(mask))
        if inner is not None:
            return self._parted(inner, inputs)
        if mask is None:
            return None
        for _ in range(2, K.ndim(mask)):
            mask = K.any(mask, axis=-1)
        return mask


class Bidirectional(Wrapper):
    """Runs one copy of a recurrent layer forwards, one backwards over a sequence, and merges their outputs.

    Args:
        layer: a recurrent layer.
        merge_mode: 'concat' (along the last axis), 'sum', 'mul', 'ave', or None: a list of both outputs.
        weights: initial weights, the forward layer's and then the backward layer's.

    Input and output: as the layer's; with `return_sequences` the backward output is turned round, so that
    both are in the order of the input. `initial_state` takes the forward and then the backward states.
    With `return_state` the outputs are followed by the forward and the backward states.

    Raises:
        ValueError: for an unknown `merge_mode`.

    Reference: Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.
    """

    _config_arguments = ("num_constants",)  # in its configuration, for `from_config`

    @disable_tracking
    def __init__(self, layer, merge_mode="concat", weights=None, **kwargs):
        if merge_mode not in ("sum", "mul", "ave", "concat", None):
            raise ValueError(
                "Invalid merge mode. Merge mode should be one of {'sum', 'mul', 'ave', 'concat', None}, "
                f"got {merge_mode!r}."
            )
        if not hasattr(layer, "go_backwards") or not hasattr(layer, "return_sequences"):
            raise ValueError(f"Bidirectional wraps a recurrent layer (RNN, LSTM, GRU, ...), got {layer!r}.")
        self.forward_layer = _like(layer)
        self.backward_layer = _like(layer, go_backwards=not layer.go_backwards)
        self.forward_layer.name = "forward_" + layer.name
        self.backward_layer.name = "backward_" + layer.name
        self.merge_mode = merge_mode
        self.return_sequences = layer.return_sequences
        self.return_state = layer.return_state
        kwargs.setdefault("trainable", layer.trainable)
        if weights is not None:
            kwargs["weights"] = weights
        super().__init__(layer, **kwargs)
        self.stateful = layer.stateful
        self.supports_masking = True
        self.input_spec = layer.input_spec
        self._num_constants = None

    @property
    def _both(self):
        return (self.forward_layer, self.backward_layer)

    @property
    def trainable(self):
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = value
        for layer in self._both:
            layer.trainable = value

    @property
    def trainable_weights(self):
        return [w for layer in self._both for w in layer.trainable_weights]

    @property
    def non_trainable_weights(self):
        return [w for layer in self._both for w in layer.non_trainable_weights]

    @property
    def updates(self):
        return [u for layer in self._both for u in layer.updates]

    def get_updates_for(self, inputs=None):
        inner = None if inputs is None else to_list(inputs, allow_tuple=True)[0]
        updates = [u for layer in self._both for u in layer.get_updates_for(inner)]
        return updates + Layer.get_updates_for(self, inputs)

    @property
    def losses(self):
        return [x for layer in self._both for x in layer.losses] + Layer.losses.fget(self)

    def get_losses_for(self, inputs=None):
        inner = None if inputs is None else to_list(inputs, allow_tuple=True)[0]
        losses = [x for layer in self._both for x in layer.get_losses_for(inner)]
        return losses + Layer.get_losses_for(self, inputs)

    @property
    def constraints(self):
        constraints = {}
        for layer in self._both:
            constraints.update(getattr(layer, "constraints", {}))
        return constraints

    def get_weights(self):
        """The forward layer's weights, then the backward layer's."""
        return [w for layer in self._both for w in layer.get_weights()]

    def set_weights(self, weights):
        count = len(self.forward_layer.weights)
        if len(weights) != count + len(self.backward_layer.weights):
            raise ValueError(
                f"{describe(self)} has {count} weights in each direction, so {2 * count} are wanted "
                f"(forward, then backward), but {len(weights)} were given."
            )
        self.forward_layer.set_weights(weights[:count])
        self.backward_layer.set_weights(weights[count:])

    def build(self, input_shape):
        for layer in self._both:
            with K.name_scope(layer.name):
                layer.build(input_shape)
            layer.built = True
        self.built = True

    def compute_output_shape(self, input_shape):
        shapes = self.forward_layer.compute_output_shape(input_shape)
        shapes = list(shapes) if self.return_state else [shapes]
        output_shape, state_shapes = shapes[0], shapes[1:] * 2
        if self.merge_mode == "concat":
            output_shape = (*output_shape[:-1], None if output_shape[-1] is None else 2 * output_shape[-1])
        output_shapes = [output_shape] if self.merge_mode else [output_shape, output_shape]
        if len(output_shapes) == 1 and not state_shapes:
            return output_shape
        return output_shapes + state_shapes

    def compute_mask(self, inputs, mask):
        if isinstance(mask, list):
            mask = mask[0]
        output_mask = mask if self.return_sequences else None
        masks = [output_mask] if self.merge_mode else [output_mask, output_mask]
        if self.return_state:
            masks += [None] * (2 * len(self.forward_layer.states))
        return masks if len(masks) > 1 else output_mask

    def __call__(self, inputs, initial_state=None, constants=None, **kwargs):
        inputs, initial_state, constants = standardize_args(
            inputs, initial_state, constants, self._num_constants
        )
        if initial_state is None and constants is None:
            return super().__call__(inputs, **kwargs)
        specs = []
        if initial_state is not None:
            self._halves(initial_state)
            state_specs = [InputSpec(shape=K.int_shape(state)) for state in initial_state]
            self.forward_layer.state_spec, self.backward_layer.state_spec = self._halves(state_specs)
            specs += state_specs
        if constants is not None:
            constant_specs = [InputSpec(shape=K.int_shape(constant)) for constant in constants]
            specs += constant_specs
            self._num_constants = len(constants)
            for layer in self._both:
                layer.constants_spec = constant_specs
                layer._num_constants = len(constants)
        additional = [*(initial_state or []), *(constants or [])]
        if not all_keras_tensors(self, additional):
            if initial_state is not None:
                kwargs["initial_state"] = initial_state
            if constants is not None:
                kwargs["constants"] = constants
            return super().__call__(inputs, **kwargs)
        own_spec = self.input_spec
        self.input_spec = [*to_list(own_spec), *specs]
        try:
            return super().__call__([inputs, *additional], **kwargs)
        finally:
            self.input_spec = own_spec

    def _halves(self, states):
        """The forward and the backward half of a list.

        Raises:
            ValueError: if there are not as many states as both directions have.
        """
        count = len(self.forward_layer.states)
        if len(states) != 2 * count:
            raise ValueError(
                f"{describe(self)}: when passing `initial_state` to a Bidirectional RNN, the state should be "
                f"a list with the states of the underlying RNNs: {count} forward, then {count} backward. "
                f"Found {len(states)}: {states}"
            )
        return states[:count], states[count:]

    def call(self, inputs, mask=None, training=None, initial_state=None, constants=None):
        if isinstance(inputs, (list, tuple)):
            inputs, initial_state, constants = standardize_args(inputs, None, None, self._num_constants)
        if isinstance(mask, (list, tuple)):
            mask = mask[0]
        arguments = {}
        for name, value in (("mask", mask), ("training", training), ("constants", constants)):
            if has_arg(self.layer.call, name) and (name != "constants" or constants):
                arguments[name] = value
        halves = [{}, {}]
        if initial_state is not None:
            halves = [{"initial_state": half} for half in self._halves(list(initial_state))]
        outputs, states = [], []
        for layer, half in zip(self._both, halves):
            result = mixed_precision.compute(layer, inputs, {**half, **arguments})
            if self.return_state:
                states += result[1:]
                result = result[0]
            outputs.append(result)
        if self.return_sequences:
            outputs[1] = K.reverse(outputs[1], 1)
        merged = self._merge(*outputs)
        if states or not self.merge_mode:
            return [*to_list(merged), *states]
        return merged

    def _merge(self, forward, backward):
        if self.merge_mode == "concat":
            return K.concatenate([forward, backward])
        if self.merge_mode == "sum":
            return forward + backward
        if self.merge_mode == "ave":
            return (forward + backward) / 2
        if self.merge_mode == "mul":
            return forward * backward
        return [forward, backward]

    def reset_states(self):
        """Sets the states of both directions to zeros."""
        for layer in self._both:
            layer.reset_states()

    def get_config(self):
        config = {**super().get_config(), "merge_mode": self.merge_mode}
        if self._num_constants is not None:
            config["num_constants"] = self._num_constants
        return config

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        num_constants = config.pop("num_constants", None)
        layer = super().from_config(config, custom_objects=custom_objects)
        layer._num_constants = num_constants
        for one in layer._both:
            one._num_constants = num_constants
        return layer


def _like(layer, **changes):
    """A new layer of the same configuration, some entries of it changed."""
    # The configuration names the cells' classes, which need not be registered: they are at hand.
    cell = getattr(layer, "cell", None)
    cells = [cell, *getattr(cell, "cells", [])]
    with CustomObjectScope({type(cell).__name__: type(cell) for cell in cells if isinstance(cell, Layer)}):
        return type(layer).from_config({**layer.get_config(), **changes})
