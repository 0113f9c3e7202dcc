"""Layers of tf.keras that Keras 2.3.1 does not have and that its files hold: LayerNormalization, Normalization."""

import numpy as np
import pytest

from keras import layers
from keras.models import load_model, model_from_config

X = np.random.RandomState(0).standard_normal((4, 5, 3)).astype("float32")


def model_of(class_name, **config):
    """As tf.keras describes it: a Sequential of that layer alone."""
    entrance = {"batch_input_shape": [None, 5, 3], "dtype": "float32", "sparse": False, "ragged": False, "name": "x"}
    config = {"name": "n", "trainable": True, "dtype": "float32", **config}
    described = [{"class_name": "InputLayer", "config": entrance}, {"class_name": class_name, "config": config}]
    config = {"name": "s", "layers": described}
    return model_from_config({"class_name": "Sequential", "config": config, "keras_version": "2.11.0"})


def draw(model):
    """Weights that are told from the first ones."""
    random = np.random.RandomState(1)
    model.set_weights([np.asarray(random.uniform(0.5, 2, w.shape), w.dtype) for w in model.get_weights()])
    return model.get_weights()


@pytest.mark.parametrize("axis", [-1, [2], 1, [1, 2]], ids=str)
def test_layer_normalization(axis, tmp_path):
    model = model_of("LayerNormalization", axis=axis, epsilon=0.01, center=True, scale=True)
    gamma, beta = draw(model)
    axes = tuple(a % 3 for a in np.atleast_1d(axis))
    shape = [X.shape[a] if a in axes else 1 for a in range(3)]
    assert gamma.shape == beta.shape == tuple(X.shape[a] for a in axes)
    x = X.astype("float64")
    normed = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + 0.01)
    expected = normed * gamma.reshape(shape) + beta.reshape(shape)
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5", compile=False).predict(X), model.predict(X))


def test_layer_normalization_trains():
    model = model_of("LayerNormalization", axis=[2], epsilon=0.001, center=True, scale=True)
    model.compile("sgd", "mse")
    gamma, beta = draw(model)
    output = model.predict(X).astype("float64")
    slopes = 2 * (output - X) / X.size
    model.train_on_batch(X, X)
    trained = model.get_weights()
    np.testing.assert_allclose(trained[1], beta - 0.01 * slopes.sum((0, 1)), rtol=1e-5)
    normed = (output - beta) / gamma
    np.testing.assert_allclose(trained[0], gamma - 0.01 * (slopes * normed).sum((0, 1)), rtol=1e-5)


@pytest.mark.parametrize("options, names", [
    ({"center": False, "scale": True}, ["gamma"]), ({"center": True, "scale": False}, ["beta"]),
], ids=["scale", "center"])  # fmt: skip
def test_layer_normalization_by_halves(options, names):
    weights = model_of("LayerNormalization", axis=-1, **options).weights
    assert [weight.name for weight in weights] == [f"n/{name}:0" for name in names]


@pytest.mark.parametrize("axis, shape", [([-1], (3,)), ([1, 2], (5, 3)), (None, ())], ids=str)
def test_normalization_learned_from_data(axis, shape, tmp_path):
    model = model_of("Normalization", axis=axis)
    mean, variance, count = draw(model)
    assert mean.shape == variance.shape == shape and count.shape == ()
    np.testing.assert_allclose(model.predict(X), (X - mean) / np.sqrt(variance), rtol=1e-4, atol=1e-5)
    assert model.trainable_weights == []
    model.save(tmp_path / "model.h5")
    np.testing.assert_array_equal(load_model(tmp_path / "model.h5", compile=False).predict(X), model.predict(X))


def test_an_axis_that_is_none():
    with pytest.raises(ValueError, match=r"LayerNormalization.*axis=3"):
        model_of("LayerNormalization", axis=3)


def test_ones_own_layer_of_that_name_comes_first():
    class LayerNormalization(layers.Layer):
        def call(self, x):
            return x * 2

    config = model_of("LayerNormalization", axis=-1).get_config()
    for entry in config["layers"]:
        if entry["class_name"] == "LayerNormalization":
            entry["config"] = {"name": "n"}
    described = {"class_name": "Sequential", "config": config}
    model = model_from_config(described, custom_objects={"LayerNormalization": LayerNormalization})
    model.build((None, 5, 3))
    np.testing.assert_array_equal(model.predict(X), X * 2)
    assert not hasattr(layers, "LayerNormalization")
