"""Trains a small convolutional network on handwritten digits, saves it, and loads it in a new process.

    python examples/digits_cnn.py [--quick]

The digits are scikit-learn's: 1,797 real ones of 8x8 pixels. Writes the model and a picture of
predictions and learning curves to demo-output/.
"""

import os
import subprocess
import sys

import numpy as np
from sklearn.datasets import load_digits

from keras.callbacks import EarlyStopping
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential, load_model
from keras.utils import to_categorical

OUTPUT = "demo-output"
MODEL = os.path.join(OUTPUT, "digits.h5")
PREDICTIONS = os.path.join(OUTPUT, "predictions.npy")
PICTURE = os.path.join(OUTPUT, "digits.png")
HELD_OUT = 360
EPOCHS = 8 if "--quick" in sys.argv else 20


def read_digits():
    """Images (1797, 8, 8, 1) in [0, 1] and labels, in a fixed random order; the last 360 are held out."""
    digits = load_digits()
    order = np.random.RandomState(0).permutation(len(digits.images))
    x = digits.images[order].reshape(-1, 8, 8, 1).astype("float32") / 16
    y = digits.target[order]
    return (x[:-HELD_OUT], y[:-HELD_OUT]), (x[-HELD_OUT:], y[-HELD_OUT:])


def build_model():
    model = Sequential()
    model.add(Conv2D(32, (3, 3), padding="same", activation="relu", input_shape=(8, 8, 1)))
    model.add(BatchNormalization())
    model.add(Conv2D(64, (3, 3), activation="relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128, activation="relu"))
    model.add(Dropout(0.5))
    model.add(Dense(10, activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def draw(x, y, predicted, history):
    """A picture: held-out digits with predictions (wrong ones in red), and the learning curves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=(12, 5), constrained_layout=True)
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.3])
    left.suptitle("Held-out digits and what the network reads")
    wrong = np.flatnonzero(predicted != y)[:5]
    shown = np.concatenate([wrong, np.setdiff1d(np.arange(len(y)), wrong)])[:20]
    for axis, i in zip(left.subplots(4, 5).flat, shown):
        axis.imshow(x[i, :, :, 0], cmap="gray_r")
        axis.set_title(str(predicted[i]), color="black" if predicted[i] == y[i] else "red", fontsize=10)
        axis.axis("off")
    for axis, name in zip(right.subplots(1, 2), ("loss", "accuracy")):
        axis.plot(history.epoch, history.history[name], label="training")
        axis.plot(history.epoch, history.history["val_" + name], label="validation")
        axis.set(title=name, xlabel="epoch")
        axis.legend()
    figure.savefig(PICTURE, dpi=100)


def check_saved_model():
    """What the new process does: loads the model and compares its predictions with the stored ones."""
    _, (x, y) = read_digits()
    model = load_model(MODEL)
    predictions = model.predict(x)
    difference = np.abs(predictions - np.load(PREDICTIONS)).max()
    print(f"New process: loaded {MODEL}, largest difference of its predictions {difference:.1e}")
    if difference > 1e-6:
        sys.exit("The loaded model predicts something else.")


def main():
    np.random.seed(7)
    os.makedirs(OUTPUT, exist_ok=True)
    (x_train, y_train), (x_test, y_test) = read_digits()
    model = build_model()
    model.summary()
    history = model.fit(
        x_train,
        to_categorical(y_train, 10),
        batch_size=32,
        epochs=EPOCHS,
        validation_split=0.1,
        callbacks=[EarlyStopping(monitor="val_loss", patience=6, restore_best_weights=True)],
    )
    loss, accuracy = model.evaluate(x_test, to_categorical(y_test, 10), verbose=0)
    print(f"Held-out digits: loss {loss:.4f}, accuracy {accuracy:.2%} of {len(y_test)}")
    model.save(MODEL)
    predictions = model.predict(x_test)
    np.save(PREDICTIONS, predictions)
    subprocess.run([sys.executable, __file__, "--check"], check=True)
    draw(x_test, y_test, predictions.argmax(axis=-1), history)
    print(f"Picture: {PICTURE}")
    if accuracy < 0.97:
        sys.exit(f"Expected at least 97 % on held-out digits, got {accuracy:.2%}.")


if __name__ == "__main__":
    check_saved_model() if "--check" in sys.argv else main()
