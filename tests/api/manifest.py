"""What Keras 2.3.1 offers by name (tests/data/api.json), and how ours is looked up beside it.

In the file a module's name is `is PATH` (handed on from there), `module PATH`, `class`, `class (init)`
(from another distribution), `constant VALUE`, a function's signature, or `any` where only the name counts.
"""

import fnmatch
import importlib
import inspect
import json
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
API = json.loads((ROOT / "tests" / "data" / "api.json").read_text())
EXCEPTIONS_PAGE = ROOT / "docs" / "api-exceptions.md"


@cache
def exceptions():
    """{pattern of names: (difference, reason)} from the tables of the page."""
    rows = re.findall(r"^\| `([^`]+)` \| (.+?) \| (.+?) \|$", EXCEPTIONS_PAGE.read_text(), re.MULTILINE)
    return {pattern: (difference, reason) for pattern, difference, reason in rows}


def left_out(path):
    """Whether the page lists the name as an exception."""
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in exceptions())


@cache
def find(path):
    """The object of a dotted path: a module, or an attribute of one.

    Raises:
        AttributeError, ImportError: if there is none.
    """
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if "." not in path or not path.startswith(error.name or path):
            raise
    parent, _, name = path.rpartition(".")
    return getattr(find(parent), name)


def parameters(text):
    """The parameters of a written signature: [(name, kind, default as text)]."""
    names = {"nan": float("nan"), "inf": float("inf")}
    return _listed(inspect.signature(eval(f"lambda {text[1:-1]}: None", names)))


def parameters_of(function):
    return _listed(inspect.signature(function))


def _listed(signature):
    return [(p.name, str(p.kind), _shown(p.default)) for p in signature.parameters.values()]


def _shown(default):
    return "" if default is inspect.Parameter.empty else repr(default)
