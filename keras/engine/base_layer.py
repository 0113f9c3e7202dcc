"""The `Layer`: weights, a call that records itself in the graph, and the questions one may ask of it."""

import inspect
import re

import numpy as np

from .. import backend as K
from .. import initializers, mixed_precision, regularizers
from ..legacy import interfaces
from ..graph.precision import as_kept
from ..graph.primitive import GraphError
from ..graph.tensor import adopted, as_tensor
from ..utils.generic_utils import has_arg, is_all_none, object_list_uid, to_list, unpack_singleton
from ..utils.layer_utils import count_params  # noqa: F401 (a name that Keras 2 has here)
from ..utils.near_names import did_you_mean
from .node import InputSpec, Node
from .node import collect_input_shape as _collect_input_shape
from .node import collect_previous_mask as _collect_previous_mask
from .older_names import OtherName
from .tracking import disable_tracking, is_layer, track

_ALLOWED = {
    "input_shape", "batch_input_shape", "batch_size", "dtype", "name", "trainable", "weights", "input_dtype",
}  # fmt: skip


def as_tensors(output):
    """What a layer gives, with tensors for the engine's own arrays and variables (`tf.Variable(anchors)`)."""
    if type(output) in (list, tuple):
        return type(output)(as_tensors(x) for x in output)
    if isinstance(output, np.ndarray) or K.is_tensor(output) or not hasattr(output, "__array__"):
        return output
    return as_tensor(output)


class MadeByInit:
    """An attribute that `__init__` of this library's class sets; a subclass whose own does not call it is told so."""

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, layer, cls=None):
        if layer is None:
            return self
        raise AttributeError(
            f"This {type(layer).__name__} has no `{self._name}`, because its __init__ did not call"
            " super().__init__(): begin with that line (for layers super().__init__(**kwargs))."
        )


class Layer:
    """A computation with weights.

    Subclasses implement `build(input_shape)` (makes the weights with `add_weight`, then calls
    `super().build`), `call(inputs)` (the computation, on K) and, if they like,
    `compute_output_shape` and `compute_mask`.

    Args:
        name: unique in a model; made from the class name if None.
        trainable: whether its weights are changed by training.
        dtype: of its weights and input, or a policy for both (see `keras.mixed_precision`).
        input_shape, batch_input_shape, batch_size: for the first layer of a `Sequential`.
        weights: list of arrays to start with.
    """

    built = False
    # Of `keras.mixed_precision`: the policy, if there is any; whether it casts the inputs; whether the layer computes
    # in the dtype of its weights all the same.
    _policy = None
    _casts_inputs = True
    _computes_in_variable_dtype = False
    name, _inbound_nodes = MadeByInit(), MadeByInit()
    inbound_nodes, outbound_nodes = OtherName("_inbound_nodes"), OtherName("_outbound_nodes")

    def __init__(self, **kwargs):
        for name in kwargs:
            if name not in _ALLOWED:
                raise TypeError(
                    f"Keyword argument not understood: '{name}' (layer {type(self).__name__}).{self._near(name)} "
                    f"Every layer takes {', '.join(sorted(_ALLOWED))}; see its documentation for the others."
                )
        self.input_spec = None
        self.supports_masking = False
        self.stateful = False
        self._trainable_weights = []
        self._non_trainable_weights = []
        self._losses = []
        self._updates = []
        self._per_input_losses = {}
        self._per_input_updates = {}
        self._metrics = []
        self._inbound_nodes = []
        self._outbound_nodes = []
        if not hasattr(self, "_layers"):
            self._layers = []
        name = kwargs.get("name")
        if not name:
            prefix = _to_snake_case(type(self).__name__)
            name = f"{prefix}_{K.get_uid(prefix)}"
        self.name = name
        self._trainable = bool(kwargs.get("trainable", True))
        shape = kwargs.get("batch_input_shape")
        if shape is None and "input_shape" in kwargs:
            sizes = kwargs["input_shape"]
            sizes = (sizes,) if isinstance(sizes, int) else tuple(sizes)
            shape = (kwargs.get("batch_size"), *sizes)
        if shape is not None:
            self.batch_input_shape = tuple(shape)
        self._policy, self.dtype = mixed_precision.of_layer(kwargs.get("dtype") or kwargs.get("input_dtype"))
        self._initial_weights = kwargs.get("weights")

    @classmethod
    def _near(cls, name):
        """A hint at the argument that somebody may have meant."""
        known = [*inspect.signature(cls.__init__).parameters, *sorted(_ALLOWED)]
        return did_you_mean(name, known)

    @property
    def dtype_policy(self):
        """The `keras.mixed_precision.Policy` by which the layer computes."""
        return self._policy or mixed_precision.policy_named(self.dtype)

    @property
    def compute_dtype(self):
        """The dtype that the layer computes in."""
        return self.dtype if self._policy is None else self._policy.compute_dtype

    @property
    def variable_dtype(self):
        """The dtype of the weights."""
        return self.dtype

    # Attributes that are layers or variables belong to the layer.

    def __setattr__(self, name, value):
        super().__setattr__(name, track(self, name, value))

    # Weights.

    @property
    def trainable(self):
        """Whether training changes the weights; setting it counts for the layers inside too."""
        return self._trainable

    @trainable.setter
    def trainable(self, value):
        self._trainable = bool(value)
        for layer in getattr(self, "_layers", ()):
            layer.trainable = value

    @property
    def trainable_weights(self):
        """Weights that training changes; empty if the layer is not trainable."""
        if not self.trainable:
            return []
        # A variable that was set as an attribute counts as trainable until it is listed otherwise.
        fixed = set(self._non_trainable_weights)
        own = [w for w in self._trainable_weights if w not in fixed]
        return _unique([*own, *(w for s in self._layers for w in s.trainable_weights)])

    @trainable_weights.setter
    def trainable_weights(self, weights):
        self._trainable_weights = weights

    @property
    def non_trainable_weights(self):
        """Weights that training leaves alone."""
        own = self._non_trainable_weights
        if not self.trainable:
            own = [*self._trainable_weights, *own]
        frozen = [w for s in self._layers for w in (s.non_trainable_weights if self.trainable else s.weights)]
        return _unique([*own, *frozen])

    @non_trainable_weights.setter
    def non_trainable_weights(self, weights):
        self._non_trainable_weights = weights

    @property
    def weights(self):
        """All weights: first those that training changes."""
        return self.trainable_weights + self.non_trainable_weights

    @interfaces.legacy_add_weight_support
    def add_weight(
        self, name=None, shape=None, dtype=None, initializer=None, regularizer=None, trainable=True, constraint=None
    ):
        """Makes a weight; it counts as the layer's from then on.

        Args:
            name: of the variable, within the layer's name.
            shape: tuple of ints.
            initializer: instance, name or function (shape, dtype) -> tensor; default glorot_uniform.
            regularizer: adds its penalty to the layer's losses.
            constraint: applied by optimizers after updates.

        Returns:
            The variable.
        """
        shape = () if shape is None else tuple(int(d) for d in shape)
        dtype = dtype or self.dtype or K.floatx()
        initializer = initializers.get(initializer or "glorot_uniform")
        with K.control_dependencies(None):  # a first value comes before everything
            value = initializer(shape, dtype=dtype) if has_arg(initializer, "dtype", True) else initializer(shape)
        weight = K.variable(value, dtype=dtype, name=name, constraint=constraint)
        weight.trainable = trainable
        if regularizer is not None:
            with K.name_scope("weight_regularizer"):
                self.add_loss(regularizers.get(regularizer)(weight))
        (self._trainable_weights if trainable else self._non_trainable_weights).append(weight)
        return weight

    def get_weights(self):
        """The values of all weights, as NumPy arrays in the order of `weights`."""
        return K.batch_get_value(self.weights)

    def set_weights(self, weights):
        """Sets all weights from arrays in the order of `weights`.

        Raises:
            ValueError: for a wrong number of arrays or a wrong shape; nothing is changed then.
        """
        params = self.weights
        weights = list(weights)
        if len(params) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on layer \"{self.name}\" with a weight list of length "
                f"{len(weights)}, but the layer was expecting {len(params)} weights "
                f"({', '.join(p.name for p in params[:8])}{', ...' if len(params) > 8 else ''})."
            )
        for param, value in zip(params, weights):
            shape = getattr(value, "shape", None)
            shape = tuple(shape) if shape is not None else np.shape(value)
            if K.int_shape(param) != shape:
                raise ValueError(
                    f"Layer weight shape {K.int_shape(param)} not compatible with provided weight shape {shape} "
                    f"(weight {param.name} of layer {self.name})."
                )
        K.batch_set_value(zip(params, weights))

    def count_params(self):
        """The number of numbers in all weights.

        Raises:
            RuntimeError: before the layer is built.
        """
        if not self.built:
            raise RuntimeError(
                f"You tried to call `count_params` on {self.name}, but the layer isn't built. You can build it "
                f"manually via: `{self.name}.build(batch_input_shape)`."
            )
        return sum(K.count_params(w) for w in self.weights)

    # The computation.

    def build(self, input_shape):
        """Makes the weights. Overridden by layers that have any."""
        self.built = True

    def call(self, inputs, **kwargs):
        """The computation. Overridden."""
        return inputs

    def compute_mask(self, inputs, mask=None):
        """The mask of the output: the input's own, if the layer supports masking."""
        if not self.supports_masking:
            if mask is not None and not is_all_none(mask):
                raise TypeError(
                    f"Layer {self.name} ({type(self).__name__}) does not support masking, but was passed an "
                    f"input_mask: {mask}. Put it before the layer that makes the mask (Embedding(mask_zero=True), "
                    "Masking), or set `supports_masking = True` in your own layer."
                )
            return None
        return mask

    def compute_output_shape(self, input_shape):
        """The shape of the output for an input shape (None where unknown).

        Layers that do not override this have it computed from their `call`.
        """
        several = isinstance(input_shape, list)
        shapes = input_shape if several else [input_shape]
        inputs = [K.placeholder(shape=s, dtype=self.dtype) for s in shapes]
        outputs = to_list(mixed_precision.compute(self, inputs if several else inputs[0], {}))
        return unpack_singleton([K.int_shape(o) for o in outputs])

    def assert_input_compatibility(self, inputs):
        """Raises ValueError if inputs do not fit the layer's `input_spec`."""
        inputs = to_list(inputs)
        for x in inputs:
            if not K.is_tensor(x):
                raise ValueError(
                    f"Layer {self.name} was called with an input that isn't a symbolic tensor. Received type: "
                    f"{type(x)}. Full input: {inputs!r:.200}. All inputs to the layer should be tensors: start from "
                    "keras.Input(shape=...), or wrap numbers with K.constant(...). For arrays a model has `predict`."
                )
        if not self.input_spec:
            return
        specs = to_list(self.input_spec)
        if len(inputs) != len(specs):
            raise ValueError(
                f"Layer {self.name} expects {len(specs)} inputs, but it received {len(inputs)} input tensors: {inputs}"
            )
        for i, (x, spec) in enumerate(zip(inputs, specs)):
            if spec is not None:
                spec.check(self.name, i, K.int_shape(x), x.dtype)

    def __call__(self, inputs, **kwargs):
        """Applies the layer to tensors; the call is recorded as a node.

        Returns:
            The output tensor or list of tensors.
        """
        inputs = [adopted(x) for x in inputs] if isinstance(inputs, list) else adopted(inputs)
        kwargs = {name: adopted(value) for name, value in kwargs.items()}
        with K.name_scope(self.name), as_kept():
            if not self.built:
                self.assert_input_compatibility(inputs)
                self.build(_collect_input_shape(inputs))
                self.built = True
                if self._initial_weights is not None:
                    self.set_weights(self._initial_weights)
                    self._initial_weights = None
            self.assert_input_compatibility(inputs)
            previous_mask = _collect_previous_mask(inputs)
            user_kwargs = dict(kwargs)
            if not is_all_none(previous_mask) and "mask" not in kwargs and has_arg(self.call, "mask"):
                kwargs["mask"] = previous_mask
            output = self._call_named(inputs, kwargs)
            output_mask = self.compute_mask(inputs, previous_mask)
            output = _distinct(output, inputs)
            self._tell_shapes(inputs, output)
            self._record(inputs, output, previous_mask, output_mask, user_kwargs)
            regularizer = getattr(self, "activity_regularizer", None)
            if regularizer is not None and self._regularizes_activity:
                with K.name_scope("activity_regularizer"):
                    self.add_loss([regularizer(mixed_precision.widened(x)) for x in to_list(output)], inputs)
        return output

    def _call_named(self, inputs, arguments):
        """`call`; what an operation inside finds wrong with its tensors is told with the layer's name."""
        try:
            output = mixed_precision.compute(self, inputs, arguments)
        except GraphError as error:
            if not str(error).startswith("Layer "):
                error.args = (f"Layer {self.name} ({type(self).__name__}): {error}",)
            raise
        if output is None:
            raise ValueError(
                f"Layer {self.name} ({type(self).__name__}): its `call` gave None. It must return a tensor or a list "
                "of tensors: is a `return` missing, there or in a function that it calls?"
            )
        return as_tensors(output)

    def _tell_shapes(self, inputs, output):
        """Sizes that no operation could infer are those that the layer's `compute_output_shape` declares.

        A loss computed by a layer is often a scalar declared as (batch, 1): as in Keras 2 that declared
        shape is the output's towards targets and users.
        """
        outputs = to_list(output)
        declares = type(self).compute_output_shape is not Layer.compute_output_shape
        network = hasattr(self, "_is_graph_network")
        if network or not declares or all(len(x.shape) > 1 and None not in x.shape[1:] for x in outputs):
            return
        declared = self.compute_output_shape(_collect_input_shape(inputs))
        declared = declared if isinstance(declared, list) else [declared]
        for x, shape in zip(outputs, declared):
            known = x.shape
            if shape is None:
                continue
            if len(shape) == len(known):
                x.set_shape([s if k is None else k for k, s in zip(known, shape)])
                x.sizes_declared = tuple(x.shape) != tuple(known)
            elif len(known) < 2 <= len(shape):
                x._keras_shape = tuple(shape)

    # Wrappers and networks, which penalise activity themselves, switch this off.
    _regularizes_activity = True

    def _record(self, inputs, output, input_masks, output_masks, arguments):
        inputs, outputs = to_list(inputs), to_list(output)
        output_masks = to_list(output_masks)
        if len(output_masks) != len(outputs):
            output_masks = [None] * len(outputs) if output_masks == [None] else output_masks
        histories = [getattr(x, "_keras_history", (None, None, None)) for x in inputs]
        node = Node(
            self,
            [h[0] for h in histories],
            [h[1] for h in histories],
            [h[2] for h in histories],
            inputs,
            outputs,
            to_list(input_masks),
            output_masks,
            [K.int_shape(x) for x in inputs],
            [K.int_shape(x) for x in outputs],
            arguments,
        )
        place = len(self._inbound_nodes) - 1
        for i, (x, mask) in enumerate(zip(outputs, output_masks)):
            if len(x.shape) > 1 or not hasattr(x, "_keras_shape"):
                x._keras_shape = tuple(x.shape)
            x._keras_history = (self, place, i)
            x._keras_mask = mask
        return node

    # Losses and updates, unconditional (key None) or of the calls on certain inputs.

    @property
    def losses(self):
        """Scalar tensors that training adds to the loss: penalties of weights and activity, `add_loss`."""
        return self._losses + [loss for s in self._layers for loss in s.losses]

    @property
    def updates(self):
        """Updates that training makes with each step; none where the layer is frozen and keeps no state."""
        if not self.trainable and not self.stateful:
            return []
        return self._updates + [u for s in self._layers for u in s.updates]

    @property
    def metrics(self):
        """The `Metric` objects of `add_metric` and of attributes."""
        return self._metrics + [m for s in self._layers for m in s.metrics]

    def add_loss(self, losses, inputs=None):
        """Adds scalar tensors to what training minimises; `inputs` says on which inputs they depend."""
        losses = [loss for loss in to_list(losses) if loss is not None]
        if losses:
            self._losses += losses
            self._keep(self._per_input_losses, losses, inputs)

    def add_update(self, updates, inputs=None):
        """Adds updates made in each training step (or call, for stateful layers)."""
        updates = [u for u in _as_updates(updates) if u is not None]
        if updates:
            self._updates += updates
            self._keep(self._per_input_updates, updates, inputs)

    @staticmethod
    def _keep(table, items, inputs):
        inputs = None if inputs is not None and len(to_list(inputs)) == 0 else inputs
        key = None if inputs is None else object_list_uid(inputs)
        table.setdefault(key, []).extend(items)

    def add_metric(self, value, name=None):
        """Adds a tensor, averaged over batches, to the metrics that training reports."""
        from ..metrics import Mean

        metric = getattr(value, "_metric_obj", None)
        if metric is None:
            metric = next((m for m in self._metrics if m.name == name), None) or Mean(name=name)
            value = metric(value)
        if metric not in self._metrics:
            self._metrics.append(metric)

    def get_updates_for(self, inputs):
        """Updates of the calls on `inputs`; those that depend on no input, if None."""
        return self._kept_for("_per_input_updates", "get_updates_for", inputs)

    def get_losses_for(self, inputs):
        """Losses of the calls on `inputs`; those that depend on no input, if None."""
        return self._kept_for("_per_input_losses", "get_losses_for", inputs)

    def _kept_for(self, table, method, inputs):
        key = None if inputs is None else object_list_uid(inputs)
        found = list(getattr(self, table).get(key, []))
        if method == "get_updates_for" and not self.trainable and not self.stateful:
            found = []
        for layer in self._layers:
            found += getattr(layer, method)(inputs)
        return found

    # Looking at the nodes: what went in and came out, one call after the other (`get_..._at(node_index)`, errors for a
    # call that there is not) or of the only call (the properties, errors where calls differ).

    def _node(self, index, what):
        if not self._inbound_nodes:
            raise RuntimeError(f"The layer has never been called and thus has no defined {what}: {self.name}.")
        if not -len(self._inbound_nodes) <= index < len(self._inbound_nodes):
            raise ValueError(
                f"Asked to get {what} at node {index}, but the layer {self.name} has only "
                f"{len(self._inbound_nodes)} inbound nodes."
            )
        return self._inbound_nodes[index]

    def _only(self, attribute, what):
        if not self._inbound_nodes:
            raise AttributeError(
                f"The layer {self.name} has never been called and thus has no defined {what}. Call it on a tensor, "
                "or give `input_shape` to the first layer of the model."
            )
        if len(self._inbound_nodes) > 1 and len({str(getattr(n, attribute)) for n in self._inbound_nodes}) > 1:
            raise AttributeError(
                f"The layer {self.name} has multiple inbound nodes, hence the notion of \"layer {what}\" is "
                f"ill-defined. Use `get_{what.replace(' ', '_')}_at(node_index)` instead."
            )
        return unpack_singleton(getattr(self._inbound_nodes[0], attribute))

    def get_input_shape_at(self, node_index):
        """The shape of what the layer took in its call number `node_index`; a list for several inputs."""
        return unpack_singleton(self._node(node_index, "input shape").input_shapes)

    def get_output_shape_at(self, node_index):
        """The shape of what the layer gave in its call number `node_index`; a list for several outputs."""
        return unpack_singleton(self._node(node_index, "output shape").output_shapes)

    def get_input_at(self, node_index):
        """The tensor (or list of tensors) that the layer took in its call number `node_index`."""
        return unpack_singleton(self._node(node_index, "input").input_tensors)

    def get_output_at(self, node_index):
        """The tensor (or list of tensors) that the layer gave in its call number `node_index`."""
        return unpack_singleton(self._node(node_index, "output").output_tensors)

    def get_input_mask_at(self, node_index):
        """The mask of `get_input_at(node_index)`, None without one."""
        return unpack_singleton(self._node(node_index, "input mask").input_masks)

    def get_output_mask_at(self, node_index):
        """The mask of `get_output_at(node_index)`, None without one."""
        return unpack_singleton(self._node(node_index, "output mask").output_masks)

    @property
    def input(self):
        return self._only("input_tensors", "input")

    @property
    def output(self):
        return self._only("output_tensors", "output")

    @property
    def input_mask(self):
        return self._only("input_masks", "input mask")

    @property
    def output_mask(self):
        return self._only("output_masks", "output mask")

    @property
    def input_shape(self):
        return self._only("input_shapes", "input shape")

    @property
    def output_shape(self):
        return self._only("output_shapes", "output shape")

    # Configuration.

    def get_config(self):
        """A dictionary of plain values from which `from_config` makes an equal layer, without weights."""
        config = {"name": self.name, "trainable": self.trainable}
        if hasattr(self, "batch_input_shape"):
            config["batch_input_shape"] = self.batch_input_shape
        config["dtype"] = mixed_precision.written(self)
        return config

    @classmethod
    def from_config(cls, config):
        """A layer from the result of `get_config`."""
        return cls(**config)


def _as_updates(updates):
    if isinstance(updates, tuple) and len(updates) == 2 and K.is_variable(updates[0]):
        return [updates]
    return to_list(updates)


def _distinct(output, inputs):
    """The output with tensors that are inputs themselves copied, so that each has one history."""
    given = {id(x) for x in to_list(inputs)}
    outputs = [K.identity(x) if id(x) in given or hasattr(x, "_keras_history") else x for x in to_list(output)]
    return outputs if isinstance(output, (list, tuple)) and len(outputs) != 1 else outputs[0]


def _unique(items):
    return list(dict.fromkeys(items))


def _to_snake_case(name):
    """'MyConv2D' -> 'my_conv2d'; private classes get the prefix 'private'."""
    snake = re.sub("([a-z])([A-Z])", r"\1_\2", re.sub("(.)([A-Z][a-z0-9]+)", r"\1_\2", name)).lower()
    return "private" + snake if snake.startswith("_") else snake


__all__ = [
    "InputSpec", "Layer", "Node", "_collect_input_shape", "_collect_previous_mask",
    "_to_snake_case", "disable_tracking", "is_layer",
]  # fmt: skip
