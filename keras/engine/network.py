"""`Network`: layers joined into a graph, or written out in a subclass's `call`."""

import copy

from .. import backend as K
from .. import mixed_precision
from ..graph.tensor import moment
from ..legacy import interfaces
from ..utils.generic_utils import has_arg, object_list_uid, to_list, unpack_singleton
from ..utils.io_utils import ask_to_proceed_with_overwrite  # noqa: F401 (names that Keras 2 has here)
from ..utils.layer_utils import get_source_inputs, print_summary
from ..utils.layer_utils import print_summary as print_layer_summary  # noqa: F401
from . import network_config, saving
from .base_layer import Layer, MadeByInit
from .graph_map import GraphMap, history
from .input_layer import InputLayer
from .node import Node
from .older_names import OtherName
from .tensor_op import as_layer_output
from .tracking import disable_tracking


class Network(Layer):
    """A graph of layers, itself a layer. `Model` adds training.

    Args:
        inputs: input tensor or list of them, from `Input`.
        outputs: output tensor or list of them.
        name: of the network.
    """

    input_layers, output_layers = OtherName("_input_layers"), OtherName("_output_layers")
    nodes_by_depth, layers_by_depth = OtherName("_nodes_by_depth"), OtherName("_layers_by_depth")
    container_nodes = OtherName("_network_nodes")
    inputs = MadeByInit()
    _casts_inputs = False  # its layers do

    @interfaces.legacy_model_constructor_support  # the outer one: its warning is at the user's line
    @disable_tracking
    def __init__(self, *args, **kwargs):
        is_graph = len(args) >= 2 or "inputs" in kwargs or "outputs" in kwargs
        if is_graph:
            self._init_graph_network(*args, **kwargs)
        else:
            self._init_subclassed_network(**kwargs)

    def _base_init(self, name=None, trainable=True, dtype=None):
        self.optimizer = None
        super().__init__(name=name or self._automatic_name(), trainable=trainable, dtype=dtype)
        self._compiled = False
        self._is_compiled = False
        self.inputs, self.outputs = None, None
        self.input_names, self.output_names = None, None
        self._is_graph_network = False

    def _automatic_name(self):
        prefix = type(self).__name__.lower()
        return f"{prefix}_{K.get_uid(prefix)}"

    def _init_subclassed_network(self, name=None, trainable=True, dtype=None):
        self._base_init(name, trainable, dtype)
        self._expects_training_arg = has_arg(self.call, "training")

    def _init_graph_network(self, inputs, outputs, name=None, trainable=True, dtype=None):
        self._base_init(name, trainable, dtype)
        self._set_graph(to_list(inputs, allow_tuple=True), to_list(outputs, allow_tuple=True))

    @disable_tracking
    def _set_graph(self, inputs, outputs):
        """Makes this the network between some tensors."""
        _check_inputs(inputs)
        outputs = [as_layer_output(x) for x in outputs]
        graph = GraphMap(inputs, outputs)
        self.inputs, self.outputs = list(inputs), list(outputs)
        self._is_graph_network = True
        self._expects_training_arg = False
        self.built = True
        self.supports_masking = False
        self._layers = graph.layers
        self._layers_by_depth, self._nodes_by_depth = graph.layers_by_depth, graph.nodes_by_depth
        self._network_nodes = graph.node_keys
        self._ordered_nodes = graph.ordered_nodes()
        self._own_nodes = set(self._ordered_nodes)  # whatever their layers are called later
        self._input_layers = [history(x)[0] for x in inputs]
        self._output_layers = [history(x)[0] for x in outputs]
        self._input_coordinates = [history(x) for x in inputs]
        self._output_coordinates = [history(x) for x in outputs]
        self.input_names = [layer.name for layer in self._input_layers]
        self.output_names = _distinct_names([layer.name for layer in self._output_layers])
        placeholders = [layer for layer in self._input_layers if layer.is_placeholder]
        self._feed_inputs = [layer._inbound_nodes[0].output_tensors[0] for layer in placeholders]
        self._feed_input_names = [layer.name for layer in placeholders]
        self._feed_input_shapes = [K.int_shape(x) for x in self._feed_inputs]
        self._output_mask_cache, self._output_tensor_cache, self._output_shape_cache = {}, {}, {}
        masks = [getattr(x, "_keras_mask", None) for x in inputs]
        out_masks = [getattr(x, "_keras_mask", None) for x in outputs]
        key = object_list_uid(inputs) + "_" + object_list_uid(masks)
        self._output_mask_cache[key] = unpack_singleton(out_masks)
        self._inbound_nodes, self._outbound_nodes = [], []
        Node(
            self, [], [], [], list(inputs), list(outputs), masks, out_masks,
            [K.int_shape(x) for x in inputs], [K.int_shape(x) for x in outputs],
        )  # fmt: skip

    # Layers and what they hold.

    @property
    def layers(self):
        """The list itself: after `model.layers.pop()`, `model.layers[-1].output` is the output below, as in Keras 2."""
        return self._layers

    def get_layer(self, name=None, index=None):
        """A layer by name, or by its place in `layers`.

        Raises:
            ValueError: if there is none, with the names there are.
        """
        if index is not None:
            if len(self.layers) <= index:
                raise ValueError(
                    f"Was asked to retrieve layer at index {index} but model only has {len(self.layers)} layers."
                )
            return self.layers[index]
        if not name:
            raise ValueError("Provide either a layer name or layer index.")
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"No such layer: {name}. The layers are: {', '.join(la.name for la in self.layers)}.")

    def _nodes_of(self, layer):
        """The calls of a layer that belong to this network."""
        return [node for node in layer._inbound_nodes if node in self._own_nodes]

    @property
    def input_spec(self):
        """What the first layers ask of the inputs: the spec of one input, or a list for several."""
        return unpack_singleton([layer.input_spec for layer in getattr(self, "_input_layers", ())] or [None])

    @input_spec.setter
    def input_spec(self, value):
        pass  # it is that of the first layers

    @property
    def stateful(self):
        return any(getattr(layer, "stateful", False) for layer in self._layers)

    @stateful.setter
    def stateful(self, value):
        pass  # a network is stateful if one of its layers is

    @property
    def uses_learning_phase(self):
        return bool(self.outputs) and any(x._uses_learning_phase for x in self.outputs)

    @property
    def state_updates(self):
        """Updates of stateful layers, made in prediction too."""
        found = []
        for layer in self.layers:
            if getattr(layer, "stateful", False):
                here = self._updates_here(layer)
                if isinstance(layer, Network):
                    # Of all updates of its call here, those of the states its own layers keep.
                    states = {id(variable) for variable, _ in layer.state_updates}
                    here = [update for update in here if id(update[0]) in states]
                elif self._is_graph_network:
                    here += _updates_of_no_call(layer)
                found += here
        return found

    def _updates_here(self, layer):
        """The updates of a layer's calls that belong to this network."""
        if not self._is_graph_network:
            return layer.updates
        found = []
        for node in self._nodes_of(layer):
            found += layer.get_updates_for(unpack_singleton(node.input_tensors))
        return found + layer.get_updates_for(None)

    def reset_states(self):
        """Sets the states of all stateful layers back."""
        for layer in self.layers:
            if hasattr(layer, "reset_states") and getattr(layer, "stateful", False):
                layer.reset_states()

    @property
    def updates(self):
        if not self.trainable and not self.stateful:
            return []
        return self._relevant("updates", "get_updates_for", self._updates)

    @property
    def losses(self):
        return self._relevant("losses", "get_losses_for", self._losses)

    def _relevant(self, attribute, method, own):
        """What layers added on the inputs of this network's nodes, and what depends on no input."""
        if not self._is_graph_network:
            return own + [item for layer in self._layers for item in getattr(layer, attribute)]
        found = list(own)
        for layer in self.layers:
            for node in self._nodes_of(layer):
                found += getattr(layer, method)(unpack_singleton(node.input_tensors))
            found += getattr(layer, method)(None)
        numbers = [item for item in found if isinstance(item, (int, float))]  # losses, each of which counts
        found = [item for item in found if not isinstance(item, (int, float))]
        return list({id(item[1] if isinstance(item, tuple) else item): item for item in found}.values()) + numbers

    def _kept_for(self, table, method, inputs):
        key = None if inputs is None else object_list_uid(inputs)
        found = list(getattr(self, table).get(key, []))
        if inputs is None:
            for layer in self._layers:
                found += getattr(layer, method)(None)
        elif self._is_graph_network and key == object_list_uid(self.inputs):
            found += [i for i in self._relevant("", method, []) if i not in self._kept_for(table, method, None)]
        if method == "get_updates_for" and not self.trainable and not self.stateful:
            return []
        return found

    def get_weights(self):
        """The values of all weights, layer by layer."""
        return K.batch_get_value([w for layer in self.layers for w in layer.weights] or self.weights)

    def set_weights(self, weights):
        """Sets all weights, in the order of `get_weights`."""
        order = [w for layer in self.layers for w in layer.weights] or self.weights
        weights = list(weights)
        if len(order) != len(weights):
            raise ValueError(
                f"You called `set_weights(weights)` on model \"{self.name}\" with a list of {len(weights)} arrays, but "
                f"the model has {len(order)} weights."
            )
        K.batch_set_value(zip(order, weights))

    @property
    def trainable_weights(self):
        if not self.trainable:
            return []
        found = [*self._trainable_weights, *(w for layer in self._layers for w in layer.trainable_weights)]
        return list(dict.fromkeys(found))

    @property
    def non_trainable_weights(self):
        found = [*self._non_trainable_weights, *(w for layer in self._layers for w in layer.non_trainable_weights)]
        if not self.trainable:
            trainable = [w for layer in self._layers for w in layer.trainable_weights]
            found = [*self._trainable_weights, *trainable, *found]
        return list(dict.fromkeys(found))

    # Calling the network on other tensors.

    def build(self, input_shape=None):
        """Marks the network as built; a subclassed one makes its weights when first called."""
        self.built = True

    def call(self, inputs, mask=None):
        """Applies the layers to new inputs: a tensor, or a list of as many as the network has."""
        inputs = to_list(inputs)
        masks = to_list(mask) if mask is not None else [None] * len(inputs)
        if not self._is_graph_network:
            raise NotImplementedError(f"{type(self).__name__} must implement `call(inputs)`.")
        outputs, out_masks, _ = self.run_internal_graph(inputs, masks)
        key = object_list_uid(inputs) + "_" + object_list_uid(masks)
        self._output_mask_cache[key] = unpack_singleton(out_masks)
        return unpack_singleton(outputs)

    def compute_mask(self, inputs, mask):
        if not self._is_graph_network:
            return None
        inputs = to_list(inputs)
        masks = to_list(mask) if mask is not None else [None] * len(inputs)
        key = object_list_uid(inputs) + "_" + object_list_uid(masks)
        if key not in self._output_mask_cache:
            _, out_masks, _ = self.run_internal_graph(inputs, masks)
            self._output_mask_cache[key] = unpack_singleton(out_masks)
        return self._output_mask_cache[key]

    def compute_output_shape(self, input_shape):
        """The output shapes for input shapes, found by running the layers on placeholders."""
        shapes = [tuple(s) for s in to_list(input_shape)]
        if not self._is_graph_network:
            return super().compute_output_shape(input_shape)
        if len(shapes) != len(self._input_layers):
            raise ValueError(f"Invalid input_shape {input_shape}: model has {len(self._input_layers)} tensor inputs.")
        key = ", ".join(map(str, shapes))
        if key not in self._output_shape_cache:
            inputs = [K.placeholder(shape=s, dtype=x.dtype) for s, x in zip(shapes, self.inputs)]
            _, _, out_shapes = self.run_internal_graph(inputs)
            self._output_shape_cache[key] = unpack_singleton(out_shapes)
        return self._output_shape_cache[key]

    def run_internal_graph(self, inputs, masks=None):
        """The outputs, masks and shapes for new inputs: each node's layer is called anew.

        Losses and updates that depend on the inputs are added for the new ones.
        """
        masks = masks or [None] * len(inputs)
        made = {id(x): (y, m) for x, y, m in zip(self.inputs, inputs, masks)}
        for node in self._ordered_nodes:
            layer = node.outbound_layer
            if not node.inbound_layers:
                continue
            moment()  # counts the call: what a file describes may not go on without end, see `graph.tensor.at_most`
            # A constant among the inputs stays what it is.
            pairs = [made.get(id(x), (x, None)) for x in node.input_tensors]
            xs, ms = [p[0] for p in pairs], [p[1] for p in pairs]
            outputs, out_masks = _call_again(layer, node, xs, ms)
            self._pass_on(layer, xs, outputs, inputs)
            for x, y, m in zip(node.output_tensors, outputs, out_masks):
                made[id(x)] = (y, m)
        outputs = []
        for x in self.outputs:
            if id(x) not in made:
                raise RuntimeError(f"Could not compute output {x!r}.")
            outputs.append(made[id(x)])
        tensors = [y for y, _ in outputs]
        return tensors, [m for _, m in outputs], [K.int_shape(y) for y in tensors]

    def _pass_on(self, layer, xs, outputs, inputs):
        """Losses and updates that the layer's new call made are this network's, for its new inputs."""
        regularizer = getattr(layer, "activity_regularizer", None)
        xs = unpack_singleton(xs)
        if regularizer is not None and layer._regularizes_activity:
            layer.add_loss([regularizer(mixed_precision.widened(y)) for y in outputs], xs)
        inputs = unpack_singleton(inputs)
        losses, updates = layer.get_losses_for(xs), layer.get_updates_for(xs)
        if losses:
            self._keep(self._per_input_losses, losses, inputs)
        if updates:
            self._keep(self._per_input_updates, updates, inputs)

    # Configuration and files.

    def get_config(self):
        if not self._is_graph_network:
            raise NotImplementedError(
                f"{type(self).__name__} is a subclassed model: its architecture is Python code and has no "
                "configuration. Save its weights with `save_weights`."
            )
        return copy.deepcopy(network_config.of_network(self))

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new network from the result of `get_config`."""
        return network_config.make_network(cls, config, custom_objects)

    def save(self, filepath, overwrite=True, include_optimizer=True):
        """Saves architecture, weights, training configuration and optimizer state to one file.

        Args:
            filepath: a path (HDF5, or Keras 3's format if it ends in `.keras`), an open h5py.File or h5py.Group, or a
                file object opened for writing bytes.
            overwrite: if False and the file exists, asks.
            include_optimizer: whether training can go on from the file.

        Raises:
            NotImplementedError: for a subclassed model.
            FileExistsError: where it would have to ask and nobody can answer.
        """
        if not self._is_graph_network:
            raise NotImplementedError(
                "Saving a subclassed model whole is not possible: its architecture is Python code. "
                "Use `save_weights`, and make the model anew before `load_weights`."
            )
        saving.save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(self, filepath, overwrite=True):
        """Saves all weights to an HDF5 file, or a `.safetensors` file. Arguments as in `save`."""
        saving.save_weights(self, filepath, overwrite)

    def load_weights(self, filepath, by_name=False, skip_mismatch=False, reshape=False):
        """Loads weights from a file of `save_weights` or `save`, of whatever Keras wrote it.

        Args:
            filepath: a path, bytes, a file object opened for reading bytes, or an open h5py.File or h5py.Group.
            by_name: whether to go by the names of layers instead of by their order. Layers that are not in the file
                keep their weights.
            skip_mismatch: with `by_name`: warn about layers of other shapes and keep their weights.
            reshape: whether arrays of the same size and another shape are taken.

        Raises:
            ValueError: if the file does not fit; no weight is changed then.
        """
        saving.load_weights(self, filepath, by_name=by_name, skip_mismatch=skip_mismatch, reshape=reshape)

    def export(self, filepath, format=None, **options):
        """Writes an ONNX file, `export("model.onnx")`, or a SavedModel for TensorFlow, `export("folder")`.

        See `keras.export.export_onnx` and `export_saved_model` (beyond Keras 2).
        """
        from ..export import export

        export(self, filepath, format, **options)

    def to_json(self, **kwargs):
        """The architecture as a JSON string; kwargs go to `json.dumps`."""
        return saving.model_to_json(self, **kwargs)

    def to_yaml(self, **kwargs):
        """The architecture as a YAML string; kwargs go to `yaml.dump`."""
        return saving.model_to_yaml(self, **kwargs)

    def summary(self, line_length=None, positions=None, print_fn=None):
        """Prints a table of the layers, their output shapes and numbers of weights.

        Args:
            line_length: characters in a line.
            positions: where columns end, as shares of the line.
            print_fn: called with each line, `print` if None.

        Raises:
            ValueError: if the model is not built.
        """
        if not self.built:
            raise ValueError(
                "This model has not yet been built. Build the model first by calling build() or calling fit() with "
                "some data. Or specify input_shape or batch_input_shape in the first layer for automatic build."
            )
        print_summary(self, line_length=line_length, positions=positions, print_fn=print_fn)

    def __getstate__(self):
        return saving.pickle_model(self)

    def __setstate__(self, state):
        self.__dict__.update(vars(saving.unpickle_model(state)))


def _call_again(layer, node, xs, masks):
    kwargs = dict(node.arguments or {})
    mask = unpack_singleton(masks)
    if has_arg(layer.call, "mask"):
        kwargs.setdefault("mask", mask)
    with K.name_scope(layer.name):
        x = unpack_singleton(xs)
        outputs = to_list(mixed_precision.compute(layer, x, kwargs))
        out_masks = to_list(layer.compute_mask(x, mask))
    if len(out_masks) != len(outputs):
        out_masks = [None] * len(outputs)
    for y, m in zip(outputs, out_masks):
        y._keras_mask = m
    return outputs, out_masks


def _updates_of_no_call(layer):
    """Updates whose `inputs` are not those of one of the layer's calls (one of several, say): states keep them."""
    calls = [None, *(unpack_singleton(node.input_tensors) for node in layer._inbound_nodes)]
    known = {id(update) for inputs in calls for update in layer.get_updates_for(inputs)}
    return [update for update in layer._updates if id(update) not in known]


def _check_inputs(inputs):
    if len({id(x) for x in inputs}) != len(inputs):
        raise ValueError(f"The list of inputs passed to the model is redundant: {inputs}. Each must appear once.")
    for x in inputs:
        if not hasattr(x, "_keras_history"):
            raise ValueError(
                f"Input tensors to a Model must come from `keras.layers.Input`. Received: {x!r} (missing previous "
                "layer metadata)."
            )
        layer = x._keras_history[0]
        if not isinstance(layer, InputLayer):
            raise ValueError(
                f"Model inputs must come from `keras.layers.Input` (thus holding past layer metadata), they cannot be "
                f"the output of a previous non-Input layer. Here, a tensor was output of layer {layer.name} "
                f"({type(layer).__name__})."
            )


def _distinct_names(names):
    """Names with those that came before numbered: `lstm`, `lstm_1`, ... (a layer with several outputs)."""
    found = []
    for name in names:
        count, proposal = 0, name
        while proposal in found:
            count += 1
            proposal = f"{name}_{count}"
        found.append(proposal)
    return found


__all__ = ["Network", "get_source_inputs"]
