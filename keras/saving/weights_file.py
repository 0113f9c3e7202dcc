"""Weights in HDF5, in the layout of Keras 2.

    attributes    layer_names (in the order of model.layers), backend, keras_version
    <layer>/      one group for each layer, with the attribute weight_names (in the order of layer.weights)
    <layer>/<weight name>     one dataset each

Loading first makes a plan (which array goes into which variable), checking every count and shape and reading
every number, and only then sets anything: a file that does not fit leaves the model as it was.
"""


import numpy as np

from .. import backend as K
from ..utils.user_warnings import warn_user
from . import hdf5
from .conversions import Origin, origin_of, weights
from .hdf5 import CorruptFileError

# Kernels are stored as TensorFlow lays them out, whichever engine runs here; this is what readers of Keras 2
# and tf.keras look at to know whether kernels have to be turned round.
STORED_BACKEND = "tensorflow"
STORED_VERSION = "2.3.1"

# A file without a version is from before there was one.
_UNKNOWN = Origin("keras1", (1,))


# ------------------------------------------------------------------------------------------ writing


def write_weights(group, layers):
    """Writes the weights of `layers` into the empty h5py `group`."""
    hdf5.write_names(group, "layer_names", [layer.name for layer in layers])
    hdf5.write_text(group, "backend", STORED_BACKEND)
    hdf5.write_text(group, "keras_version", STORED_VERSION)
    every_weight = [layer.weights for layer in layers]
    values = iter(K.batch_get_value([weight for found in every_weight for weight in found]))
    for layer, found in zip(layers, every_weight, strict=True):
        inner = group.create_group(layer.name)
        write_named_arrays(inner, unique_names(found), [next(values) for _ in found])


def write_named_arrays(group, names, values):
    """The attribute weight_names and one dataset for each."""
    hdf5.write_names(group, "weight_names", names)
    for name, value in zip(names, values, strict=True):
        hdf5.write_array(group, name, value)


def unique_names(variables):
    """A name for each variable under which it can be stored: its own, or with a number where it is taken."""
    taken, names = set(), []
    for index, variable in enumerate(variables):
        base = str(getattr(variable, "name", None) or f"param_{index}").strip("/") or f"param_{index}"
        if any(_in_the_way(base, other) for other in taken):
            base = base.replace("/", "_")
        name, number = base, 1
        while name in taken:
            name, number = f"{base}_{number}", number + 1
        taken.add(name)
        names.append(name)
    return names


def _in_the_way(name, other):
    """In HDF5 'a' cannot be an array and 'a/b' another."""
    return name.startswith(other + "/") or other.startswith(name + "/")


# ------------------------------------------------------------------------------------------ reading


def origin_of_group(group, default=_UNKNOWN):
    """Which program wrote the weights in this group. Without the attributes: `default`."""
    version = group.text("keras_version")
    return origin_of(version, group.text("backend", default.backend)) if version else default


def find_weights(root):
    """(group with the weights, Origin) in a weights file or in a whole model's file."""
    group = root
    if not _holds_weights(root) and "model_weights" in root:
        group = root.group("model_weights")
    if not _holds_weights(group):
        raise CorruptFileError(
            f"{root.label} is an HDF5 file but holds no Keras weights (no attribute layer_names). "
            "Is it another program's file, or a data set?"
        )
    # Keras 1 wrote the version at the root only.
    return group, origin_of_group(group, origin_of_group(root))


def _holds_weights(group):
    return group.has_attribute("layer_names") or group.has_attribute("layer_names0")


def load_topological(group, layers, reshape=False, origin=None):
    """Sets the weights of `layers` from `group`, first layer to first group and so on (layers without weights aside).

    Args:
        reshape: whether arrays may be reshaped to fit.

    Raises:
        ValueError: naming layers and shapes; then nothing is set.
    """
    origin = origin or origin_of_group(group)
    layers = [layer for layer in layers if layer.weights]
    stored = [(name, inner, names) for name, inner, names in _stored_layers(group) if names]
    if len(stored) != len(layers):
        raise ValueError(_wrong_number_of_layers(stored, layers))
    if origin.family == "keras1":
        layers = _in_stored_order(layers, [name for name, _, _ in stored])
    plan = []
    for layer, (name, inner, names) in zip(layers, stored, strict=True):
        plan += _fit(layer, name, inner, names, origin, reshape, _ADVICE)
    apply_plan(plan)


def _in_stored_order(layers, names):
    """The layers in the order of the file, if they have the same names.

    Keras 1 stored a Sequential of merged branches branch by branch; the Model that it is here goes by depth.
    """
    by_name = {layer.name: layer for layer in layers}
    return [by_name[name] for name in names] if sorted(by_name) == sorted(names) else layers


def load_by_name(group, layers, skip_mismatch=False, reshape=False, origin=None):
    """Sets the weights of those layers whose names occur in `group`; leaves the others as they are.

    Args:
        skip_mismatch: warn about and pass over layers whose number or shapes of weights differ, instead of raising.
    """
    origin = origin or origin_of_group(group)
    by_name = {}
    for layer in layers:
        by_name.setdefault(layer.name, []).append(layer)
    plan = []
    for name, inner, names in _stored_layers(group):
        for layer in by_name.get(name, []):
            try:
                plan += _fit(layer, name, inner, names, origin, reshape, "" if skip_mismatch else _ADVICE_BY_NAME)
            except Mismatch as error:
                if not skip_mismatch:
                    raise
                warn_user(f"Skipping loading of weights for layer {name!r} due to mismatch with the file. {error}")
    apply_plan(plan)


class Mismatch(ValueError):
    """The weights in the file do not fit the layer."""


_ADVICE = (
    " Nothing was loaded. Build the model exactly as it was when the file was saved, or load only the layers that"
    " agree: load_weights(path, by_name=True, skip_mismatch=True)."
)
_ADVICE_BY_NAME = (
    " Nothing was loaded. To pass over layers that differ: load_weights(path, by_name=True, skip_mismatch=True)."
)


def _stored_layers(group):
    """[(layer name, its group, its weight names)] in the file's order."""
    stored = []
    for name in group.names("layer_names"):
        inner = group.group(name)
        stored.append((name, inner, inner.names("weight_names")))
    return stored


def _fit(layer, name, inner, names, origin, reshape, advice):
    """[(variable, array)] for one layer, everything checked."""
    variables = layer.weights
    arrays = weights.translate(layer, _ordered(layer, variables, names, inner), origin)
    if len(arrays) != len(variables):
        raise Mismatch(
            f"Layer {layer.name!r} ({type(layer).__name__}) of this model expects {len(variables)} weight(s), "
            f"{[variable.name for variable in variables]}, but the saved layer {name!r} has {len(arrays)} of them: "
            f"{names}.{advice}"
        )
    pairs = []
    for variable, array, stored_name in zip(variables, arrays, _labels(names, arrays), strict=True):
        wanted = tuple(K.int_shape(variable))
        if tuple(array.shape) != wanted:
            if not (reshape and np.prod(array.shape) == np.prod(wanted)):
                raise Mismatch(
                    f"Layer {layer.name!r}: weight {variable.name!r} has shape {wanted} in this model,"
                    f" but the saved {stored_name!r} of layer {name!r} has shape {tuple(array.shape)}."
                    f"{advice}"
                )
            array = np.reshape(np.asarray(array), wanted)
        pairs.append((variable, array))
    return pairs


def _labels(names, arrays):
    return names if len(names) == len(arrays) else [f"weight {index}" for index in range(len(arrays))]


def holds_any(group):
    """Whether some layer in `group` has weights."""
    return any(names for _, _, names in _stored_layers(group))


def _ordered(layer, variables, names, inner):
    """The stored arrays in the order of `variables`.

    The order in the file is normally the right one. A model inside a model may have been stored in another
    order (which weights count as trainable, and come first, depends on what was frozen when it was saved):
    there, if the names in the file are those in the model, they decide.
    """
    arrays = [inner.array(name) for name in names]
    if not hasattr(layer, "layers") or len(names) != len(variables):
        return arrays
    stored, own = [_short(name) for name in names], [_short(variable.name) for variable in variables]
    if len(set(own)) == len(own) and sorted(own) == sorted(stored):
        return [arrays[stored.index(name)] for name in own]
    return arrays


def _short(name):
    """'model/dense_1/kernel:0' -> 'dense_1/kernel'."""
    return "/".join(name.partition(":")[0].split("/")[-2:])


def _wrong_number_of_layers(stored, layers):
    return (
        f"You are trying to load a weight file containing {len(stored)} layers into a model with"
        f" {len(layers)} layers (layers without weights not counted).\nIn the file:"
        f" {_shortened([name for name, _, _ in stored])}\nIn the model:"
        f" {_shortened([layer.name for layer in layers])}\nNothing was loaded. Build the model as it was when"
        " the file was saved, or load the layers with the same names: load_weights(path, by_name=True)."
    )


def _shortened(names):
    return ", ".join(names) if len(names) <= 20 else ", ".join(names[:10] + ["..."] + names[-5:])


def warn_of_other_gates(layers, origin):
    """A script that says LSTM(128) means other gates since Keras 2.3; weights trained with the old ones go wrong."""
    if origin.family not in ("keras1", "keras2") or origin.version >= (2, 3) or not layers:
        return
    found = [
        layer.name
        for layer in layers
        if type(layer).__name__ in ("LSTM", "GRU")
        and getattr(getattr(layer, "recurrent_activation", None), "__name__", "") == "sigmoid"
    ]
    if found:
        warn_user(
            f"These weights were saved by {origin}, where LSTM and GRU had"
            f" recurrent_activation='hard_sigmoid' unless told otherwise; the layers {found} of this model"
            " have 'sigmoid', the default since 2.3. If the original script did not name it, write"
            " recurrent_activation='hard_sigmoid', or predictions will be off.",
        )


def apply_plan(plan):
    """Reads everything, then sets everything."""
    K.batch_set_value([(variable, np.asarray(array)) for variable, array in plan])


def check_built(model):
    """Raises ValueError if the model has no weights yet because it does not know its input shape."""
    if not getattr(model, "built", True):
        raise ValueError(
            "This model has not been built, so it has no weights to load into or save. Give the first "
            "layer an input_shape, or call model.build(input_shape) or fit first."
        )
