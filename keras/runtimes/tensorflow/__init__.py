"""The TensorFlow runtime."""

from . import dispatch
from .runtime import RUNTIME

__all__ = ["RUNTIME", "dispatch"]
