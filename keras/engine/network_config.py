"""Networks as configurations, and back."""

from collections import defaultdict, deque

from ..utils.custom_objects import CustomObjectScope
from ..utils.generic_utils import unpack_singleton
from .graph_map import node_key, node_numbers


def of_network(network):
    """The configuration of a graph network, in the layout of Keras 2.

    Raises:
        ValueError: where `model.layers.pop()` took away a layer that the outputs come from.
    """
    for layer, _, _ in network._output_coordinates:
        if layer not in network.layers:
            raise ValueError(
                f"{network.name!r} has no configuration: its output comes from the layer {layer.name!r}, which was "
                "taken out of `model.layers`. Make a model of what is left: "
                "`Model(model.input, model.layers[-1].output)`."
            )
    numbers = node_numbers(network, first_of_networks=1)
    layers = []
    for layer in network.layers:
        nodes = [_node_data(node, numbers) for node in network._nodes_of(layer) if node.inbound_layers]
        layers.append(
            {
                "name": layer.name,
                "class_name": type(layer).__name__,
                "config": layer.get_config(),
                "inbound_nodes": nodes,
            }
        )
    return {
        "name": network.name,
        "layers": layers,
        "input_layers": _coordinates(network._input_coordinates, numbers),
        "output_layers": _coordinates(network._output_coordinates, numbers),
    }


def _node_data(node, numbers):
    for layer, x in zip(node.inbound_layers, node.input_tensors):
        if layer is None:
            raise NotImplementedError(
                f"The layer {node.outbound_layer.name} was called on {x!r}, which comes from no layer, so the model "
                "has no configuration. Put the constant into a `Lambda` layer, or give it by `Input(tensor=...)`."
            )
    kwargs = {k: v for k, v in (node.arguments or {}).items() if _plain(v)}
    return [
        [layer.name, numbers.get(node_key(layer.name, i), 0), t, kwargs]
        for layer, i, t in zip(node.inbound_layers, node.node_indices, node.tensor_indices)
    ]


def _plain(value):
    import json

    try:
        json.dumps(value)
    except TypeError:
        return False
    return True


def _coordinates(coordinates, numbers):
    return [[layer.name, numbers.get(node_key(layer.name, i), 0), t] for layer, i, t in coordinates]


def make_network(cls, config, custom_objects=None):
    """A network of class `cls` from a configuration.

    Nodes are made as soon as the tensors they need are there, so layers may come in any order.

    Raises:
        ValueError: if a node refers to a layer or node that is not in the configuration.
    """
    from ..layers import deserialize

    created, calls = {}, []
    with CustomObjectScope(custom_objects):
        for data in config["layers"]:
            layer = deserialize(data, custom_objects=custom_objects)
            # `name` beside the config counts, as in Keras 2.
            created[data["name"]] = layer
            calls.append((data["name"], layer, deque(_inbound(node) for node in data.get("inbound_nodes", ()))))
        _make_nodes(calls, created)
    inputs = [_tensor(created, *_inbound_one(c)[:3]) for c in _listed(config["input_layers"])]
    outputs = [_tensor(created, *_inbound_one(c)[:3]) for c in _listed(config["output_layers"])]
    return cls(inputs=inputs, outputs=outputs, name=config.get("name"))


def _listed(coordinates):
    """tf.keras writes a single coordinate without its outer list."""
    if coordinates and isinstance(coordinates[0], str):
        return [coordinates]
    return coordinates


def _inbound(node):
    if node and isinstance(node[0], str):
        node = [node]
    return [_inbound_one(item) for item in node]


def _inbound_one(item):
    name, index, tensor, *rest = item
    return name, index, tensor, (rest[0] if rest else {}) or {}


def _tensor(created, name, index, tensor):
    if name not in created:
        raise ValueError(f"The configuration refers to a layer '{name}' that it does not hold.")
    return created[name]._inbound_nodes[index].output_tensors[tensor]


def _make_nodes(calls, created):
    """Calls the layers, as soon as there is what the next of their nodes needs.

    Args:
        calls: [(name, layer, its nodes in order, a deque)].
        created: {name: layer}.
    """
    ready, waiting = deque(calls), defaultdict(list)
    while ready:
        call = ready.popleft()
        name, layer, nodes = call
        while nodes:
            missing = _missing(nodes[0], created)
            if missing:
                waiting[missing].append(call)
                break
            _make_node(layer, nodes.popleft(), created)
            ready += waiting.pop((name, len(layer._inbound_nodes) - 1), ())
    for _, layer, nodes in calls:
        if nodes:
            raise ValueError(
                f"The configuration is inconsistent: layer {layer.name} is to be called on {nodes[0]}, which cannot be "
                "made from the layers there are."
            )


def _missing(node, created):
    """(name of a layer, number of its node) that a node needs and that is not there yet, or None."""
    for name, index, _, _ in node:
        if name not in created or len(created[name]._inbound_nodes) <= index:
            return name, index
    return None


def _make_node(layer, node, created):
    inputs, kwargs = [], {}
    for name, index, tensor, arguments in node:
        inputs.append(_tensor(created, name, index, tensor))
        kwargs.update(arguments)
    if inputs:
        layer(unpack_singleton(inputs), **kwargs)


__all__ = ["make_network", "of_network"]
