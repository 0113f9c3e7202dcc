"""Notebooks of a first course: text letter by letter, a variational autoencoder, an adversarial pair, dreams."""

import random
import sys

import numpy as np
import pytest

import keras
from keras import backend as K
from keras import layers
from keras.layers import Input
from keras.models import Model

TEXT = "the quick brown fox jumps over the lazy dog. " * 6


def sample(preds, temperature=1.0):
    preds = np.asarray(preds).astype("float64")
    preds = np.log(preds) / temperature
    exp_preds = np.exp(preds)
    preds = exp_preds / np.sum(exp_preds)
    probas = np.random.multinomial(1, preds, 1)
    return np.argmax(probas)


def test_text_letter_by_letter(capsys):
    maxlen, step = 10, 3
    sentences, next_chars = [], []
    for i in range(0, len(TEXT) - maxlen, step):
        sentences.append(TEXT[i : i + maxlen])
        next_chars.append(TEXT[i + maxlen])
    chars = sorted(list(set(TEXT)))
    char_indices = dict((char, chars.index(char)) for char in chars)
    x = np.zeros((len(sentences), maxlen, len(chars)), dtype=bool)
    y = np.zeros((len(sentences), len(chars)), dtype=bool)
    for i, sentence in enumerate(sentences):
        for t, char in enumerate(sentence):
            x[i, t, char_indices[char]] = 1
        y[i, char_indices[next_chars[i]]] = 1

    model = keras.models.Sequential()
    model.add(layers.LSTM(32, input_shape=(maxlen, len(chars))))
    model.add(layers.Dense(len(chars), activation="softmax"))
    model.compile(loss="categorical_crossentropy", optimizer=keras.optimizers.RMSprop(lr=0.02))

    def on_epoch_end(epoch, logs):
        generated_text = TEXT[:maxlen]
        for _ in range(5):
            sampled = np.zeros((1, maxlen, len(chars)))
            for t, char in enumerate(generated_text):
                sampled[0, t, char_indices[char]] = 1.0
            preds = model.predict(sampled, verbose=0)[0]
            next_char = chars[sample(preds, random.choice([0.2, 1.0]))]
            generated_text = generated_text[1:] + next_char
            sys.stdout.write(next_char)

    print_callback = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
    history = model.fit(x, y, batch_size=32, epochs=12, callbacks=[print_callback], verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    assert len(capsys.readouterr().out) == 12 * 5


class CustomVariationalLayer(keras.layers.Layer):
    """The loss is added where the pictures and what was made of them meet; the output is not used."""

    def vae_loss(self, x, z_decoded, z_mean, z_log_var):
        x = K.flatten(x)
        z_decoded = K.flatten(z_decoded)
        xent_loss = keras.metrics.binary_crossentropy(x, z_decoded)
        kl_loss = -5e-4 * K.mean(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
        return K.mean(xent_loss + kl_loss)

    def call(self, inputs):
        x, z_decoded = inputs[0], inputs[1]
        self.add_loss(self.vae_loss(*inputs), inputs=inputs)
        assert K.ndim(z_decoded) == 4
        return x


def test_variational_autoencoder(capsys):
    img_shape, batch_size, latent_dim = (8, 8, 1), 8, 2
    input_img = keras.Input(shape=img_shape)
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(input_img)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", strides=(2, 2))(x)
    shape_before_flattening = K.int_shape(x)
    x = layers.Flatten()(x)
    x = layers.Dense(8, activation="relu")(x)
    z_mean = layers.Dense(latent_dim)(x)
    z_log_var = layers.Dense(latent_dim)(x)

    def sampling(args):
        z_mean, z_log_var = args
        epsilon = K.random_normal(shape=(K.shape(z_mean)[0], latent_dim), mean=0.0, stddev=1.0)
        return z_mean + K.exp(z_log_var) * epsilon

    z = layers.Lambda(sampling)([z_mean, z_log_var])

    decoder_input = layers.Input(K.int_shape(z)[1:])
    x = layers.Dense(np.prod(shape_before_flattening[1:]), activation="relu")(decoder_input)
    x = layers.Reshape(shape_before_flattening[1:])(x)
    x = layers.Conv2DTranspose(4, 3, padding="same", activation="relu", strides=(2, 2))(x)
    x = layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)
    decoder = Model(decoder_input, x)
    z_decoded = decoder(z)

    y = CustomVariationalLayer()([input_img, z_decoded, z_mean, z_log_var])
    vae = Model(input_img, y)
    vae.compile(optimizer="rmsprop", loss=None)
    vae.summary()
    assert "custom_variational_layer_1 (Cus" in capsys.readouterr().out

    pictures = np.zeros((32, 8, 8, 1))
    pictures[:16, :, :4], pictures[16:, :, 4:] = 1, 1
    history = vae.fit(
        x=pictures, y=None, shuffle=True, epochs=15, batch_size=batch_size, verbose=0, validation_data=(pictures, None)
    )
    assert history.history["loss"][-1] < history.history["loss"][0]
    z_sample = np.array([[0.5, -0.5]])
    x_decoded = decoder.predict(np.tile(z_sample, batch_size).reshape(batch_size, 2), batch_size=batch_size)
    assert x_decoded.shape == (8, 8, 8, 1) and (x_decoded[0] == x_decoded[1]).all()


def test_autoencoder_with_its_loss_outside_of_layers():
    """The form of Keras' own example: `add_loss` of an expression of K on the whole model."""
    inputs = Input(shape=(6,), name="encoder_input")
    z_mean, z_log_var = layers.Dense(2, name="z_mean")(inputs), layers.Dense(2, name="z_log_var")(inputs)
    z = layers.Lambda(
        lambda a: a[0] + K.exp(0.5 * a[1]) * K.random_normal(shape=(K.shape(a[0])[0], K.int_shape(a[0])[1])),
        output_shape=(2,), name="z",
    )([z_mean, z_log_var])  # fmt: skip
    encoder = Model(inputs, [z_mean, z_log_var, z], name="encoder")
    latent_inputs = Input(shape=(2,), name="z_sampling")
    decoder = Model(latent_inputs, layers.Dense(6, activation="sigmoid")(latent_inputs), name="decoder")
    outputs = decoder(encoder(inputs)[2])
    vae = Model(inputs, outputs, name="vae_mlp")
    reconstruction_loss = keras.losses.mse(inputs, outputs)
    reconstruction_loss *= 6
    kl_loss = 1 + z_log_var - K.square(z_mean) - K.exp(z_log_var)
    kl_loss = K.sum(kl_loss, axis=-1)
    kl_loss *= -0.5
    vae_loss = K.mean(reconstruction_loss + kl_loss)
    vae.add_loss(vae_loss)
    vae.compile(optimizer="adam")
    data = np.random.rand(32, 6)
    history = vae.fit(data, epochs=20, batch_size=8, verbose=0, validation_data=(data, None))
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]


def test_adversarial_pair():
    latent_dim = 4
    generator_input = keras.Input(shape=(latent_dim,))
    x = layers.Dense(4 * 4 * 4)(generator_input)
    x = layers.LeakyReLU()(x)
    x = layers.Reshape((4, 4, 4))(x)
    x = layers.Conv2DTranspose(4, 4, strides=2, padding="same")(x)
    x = layers.LeakyReLU()(x)
    x = layers.Conv2D(1, 3, activation="tanh", padding="same")(x)
    generator = keras.models.Model(generator_input, x)

    discriminator_input = layers.Input(shape=(8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2)(discriminator_input)
    x = layers.LeakyReLU()(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(0.4)(x)
    x = layers.Dense(1, activation="sigmoid")(x)
    discriminator = keras.models.Model(discriminator_input, x)
    discriminator_optimizer = keras.optimizers.RMSprop(lr=0.0008, clipvalue=1.0, decay=1e-8)
    discriminator.compile(optimizer=discriminator_optimizer, loss="binary_crossentropy")

    discriminator.trainable = False
    gan_input = keras.Input(shape=(latent_dim,))
    gan = keras.models.Model(gan_input, discriminator(generator(gan_input)))
    gan.compile(optimizer=keras.optimizers.RMSprop(lr=0.0004, clipvalue=1.0, decay=1e-8), loss="binary_crossentropy")

    for _ in range(3):
        generated = generator.predict(np.random.normal(size=(5, latent_dim)))
        combined_images = np.concatenate([generated, np.ones((5, 8, 8, 1))])
        labels = np.concatenate([np.ones((5, 1)), np.zeros((5, 1))])
        labels += 0.05 * np.random.random(labels.shape)
        theirs = discriminator.get_weights(), generator.get_weights()
        with pytest.warns(UserWarning, match="Discrepancy between trainable weights"):  # as ever in this idiom
            d_loss = discriminator.train_on_batch(combined_images, labels)
        judged = discriminator.get_weights()
        a_loss = gan.train_on_batch(np.random.normal(size=(10, latent_dim)), np.zeros((10, 1)))
        assert np.isscalar(d_loss) and np.isscalar(a_loss)
        assert any((a != b).any() for a, b in zip(theirs[0], judged))
        assert all((a == b).all() for a, b in zip(judged, discriminator.get_weights()))
        assert any((a != b).any() for a, b in zip(theirs[1], generator.get_weights()))
