"""What `convert` and `check` share: which kind of file a name means, and models from files."""

import os

# Ending -> what such a file is called in messages.
ENDINGS = {
    ".h5": "HDF5",
    ".hdf5": "HDF5",
    ".keras": "Keras 3's archive",
    ".json": "JSON",
    ".yaml": "YAML",
    ".yml": "YAML",
    ".onnx": "ONNX",
    ".safetensors": "safetensors",
    ".weights.h5": "weights alone",
}
TEXT = (".json", ".yaml", ".yml")


def ending(path):
    """The ending of a path that says what it is. Raises ValueError for another."""
    name = os.fspath(path).lower()
    found = [known for known in ENDINGS if name.endswith(known)]
    if not found:
        raise ValueError(f"{path!r}: the ending says no format that is known here. Known are {', '.join(ENDINGS)}.")
    return max(found, key=len)


def load(path, weights=None, run_code=False, compile=True):
    """(the model in a file, whether its weights came with it).

    Args:
        weights: a file to take them from instead.

    Raises:
        ValueError, OSError: telling what is wrong.
    """
    from ..saving import load_model, model_from_json, model_from_yaml
    from ..saving.describe import describe

    found = describe(path)
    if found.kind == "weights":
        raise ValueError(
            f"{path} holds weights alone, no model. Name the file with the architecture, and these as --weights {path}."
        )
    if found.kind == "model":
        model = load_model(path, compile=compile and found.training is not None, safe_mode=not run_code)
    else:
        read = model_from_json if found.format == "JSON" else model_from_yaml
        with open(path, encoding="utf-8") as file:
            model = read(file.read(), safe_mode=not run_code)
    if weights:
        model.load_weights(weights)
    return model, found.kind == "model" or bool(weights)


def add_options(parser):
    """The options that say how the file is loaded."""
    parser.add_argument("--weights", metavar="FILE", help="take the weights from this file")
    parser.add_argument(
        "--run-code",
        action="store_true",
        help="run the code that Lambda layers in the file bring along. It can do anything to this computer: only for "
        "files from people you trust",
    )
