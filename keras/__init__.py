"""Keras 2.3 on today's engines: a deep-learning library for Python.

    from keras.models import Sequential
    from keras.layers import Dense
"""

import importlib

from . import (
    activations, applications, backend, callbacks, constraints, engine, initializers, layers, losses,
    metrics, models, optimizers, regularizers, utils, wrappers,
)  # fmt: skip
from .layers import Input
from .models import Model, Sequential

# The API level: scripts and file readers compare it. The distribution has a version of its own.
__version__ = "2.3.1"

# Imported when first asked for, so that `import keras` stays quick.
_ON_DEMAND = ("applications", "datasets", "preprocessing")

__all__ = [name for name in dir() if not name.startswith("_") and name != "importlib"]
__all__ += _ON_DEMAND


def __getattr__(name):
    if name in _ON_DEMAND:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'keras' has no attribute '{name}'")
