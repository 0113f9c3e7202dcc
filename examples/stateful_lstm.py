"""A stateful LSTM remembers from batch to batch; a stateless one forgets.

    python examples/stateful_lstm.py [--quick]

The input is a row of random numbers, the wanted output at each step the sum of the last LAG of them.
Both networks see only WINDOW < LAG steps at a time. The stateful one keeps its state from one batch to
the next (`stateful=True`, `shuffle=False`, `reset_states()` between epochs), so it can know what came
before. Draws both predictions to examples-output/.
"""

import argparse
import os

import matplotlib
import numpy as np

from keras.layers import LSTM, Dense, TimeDistributed
from keras.models import Sequential
from keras.optimizers import Adam

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs")
arguments = parser.parse_args()
np.random.seed(6)

EPOCHS = 12 if arguments.quick else 150
ROWS = 8  # rows of numbers that run beside one another: the batch size, which a stateful network must know
WINDOW, LAG, STEPS = 4, 8, 480
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def make_rows():
    """Inputs and wanted outputs, (ROWS, STEPS, 1) each."""
    x = np.random.uniform(-0.5, 0.5, size=(ROWS, STEPS + LAG))
    sums = np.cumsum(x, axis=1)
    return x[:, LAG:, None], (sums[:, LAG:] - sums[:, :-LAG])[:, :, None]


def windows(rows):
    """Cut so that sample i of each batch goes on where sample i of the batch before stopped."""
    return np.concatenate([rows[:, start : start + WINDOW] for start in range(0, STEPS, WINDOW)])


def joined(samples):
    """What `windows` cut, put together again."""
    return np.concatenate(np.split(samples, STEPS // WINDOW), axis=1)


def create_model(stateful):
    model = Sequential()
    model.add(LSTM(24, batch_input_shape=(ROWS, WINDOW, 1), return_sequences=True, stateful=stateful))
    model.add(TimeDistributed(Dense(1)))
    model.compile(loss="mse", optimizer=Adam(lr=0.005))
    return model


(train_x, train_y), (test_x, test_y) = make_rows(), make_rows()
x, y = windows(train_x), windows(train_y)

model_stateful = create_model(stateful=True)
for _ in range(EPOCHS):
    model_stateful.fit(x, y, batch_size=ROWS, epochs=1, shuffle=False, verbose=0)
    model_stateful.reset_states()
model_stateless = create_model(stateful=False)
model_stateless.fit(x, y, batch_size=ROWS, epochs=EPOCHS, verbose=0)

predicted = {}
for name, model in (("stateful", model_stateful), ("stateless", model_stateless)):
    model.reset_states()
    predicted[name] = joined(model.predict(windows(test_x), batch_size=ROWS))
    error = np.sqrt(np.mean((predicted[name] - test_y) ** 2))
    print(f"{name}: error {error:.3f} on new rows (their spread is {test_y.std():.3f})")

figure, axis = plt.subplots(figsize=(10, 4), constrained_layout=True)
shown = slice(100, 180)
axis.plot(test_y[0, shown, 0], color="black", label="wanted")
for name, values in predicted.items():
    axis.plot(values[0, shown, 0], "--", label=name)
axis.set(title=f"Sum of the last {LAG} numbers, predicted from {WINDOW} at a time", xlabel="step")
axis.legend()
figure.savefig(os.path.join(OUTPUT, "stateful_lstm.png"), dpi=90)
print(f"Picture: {OUTPUT}/stateful_lstm.png")
