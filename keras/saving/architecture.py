"""An architecture as read from a file (plain values), looked at without building anything."""

from dataclasses import dataclass

from ..utils import generic_utils
from . import stored_functions, variable_tree
from .check import check_arguments
from .conversions import translate_model

MAX_ROWS = 20_000


@dataclass
class Row:
    """One layer. path: its name and those of the models around it; place: where Keras 3 keeps its weights."""

    name: str
    class_name: str | None
    depth: int
    parameters: int | None = None
    path: tuple = ()
    place: str = ""
    detail: str = ""


def rows(config):
    """The layers of a model's {"class_name", "config"}, nested models' after the model itself."""
    found = []
    _add_rows(config, (), "", found)
    return found


def _add_rows(model, path, place, found):
    layers = model.get("config")
    if isinstance(layers, dict):
        layers = layers.get("layers")
    if not isinstance(layers, list):
        return
    used = {}
    for layer in layers:
        if not isinstance(layer, dict) or len(found) >= MAX_ROWS:
            continue
        class_name = str(layer.get("class_name"))
        config = layer.get("config")
        name = layer.get("name") or (config.get("name") if isinstance(config, dict) else None) or "?"
        base = variable_tree.snake_case(variable_tree.CLASS_NAMES.get(class_name, class_name))
        number = used[base] = used.get(base, -1) + 1
        here = "/".join(part for part in (place, "layers", f"{base}_{number}" if number else base) if part)
        row = Row(str(name), class_name, len(path), None, (*path, str(name)), here, _detail(config))
        found.append(row)
        _add_rows(layer, row.path, here, found)


# What tells most about a layer, by the names of all versions.
_TELLING = (
    "batch_input_shape batch_shape units output_dim filters nb_filter kernel_size pool_size size strides padding rate"
    " input_dim activation recurrent_activation return_sequences merge_mode axis target_shape"
).split()
_MAX_DETAIL = 60


def _detail(config):
    """Some arguments in short: 'filters=8, kernel_size=(3, 3), activation=relu'."""
    if not isinstance(config, dict):
        return ""
    parts = []
    for name in _TELLING:
        value = config.get(name)
        if isinstance(value, list) and len(value) <= 6 and not any(isinstance(v, (list, dict)) for v in value):
            parts.append(f"{name}=({', '.join(map(str, value))})")
        elif isinstance(value, (int, float, str)) and not isinstance(value, bool) and value != "linear":
            parts.append(f"{name}={value}"[:40])
        elif value is True:
            parts.append(name)
    inner = config.get("layer")
    if isinstance(inner, dict):
        parts.insert(0, f"{inner.get('class_name')}({_detail(inner.get('config'))})")
    text = ", ".join(parts)
    return text if len(text) <= _MAX_DETAIL else text[: _MAX_DETAIL - 3] + "..."


# ------------------------------------------------------------------------------------------ what it asks for


def code(config):
    """What in a configuration is code: ["the layer 'x' (function)", ...]."""
    return [f"the layer {name!r}: Python byte code ({argument})" for name, argument in stored_functions.code_in(config)]


def unknown(config, origin):
    """([classes that have to be handed in], why else it cannot be loaded, or None).

    Args:
        origin: who wrote it, see `conversions`.
    """
    own = generic_utils.get_custom_objects()
    try:
        translated = translate_model({"class_name": config["class_name"], "config": config["config"]}, origin, own)
        check_arguments(translated, own)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, IndexError) as error:
        return sorted(_unknown_classes(config, set(own))), str(error) or repr(error)
    return sorted(_unknown_classes(translated, set(own))), None


def _unknown_classes(config, own):
    from .. import constraints, initializers, layers, regularizers

    known = {name for module in (layers, initializers, regularizers, constraints) for name in vars(module)}
    known |= {"Model", "Sequential", "Functional", "Network", "TensorOp", "LayerNormalization", "Normalization"} | own
    found = set()
    _collect(config, known, found)
    return found


def _collect(value, known, found):
    if isinstance(value, dict):
        name = value.get("class_name")
        if isinstance(name, str) and "config" in value and name not in known and not name.startswith("__"):
            found.add(name)
        for item in value.values():
            _collect(item, known, found)
    elif isinstance(value, list):
        for item in value:
            _collect(item, known, found)
