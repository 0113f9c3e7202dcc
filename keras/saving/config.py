"""Architectures as JSON and YAML, and models from them. Nothing read here can run anything."""

import contextlib
import json

from ..graph.tensor import at_most
from ..utils import generic_utils
from . import stored_functions
from .conversions import CURRENT, Origin, origin_of, translate_model
from .check import check_arguments
from .hdf5 import CorruptFileError
from .weights_file import STORED_BACKEND, STORED_VERSION

# How many operations the building of one model may take. (The largest in keras.applications takes 6,000.)
MOST_OPERATIONS = 500_000


# ------------------------------------------------------------------------------------------ writing


def as_json(value):
    """For `json.dumps(default=...)`: what Keras objects, functions, classes and NumPy values become."""
    if hasattr(value, "get_config"):
        return {"class_name": type(value).__name__, "config": value.get_config()}
    if type(value).__module__ == "numpy":
        return value.tolist()
    if callable(value):
        return value.__name__
    raise TypeError(
        f"{value!r} ({type(value).__name__}) cannot be stored in a model file: use numbers, text, lists, "
        "dicts, or objects with get_config()."
    )


def plain(value):
    """`value` as JSON has it: lists, dicts, text and numbers."""
    return json.loads(json.dumps(value, default=as_json))


def model_config(model):
    """{"class_name", "config"} of a model. Raises ValueError for a model that has no configuration."""
    try:
        return {"class_name": type(model).__name__, "config": model.get_config()}
    except NotImplementedError as error:
        if getattr(model, "_is_graph_network", False):
            raise  # one of its layers has no configuration, and says why
        raise NotImplementedError(
            f"The architecture of {type(model).__name__} lives in Python code (a subclass of Model with its"
            " own call), so it cannot be stored. Save the weights, model.save_weights('weights.h5'), and"
            " build the model from its code before loading them."
        ) from error


def full_config(model):
    return {**model_config(model), "keras_version": STORED_VERSION, "backend": STORED_BACKEND}


def to_json(model, **kwargs):
    """The architecture as JSON text; kwargs go to `json.dumps`."""
    return json.dumps(full_config(model), default=as_json, **kwargs)


def to_yaml(model, **kwargs):
    """The architecture as YAML text; kwargs go to `yaml.safe_dump`."""
    import yaml  # here, as it takes time that `import keras` does not have

    return yaml.safe_dump(json.loads(to_json(model)), **kwargs)


# ------------------------------------------------------------------------------------------ reading


def parse_json(text, label):
    """What the JSON `text` (str or bytes) found in a file says. Raises CorruptFileError, naming `label`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # no JSON, no UTF-8, numbers too long, nested too deep
        raise CorruptFileError(f"{label} is damaged ({error}).") from error


def model_from_json(json_string, custom_objects=None, *, safe_mode=True):
    """A new model (not compiled, weights newly initialised) from what `to_json` gave.

    Args:
        json_string: the text.
        custom_objects: {name: class or function} for the user's own.
        safe_mode: False lets stored byte code run.

    Raises:
        ValueError: for text that is not JSON or not a model.
    """
    try:
        config = json.loads(json_string)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"This is not the JSON text of a model: {error}. (model_from_json wants the text, not the "
            "name of a file.)"
        ) from error
    return _from_text(config, custom_objects, safe_mode)


def model_from_yaml(yaml_string, custom_objects=None, *, safe_mode=True):
    """A new model from what `to_yaml` gave. Only plain values are read; see `model_from_json`."""
    from . import yaml_text

    return _from_text(yaml_text.read(yaml_string), custom_objects, safe_mode)


def _from_text(config, custom_objects, safe_mode):
    if (
        not isinstance(config, dict)
        or not isinstance(config.get("class_name"), str)
        or "config" not in config
    ):
        raise ValueError(
            "The text does not describe a model: it ought to be a mapping with 'class_name' and 'config', "
            "as model.to_json() writes."
        )
    return model_from_config(config, custom_objects, safe_mode=safe_mode)


def model_from_config(config, custom_objects=None, *, safe_mode=True):
    """A new model from {"class_name", "config"}, in any version's words (`keras_version` beside them says which).

    Args:
        custom_objects, safe_mode: as in `model_from_json`.

    Raises:
        TypeError: for a list.
        ValueError: for what cannot be translated or is unknown.
        StoredCodeRefused: for byte code of a Lambda layer.
    """
    if isinstance(config, list):
        raise TypeError(
            "`model_from_config` expects a dictionary, not a list. Maybe you meant to use "
            "`Sequential.from_config(config)`?"
        )
    return build(config, origin_of_config(config), custom_objects, safe_mode)


def origin_of_config(config):
    """Who wrote a model's configuration: as it says; Keras 3 says nothing, but names modules."""
    version, module = config.get("keras_version"), config.get("module")
    if version:
        return origin_of(version, config.get("backend"))
    is_keras3 = isinstance(module, str) and module.split(".")[0] == "keras"
    return Origin("keras3", (3,)) if is_keras3 else CURRENT


def build(config, origin, custom_objects=None, safe_mode=True):
    """The model that a configuration written by `origin` describes. Raises ValueError for a damaged one."""
    from .. import layers
    from ..utils.stored_code import allow_stored_code

    functions = {**generic_utils.get_custom_objects(), **(custom_objects or {})}
    with _damage_as_errors():
        translated = translate_model(
            {"class_name": config["class_name"], "config": config["config"]}, origin, functions
        )
        check_arguments(translated, functions)
    with contextlib.nullcontext() if safe_mode else allow_stored_code():
        stored_functions.settle(translated, functions)
        # An error in the user's own classes is his to see as it is.
        with at_most(MOST_OPERATIONS), contextlib.nullcontext() if functions else _damage_as_errors():
            return layers.deserialize(translated, custom_objects=custom_objects)


@contextlib.contextmanager
def _damage_as_errors():
    """What goes wrong with values that no Keras writes, as one kind of error."""
    try:
        yield
    except (
        TypeError, KeyError, AttributeError, IndexError, RecursionError, OverflowError, NotImplementedError
    ) as error:  # fmt: skip
        raise ValueError(
            f"This configuration does not describe a model that can be built: it is damaged, or was not written by"
            f" Keras ({type(error).__name__}: {error})."
        ) from error
