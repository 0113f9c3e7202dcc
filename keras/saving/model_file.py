"""Whole models, and weights alone, in HDF5 files of Keras 2's layout.

attributes         keras_version, backend, model_config (JSON), training_config (JSON, if compiled)
model_weights/     see `weights_file`
optimizer_weights/ the optimizer's state, in the order of optimizer.weights
"""

import io
import json
import os

from ..utils.io_utils import ask_to_proceed_with_overwrite
from . import archive, atomic, config, hdf5, portable, safetensors_file, saved_model, sources, training_config
from . import variable_tree, weights_file
from .cloud import allow_read_from_gcs, allow_write_to_gcs
from .hdf5 import CorruptFileError

_MODEL_PARTS = ("model_weights", "optimizer_weights")
_MODEL_ATTRIBUTES = ("keras_version", "backend", "model_config", "training_config", training_config.EXACT)


# ------------------------------------------------------------------------------------------ whole models


@allow_write_to_gcs
def save_model(model, filepath, overwrite=True, include_optimizer=True):
    """Writes architecture, weights and, if compiled, the training configuration with the optimizer's state.

    Args:
        filepath: a path (str or pathlib.Path; `.keras` for Keras 3's format), an open h5py.File or h5py.Group, or a
            file object opened for writing bytes. A file at a path appears whole or not at all.
        overwrite: if False and the file exists, ask.
        include_optimizer: whether to write the optimizer and its state.

    Raises:
        FileExistsError: where it would have to ask and nobody can answer.
    """
    _refuse_unbuilt(model)
    if sources.wants_archive(filepath):
        path = os.fspath(filepath)
        if may_write(path, overwrite):
            atomic.write_bytes(path, archive.as_bytes(model, include_optimizer))
        return
    architecture = json.dumps(portable.model(config.plain(config.model_config(model))))

    def fill(group):
        hdf5.write_text(group, "backend", weights_file.STORED_BACKEND)
        hdf5.write_text(group, "keras_version", weights_file.STORED_VERSION)
        hdf5.write_text(group, "model_config", architecture)
        weights_file.write_weights(group.create_group("model_weights"), model.layers)
        if include_optimizer and getattr(model, "optimizer", None):
            training_config.write_training(group, model)

    _write(fill, filepath, overwrite)


@allow_read_from_gcs
def load_model(filepath, custom_objects=None, compile=True, *, safe_mode=True):
    """A model from a file of `save_model`, of Keras 1, 2 or 3, or of tf.keras 2 (HDF5 or `.keras`).

    Args:
        filepath: a path, bytes, a file object opened for reading bytes, or an open h5py.File or h5py.Group; also the
            folder of a SavedModel of tf.keras 2 (TensorFlow is needed to read it; the optimizer's state is left).
        custom_objects: {name: class or function} for what is the user's own. A function under a Lambda layer's name
            takes the place of that layer's stored code.
        compile: whether to compile the model as it was, optimizer state included.
        safe_mode: True refuses to run code that is stored in the file (Lambda layers); False runs it.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: for a damaged file, or one that is not HDF5.
        ValueError: if there is no model in it, or unknown layers or arguments, or code.
    """
    if saved_model.is_one(filepath):
        filepath = saved_model.as_hdf5(filepath)
    head, source = sources.peek(filepath)
    if sources.is_archive(head):
        return archive.load(source, custom_objects, compile, safe_mode)
    if safetensors_file.is_one(head):
        raise ValueError(
            f"No model found in {sources.label_of(source)}: safetensors hold weights only. Build the model from its"
            " code or JSON and call model.load_weights(path)."
        )
    with hdf5.open_for_reading(source) as root:
        return _load_hdf5(root, custom_objects, compile, safe_mode)


def _load_hdf5(root, custom_objects, compile, safe_mode):
    text = root.text("model_config")
    if text is None:
        raise ValueError(_no_model(root))
    architecture = config.parse_json(text, f"{root.label}: the architecture stored in it")
    if not isinstance(architecture, dict) or "config" not in architecture or "class_name" not in architecture:
        raise CorruptFileError(f"{root.label}: the attribute model_config does not describe a model.")
    if "model_weights" not in root:
        raise CorruptFileError(
            f"{root.label} has an architecture but no group 'model_weights': it is incomplete."
        )
    weights, origin = weights_file.find_weights(root)
    model = config.build(portable.own_model(architecture), origin, custom_objects, safe_mode)
    _refuse_shapeless(model, weights, root.label)
    weights_file.load_topological(weights, model.layers, origin=origin)
    variable_tree.warn_of_scaling(model, origin)
    if compile:
        training_config.restore_training(root, model, origin, custom_objects)
    return model


def _refuse_shapeless(model, weights, label):
    """A Sequential whose first layer is the user's, with a get_config that forgets the shape, has no weights."""
    if not model.built and model.layers and weights_file.holds_any(weights):
        first = type(model.layers[0]).__name__
        raise ValueError(
            f"{label}: the model does not know its input shape. If its first layer, {first}, is your own: its"
            " get_config must begin with what `super().get_config()` gives, where the shape and the name are. From"
            " this file the weights can be had: build the model by its code and call model.load_weights(path)."
        )


def _no_model(root):
    if "model_weights" not in root and (
        root.has_attribute("layer_names") or root.has_attribute("layer_names0")
    ):
        return (
            f"No model found in config: {root.label} holds weights only (it was made by save_weights). Build"
            " the model from its code or JSON and call model.load_weights(path)."
        )
    return f"No model found in config: {root.label} is an HDF5 file, but not a Keras model (no model_config)."


def _refuse_unbuilt(model):
    if not getattr(model, "built", True) and not model.weights:
        raise ValueError(
            "This model has not been built, so there are no weights to save. Give the first layer an "
            "input_shape, or call model.build(input_shape) or fit first."
        )


# ------------------------------------------------------------------------------------------ weights alone


@allow_write_to_gcs
def save_weights(model, filepath, overwrite=True):
    """Writes the weights of all layers.

    Args:
        filepath, overwrite: as in `save_model`; a name ending in `.safetensors` gives such a file.
    """
    _refuse_unbuilt(model)
    if isinstance(filepath, (str, os.PathLike)) and os.fspath(filepath).endswith(safetensors_file.EXTENSION):
        path = os.fspath(filepath)
        if may_write(path, overwrite):
            atomic.write_bytes(path, safetensors_file.as_bytes(model.layers))
        return
    _write(lambda group: weights_file.write_weights(group, model.layers), filepath, overwrite)


@allow_read_from_gcs
def load_weights(model, filepath, by_name=False, skip_mismatch=False, reshape=False):
    """Sets the weights of `model` from a file of `save_weights` or `save_model`.

    Args:
        by_name: go by layer names instead of by order; layers that are not in the file keep their weights.
        skip_mismatch: (with by_name) warn about layers whose weights differ in number or shape, and keep theirs.
        reshape: allow arrays to be reshaped where only the shape differs.

    Raises:
        ValueError: with layers and shapes, if the file does not fit; the model is then unchanged.
    """
    if skip_mismatch and not by_name:
        raise ValueError(
            "When calling model.load_weights, skip_mismatch can only be set to True when by_name is True."
        )
    weights_file.check_built(model)
    head, source = sources.peek(filepath)
    if sources.is_archive(head):
        _only_by_order(by_name, reshape)
        return archive.load_weights(model, source)
    if safetensors_file.is_one(head):
        data, label = sources.read(source)
        return safetensors_file.load(model, data, label, by_name, skip_mismatch, reshape)
    with hdf5.open_for_reading(source) as root:
        if variable_tree.is_one(root):
            _only_by_order(by_name, reshape)
            return archive.load_tree(root, model, variable_tree.origin(root))
        group, origin = weights_file.find_weights(root)
        weights_file.warn_of_other_gates(model.layers, origin)
        if by_name:
            weights_file.load_by_name(group, model.layers, skip_mismatch, reshape, origin)
        else:
            weights_file.load_topological(group, model.layers, reshape, origin)
        variable_tree.warn_of_scaling(model, origin)


def _only_by_order(by_name, reshape):
    if by_name or reshape:
        raise ValueError(
            "Files in Keras 3's layout (.keras, .weights.h5) name no weights: they are loaded by order, without"
            " by_name and reshape. To pick layers by name, load the whole model and copy:"
            " model.get_layer(name).set_weights(other.get_layer(name).get_weights())."
        )


# ------------------------------------------------------------------------------------------ pickle


def pickle_model(model):
    """The state under which a model is pickled: the bytes of its HDF5 file."""
    file = io.BytesIO()
    save_model(model, file)
    return {"hdf5": file.getvalue()}


def unpickle_model(state):
    """The model back from `pickle_model`'s state. (A pickle can run code anyway: code in it is let run.)"""
    return load_model(state["hdf5"], compile=True, safe_mode=False)


# ------------------------------------------------------------------------------------------ where to


def _write(fill, target, overwrite):
    """Calls `fill(group)` so that `target` gets the whole of it or stays as it was."""
    group = hdf5.as_h5py_group(target)
    if group is not None:
        _write_into_group(fill, group)
    elif isinstance(target, (str, os.PathLike)):
        path = os.fspath(target)
        if not may_write(path, overwrite):
            return
        with atomic.replacing(path) as temporary, hdf5.new_file(temporary) as file:
            fill(file)
    elif hasattr(target, "write"):
        target.write(hdf5.file_as_bytes(fill))  # made in memory first: all of it or nothing
    else:
        raise TypeError(
            f"Cannot save to {target!r}: give a path, an h5py.File or Group, or a file object opened with "
            "'wb'."
        )


def may_write(path, overwrite):
    """Whether to write the file `path`: asks where there is one already and `overwrite` is False."""
    return overwrite or not os.path.isfile(path) or ask_to_proceed_with_overwrite(path)


def _write_into_group(fill, group):
    """Fills a group of the user's open file; what an earlier save left there goes once the new is made."""
    with hdf5.held_in_memory(fill) as new:
        stale = [name for name in group.attrs if name in _MODEL_ATTRIBUTES]
        for name in stale:
            del group.attrs[name]
        for name in list(group.keys()):
            if name in _MODEL_PARTS or name in new:
                del group[name]
        for name in new:
            new.copy(name, group)
        for name, value in new.attrs.items():
            group.attrs[name] = value
