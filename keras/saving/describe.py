"""What is in a model's file, told without building the model or running anything.

`describe("model.h5")` reads .h5 and .keras files, weights, safetensors and JSON or YAML text, and answers with a
`Description`; `print(description)` gives it as text.
"""

import os
from dataclasses import dataclass, field

from . import architecture, archive, hdf5, safetensors_file, sources, stored_weights, yaml_text, zips
from .config import origin_of_config, parse_json
from .conversions import CURRENT
from .hdf5 import HDF5_SIGNATURE, CorruptFileError, UnsafeFileError

MAX_TEXT = 256 << 20


@dataclass
class Description:
    """What a file holds.

    Args:
        kind: 'model', 'weights' or 'architecture'.
        format: 'HDF5', 'keras', 'safetensors', 'JSON' or 'YAML'.
        written_by: the program and its version, or None where the file does not say.
        layers: the architecture, see `architecture.Row`; for files of weights alone, the layers named there.
        parameters: how many numbers the weights hold, or None where there are no weights in the file.
        training: the name of the optimizer, or None if the model is not compiled.
        runs: what in the file is code (it is refused unless safe_mode=False or the function is handed in).
        unknown: classes and functions that have to be handed in through custom_objects.
        refused: what a model file has no business holding (links to other files and the like).
        problems: why else it would not load.
    """

    label: str
    kind: str
    format: str
    size: int | None = None
    written_by: str | None = None
    layers: list = field(default_factory=list)
    parameters: int | None = None
    training: str | None = None
    runs: list = field(default_factory=list)
    unknown: list = field(default_factory=list)
    refused: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    @property
    def safe(self):
        """Whether nothing in the file would run or reach outside it."""
        return not self.runs and not self.refused

    def __str__(self):
        from .describe_text import as_text

        return as_text(self)


def describe(source):
    """The `Description` of a path, bytes or a file object.

    Raises:
        FileNotFoundError: if there is none.
        CorruptFileError (an OSError): for what is no model's file at all.
    """
    if isinstance(source, (str, os.PathLike)) and not os.path.isfile(source):
        with hdf5.open_for_reading(source):  # says what is wrong with it
            pass
    head, source = sources.peek(source)
    label = sources.label_of(source) if isinstance(source, (bytes, str, os.PathLike)) else repr(source)
    if head.startswith(HDF5_SIGNATURE):
        found = _hdf5(source, label)
    elif sources.is_archive(head):
        found = _archive(source, label)
    elif safetensors_file.is_one(head):
        found = _safetensors(source, label)
    else:
        found = _text(source, label)
    found.size = _size(source)
    return found


def _size(source):
    if isinstance(source, (str, os.PathLike)):
        return os.path.getsize(source)
    return len(source) if isinstance(source, bytes) else None


# ------------------------------------------------------------------------------------------ formats


def _hdf5(source, label):
    with hdf5.open_for_reading(source) as root:
        found = Description(label, "weights", "HDF5")
        text = _guarded(found, lambda: root.text("model_config"))
        weights, refused, damage = stored_weights.in_hdf5(root)
        found.refused += refused
        found.problems += [damage] if damage else []
        origin = _guarded(found, lambda: stored_weights.origin(root))
        found.written_by = _writer(origin)
        if text is not None:
            found.kind = "model"
            config = parse_json(text, f"{label}: model_config")
            _add_architecture(found, config, origin or CURRENT, weights)
            training = _guarded(found, lambda: root.text("training_config"))
            found.training = _optimizer(training and parse_json(training, f"{label}: training_config"))
        elif weights is None and not found.refused and not found.problems:
            raise CorruptFileError(f"{label} is an HDF5 file, but holds neither a Keras model nor Keras weights.")
        elif weights is not None:
            _add_weights(found, weights)
    return found


def _archive(source, label):
    with zips.open_for_reading(source, label) as zipped:
        config, origin = archive.read_config(zipped)
        found = Description(label, "model", "keras", written_by=_writer(origin))
        weights = None
        if archive.WEIGHTS in zipped:
            with hdf5.open_for_reading(zipped.read(archive.WEIGHTS)) as root:
                weights, found.refused, damage = stored_weights.in_hdf5(root)
                found.problems += [damage] if damage else []
        else:
            found.problems.append(f"There are no weights in it ({archive.WEIGHTS}).")
        _add_architecture(found, config, origin, weights)
        found.training = _optimizer(config.get("compile_config"))
    return found


def _safetensors(source, label):
    data, label = sources.read(source)
    arrays, layout = safetensors_file.read(data, label)
    found = Description(label, "weights", "safetensors")
    layout = layout or [[name.rpartition("/")[0] or name, [name]] for name in arrays]
    weights = stored_weights.Weights()
    for layer, names in layout:
        for name in names:
            weights.add(layer, name, arrays[name].shape)
    _add_weights(found, weights)
    return found


def _text(source, label):
    if not isinstance(source, (bytes, str, os.PathLike)) or (_size(source) or 0) > MAX_TEXT:
        raise CorruptFileError(f"{label} is no model's file.")
    data, _ = sources.read(source)
    try:
        text = bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        raise CorruptFileError(
            f"{label} is no model's file: it is neither HDF5, nor a zip, nor text; it begins with {bytes(data[:8])!r}."
        ) from None
    is_json = text.lstrip()[:1] in ("{", "[")
    found = Description(label, "architecture", "JSON" if is_json else "YAML")
    try:
        config = parse_json(text, label) if is_json else yaml_text.read(text)
    except ValueError as error:
        raise CorruptFileError(f"{label} is no model's file: {error}") from error
    if not isinstance(config, dict) or "class_name" not in config or "config" not in config:
        raise CorruptFileError(f"{label} is text, but does not describe a model (no 'class_name' and 'config').")
    origin = _guarded(found, lambda: origin_of_config(config))
    found.written_by = _writer(origin) if origin != CURRENT else None
    _add_architecture(found, config, origin or CURRENT, None)
    return found


# ------------------------------------------------------------------------------------------ parts


def _guarded(found, read):
    """What `read()` gives; what it refuses is noted."""
    try:
        return read()
    except UnsafeFileError as error:
        found.refused.append(str(error))
    except (CorruptFileError, ValueError) as error:
        found.problems.append(str(error))
    return None


def _writer(origin):
    if origin is None:
        return None
    return f"{origin}, backend {origin.backend}" if origin.backend else str(origin)


def _add_architecture(found, config, origin, weights):
    found.layers = architecture.rows(config)
    found.runs = architecture.code(config)
    found.unknown, problem = architecture.unknown(config, origin)
    if problem:
        found.problems.append(problem)
    if weights is not None:
        found.parameters = weights.total
        for index in reversed(range(len(found.layers))):
            row = found.layers[index]
            row.parameters = weights.of(row)
            if row.parameters is None:
                row.parameters = _sum_inside(row, found.layers[index + 1 :])


def _sum_inside(row, after):
    """The parameters of the layers inside a nested model that is not named with its weights, else None."""
    total = None
    for other in after:
        if other.depth <= row.depth:
            break
        if other.depth == row.depth + 1 and other.parameters is not None:
            total = (total or 0) + other.parameters
    return total


def _add_weights(found, weights):
    found.parameters = weights.total
    found.layers = [architecture.Row(name, None, 0, weights.counts[name]) for name in weights.counts]


def _optimizer(config):
    if not isinstance(config, dict):
        return None
    stored = config.get("optimizer_config") or config.get("optimizer")
    if isinstance(stored, dict):
        return str(stored.get("class_name"))
    return str(stored) if stored else None
