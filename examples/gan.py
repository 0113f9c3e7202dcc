"""A generative adversarial network that learns to write digits (Goodfellow et al., 2014).

    python examples/gan.py [--quick]

Two networks against each other: the generator makes images from noise, the discriminator tells them
from real ones. They are trained in turn: the discriminator alone, then both stacked with the
discriminator frozen (`trainable = False` counts from the next `compile` on). Draws what the generator
makes, from the first steps to the last, to examples-output/.
"""

import argparse
import os

import matplotlib
import numpy as np
from sklearn.datasets import load_digits

from keras.layers import BatchNormalization, Dense, Dropout, Flatten, Input, Reshape
from keras.layers.advanced_activations import LeakyReLU
from keras.models import Model, Sequential
from keras.optimizers import Adam

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few steps: the digits stay blurred")
arguments = parser.parse_args()
np.random.seed(8)

STEPS = 250 if arguments.quick else 12000
BATCH, LATENT_DIM = 64, 24
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)
x_train = load_digits().images.reshape(-1, 8, 8, 1).astype("float32") / 8 - 1  # -1 ... 1


def build_generator():
    model = Sequential(name="generator")
    model.add(Dense(64, input_dim=LATENT_DIM))
    model.add(LeakyReLU(alpha=0.2))
    model.add(BatchNormalization(momentum=0.8))
    model.add(Dense(128))
    model.add(LeakyReLU(alpha=0.2))
    model.add(BatchNormalization(momentum=0.8))
    model.add(Dense(64, activation="tanh"))
    model.add(Reshape((8, 8, 1)))
    return model


def build_discriminator():
    model = Sequential(name="discriminator")
    model.add(Flatten(input_shape=(8, 8, 1)))
    model.add(Dense(128))
    model.add(LeakyReLU(alpha=0.2))
    model.add(Dropout(0.3))
    model.add(Dense(64))
    model.add(LeakyReLU(alpha=0.2))
    model.add(Dropout(0.3))
    model.add(Dense(1, activation="sigmoid"))
    return model


discriminator = build_discriminator()
discriminator.compile(loss="binary_crossentropy", optimizer=Adam(0.0002, 0.5), metrics=["accuracy"])
generator = build_generator()

noise = Input(shape=(LATENT_DIM,))
discriminator.trainable = False  # in the stacked model only; the discriminator itself is compiled already
combined = Model(noise, discriminator(generator(noise)))
combined.compile(loss="binary_crossentropy", optimizer=Adam(0.0004, 0.5))

real, fake = np.full((BATCH, 1), 0.9), np.zeros((BATCH, 1))  # 0.9: labels a little unsure train steadier
shown_noise = np.random.normal(size=(16, LATENT_DIM))
moments = [STEPS // 20, STEPS // 4, STEPS]
rows = []
for step in range(1, STEPS + 1):
    chosen = x_train[np.random.randint(0, len(x_train), BATCH)]
    made = generator.predict_on_batch(np.random.normal(size=(BATCH, LATENT_DIM)))
    d_real = discriminator.train_on_batch(chosen, real)
    d_fake = discriminator.train_on_batch(made, fake)
    g_loss = combined.train_on_batch(np.random.normal(size=(BATCH, LATENT_DIM)), np.ones((BATCH, 1)))
    if step in moments:
        rows.append(generator.predict(shown_noise))
    if step % max(STEPS // 6, 1) == 0:
        print(f"step {step:6d}  discriminator: loss {(d_real[0] + d_fake[0]) / 2:.3f}, finds {d_fake[1]:.0%} "
              f"of the made ones  generator: loss {g_loss:.3f}")  # fmt: skip

made = generator.predict(np.random.normal(size=(500, LATENT_DIM))).reshape(500, -1)
real_images = x_train.reshape(len(x_train), -1)
nearest = np.sqrt(((made[:, None] - real_images[None, ::4]) ** 2).sum(-1)).min(axis=1).mean()
untrained = build_generator().predict(np.random.normal(size=(500, LATENT_DIM))).reshape(500, -1)
at_first = np.sqrt(((untrained[:, None] - real_images[None, ::4]) ** 2).sum(-1)).min(axis=1).mean()
print(f"Distance of made images to the nearest real one: {nearest:.2f} (before training: {at_first:.2f})")

figure, axes = plt.subplots(4, 16, figsize=(12, 3.4), constrained_layout=True)
figure.suptitle(f"The same noise after {', '.join(map(str, moments))} steps; last row: real digits")
for axis, image in zip(axes.flat, np.concatenate([*rows, x_train[:16]])):
    axis.imshow(image[..., 0], cmap="gray_r", vmin=-1, vmax=1)
    axis.axis("off")
figure.savefig(os.path.join(OUTPUT, "gan.png"), dpi=90)
print(f"Picture: {OUTPUT}/gan.png")
