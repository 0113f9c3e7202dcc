"""Keras 2.3 on today's engines: a deep-learning library for Python.

    from keras.models import Sequential
    from keras.layers import Dense
"""

from importlib import import_module as _import_module

from . import _beside  # first: it tells if another keras has written over what follows
from . import (
    activations, backend, callbacks, constraints, engine, initializers, layers, losses,
    metrics, models, optimizers, regularizers, utils, wrappers,
)  # fmt: skip
from .layers import Input
from .legacy import old_packages as _old_packages
from .models import Model, Sequential

if backend.backend() == "tensorflow":
    from .legacy import tensorflow_programs as _tensorflow_programs

_old_packages.install()

# The API level: scripts and file readers compare it. The distribution has a version of its own.
__version__ = "2.3.1"

__all__ = [name for name in dir() if not name.startswith("_")]
__all__ += ["applications", "datasets", "preprocessing"]


def __getattr__(name):
    """Modules that are imported when first asked for, so that `import keras` stays quick."""
    if name in ("applications", "datasets", "export", "preprocessing"):
        return _import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'keras' has no attribute '{name}'")
