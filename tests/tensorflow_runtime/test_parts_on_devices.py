"""multi_gpu_model on TensorFlow: the parts of a batch lie on devices of their own."""

import os
import subprocess
import sys
from pathlib import Path

from test_devices import TWO_DEVICES

ROOT = Path(__file__).parents[2]

PROGRAM = TWO_DEVICES + """
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import multi_gpu_model

x = np.random.RandomState(0).rand(20, 6)
y = np.eye(3)[np.random.RandomState(1).randint(0, 3, 20)]

def trained(gpus):
    K.clear_session()
    np.random.seed(1)
    template = Sequential([Dense(5, activation="tanh", input_shape=(6,)), Dense(3, activation="softmax")])
    model = multi_gpu_model(template, gpus) if gpus else template
    model.compile("sgd", "categorical_crossentropy")
    losses = model.fit(x, y, batch_size=7, epochs=2, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(model.predict(x[:5]), template.predict(x[:5]), rtol=1e-6)
    return losses, model.train_function.compiled(1)

alone, _ = trained(None)
together, program = trained(2)
np.testing.assert_allclose(together, alone, rtol=1e-5)
assert devices(program) >= {"device:CPU:0", "device:CPU:1"}, devices(program)
"""


def test_parts_on_devices_of_their_own(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": "tensorflow"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
