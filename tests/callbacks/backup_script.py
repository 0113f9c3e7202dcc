"""A training script that is started again and again until it comes to its end.

    python backup_script.py FOLDER KIND [SECONDS]

It kills itself SECONDS after training begins, if given. At its end it writes FOLDER/KIND.npz: the weights, the
state of the optimizer, the history and the next random numbers.
"""

import os
import random
import signal
import sys
import threading
import time

import numpy as np

from keras import backend as K
from keras.callbacks import BackupAndRestore, Callback, ReduceLROnPlateau
from keras.layers import LSTM, BatchNormalization, Dense, Dropout, GaussianNoise
from keras.models import Sequential
from keras.utils import Sequence

FOLDER, KIND = sys.argv[1:3]
SECONDS = float(sys.argv[3]) if len(sys.argv) > 3 else None
EPOCHS, ROWS, BATCH = 6, 46, 4


class Kill(Callback):
    """The end comes by the clock, whatever the training is at. Batches take a while, so that there is much to hit."""

    def on_train_begin(self, logs=None):
        if SECONDS is not None:
            threading.Timer(SECONDS, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.002)


class Jitter(Callback):
    """The user's own: what it counts, and the random numbers it draws, must go on too."""

    state_attributes = ("count",)

    def on_train_begin(self, logs=None):
        self.count = 0

    def on_train_batch_end(self, batch, logs=None):
        self.count += 1
        if self.count % 5 == 0:
            K.set_value(self.model.optimizer.lr, 0.01 * (1 + 0.5 * np.random.rand() + 0.1 * random.random()))


class Rows(Sequence):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x) // BATCH

    def __getitem__(self, i):
        rows = slice(i * BATCH, (i + 1) * BATCH)
        return self.x[rows], self.y[rows]


def main():
    # The first start is seeded; what comes after must follow it, whatever its own seeds are.
    fresh = KIND != "arrays" or not os.path.exists(os.path.join(FOLDER, "backup", "backup.npz"))
    np.random.seed(7 if fresh else os.getpid())
    random.seed(7 if fresh else os.getpid())
    model = Sequential([GaussianNoise(0.1, input_shape=(3, 2)), LSTM(4, dropout=0.2), BatchNormalization(),
                        Dropout(0.4), Dense(2, activation="softmax")])  # fmt: skip
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    data = np.random.RandomState(3)
    x, y = data.normal(size=(ROWS, 3, 2)), np.eye(2)[data.randint(0, 2, ROWS)]
    backup = BackupAndRestore(os.path.join(FOLDER, "backup"), save_freq=3 if KIND == "arrays" else "epoch")
    callbacks = [backup, Kill(), ReduceLROnPlateau(monitor="loss", patience=1, min_delta=0.1)]
    if KIND == "arrays":
        history = model.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0, validation_split=0.3,
                            callbacks=[*callbacks, Jitter()])  # fmt: skip
    else:
        history = model.fit_generator(Rows(x, y), epochs=EPOCHS, verbose=0, callbacks=callbacks, workers=2)
    values = [*model.get_weights(), *model.optimizer.get_weights()]
    values += [history.history[name] for name in sorted(history.history)]
    if KIND == "arrays":
        values.append(np.append(np.random.rand(3), random.random()))
    np.savez(os.path.join(FOLDER, f"{KIND}.npz"), *values)


if __name__ == "__main__":
    main()
