"""Keras models as estimators of scikit-learn.

    def build(units=8):
        model = Sequential([Dense(units, activation="relu", input_dim=4), Dense(3, activation="softmax")])
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        return model

    GridSearchCV(KerasClassifier(build, epochs=10, verbose=0), {"units": [4, 8]}).fit(X, y)
"""

import copy
import inspect

import numpy as np

from .. import losses
from ..engine.training_feeding import assert_compiled
from ..models import Model, Sequential
from ..utils.generic_utils import has_arg, to_list
from ..utils.np_utils import to_categorical


class BaseWrapper:
    """What classifiers and regressors share.

    Args:
        build_fn: a function (or an object that can be called) that returns a compiled model; or `None`, if a
            subclass has a `__call__` that does.
        sk_params: arguments of `build_fn`, and of `fit`, `predict`, `predict_classes` and `evaluate` of
            `Sequential`: `epochs`, `batch_size`, `verbose`, `callbacks`... Those given to the methods of the
            wrapper go before these.

    Raises:
        ValueError: an argument that none of these functions takes.
    """

    def __init__(self, build_fn=None, **sk_params):
        self.build_fn = build_fn
        self.sk_params = sk_params
        self.check_params(sk_params)

    def _builder(self):
        """What builds the model: a function or bound method, whose arguments can be looked at."""
        if isinstance(self.build_fn, Model) or (self.build_fn is None and not callable(self)):
            raise ValueError(
                f"{type(self).__name__}: `build_fn` must be a function that returns a compiled model, got "
                f"{self.build_fn!r}. Each `fit` trains a new model."
            )
        if self.build_fn is None:
            return self.__call__
        if inspect.isfunction(self.build_fn) or inspect.ismethod(self.build_fn):
            return self.build_fn
        return self.build_fn.__call__

    def check_params(self, params):
        """Raises ValueError if an argument is taken neither by the model's methods nor by `build_fn`."""
        takers = [Sequential.fit, Sequential.predict, Sequential.predict_classes, Sequential.evaluate]
        takers.append(self._builder())
        for name in params:
            if name != "nb_epoch" and not any(has_arg(taker, name) for taker in takers):
                raise ValueError(
                    f"{name} is not a legal parameter: neither `build_fn` nor fit, predict, predict_classes or "
                    "evaluate of a Sequential model take it."
                )

    def get_params(self, **params):
        """All arguments of the wrapper, as they were given (scikit-learn's `clone` compares them by identity)."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params):
        """Sets arguments; returns the wrapper itself."""
        build_fn = params.pop("build_fn", self.build_fn)
        trial = copy.copy(self)
        trial.build_fn = build_fn
        trial.check_params(params)
        self.build_fn = build_fn
        self.sk_params.update(params)
        return self

    def fit(self, x, y, **kwargs):
        """Builds a new model and trains it.

        Args:
            x: samples, one per row.
            y: targets; class numbers are turned into rows of 0 and 1 for `categorical_crossentropy`.
            kwargs: arguments of `Sequential.fit`.

        Returns:
            The `History` of the training.

        Raises:
            RuntimeError: `build_fn` gives a model that is not compiled.
        """
        builder = self._builder()
        self.model = builder(**self.filter_sk_params(builder))
        assert_compiled(self.model)
        y = _targets(self.model, y)
        # Callbacks keep a state: each training gets fresh ones.
        arguments = copy.deepcopy(self.filter_sk_params(Sequential.fit))
        arguments.update(kwargs)
        return self.model.fit(x, y, **arguments)

    def filter_sk_params(self, fn, override=None):
        """Those of the wrapper's arguments that a function takes, with `override` put over them."""
        taken = {name: value for name, value in self.sk_params.items() if has_arg(fn, name)}
        return {**taken, **(override or {})}

    # What scikit-learn asks an estimator.

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model")

    def _tags(self, **kind):
        from sklearn.utils import Tags, TargetTags

        return Tags(
            target_tags=TargetTags(required=True, multi_output=True),
            transformer_tags=None,
            **{"classifier_tags": None, "regressor_tags": None, **kind},
        )


def _targets(model, y, classes=None):
    """The targets as the loss wants them: `categorical_crossentropy` takes rows of 0 and 1."""
    loss = getattr(model.loss, "__name__", model.loss)
    by_rows = loss == "categorical_crossentropy" or isinstance(loss, losses.CategoricalCrossentropy)
    return to_categorical(y, classes) if by_rows and (y.ndim != 2 or y.shape[1] == 1) else y


class KerasClassifier(BaseWrapper):
    """A classifier for scikit-learn; see `BaseWrapper` for the arguments.

    After `fit`, `model` is the trained model, `classes_` are the labels in order and `n_classes_` their number.
    """

    _estimator_type = "classifier"

    def __sklearn_tags__(self):
        from sklearn.utils import ClassifierTags

        return self._tags(estimator_type="classifier", classifier_tags=ClassifierTags())

    def fit(self, x, y, sample_weight=None, **kwargs):
        """Builds a new model and trains it.

        Args:
            x: samples, one per row.
            y: labels of any kind, (samples,) or (samples, 1), or one row of 0 and 1 per sample.
            sample_weight: a weight per sample.
            kwargs: arguments of `Sequential.fit`.

        Returns:
            The `History` of the training.

        Raises:
            ValueError: `y` of another shape.
        """
        y = np.array(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        elif y.ndim == 1 or (y.ndim == 2 and y.shape[1] == 1):
            self.classes_ = np.unique(y)
            y = np.searchsorted(self.classes_, y)
        else:
            raise ValueError(f"Invalid shape for y: {y.shape}. Wanted (samples,), (samples, 1) or (samples, classes).")
        self.n_classes_ = len(self.classes_)
        if sample_weight is not None:
            kwargs["sample_weight"] = sample_weight
        return super().fit(x, y, **kwargs)

    def predict(self, x, **kwargs):
        """The predicted labels: (samples,), or (samples, 1) where the model has a single output unit."""
        kwargs = self.filter_sk_params(Sequential.predict_classes, kwargs)
        return self.classes_[self.model.predict_classes(x, **kwargs)]

    def predict_proba(self, x, **kwargs):
        """The probability of each class, (samples, classes); of both classes for a single output unit."""
        kwargs = self.filter_sk_params(Sequential.predict_proba, kwargs)
        probabilities = self.model.predict(x, **kwargs)
        if probabilities.shape[1] == 1:
            probabilities = np.hstack([1 - probabilities, probabilities])
        return probabilities

    def score(self, x, y, **kwargs):
        """The mean accuracy for `x` and the class labels `y`. Other arguments are those of `evaluate`.

        Raises:
            ValueError: the model was compiled without it.
        """
        y = np.searchsorted(self.classes_, y)
        kwargs = self.filter_sk_params(Sequential.evaluate, kwargs)
        values = to_list(self.model.evaluate(x, _targets(self.model, y, self.n_classes_), **kwargs))
        for name, value in zip(self.model.metrics_names, values, strict=False):
            if name in ("accuracy", "acc"):
                return value
        raise ValueError(
            "The model is not configured to compute accuracy. You should pass `metrics=[\"accuracy\"]` to the "
            "`model.compile()` method."
        )


class KerasRegressor(BaseWrapper):
    """A regressor for scikit-learn; see `BaseWrapper` for the arguments."""

    _estimator_type = "regressor"

    def __sklearn_tags__(self):
        from sklearn.utils import RegressorTags

        return self._tags(estimator_type="regressor", regressor_tags=RegressorTags())

    def predict(self, x, **kwargs):
        """The predictions: (samples,) for a single output unit, else (samples, units)."""
        kwargs = self.filter_sk_params(Sequential.predict, kwargs)
        predictions = np.array(self.model.predict(x, **kwargs))
        return predictions.squeeze(-1) if predictions.shape[-1] == 1 else predictions

    def score(self, x, y, **kwargs):
        """Minus the loss on `x` and `y`, so that more is better. Other arguments are those of `evaluate`."""
        kwargs = self.filter_sk_params(Sequential.evaluate, kwargs)
        return -to_list(self.model.evaluate(x, y, **kwargs))[0]


__all__ = ["BaseWrapper", "KerasClassifier", "KerasRegressor"]
