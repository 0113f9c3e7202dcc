"""From what other versions wrote to what Keras 2.3.1 means: one small function per class and version, in tables.

`keras1`, `keras2`, `tf_keras` and `keras3` hold the tables for configurations, by the program that wrote the
file; `training` those for optimizers, losses and metrics; `weights` those for arrays. This module walks a
configuration and applies them.
"""

from . import hard_sigmoid, keras1, keras2, keras3, tf_keras
from .origin import CURRENT, Origin, origin_of
from .refusal import Untranslatable

__all__ = ["CURRENT", "Origin", "Untranslatable", "origin_of", "translate_model"]

# family -> (function for every layer, {class: function} for layers, the same for initializers and such)
_TABLES = {
    "keras1": (keras1.common, keras1.LAYERS, {}),
    "keras2": (None, keras2.LAYERS, {}),
    "tf_keras": (tf_keras.common, tf_keras.LAYERS, tf_keras.OBJECTS),
    "keras3": (keras3.common, keras3.LAYERS, keras3.OBJECTS),
}

# Where an object stands in a configuration beside its class and config.
_KEPT_BESIDE = ("name", "inbound_nodes")
MAX_DEPTH = 100


def translate_model(config, origin, own_classes=()):
    """A model's (or layer's) configuration {"class_name", "config"} in the words of Keras 2.3.1.

    Args:
        config: as read from the file; not changed.
        origin: the `Origin` of the file.
        own_classes: names of the user's classes (`custom_objects`): their configurations are left as they are.

    Raises:
        Untranslatable (a ValueError): naming the layer and the argument for which there is no equal.
    """
    return _object(config, origin, frozenset(own_classes), 0)


def _value(value, origin, own, depth):
    if depth > MAX_DEPTH:
        raise Untranslatable(f"the configuration is nested more than {MAX_DEPTH} deep")
    if isinstance(value, dict):
        if _is_object(value):
            return _object(value, origin, own, depth)
        return {name: _value(item, origin, own, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_value(item, origin, own, depth + 1) for item in value]
    return value


def _is_object(value):
    # Keras 3's {"class_name": "__keras_tensor__"...} are places in the graph, not objects to make.
    return (
        isinstance(value.get("class_name"), str)
        and "config" in value
        and not value["class_name"].startswith("__")
    )


def _object(value, origin, own, depth):
    """Translate one {"class_name", "config"}: first what is inside it, then itself."""
    class_name, config = _own_name(value, own), value["config"]
    beside = {name: value[name] for name in _KEPT_BESIDE if name in value}
    if "inbound_nodes" in value and "module" in value:
        beside["module"] = value["module"]  # tells layers from bare operations, see `keras3.functional`
    if isinstance(config, (list, tuple)) and class_name == "Sequential":  # up to Keras 2.2.2
        config = {"layers": list(config)}
    if isinstance(config, dict):
        config = {name: _value(item, origin, own, depth + 1) for name, item in config.items()}
        if class_name not in own:
            class_name, config = _translated(class_name, config, origin)
    if origin.family == "keras1" and "inbound_nodes" in beside:
        beside["inbound_nodes"] = [[list(call) for call in node] for node in beside["inbound_nodes"]]
    return {"class_name": class_name, "config": config, **beside}


def _own_name(value, own):
    """'MyPackage>MyLayer', as tf.keras registers classes, is the user's MyLayer. Keras 3 says so beside it."""
    class_name, registered = value["class_name"], value.get("registered_name")
    if isinstance(registered, str) and registered in own:
        return registered
    bare = class_name.rpartition(">")[2]
    return bare if bare != class_name and bare in own and class_name not in own else class_name


def _translated(class_name, config, origin):
    common, layers, objects = _TABLES[origin.family]
    is_layer = class_name not in objects
    try:
        if is_layer and common is not None:
            config = common(config)
        if origin.family == "keras3":
            hard_sigmoid.refuse_unless_scalable(class_name, config)
        translate = (layers if is_layer else objects).get(class_name)
        if translate is None:
            return class_name, config
        result = translate(config)
    except Untranslatable as error:
        if getattr(error, "located", False):
            raise
        complete = Untranslatable(
            f"The {class_name} {config.get('name', '')!r} in this file, written by {origin}, "
            f"cannot be loaded: {error}."
        )
        complete.located = True
        raise complete from None
    return result if isinstance(result, tuple) else (class_name, result)
