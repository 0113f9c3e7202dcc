"""The map of a network: which layers and nodes lie between its inputs and outputs, in what order.

The order of layers is part of the file format: weights are stored layer by layer. It is by
depth (the longest way to an output), and within a depth by when the layer was first met.
"""

from .tensor_op import adopt_inputs, is_constant


def node_key(layer_name, node_index):
    """How a node of a network is named."""
    return f"{layer_name}_ib-{node_index}"


def node_numbers(network, first_of_networks=0):
    """{node key: number of the node among those of its layer that belong to the network}, as files count them.

    Args:
        first_of_networks: the number of a nested network's first call. It is 1 where the node that every network has
            of its own, from its inputs to its outputs, is counted as its number 0.
    """
    numbers = {}
    for layer in network.layers:
        first = first_of_networks if hasattr(layer, "_network_nodes") else 0
        for number, node in enumerate(network._nodes_of(layer), first):
            numbers[node_key(layer.name, node_index(node))] = number
    return numbers


class GraphMap:
    """Layers, nodes and depths between input and output tensors.

    Raises:
        ValueError: if a tensor cannot be reached from the inputs, or two layers share a name.
    """

    def __init__(self, inputs, outputs):
        self.layers = []
        self.node_keys = set()
        self.nodes_by_depth = {}
        self.layers_by_depth = {}
        nodes, layer_places = _walk(outputs)
        node_depths, layer_depths = _depths(nodes, inputs)
        for node in nodes:
            layer, index = node.outbound_layer, node_index(node)
            self.node_keys.add(node_key(layer.name, index))
            self.nodes_by_depth.setdefault(node_depths[node], []).append(node)
        for layer, depth in layer_depths.items():
            self.layers_by_depth.setdefault(depth, []).append(layer)
        for depth in sorted(self.layers_by_depth, reverse=True):
            group = self.layers_by_depth[depth]
            group.sort(key=lambda layer: layer_places.get(layer, -1))
            self.layers += group
        self._check_connected(inputs)
        self._check_names()

    def ordered_nodes(self):
        """Nodes in the order of computation."""
        return [n for depth in sorted(self.nodes_by_depth, reverse=True) for n in self.nodes_by_depth[depth]]

    def _check_connected(self, inputs):
        reachable = {id(x) for x in inputs}
        done = []
        for node in self.ordered_nodes():
            layer = node.outbound_layer
            if node.inbound_layers:
                for x, source in zip(node.input_tensors, node.inbound_layers):
                    if id(x) not in reachable and not (source is None and is_constant(x)):
                        raise ValueError(
                            f"Graph disconnected: cannot obtain value for tensor {x!r} at layer \"{layer.name}\". The "
                            f"following previous layers were accessed without issue: {done}. Add the missing `Input` "
                            "to the inputs of the model, or build the output from the inputs you give."
                        )
                reachable.update(id(x) for x in node.output_tensors)
            done.append(layer.name)

    def _check_names(self):
        seen = {}
        for layer in self.layers:
            if layer.name in seen:
                raise ValueError(
                    f"The name \"{layer.name}\" is used 2 times in the model. All layer names should be unique: give "
                    "one of the layers another name (name='...')."
                )
            seen[layer.name] = layer


def node_index(node):
    """The place of a node among its layer's calls."""
    cached = getattr(node, "_place", None)
    if cached is None:
        cached = node._place = next(i for i, n in enumerate(node.outbound_layer._inbound_nodes) if n is node)
    return cached


def _walk(outputs):
    """Nodes in depth-first order (inputs first), and for each layer when it was first met."""
    order, seen, open_nodes, places = [], set(), set(), {}
    for output in outputs:
        layer, index, _ = output._keras_history
        stack = [(layer._inbound_nodes[index], False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                open_nodes.discard(node)
                order.append(node)
                continue
            if node in open_nodes:
                raise ValueError(f"The tensors at layer \"{node.outbound_layer.name}\" are part of a cycle.")
            if node in seen:
                continue
            seen.add(node)
            open_nodes.add(node)
            places.setdefault(node.outbound_layer, len(places))
            stack.append((node, True))
            adopt_inputs(node)
            before = [layer._inbound_nodes[i] for layer, i in zip(node.inbound_layers, node.node_indices) if layer]
            stack.extend((n, False) for n in reversed(before) if n not in seen)
    return order, places


def _depths(nodes, inputs):
    node_depths, layer_depths = {}, {}
    for node in reversed(nodes):
        depth = node_depths.setdefault(node, 0)
        layer = node.outbound_layer
        depth = max(depth, layer_depths.get(layer, 0))
        layer_depths[layer] = node_depths[node] = depth
        for inbound, index in zip(node.inbound_layers, node.node_indices):
            if inbound is not None:
                before = inbound._inbound_nodes[index]
                node_depths[before] = max(depth + 1, node_depths.get(before, 0))
    for x in inputs:
        layer = x._keras_history[0]
        if layer not in layer_depths:
            layer_depths[layer] = 0
    return node_depths, layer_depths


def history(tensor):
    """(layer, node index, tensor index) of a tensor that a layer made."""
    return tensor._keras_history


__all__ = ["GraphMap", "history", "node_index", "node_key", "node_numbers"]
