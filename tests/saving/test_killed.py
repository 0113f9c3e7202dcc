"""A save that is killed at any moment leaves the old file or the new one, whole."""

import os
import subprocess
import sys

import pytest

TRIALS = int(os.environ.get("KERAS_TEST_KILLS", "10"))  # for each kind of file

# One process builds the model and forks a writer for each trial, which it kills; then it looks at what is there.
PROGRAM = r"""
import os, random, signal, sys, time
import numpy as np
from keras.layers import Dense
from keras.models import Sequential, load_model

path, trials = sys.argv[1], int(sys.argv[2])
model = Sequential([Dense(64, input_shape=(300,)), Dense(300)])
shapes = [weight.shape for weight in model.get_weights()]
whole = model.save_weights if path.endswith(".safetensors") else model.save


def fill(number):
    model.set_weights([np.full(shape, number, "float32") for shape in shapes])


def content():
    if path.endswith(".safetensors"):
        model.load_weights(path)
        return model.get_weights()
    return load_model(path, compile=False).get_weights()


fill(0)
start = time.perf_counter()
whole(path)
duration = time.perf_counter() - start
random.seed(5)
for trial in range(trials):
    started, tell = os.pipe()
    writer = os.fork()
    if writer == 0:
        number = 1000 * trial
        os.write(tell, b"!")
        while True:
            number += 1
            fill(number)
            whole(path)
    os.read(started, 1)
    os.close(started), os.close(tell)
    time.sleep(random.uniform(0, 3 * duration))
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    numbers = {float(number) for value in content() for number in np.unique(value)}
    assert len(numbers) == 1, f"a mixture of saves: {numbers}"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork and SIGKILL, which Windows does not have")
@pytest.mark.parametrize("extension", ["h5", "keras", "safetensors"])
def test_kill_9_during_save(extension, tmp_path):
    path = str(tmp_path / f"model.{extension}")
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, path, str(TRIALS)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    others = [name for name in os.listdir(tmp_path) if name != os.path.basename(path)]
    assert all(name.startswith(".model.") and name.endswith(".tmp") for name in others)
