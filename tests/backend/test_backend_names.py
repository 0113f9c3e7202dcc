"""K has the functions of Keras 2.3.1, with the same arguments and defaults."""

import inspect
import json
from pathlib import Path

import pytest

from keras import backend as K

SIGNATURES = json.loads((Path(__file__).parents[1] / "data" / "backend_signatures.json").read_text())

# Being written.
MISSING = {"ctc_label_dense_to_sparse"}
# Accepted on top of Keras 2.3.1's arguments; each is optional.
EXTRA_ARGUMENTS = {"function": ["name"]}


def parameters(signature):
    return [(p.name, p.kind, p.default) for p in signature.parameters.values()]


@pytest.mark.parametrize("name", sorted(set(SIGNATURES) - MISSING))
def test_signature(name):
    written = eval(f"lambda {SIGNATURES[name][1:-1]}: None")
    wanted, found = parameters(inspect.signature(written)), parameters(inspect.signature(getattr(K, name)))
    extra = EXTRA_ARGUMENTS.get(name, [])
    assert [p for p in found if p[0] not in extra] == wanted
    assert getattr(K, name).__doc__


def test_what_is_listed_as_missing_is():
    assert {name for name in SIGNATURES if not hasattr(K, name)} == MISSING
