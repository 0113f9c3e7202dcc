"""Finds oneDNN and declares what we call of it.

Its C interface has been the same in every release 3.x. The distribution `onednn-cpu-gomp`, conda's `onednn` and
Debian's `libdnnl3` all bring it. The environment variable KERAS_ONEDNN names a file of one's own choice, or is 0:
then it is not used.
"""

from __future__ import annotations

import ctypes
import os
import site
import sys
from copy import copy
from ctypes.util import find_library
from functools import lru_cache
from pathlib import Path
from typing import Any

Handle = ctypes.c_void_p

# Numbers of dnnl_types.h.
CPU, IN_ORDER = 1, 1
F32, ANY = 3, 1
FORWARD_TRAINING, BACKWARD = 64, 128
IMPLEMENTATION, ARGUMENT_LAYOUT = 8, 255
SRC, DST, WEIGHTS = 1, 17, 33
DIFF_SRC, DIFF_DST, DIFF_WEIGHTS, DIFF_BIAS = 129, 145, 161, 169
SCRATCHPAD, GIVEN, WORKSPACE = 80, 1, 64

# The kinds of steps after an operation, and what they are told.
_STEPS = {
    "binary": (ctypes.c_int, Handle),
    "eltwise": (ctypes.c_int, ctypes.c_float, ctypes.c_float),
    "prelu": (ctypes.c_int,),
}


class OneDNNError(RuntimeError):
    """A call that oneDNN refused; its status is the argument (3: not implemented)."""


class Library:
    """oneDNN with an engine and a stream: `library.call("dnnl_...", ...)`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._slow = _opened(path)
        # Calls of a microsecond keep the interpreter's lock.
        self._quick = ctypes.PyDLL(path)
        if self.version[0] != 3:
            raise OSError(f"{path} is oneDNN {'.'.join(map(str, self.version))}, and 3.x is wanted")
        self.set_pointer = self._quick.dnnl_memory_set_data_handle
        self.set_pointer.argtypes = [Handle, Handle]
        self.execute = self._slow.dnnl_primitive_execute
        self._slow.dnnl_primitive_desc_query_md.restype = Handle
        self._slow.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
        for name, kinds in _STEPS.items():
            self._function(name).argtypes = [Handle, *kinds]
        self.engine = self.make("dnnl_engine_create", CPU, ctypes.c_size_t(0))
        self.stream = self.make("dnnl_stream_create", self.engine, IN_ORDER)

    @property
    def version(self) -> tuple[int, int, int]:
        numbers = self._quick.dnnl_version
        numbers.restype = ctypes.POINTER(ctypes.c_int * 3)
        major, minor, patch = numbers().contents
        return major, minor, patch

    def make(self, name: str, *arguments: Any) -> Handle:
        """Calls a function that writes a new handle through its first argument."""
        handle = Handle()
        self._checked(getattr(self._slow, name)(ctypes.byref(handle), *arguments), name)
        return handle

    def for_thread(self) -> Library:
        """The same with a stream of its own, for operations that run beside others."""
        beside = copy(self)
        beside.stream = self.make("dnnl_stream_create", self.engine, IN_ORDER)
        return beside

    def threads(self) -> int:
        """How many OpenMP uses; 0 if oneDNN has another library of threads."""
        try:
            return int(self._quick.omp_get_max_threads())
        except AttributeError:
            return 0

    def given_scratchpad(self) -> Handle:
        """The attribute by which a primitive takes memory for its intermediate results as an argument."""
        attribute = self.make("dnnl_primitive_attr_create")
        self._slow.dnnl_primitive_attr_set_scratchpad_mode(attribute, GIVEN)
        return attribute

    def append(self, kind: str, steps: Handle, *arguments: Any) -> None:
        """Appends a step to those that are done to a result before it is written: see `afterwards`."""
        self._checked(self._function(kind)(steps, *arguments), kind)

    def with_steps(self, steps: Handle) -> Handle:
        """The attribute by which a primitive does these steps."""
        attribute = self.make("dnnl_primitive_attr_create")
        self._checked(self._slow.dnnl_primitive_attr_set_post_ops(attribute, steps), "dnnl_primitive_attr_set_post_ops")
        return attribute

    def _function(self, kind: str) -> Any:
        return getattr(self._slow, f"dnnl_post_ops_append_{kind}")

    @staticmethod
    def _checked(status: int, name: str) -> None:
        if status:
            raise OneDNNError(name, status)

    def argument_layout(self, description: Handle, argument: int) -> Handle:
        """The layout in which a primitive wants an argument."""
        return Handle(self._slow.dnnl_primitive_desc_query_md(description, ARGUMENT_LAYOUT, argument))

    def implementation(self, description: Handle) -> str:
        """What a primitive will run, such as 'jit:avx512_core'."""
        name = ctypes.c_char_p()
        self._slow.dnnl_primitive_desc_query(description, IMPLEMENTATION, 0, ctypes.byref(name))
        return (name.value or b"").decode()

    def size(self, layout: Handle) -> int:
        """In bytes."""
        return int(self._slow.dnnl_memory_desc_get_size(layout))

    def equal(self, one: Handle, other: Handle) -> bool:
        return bool(self._slow.dnnl_memory_desc_equal(one, other))


def _opened(path: str) -> ctypes.CDLL:
    """Loads it with OpenMP's threads told to sleep soon when they have nothing to do.

    By default they look for work for some milliseconds more, and take the cores from the engine's own threads: a step
    of a CNN takes twice as long so. OpenMP reads the variable when it is loaded; settings of the user's count.
    """
    if any(name in os.environ for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")):
        return ctypes.CDLL(path)
    os.environ["GOMP_SPINCOUNT"] = "3000"
    try:
        return ctypes.CDLL(path)
    finally:
        del os.environ["GOMP_SPINCOUNT"]


def _candidates(system: bool = True) -> list[str]:
    chosen = os.environ.get("KERAS_ONEDNN", "")
    if chosen:
        return [] if chosen == "0" else [chosen]
    folders = [sys.prefix, site.getuserbase()]
    paths = [Path(folder, "lib", "libdnnl.so.3") for folder in folders]
    installed = find_library("dnnl") if system else None
    return [str(path) for path in paths if path.is_file()] + ([installed] if installed else [])


@lru_cache(None)
def library() -> Library | None:
    """oneDNN, or None where it isn't installed or can't be loaded.

    Raises:
        OSError: the file that KERAS_ONEDNN names can't be loaded.
    """
    for path in _candidates():
        try:
            return Library(path)
        except (OSError, AttributeError, OneDNNError) as error:
            if os.environ.get("KERAS_ONEDNN"):
                raise OSError(f"KERAS_ONEDNN={path}: this is no oneDNN 3 that can be loaded ({error})") from error
    return None


def identity() -> tuple[Any, ...]:
    """What changes when another oneDNN would be found; telling it loads nothing."""
    paths = [*map(Path, _candidates(system=False)), Path("/etc/ld.so.cache")]
    facts = [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in paths if p.is_file()]
    return *map(os.environ.get, ("KERAS_ONEDNN", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")), facts
