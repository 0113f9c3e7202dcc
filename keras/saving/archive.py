"""Keras 3's `.keras` archives: a zip of metadata.json, config.json and model.weights.h5.

The configuration is in Keras 3's words (`conversions.keras3` reads them, `conversions.to_keras3` writes them);
the weights lie as `variable_tree` tells.
"""

import contextlib
import json
import time

from .. import backend as K
from .. import optimizers
from ..utils.user_warnings import warn_user
from . import config, hdf5, keras3_config, training_config, variable_tree, weights_file, zips
from .conversions import CURRENT, Untranslatable, hard_sigmoid, origin_of, to_keras3_training, training, weights
from .hdf5 import CorruptFileError
from .sources import label_of

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"

# The version whose words we write; ours stands beside it.
WRITTEN_VERSION = "3.0.0"
OURS = "keras_classic"


# ------------------------------------------------------------------------------------------ writing


def as_bytes(model, include_optimizer=True):
    """The archive of a built `model`.

    Raises:
        Untranslatable (a ValueError): for a layer that Keras 3 does not have or that computes something else there.
        NotImplementedError: for a model that has no configuration.
    """
    description = keras3_config.of_model(model)
    metadata = {"keras_version": WRITTEN_VERSION, "date_saved": time.strftime("%Y-%m-%d@%H:%M:%S"), OURS: {}}
    compiled = include_optimizer and getattr(model, "optimizer", None) is not None
    if compiled and not isinstance(model.optimizer, optimizers.TFOptimizer):
        stored = config.plain(training_config.training_config(model))
        # In our own words too, as Keras 3's have none for `decay` with Nadam, sample_weight_mode and more.
        metadata[OURS]["training_config"] = stored
        try:
            description["compile_config"] = to_keras3_training.compile_config(stored)
        except Untranslatable as error:
            warn_user(f"In Keras 3 the archive will give a model that is not compiled: {error}.")

    def fill(group):
        variable_tree.write(group, model, _as_wanted_there)
        state = getattr(model.optimizer, "weights", None) if metadata[OURS] else None
        if state:
            arrays = to_keras3_training.optimizer_state(
                type(model.optimizer).__name__,
                K.batch_get_value(state),
                len(model._collected_trainable_weights),
                model.optimizer.get_config(),
            )
            variable_tree.write_numbered(group.create_group("optimizer/vars"), arrays)

    return zips.archive_as_bytes(
        [
            (METADATA, json.dumps(metadata).encode()),
            (CONFIG, json.dumps(description, default=config.as_json).encode()),
            (WEIGHTS, hdf5.file_as_bytes(fill)),
        ]
    )


def _as_wanted_there(layer, variables, values):
    return hard_sigmoid.rescale(layer, weights.plain_from_cudnn(layer, values), hard_sigmoid.TO_KERAS3)


# ------------------------------------------------------------------------------------------ reading


def load(source, custom_objects=None, compile=True, safe_mode=True):
    """A model from an archive (a path or bytes). See `load_model` for the arguments and what is raised."""
    with zips.open_for_reading(source, label_of(source)) as archive:
        architecture, origin = read_config(archive)
        ours = _json(archive, METADATA).get(OURS)
        model = config.build(architecture, origin, custom_objects, safe_mode)
        with _weights_of(archive) as root:
            found = variable_tree.plan(root, model, _as_wanted(origin), same_names=True)
            weights_file.apply_plan(found)
            if ours is None:
                variable_tree.warn_of_scaling(model, origin)
            if compile:
                stored = ours if isinstance(ours, dict) else architecture.get("compile_config")
                _restore_training(root, stored, model, origin, custom_objects)
    return model


def load_weights(model, source):
    """Sets the weights of `model` from an archive, place by place; the names of layers play no part."""
    with zips.open_for_reading(source, label_of(source)) as archive:
        origin = read_config(archive)[1]
        with _weights_of(archive) as root:
            load_tree(root, model, origin)


def load_tree(root, model, origin):
    """Sets the weights of `model` from the `SafeGroup` of a file in Keras 3's layout."""
    weights_file.apply_plan(variable_tree.plan(root, model, _as_wanted(origin)))
    variable_tree.warn_of_scaling(model, origin)


def read_config(archive):
    """(the model's configuration, who wrote it) of an open archive."""
    metadata = _json(archive, METADATA)
    architecture = _json(archive, CONFIG)
    if not isinstance(architecture.get("class_name"), str) or "config" not in architecture:
        raise CorruptFileError(f"{archive.label}: {CONFIG} does not describe a model.")
    version = metadata.get("keras_version")
    if not isinstance(version, str):
        raise CorruptFileError(f"{archive.label}: {METADATA} names no keras_version.")
    return architecture, origin_of(version)


def _json(archive, name):
    value = config.parse_json(archive.read(name), f"{archive.label}: {name}")
    if not isinstance(value, dict):
        raise CorruptFileError(f"{archive.label}: {name} ought to hold an object, not a {type(value).__name__}.")
    return value


@contextlib.contextmanager
def _weights_of(archive):
    if WEIGHTS not in archive and "model.weights.npz" in archive:
        raise ValueError(
            f"{archive.label} keeps its weights as model.weights.npz, which is not read here: load it in Keras 3"
            " and save it again."
        )
    with hdf5.open_for_reading(archive.read(WEIGHTS)) as root:
        yield root


def _as_wanted(origin):
    return lambda layer, arrays: weights.translate(layer, arrays, origin)


def _restore_training(root, stored, model, origin, custom_objects):
    if not stored:
        return  # as in Keras 3, a model that was not compiled is not compiled
    if not isinstance(stored, dict):
        raise CorruptFileError(f"The archive's training configuration is damaged: {stored!r:.100}.")
    with_state = "optimizer" in root
    if "training_config" in stored:
        said_by, read = CURRENT, lambda: stored["training_config"]
    else:
        said_by, read = origin, lambda: training.from_compile_config(stored)
    arrays = variable_tree.numbered(root.group("optimizer").group("vars")) if with_state else []
    slots = len(arrays) > 2  # beside the count of steps and the learning rate
    training_config.compile_as(read, model, said_by, custom_objects, slots, "the archive")
    if model.optimizer is None:
        return
    if not with_state:
        _warn_of_lost_state(stored)
        return
    arrays = [array.read() for array in arrays]
    names = training.names_by_number(type(model.optimizer).__name__, arrays, len(model._collected_trainable_weights))
    training_config.restore_state(names, arrays, model, origin)


def _warn_of_lost_state(stored):
    """tf.keras's older optimizers have a state wherever they have trained, and archives do not hold it."""
    optimizer = stored.get("optimizer")
    if isinstance(optimizer, dict) and str(optimizer.get("module")).endswith("optimizers.legacy"):
        warn_user(
            "The archive holds no state of its optimizer, one of tf.keras's `optimizers.legacy` (tf.keras does not"
            " save it in .keras archives): the optimizer starts anew.",
        )
