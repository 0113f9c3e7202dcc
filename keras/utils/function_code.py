"""Storing a Python function's byte code, as `Lambda` layers of Keras 2 do, and getting it back."""

import base64
import marshal
import types

from . import stored_code


def func_dump(func):
    """A function as (code, defaults, closure), of which the code is text."""
    code = base64.b64encode(marshal.dumps(func.__code__)).decode("ascii")
    closure = tuple(c.cell_contents for c in func.__closure__) if func.__closure__ else None
    dump = (code, func.__defaults__, closure)
    stored_code.remember(dump)
    return dump


def func_load(code, defaults=None, closure=None, globs=None):
    """The function that `func_dump` stored.

    Args:
        code: its byte code as text, or all three parts (code, defaults, closure).
        defaults, closure: of the function, where `code` is the first part alone.
        globs: the global names it sees; None: those of this module.

    Raises:
        ValueError: for byte code of another version of Python.
        StoredCodeRefused: for code that another process wrote, unless the caller has allowed it
            (`load_model(path, safe_mode=False)`): byte code in a stranger's file can do anything.
    """
    if isinstance(code, (tuple, list)):
        code, defaults, closure = code
        defaults = tuple(defaults) if isinstance(defaults, list) else defaults
    stored_code.check((code, defaults, closure))
    try:
        raw = base64.b64decode("".join(code.split()).encode("ascii"), validate=True)  # Keras 2 broke it into lines
    except (UnicodeEncodeError, ValueError):
        raw = code.encode("raw_unicode_escape")
    try:
        loaded = marshal.loads(raw)
    except (ValueError, EOFError, TypeError) as error:
        raise ValueError(
            f"The stored function cannot be read: byte code is tied to the Python version that wrote it ({error}). "
            "Hand the function in: load_model(path, custom_objects={'the_layer_name': my_function})."
        ) from error
    cells = closure and tuple(c if isinstance(c, types.CellType) else types.CellType(c) for c in closure)
    return types.FunctionType(loaded, globals() if globs is None else globs, loaded.co_name, defaults, cells)
