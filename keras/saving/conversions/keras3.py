"""Configurations written by Keras 3 (legacy .h5 files and .keras archives), said in the words of Keras 2.3.1.

Keras 3's layers are those of tf.keras 2 with a few arguments more; its functional models name their tensors
by objects instead of lists. Each function takes the `config` of one object and returns it, or `(class_name, config)`.
"""

from . import tf_keras
from .refusal import Untranslatable


common = tf_keras.common


def lambda_layer(config):
    """Functions by name, or byte code wrapped in an object."""
    for argument in ("function", "output_shape"):
        value = config.get(argument)
        if isinstance(value, dict) and value.get("class_name") == "__lambda__":
            inner = value.get("config", {})
            config[argument] = [inner.get("code"), inner.get("defaults"), inner.get("closure")]
            config[f"{argument}_type"] = "lambda"
        elif isinstance(value, dict) and isinstance(value.get("config"), str):
            config[argument], config[f"{argument}_type"] = value["config"], "function"
        else:
            config.setdefault(f"{argument}_type", "raw")
    return tf_keras.lambda_layer(config)


# ------------------------------------------------------------------------------------------ functional models


def functional(config):
    """Nodes as Keras 2 writes them: a list of [layer, node, tensor, arguments] for each call."""
    config["layers"] = [_as_merge(layer) if _is_operation(layer) else layer for layer in config["layers"]]
    operations = {layer["name"] for layer in config["layers"] if _is_operation(layer)}
    config["layers"] = [layer for layer in config["layers"] if layer["name"] not in operations]
    models = {layer["name"] for layer in config["layers"] if layer["class_name"] in ("Model", "Sequential")}
    sequentials = {layer["name"] for layer in config["layers"] if layer["class_name"] == "Sequential"}
    for layer in config["layers"]:
        layer.pop("module", None)
        layer["inbound_nodes"] = [
            _node(node, models, operations, layer["name"]) for node in layer.get("inbound_nodes", [])
        ]
    for name in ("input_layers", "output_layers"):
        references = _list_of_references(config[name])
        _refuse_operations(references, operations, "output of the model")
        # Here, unlike in the nodes, Keras 3 counts the node that a nested functional model brings along.
        config[name] = [_reference(reference, sequentials) for reference in references]
    return tf_keras.functional(config)


def _is_operation(layer):
    """Keras 3 notes arithmetic on tensors as it does layers. Masks are made by such operations."""
    module = layer.get("module")
    if not module:  # .h5 files name none
        return layer["class_name"] in _MASKS
    return module.startswith(("keras.src.ops", "keras.ops"))


# What masks are made by, and no layers' names.
_MASKS = ("Any", "ExpandDims", "LogicalAnd", "LogicalOr", "NotEqual", "OnesLike", "ZerosLike")

# Arithmetic between two tensors that a merging layer of the same name does as well.
_MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")


def _as_merge(operation):
    """The layer for `a + b` of two tensors; any other operation comes back as it is."""
    nodes = operation.get("inbound_nodes", [])
    if operation["class_name"] not in _MERGES or not all(_joins_two(node) for node in nodes):
        return operation
    name = operation["name"]
    return {"class_name": operation["class_name"], "config": {"name": name}, "name": name, "inbound_nodes": nodes}


def _joins_two(node):
    arguments = isinstance(node, dict) and node.get("args", [])
    return bool(arguments) and len(arguments) == 2 and all(len(_tensors(value)) == 1 for value in arguments)


def _refuse_operations(references, operations, where):
    for name, _, _ in references:
        if name in operations:
            raise Untranslatable(
                f"the operation {name!r}, {where}, is arithmetic on tensors outside of any layer, which Keras 2 does"
                " not store. In Keras 3, put it into a layer (Add, Multiply, ..., Lambda) before saving"
            )


def _list_of_references(value):
    """["dense", 0, 0] for one, [["dense", 0, 0], ...] for several; dicts and deeper nests name tensors by keys."""
    if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, list) and len(item) == 3 for item in value):
        return value
    raise Untranslatable("inputs or outputs in a dict or in nested lists have no equal in Keras 2.3.1")


def _reference(reference, models):
    """[layer, node, tensor]; the node that a nested model brings along counts in Keras 2."""
    name, node, tensor = reference
    return [name, node + 1 if name in models else node, tensor]


def _node(node, models, operations, layer_name):
    if isinstance(node, list):  # already as in Keras 2
        return node
    inputs = _tensors(node.get("args", []))
    arguments = {}
    for name, value in node.get("kwargs", {}).items():
        tensors = _tensors(value)
        if tensors and name in ("initial_state", "inputs"):
            inputs += tensors
        elif tensors and not (name == "mask" and all(tensor[0] in operations for tensor in tensors)):
            raise Untranslatable(
                f"the tensor argument {name} of the call of layer {layer_name!r} has no equal in Keras 2.3.1"
            )
        elif not tensors and value is not None and not (name == "training" and value is False):
            arguments[name] = value
    _refuse_operations(inputs, operations, f"input of layer {layer_name!r}")
    return [_reference(tensor, models) + [arguments] for tensor in inputs]


def _tensors(value):
    """The references inside an argument, in order."""
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        return [value["config"]["keras_history"]]
    if isinstance(value, list):
        return [tensor for item in value for tensor in _tensors(item)]
    return []


LAYERS = dict(tf_keras.LAYERS)
LAYERS.update({"Functional": functional, "Lambda": lambda_layer})

OBJECTS = dict(tf_keras.OBJECTS)
