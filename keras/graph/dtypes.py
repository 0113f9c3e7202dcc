"""Element types: their names, NumPy counterparts and how two of them meet."""

from __future__ import annotations

from typing import Any

import numpy as np

_NUMPY: dict[str, Any] = {
    name: np.dtype(name)
    for name in (
        "bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64",
        "float16", "float32", "float64", "complex64", "complex128",
    )
}  # fmt: skip
_NUMPY["string"] = np.dtype(object)  # of functions of TensorFlow
_FLOATS = ("float16", "bfloat16", "float32", "float64")
_COMPLEX = ("complex64", "complex128")
_ORDER = {
    name: rank
    for rank, name in enumerate(
        ("bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", *_FLOATS)
    )
}


class DType(str):
    """A dtype's name, which also answers what code for TensorFlow asks of a dtype."""

    __slots__ = ()

    @property
    def name(self) -> str:
        return str(self)

    @property
    def base_dtype(self) -> DType:
        return self

    @property
    def as_numpy_dtype(self) -> Any:
        return to_numpy(self).type

    @property
    def is_floating(self) -> bool:
        return is_float(self)

    @property
    def is_integer(self) -> bool:
        return self in _ORDER and is_integer(self)

    @property
    def is_bool(self) -> bool:
        return self == "bool"

    @property
    def is_complex(self) -> bool:
        return is_complex(self)


_named: dict[str, DType] = {}


def named(dtype: str) -> DType:
    """The dtype of that name; always the same object."""
    found = _named.get(dtype)
    if found is None:
        found = _named[dtype] = DType(dtype)
    return found


# The default element type of Python floats; the backend keeps it equal to K.floatx().
default_float = "float32"


def canonical(dtype: Any) -> str:
    """The name of a dtype given as a string, NumPy dtype or scalar type.

    Raises:
        TypeError: for anything else, naming what is known.
    """
    if isinstance(dtype, str) and (dtype in _ORDER or dtype in _COMPLEX):
        return dtype
    if isinstance(dtype, str) and dtype.endswith("_ref"):
        return canonical(dtype[:-4])
    try:
        name = "bfloat16" if str(dtype) == "bfloat16" else np.dtype(dtype).name
    except TypeError:
        name = str(getattr(dtype, "name", dtype))
    if name not in _ORDER and name not in _COMPLEX:
        raise TypeError(f"Unknown dtype {dtype!r}: wanted one of {', '.join((*_ORDER, *_COMPLEX))}.")
    return name


def to_numpy(dtype: str) -> Any:
    if dtype == "bfloat16":
        import ml_dtypes

        return np.dtype(ml_dtypes.bfloat16)
    return _NUMPY[dtype]


def of_array(array: np.ndarray) -> str:
    """The dtype a NumPy value has as a constant: Python's 64-bit defaults become ours."""
    if array.dtype == np.float64:
        return default_float
    if array.dtype == np.complex128:
        return "complex128" if default_float == "float64" else "complex64"
    if array.dtype == np.complex64:
        return "complex64"
    if array.dtype == np.int64:
        return "int32" if _fits_int32(array) else "int64"
    return canonical(array.dtype)


def _fits_int32(array: np.ndarray) -> bool:
    return array.size == 0 or (array.min() >= -(2**31) and array.max() < 2**31)


def of_scalar(value: Any, like: str) -> str:
    """The dtype a number takes beside a tensor of dtype `like`."""
    if isinstance(value, (bool, np.bool_)):
        return "bool"
    if isinstance(value, (int, np.integer)):
        return like if like != "bool" else "int32"
    return like if is_inexact(like) else default_float


def is_float(dtype: str) -> bool:
    return dtype in _FLOATS


def is_complex(dtype: str) -> bool:
    return dtype in _COMPLEX


def is_inexact(dtype: str) -> bool:
    """Whether gradients flow through it."""
    return is_float(dtype) or is_complex(dtype)


def is_integer(dtype: str) -> bool:
    return dtype != "bool" and not is_inexact(dtype)


def is_64_bit(dtype: str) -> bool:
    return dtype in ("float64", "int64", "uint64", "complex128")


def promote(*names: str) -> str:
    """The dtype of an operation on several dtypes: bool < integers < floats < complex, the wider wins."""
    if any(map(is_complex, names)):
        return "complex128" if {"complex128", "float64"} & set(names) else "complex64"
    result = names[0]
    for name in names[1:]:
        if name == result:
            continue
        if {name, result} == {"float16", "bfloat16"}:
            result = "float32"
        elif is_float(name) or is_float(result) or "bool" in (name, result):
            result = max(name, result, key=_ORDER.__getitem__)
        else:
            result = np.promote_types(_NUMPY[name], _NUMPY[result]).name
            result = "int64" if is_float(result) else result
    return result
