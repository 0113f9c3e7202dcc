"""The cores of a CPU as devices of JAX, each with a thread of its own.

The threads of JAX's own CPU device are shared by the pieces of all that runs on it. Arrays belong to that device or to
these. To move one takes some 25 us, so that variables stay here until a program of the other wants them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from threading import Lock
from typing import Any
from weakref import WeakSet

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as Spec

from ..._processors import usable
from ...graph.tensor import Variable

Array = Any

AXIS = "part"
# The devices have threads for one program: two under way at the same time could wait for each other for ever.
ALONE = Lock()
_THREADS = "NPROC"  # XLA asks the environment how many threads of its own each device shall have


def devices() -> list[Any]:
    """As many as there are cores; none where JAX has several devices already, or none for us in this version, or in a
    forked process, which lacks the threads."""
    process, found = _made()
    return found if process == os.getpid() else []


@lru_cache(None)
def _made() -> tuple[int, list[Any]]:
    found = []
    if jax.device_count() == 1:
        with suppress(Exception), _set(_THREADS, "1"):  # no public function of JAX makes them
            from jaxlib import xla_client

            client: Any = xla_client.make_cpu_client(asynchronous=True, num_devices=usable())
            found = list(client.local_devices())
    return os.getpid(), found


@contextmanager
def _set(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


@lru_cache(None)
def mesh(count: int) -> Mesh:
    return Mesh(np.array(devices()[:count]), (AXIS,))


def everywhere(mesh: Mesh, arrays: Sequence[Array]) -> list[Array]:
    """Copies of arrays on each device."""
    return jax.device_put([np.array(a) for a in arrays], NamedSharding(mesh, Spec()))  # type: ignore[no-any-return]


def divided(mesh: Mesh, stacks: Sequence[Array | None]) -> list[Array | None]:
    """Stacked batches, whose samples are divided among the devices."""
    return jax.device_put(list(stacks), NamedSharding(mesh, Spec(None, AXIS)))  # type: ignore[no-any-return]


# Variables whose values lie here, and who may change that.
_away: WeakSet[Variable] = WeakSet()
_moving = Lock()


def store(variables: Sequence[Variable], values: Sequence[Array]) -> None:
    """Keeps values of the devices as the variables' own until a program of another one wants them."""
    with _moving:
        _away.update(variables)
        for variable, value in zip(variables, values, strict=True):
            variable.storage = value


def here(mesh: Mesh, variables: Sequence[Variable]) -> list[Array]:
    """The variables' values, moved here."""
    place = NamedSharding(mesh, Spec())
    with _moving:
        _away.update(variables)
        _move([v for v in variables if not isinstance(v.storage, np.ndarray) and v.storage.sharding != place], place)
        return [variable.storage for variable in variables]


def at_home(variables: Sequence[Variable], found: list[Array]) -> list[Array]:
    """The variables' values on JAX's default device; they were found where they are."""
    if not _away:
        return found
    with _moving:
        away = [variable for variable in variables if variable in _away]
        _move([v for v in away if isinstance(getattr(v.storage, "sharding", None), NamedSharding)], None)
        _away.difference_update(away)
        return [variable.storage for variable in variables]


def _move(variables: Sequence[Variable], place: Any) -> None:
    # Copies: an array that only shared the memory of the one before would keep it, and that the one before, and so on.
    copies = [np.array(variable.storage) for variable in variables]
    for variable, array in zip(variables, jax.device_put(copies, place), strict=True):
        variable.storage = array
