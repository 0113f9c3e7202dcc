"""A GAN: two models that share layers, trained in turn batch by batch."""

import numpy as np
from sessions import Session, is_keras_3

from .base import Case, marked_images, set_common_weights

NOISE = 100


class AlternatingSession(Session):
    """A step: the discriminator on real and on made images, then the generator through it."""

    def __init__(self, case, keras, options):
        self.case, self.keras, self.options = case, keras, options
        self.x, _ = case.data()
        self.generator, self.discriminator = case.build(keras)
        for model in (self.generator, self.discriminator):
            set_common_weights(model)
        noise = keras.layers.Input(shape=(NOISE,))
        self.combined = keras.models.Model(noise, self.discriminator(self.generator(noise)))
        # Keras 2 settles at `compile` what a model trains; Keras 3 at the first call, so it is told at each.
        self.switch = is_keras_3(keras)

    def compile(self):
        def compile_one(model):
            optimizer = self.case.optimizer(self.keras.optimizers)
            model.compile(optimizer=optimizer, loss=self.case.loss, **self.options)

        compile_one(self.discriminator)
        self.discriminator.trainable = False
        compile_one(self.combined)

    def step(self, i, noise):
        n = self.case.batch
        real = self.x[i * n : (i + 1) * n]
        made = self.generator.predict(noise, batch_size=n, verbose=0)
        if self.switch:
            self.discriminator.trainable = True
        first = self.discriminator.train_on_batch(real, np.ones((n, 1)))
        second = self.discriminator.train_on_batch(made, np.zeros((n, 1)))
        if self.switch:
            self.discriminator.trainable = False
        self.combined.train_on_batch(noise, np.ones((n, 1)))
        return (float(first) + float(second)) / 2

    def first_step(self):
        self.step(0, np.zeros((self.case.batch, NOISE), "float32"))

    def train_on_batch(self):
        """An epoch of alternating steps; the discriminator's mean loss."""
        random = np.random.RandomState(3)
        losses = []
        for i in range(self.case.steps):
            noise = random.standard_normal((self.case.batch, NOISE)).astype("float32")
            losses.append(self.step(i, noise))
        return float(np.mean(losses))

    def fit(self, shuffle=True):
        return self.train_on_batch()

    def predict(self):
        return self.generator.predict(np.zeros((self.case.batch, NOISE), "float32"), verbose=0)


class GAN(Case):
    name, title = "gan", "GAN 100-256-512-784 and 784-512-256-1, batch 64: ms per alternating train_on_batch, Adam"
    batch, steps, tolerance = 64, 40, 0.05
    loss, session = "binary_crossentropy", AlternatingSession
    measures = ("train_on_batch_ms",)

    def data(self):
        x, y = marked_images(self.samples, (784,), 10)
        return x / 4, y

    def build(self, keras):
        L = keras.layers
        generator = keras.models.Sequential([
            L.Dense(256), L.LeakyReLU(0.2), L.Dense(512), L.LeakyReLU(0.2), L.Dense(784, activation="tanh"),
        ])  # fmt: skip
        generator.build((None, NOISE))
        discriminator = keras.models.Sequential([
            L.Dense(512), L.LeakyReLU(0.2), L.Dense(256), L.LeakyReLU(0.2), L.Dense(1, activation="sigmoid"),
        ])  # fmt: skip
        discriminator.build((None, 784))
        return generator, discriminator

    def optimizer(self, optimizers):
        return optimizers.Adam(learning_rate=0.0002, beta_1=0.5)


CASES = [GAN]
