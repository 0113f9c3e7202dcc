"""The package as a user installs and imports it."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

SCRIPT = """
import sys, numpy as np
import keras
assert keras.__file__.startswith(sys.argv[1]), keras.__file__
from keras.models import Sequential
from keras.layers import Dense
model = Sequential([Dense(2, input_dim=3)])
model.compile('sgd', 'mse')
model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
model.save(sys.argv[1] + '/m.h5')
from keras.models import load_model
assert (load_model(sys.argv[1] + '/m.h5').predict(np.ones((1, 3))) == model.predict(np.ones((1, 3)))).all()
"""


def python(*command, **environment):
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment
    # Away from the repository, so that nothing is imported from the folder we happen to be in.
    folder = tempfile.gettempdir()
    return subprocess.run([sys.executable, *command], env=env, cwd=folder, capture_output=True, text=True, timeout=300)


def test_the_wheel_works_outside_the_repository(tmp_path):
    """What is installed holds all that a model needs."""
    site = tmp_path / "site"
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    copy = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(copy)], check=True)
    built = python(*command, "--target", str(site), str(copy))
    assert built.returncode == 0, built.stderr
    result = python("-W", "error", "-c", SCRIPT, str(site), PYTHONPATH=str(site))
    assert result.returncode == 0, result.stderr
    assert result.stderr == "Using JAX backend.\n"


def test_nothing_names_a_machine_or_a_registry():
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    words = [b"pypi." + b"org", b"python" + b"hosted", b"--index" + b"-url", b"/work/" + b"main", b"find-" + b"links"]
    for name in files:
        path = ROOT / name.decode()
        if name and path.is_file():
            content = path.read_bytes()
            found = [w for w in words if w in content]
            assert not found, f"{path}: {found}"


def test_numpy_backend_predicts():
    script = (
        "import numpy as np, keras\n"
        "from keras.models import Sequential\nfrom keras.layers import Dense, Conv2D, Flatten, LSTM\n"
        "m = Sequential([Conv2D(2, 3, input_shape=(5, 5, 1)), Flatten(), Dense(3)])\n"
        "assert m.predict(np.ones((2, 5, 5, 1))).shape == (2, 3)\n"
        "assert Sequential([LSTM(3, input_shape=(4, 2))]).predict(np.ones((2, 4, 2))).shape == (2, 3)\n"
        "m.compile('sgd', 'mse')\n"
        "try: m.train_on_batch(np.ones((2, 5, 5, 1)), np.ones((2, 3)))\n"
        "except NotImplementedError as error: assert 'KERAS_BACKEND=jax' in str(error)\n"
        "else: raise SystemExit('trained without gradients')\n"
    )
    result = python("-c", script, KERAS_BACKEND="numpy", PYTHONPATH=str(ROOT))
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("Using NumPy backend.")


def test_importing_keras_leaves_heavy_packages_alone():
    heavy = ("jax", "h5py", "scipy", "PIL", "pandas", "matplotlib")
    script = f"import sys, keras; print([m for m in {heavy} if m in sys.modules])"
    result = python("-W", "error", "-c", script, PYTHONPATH=str(ROOT))
    assert result.stdout == "[]\n" and result.stderr == "Using JAX backend.\n"
