"""The runtimes: each turns a program into something that runs on an engine."""

from __future__ import annotations

import importlib
import importlib.util

from .contract import Runtime

# Runtime name -> the distribution a user installs to have it.
AVAILABLE = {"jax": "jax", "numpy": "numpy", "tensorflow": "tensorflow", "torch": "torch"}


def exists(name: str) -> bool:
    """Whether there is a runtime of that name: one of ours, or a module of somebody else's."""
    try:
        return name in AVAILABLE or importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def load(name: str) -> Runtime:
    """The runtime of that name.

    Raises:
        ImportError: if its engine is not installed, or a module of that name has no runtime.
    """
    module = importlib.import_module(f".{name}", __name__) if name in AVAILABLE else importlib.import_module(name)
    if not isinstance(getattr(module, "RUNTIME", None), Runtime):
        raise ImportError(f"the module {name!r} has no RUNTIME, an object of a keras.runtimes.contract.Runtime")
    return module.RUNTIME  # type: ignore[no-any-return]
