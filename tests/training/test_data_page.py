"""The examples of docs/data.md and docs/files.md run."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from keras.layers import Dense
from keras.models import Sequential

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(("page", "count"), [("data.md", 4), ("files.md", 3)])
def test_examples(page, count, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    x, y = np.random.rand(100, 3).astype("float32"), np.random.rand(100, 1).astype("float32")
    with h5py.File("data.h5", "w") as file:
        file["x"], file["y"] = x, y
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse")
    examples = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.S)
    names = {"model": model, "x": x, "y": y}
    for number, code in enumerate(examples):
        exec(compile(code, f"{page}, example {number + 1}", "exec"), names)
    assert len(examples) == count
    assert page != "data.md" or "Train on 90 samples, validate on 10 samples" in capsys.readouterr().out
