"""The name that losses had in Keras 1."""

from .losses import *  # noqa: F403
from .losses import K, deserialize_keras_object, losses_utils, serialize_keras_object  # noqa: F401
