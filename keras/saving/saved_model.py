"""SavedModel folders of tf.keras 2, read as the HDF5 files that tf.keras would have written.

    keras_metadata.pb     protocol buffer: for each layer its place ('root.layer-0') and its configuration as JSON
    saved_model.pb        holds the configurations where tf.keras is older than 2.5, besides the graph
    variables/            a checkpoint with the numbers, and how objects hang together

Nothing of the graph is run. The state of the optimizer is in the checkpoint too: as a list from TensorFlow 2.11 on,
before that as "slots" of the trained variables.
"""

import json
import os

import numpy as np

from ..utils.user_warnings import warn_user
from . import config, hdf5, weights_file
from .hdf5 import CorruptFileError
from .sources import Named

MARK, METADATA = "saved_model.pb", "keras_metadata.pb"
_CHECKPOINT = os.path.join("variables", "variables")
_OBJECTS = "_CHECKPOINTABLE_OBJECT_GRAPH"


def is_one(path):
    """Whether a path is that of a SavedModel's folder."""
    return isinstance(path, (str, os.PathLike)) and os.path.isfile(os.path.join(path, MARK))


def as_hdf5(path):
    """The bytes of an HDF5 file with the architecture, the weights and the training configuration.

    Raises:
        ImportError: without TensorFlow.
        ValueError: for a SavedModel that no Keras wrote.
        CorruptFileError: for a damaged one.
    """
    folder = os.fspath(path)
    described = _root(folder)
    if not isinstance(described.get("config"), dict) or "layers" not in described["config"]:
        raise ValueError(_no_configuration(folder))
    try:
        return _written(folder, described, _Checkpoint(folder))
    except (IndexError, KeyError) as error:
        raise CorruptFileError(f"{folder!r} is damaged ({error!r}).") from error


def _written(folder, described, checkpoint):
    layers = [layer["config"]["name"] for layer in _layers(described, folder)]
    # Sequential models count their InputLayer, where they write it down, as a layer only in the configuration.
    places = _numbered("layer-", checkpoint.children(0))
    if len(places) == len(layers) - 1:
        layers = layers[1:]
    if len(places) != len(layers):
        raise CorruptFileError(f"{folder!r} describes {len(layers)} layers, but holds {len(places)}.")

    def fill(group):
        _write_texts(group, described)
        inner = group.create_group("model_weights")
        hdf5.write_names(inner, "layer_names", layers)
        for name, place in zip(layers, places, strict=True):
            names, arrays = checkpoint.weights(checkpoint.children(0)[place])
            weights_file.write_named_arrays(inner.create_group(name), names, arrays)
        if described.get("training_config"):
            _write_state(group, checkpoint)

    data = Named(hdf5.file_as_bytes(fill), folder)
    data.label = f"the SavedModel {folder!r}"
    return data


def _write_texts(group, described):
    hdf5.write_text(group, "keras_version", described.get("keras_version", "2.4.0"))
    hdf5.write_text(group, "backend", described.get("backend", "tensorflow"))
    architecture = {"class_name": described["class_name"], "config": described["config"]}
    hdf5.write_text(group, "model_config", json.dumps(architecture))
    if described.get("training_config"):
        hdf5.write_text(group, "training_config", json.dumps(described["training_config"]))


def _write_state(group, checkpoint):
    """The state of the optimizer, where there is one."""
    names, arrays = checkpoint.optimizer()
    if names:
        weights_file.write_named_arrays(group.create_group("optimizer_weights"), names, arrays)
    else:
        warn_user(f"{checkpoint.label!r} holds no state of the optimizer: training goes on with a fresh one.")


def _layers(described, folder):
    layers = described["config"]["layers"]
    if not isinstance(layers, list) or not all(isinstance(x, dict) and "name" in x.get("config", ()) for x in layers):
        raise CorruptFileError(f"{folder!r}: the description of the layers is damaged.")
    return layers


def _numbered(prefix, names):
    found = [name for name in names if name.startswith(prefix) and name[len(prefix) :].isdecimal()]
    return sorted(found, key=lambda name: int(name[len(prefix) :]))


# ------------------------------------------------------------------------------------------ configurations


def _root(folder):
    """What the folder says of the model itself."""
    path = os.path.join(folder, METADATA)
    text = _root_of_metadata(path) if os.path.isfile(path) else _root_of_graph(folder)
    if not text:
        raise ValueError(_no_configuration(folder))
    described = config.parse_json(text, f"{folder!r}: the configuration of the model")
    if not isinstance(described, dict):
        raise CorruptFileError(f"{folder!r}: the configuration of the model is damaged.")
    return _plain(described)


def _plain(value):
    """The value with lists where SavedModels say that it was a tuple or a shape."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and isinstance(value.get("items"), list):
        return _plain(value["items"])
    return {key: _plain(item) for key, item in value.items()}


def _root_of_metadata(path):
    """The JSON text for 'root' in keras_metadata.pb.

    SavedMetadata has the field nodes (1) of SavedObject, which has node_path (3) and metadata (5).
    """
    with open(path, "rb") as file:
        data = file.read()
    try:
        for number, node in _fields(data):
            if number == 1:
                fields = dict(_fields(node))
                if fields.get(3) == b"root":
                    return fields.get(5)
    except (IndexError, ValueError, TypeError) as error:
        raise CorruptFileError(f"{path!r} is damaged ({error}).") from error
    return None


def _fields(data):
    """(number, value) for the fields of a protocol buffer's message: bytes, or an int."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
        else:
            if kind not in (1, 2, 5):
                raise ValueError(f"no field is of kind {kind}")
            length, at = _varint(data, at) if kind == 2 else (8 if kind == 1 else 4, at)
            if at + length > len(data):
                raise ValueError("it ends in the middle of a field")
            value, at = data[at : at + length], at + length
        yield key >> 3, value


def _varint(data, at):
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number is too long")


def _root_of_graph(folder):
    """The JSON text for the model in saved_model.pb."""
    _tensorflow(folder)
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    found = saved_model_pb2.SavedModel()
    try:
        with open(os.path.join(folder, MARK), "rb") as file:
            found.ParseFromString(file.read())
    except DecodeError as error:
        raise CorruptFileError(f"{os.path.join(folder, MARK)!r} is damaged ({error}).") from error
    nodes = found.meta_graphs[0].object_graph_def.nodes if found.meta_graphs else ()
    return nodes[0].user_object.metadata if nodes else None


def _no_configuration(folder):
    return (
        f"{folder!r} is a SavedModel without a Keras configuration (made by model.export, by TensorFlow, or of a "
        "subclassed model): it can be served, with tf.saved_model.load(path), but not made a Keras model again. "
        "Where the code of the model is at hand, build it and load its weights from a file of save_weights."
    )


# ------------------------------------------------------------------------------------------ numbers


class _Checkpoint:
    """The variables of a SavedModel and the tree of objects that own them."""

    def __init__(self, folder):
        tf = _tensorflow(folder)
        from tensorflow.core.protobuf import trackable_object_graph_pb2

        try:
            self._reader = tf.train.load_checkpoint(os.path.join(folder, _CHECKPOINT))
            graph = trackable_object_graph_pb2.TrackableObjectGraph()
            graph.ParseFromString(self._reader.get_tensor(_OBJECTS))
        except Exception as error:  # TensorFlow's errors share no class
            raise CorruptFileError(f"{folder!r}: the variables cannot be read ({error}).") from error
        self._nodes = graph.nodes
        self.label = folder

    def children(self, node):
        """{name: node's number}"""
        return {child.local_name: child.node_id for child in self._nodes[node].children}

    def weights(self, layer):
        """(names, arrays) in the order of `layer.weights`: the trained ones first."""
        children = self.children(layer)
        trained, every = (self._list(children.get(name)) for name in ("trainable_variables", "variables"))
        return self._variables(dict.fromkeys([*trained, *every]))

    def optimizer(self):
        """(names, arrays) of the state, in the order of tf.keras's `optimizer.get_weights()`; empty without one."""
        place = self.children(0).get("optimizer")
        if place is None:
            return [], []
        children = self.children(place)
        if "_variables" in children:
            return self._variables(self._list(children["_variables"]))
        slots = {(s.slot_name, s.original_variable_node_id): s.slot_variable_node_id for s in self._slots(place)}
        trained = self._list(self.children(0).get("trainable_variables"))
        ordered = [slots.get((kind, node)) for kind in dict.fromkeys(kind for kind, _ in slots) for node in trained]
        return self._variables([children["iter"], *(node for node in ordered if node is not None)])

    def _slots(self, optimizer):
        return self._nodes[optimizer].slot_variables

    def _variables(self, nodes):
        """(names, arrays) of nodes that are variables."""
        names, arrays = [], []
        for node in nodes:
            (attribute,) = self._nodes[node].attributes
            name = attribute.full_name
            names.append(f"{name}:0" if f"{name}:0" not in names else f"{name}_{node}:0")
            arrays.append(np.asarray(self._reader.get_tensor(attribute.checkpoint_key)))
        return names, arrays

    def _list(self, node):
        if node is None:
            return []
        children = self.children(node)
        return [children[name] for name in _numbered("", children)]


def _tensorflow(folder):
    try:
        import tensorflow
    except ImportError as error:
        raise ImportError(
            f"Reading the SavedModel {folder!r} needs TensorFlow: pip install tensorflow. (Or, where it is installed, "
            "load it in tf.keras and save it as HDF5: model.save('model.h5').)"
        ) from error
    return tensorflow


__all__ = ["as_hdf5", "is_one"]
