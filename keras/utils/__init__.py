"""Utilities."""

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
