"""Models and weights to and from files.

hdf5             the one place where HDF5 is read and written, safely
zips             the same for zip archives
atomic           files that appear whole or not at all
sources          what kind of file something is, by its content
model_file       whole models: save_model, load_model; save_weights, load_weights
weights_file     the layout of weights in a Keras 2 file
variable_tree    the layout of weights in a Keras 3 file
archive          Keras 3's .keras archives; keras3_config describes a model in its words
safetensors_file weights as safetensors
portable         what .h5 files carry so that tf.keras and Keras 3 open them
training_config  how a model was compiled, and its optimizer's state
config           architectures as JSON and YAML
conversions      what other versions wrote -> what Keras 2.3.1 means, and back
describe         what is in a file, told without building the model
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
