"""The names that `keras.backend.common` had in Keras 2: the settings."""

from .config import (
    cast_to_floatx, epsilon, floatx, image_data_format, image_dim_ordering, normalize_data_format, set_epsilon,
    set_floatx, set_image_data_format, set_image_dim_ordering,
)  # fmt: skip
from .functions import eager, symbolic
from .older_names import find

__all__ = [
    "cast_to_floatx", "eager", "epsilon", "floatx", "image_data_format", "image_dim_ordering",
    "normalize_data_format", "set_epsilon", "set_floatx", "set_image_data_format", "set_image_dim_ordering",
    "symbolic",
]  # fmt: skip


def __getattr__(name):
    return find(name, __name__)
