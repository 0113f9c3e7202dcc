"""The settings every part shares: keras.json, the float type, epsilon, the image format, the runtime.

The runtime is chosen when the backend is imported: the environment variable
`KERAS_BACKEND`, then `keras.json`, then JAX.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import sys
from typing import Any

import numpy as np

from .. import runtimes
from .._ownership import is_own
from ..graph import dtypes, placement
from ..graph.ops import elementwise
from ..graph.tensor import Tensor
from ..runtimes.contract import Runtime
from ..runtimes.memory import keep_freed_memory

DEFAULT_BACKEND = "jax"
# Engines that have ended; old scripts and files still name them.
_GONE = {
    "theano": "the development of Theano ended in 2017 (PyTensor, which grew out of it, is not supported yet)",
    "cntk": "Microsoft ended the development of CNTK in 2019",
}

# Engines that are imported when the first tensor is made, and their titles. Processes that only prepare data or
# look at files never make one: JAX takes 0.4 s and 100 MB. (PyTorch and TensorFlow must know our tensors at once.)
_LATER = {"jax": "JAX"}

SHARED_HOME = "/tmp/.keras"

_settings: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "backend": DEFAULT_BACKEND,
}


def home() -> str:
    """The folder of keras.json, datasets and compiled programs: KERAS_HOME, ~/.keras or /tmp/.keras."""
    if os.environ.get("KERAS_HOME"):
        return os.environ["KERAS_HOME"]
    base = os.path.expanduser("~")
    return os.path.join(base, ".keras") if os.access(base, os.W_OK) else SHARED_HOME


def _is_trusted(folder: str) -> bool:
    """Whether a home is the user's: anybody can be the first to make the one in /tmp, and put programs into it."""
    try:
        return folder != SHARED_HOME or is_own(os.stat(folder))
    except OSError:
        return False


def epsilon() -> float:
    """The fuzz factor used against division by zero."""
    return _settings["epsilon"]


def set_epsilon(e: float) -> None:
    """Sets the fuzz factor."""
    _settings["epsilon"] = float(e)


def floatx() -> str:
    """The default float type: 'float16', 'float32' or 'float64'."""
    return _settings["floatx"]


def set_floatx(floatx: str) -> None:
    """Sets the default float type of what is built from now on.

    Raises:
        ValueError: for anything but 'float16', 'float32', 'float64'.
    """
    if floatx not in ("float16", "float32", "float64"):
        raise ValueError(f"Unknown floatx type: {floatx!r}. Wanted 'float16', 'float32' or 'float64'.")
    _settings["floatx"] = dtypes.default_float = str(floatx)


def cast_to_floatx(x: Any) -> Any:
    """A NumPy array (or list) as an array of the default float type; a tensor as a tensor."""
    if isinstance(x, Tensor):
        return elementwise.cast(x, dtype=_settings["floatx"])
    return np.asarray(x, dtype=_settings["floatx"])


def image_data_format() -> str:
    """'channels_last' or 'channels_first': where layers expect the channels by default."""
    return _settings["image_data_format"]


def set_image_data_format(data_format: str) -> None:
    """Sets the default place of channels.

    Raises:
        ValueError: for anything but 'channels_last' and 'channels_first'.
    """
    _settings["image_data_format"] = _checked_format(data_format)


def normalize_data_format(value: str | None) -> str:
    """A `data_format` argument, None meaning the default.

    Raises:
        ValueError: for an unknown format.
    """
    return _settings["image_data_format"] if value is None else _checked_format(value)


def _checked_format(value: Any) -> str:
    name = value.lower() if isinstance(value, str) else value
    if name not in ("channels_last", "channels_first"):
        raise ValueError(
            "The `data_format` argument must be one of \"channels_first\", \"channels_last\". "
            f"Received: {value!r}"
        )
    return name


def image_dim_ordering() -> str:
    """The image format by its Keras 1 name: 'th' (channels first) or 'tf'."""
    return "th" if image_data_format() == "channels_first" else "tf"


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Sets the image format by its Keras 1 name."""
    if dim_ordering not in ("tf", "th"):
        raise ValueError(f"Unknown dim_ordering: {dim_ordering!r}. Wanted 'tf' or 'th'.")
    set_image_data_format("channels_first" if dim_ordering == "th" else "channels_last")


def backend() -> str:
    """The name of the runtime in use, such as 'jax'."""
    return _settings["backend"]


def _read_file(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _warn(f"keras: {path} cannot be read ({error}); using the default settings.")
        return {}
    return found if isinstance(found, dict) else {}


def _write_file(path: str) -> None:
    """Writes the settings in use, for the user to edit; a read-only home is no error."""
    temporary = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        keys = ("image_data_format", "epsilon", "floatx", "backend")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(json.dumps({k: _settings[k] for k in keys}, indent=4) + "\n")
        os.replace(temporary, path)
    except OSError:
        pass


def _apply_file(settings: dict[str, Any], path: str) -> None:
    for key, setter in (
        ("floatx", set_floatx), ("epsilon", set_epsilon), ("image_data_format", set_image_data_format),
    ):  # fmt: skip
        if key in settings:
            try:
                setter(settings[key])
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}: bad value for {key!r}: {error}") from None


def _warn(text: str) -> None:
    print(text, file=sys.stderr)


def _chosen(path: str, settings: dict[str, Any]) -> str:
    """The name of the runtime that is asked for and can be had."""
    asked = os.environ.get("KERAS_BACKEND")
    if asked:
        return _gone(f"KERAS_BACKEND={asked}", asked) if asked in _GONE else _asked(asked)
    named = settings.get("backend", DEFAULT_BACKEND)
    if isinstance(named, str) and named in _GONE:
        return _gone(f"{path} names {named!r}", named)
    if isinstance(named, str) and runtimes.exists(named):
        try:
            return _ready(named)
        except ImportError:
            pass
    _warn(f"{path} names the backend {named!r}, which is not here; using {DEFAULT_BACKEND} instead.")
    return _ready(DEFAULT_BACKEND)


def _gone(where: str, name: str) -> str:
    _warn(f"{where}: {_GONE[name]}; using {DEFAULT_BACKEND} instead.")
    return _ready(DEFAULT_BACKEND)


def _asked(name: str) -> str:
    """The runtime that the environment variable names."""
    if not runtimes.exists(name):
        known = ", ".join(runtimes.AVAILABLE)
        raise ValueError(
            f"KERAS_BACKEND={name!r} is not a backend of this Keras. Set it to one of: {known}; or to the name of "
            "a module with a runtime of your own (docs/runtimes.md)."
        )
    engine = runtimes.AVAILABLE.get(name, name)
    try:
        return _ready(name)
    except ImportError as error:
        raise ImportError(
            f"KERAS_BACKEND={name!r}, but {engine} cannot be imported ({error}). "
            f"Install it (pip install {engine}) or unset KERAS_BACKEND to use JAX."
        ) from error


def _ready(name: str) -> str:
    """The name, once it is clear that its engine is there.

    Raises:
        ImportError: if it is not.
    """
    if name not in _LATER:
        runtimes.load(name)
    elif importlib.util.find_spec(name) is None:
        raise ImportError(f"No module named {name!r}")
    return name


def _start() -> str:
    """Takes the settings over; the module name of the runtime."""
    path = os.path.join(home(), "keras.json")
    settings = _read_file(path) if _is_trusted(home()) else {}
    _apply_file(settings, path)
    name = _chosen(path, settings)
    if not os.path.exists(path):
        _write_file(path)  # with the default backend: the environment variable is for this process
    _settings["backend"] = name if name in _LATER else runtimes.load(name).name
    _warn(f"Using {_LATER.get(name) or runtimes.load(name).title} backend.")
    return name


@functools.cache
def runtime() -> Runtime:
    """The runtime in use; the first call imports JAX, if that is the engine."""
    state = np.random.get_state()
    loaded = runtimes.load(_module)
    keep_freed_memory(loaded.most_kept)
    np.random.set_state(state)  # importing JAX draws from NumPy's generator, which the user may have seeded already
    placement.ask(loaded.open_device)
    if hasattr(loaded, "use_cache") and _is_trusted(home()):
        loaded.use_cache(os.path.join(home(), "compiled"))
    return loaded


_module = _start()
