"""Fine-tuning with frozen layers: what a network learned on digits 0-4 helps it to tell 5-9 apart.

    python examples/fine_tuning.py [--quick]

First a CNN learns the digits 0 to 4. Then its feature layers are frozen, and a new classifier on top
learns 5 to 9 from only 50 images; last, the upper convolution is thawed and tuned with a small
learning rate.
"""

import argparse
import os

import numpy as np
from sklearn.datasets import load_digits

from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Model, Sequential, load_model
from keras.optimizers import SGD, Adam
from keras.utils import to_categorical

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs")
arguments = parser.parse_args()
np.random.seed(2)

EPOCHS = 7 if arguments.quick else 40
TRAINING = 50
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)


def read_digits(labels):
    """Images and one-hot labels of some digits, in random order."""
    digits = load_digits()
    chosen = np.random.permutation(np.flatnonzero(np.isin(digits.target, labels)))
    x = digits.images[chosen].reshape(-1, 8, 8, 1).astype("float32") / 16
    return x, to_categorical(digits.target[chosen] - labels[0], len(labels))


def feature_layers():
    return [
        Conv2D(16, (3, 3), padding="same", activation="relu", input_shape=(8, 8, 1), name="edges"),
        Conv2D(32, (3, 3), activation="relu", name="shapes"),
        MaxPooling2D(pool_size=(2, 2)),
        Dropout(0.25),
        Flatten(),
    ]


def classifier_layers():
    return [Dense(64, activation="relu"), Dropout(0.3), Dense(5, activation="softmax")]


def frozen_count(model):
    return sum(int(np.prod(w.shape)) for w in model.non_trainable_weights)


x_first, y_first = read_digits([0, 1, 2, 3, 4])
x, y = read_digits([5, 6, 7, 8, 9])
x_train, y_train, x_test, y_test = x[:TRAINING], y[:TRAINING], x[TRAINING:], y[TRAINING:]

# The first task.
features = feature_layers()
base = Sequential(features + classifier_layers())
base.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.002), metrics=["accuracy"])
base.fit(x_first, y_first, batch_size=32, epochs=EPOCHS, verbose=0)
print(f"Digits 0-4: {base.evaluate(x_first, y_first, verbose=0)[1]:.1%} right")
base.save(os.path.join(OUTPUT, "digits_0_to_4.h5"))

# The second task, on top of the saved features, which stay as they are.
base = load_model(os.path.join(OUTPUT, "digits_0_to_4.h5"))
top = base.layers[len(features) - 1].output
for layer in classifier_layers():
    top = layer(top)
model = Model(inputs=base.input, outputs=top)
for layer in model.layers[: len(features) + 1]:
    layer.trainable = False
model.compile(loss="categorical_crossentropy", optimizer=Adam(lr=0.003), metrics=["accuracy"])
model.summary()
kept = model.get_layer("edges").get_weights()[0]
model.fit(x_train, y_train, batch_size=10, epochs=2 * EPOCHS, verbose=0)
frozen_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
print(f"Digits 5-9 with frozen features ({frozen_count(model):,} weights frozen): {frozen_accuracy:.1%} right")

# Thaw the upper convolution. What is trainable counts from the next compile on.
model.get_layer("shapes").trainable = True
model.compile(loss="categorical_crossentropy", optimizer=SGD(lr=0.002, momentum=0.9), metrics=["accuracy"])
model.fit(x_train, y_train, batch_size=10, epochs=EPOCHS, verbose=0)
tuned_accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
print(f"Digits 5-9, upper convolution tuned ({frozen_count(model):,} weights frozen): {tuned_accuracy:.1%} right")
assert np.array_equal(kept, model.get_layer("edges").get_weights()[0]), "frozen weights must not move"
