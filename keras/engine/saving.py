"""Saving and loading under the names of Keras 2; the code is in `keras.saving`."""

from .. import backend as K  # noqa: F401
from .. import losses, optimizers  # noqa: F401
from ..saving import hdf5 as _hdf5
from ..saving import weights_file as _weights_file
from ..saving.cloud import allow_read_from_gcs, allow_write_to_gcs  # noqa: F401
from ..saving.config import model_from_config, model_from_json, model_from_yaml  # noqa: F401
from ..saving.config import to_json as model_to_json  # noqa: F401
from ..saving.config import to_yaml as model_to_yaml  # noqa: F401
from ..saving.conversions import origin_of as _origin_of
from ..saving.conversions import weights as _weights
from ..saving.hdf5 import HDF5_OBJECT_HEADER_LIMIT  # noqa: F401
from ..saving.model_file import (  # noqa: F401
    load_model,
    load_weights,
    pickle_model,
    save_model,
    save_weights,
    unpickle_model,
)
from ..utils import conv_utils  # noqa: F401
from ..utils.io_utils import (  # noqa: F401
    H5Dict,
    ask_to_proceed_with_overwrite,
    load_from_binary_h5py,
    save_to_binary_h5py,
)

h5py = _hdf5.h5py
string_types = (str,)


def _serialize_model(model, h5dict, include_optimizer=True):
    """Saves a model into an `H5Dict`: of a file, or of a dictionary."""
    if isinstance(h5dict.data, dict):
        h5dict.data.update(pickle_model(model))
    else:
        save_model(model, h5dict.data, include_optimizer=include_optimizer)


def _deserialize_model(h5dict, custom_objects=None, compile=True):
    """The model in an `H5Dict` or an h5py group."""
    data = getattr(h5dict, "data", h5dict)
    return unpickle_model(data) if isinstance(data, dict) else load_model(data, custom_objects, compile)


def save_attributes_to_hdf5_group(group, name, data):
    """Stores a list of names in an h5py group, in several attributes if HDF5's limit of 64 KB asks for it."""
    _hdf5.write_names(group, name, data)


def load_attributes_from_hdf5_group(group, name):
    """The list of names that `save_attributes_to_hdf5_group` stored."""
    with _hdf5.open_for_reading(group) as root:
        return root.names(name)


def save_weights_to_hdf5_group(group, layers):
    """Writes the weights of a list of layers into an empty h5py group."""
    _weights_file.write_weights(_hdf5.as_h5py_group(group), layers)


def load_weights_from_hdf5_group(f, layers, reshape=False):
    """Sets the weights of a list of layers from an h5py group, in order."""
    with _hdf5.open_for_reading(f) as root:
        _weights_file.load_topological(root, layers, reshape)


def load_weights_from_hdf5_group_by_name(f, layers, skip_mismatch=False, reshape=False):
    """Sets the weights of those layers whose names occur in an h5py group."""
    with _hdf5.open_for_reading(f) as root:
        _weights_file.load_by_name(root, layers, skip_mismatch, reshape)


def preprocess_weights_for_loading(
    layer, weights, original_keras_version=None, original_backend=None, reshape=False
):
    """The arrays saved for `layer` by another Keras version or backend, in the layout of this one."""
    return _weights.translate(layer, weights, _origin_of(original_keras_version, original_backend))
