"""Small helpers that all parts share: lists, signatures, custom objects. (`Progbar` lives in progbar.py.)"""

import inspect

from ..backend import transpose_shape
from .custom_objects import (
    CustomObjectScope, custom_object_scope, deserialize_keras_object, get_custom_objects, serialize_keras_object,
)  # fmt: skip
from .function_code import func_dump, func_load
from .progbar import Progbar


def to_list(x, allow_tuple=False):
    """x itself if it is a list (or a tuple, if allowed), else [x]."""
    if isinstance(x, list):
        return x
    if allow_tuple and isinstance(x, tuple):
        return list(x)
    return [x]


def unpack_singleton(x):
    """The only element of a list of one; anything else as it is."""
    return x[0] if len(x) == 1 else x


def object_list_uid(object_list):
    """A key for a list of objects, by identity. A layer's input that its policy cast counts as what it was."""
    return ", ".join(str(abs(id(getattr(x, "_cast_of", x)))) for x in to_list(object_list))


def is_all_none(iterable_or_element):
    """Whether there is nothing but None."""
    if not isinstance(iterable_or_element, (list, tuple)):
        return iterable_or_element is None
    return all(element is None for element in iterable_or_element)


def slice_arrays(arrays, start=None, stop=None):
    """A part of each of several arrays.

    With `stop`, or an int `start`, rows start ... stop - 1; with a list or array `start`, those rows.
    """

    def part(x):
        if x is None:
            return None
        if hasattr(start, "__len__"):
            rows = start.tolist() if hasattr(start, "shape") and not hasattr(x, "dtype") else start
            return x[rows]
        return x[start:stop] if start is not None else x[:stop]

    if arrays is None:
        return [None]
    return [part(x) for x in arrays] if isinstance(arrays, list) else part(arrays)


def check_for_unexpected_keys(name, input_dict, expected_values):
    """Raises ValueError if a dictionary has keys that nobody asked for."""
    unknown = set(input_dict) - set(expected_values)
    if unknown:
        raise ValueError(
            f"Unknown entries in {name} dictionary: {sorted(unknown)}. "
            f"Only expected following keys: {list(expected_values)}"
        )


def has_arg(fn, name, accept_all=False):
    """Whether a function takes an argument of that name (or, with `accept_all`, **kwargs)."""
    fn = getattr(fn, "__func__", fn)
    if callable(fn) and not inspect.isroutine(fn) and inspect.isfunction(type(fn).__call__):
        fn = type(fn).__call__
    if inspect.isfunction(fn) and not vars(fn):  # the same as below, 15 times faster: every layer asks
        code = fn.__code__
        named = code.co_varnames[code.co_posonlyargcount : code.co_argcount + code.co_kwonlyargcount]
        return name in named or (accept_all and bool(code.co_flags & inspect.CO_VARKEYWORDS))
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return False
    found = parameters.get(name)
    if found is None or found.kind == found.VAR_KEYWORD or found.kind == found.VAR_POSITIONAL:
        return accept_all and any(p.kind == p.VAR_KEYWORD for p in parameters.values())
    return found.kind in (found.POSITIONAL_OR_KEYWORD, found.KEYWORD_ONLY)


def getargspec(fn):
    """`inspect.getfullargspec`, which today's Python calls so."""
    return inspect.getfullargspec(fn)


__all__ = [
    "CustomObjectScope", "Progbar", "check_for_unexpected_keys", "custom_object_scope", "deserialize_keras_object",
    "func_dump", "func_load", "get_custom_objects", "getargspec", "has_arg", "is_all_none", "object_list_uid",
    "serialize_keras_object", "slice_arrays", "to_list", "transpose_shape", "unpack_singleton",
]  # fmt: skip
