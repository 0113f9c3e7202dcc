"""The import of TensorFlow, without that of JAX.

TensorFlow's converter for phones asks for `jax.jit` when TensorFlow is imported, and so imports all of JAX, which is
always installed beside us: 0.3 s and 110 MB. It gets a function of that name, which imports JAX when it is called.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


def _jit(*args: Any, **kwargs: Any) -> Any:
    import jax

    return jax.jit(*args, **kwargs)


@contextmanager
def jax_later() -> Iterator[None]:
    """Where TensorFlow is imported."""
    spec = None if {"jax", "tensorflow"} & sys.modules.keys() else importlib.util.find_spec("jax")
    if spec is None:
        yield
        return
    module = ModuleType("jax")
    module.__spec__, module.jit = spec, _jit  # type: ignore[attr-defined]
    sys.modules["jax"] = module
    try:
        yield
    finally:
        if sys.modules.get("jax") is module:
            del sys.modules["jax"]
