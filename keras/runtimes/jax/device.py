"""What kind of device programs are for: what helps XLA's compiler for CPUs is in the way of another.

All that is chosen by it asks here, while a program is traced or run, so that tests can have programs lowered for a
device that is not there.
"""

from __future__ import annotations

import jax


def platform() -> str:
    """As JAX calls it: 'cpu', 'gpu', 'tpu'."""
    return jax.default_backend()


def on_cpu() -> bool:
    return platform() == "cpu"
