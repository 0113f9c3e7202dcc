"""TensorFlow: programs become `tf.function`s."""

from .runtime import RUNTIME

__all__ = ["RUNTIME"]
