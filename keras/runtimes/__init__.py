"""The runtimes: each turns a program into something that runs on an engine."""

from __future__ import annotations

import gc
import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager

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
    with _nothing_collected():
        module = importlib.import_module(f".{name}" if name in AVAILABLE else name, __name__)
    if not isinstance(getattr(module, "RUNTIME", None), Runtime):
        raise ImportError(f"the module {name!r} has no RUNTIME, an object of a keras.runtimes.contract.Runtime")
    return module.RUNTIME  # type: ignore[no-any-return]


@contextmanager
def _nothing_collected() -> Iterator[None]:
    """An engine's import makes up to a million objects, none of which is garbage: looking for some took a sixth of
    the processor time of TensorFlow's import, a tenth of PyTorch's."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # into the oldest generation, which is looked at the least
            gc.freeze()
            gc.unfreeze()
        if enabled:
            gc.enable()
