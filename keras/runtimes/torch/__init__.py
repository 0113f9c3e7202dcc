"""PyTorch: programs become Python functions of torch calls."""

from .runtime import RUNTIME

__all__ = ["RUNTIME"]
