"""What a name written in a model file or given by a user may mean within one family of functions.

Losses, metrics, activations and so on are all found by name in the module that holds them. Looking the name
up in the module itself (and not in a fixed table) keeps the widespread ``keras.losses.my_loss = my_loss``
working; leaving out the module's machinery keeps a file from naming anything but members of the family.
"""

import types

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


def members(module_globals):
    """Name -> class or function for the public members of a family.

    # Arguments
        module_globals: `globals()` of the module that holds the family.

    # Returns
        A new dict without modules, private names, plain values and the module's own lookup functions.
    """
    return {
        name: thing
        for name, thing in module_globals.items()
        if not name.startswith("_")
        and name not in _MACHINERY
        and callable(thing)
        and not isinstance(thing, types.ModuleType)
    }
