"""The runtime that docs/runtimes.md writes in an afternoon: it predicts, trains, saves and loads."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from keras import backend as K

ROOT = Path(__file__).parents[2]

SCRIPT = """
import json
import numpy as np
from keras import backend as K
from keras import layers
from keras.models import Sequential, load_model

def trained():
    K.set_floatx("float64")
    np.random.seed(3)
    model = Sequential([
        layers.Dense(3, activation="relu", input_dim=4), layers.Dropout(0.3), layers.Reshape((3, 1)),
        layers.SimpleRNN(2), layers.Dense(1, activation="sigmoid"),
    ])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    x = np.random.standard_normal((8, 4))
    y = (x.sum(1) > 0).astype(float)
    history = model.fit(x, y, batch_size=4, epochs=2, verbose=0).history
    return model, x, [*history["loss"], *history["accuracy"], *model.predict(x).ravel().tolist()]
"""

MAIN = """
import toy
model, x, numbers = trained()
model.save("toy.h5")
again = load_model("toy.h5")
assert (again.predict(x) == model.predict(x)).all() and K.backend() == "toy"
assert np.isfinite(again.train_on_batch(x, x[:, 0] > 0)).all()
print(json.dumps([numbers, toy.LOG["relu"], toy.RUNTIME.programs_compiled()]))
"""


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Runs a script on the toy runtime, as the document has it."""
    folder = tmp_path_factory.mktemp("toy")
    section = (ROOT / "docs" / "runtimes.md").read_text().partition("\n## A runtime in an afternoon\n")[2]
    (folder / "toy.py").write_text("".join(re.findall(r"```python\n(.*?)```", section, re.S)))

    def run(script):
        own = {"KERAS_BACKEND": "toy", "KERAS_HOME": str(folder), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}"}
        command = [sys.executable, "-W", "error", "-c", script]
        return subprocess.run(
            command, cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, timeout=300
        )

    return run


def test_it_trains_as_the_runtime_in_use_does(toy):
    process = toy(SCRIPT + MAIN)
    assert process.returncode == 0, process.stderr
    assert process.stderr == "Using toy backend.\n"
    numbers, calls, compiled = json.loads(process.stdout)
    assert calls > 0 and compiled > 0
    scope = {}
    exec(SCRIPT, scope)
    _, _, wanted = scope["trained"]()
    np.testing.assert_allclose(numbers, wanted, rtol=1e-6)
    assert K.backend() != "toy"


def test_a_module_without_a_runtime_is_no_backend(toy):
    process = toy("import os; os.environ['KERAS_BACKEND'] = 'json'; import keras")
    assert process.returncode == 1
    assert "KERAS_BACKEND='json', but json cannot be imported (the module 'json' has no RUNTIME" in process.stderr
