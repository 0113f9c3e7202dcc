"""The examples of docs/data.md run."""

import re
from pathlib import Path

import h5py
import numpy as np

from keras.layers import Dense
from keras.models import Sequential

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def test_examples(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x, y = np.random.rand(100, 3).astype("float32"), np.random.rand(100, 1).astype("float32")
    with h5py.File("data.h5", "w") as file:
        file["x"], file["y"] = x, y
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    names = {"model": model, "x": x, "y": y}
    for number, code in enumerate(examples):
        exec(compile(code, f"data.md, example {number + 1}", "exec"), names)
    assert len(examples) == 4
    assert "Train on 90 samples, validate on 10 samples" in capsys.readouterr().out
