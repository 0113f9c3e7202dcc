"""What training keeps in memory: large files stay on disk, and many trainings need no more than one."""

import gc
import os
import subprocess
import sys
import weakref

import numpy as np
import pytest

from keras import backend as K
from keras.callbacks import Callback
from keras.layers import Dense, Lambda
from keras.models import Sequential
from keras.utils import Sequence

# 512 MB of data in a process that may grow by a quarter of that while it trains. The chunks of the file were
# never written, so they take no disk and read as zeros.
FILE = """
import sys
import h5py
import numpy as np
from keras.callbacks import LambdaCallback
from keras.layers import Dense
from keras.models import Sequential
from keras.utils import HDF5Matrix

def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon")) / 1024

path, kind, shuffle = sys.argv[1], sys.argv[2], {"batch": "batch", "rows": True, "no": False}[sys.argv[3]]
rows = 1 << 17
with h5py.File(path, "w") as file:
    file.create_dataset("x", (rows, 1024), "float32", chunks=(256, 1024))
    file.create_dataset("y", (rows, 1), "float32", chunks=(4096, 1))
model = Sequential([Dense(1, input_shape=(1024,))])
model.compile("sgd", "mse")
small = np.zeros((2048, 1024), "float32")
model.fit(small, small[:, :1], batch_size=256, verbose=0)
before, most = resident(), [0]
look = LambdaCallback(on_batch_end=lambda batch, logs: most.append(resident()))
if kind == "dataset":
    file = h5py.File(path, "r")
    x, y = file["x"], file["y"]
elif kind == "matrix":
    x, y = HDF5Matrix(path, "x"), HDF5Matrix(path, "y")
else:
    x, y = np.memmap(path + ".map", "float32", "w+", shape=(rows, 1024)), np.zeros((rows, 1))
model.fit(x, y, batch_size=256, shuffle=shuffle, validation_split=0.1, verbose=0, callbacks=[look])
model.evaluate(x, y, batch_size=256, verbose=0, callbacks=[LambdaCallback()])
most.append(resident())
assert model.predict(x, batch_size=256).shape == (rows, 1)
most.append(resident())
print(max(most) - before)
"""


@pytest.mark.parametrize(
    "kind, shuffle", [("dataset", "batch"), ("dataset", "rows"), ("matrix", "no"), ("memmap", "rows")]
)
def test_a_large_file_is_never_in_memory(tmp_path, kind, shuffle):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    grown = subprocess.run(
        [sys.executable, "-c", FILE, str(tmp_path / "data.h5"), kind, shuffle],
        env=environment, check=True, stdout=subprocess.PIPE, text=True,
    ).stdout  # fmt: skip
    assert float(grown) < 128


class Ones(Sequence):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        return np.ones((4, 3)), np.ones((4, 2))


def objects():
    gc.collect()
    return len(gc.get_objects())


def test_many_fits_of_one_model():
    """Fits of one model leave no objects behind, however the data come."""
    x, y = np.ones((8, 3), "float32"), np.ones((8, 2), "float32")
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("adam", "mse", metrics=["mae"])

    def fit():
        model.fit(x, y, batch_size=3, verbose=0, validation_data=(x, y), callbacks=[Callback()])
        model.fit(Ones(), verbose=0, validation_data=Ones())
        model.fit((Ones()[0] for _ in range(2)), steps_per_epoch=2, verbose=0)
        model.predict(x)
        model.evaluate(x, y, verbose=0)

    for _ in range(3):
        fit()
    programs, before = K.compiled_programs(), objects()
    for _ in range(8):
        fit()
    assert K.compiled_programs() == programs
    assert objects() - before < 8


def test_many_models():
    """clear_session frees a model, to which its functions may refer, at once, with all it has compiled."""

    def train():
        model = Sequential([Dense(2, input_shape=(3,))])
        model.add(Lambda(lambda x: x / len(model.layers)))
        model.compile("adam", lambda y, p: K.mean(K.square(y - p)) + 0 * len(model.layers), metrics=["mae"])
        model.fit(np.ones((8, 3)), np.ones((8, 2)), batch_size=4, verbose=0)
        return weakref.ref(model), weakref.ref(model.train_function)

    def left():
        alive = train()
        K.clear_session()
        return [reference() for reference in alive]

    for _ in range(2):
        left()
    before = objects()
    gc.disable()
    try:
        assert [left() for _ in range(4)] == [[None, None]] * 4
    finally:
        gc.enable()
    assert objects() - before < 40
