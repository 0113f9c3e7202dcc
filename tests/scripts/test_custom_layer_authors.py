"""What authors of layers, optimizers, metrics and regularizers wrote on K for Keras 2."""

# ruff: noqa: UP008, UP032 (written as in those years)

import numpy as np
import pytest

from keras import activations, constraints, initializers, regularizers
from keras import backend as K
from keras.engine import InputSpec, Layer
from keras.engine.topology import Layer as TopologyLayer
from keras.layers import LSTM, Activation, Dense, Embedding, Input, Lambda, Wrapper
from keras.legacy import interfaces
from keras.models import Model, Sequential, load_model
from keras.optimizers import Optimizer
from keras.regularizers import Regularizer
from keras.utils import custom_object_scope
from keras.utils.generic_utils import get_custom_objects


class Lookahead(Optimizer):
    """Adam-like, in the form that keras-contrib's optimizers have."""

    def __init__(self, lr=0.01, beta_1=0.9, beta_2=0.999, epsilon=None, decay=0.0, **kwargs):
        super(Lookahead, self).__init__(**kwargs)
        with K.name_scope(self.__class__.__name__):
            self.iterations = K.variable(0, dtype="int64", name="iterations")
            self.lr = K.variable(lr, name="lr")
            self.beta_1 = K.variable(beta_1, name="beta_1")
            self.beta_2 = K.variable(beta_2, name="beta_2")
            self.decay = K.variable(decay, name="decay")
        self.epsilon = K.epsilon() if epsilon is None else epsilon
        self.initial_decay = decay

    @interfaces.legacy_get_updates_support
    def get_updates(self, loss, params):
        grads = self.get_gradients(loss, params)
        self.updates = [K.update_add(self.iterations, 1)]
        lr = self.lr
        if self.initial_decay > 0:
            lr *= 1.0 / (1.0 + self.decay * K.cast(self.iterations, K.dtype(self.decay)))
        t = K.cast(self.iterations, K.floatx()) + 1
        lr_t = lr * (K.sqrt(1.0 - K.pow(self.beta_2, t)) / (1.0 - K.pow(self.beta_1, t)))
        shapes = [K.get_variable_shape(p) for p in params]
        ms = [K.zeros(shape) for shape in shapes]
        vs = [K.zeros(shape) for shape in shapes]
        self.weights = [self.iterations] + ms + vs
        for p, g, m, v in zip(params, grads, ms, vs):
            m_t = (self.beta_1 * m) + (1.0 - self.beta_1) * g
            v_t = (self.beta_2 * v) + (1.0 - self.beta_2) * K.square(g)
            p_t = p - lr_t * m_t / (K.sqrt(v_t) + self.epsilon)
            self.updates.append(K.update(m, m_t))
            self.updates.append(K.update(v, v_t))
            new_p = p_t
            if getattr(p, "constraint", None) is not None:
                new_p = p.constraint(new_p)
            self.updates.append(K.update(p, new_p))
        return self.updates

    def get_config(self):
        config = {
            "lr": float(K.get_value(self.lr)),
            "beta_1": float(K.get_value(self.beta_1)),
            "beta_2": float(K.get_value(self.beta_2)),
            "decay": float(K.get_value(self.decay)),
            "epsilon": self.epsilon,
        }
        base_config = super(Lookahead, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


def test_an_optimizer_with_get_updates(tmp_path):
    """It computes what Adam does, keeps constraints, and its state goes through a file."""
    x, y = np.random.rand(32, 4), np.random.rand(32, 2)

    def build(optimizer):
        model = Sequential([Dense(2, input_dim=4, kernel_constraint=constraints.non_neg())])
        model.compile(optimizer=optimizer, loss="mse")
        return model

    mine, theirs = build(Lookahead(lr=0.05)), build("adam")
    theirs.set_weights(mine.get_weights())
    K.set_value(theirs.optimizer.lr, 0.05)
    for model in (mine, theirs):
        model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(mine.get_weights(), theirs.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    assert mine.get_weights()[0].min() >= 0
    path = str(tmp_path / "mine.h5")
    mine.save(path)
    again = load_model(path, custom_objects={"Lookahead": Lookahead})
    for model in (mine, again):
        model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for a, b in zip(mine.get_weights(), again.get_weights()):
        np.testing.assert_array_equal(a, b)


class AttentionWithContext(TopologyLayer):
    """Weighted mean over time that hears the mask: the layer most often passed around in those years."""

    def __init__(self, W_regularizer=None, bias=True, **kwargs):
        self.supports_masking = True
        self.init = initializers.get("glorot_uniform")
        self.W_regularizer = regularizers.get(W_regularizer)
        self.bias = bias
        super(AttentionWithContext, self).__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 3
        self.W = self.add_weight(
            (input_shape[-1], input_shape[-1]), initializer=self.init, name="{}_W".format(self.name),
            regularizer=self.W_regularizer,
        )  # fmt: skip
        if self.bias:
            self.b = self.add_weight((input_shape[-1],), initializer="zero", name="{}_b".format(self.name))
        self.u = self.add_weight((input_shape[-1],), initializer=self.init, name="{}_u".format(self.name))
        super(AttentionWithContext, self).build(input_shape)

    def compute_mask(self, input, input_mask=None):
        return None

    def call(self, x, mask=None):
        uit = K.dot(x, self.W)
        if self.bias:
            uit += self.b
        uit = K.tanh(uit)
        ait = K.squeeze(K.dot(uit, K.expand_dims(self.u)), axis=-1)
        a = K.exp(ait)
        if mask is not None:
            a *= K.cast(mask, K.floatx())
        a /= K.cast(K.sum(a, axis=1, keepdims=True) + K.epsilon(), K.floatx())
        return K.sum(x * K.expand_dims(a), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])

    def get_config(self):
        config = {"W_regularizer": regularizers.serialize(self.W_regularizer), "bias": self.bias}
        base_config = super(AttentionWithContext, self).get_config()
        return dict(list(base_config.items()) + list(config.items()))


def test_attention_with_masks(tmp_path):
    model = Sequential()
    model.add(Embedding(10, 4, mask_zero=True, input_length=5))
    model.add(LSTM(3, return_sequences=True))
    model.add(AttentionWithContext(W_regularizer=regularizers.l2(0.01)))
    model.add(Dense(1))
    model.compile("rmsprop", "mse")
    assert model.layers[2].output_shape == (None, 3) and len(model.losses) == 1
    assert [w.name.split("/")[-1] for w in model.layers[2].weights] == [
        f"attention_with_context_1_{end}:0" for end in "Wbu"
    ]
    padded, short = np.array([[0, 0, 3, 1, 2]]), np.array([[3, 1, 2]])
    same = Model(*_without_length(model))
    np.testing.assert_allclose(model.predict(padded), same.predict(short), rtol=1e-4)
    path = str(tmp_path / "attention.h5")
    model.save(path)
    with custom_object_scope({"AttentionWithContext": AttentionWithContext}):
        np.testing.assert_array_equal(load_model(path).predict(padded), model.predict(padded))


def _without_length(model):
    """The same layers, on sentences of any length."""
    x = y = Input((None,))
    for layer in model.layers:
        if isinstance(layer, Embedding):
            free = Embedding(10, 4, mask_zero=True)
            y = free(y)
            free.set_weights(layer.get_weights())
        else:
            y = layer(y)
    return x, y


class Antirectifier(Layer):
    """Keras' own example of a layer without weights."""

    def compute_output_shape(self, input_shape):
        shape = list(input_shape)
        assert len(shape) == 2
        shape[-1] *= 2
        return tuple(shape)

    def call(self, inputs):
        inputs -= K.mean(inputs, axis=1, keepdims=True)
        inputs = K.l2_normalize(inputs, axis=1)
        return K.concatenate([K.relu(inputs), K.relu(-inputs)], axis=1)


class Maxout(Layer):
    """With InputSpec, an activation and everything else that serialises."""

    def __init__(self, units, pieces=2, activation=None, kernel_initializer="glorot_uniform", **kwargs):
        if "input_shape" not in kwargs and "input_dim" in kwargs:
            kwargs["input_shape"] = (kwargs.pop("input_dim"),)
        super(Maxout, self).__init__(**kwargs)
        self.units, self.pieces = units, pieces
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape):
        input_dim = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(self.pieces, input_dim, self.units), initializer=self.kernel_initializer, name="kernel"
        )
        self.input_spec = InputSpec(min_ndim=2, axes={-1: input_dim})
        self.built = True

    def call(self, inputs):
        pieces = [K.dot(inputs, self.kernel[i]) for i in range(self.pieces)]
        return self.activation(K.max(K.stack(pieces, axis=1), axis=1))

    def compute_output_shape(self, input_shape):
        return input_shape[:-1] + (self.units,)

    def get_config(self):
        config = {
            "units": self.units,
            "pieces": self.pieces,
            "activation": activations.serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }
        return dict(list(super(Maxout, self).get_config().items()) + list(config.items()))


class SpectralWrapper(Wrapper):
    """Changes a layer's kernel before it is used. Its weights are those of the layer inside."""

    def build(self, input_shape=None):
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True
        self.w = self.layer.kernel
        self.u = self.layer.add_weight(
            shape=(1, self.w.shape.as_list()[-1]), initializer="ones", name="sn_u", trainable=False
        )
        super(SpectralWrapper, self).build()

    def call(self, inputs):
        v = K.l2_normalize(K.dot(self.u, K.transpose(self.w)))
        u = K.l2_normalize(K.dot(v, self.w))
        self.add_update([K.update(self.u, u)], inputs)
        self.layer.kernel = self.w / K.sum(K.dot(K.dot(v, self.w), K.transpose(u)))
        output = self.layer.call(inputs)
        self.layer.kernel = self.w
        return output

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def test_layers_of_every_kind(tmp_path):
    inputs = Input((6,))
    x = Antirectifier()(inputs)
    x = Maxout(5, pieces=3, activation="relu")(x)
    x = SpectralWrapper(Dense(4))(x)
    model = Model(inputs, x)
    model.compile("sgd", "mse")
    assert model.output_shape == (None, 4) and len(model.updates) == 1
    before = model.layers[-1].get_weights()
    model.fit(np.random.rand(8, 6), np.random.rand(8, 4), batch_size=4, verbose=0)
    assert (model.layers[-1].get_weights()[-1] != before[-1]).all()
    path = str(tmp_path / "m.h5")
    model.save(path)
    objects = {c.__name__: c for c in (Antirectifier, Maxout, SpectralWrapper)}
    x = np.random.rand(3, 6)
    np.testing.assert_array_equal(load_model(path, custom_objects=objects).predict(x), model.predict(x))
    maxout = Maxout(5, name="maxout")
    maxout(Input((2,)))
    with pytest.raises(ValueError, match="maxout"):
        maxout(Input((3,)))


def swish(x):
    return K.sigmoid(x) * x


def dice_coef(y_true, y_pred, smooth=1.0):
    y_true_f = K.flatten(y_true)
    y_pred_f = K.flatten(y_pred)
    intersection = K.sum(y_true_f * y_pred_f)
    return (2.0 * intersection + smooth) / (K.sum(y_true_f) + K.sum(y_pred_f) + smooth)


def dice_coef_loss(y_true, y_pred):
    return 1 - dice_coef(y_true, y_pred)


def recall(y_true, y_pred):
    true_positives = K.sum(K.round(K.clip(y_true * y_pred, 0, 1)))
    possible_positives = K.sum(K.round(K.clip(y_true, 0, 1)))
    return true_positives / (possible_positives + K.epsilon())


def focal_loss(gamma=2.0, alpha=0.25):
    def focal_loss_fixed(y_true, y_pred):
        pt = K.switch(K.equal(y_true, 1), y_pred, 1 - y_pred)
        return -K.mean(alpha * K.pow(1.0 - pt, gamma) * K.log(pt + K.epsilon()), axis=-1)

    return focal_loss_fixed


class L1Distance(Regularizer):
    """From a centre other than zero."""

    def __init__(self, centre=0.0):
        self.centre = K.cast_to_floatx(centre)

    def __call__(self, x):
        return 0.1 * K.sum(K.abs(x - self.centre))

    def get_config(self):
        return {"centre": float(self.centre)}


def my_init(shape, dtype=None):
    return K.random_normal(shape, dtype=dtype) * 0.1


def test_functions_of_ones_own(tmp_path):
    """Losses, metrics, activations, initializers, regularizers; through a file with `custom_objects`."""
    get_custom_objects().update({"swish": Activation(swish)})
    try:
        model = Sequential()
        model.add(Dense(6, activation=swish, input_dim=4, kernel_regularizer=L1Distance(0.5)))
        model.add(Activation("swish"))
        model.add(Dense(3, activation="sigmoid", bias_regularizer=lambda w: 0.0 * K.sum(w)))
        model.compile("rmsprop", loss=dice_coef_loss, metrics=[dice_coef, recall, "mae"])
        x, y = np.random.rand(16, 4), np.random.randint(0, 2, (16, 3))
        before = model.test_on_batch(x, y)
        assert model.metrics_names == ["loss", "dice_coef", "recall", "mae"]
        prediction = model.predict(x).astype("float64")
        dice = (2 * (y * prediction).sum() + 1) / (y.sum() + prediction.sum() + 1)
        penalty = 0.1 * np.abs(model.get_weights()[0] - 0.5).sum()
        np.testing.assert_allclose(before[:2], [1 - dice + penalty, dice], rtol=1e-5)
        found = (np.round(y * prediction)).sum() / y.sum()
        np.testing.assert_allclose(before[2:], [found, np.abs(y - prediction).mean()], rtol=1e-5)
        model.compile("rmsprop", loss=[focal_loss(alpha=0.5)])
        pt = np.where(y == 1, prediction, 1 - prediction)
        wanted = -(0.5 * (1 - pt) ** 2 * np.log(pt)).mean() + penalty
        assert model.test_on_batch(x, y) == pytest.approx(wanted, rel=1e-4)
    finally:
        del get_custom_objects()["swish"]

    model = Sequential()
    model.add(Dense(3, activation=swish, input_dim=4, kernel_initializer=my_init, kernel_regularizer=L1Distance(0.5)))
    model.compile("rmsprop", loss=dice_coef_loss, metrics=[dice_coef])
    path = str(tmp_path / "own.h5")
    model.save(path)
    own = {f.__name__: f for f in (swish, my_init, L1Distance, dice_coef, dice_coef_loss)}
    again = load_model(path, custom_objects=own)
    np.testing.assert_allclose(again.test_on_batch(x, y), model.test_on_batch(x, y), rtol=1e-6)
    with pytest.raises(ValueError, match="custom_objects"):
        load_model(path)


def test_lambda_with_arguments(tmp_path):
    def crop(x, start, end=None):
        return x[:, start:end]

    inputs = Input((6,))
    y = Lambda(crop, arguments={"start": 1, "end": 3}, output_shape=(2,))(inputs)
    z = Lambda(lambda t, power: K.sum(t**power, axis=-1, keepdims=True), arguments={"power": 3})(y)
    w = Lambda(lambda ts: K.concatenate([ts[0], ts[1]]))([y, z])
    model = Model(inputs, w)
    model.compile("sgd", "mse")
    assert [layer.output_shape for layer in model.layers[1:]] == [(None, 2), (None, 1), (None, 3)]
    x = np.random.rand(4, 6).astype("float32")
    wanted = np.concatenate([x[:, 1:3], (x[:, 1:3] ** 3).sum(1, keepdims=True)], axis=1)
    np.testing.assert_allclose(model.predict(x), wanted, rtol=1e-6)
    path = str(tmp_path / "lambda.h5")
    model.save(path)
    np.testing.assert_array_equal(load_model(path, safe_mode=False).predict(x), model.predict(x))
