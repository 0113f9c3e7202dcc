"""What tf.keras 2 writes beyond Keras 2.3.1: models called with training=False, swish, options of metrics."""

import numpy as np
import pytest

from keras import metrics
from keras.layers import Dense
from keras.models import Sequential, load_model, model_from_config
from keras.saving import training_config
from keras.saving.conversions import Untranslatable, origin_of

TF_KERAS = origin_of("2.11.0", "tensorflow")
X = np.random.RandomState(0).standard_normal((4, 3)).astype("float32")


def layer(class_name, name, *nodes, **config):
    return {"class_name": class_name, "config": {"name": name, **config}, "name": name, "inbound_nodes": list(nodes)}


def around_a_model(**arguments):
    """A model that calls another with these arguments, as fine-tuning by TensorFlow's tutorial does."""
    inner = [
        layer("InputLayer", "i", batch_input_shape=[None, 3], dtype="float32", sparse=False, ragged=False),
        layer("Dense", "d", [["i", 0, 0, {}]], units=2, dtype="float32"),
    ]
    layers = [
        layer("InputLayer", "x", batch_input_shape=[None, 3], dtype="float32", sparse=False, ragged=False),
        layer("Functional", "base", [["x", 0, 0, arguments]], layers=inner, input_layers=[["i", 0, 0]],
              output_layers=[["d", 0, 0]], trainable=False),
    ]  # fmt: skip
    config = {"name": "m", "layers": layers, "input_layers": [["x", 0, 0]], "output_layers": [["base", 1, 0]]}
    return {"class_name": "Functional", "config": config, "keras_version": "2.11.0"}


@pytest.mark.parametrize("arguments", [{"training": False}, {"training": None}, {}], ids=str)
def test_a_model_called_inside_another(arguments):
    model = model_from_config(around_a_model(**arguments))
    w, b = model.get_weights()
    np.testing.assert_allclose(model.predict(X), X @ w + b, rtol=1e-5, atol=1e-6)


def test_a_model_always_training_is_refused():
    with pytest.raises(Untranslatable, match="'base'.*training=True"):
        model_from_config(around_a_model(training=True))


def test_an_initializer_called_as_a_layer_is():
    config = {"name": "d", "units": 3, "batch_input_shape": [None, 3], "use_bias": False}
    config["kernel_initializer"] = {"class_name": "Identity", "config": {"gain": 0.5}}
    layers = [{"class_name": "Dense", "config": config}, {"class_name": "Identity", "config": {"name": "i"}}]
    stored = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}, "keras_version": "2.11.0"}
    np.testing.assert_allclose(model_from_config(stored).predict(X), X / 2)


@pytest.mark.parametrize("name", ["swish", "silu"])
def test_swish(name, tmp_path):
    dense = {"name": "d", "units": 2, "activation": name, "batch_input_shape": [None, 3]}
    layers = [{"class_name": "Dense", "config": dense}]
    layers.append({"class_name": "Activation", "config": {"name": "a", "activation": name}})
    config = {"name": "s", "layers": layers}
    model = model_from_config({"class_name": "Sequential", "config": config, "keras_version": "2.11.0"})
    w, b = model.get_weights()
    y = X @ w + b
    for _ in range(2):
        y = y / (1 + np.exp(-y))
    model.save(tmp_path / "swish.h5")
    found = load_model(tmp_path / "swish.h5", compile=False)
    np.testing.assert_allclose(found.predict(X), y, rtol=1e-4, atol=1e-6)


def compiled(class_name, **config):
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(3,))])
    metric = {"class_name": class_name, "config": {"name": "m", "dtype": "float32", **config}}
    stored = {"optimizer_config": {"class_name": "SGD", "config": {"learning_rate": 0.1}}, "loss": "mse",
              "metrics": [[metric]], "weighted_metrics": None, "loss_weights": None}  # fmt: skip
    training_config.compile_as(lambda: stored, model, TF_KERAS, None, False, "the file")
    return model


AUC = {"num_thresholds": 200, "curve": "ROC", "summation_method": "interpolation", "multi_label": False,
       "num_labels": None, "label_weights": None, "from_logits": False}  # fmt: skip


@pytest.mark.parametrize("class_name, config", [
    ("AUC", AUC),
    ("MeanIoU", {"num_classes": 2, "ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True, "axis": -1}),
    ("SensitivityAtSpecificity", {"class_id": None, "num_thresholds": 200, "specificity": 0.5}),
    ("SparseCategoricalCrossentropy", {"from_logits": False, "ignore_class": None, "axis": -1}),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_options_of_metrics_that_change_nothing(class_name, config):
    (metric,) = compiled(class_name, **config).metrics
    assert type(metric) is getattr(metrics, class_name) and metric.name == "m"


def test_options_of_metrics_without_an_equal():
    with pytest.warns(UserWarning, match="multi_label=True.*not.* compiled"):
        assert compiled("AUC", **{**AUC, "multi_label": True}).optimizer is None
