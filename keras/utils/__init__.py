"""Utilities."""

from importlib import import_module as _import_module

from . import conv_utils, data_utils, generic_utils, io_utils, np_utils
from .custom_objects import register_keras_serializable
from .data_utils import GeneratorEnqueuer, OrderedEnqueuer, Sequence, get_file
from .generic_utils import (
    CustomObjectScope, Progbar, custom_object_scope, deserialize_keras_object, get_custom_objects,
    serialize_keras_object,
)  # fmt: skip
from .io_utils import H5Dict, HDF5Matrix
from .layer_utils import convert_all_kernels_in_model, get_source_inputs, print_summary
from .np_utils import normalize, to_categorical

# What stands on layers and models is imported when first asked for: those need the rest of this package.
_LATER = {"model_to_dot": "vis_utils", "plot_model": "vis_utils", "multi_gpu_model": "multi_gpu_utils"}

__all__ = [name for name in dir() if not name.startswith("_")]
__all__ += ["model_to_dot", "multi_gpu_model", "multi_gpu_utils", "plot_model", "vis_utils"]


def __getattr__(name):
    if name in _LATER:
        return getattr(_import_module(f"{__name__}.{_LATER[name]}"), name)
    if name in _LATER.values():
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'keras.utils' has no attribute '{name}'")
