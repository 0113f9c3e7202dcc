"""What a name written in a model file or given by a user may mean within one family of functions.

Losses, metrics, activations and so on are all found by name in the module that holds them. Looking the name
up in the module itself (and not in a fixed table) keeps the widespread ``keras.losses.my_loss = my_loss``
working; leaving out the module's machinery keeps a file from naming anything but members of the family.
"""

import types
from collections.abc import Mapping

_MACHINERY = frozenset(
    [
        "get",
        "serialize",
        "deserialize",
        "serialize_keras_object",
        "deserialize_keras_object",
        "clone_metric",
        "clone_metrics",
        "is_categorical_crossentropy",
        "clip_norm",
    ]
)


class Members(Mapping):
    """Name -> class or function, for the public members of a family.

    Without modules, private names, plain values and the module's own lookup functions.

    Args:
        module_globals: `globals()` of the module that holds the family.
    """

    def __init__(self, module_globals):
        self._globals = module_globals

    def __getitem__(self, name):
        thing = self._globals[name]
        if not _is_member(name, thing):
            raise KeyError(name)
        return thing

    def __iter__(self):
        return (name for name, thing in self._globals.items() if _is_member(name, thing))

    def __len__(self):
        return sum(1 for _ in self)


def _is_member(name, thing):
    private = name.startswith("_") or name in _MACHINERY
    return not private and callable(thing) and not isinstance(thing, types.ModuleType)
