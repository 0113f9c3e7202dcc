"""Tell what is installed here and whether it is in order.

Versions, backends and devices, the settings in keras.json, and whether another package has written into the folder
of this one: 'keras' on the package index is Keras 3, and both lie in a folder named keras.
"""

# Nothing of Keras is imported before it is needed: this has to run where the rest does not.
import base64
import csv
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys

SUMMARY = "tell versions, backends, devices, settings, and what is wrong with them"
EXAMPLES = """\
examples:
  keras doctor

Exit code 1: something is wrong; the line says what to do.
"""
DISTRIBUTION = "keras-classic"
_NEEDED = ("numpy", "jax", "jaxlib", "h5py", "PyYAML", "scipy")
_OPTIONAL = (
    "torch", "tensorflow", "Pillow", "pydot", "onednn-cpu-gomp", "onnx", "onnxruntime", "safetensors", "scikit-learn"
)  # fmt: skip


def add_to(parser):
    pass


def run(options):
    problems = [problem for part in (_versions, _folder, _settings, _backends) for problem in part()]
    print()
    for problem in problems:
        print(f"PROBLEM  {problem}")
    print(f"{len(problems)} problem{'s' * (len(problems) != 1)} found." if problems else "All is well.")
    return 1 if problems else 0


def _line(name, value):
    print(f"{name:<16} {value}")


# ------------------------------------------------------------------------------------------ versions


def _versions():
    _line("Python", f"{platform.python_version()} ({sys.executable})")
    _line("system", platform.platform())
    _line(DISTRIBUTION, _version(DISTRIBUTION) or "not installed, run from its source folder")
    for name in _NEEDED:
        version = _version(name)
        _line(name, version or "MISSING")
        if version is None:
            yield f"{name} is not installed: pip install {name}"
    missing = [name for name in _OPTIONAL if _version(name) is None]
    for name in _OPTIONAL:
        if name not in missing:
            _line(name, _version(name))
    if missing:
        _line("not installed", f"{', '.join(missing)} (each is needed for one feature only)")


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


# ------------------------------------------------------------------------------------------ the folder


def _folder():
    """Who else writes into our folder, and which of our files are no longer ours."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    _line("folder", home)
    for name, distribution in _distributions().items():
        foreign = [] if _is_ours(name) else _files_in(distribution, home)
        if foreign:
            yield (
                f"The package {name} {distribution.version} has written {len(foreign):,} files into the folder of this"
                f" one. Only one can be there: pip uninstall -y {name} {DISTRIBUTION}, then pip install {DISTRIBUTION}."
            )
    changed = [path for path in _own_files(home) if not _is_as_installed(path)]
    if changed:
        shown = ", ".join(str(path) for path in changed[:3])
        yield (
            f"{len(changed):,} files of {DISTRIBUTION} are missing or not as they were installed ({shown}): pip install"
            f" --force-reinstall --no-deps {DISTRIBUTION}"
        )
    if os.path.isfile(os.path.join(home, "src", "__init__.py")):
        yield f"{os.path.join(home, 'src')} is left over from Keras 3: delete it, or install anew in an empty folder."


def _distributions():
    """{name: distribution} of what is installed; one that can be found on two ways counts once."""
    found = {}
    for distribution in importlib.metadata.distributions():
        found.setdefault(distribution.metadata["Name"], distribution)
    return found


def _is_ours(name):
    return name is not None and name.lower().replace("_", "-") == DISTRIBUTION


def _files_in(distribution, home):
    """The files of a distribution that lie in the folder `home`."""
    found = [path for path in _recorded(distribution) if path.parts[:1] == (os.path.basename(home),)]
    return [path for path in found if os.path.realpath(path.locate()).startswith(os.path.realpath(home) + os.sep)]


def _recorded(distribution):
    """The files that were installed; `distribution.files` leaves out those that are gone since Python 3.12."""
    for name, digest, *_ in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        path = importlib.metadata.PackagePath(name)
        path.dist, path.hash = distribution, importlib.metadata.FileHash(digest) if digest else None
        yield path


def _own_files(home):
    return [
        path
        for name, distribution in _distributions().items()
        if _is_ours(name)
        for path in _files_in(distribution, home)
        if path.hash is not None
    ]


def _is_as_installed(path):
    try:
        with open(path.locate(), "rb") as file:
            digest = hashlib.new(path.hash.mode, file.read()).digest()
    except OSError:
        return False
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == path.hash.value


# ------------------------------------------------------------------------------------------ settings


def _settings():
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    path = os.path.join(home, "keras.json")
    if not os.path.exists(path):
        _line("settings", f"{path} does not exist: the defaults hold")
        return
    try:
        with open(path, encoding="utf-8") as file:
            settings = json.load(file)
        _line("settings", f"{path}: {json.dumps(settings)}")
    except (OSError, ValueError) as error:
        _line("settings", path)
        yield f"{path} cannot be read ({error}): mend it or delete it, and the defaults hold."
        return
    if not isinstance(settings, dict):
        yield f"{path} ought to hold settings, {{...}}: mend it or delete it, and the defaults hold."


# ------------------------------------------------------------------------------------------ backends


def _backends():
    if os.environ.get("KERAS_BACKEND"):
        _line("KERAS_BACKEND", os.environ["KERAS_BACKEND"])
    try:
        from .. import backend as K
        from ..runtimes import AVAILABLE
    except Exception as error:
        yield f"Keras itself cannot be imported: {type(error).__name__}: {error}"
        return
    used = K.backend()
    for name, module in AVAILABLE.items():
        here = importlib.util.find_spec(module or "numpy") is not None
        state = "in use" if name == used else "installed" if here else "not installed"
        _line(f"backend {name}", f"{state}{_devices(name) if name == used else ''}")


def _devices(name):
    """The devices that the backend in use computes on."""
    try:
        if name == "jax":
            import jax

            names = (str(d) if d.platform == "cpu" else f"{d} ({d.device_kind})" for d in jax.devices())
            return f", on {', '.join(names)}"
        if name == "torch":
            import torch

            return f", on {'cuda' if torch.cuda.is_available() else 'cpu'}"
    except Exception as error:  # whatever a driver does not like
        return f", whose devices cannot be told ({error})"
    return ""
