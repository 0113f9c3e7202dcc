"""Weights as safetensors: a plain table of named arrays, which PyTorch's and others' tools read as well.

Every weight stands under its name, such as 'dense_1/kernel:0'. The header's metadata says which layer each belongs
to and in which order, so that loading goes by order or by name as with HDF5. The package `safetensors` is needed.
"""

import json

import numpy as np

from .. import backend as K
from . import weights_file
from .config import parse_json
from .conversions import CURRENT
from .hdf5 import CorruptFileError, UnsafeFileError

EXTENSION = ".safetensors"
_LAYOUT = "keras_layers"
_KINDS = "fiub"


def _library():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "Files ending in .safetensors need the package safetensors: pip install safetensors"
        ) from error
    return safetensors


def is_one(head):
    """Whether a file begins as safetensors do: the length of a JSON header, then the header."""
    return len(head) > 8 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 1 << 32


def as_bytes(layers):
    """The weights of `layers` as one file."""
    library = _library()
    weights = [layer.weights for layer in layers]
    names = iter(weights_file.unique_names([weight for found in weights for weight in found]))
    layout = [[layer.name, [next(names) for _ in found]] for layer, found in zip(layers, weights, strict=True)]
    values = K.batch_get_value([weight for found in weights for weight in found])
    flat = [name for _, found in layout for name in found]
    values = [value.astype("float32") if value.dtype.name == "bfloat16" else value for value in values]
    arrays = {name: np.ascontiguousarray(value) for name, value in zip(flat, values, strict=True)}
    metadata = {"keras_version": weights_file.STORED_VERSION, _LAYOUT: json.dumps(layout)}
    return library.numpy.save(arrays, metadata)


def load(model, data, label, by_name=False, skip_mismatch=False, reshape=False):
    """Sets the weights of `model` from the bytes of a file. See `load_weights` for the arguments and errors."""
    arrays, layout = read(data, label)
    if layout is None:
        return weights_file.apply_plan(_by_variable_names(model, arrays, label))
    root = _Stored(arrays, layout, label)
    if by_name:
        weights_file.load_by_name(root, model.layers, skip_mismatch, reshape, CURRENT)
    else:
        weights_file.load_topological(root, model.layers, reshape, CURRENT)


def read(data, label):
    """({name: array}, [[layer, [names]]] or None where another program wrote the file)."""
    library = _library()
    try:
        arrays = library.numpy.load(bytes(data))
    except (library.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CorruptFileError(f"{label} is not a whole safetensors file ({error!r}).") from error
    strange = [name for name, array in arrays.items() if array.dtype.kind not in _KINDS]
    if strange:
        raise UnsafeFileError(f"{label}: {strange[0]!r} is no array of plain numbers.")
    text = _metadata(data, label).get(_LAYOUT)
    if text is None:
        return arrays, None
    layout = parse_json(text, f"{label}: the list of layers")
    if not _is_layout(layout, arrays):
        raise CorruptFileError(f"{label}: the list of layers does not fit the arrays.")
    return arrays, layout


def _metadata(data, label):
    length = int.from_bytes(data[:8], "little")
    header = parse_json(data[8 : 8 + length], f"{label}: the header")
    return header.get("__metadata__") or {}


def _is_layout(layout, arrays):
    if not isinstance(layout, list):
        return False
    for entry in layout:
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[0], str)):
            return False
        if not (isinstance(entry[1], list) and all(isinstance(n, str) and n in arrays for n in entry[1])):
            return False
    return True


def _by_variable_names(model, arrays, label):
    """Another program's file: every weight of the model must be there under its own name."""
    plan = []
    for weight in model.weights:
        array = arrays.get(weight.name, arrays.get(weight.name.partition(":")[0]))
        if array is None:
            raise ValueError(
                f"{label} was not written by Keras and has no array {weight.name!r}; it has"
                f" {sorted(arrays)[:10]}. Nothing was loaded."
            )
        if tuple(array.shape) != tuple(K.int_shape(weight)):
            raise ValueError(
                f"{label}: {weight.name!r} has the shape {array.shape}, this model's {K.int_shape(weight)}. Nothing"
                " was loaded."
            )
        plan.append((weight, array))
    return plan


class _Stored:
    """The file as the group of an HDF5 file that `weights_file` reads."""

    def __init__(self, arrays, layout, label):
        self._arrays = arrays
        self._layout = dict(layout)
        self.label = label

    def names(self, name):
        return list(self._layout)

    def group(self, name):
        return _StoredLayer(self._arrays, self._layout[name])


class _StoredLayer:
    def __init__(self, arrays, names):
        self._arrays = arrays
        self._names = names

    def names(self, name):
        return list(self._names)

    def array(self, name):
        return self._arrays[name]
