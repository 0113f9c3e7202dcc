"""The registry of users' own objects, and making objects from names and configurations."""

import inspect
from functools import lru_cache

from .near_names import did_you_mean

_CUSTOM_OBJECTS = {}


def get_custom_objects():
    """The registry itself: {name: class or function}, seen by every loading function."""
    return _CUSTOM_OBJECTS


class CustomObjectScope:
    """Within it, the given names stand for the given objects; changes of the registry end with it.

    Example:
        with CustomObjectScope({'AttentionLayer': AttentionLayer}):
            model = load_model('my_model.h5')
    """

    def __init__(self, *args):
        self.custom_objects = args
        self.backup = None

    def __enter__(self):
        self.backup = dict(_CUSTOM_OBJECTS)
        for objects in self.custom_objects:
            _CUSTOM_OBJECTS.update(objects or {})
        return self

    def __exit__(self, *args, **kwargs):
        _CUSTOM_OBJECTS.clear()
        _CUSTOM_OBJECTS.update(self.backup)


def custom_object_scope(*args):
    """A `CustomObjectScope` of some dictionaries."""
    return CustomObjectScope(*args)


def register_keras_serializable(package="Custom", name=None):
    """Decorator of later Keras versions: files may name the decorated class or function without custom_objects.

    Args:
        package: text put before the name in `.keras` archives, 'package>name'.
        name: the name; by default the class's or function's own.

    Raises:
        ValueError: for a class without get_config.
    """

    def decorate(thing):
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{thing.__name__} needs a method get_config() to be stored in files.")
        bare = name or thing.__name__
        _CUSTOM_OBJECTS[bare] = _CUSTOM_OBJECTS[f"{package}>{bare}"] = thing
        return thing

    return decorate


def registered_name(thing):
    """'package>name' of a registered class or function, else its own name."""
    full = [name for name, known in _CUSTOM_OBJECTS.items() if known is thing and ">" in name]
    return full[0] if full else thing.__name__


def serialize_keras_object(instance):
    """The configuration of an object: {'class_name', 'config'} or a function's name.

    Raises:
        ValueError: for something with neither `get_config` nor a name.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config"):
        return {"class_name": type(instance).__name__, "config": instance.get_config()}
    if hasattr(instance, "__name__"):
        return instance.__name__
    raise ValueError(f"Cannot serialize {instance!r}: it has neither `get_config` nor a name.")


def deserialize_keras_object(identifier, module_objects=None, custom_objects=None, printable_module_name="object"):
    """The object that a configuration or a name stands for.

    Names are looked up in `custom_objects`, the registry and `module_objects`, in this order; nothing
    is ever imported by name.

    Raises:
        ValueError: for an unknown name, with near matches, or something that is no configuration.
    """
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return _from_config(identifier, module_objects, custom_objects, printable_module_name)
    if isinstance(identifier, str):
        found = _lookup(identifier, module_objects, custom_objects, printable_module_name)
        return found() if inspect.isclass(found) else found
    raise ValueError(f"Could not interpret serialized {printable_module_name}: {identifier!r}")


def _from_config(identifier, module_objects, custom_objects, kind):
    if "class_name" not in identifier or "config" not in identifier:
        raise ValueError(
            f"Improper config format: {identifier!r:.200}. A {kind} is stored as {{'class_name': ..., 'config': ...}}."
        )
    cls = _lookup(identifier["class_name"], module_objects, custom_objects, kind)
    config = identifier["config"]
    if not hasattr(cls, "from_config"):
        if not config and not _is_called_without_arguments(cls):
            return cls  # a user's function such as `f(shape, dtype=None)`: stored by its name, it is the object
        with CustomObjectScope(custom_objects):
            return cls(**config)
    if _takes_custom_objects(getattr(cls.from_config, "__func__", cls.from_config)):
        return cls.from_config(config, custom_objects={**_CUSTOM_OBJECTS, **(custom_objects or {})})
    with CustomObjectScope(custom_objects):
        return make_from_config(cls, config)


def make_from_config(cls, config):
    """`cls.from_config(config)`; where a user's `get_config` left out what `__init__` wants, the error says so."""
    try:
        return cls.from_config(config)
    except TypeError as error:
        missing = [] if cls.__module__.split(".")[0] == "keras" else _arguments_left_out(cls, config)
        if not missing:
            raise
        entries = ", ".join(f"{name!r}: self.{name}" for name in missing)
        raise TypeError(
            f"{cls.__name__} cannot be made from its configuration, which lacks {', '.join(map(repr, missing))}: its"
            " get_config must give every argument of its __init__, `def get_config(self): return"
            f" {{**super().get_config(), {entries}}}`. From a file saved without them the weights can be had:"
            " build the model by its code and call model.load_weights(path)."
        ) from error


def _arguments_left_out(cls, config):
    try:
        parameters = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return []
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [p.name for p in parameters if p.kind in named and p.default is p.empty and p.name not in config]


@lru_cache(maxsize=256)
def _takes_custom_objects(from_config):
    return "custom_objects" in inspect.signature(from_config).parameters


def _is_called_without_arguments(function):
    try:
        inspect.signature(function).bind()
    except TypeError:
        return False
    return True


def _lookup(name, module_objects, custom_objects, kind):
    for objects in (custom_objects, _CUSTOM_OBJECTS, module_objects):
        found = None if objects is None else objects.get(name)
        if found is not None:
            return found
    if isinstance(name, str) and ">" in name:  # 'package>name': registered in tf.keras, handed in here by its name
        bare = name.rpartition(">")[2]
        for objects in (custom_objects or {}, _CUSTOM_OBJECTS):
            if bare in objects:
                return objects[bare]
    known = [k for k in {**(module_objects or {}), **_CUSTOM_OBJECTS, **(custom_objects or {})} if isinstance(k, str)]
    hint = did_you_mean(name, known, 3)
    raise ValueError(
        f"Unknown {kind}: {name}.{hint} If it is your own, pass it by name: custom_objects={{{name!r}: {name}}}, or "
        "use keras.utils.CustomObjectScope."
    )
