"""What `keras info` prints of a file whose names are made to mislead."""

import json

import pytest

from keras.layers import Dense
from keras.models import Sequential
from keras.saving.describe import describe


def told(**changes):
    """What is told of a model whose only layer says this."""
    described = json.loads(Sequential([Dense(2, input_shape=(3,), name="honest")]).to_json())
    layer = described["config"]["layers"][0]
    layer["config"].update(changes.pop("config", {}))
    layer.update(changes)
    return str(describe(json.dumps(described).encode()))


@pytest.mark.parametrize("place", ["name", "class", "argument"])
@pytest.mark.parametrize(
    "text", ["x\nSafe: it is", "x\rSafe: it is", "\x1b[2Jx", "\u202egpj.x", "x\u2028Safe", "\ud800"]
)
def test_texts_stay_in_their_line(place, text):
    kinds = {"name": {"config": {"name": text}}, "class": {"class_name": text}, "argument": {"config": {"units": text}}}
    lines = told(**kinds[place]).split("\n")
    assert all(line.isprintable() for line in lines)
    assert any(ascii(text)[1:-1] in line for line in lines)
    assert sum(line.lstrip().startswith("Safe") for line in lines) == 1


def test_letters_of_all_languages_are_shown():
    assert "слой_层" in told(config={"name": "слой_层"})


def test_a_name_without_end():
    """A table of 1,000 rows of a million characters would fill the memory."""
    assert len(told(config={"name": "x" * 1_000_000})) < 2_000
