"""Operations of oneDNN inside programs of JAX.

XLA calls a handler of ours through its foreign function interface with the addresses of the arrays, so that nothing is
copied. The handler is a function of Python, which XLA's threads call: 5 to 30 us a call.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from math import prod
from typing import Any

import jax
import jax.numpy as jnp

from ..memory import block_is_at, place_is_wanted
from ..onednn.library import Library, OneDNNError, library
from ..onednn.operation import Operation
from ..onednn.shares import Shares
from .device import has_all_cores

Array = Any
Recipe = Callable[[Library, Any], Operation | Shares]

Made = tuple[Recipe, Any]

_TARGET = "keras_onednn"
_operations: dict[bytes, Operation | Shares] = {}
_made: dict[str, Made] = {}
_recording: ContextVar[list[Made] | None] = ContextVar("recording", default=None)


# The parts of XLA's call frames that the handler reads (xla/ffi/api/c_api.h, version 0).


class _Extension(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("kind", ctypes.c_int), ("next", ctypes.c_void_p)]


class _Version(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("major", ctypes.c_int), ("minor", ctypes.c_int)
    ]  # fmt: skip


class _Metadata(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("version", _Version), ("traits", ctypes.c_uint32)]


class _MetadataExtension(ctypes.Structure):
    _fields_ = [("base", _Extension), ("metadata", ctypes.POINTER(_Metadata))]


class _Buffer(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("dtype", ctypes.c_int), ("data", ctypes.c_void_p),
        ("rank", ctypes.c_int64), ("sizes", ctypes.POINTER(ctypes.c_int64)),
    ]  # fmt: skip


class _Buffers(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("count", ctypes.c_int64),
        ("kinds", ctypes.c_void_p), ("items", ctypes.POINTER(ctypes.POINTER(_Buffer))),
    ]  # fmt: skip


class _Text(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t)]


class _Attributes(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("count", ctypes.c_int64),
        ("kinds", ctypes.c_void_p), ("names", ctypes.c_void_p), ("items", ctypes.POINTER(ctypes.POINTER(_Text))),
    ]  # fmt: skip


class _Api(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("version", _Version), ("inside", ctypes.c_void_p),
        ("make_error", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)),
    ]  # fmt: skip


class _Frame(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.POINTER(_Extension)), ("api", ctypes.POINTER(_Api)),
        ("context", ctypes.c_void_p), ("stage", ctypes.c_int), ("arguments", _Buffers), ("results", _Buffers),
        ("attributes", _Attributes),
    ]  # fmt: skip


class _ErrorRequest(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("extension", ctypes.c_void_p), ("message", ctypes.c_char_p), ("code", ctypes.c_int)
    ]  # fmt: skip


_METADATA, _API_VERSION, _INTERNAL = 1, (0, 1), 13


def _handle(pointer: Any) -> int | None:
    frame = pointer.contents
    if frame.extension and frame.extension.contents.kind == _METADATA:
        asked = ctypes.cast(frame.extension, ctypes.POINTER(_MetadataExtension)).contents.metadata.contents
        asked.version.major, asked.version.minor = _API_VERSION
        return None
    try:
        text = frame.attributes.items[0].contents
        operation = _operations[ctypes.string_at(text.data, text.length)]
        given, made = frame.arguments, frame.results
        pointers = [given.items[i].contents.data for i in range(given.count)]
        pointers += [made.items[i].contents.data for i in range(made.count)]
        if place_is_wanted():
            last = made.items[made.count - 1].contents
            block_is_at(last.data + 2 * prod(last.sizes[: last.rank]))  # its middle: nothing has been there yet
        operation.run(pointers, hand_over=sys._getframe().f_back is None)  # called by one of XLA's threads
    except Exception as error:
        request = _ErrorRequest(ctypes.sizeof(_ErrorRequest), None, f"oneDNN: {error!r}".encode(), _INTERNAL)
        return frame.api.contents.make_error(ctypes.addressof(request))  # type: ignore[no-any-return]
    return None


_handler = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.POINTER(_Frame))(_handle)


def usable() -> Library | None:
    """oneDNN, with our handler known to XLA; None where there is none, or where it has not a CPU's cores to itself."""
    return _library() if has_all_cores() else None


@lru_cache(None)
def _library() -> Library | None:
    found = library()
    if found is not None:
        capsule = ctypes.pythonapi.PyCapsule_New
        capsule.restype, capsule.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        address = ctypes.cast(_handler, ctypes.c_void_p).value
        jax.ffi.register_ffi_target(_TARGET, capsule(address, None, None), platform="cpu")
    return found


def operation(recipe: Recipe, case: Any) -> str | None:
    """The name under which programs call what `recipe(library, case)` makes; None where oneDNN can't do it."""
    found = usable()
    return None if found is None else _operation(found, recipe, case)


@lru_cache(None)
def _operation(library: Library, recipe: Recipe, case: Any) -> str | None:
    name = f"{recipe.__name__}{tuple(case)}"
    try:
        _operations[name.encode()] = recipe(library, case)
    except OneDNNError:
        return None
    _made[name] = recipe, case
    return name


@contextmanager
def recorded() -> Iterator[list[Made]]:
    """A list of what `operation` has to make before a program that is traced inside can run in another process."""
    found: list[Made] = []
    token = _recording.set(found)
    try:
        yield found
    finally:
        _recording.reset(token)


def call(name: str, arrays: Sequence[Array], results: Sequence[tuple[int, ...]]) -> list[Array]:
    """The operation's results, float32 arrays of these shapes."""
    kinds = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in results]
    recording = _recording.get()
    if recording is not None and _made[name] not in recording:
        recording.append(_made[name])
    return list(jax.ffi.ffi_call(_TARGET, kinds, vmap_method="sequential")(*arrays, operation=name))
