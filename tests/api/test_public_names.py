"""Every public name of Keras 2.3.1 is there, on every path, with the same arguments and defaults."""

import inspect

import pytest

from . import manifest
from .manifest import API, find, left_out, parameters, parameters_of

MODULES = sorted(m for m in API["modules"] if not left_out(m))
CLASSES = sorted(c for c in API["classes"] if not left_out(c))


@pytest.mark.parametrize("module", MODULES)
def test_names_of_module(module):
    wrong = []
    for name, wanted in API["modules"][module].items():
        path = f"{module}.{name}"
        if left_out(path) or _comes_later(wanted):
            continue
        found = getattr(find(module), name, None)
        if found is None:
            wrong.append(f"{name} is missing ({wanted})")
        else:
            wrong += _differences(name, found, wanted)
    if wrong:
        pytest.fail("\n".join(wrong))


def _comes_later(wanted):
    return wanted.startswith(("is ", "module ")) and left_out(wanted.split(" ", 1)[1])


def _differences(name, found, wanted):
    kind, _, rest = wanted.partition(" ")
    if kind == "any":
        return []
    if kind in ("is", "module"):
        return [] if _same(found, find(rest)) else [f"{name} is not {rest}"]
    if kind == "constant":
        return [] if rest == "null" or str(found) == rest.strip('"') else [f"{name} = {found!r}, wanted {rest}"]
    if kind == "class":
        return _unlike(name, found.__init__, rest) if isinstance(found, type) else [f"{name} is not a class"]
    return _unlike(name, found, wanted)


def _same(found, origin):
    """The same object; a module loaded on first use stands for its module."""
    return found is origin or (inspect.ismodule(origin) and getattr(found, "_name", None) == origin.__name__)


def _unlike(name, found, signature):
    if not signature:
        return []
    given = parameters_of(found)
    return [] if given == parameters(signature) else [f"{name}{inspect.signature(found)}, wanted {signature}"]


@pytest.mark.parametrize("path", CLASSES)
def test_class(path):
    """Its arguments, its bases and its methods."""
    wanted, cls = API["classes"][path], find(path)
    wrong = [] if left_out(f"{path}.__init__") else _unlike("__init__", cls.__init__, wanted.get("init"))
    for name, text in wanted.get("methods", {}).items():
        if left_out(f"{path}.{name}"):
            continue
        found = getattr(cls, name, None)
        if found is None:
            wrong.append(f"{name} is missing")
            continue
        kind, _, signature = text.partition(" (") if text.startswith("@") else ("", "", text[1:])
        bound = [] if kind != "@classmethod" else [parameters("(cls)")[0]]
        if bound + parameters_of(found) != parameters("(" + signature):
            wrong.append(f"{name}{inspect.signature(found)}, wanted {text}")
    names = wanted.get("members", "").split()
    wrong += [f"{name} is missing" for name in names if not hasattr(cls, name) and not left_out(f"{path}.{name}")]
    bases = [base for base in wanted.get("bases", ()) if not left_out(base)]
    wrong += [f"it is no {base}" for base in bases if not issubclass(cls, find(base))]
    if wrong:
        pytest.fail("\n".join(wrong))


def differs(path):
    """Whether a name of Keras 2.3.1 is missing here, or another."""
    owner, _, name = path.rpartition(".")
    try:
        found = getattr(find(owner), name)
        if name == "__init__":
            return bool(_unlike(name, found, API["classes"][owner].get("init")))
        return bool(_differences(name, found, API["modules"].get(owner, {}).get(name, "any")))
    except (AttributeError, ImportError):
        return True


def test_every_exception_is_one():
    """Every row of docs/api-exceptions.md names something that differs from Keras 2.3.1, and gives a reason."""
    paths = [f"{m}.{n}" for m, names in API["modules"].items() for n in names] + [*API["modules"], *API["classes"]]
    for path, entry in API["classes"].items():
        members = entry.get("members", "").split()
        paths += [f"{path}.{name}" for name in ("__init__", *entry.get("methods", ()), *members)]
    for pattern, (difference, reason) in manifest.exceptions().items():
        meant = [path for path in paths if manifest.fnmatch.fnmatchcase(path, pattern)]
        assert any(differs(path) for path in meant), f"{pattern} is no exception any more: strike it out"
        assert len(difference) > 5 and len(reason) > 10
