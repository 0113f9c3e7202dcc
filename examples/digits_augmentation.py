"""A small CNN on few images: the same 200 digits with and without augmentation.

    python examples/digits_augmentation.py [--quick]

Real handwritten digits (scikit-learn's, 8x8 pixels), somewhere on a sheet of 12x12 pixels.
`ImageDataGenerator` shifts, turns and scales the training images anew in each epoch, so the network
never sees one twice. Draws what it makes of an image, and how both networks do on digits they have
not seen, to examples-output/.
"""

import argparse
import os

import matplotlib
import numpy as np
from sklearn.datasets import load_digits

from keras.callbacks import LearningRateScheduler
from keras.layers import Activation, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.optimizers import RMSprop
from keras.preprocessing.image import ImageDataGenerator
from keras.utils import to_categorical

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs, fewer held-out digits")
arguments = parser.parse_args()
np.random.seed(5)

TRAINING, BATCH = 200, 20
EPOCHS = 20 if arguments.quick else 150
HELD_OUT = 300 if arguments.quick else 1597
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)

digits = load_digits()
order = np.random.permutation(len(digits.images))
x = np.zeros((len(order), 12, 12, 1), dtype="float32")
for sheet, image in zip(x, digits.images[order]):
    row, column = np.random.randint(0, 5, size=2)
    sheet[row : row + 8, column : column + 8, 0] = image / 16
y = to_categorical(digits.target[order], 10)
x_train, y_train = x[:TRAINING], y[:TRAINING]
x_test, y_test = x[TRAINING:][:HELD_OUT], y[TRAINING:][:HELD_OUT]


def build_model():
    model = Sequential()
    model.add(Conv2D(32, (3, 3), padding="same", input_shape=x.shape[1:]))
    model.add(Activation("relu"))
    model.add(Conv2D(32, (3, 3)))
    model.add(Activation("relu"))
    model.add(MaxPooling2D(pool_size=(2, 2)))
    model.add(Dropout(0.25))
    model.add(Flatten())
    model.add(Dense(128))
    model.add(Activation("relu"))
    model.add(Dropout(0.25))
    model.add(Dense(10))
    model.add(Activation("softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=RMSprop(lr=0.002, decay=1e-6), metrics=["accuracy"])
    return model


datagen = ImageDataGenerator(
    rotation_range=10,
    width_shift_range=0.2,
    height_shift_range=0.2,
    zoom_range=0.1,
    shear_range=5,
    fill_mode="constant",
)
datagen.fit(x_train)


def slower(epoch):
    return 0.002 if epoch < 2 * EPOCHS // 3 else 0.0005


plain = build_model()
plain_history = plain.fit(
    x_train, y_train, batch_size=BATCH, epochs=EPOCHS, verbose=0,
    validation_data=(x_test, y_test), callbacks=[LearningRateScheduler(slower)],
)  # fmt: skip
augmented = build_model()
augmented_history = augmented.fit_generator(
    datagen.flow(x_train, y_train, batch_size=BATCH),
    steps_per_epoch=len(x_train) // BATCH,
    epochs=EPOCHS,
    verbose=2,
    validation_data=(x_test, y_test),
    callbacks=[LearningRateScheduler(slower)],
)

results = {name: model.evaluate(x_test, y_test, verbose=0)[1] for name, model in
           (("without", plain), ("with", augmented))}  # fmt: skip
for name, accuracy in results.items():
    print(f"{len(x_test)} held-out digits, {name} augmentation: {accuracy:.1%} right")

figure = plt.figure(figsize=(11, 4), constrained_layout=True)
left, right = figure.subfigures(1, 2)
left.suptitle("One digit, and what the generator makes of it")
variants = [datagen.random_transform(x_train[0]) for _ in range(17)]
for axis, image in zip(left.subplots(3, 6).flat, [x_train[0], *variants]):
    axis.imshow(image[..., 0], cmap="gray_r", vmin=0, vmax=1)
    axis.axis("off")
axis = right.subplots()
axis.plot(plain_history.history["val_accuracy"], label="without augmentation")
axis.plot(augmented_history.history["val_accuracy"], label="with augmentation")
axis.set(title=f"Held-out accuracy after {TRAINING} training images", xlabel="epoch")
axis.legend()
figure.savefig(os.path.join(OUTPUT, "digits_augmentation.png"), dpi=100)
print(f"Picture: {OUTPUT}/digits_augmentation.png")
