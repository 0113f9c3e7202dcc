"""The path that `multi_gpu_model` had in Keras 2.0.9 to 2.2."""

from .multi_gpu_utils import multi_gpu_model

__all__ = ["multi_gpu_model"]
