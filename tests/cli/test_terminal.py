"""Texts from files do not steer the terminal."""

import json

import pytest

from keras.cli import main
from keras.layers import Dense
from keras.models import Sequential


@pytest.mark.parametrize("command", ["info", "check"])
@pytest.mark.parametrize("change", [{"activation": "\x1b[2Jx"}, {"\x1b[2Jx": 1}, {"name": "\x1b[2Jx"}], ids=repr)
def test_escapes_are_written_out(tmp_path, capsys, command, change):
    described = json.loads(Sequential([Dense(2, input_shape=(3,))]).to_json())
    described["config"]["layers"][0]["config"].update(change)
    (tmp_path / "model.json").write_text(json.dumps(described))
    main([command, str(tmp_path / "model.json")])
    told = capsys.readouterr()
    assert "\x1b" not in told.out + told.err
    if "name" not in change:
        assert r"\x1b[2Jx" in told.out + told.err
