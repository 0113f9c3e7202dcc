"""FAQ: several devices, the configuration file, the home folder, reproducible results."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import keras
from keras import backend as K

ROOT = str(Path(__file__).parents[2])


def start(script, **environment):
    """Runs a script in a process of its own; what it printed."""
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(script)]
    environment = {**os.environ, "PYTHONPATH": ROOT, **environment}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr[-3000:]
    return result.stdout


def test_data_parallelism():
    """The snippet, on a machine that says it has eight devices (the numbers: tests/utils/test_multi_gpu.py)."""
    model = keras.models.Sequential([keras.layers.Dense(3, activation="softmax", input_dim=4)])
    with pytest.raises(ValueError, match="gpus=8.*However this machine only has.*reducing `gpus`"):
        keras.utils.multi_gpu_model(model, gpus=8)


def test_device_parallelism():
    """One LSTM reads two sequences; the engine places the work, so device scopes are not needed."""
    input_a = keras.Input(shape=(14, 5))
    input_b = keras.Input(shape=(14, 5))
    shared_lstm = keras.layers.LSTM(6)
    encoded_a = shared_lstm(input_a)
    encoded_b = shared_lstm(input_b)
    merged_vector = keras.layers.concatenate([encoded_a, encoded_b], axis=-1)
    model = keras.Model([input_a, input_b], merged_vector)
    a, b = np.random.rand(2, 3, 14, 5)
    found, swapped = model.predict([a, b]), model.predict([b, a])
    np.testing.assert_allclose(found[:, :6], swapped[:, 6:], rtol=1e-5)
    assert len(model.trainable_weights) == 3 and shared_lstm.get_output_at(1) is encoded_b


def test_where_the_configuration_is_stored(tmp_path):
    script = """
        import os
        from keras import backend as K
        from keras.utils import get_file
        print(K.backend(), K.floatx(), K.epsilon(), K.image_data_format())
        print(get_file('data.txt', origin='file://' + os.environ['SOURCE']))
    """
    (tmp_path / "source.txt").write_text("data")
    environment = {"HOME": str(tmp_path), "SOURCE": str(tmp_path / "source.txt"), "KERAS_BACKEND": ""}
    without_home = {k: v for k, v in os.environ.items() if k != "KERAS_HOME"}
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], env={**without_home, "PYTHONPATH": ROOT, **environment},
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    said = result.stdout.splitlines()
    assert said[0] == "jax float32 1e-07 channels_last"
    assert said[-1] == str(tmp_path / ".keras" / "datasets" / "data.txt")
    stored = json.loads((tmp_path / ".keras" / "keras.json").read_text())
    assert stored == {"image_data_format": "channels_last", "epsilon": 1e-07, "floatx": "float32", "backend": "jax"}


RECIPE = """
    import numpy as np
    import random as rn
    np.random.seed(42)
    rn.seed(12345)
    from keras import backend as K
    from keras.layers import Dense, Dropout
    from keras.models import Sequential

    # Rest of code follows ...
    print(hash("keras"))
    model = Sequential([Dense(16, activation='relu', input_dim=8), Dropout(0.5), Dense(1)])
    model.compile('adam', 'mse')
    x = np.random.rand(64, 8)
    model.fit(x, x.sum(axis=1), epochs=2, verbose=0)

    def batches():
        while True:
            batch = np.random.rand(16, 8)
            yield batch, batch.sum(axis=1)

    model.fit_generator(batches(), steps_per_epoch=4, epochs=2, verbose=0)
    print(b''.join(w.tobytes() for w in model.get_weights()).hex())
"""


def test_reproducible_results():
    """Bit for bit, from process to process, with a generator too; hashes are Python's matter."""
    runs = [start(RECIPE, PYTHONHASHSEED="0", CUDA_VISIBLE_DEVICES="") for _ in range(2)]
    assert runs[0] == runs[1] and len(runs[0]) > 1000


def test_sessions_of_the_recipe_without_tensorflow():
    """What is left of the recipe's last lines where there is no TensorFlow: a session that evaluates."""
    K.set_session(K.get_session())
    x = K.variable(np.arange(3.0))
    np.testing.assert_array_equal(K.get_session().run(x * 2), [0, 2, 4])
