"""Small programs of the kinds that people wrote for Keras 2: own layers, own training, gradients by hand."""

from functools import partial

import numpy as np
import pytest

from keras import backend as K
from keras import constraints, initializers, regularizers
from keras.engine import InputSpec
from keras.layers import Conv2D, Dense, Embedding, Flatten, GlobalAveragePooling2D, Input, Lambda, Layer
from keras.layers.merge import _Merge
from keras.layers.wrappers import Wrapper
from keras.models import Model, Sequential, load_model
from keras.optimizers import Adam, RMSprop

RANDOM = np.random.RandomState(0)
X = RANDOM.standard_normal((8, 6)).astype("float32")


def reloaded(model, path, **custom_objects):
    model.save(path)
    again = load_model(path, custom_objects=custom_objects)
    np.testing.assert_allclose(again.predict(X), model.predict(X), rtol=1e-5, atol=1e-6)


class Averaged(_Merge):
    """A point between two others, drawn anew for each sample."""

    def _merge_function(self, inputs):
        weights = K.random_uniform((4, 1))
        return weights * inputs[0] + (1 - weights) * inputs[1]


def wasserstein(y_true, y_pred):
    return K.mean(y_true * y_pred)


def gradient_penalty(y_true, y_pred, samples, weight):
    gradients = K.gradients(y_pred, samples)[0]
    norm = K.sqrt(K.sum(K.square(gradients), axis=np.arange(1, len(gradients.shape))))
    return K.mean(weight * K.square(1 - norm))


def test_a_gradient_penalty_between_two_networks():
    generator = Sequential([Dense(8, activation="tanh", input_shape=(3,)), Dense(6)])
    critic = Sequential([Dense(8, activation="tanh", input_shape=(6,)), Dense(1)])
    for layer in generator.layers:
        layer.trainable = False
    generator.trainable = False
    real, noise = Input((6,)), Input((3,))
    fake = generator(noise)
    between = Averaged()([real, fake])
    penalty = partial(gradient_penalty, samples=between, weight=10)
    penalty.__name__ = "gradient_penalty"
    model = Model([real, noise], [critic(real), critic(fake), critic(between)])
    model.compile(Adam(0.0001, beta_1=0.5, beta_2=0.9), loss=[wasserstein, wasserstein, penalty])
    ones = np.ones((4, 1))
    frozen, moving = generator.get_weights(), critic.get_weights()
    losses = [model.train_on_batch([X[:4], X[:4, :3]], [-ones, ones, ones * 0]) for _ in range(2)]
    assert np.shape(losses) == (2, 4) and np.all(np.isfinite(losses))
    assert all(np.array_equal(a, b) for a, b in zip(frozen, generator.get_weights()))
    assert any(np.any(a != b) for a, b in zip(moving, critic.get_weights()))


def test_two_networks_against_each_other():
    """The discriminator is compiled while it is trainable; within the combined model it is frozen."""
    discriminator = Sequential([Dense(4, activation="relu", input_shape=(6,)), Dense(1, activation="sigmoid")])
    discriminator.compile(Adam(), "binary_crossentropy", metrics=["accuracy"])
    generator = Sequential([Dense(6, input_shape=(3,))])
    z = Input((3,))
    discriminator.trainable = False
    combined = Model(z, discriminator(generator(z)))
    combined.compile(Adam(), "binary_crossentropy")
    noise, ones = X[:, :3], np.ones((8, 1))
    d, g = discriminator.get_weights(), generator.get_weights()
    combined.train_on_batch(noise, ones)
    assert all(np.array_equal(a, b) for a, b in zip(d, discriminator.get_weights()))
    assert any(np.any(a != b) for a, b in zip(g, generator.get_weights()))
    g = generator.get_weights()
    with pytest.warns(UserWarning, match="Discrepancy"):
        discriminator.train_on_batch(generator.predict(noise), 0 * ones)
    assert any(np.any(a != b) for a, b in zip(d, discriminator.get_weights()))
    assert all(np.array_equal(a, b) for a, b in zip(g, generator.get_weights()))


class LearnedDropout(Wrapper):
    """Learns its own dropout rate, by a smooth mask; penalises the layer inside accordingly."""

    def __init__(self, layer, weight_regularizer=1e-4, **kwargs):
        super().__init__(layer, **kwargs)
        self.weight_regularizer = weight_regularizer
        self.supports_masking = True

    def build(self, input_shape=None):
        self.input_spec = InputSpec(shape=input_shape)
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        super().build()
        self.logit = self.layer.add_weight(
            name="logit", shape=(1,), initializer=initializers.RandomUniform(-2.0, -1.0), trainable=True
        )
        self.rate = K.sigmoid(self.logit[0])
        kernel = self.layer.kernel
        self.layer.add_loss(self.weight_regularizer * K.sum(K.square(kernel)) / (1.0 - self.rate))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def mask(self, x):
        uniform = K.random_uniform(shape=K.shape(x))
        logit = K.log(self.rate + 1e-7) - K.log(1 - self.rate + 1e-7)
        drop = K.sigmoid((logit + K.log(uniform + 1e-7) - K.log(1 - uniform + 1e-7)) / 0.1)
        return x * (1 - drop) / (1 - self.rate)

    def call(self, inputs, training=None):
        return K.in_train_phase(
            lambda: self.layer.call(self.mask(inputs)), lambda: self.layer.call(inputs), training=training
        )


def test_a_wrapper_that_learns_its_rate(tmp_path):
    model = Sequential([LearnedDropout(Dense(4, activation="relu"), input_shape=(6,)), Dense(1)])
    model.compile("adam", "mse")
    before = K.get_value(model.layers[0].logit)
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    assert K.get_value(model.layers[0].logit) != before and len(model.losses) == 1
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    reloaded(model, tmp_path / "m.h5", LearnedDropout=LearnedDropout)


class SpectralDense(Dense):
    """Divides its kernel by its largest singular value, found by a step of power iteration per batch."""

    def build(self, input_shape):
        super().build(input_shape)
        self.u = self.add_weight(
            shape=(1, self.units), initializer=initializers.RandomNormal(0, 1), name="sn", trainable=False
        )

    def call(self, inputs, training=None):
        def normed(v):
            return v / (K.sum(v**2) ** 0.5 + K.epsilon())

        v = K.stop_gradient(normed(K.dot(self.u, K.transpose(self.kernel))))
        u = K.stop_gradient(normed(K.dot(v, self.kernel)))
        sigma = K.dot(K.dot(v, self.kernel), K.transpose(u))[0, 0]
        self.add_update(K.update(self.u, u), inputs)
        return K.bias_add(K.dot(inputs, self.kernel / sigma), self.bias)


def test_power_iteration_in_updates():
    layer = SpectralDense(3)
    model = Sequential([layer, Lambda(lambda y: 0 * y)])
    model.build((None, 6))
    model.compile("sgd", "mse")
    for _ in range(30):
        model.train_on_batch(X, np.zeros((8, 3)))
    kernel, bias = layer.get_weights()[:2]
    largest = np.linalg.svd(kernel, compute_uv=False)[0]
    found = K.function([model.input], [layer.output])([X])[0]
    np.testing.assert_allclose(found, X @ kernel / largest + bias, rtol=1e-2, atol=1e-3)


class Attention(Layer):
    """Weighs the times of a sequence; masked times get no weight."""

    def __init__(self, W_regularizer=None, W_constraint=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializers.get("glorot_uniform")
        self.W_regularizer = regularizers.get(W_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.bias = bias
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight(
            (input_shape[-1],), initializer=self.init, name=f"{self.name}_W", regularizer=self.W_regularizer,
            constraint=self.W_constraint,
        )  # fmt: skip
        self.b = self.add_weight((input_shape[1],), initializer="zero", name=f"{self.name}_b") if self.bias else None
        self.built = True

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        e = K.squeeze(K.dot(x, K.expand_dims(self.W)), axis=-1)
        if self.bias:
            e += self.b
        a = K.exp(K.tanh(e))
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(a), axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[-1]


def test_attention_over_a_masked_sequence():
    x = Input((5,), dtype="int32")
    layer = Attention(W_regularizer="l2")
    model = Model(x, Dense(1)(layer(Embedding(10, 4, mask_zero=True)(x))))
    model.compile("adam", "mse")
    a = np.array([[1, 2, 3, 0, 0]])
    vectors = K.function([x], [layer.input])([a])[0]
    w, b = layer.get_weights()
    e = np.exp(np.tanh(vectors @ w + b)) * (a > 0)
    wanted = np.sum(vectors * (e / e.sum())[..., None], 1)
    np.testing.assert_allclose(K.function([x], [layer.output])([a])[0], wanted, rtol=1e-4, atol=1e-6)
    model.train_on_batch(a, [1.0])
    assert len(model.losses) == 1


class Capsules(Layer):
    """Capsules with routing by agreement, the number of rounds fixed."""

    def __init__(self, count, size, rounds=3, **kwargs):
        super().__init__(**kwargs)
        self.count, self.size, self.rounds = count, size, rounds

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(1, input_shape[-1], self.count * self.size), initializer="glorot_uniform"
        )
        super().build(input_shape)

    def call(self, u):
        hat = K.conv1d(u, self.kernel)
        hat = K.reshape(hat, (K.shape(u)[0], K.shape(u)[1], self.count, self.size))
        hat = K.permute_dimensions(hat, (0, 2, 1, 3))
        b = K.zeros_like(hat[:, :, :, 0])
        for i in range(self.rounds):
            c = K.softmax(b, 1)
            out = K.l2_normalize(K.sum(K.expand_dims(c) * hat, axis=2), -1)
            if i < self.rounds - 1:
                b = b + K.sum(K.expand_dims(out, 2) * hat, axis=-1)
        return out

    def compute_output_shape(self, input_shape):
        return (None, self.count, self.size)


def test_capsules():
    x = Input((6, 3))
    y = Capsules(4, 5)(x)
    assert K.int_shape(y) == (None, 4, 5)
    lengths = Lambda(lambda z: K.sqrt(K.sum(K.square(z), 2)), output_shape=(4,))(y)
    model = Model(x, Dense(2, activation="softmax")(Flatten()(y)))
    model.compile("adam", "categorical_crossentropy")
    array = RANDOM.standard_normal((3, 6, 3))
    np.testing.assert_allclose(Model(x, lengths).predict(array), np.ones((3, 4)), rtol=1e-4)
    assert np.isfinite(model.train_on_batch(array, np.eye(2)[[0, 1, 0]]))


def test_what_a_convolutional_network_looks_at():
    """Gradients of a class with respect to a layer and to the image, as class activation maps and saliency do."""
    model = Sequential([
        Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1), name="conv"), GlobalAveragePooling2D(),
        Dense(3, activation="softmax"),
    ])  # fmt: skip
    image = RANDOM.uniform(size=(1, 8, 8, 1))
    best = int(np.argmax(model.predict(image)[0]))
    conv = model.get_layer("conv")
    grads = K.gradients(model.output[:, best], conv.output)[0]
    pooled = K.mean(grads, axis=(0, 1, 2))
    iterate = K.function([model.input], [pooled, conv.output[0], K.gradients(model.output[0, best], model.input)[0]])
    weights, activity, saliency = iterate([image])
    heat = np.maximum(np.mean(activity * weights, axis=-1), 0)
    assert heat.shape == (6, 6) and weights.shape == (4,) and saliency.shape == (1, 8, 8, 1)
    assert np.any(saliency != 0)


def test_climbing_a_gradient():
    """The input that excites a unit most, and one that fools: ascent on the image."""
    model = Sequential([Dense(4, activation="tanh", input_shape=(6,)), Dense(2, activation="softmax")])
    loss = K.mean(model.layers[0].output[:, 1])
    grads = K.gradients(loss, model.input)[0]
    grads /= K.sqrt(K.mean(K.square(grads))) + 1e-5
    step = K.function([model.input, K.learning_phase()], [loss, grads])
    x = np.zeros((1, 6))
    values = []
    for _ in range(10):
        value, gradient = step([x, 0])
        values.append(float(value))
        x += 0.1 * gradient
    assert values == sorted(values) and values[-1] > values[0]


def test_an_actor_trained_by_its_own_loss():
    """Reinforcement learning of the time: a training function made from an expression and an optimizer."""
    actor = Sequential([Dense(8, activation="tanh", input_shape=(6,)), Dense(3, activation="softmax")])
    action = K.placeholder(shape=(None, 3))
    advantage = K.placeholder(shape=(None,))
    chosen = K.sum(action * actor.output, axis=1)
    loss = -K.sum(K.log(chosen + 1e-10) * advantage) + 0.01 * K.sum(actor.output * K.log(actor.output + 1e-10))
    optimizer = RMSprop(lr=0.01, epsilon=0.01)
    updates = optimizer.get_updates(params=actor.trainable_weights, loss=loss)
    train = K.function([actor.input, action, advantage], [loss], updates=updates)
    taken = np.eye(3)[np.zeros(8, int)]
    before = actor.predict(X)[:, 0].mean()
    for _ in range(20):
        train([X, taken, np.ones(8)])
    assert actor.predict(X)[:, 0].mean() > before
    old = optimizer.get_updates(actor.trainable_weights, [], loss)
    assert len(old) == len(updates)
