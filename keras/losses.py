"""Losses: functions `f(y_true, y_pred)` that give one loss per sample, and classes around them.

The functions reduce over the last axis only, so that weights per sample or per time step can still be
applied; targets and predictions are tensors (or arrays) of shape `(batch, d0, ..., dN)`. The classes weigh
and reduce as well: `MeanSquaredError()(y_true, y_pred, sample_weight)` is a scalar.
"""

import math

from . import backend as K
from . import mixed_precision
from .utils import losses_utils
from .utils.family_names import Members as _Members
from .utils.generic_utils import deserialize_keras_object, serialize_keras_object


class Loss:
    """Base class of loss objects: implement `call(y_true, y_pred)`, giving losses per sample.

    Args:
        reduction: how `__call__` reduces them, see `losses_utils.Reduction`.
        name: name of the loss.

    Raises:
        ValueError: for an unknown `reduction`.
    """

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name=None):
        # tf.keras writes 'auto' for what is the mean over the batch outside of its distribution strategies.
        if reduction == "auto":
            reduction = losses_utils.Reduction.SUM_OVER_BATCH_SIZE
        losses_utils.Reduction.validate(reduction)
        self.reduction = reduction
        self.name = name

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The weighted and reduced loss.

        Args:
            y_true, y_pred: targets and predictions, `(batch, d0, ..., dN)`.
            sample_weight: None, a number, or weights of shape `(batch,)` up to `(batch, d0, ..., dN-1)`.
        """
        scope_name = "lambda" if self.name == "<lambda>" else self.name
        with K.name_scope(scope_name or self.__class__.__name__):
            losses = self.call(y_true, mixed_precision.widened(y_pred))
            if losses is None or isinstance(losses, (int, float)):
                remedy = "is its `return` missing?" if losses is None else "compute it from y_pred by K's functions."
                raise ValueError(
                    f"The loss {self.name or type(self).__name__!r} gave {losses}. It must return a tensor, a loss for "
                    f"each sample: {remedy}"
                )
            return losses_utils.compute_weighted_loss(losses, sample_weight, reduction=self.reduction)

    @classmethod
    def from_config(cls, config):
        """A loss with the arguments of a `get_config()`."""
        return cls(**config)

    def get_config(self):
        """The arguments to make it again from, plain values."""
        return {"reduction": self.reduction, "name": self.name}

    def call(self, y_true, y_pred):
        """Losses `(batch, d0, ..., dN-1)` for targets and predictions `(batch, d0, ..., dN)`; for subclasses."""
        raise NotImplementedError(
            f"{type(self).__name__} must implement `call(self, y_true, y_pred)` and return a loss per sample."
        )


class LossFunctionWrapper(Loss):
    """A loss object from a function.

    Args:
        fn: `f(y_true, y_pred, **kwargs)`, giving losses per sample.
        reduction, name: as in `Loss`.
        **kwargs: passed on to `fn`.
    """

    def __init__(self, fn, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name=None, **kwargs):
        super().__init__(reduction=reduction, name=name)
        self.fn = fn
        self._fn_kwargs = kwargs

    def call(self, y_true, y_pred):
        return self.fn(y_true, y_pred, **self._fn_kwargs)

    def get_config(self):
        config = {k: K.eval(v) if K.is_tensor(v) else v for k, v in self._fn_kwargs.items()}
        return dict(super().get_config(), **config)


class MeanSquaredError(LossFunctionWrapper):
    """Mean of (y_true - y_pred) ** 2."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="mean_squared_error"):
        super().__init__(mean_squared_error, reduction=reduction, name=name)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of |y_true - y_pred|."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="mean_absolute_error"):
        super().__init__(mean_absolute_error, reduction=reduction, name=name)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of 100 * |(y_true - y_pred) / y_true|."""

    def __init__(
        self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="mean_absolute_percentage_error"
    ):
        super().__init__(mean_absolute_percentage_error, reduction=reduction, name=name)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of (log(y_true + 1) - log(y_pred + 1)) ** 2."""

    def __init__(
        self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="mean_squared_logarithmic_error"
    ):
        super().__init__(mean_squared_logarithmic_error, reduction=reduction, name=name)


class BinaryCrossentropy(LossFunctionWrapper):
    """Cross-entropy between labels 0/1 and probabilities.

    Args:
        from_logits: True if the predictions are logits instead of probabilities.
        label_smoothing: in [0, 1]; labels move towards 0.5 by this part of the way.
        reduction, name: as in `Loss`.
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0,
        reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE,
        name="binary_crossentropy",
    ):
        super().__init__(
            binary_crossentropy,
            reduction=reduction,
            name=name,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )
        self.from_logits = from_logits


class CategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy between one-hot labels and class probabilities, `(batch, classes)` both.

    Args:
        from_logits: True if the predictions are logits instead of probabilities.
        label_smoothing: in [0, 1]; labels move towards 1 / classes by this part of the way.
        reduction, name: as in `Loss`.
    """

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0,
        reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE,
        name="categorical_crossentropy",
    ):
        super().__init__(
            categorical_crossentropy,
            reduction=reduction,
            name=name,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Cross-entropy between class numbers `(batch,)` or `(batch, 1)` and probabilities `(batch, classes)`.

    Args:
        from_logits: True if the predictions are logits instead of probabilities.
        reduction, name: as in `Loss`.
    """

    def __init__(
        self,
        from_logits=False,
        reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE,
        name="sparse_categorical_crossentropy",
    ):
        super().__init__(
            sparse_categorical_crossentropy, reduction=reduction, name=name, from_logits=from_logits
        )


class Hinge(LossFunctionWrapper):
    """Mean of max(1 - y_true * y_pred, 0) for labels -1/1 (labels 0/1 are converted)."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="hinge"):
        super().__init__(hinge, reduction=reduction, name=name)


class SquaredHinge(LossFunctionWrapper):
    """Mean of max(1 - y_true * y_pred, 0) ** 2 for labels -1/1 (labels 0/1 are converted)."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="squared_hinge"):
        super().__init__(squared_hinge, reduction=reduction, name=name)


class CategoricalHinge(LossFunctionWrapper):
    """max(largest wrong score - right score + 1, 0) for one-hot labels."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="categorical_hinge"):
        super().__init__(categorical_hinge, reduction=reduction, name=name)


class Poisson(LossFunctionWrapper):
    """Mean of y_pred - y_true * log(y_pred)."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="poisson"):
        super().__init__(poisson, reduction=reduction, name=name)


class LogCosh(LossFunctionWrapper):
    """Mean of log(cosh(y_pred - y_true))."""

    def __init__(self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="logcosh"):
        super().__init__(logcosh, reduction=reduction, name=name)


class KLDivergence(LossFunctionWrapper):
    """Sum of y_true * log(y_true / y_pred)."""

    def __init__(
        self, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="kullback_leibler_divergence"
    ):
        super().__init__(kullback_leibler_divergence, reduction=reduction, name=name)


class Huber(LossFunctionWrapper):
    """Squared error / 2 up to `delta`, linear beyond. Huber, Ann. Math. Statist. 35 (1964).

    Args:
        delta: the error from which on it is linear.
        reduction, name: as in `Loss`.
    """

    def __init__(self, delta=1.0, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="huber_loss"):
        super().__init__(huber_loss, reduction=reduction, name=name, delta=delta)


class CosineSimilarity(LossFunctionWrapper):
    """Negative cosine of the angle between targets and predictions: -1 is best.

    Not among Keras 2.3.1's loss classes, but written by tf.keras 2 into its files.
    """

    def __init__(
        self, axis=-1, reduction=losses_utils.Reduction.SUM_OVER_BATCH_SIZE, name="cosine_similarity"
    ):
        super().__init__(cosine_similarity, reduction=reduction, name=name, axis=axis)


def _tensors(y_true, y_pred):
    """Targets and predictions as tensors of the predictions' dtype."""
    y_pred = losses_utils.as_tensor(y_pred)
    return losses_utils.as_tensor(y_true, K.dtype(y_pred)), y_pred


def mean_squared_error(y_true, y_pred):
    """Mean of (y_true - y_pred) ** 2 over the last axis."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.mean(K.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """Mean of |y_true - y_pred| over the last axis."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.mean(K.abs(y_pred - y_true), axis=-1)


def mean_absolute_percentage_error(y_true, y_pred):
    """Mean of 100 * |(y_true - y_pred) / y_true| over the last axis; |y_true| is at least `K.epsilon()`."""
    y_true, y_pred = _tensors(y_true, y_pred)
    diff = K.abs((y_true - y_pred) / K.clip(K.abs(y_true), K.epsilon(), None))
    return 100.0 * K.mean(diff, axis=-1)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean of (log(y_true + 1) - log(y_pred + 1)) ** 2 over the last axis; negatives count as epsilon."""
    y_true, y_pred = _tensors(y_true, y_pred)
    first_log = K.log(K.clip(y_pred, K.epsilon(), None) + 1.0)
    second_log = K.log(K.clip(y_true, K.epsilon(), None) + 1.0)
    return K.mean(K.square(first_log - second_log), axis=-1)


def squared_hinge(y_true, y_pred):
    """Mean of max(1 - y_true * y_pred, 0) ** 2 over the last axis, labels -1/1."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.mean(K.square(_margins(y_true, y_pred)), axis=-1)


def hinge(y_true, y_pred):
    """Mean of max(1 - y_true * y_pred, 0) over the last axis, labels -1/1."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.mean(_margins(y_true, y_pred), axis=-1)


def _margins(y_true, y_pred):
    """How far each prediction falls short of the margin; labels that are all 0 or 1 are taken as -1/1."""
    is_binary = K.all(K.equal(y_true, 0.0) | K.equal(y_true, 1.0))
    labels = K.switch(is_binary, 2.0 * y_true - 1.0, y_true)
    return K.maximum(1.0 - labels * y_pred, 0.0)


def categorical_hinge(y_true, y_pred):
    """max(largest wrong score - right score + 1, 0) over the last axis, one-hot labels."""
    y_true, y_pred = _tensors(y_true, y_pred)
    right = K.sum(y_true * y_pred, axis=-1)
    wrong = K.max((1.0 - y_true) * y_pred, axis=-1)
    return K.maximum(0.0, wrong - right + 1.0)


def logcosh(y_true, y_pred):
    """Mean of log(cosh(y_pred - y_true)) over the last axis, without overflow for large errors."""
    y_true, y_pred = _tensors(y_true, y_pred)
    x = y_pred - y_true
    return K.mean(x + K.softplus(-2.0 * x) - math.log(2.0), axis=-1)


def huber_loss(y_true, y_pred, delta=1.0):
    """Squared error / 2 up to `delta`, linear beyond; element by element (as in Keras 2, without a mean)."""
    y_true, y_pred = _tensors(y_true, y_pred)
    error = K.abs(y_pred - y_true)
    quadratic = K.minimum(error, delta)
    linear = error - quadratic
    return 0.5 * K.square(quadratic) + delta * linear


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    """-sum(y_true * log(y_pred)) over the last axis, predictions clipped to [epsilon, 1 - epsilon].

    Args:
        y_true: one-hot labels (or probabilities).
        y_pred: probabilities, or logits if `from_logits`.
        label_smoothing: part of the way that labels move towards 1 / classes.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    if label_smoothing != 0:
        classes = K.cast(K.shape(y_true)[-1], K.dtype(y_pred))
        y_true = y_true * (1.0 - label_smoothing) + label_smoothing / classes
    return K.categorical_crossentropy(y_true, y_pred, from_logits=from_logits)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False, axis=-1):
    """-log(probability of the class numbered y_true) along `axis`."""
    return K.sparse_categorical_crossentropy(
        losses_utils.as_tensor(y_true), losses_utils.as_tensor(y_pred), from_logits=from_logits, axis=axis
    )


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0):
    """Mean of -(y_true * log(y_pred) + (1 - y_true) * log(1 - y_pred)) over the last axis.

    Args:
        y_true: labels 0/1 (or probabilities).
        y_pred: probabilities, or logits if `from_logits`.
        label_smoothing: part of the way that labels move towards 0.5.
    """
    y_true, y_pred = _tensors(y_true, y_pred)
    if label_smoothing != 0:
        y_true = y_true * (1.0 - label_smoothing) + 0.5 * label_smoothing
    return K.mean(K.binary_crossentropy(y_true, y_pred, from_logits=from_logits), axis=-1)


def kullback_leibler_divergence(y_true, y_pred):
    """Sum of y_true * log(y_true / y_pred) over the last axis, both clipped to [epsilon, 1]."""
    y_true, y_pred = _tensors(y_true, y_pred)
    y_true = K.clip(y_true, K.epsilon(), 1)
    y_pred = K.clip(y_pred, K.epsilon(), 1)
    return K.sum(y_true * K.log(y_true / y_pred), axis=-1)


def poisson(y_true, y_pred):
    """Mean of y_pred - y_true * log(y_pred + epsilon) over the last axis."""
    y_true, y_pred = _tensors(y_true, y_pred)
    return K.mean(y_pred - y_true * K.log(y_pred + K.epsilon()), axis=-1)


def cosine_proximity(y_true, y_pred, axis=-1):
    """Negative cosine between targets and predictions along `axis`: -1 is best."""
    y_true, y_pred = _tensors(y_true, y_pred)
    y_true = K.l2_normalize(y_true, axis=axis)
    y_pred = K.l2_normalize(y_pred, axis=axis)
    return -K.sum(y_true * y_pred, axis=axis)


mse = MSE = mean_squared_error
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
msle = MSLE = mean_squared_logarithmic_error
kld = KLD = kullback_leibler_divergence
cosine = cosine_similarity = cosine_proximity


def is_categorical_crossentropy(loss):
    """Whether a loss (name, function or object) is categorical cross-entropy, which wants one-hot targets."""
    return (
        isinstance(loss, CategoricalCrossentropy)
        or getattr(loss, "fn", None) is categorical_crossentropy
        or getattr(loss, "__name__", loss) == "categorical_crossentropy"
    )


def serialize(loss):
    """The loss as a configuration: `{'class_name': ..., 'config': ...}`, or the name of a function."""
    return serialize_keras_object(loss)


def deserialize(name, custom_objects=None):
    """The loss that a configuration or a name stands for.

    Raises:
        ValueError: for unknown names.
    """
    return deserialize_keras_object(
        name,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="loss function",
    )


def get(identifier):
    """The loss meant by a name, a config dict or a callable; None stays None (an output without a loss).

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if identifier is None:
        return None
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        f'Could not interpret loss function identifier: {identifier!r}. Give a name such as "mse", a '
        "function `f(y_true, y_pred)`, or an object such as `losses.Huber()`."
    )
