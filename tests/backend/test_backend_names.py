"""K has the functions of Keras 2.3.1, with the same arguments and defaults."""

import inspect
import json
from pathlib import Path

import pytest

from keras import backend as K

SIGNATURES = json.loads((Path(__file__).parents[1] / "data" / "backend_signatures.json").read_text())


def parameters(signature):
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_signature(name):
    written = eval(f"lambda {SIGNATURES[name][1:-1]}: None")
    wanted, found = parameters(inspect.signature(written)), parameters(inspect.signature(getattr(K, name)))
    assert found == wanted
    assert getattr(K, name).__doc__
