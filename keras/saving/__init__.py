"""Models and weights to and from files.

hdf5            the one place where HDF5 is read and written, safely
atomic          files that appear whole or not at all
model_file      whole models: save_model, load_model; save_weights, load_weights
weights_file    the layout of weights in a file
training_config how a model was compiled, and its optimizer's state
config          architectures as JSON and YAML
conversions     what other versions wrote -> what Keras 2.3.1 means
"""

from .cloud import allow_read_from_gcs, allow_write_to_gcs
from .config import model_from_config, model_from_json, model_from_yaml, to_json, to_yaml
from .hdf5 import CorruptFileError, UnsafeFileError
from .model_file import load_model, load_weights, pickle_model, save_model, save_weights, unpickle_model

__all__ = [
    "CorruptFileError",
    "UnsafeFileError",
    "allow_read_from_gcs",
    "allow_write_to_gcs",
    "load_model",
    "load_weights",
    "model_from_config",
    "model_from_json",
    "model_from_yaml",
    "pickle_model",
    "save_model",
    "save_weights",
    "to_json",
    "to_yaml",
    "unpickle_model",
]
