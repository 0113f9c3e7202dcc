"""The examples run as a user would run them, and reach what they promise."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_digits(tmp_path):
    """In a process of its own, as a user runs it; the others run in that of the tests, where all is imported."""
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES.parent)}
    command = [sys.executable, str(EXAMPLES / "digits_cnn.py"), "--quick"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    assert "Using JAX backend." in result.stderr
    assert float(re.search(r"accuracy ([\d.]+)%", result.stdout)[1]) >= 97
    assert "New process: loaded demo-output/digits.h5" in result.stdout
    for name in ("digits.h5", "digits.png"):
        assert (tmp_path / "demo-output" / name).stat().st_size > 10_000


@pytest.fixture
def run(tmp_path, monkeypatch, capsys, quick_compiler):
    """Runs an example in an empty folder and gives what it printed."""

    def run(name, *options):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [name, *options])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    yield run
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize(
    "name, pattern, wanted",
    [
        ("text_lstm.py", r"Held-out pieces: (\d+)%", 50),
        ("two_inputs.py", r"both inputs ([\d.]+)%", 90),
        ("diabetes_regression.py", r"R2 0\.(\d\d)", 30),
    ],
)
def test_example(name, pattern, wanted, run):
    assert float(re.search(pattern, run(name))[1]) >= wanted


# What the quick run of an example tells, the first number being what counts, and bounds for it.
QUICK = {
    "digits_augmentation.py": (r"with augmentation: ([\d.]+)% right", 40, 100),
    "fine_tuning.py": (r"upper convolution tuned .*: ([\d.]+)% right", 90, 100),
    "feature_extraction.py": (r"Held-out pieces: ([\d.]+)% ", 80, 100),
    "filter_visualisation.py": (r"(\d+) of 8 rose", 8, 8),
    "deep_dream.py": (r"dream is ([\d.]+) times", 1.5, 1e6),
    "style_transfer.py": (r"loss fell to ([\d.]+)%", 0, 30),
    "stateful_lstm.py": (r"stateful: error ([\d.]+)", 0, 0.45),
    "variational_autoencoder.py": (r"digits: .*, ([\d.]+) after the last", 15, 30),
    "siamese.py": (r"held-out digits: ([\d.]+)% ", 88, 100),
    "gan.py": (r"nearest real one: ([\d.]+) ", 1, 5),
    "sequence_to_sequence.py": (r"Held-out numbers: ([\d.]+)% ", 60, 100),
    "text_generation.py": (r"first epoch, ([\d.]+) in", 1, 2.9),
}
WITHOUT_PICTURE = {"fine_tuning.py", "sequence_to_sequence.py", "text_generation.py"}


# The GAN freezes its discriminator after compiling it, as the warning says.
@pytest.mark.filterwarnings("ignore:Discrepancy between trainable weights")
@pytest.mark.parametrize("name", QUICK)
def test_quick_run(name, run, tmp_path):
    pattern, least, most = QUICK[name]
    text = run(name, "--quick")
    assert least <= float(re.search(pattern, text)[1]) <= most, text[-1000:]
    pictures = [path for path in tmp_path.rglob("*.png") if path.stat().st_size > 2000]
    assert len(pictures) == (name not in WITHOUT_PICTURE)


def test_every_example_is_tested():
    names = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text()))
    assert {p.name for p in EXAMPLES.glob("*.py")} <= names
