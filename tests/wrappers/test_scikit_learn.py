"""Keras models inside scikit-learn's own tools."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from keras.callbacks import LambdaCallback
from keras.layers import Activation, Dense
from keras.losses import CategoricalCrossentropy
from keras.models import Sequential
from keras.optimizers import SGD
from keras.wrappers.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

X, NUMBERS = make_blobs(60, n_features=4, centers=3, random_state=0)
X = ((X - X.mean(0)) / X.std(0)).astype("float32")
NAMES = np.array(["ant", "bee", "cat"])[NUMBERS]
TARGET = X @ np.array([1.0, -2.0, 0.5, 0.0], "float32")


def classifier(units=8, loss="categorical_crossentropy"):
    model = Sequential([Dense(units, input_shape=(4,)), Activation("relu"), Dense(3), Activation("softmax")])
    model.compile(SGD(lr=0.1), loss, metrics=["accuracy"])
    return model


def binary():
    model = Sequential([Dense(1, activation="sigmoid", input_shape=(4,))])
    model.compile(SGD(lr=0.5), "binary_crossentropy", metrics=["acc"])
    return model


def regressor(units=1):
    model = Sequential([Dense(units, input_shape=(4,))])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


class Builder:
    def __call__(self, units):
        return classifier(units)

    def build(self, units):
        return classifier(units)


class Subclass(KerasClassifier):
    def __call__(self, units):
        return classifier(units)


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: KerasClassifier(classifier, **k),
        lambda **k: KerasClassifier(build_fn=Builder(), **k),
        lambda **k: KerasClassifier(build_fn=Builder().build, **k),
        lambda **k: Subclass(**k),
    ],
    ids=["function", "callable object", "method", "subclass"],
)
def test_models_are_built_by_functions_objects_methods_and_subclasses(make):
    wrapper = make(units=5, batch_size=16, epochs=2, verbose=0)
    history = wrapper.fit(X, NAMES)
    assert history.epoch == [0, 1] and history.params["batch_size"] == 16
    assert wrapper.model.layers[0].units == 5
    assert wrapper.classes_.tolist() == ["ant", "bee", "cat"] and wrapper.n_classes_ == 3
    labels, rows = wrapper.predict(X), wrapper.predict_proba(X)
    assert labels.shape == (60,) and rows.shape == (60, 3)
    assert (NAMES_IN_ORDER[rows.argmax(-1)] == labels).all()
    assert wrapper.score(X, NAMES) == pytest.approx((labels == NAMES).mean())


NAMES_IN_ORDER = np.array(["ant", "bee", "cat"])


def test_labels_of_all_shapes():
    wrapper = KerasClassifier(classifier, epochs=1, verbose=0)
    for y in NUMBERS[:, None], np.eye(3)[NUMBERS], (NUMBERS * 10).tolist():
        wrapper.fit(X, y)
        assert wrapper.n_classes_ == 3 and 0 <= wrapper.score(X, y) <= 1
    with pytest.raises(ValueError, match=r"Invalid shape for y: \(60, 1, 1\)"):
        wrapper.fit(X, NUMBERS[:, None, None])


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", CategoricalCrossentropy()])
def test_other_losses(loss):
    wrapper = KerasClassifier(classifier, loss=loss, epochs=1, verbose=0)
    wrapper.fit(X, NAMES)
    assert wrapper.score(X[:7], NAMES[:7]) == pytest.approx((wrapper.predict(X[:7]) == NAMES[:7]).mean())


def test_a_single_unit_is_a_classifier_of_two():
    y = np.where(TARGET > 0, "yes", "no")
    wrapper = KerasClassifier(binary, epochs=20, batch_size=10, verbose=0)
    wrapper.fit(X, y)
    assert wrapper.predict(X).shape == (60, 1)
    rows = wrapper.predict_proba(X)
    assert rows.shape == (60, 2)
    np.testing.assert_allclose(rows.sum(-1), 1, rtol=1e-6)
    assert wrapper.score(X, y) == pytest.approx((wrapper.predict(X)[:, 0] == y).mean()) and wrapper.score(X, y) > 0.7


def test_regression():
    wrapper = KerasRegressor(regressor, epochs=30, batch_size=10, verbose=0)
    wrapper.fit(X, TARGET)
    predicted = wrapper.predict(X)
    assert predicted.shape == (60,)
    assert wrapper.score(X, TARGET) == pytest.approx(-np.mean((predicted - TARGET) ** 2), rel=1e-4)
    wide = KerasRegressor(regressor, units=2, epochs=1, verbose=0)
    wide.fit(X, X[:, :2])
    assert wide.predict(X).shape == (60, 2)


def test_arguments_of_methods_go_before_those_of_the_wrapper():
    wrapper = KerasClassifier(classifier, epochs=5, verbose=0, batch_size=7)
    assert wrapper.fit(X, NAMES, epochs=1).epoch == [0]
    seen = []
    sizes = LambdaCallback(on_train_batch_begin=lambda batch, logs: seen.append(logs["size"]))
    wrapper.fit(X, NAMES, epochs=1, batch_size=30, callbacks=[sizes], sample_weight=np.ones(60))
    assert seen == [30, 30]
    assert wrapper.filter_sk_params(Sequential.predict, {"steps": 1}) == {"verbose": 0, "batch_size": 7, "steps": 1}


def test_callbacks_are_fresh_in_each_training():
    callback = LambdaCallback(on_epoch_end=lambda epoch, logs: None)
    wrapper = KerasClassifier(classifier, callbacks=[callback], epochs=1, verbose=0)
    wrapper.fit(X, NAMES)
    assert callback.model is None


def test_parameters():
    wrapper = KerasClassifier(classifier, units=4, epochs=[1])
    with pytest.raises(ValueError, match="unist is not a legal parameter"):
        KerasClassifier(classifier, unist=4)
    assert wrapper.set_params(units=6) is wrapper
    with pytest.raises(ValueError, match="rate is not a legal parameter"):
        wrapper.set_params(units=9, rate=1)
    assert wrapper.get_params(deep=True) == {"units": 6, "epochs": [1], "build_fn": classifier}
    assert wrapper.get_params()["epochs"] is wrapper.sk_params["epochs"]
    wrapper.set_params(build_fn=binary)
    assert wrapper.build_fn is binary


def test_what_builds_the_model():
    for build_fn in (None, Sequential([Dense(3, input_shape=(4,))])):
        with pytest.raises(ValueError, match="KerasClassifier: `build_fn` must be a function"):
            KerasClassifier(build_fn)
    with pytest.raises(RuntimeError, match="must compile"):
        KerasClassifier(lambda: Sequential([Dense(3, input_shape=(4,))])).fit(X, NAMES)


def test_accuracy_must_be_measured():
    def build():
        model = Sequential([Dense(3, activation="softmax", input_shape=(4,))])
        model.compile("sgd", "categorical_crossentropy")
        return model

    wrapper = KerasClassifier(build, epochs=1, verbose=0)
    wrapper.fit(X, NAMES)
    with pytest.raises(ValueError, match=r"should pass `metrics=\[\"accuracy\"\]`"):
        wrapper.score(X, NAMES)


def test_scikit_learn_knows_what_it_has():
    assert is_classifier(KerasClassifier(classifier)) and not is_regressor(KerasClassifier(classifier))
    assert is_regressor(KerasRegressor(regressor))
    assert isinstance(KerasRegressor(regressor), BaseWrapper)
    weights = {0: 2.0, 1: 1.0, 2: 1.0}
    wrapper = KerasClassifier(classifier, epochs=1, verbose=0, callbacks=[LambdaCallback()], class_weight=weights)
    with pytest.raises(NotFittedError):
        check_is_fitted(wrapper)
    wrapper.fit(X, NAMES)
    check_is_fitted(wrapper)
    copied = clone(wrapper)  # a list and a dictionary among the arguments
    assert copied.get_params()["class_weight"][0] == 2.0 and not hasattr(copied, "model")


def test_cross_validation():
    scores = cross_val_score(KerasClassifier(classifier, epochs=3, batch_size=10, verbose=0), X, NAMES, cv=2)
    assert scores.shape == (2,) and (scores >= 0).all() and (scores <= 1).all()
    areas = cross_val_score(
        KerasClassifier(binary, epochs=15, batch_size=10, verbose=0), X, TARGET > 0, cv=2, scoring="roc_auc"
    )
    assert (areas > 0.8).all()
    errors = cross_val_score(
        KerasRegressor(regressor, epochs=30, batch_size=10, verbose=0), X, TARGET, cv=2, scoring="r2"
    )
    assert (errors > 0.5).all()
    rows = cross_val_predict(KerasClassifier(classifier, verbose=0), X, NAMES, cv=2, method="predict_proba")
    assert rows.shape == (60, 3) and log_loss(NAMES, rows) > 0


def test_a_trained_wrapper_is_pickled():
    wrapper = KerasClassifier(classifier, verbose=0)
    wrapper.fit(X, NAMES)
    again = pickle.loads(pickle.dumps(wrapper))
    np.testing.assert_array_equal(again.predict_proba(X), wrapper.predict_proba(X))
    assert again.get_params() == wrapper.get_params() and again.classes_.tolist() == ["ant", "bee", "cat"]


def test_searches():
    search = GridSearchCV(
        KerasClassifier(classifier, batch_size=10, verbose=0), {"units": [2, 6]}, cv=2
    )
    search.fit(X, NAMES)
    best = search.best_estimator_
    assert best.model.layers[0].units == search.best_params_["units"]
    assert search.best_params_["units"] in (2, 6) and len(search.cv_results_["params"]) == 2
    assert search.score(X, NAMES) == pytest.approx((search.predict(X) == NAMES).mean())
    random = RandomizedSearchCV(KerasRegressor(regressor, verbose=0), {"epochs": [1, 2, 3]}, n_iter=2, cv=2)
    random.fit(X, TARGET)
    assert random.best_params_["epochs"] in (1, 2, 3)


def test_pipeline():
    pipe = make_pipeline(StandardScaler(), KerasClassifier(classifier, epochs=4, batch_size=10, verbose=0))
    pipe.fit(X * 100 + 7, NAMES, kerasclassifier__sample_weight=np.ones(60))
    assert pipe.predict(X * 100 + 7).shape == (60,) and pipe.predict_proba(X * 100 + 7).shape == (60, 3)
    search = GridSearchCV(pipe, {"kerasclassifier__units": [2, 3]}, cv=2)
    search.fit(X, NAMES)
    assert search.best_estimator_[-1].model.layers[0].units in (2, 3)
