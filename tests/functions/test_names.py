"""Every family: what names mean, and that configurations come back whole."""

import json

import numpy as np
import pytest

from keras import (
    activations,
    constraints,
    initializers,
    losses,
    metrics,
    objectives,
    optimizers,
    regularizers,
)
from keras import backend as K
from keras.utils.generic_utils import CustomObjectScope

INITIALIZERS = {
    "Zeros": "zero zeros Zeros",
    "Ones": "one ones Ones",
    "Constant": "constant Constant",
    "Identity": "identity Identity",
    "Orthogonal": "orthogonal Orthogonal",
    "RandomNormal": "normal random_normal RandomNormal",
    "RandomUniform": "uniform random_uniform RandomUniform",
    "TruncatedNormal": "truncated_normal TruncatedNormal",
    "VarianceScaling": "VarianceScaling glorot_normal glorot_uniform he_normal he_uniform "
    "lecun_normal lecun_uniform",
}
CONSTRAINTS = {
    "MaxNorm": "MaxNorm max_norm maxnorm",
    "MinMaxNorm": "MinMaxNorm min_max_norm",
    "NonNeg": "NonNeg non_neg nonneg",
    "UnitNorm": "UnitNorm unit_norm unitnorm",
}
REGULARIZERS = {"L1L2": "L1L2 l1 l2 l1_l2"}
OPTIMIZERS = {
    name: f"{name} {name.lower()} {name.upper()}"
    for name in ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")
}
LOSS_FUNCTIONS = {
    "mean_squared_error": "mse MSE mean_squared_error",
    "mean_absolute_error": "mae MAE mean_absolute_error",
    "mean_absolute_percentage_error": "mape MAPE mean_absolute_percentage_error",
    "mean_squared_logarithmic_error": "msle MSLE mean_squared_logarithmic_error",
    "kullback_leibler_divergence": "kld KLD kullback_leibler_divergence",
    "cosine_proximity": "cosine cosine_similarity cosine_proximity",
    "binary_crossentropy": "binary_crossentropy",
    "categorical_crossentropy": "categorical_crossentropy",
    "sparse_categorical_crossentropy": "sparse_categorical_crossentropy",
    "hinge": "hinge",
    "squared_hinge": "squared_hinge",
    "categorical_hinge": "categorical_hinge",
    "huber_loss": "huber_loss",
    "logcosh": "logcosh",
    "poisson": "poisson",
}
METRIC_FUNCTIONS = {name: names for name, names in LOSS_FUNCTIONS.items() if name != "huber_loss"} | {
    "kullback_leibler_divergence": "kullback_leibler_divergence",
    **{
        name: name
        for name in (
            "accuracy",
            "binary_accuracy",
            "categorical_accuracy",
            "sparse_categorical_accuracy",
            "top_k_categorical_accuracy",
            "sparse_top_k_categorical_accuracy",
        )
    },
}
ACTIVATIONS = "elu exponential hard_sigmoid linear relu selu sigmoid softmax softplus softsign tanh".split()


def _pairs(table):
    return [(alias, name) for name, aliases in table.items() for alias in aliases.split()]


@pytest.mark.parametrize(
    ("module", "table"),
    [
        (initializers, INITIALIZERS),
        (constraints, CONSTRAINTS),
        (regularizers, REGULARIZERS),
        (optimizers, OPTIMIZERS),
    ],
    ids=["initializers", "constraints", "regularizers", "optimizers"],
)
def test_names_of_objects(module, table):
    for alias, name in _pairs(table):
        made = module.get(alias)
        assert type(made).__name__ == name
        stored = json.loads(json.dumps(module.serialize(made)))
        assert stored["class_name"] == name
        again = module.deserialize(stored)
        assert type(again) is type(made)
        assert again.get_config() == pytest.approx(made.get_config())
        assert module.get(stored).get_config() == pytest.approx(made.get_config())
        assert module.get(made) is made


@pytest.mark.parametrize(
    ("module", "table"), [(losses, LOSS_FUNCTIONS), (metrics, METRIC_FUNCTIONS)], ids=["losses", "metrics"]
)
def test_names_of_functions(module, table):
    for alias, name in _pairs(table):
        function = module.get(alias)
        assert function is getattr(module, name)
        assert module.get(function) is function
        assert module.get(module.serialize(function)) is function


def test_names_of_activations():
    for name in ACTIVATIONS:
        function = activations.get(name)
        assert function is getattr(activations, name)
        assert activations.serialize(function) == name
    assert activations.get(None) is activations.linear


def test_none_stays_none():
    assert losses.get(None) is constraints.get(None) is regularizers.get(None) is None


def test_objectives_are_losses():
    assert objectives.get("mse") is losses.mean_squared_error
    for name in ("mean_squared_error", "Huber", "MSE", "get", "deserialize", "is_categorical_crossentropy"):
        assert getattr(objectives, name) is getattr(losses, name)


FAMILIES = [activations, constraints, initializers, losses, metrics, optimizers, regularizers]


@pytest.mark.parametrize("module", FAMILIES, ids=lambda m: m.__name__)
def test_unknown_identifiers_are_errors(module):
    with pytest.raises(ValueError, match="no_such_thing"):
        module.get("no_such_thing")
    with pytest.raises(ValueError, match="12"):
        module.get(12)


@pytest.mark.parametrize(
    ("module", "typo", "meant"),
    [
        (activations, "sigmoud", "sigmoid"),
        (losses, "binary_crosentropy", "binary_crossentropy"),
        (optimizers, "adamm", "adam"),
        (initializers, "glorot_unifrom", "glorot_uniform"),
        (metrics, "acuracy", "accuracy"),
    ],
)
def test_typos_get_a_suggestion(module, typo, meant):
    with pytest.raises(ValueError, match=meant):
        module.get(typo)


@pytest.mark.parametrize("module", FAMILIES, ids=lambda m: m.__name__)
@pytest.mark.parametrize("name", ["get", "deserialize", "serialize_keras_object", "K", "np", "_members"])
def test_machinery_cannot_be_named(module, name):
    with pytest.raises(ValueError, match=name):
        module.get(name)


def test_own_functions_by_scope_and_by_module(monkeypatch):
    def my_loss(y_true, y_pred):
        return K.mean(K.square(y_pred - y_true), axis=-1)

    with CustomObjectScope({"my_loss": my_loss}):
        assert losses.get("my_loss") is my_loss
    assert losses.deserialize("my_loss", {"my_loss": my_loss}) is my_loss
    # The way of many old scripts to make a loss loadable.
    monkeypatch.setattr(losses, "my_loss", my_loss, raising=False)
    assert losses.get("my_loss") is my_loss


def test_classes_become_instances():
    assert isinstance(initializers.get(initializers.Ones), initializers.Ones)
    assert isinstance(constraints.get(constraints.NonNeg), constraints.NonNeg)
    assert isinstance(regularizers.get(regularizers.L1L2), regularizers.L1L2)
    with pytest.raises(ValueError, match=r"Adam\(\)"):
        optimizers.get(optimizers.Adam)


def test_deserialize_leaves_the_configuration_alone():
    config = {"class_name": "ADAM", "config": {"learning_rate": 0.5}}
    assert np.isclose(K.get_value(optimizers.deserialize(config).lr), 0.5)
    assert config == {"class_name": "ADAM", "config": {"learning_rate": 0.5}}
