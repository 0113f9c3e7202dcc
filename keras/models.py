"""Models: making, cloning, saving and loading them."""

from . import backend as K
from .engine.input_layer import Input, InputLayer
from .engine.saving import load_model, model_from_config, model_from_json, model_from_yaml, save_model
from .engine.sequential import Sequential
from .engine.training import Model
from .utils.custom_objects import make_from_config
from .utils.generic_utils import has_arg, to_list, unpack_singleton  # noqa: F401 (names that Keras 2 has here)
from .utils.layer_utils import get_source_inputs


def clone_model(model, input_tensors=None):
    """A model of the same architecture with new weights.

    Args:
        input_tensors: tensors (or a list of them) to build on, in place of new inputs.

    Raises:
        ValueError: for something that is not a graph model.
    """
    if not isinstance(model, Model) or not (model._is_graph_network or isinstance(model, Sequential)):
        raise ValueError(f"Expected a functional or Sequential `Model` instance, got: {model!r}")
    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors)
    clones = {id(layer): _clone(layer) for layer in model.layers}
    inputs = [_as_input(t) for t in to_list(input_tensors)] if input_tensors is not None else _new_inputs(model)
    made = {id(old): new for old, new in zip(model.inputs, inputs)}
    for node in model._ordered_nodes:
        if not node.inbound_layers:
            continue
        outputs = clones[id(node.outbound_layer)](
            unpack_singleton([made.get(id(x), x) for x in node.input_tensors]), **(node.arguments or {})
        )
        made.update((id(old), new) for old, new in zip(node.output_tensors, to_list(outputs)))
    return type(model)(inputs, [made[id(x)] for x in model.outputs], name=model.name)


def _clone(layer):
    return make_from_config(type(layer), layer.get_config())


def _clone_sequential(model, input_tensors):
    if input_tensors is None:
        return Sequential([_clone(layer) for layer in model._added_layers], name=model.name)
    source = _as_input(to_list(input_tensors)[0])._keras_history[0]
    return Sequential([source, *(_clone(layer) for layer in model.layers)], name=model.name)


def _new_inputs(model):
    return [
        Input(batch_shape=layer.batch_input_shape, dtype=layer.dtype, sparse=layer.sparse, name=layer.name)
        for layer in model._input_layers
    ]


def _as_input(tensor):
    if K.is_keras_tensor(tensor) and isinstance(tensor._keras_history[0], InputLayer):
        return tensor
    return Input(tensor=K.identity(tensor))


__all__ = [
    "Input", "Model", "Sequential", "clone_model", "get_source_inputs", "load_model", "model_from_config",
    "model_from_json", "model_from_yaml", "save_model",
]  # fmt: skip
