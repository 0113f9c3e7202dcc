"""A variational autoencoder of handwritten digits (Kingma and Welling, 2013).

    python examples/variational_autoencoder.py [--quick]

The encoder tells, for an image, a normal distribution in a plane; the decoder draws an image from any
point of the plane. The loss is added to the model with `add_loss`, so `fit` gets no targets. Draws
where the digits lie in the plane, and the images all over it, to examples-output/.
"""

import argparse
import os

import matplotlib
import numpy as np
from sklearn.datasets import load_digits

from keras import backend as K
from keras.layers import Dense, Input, Lambda
from keras.losses import binary_crossentropy
from keras.models import Model

matplotlib.use("Agg")
import matplotlib.pyplot as plt

parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
parser.add_argument("--quick", action="store_true", help="few epochs")
arguments = parser.parse_args()
np.random.seed(1)

EPOCHS = 20 if arguments.quick else 300
ORIGINAL_DIM, INTERMEDIATE_DIM, LATENT_DIM = 64, 128, 2
OUTPUT = "examples-output"
os.makedirs(OUTPUT, exist_ok=True)

digits = load_digits()
order = np.random.permutation(len(digits.data))
x, y = digits.data[order].astype("float32") / 16, digits.target[order]
x_train, x_test, y_test = x[:1400], x[1400:], y[1400:]


def sampling(args):
    """A point from the distribution: noise, stretched and shifted, so that gradients reach mean and variance."""
    z_mean, z_log_var = args
    batch = K.shape(z_mean)[0]
    dim = K.int_shape(z_mean)[1]
    epsilon = K.random_normal(shape=(batch, dim))
    return z_mean + K.exp(0.5 * z_log_var) * epsilon


inputs = Input(shape=(ORIGINAL_DIM,), name="encoder_input")
hidden = Dense(INTERMEDIATE_DIM, activation="relu")(inputs)
z_mean = Dense(LATENT_DIM, name="z_mean")(hidden)
z_log_var = Dense(LATENT_DIM, name="z_log_var")(hidden)
z = Lambda(sampling, output_shape=(LATENT_DIM,), name="z")([z_mean, z_log_var])
encoder = Model(inputs, [z_mean, z_log_var, z], name="encoder")
encoder.summary()

latent_inputs = Input(shape=(LATENT_DIM,), name="z_sampling")
hidden = Dense(INTERMEDIATE_DIM, activation="relu")(latent_inputs)
decoder = Model(latent_inputs, Dense(ORIGINAL_DIM, activation="sigmoid")(hidden), name="decoder")
decoder.summary()

outputs = decoder(encoder(inputs)[2])
vae = Model(inputs, outputs, name="vae")
reconstruction_loss = ORIGINAL_DIM * binary_crossentropy(inputs, outputs)
kl_loss = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae.add_loss(K.mean(reconstruction_loss + kl_loss))
vae.compile(optimizer="adam")
history = vae.fit(x_train, epochs=EPOCHS, batch_size=64, validation_data=(x_test, None), verbose=0)
losses = history.history["val_loss"]
print(f"Loss on held-out digits: {losses[0]:.2f} after the first epoch, {losses[-1]:.2f} after the last")

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.5), constrained_layout=True)
z_mean_test, _, _ = encoder.predict(x_test, batch_size=64)
points = left.scatter(z_mean_test[:, 0], z_mean_test[:, 1], c=y_test, cmap="tab10", s=18)
figure.colorbar(points, ax=left)
left.set(title="Held-out digits in the plane", xlabel="z[0]", ylabel="z[1]")

SIDE = 15
positions = np.linspace(-2, 2, SIDE)
grid = np.array([[across, up] for up in positions[::-1] for across in positions])
images = np.pad(decoder.predict(grid).reshape(SIDE, SIDE, 8, 8), [(0, 0), (0, 0), (1, 1), (1, 1)])
right.imshow(images.transpose(0, 2, 1, 3).reshape(SIDE * 10, SIDE * 10), cmap="gray_r")
right.set(title="What the decoder draws all over it", xticks=[], yticks=[])
figure.savefig(os.path.join(OUTPUT, "variational_autoencoder.png"), dpi=90)
print(f"Picture: {OUTPUT}/variational_autoencoder.png")
