"""Regression on a table: how far diabetes has gone after a year, from ten measurements.

442 real patients (scikit-learn's diabetes data). Training stops when the loss on the
validation part of the training data no longer falls.

    python examples/diabetes_regression.py [--epochs 300]
"""

import argparse

import numpy as np
from sklearn.datasets import load_diabetes

from keras.callbacks import EarlyStopping
from keras.layers import Dense, Dropout
from keras.models import Sequential
from keras.optimizers import Adam
from keras.regularizers import l2

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--epochs", type=int, default=300, help="at most this many")
arguments = parser.parse_args()
np.random.seed(7)

data = load_diabetes()
order = np.random.permutation(len(data.data))
x, y = data.data[order], data.target[order]
x_train, y_train, x_test, y_test = x[:350], y[:350], x[350:], y[350:]
x_mean, x_std = x_train.mean(axis=0), x_train.std(axis=0)
y_mean, y_std = y_train.mean(), y_train.std()
x_train, x_test = (x_train - x_mean) / x_std, (x_test - x_mean) / x_std

model = Sequential()
model.add(Dense(32, activation="relu", kernel_regularizer=l2(1e-3), input_dim=10))
model.add(Dropout(0.2))
model.add(Dense(16, activation="relu", kernel_regularizer=l2(1e-3)))
model.add(Dense(1))
model.compile(loss="mse", optimizer=Adam(lr=0.003), metrics=["mae"])

stop = EarlyStopping(monitor="val_loss", patience=20, restore_best_weights=True)
history = model.fit(
    x_train, (y_train - y_mean) / y_std, batch_size=16, epochs=arguments.epochs,
    validation_split=0.2, callbacks=[stop], verbose=0,
)  # fmt: skip
print(f"Stopped after {len(history.epoch)} epochs; "
      f"the smallest validation loss is {min(history.history['val_loss']):.3f}")  # fmt: skip

predicted = model.predict(x_test)[:, 0] * y_std + y_mean
error = np.abs(predicted - y_test).mean()
guess = np.abs(y_mean - y_test).mean()
r2 = 1 - ((predicted - y_test) ** 2).sum() / ((y_test - y_test.mean()) ** 2).sum()
print(f"Held-out patients: mean error {error:.1f} (guessing the mean: {guess:.1f}), R2 {r2:.2f}")
