"""A model of ours described in Keras 3's words: config.json of a `.keras` archive.

Layers go through `conversions.to_keras3`; this module does what needs the live model: the graph, in which Keras
3 names every tensor with its shape, and layers inside layers.
"""

import warnings

from .. import backend as K
from ..engine.graph_map import node_key, node_numbers
from ..engine.input_layer import InputLayer
from .config import model_config, plain
from .conversions import to_keras3


def of_model(model):
    """{"module", "class_name", "config", "registered_name"} of a model.

    Raises:
        NotImplementedError: for a model that lives in Python code.
        Untranslatable (a ValueError): for a layer that Keras 3 does not have or that computes something else there.
    """
    from ..engine.sequential import Sequential

    if isinstance(model, Sequential):
        return to_keras3.described("keras", "Sequential", _sequential(model))
    if not getattr(model, "_is_graph_network", False):
        model_config(model)  # says why there is no configuration
    return to_keras3.described("keras.src.models.functional", "Functional", _functional(model), "Functional")


def _sequential(model):
    first = model._layers[0] if model._layers else None
    layers = [_of_layer(layer) for layer in model.layers]
    if isinstance(first, InputLayer):
        layers.insert(0, _of_layer(first))
    elif model.inputs:
        shape = K.int_shape(model.inputs[0])
        layers.insert(0, _input(model.input_names[0], shape, K.dtype(model.inputs[0])))
    return {"name": model.name, "trainable": model.trainable, "layers": layers}


def _input(name, shape, dtype, sparse=False):
    config = {"batch_shape": list(shape), "dtype": dtype, "sparse": sparse, "name": name}
    return to_keras3.described("keras.layers", "InputLayer", config)


# ------------------------------------------------------------------------------------------ layers


def _of_layer(layer):
    """One layer, with whatever is inside it."""
    if hasattr(layer, "_network_nodes") or hasattr(layer, "_build_input_shape"):
        return of_model(layer)
    if isinstance(layer, InputLayer):
        return _input(layer.name, layer.batch_input_shape, layer.dtype, layer.sparse)
    config = plain(layer.get_config())
    _put_inside(layer, config)
    _warn_of_masked_steps(layer)
    return to_keras3.layer(layer, config)


def _put_inside(layer, config):
    """Layers in the configuration, in Keras 3's words as well."""
    from ..layers import Bidirectional

    if isinstance(layer, Bidirectional):
        inner = _of_layer(layer.forward_layer)
        inner["config"]["name"] = inner["config"]["name"].removeprefix("forward_")
        config["layer"] = inner
        return
    for name in ("layer", "cell"):
        if isinstance(config.get(name), dict) and "class_name" in config[name]:
            config[name] = _of_layer(getattr(layer, name))
    if isinstance(config.get("cells"), list):
        config["cells"] = [_of_layer(cell) for cell in layer.cells]


def _warn_of_masked_steps(layer):
    from ..layers import Bidirectional

    if not isinstance(layer, Bidirectional) or not layer.return_sequences:
        return
    if layer.forward_layer.get_config().get("zero_output_for_mask"):
        return
    if any(mask is not None for node in layer._inbound_nodes for mask in node.input_masks):
        warnings.warn(
            f"The Bidirectional {layer.name!r} gets a mask. At masked steps Keras 3 gives zeros, where Keras 2 repeats"
            " the output before: predictions for padded sequences can differ there.",
            stacklevel=10,
        )


# ------------------------------------------------------------------------------------------ graphs


def _functional(model):
    numbers = node_numbers(model)
    layers = []
    for layer in model.layers:
        nodes = [_node(node, numbers) for node in model._nodes_of(layer) if node.inbound_layers]
        layers.append({**_of_layer(layer), "name": layer.name, "inbound_nodes": nodes})
    return {
        "name": model.name,
        "trainable": model.trainable,
        "layers": layers,
        "input_layers": _places(model._input_coordinates, numbers),
        "output_layers": _places(model._output_coordinates, numbers),
    }


def _places(coordinates, numbers):
    """Inputs and outputs of the graph. Only here Keras 3 counts a nested functional model's own node."""
    return [
        [layer.name, numbers[node_key(layer.name, node)] + _is_functional(layer), tensor]
        for layer, node, tensor in coordinates
    ]


def _is_functional(layer):
    return hasattr(layer, "_network_nodes") and not hasattr(layer, "_build_input_shape")


def _node(node, numbers):
    """One call: positional and keyword arguments, tensors as objects."""
    tensors = [
        {
            "class_name": "__keras_tensor__",
            "config": {
                "shape": list(K.int_shape(tensor)),
                "dtype": K.dtype(tensor),
                "keras_history": [layer.name, numbers[node_key(layer.name, index)], place],
            },
        }
        for layer, index, place, tensor in zip(
            node.inbound_layers, node.node_indices, node.tensor_indices, node.input_tensors, strict=True
        )
    ]
    arguments = {name: value for name, value in (node.arguments or {}).items() if _is_plain(value)}
    if len(tensors) > 1 and _takes_states(node.outbound_layer):
        return {"args": tensors[:1], "kwargs": {**arguments, "initial_state": tensors[1:]}}
    return {"args": [tensors[0] if len(tensors) == 1 else tensors], "kwargs": arguments}


def _takes_states(layer):
    from ..layers import RNN, Bidirectional

    if not isinstance(layer, (RNN, Bidirectional)):
        return False
    if layer._num_constants:
        raise to_keras3.Untranslatable(
            f"The layer {layer.name!r} is called with constants, which .keras archives cannot say. Save the model as"
            " .h5 instead."
        )
    return True


def _is_plain(value):
    return value is None or isinstance(value, (bool, int, float, str))
