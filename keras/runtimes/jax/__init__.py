"""JAX, the default runtime."""

from .runtime import RUNTIME

__all__ = ["RUNTIME"]
