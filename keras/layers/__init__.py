"""All layers, and their way into and out of configs."""

from ..engine.base_layer import InputSpec, Layer
from ..engine.input_layer import Input, InputLayer
from ..utils.generic_utils import deserialize_keras_object
from .advanced_activations import *
