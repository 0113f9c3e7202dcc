"""The reference runtime: plain NumPy, forward only. Folds constants, makes initial values, and
is the oracle that the other runtimes are compared with."""

from .runtime import RUNTIME, evaluate

__all__ = ["RUNTIME", "evaluate"]
