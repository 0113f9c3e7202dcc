"""Tables of layers, counts of weights, and where a tensor comes from."""

import numpy as np

from .. import backend as K
from .conv_utils import convert_kernel


def count_params(weights):
    """The number of numbers in some variables, each counted once."""
    return int(np.sum([K.count_params(p) for p in dict.fromkeys(weights)]))


def get_source_inputs(tensor, layer=None, node_index=None):
    """The input tensors that a tensor was computed from.

    Args:
        layer, node_index: where to start, if not at the call that made the tensor.
    """
    if not hasattr(tensor, "_keras_history"):
        return tensor
    if layer is None or node_index is None:
        layer, node_index, _ = tensor._keras_history
    if not layer._inbound_nodes:
        return [tensor]
    found, seen, stack = [], set(), [layer._inbound_nodes[node_index]]
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if not node.inbound_layers:
            found += [x for x in node.input_tensors if not any(x is f for f in found)]
            continue
        before = [
            source._inbound_nodes[index] for source, index in zip(node.inbound_layers, node.node_indices) if source
        ]
        stack.extend(reversed(before))
    return found


def print_summary(model, line_length=None, positions=None, print_fn=None):
    """Prints a table of the layers, their output shapes and numbers of weights.

    Args:
        line_length: characters in a line.
        positions: where columns end, as shares of the line.
        print_fn: called with each line, `print` if None.
    """
    print_fn = print_fn or print
    sequential = _is_sequential(model)
    if sequential:
        line_length, positions = line_length or 65, positions or [0.45, 0.85, 1.0]
        fields = ["Layer (type)", "Output Shape", "Param #"]
    else:
        line_length, positions = line_length or 98, positions or [0.33, 0.55, 0.67, 1.0]
        fields = ["Layer (type)", "Output Shape", "Param #", "Connected to"]
    if positions[-1] <= 1:
        positions = [int(line_length * p) for p in positions]

    def row(values):
        line = ""
        for i, value in enumerate(values):
            line = (line[:-1] + " " if i else "") + str(value)
            line = line[: positions[i]]
            line += " " * (positions[i] - len(line))
        print_fn(line)

    print_fn(f'Model: "{model.name}"')
    print_fn("_" * line_length)
    row(fields)
    print_fn("=" * line_length)
    for i, layer in enumerate(model.layers):
        first = [f"{layer.name} ({type(layer).__name__})", _output_shape(layer), layer.count_params()]
        connections = [] if sequential else _connections(layer, model)
        row(first + ([] if sequential else [connections[0] if connections else ""]))
        for more in connections[1:]:
            row(["", "", "", more])
        print_fn(("=" if i == len(model.layers) - 1 else "_") * line_length)
    trainable, frozen = _counts(model)
    print_fn(f"Total params: {trainable + frozen:,}")
    print_fn(f"Trainable params: {trainable:,}")
    print_fn(f"Non-trainable params: {frozen:,}")
    print_fn("_" * line_length)


def _counts(model):
    trainable = getattr(model, "_collected_trainable_weights", None) or model.trainable_weights
    if hasattr(model, "_check_trainable_weights_consistency"):
        model._check_trainable_weights_consistency()
    return count_params(trainable), count_params(model.non_trainable_weights)


def _is_sequential(model):
    """Whether layers simply follow one another: then the column of connections says nothing."""
    if type(model).__name__ == "Sequential" or not model._is_graph_network:
        return True
    single = all(len(nodes) == 1 and len(nodes[0].inbound_layers) <= 1 for nodes in model._nodes_by_depth.values())
    return single and all(
        len(layer._inbound_nodes) <= 1 for layer in model.layers if not hasattr(layer, "_network_nodes")
    )


def _output_shape(layer):
    try:
        return layer.output_shape
    except AttributeError:
        return "multiple"


def _connections(layer, model):
    found = []
    for node in model._nodes_of(layer):
        triples = zip(node.inbound_layers, node.node_indices, node.tensor_indices)
        found += [f"{inbound.name}[{n}][{t}]" for inbound, n, t in triples if inbound]
    return found


def convert_all_kernels_in_model(model):
    """Turns all convolution kernels round: from Theano's convention to TensorFlow's, or back."""
    names = {"Conv1D", "Conv2D", "Conv3D", "Convolution1D", "Convolution2D", "Convolution3D", "Conv2DTranspose"}
    values = [
        (layer.kernel, convert_kernel(K.get_value(layer.kernel)))
        for layer in model.layers
        if type(layer).__name__ in names
    ]
    K.batch_set_value(values)


def convert_dense_weights_data_format(dense, previous_feature_map_shape, target_data_format="channels_first"):
    """Reorders a Dense kernel that followed a Flatten, after the images changed their data format.

    Args:
        previous_feature_map_shape: shape of what was flattened, such as (512, 7, 7).
        target_data_format: the format the kernel is made for.
    """
    kernel, bias = dense.get_weights()
    converted = np.zeros_like(kernel)
    for i in range(kernel.shape[1]):
        column = kernel[:, i]
        if target_data_format == "channels_first":
            c, h, w = previous_feature_map_shape
            column = column.reshape((h, w, c)).transpose((2, 0, 1))
        else:
            h, w, c = previous_feature_map_shape
            column = column.reshape((c, h, w)).transpose((1, 2, 0))
        converted[:, i] = column.reshape(-1)
    dense.set_weights([converted, bias])
