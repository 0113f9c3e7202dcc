"""The names that `keras.backend.load_backend` had in Keras 2.3: those of the backend in use."""

from . import tensorflow_backend


def __getattr__(name):
    return getattr(tensorflow_backend, name)


__all__ = tensorflow_backend.__all__
