"""What has no equal here: left out where it says nothing, else refused."""


class Untranslatable(ValueError):
    """A configuration says something that Keras 2.3.1 has no word for. `reason` is completed with the layer's name."""


def without(config, *names):
    """The config, from which arguments that say nothing here have been removed."""
    for name in names:
        config.pop(name, None)
    return config


def drop(config, name, *harmless):
    """Removes the argument `name`, which Keras 2.3.1 does not know.

    Args:
        harmless: the values (besides None) under which the layer does exactly what 2.3.1's does.

    Raises:
        Untranslatable: for any other value.
    """
    value = config.pop(name, None)
    if value is not None and value not in harmless:
        raise Untranslatable(f"the argument {name}={value!r} has no equal in Keras 2.3.1")
