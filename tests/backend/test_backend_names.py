"""K has the functions of Keras 2.3.1, with the same arguments and defaults."""

import inspect
import json
import re
from pathlib import Path

import conv_table
import function_table
import nn_table
import pytest
import shape_table

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


def test_every_function_is_tested():
    """Each has a row in a table, or its use can be read in one of the files here."""
    rows = {case.name for table in (function_table, shape_table, conv_table, nn_table) for case in table.CASES}
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    texts = "".join(path.read_text() for path in files)
    assert {name for name in set(SIGNATURES) - rows if not re.search(rf"\bK\.{name}\b", texts)} == set()
