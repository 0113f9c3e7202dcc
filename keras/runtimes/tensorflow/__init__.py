"""The TensorFlow runtime."""

from .importing import jax_later

with jax_later():
    from . import dispatch
    from .runtime import RUNTIME

__all__ = ["RUNTIME", "dispatch"]
