"""Functions that a configuration brings along: `Lambda` layers, and the old `Merge` with a function of its own.

Found here, before anything is built, wherever they hide in a configuration read from a file. A function
handed in through `custom_objects` (under the layer's name, or the function's) takes the place of the stored one.
"""

from ..utils import stored_code
from . import known_lambdas

# Argument -> the key that tells how it is stored ("lambda": as byte code; "function": by name; "raw": a value).
_FUNCTION_ARGUMENTS = {
    "function": "function_type",
    "output_shape": "output_shape_type",
    "mask": "mask_type",
    "mode": "mode_type",
    "output_mask": "output_mask_type",
}


def settle(config, functions):
    """Replaces or refuses every stored function in `config` (changed in place; a dict of its own).

    Args:
        functions: {name: object}, the user's `custom_objects` together with the registered ones.

    Raises:
        StoredCodeRefused: naming the layer, for byte code that may not run.
    """
    if isinstance(config, dict):
        if any(config.get(kind) == "lambda" for kind in _FUNCTION_ARGUMENTS.values()):
            _settle_layer(config, functions)
        _settle_objects(config)
        for value in config.values():
            settle(value, functions)
    elif isinstance(config, list):
        for value in config:
            settle(value, functions)


def code_in(config):
    """Yields (layer's name, argument) for every function that `config`, as read, holds as byte code."""
    if isinstance(config, dict):
        for argument, kind in _FUNCTION_ARGUMENTS.items():
            if config.get(kind) == "lambda":
                yield config.get("name"), argument
        for argument, value in config.items():
            if isinstance(value, dict) and value.get("class_name") == "__lambda__":
                yield config.get("name"), argument
            yield from code_in(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from code_in(value)


def _settle_layer(config, functions):
    name = config.get("name")
    for argument, kind in _FUNCTION_ARGUMENTS.items():
        if config.get(kind) != "lambda":
            continue
        if argument == "function" and callable(functions.get(name)):
            config[argument], config[kind] = name, "function"
            continue
        known = known_lambdas.function_of(config) if argument == "function" else None
        if known is not None:
            config[argument], config[kind] = known, "raw"
            continue
        stored_code.check(_as_dump(config.get(argument)), where=f"The layer {name!r} ({argument})")


def _settle_objects(config):
    """Keras 3 and late tf.keras wrap the code: {"class_name": "__lambda__", "config": {"code": ...}}."""
    if config.get("class_name") == "__lambda__":
        inner = config.get("config") or {}
        stored_code.check((inner.get("code"), inner.get("defaults"), inner.get("closure")))


def _as_dump(value):
    if isinstance(value, (list, tuple)):
        return tuple(value)
    if isinstance(value, dict):
        inner = value.get("config", value)
        return inner.get("code"), inner.get("defaults"), inner.get("closure")
    return value, None, None
