"""Processes forked from one that has computed: JAX would wait there for ever."""

import os
import subprocess
import sys

import pytest

import keras
from keras import backend as K

pytestmark = pytest.mark.skipif(K.backend() != "jax" or not hasattr(os, "fork"), reason="of JAX, where there are forks")

PROGRAM = """
import os, sys, warnings
import numpy as np
from keras.layers import Dense
from keras.models import Sequential
from keras.runtimes.jax import executables

executables._WORTH_SECONDS = 0  # every program is kept in a file
warnings.simplefilter("ignore")  # JAX's own, at each fork


def in_fork(work):
    child = os.fork()
    if child == 0:
        try:
            print(work(), flush=True)
        except RuntimeError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)


model = Sequential([Dense(2, input_shape=(3,), kernel_initializer="ones")])
in_fork(lambda: model.predict(np.ones((4, 3))).sum())
model.predict(np.ones((4, 3)))
executables.finish_writing()
in_fork(lambda: model.predict(np.ones((5, 3))))
in_fork(lambda: Sequential([Dense(2, input_shape=(3,))]).predict(np.ones((4, 3))))
in_fork(lambda: model.save(sys.argv[1]) or model.get_weights()[0].sum())
print(model.predict(np.ones((5, 3))).sum())
"""


def test_what_works_and_what_is_told(tmp_path):
    environment = {
        **os.environ, "KERAS_BACKEND": "jax", "KERAS_HOME": str(tmp_path),
        "PYTHONPATH": os.path.dirname(keras.__path__[0]),
    }  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "model.h5")],
        env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    before, other_shape, other_model, saved, parent = result.stdout.splitlines()
    assert (float(before), float(saved), float(parent)) == (24, 6, 30)  # nothing was computed before the first fork
    assert "forked" in other_shape and "spawn" in other_shape and other_model == other_shape
    assert (tmp_path / "model.h5").is_file()
