"""Lambda layers that we know by name: those of the nets in keras.applications.

Files that hold such nets carry the layers' functions as byte code, which is not run. Our own functions compute
the same.
"""

import importlib
import re

# Names of the layers, names of the arguments, and whose function it is.
_KNOWN = (
    (r"block(35|17|8)_\d+|custom_scale_layer(_\d+)?", {"scale"}, "inception_resnet_v2.scaled_step"),
    (r"conv\d_block\d+_2_reduce", set(), "resnext.sum_over_inputs"),
    (r"conv\d_block\d+_2_reduce", {"axis"}, "resnext.sum_over_inputs"),
)


def function_of(config):
    """The function of the Lambda layer with this configuration, or None if it is not known."""
    name, arguments = config.get("name"), config.get("arguments") or {}
    for pattern, argument_names, place in _KNOWN:
        if isinstance(name, str) and re.fullmatch(pattern, name) and set(arguments) == argument_names:
            module, function = place.split(".")
            return getattr(importlib.import_module(f"keras.applications.{module}"), function)
    return None
