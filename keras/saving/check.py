"""Arguments in a configuration that a layer does not know: found before anything is built, and named."""

import functools
import inspect

from ..utils.near_names import did_you_mean

# What the base class takes from any layer's configuration.
_EVERY_LAYER = {
    "name",
    "trainable",
    "dtype",
    "batch_input_shape",
    "input_shape",
    "batch_size",
    "weights",
    "input_dtype",
    "input_dim",
    "input_length",
}
_MODELS = ("Model", "Sequential", "Network")


def check_arguments(config, own_classes=()):
    """Refuses arguments that built-in layers in `config` do not have.

    Args:
        config: a translated {"class_name", "config"}.
        own_classes: names of the user's, which know best themselves.

    Raises:
        ValueError: naming layer and argument.
    """
    from .. import layers

    known = {name: thing for name, thing in vars(layers).items() if inspect.isclass(thing)}
    _check(config, known, own_classes)


def _check(value, known, own_classes):
    if isinstance(value, dict):
        class_name = value.get("class_name")
        if isinstance(class_name, str) and isinstance(value.get("config"), dict):
            _check_name(class_name, value["config"].get("name"))
            if class_name in known and class_name not in own_classes and class_name not in _MODELS:
                _check_one(class_name, known[class_name], value["config"])
        for item in value.values():
            _check(item, known, own_classes)
    elif isinstance(value, list):
        for item in value:
            _check(item, known, own_classes)


def _check_name(class_name, name):
    if name is not None and not isinstance(name, str):
        raise ValueError(f"A {class_name} in this file has the name {name!r}; names are text. It is damaged.")


def _check_one(class_name, cls, config):
    allowed = arguments_of(cls) | _EVERY_LAYER
    # A Lambda's and a Masking's config carry keys that from_config turns into arguments.
    unknown = [name for name in config if name not in allowed and not name.endswith("_type")]
    if unknown:
        raise ValueError(
            f"The {class_name} layer {config.get('name', '')!r} has the argument"
            f" {unknown[0]}={config[unknown[0]]!r} in this file, which {class_name} does not have in Keras"
            f" 2.3.1.{did_you_mean(unknown[0], sorted(allowed))}"
            " The model would not be the same without it, so it was not loaded."
        )


@functools.cache
def arguments_of(cls):
    """Names of all arguments of the constructor, those of its base classes included."""
    names = set()
    for base in cls.__mro__:
        if "__init__" in vars(base):
            parameters = inspect.signature(vars(base)["__init__"]).parameters.values()
            names |= {
                parameter.name
                for parameter in parameters
                if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
            }
    extra = getattr(cls, "_config_arguments", ())  # accepted through **kwargs
    return names | set(extra)
