"""The runtimes: each turns a program into something that runs on an engine."""

from __future__ import annotations

import importlib

from .contract import Runtime

# Runtime name -> the distribution a user installs to have it.
AVAILABLE = {"jax": "jax", "numpy": "numpy", "tensorflow": "tensorflow", "torch": "torch"}


def load(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        ImportError: if its engine is not installed.
    """
    module = importlib.import_module(f".{name}", __name__)
    return module.RUNTIME  # type: ignore[no-any-return]
