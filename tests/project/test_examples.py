"""The examples run as a user would run them, and reach what they promise."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def run(name, folder):
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / name)]
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Using JAX backend." in result.stderr
    return result.stdout


def test_digits(tmp_path):
    text = run("digits_cnn.py", tmp_path)
    assert float(re.search(r"accuracy ([\d.]+)%", text)[1]) >= 97
    assert "New process: loaded demo-output/digits.h5" in text
    for name in ("digits.h5", "digits.png"):
        assert (tmp_path / "demo-output" / name).stat().st_size > 10_000


@pytest.mark.parametrize(
    "name, pattern, wanted",
    [
        ("text_lstm.py", r"Held-out pieces: (\d+)%", 50),
        ("two_inputs.py", r"both inputs ([\d.]+)%", 90),
        ("diabetes_regression.py", r"R2 0\.(\d\d)", 30),
    ],
)
def test_example(name, pattern, wanted, tmp_path):
    assert float(re.search(pattern, run(name, tmp_path))[1]) >= wanted


def test_every_example_is_tested():
    names = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text()))
    assert {p.name for p in EXAMPLES.glob("*.py")} <= names
