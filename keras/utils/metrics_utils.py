"""What metrics share: their states' bookkeeping and confusion matrices at many thresholds."""

import functools
from enum import Enum

import numpy as np

from .. import backend as K
from ..graph import precision
from . import losses_utils
from .generic_utils import to_list

# Takes part in no prediction, whatever the threshold.
NEG_INF = -1e10


class Reduction:
    """How a metric reduces values: their sum, their sum by their number, or by the sum of their weights."""

    SUM = "sum"
    SUM_OVER_BATCH_SIZE = "sum_over_batch_size"
    WEIGHTED_MEAN = "weighted_mean"


class ConfusionMatrix(Enum):
    """The cells of a binary confusion matrix."""

    TRUE_POSITIVES = "tp"
    FALSE_POSITIVES = "fp"
    TRUE_NEGATIVES = "tn"
    FALSE_NEGATIVES = "fn"


class AUCCurve(Enum):
    """Curves that `AUC` knows."""

    ROC = "ROC"
    PR = "PR"

    @staticmethod
    def from_str(key):
        """The curve of a name, in small or capital letters."""
        if key in ("pr", "PR"):
            return AUCCurve.PR
        if key in ("roc", "ROC"):
            return AUCCurve.ROC
        raise ValueError(f'Invalid AUC curve value "{key}". Use "ROC" or "PR".')


class AUCSummationMethod(Enum):
    """How `AUC` joins the points of the curve.

    https://en.wikipedia.org/wiki/Riemann_sum; PR curves: Davis & Goadrich, 2006.
    """

    INTERPOLATION = "interpolation"
    MAJORING = "majoring"
    MINORING = "minoring"

    @staticmethod
    def from_str(key):
        """The method of a name, the first letter small or capital."""
        for method in AUCSummationMethod:
            if key in (method.value, method.value.capitalize()):
                return method
        raise ValueError(
            f'Invalid AUC summation method value "{key}". Use "interpolation", "majoring" or "minoring".'
        )


def update_state_wrapper(update_state_fn):
    """Makes a metric's `update_state` record its updates, or run them at once if it is given plain arrays."""

    @functools.wraps(update_state_fn)
    def decorated(metric_obj, *args, **kwargs):
        if is_data(args, kwargs):
            return metric_obj._update_state_now(update_state_fn, args, kwargs)
        with precision.as_kept():  # a metric of a layer too
            updates = update_state_fn(*args, **kwargs)
        metric_obj.add_update(updates)
        return updates

    return decorated


def result_wrapper(result_fn):
    """Makes a metric remember the tensor of its last result."""

    @functools.wraps(result_fn)
    def decorated(metric_obj, *args):
        with precision.as_kept():
            result = result_fn(*args)
        metric_obj._call_result = result
        return result

    return decorated


def is_data(args, kwargs):
    """Whether the arguments hold numbers only, no symbolic tensors."""
    values = list(args) + list(kwargs.values())
    return any(v is not None for v in values) and not any(K.is_tensor(v) for v in values)


def div_no_nan(x, y):
    """x / y, and 0 where y is 0."""
    is_zero = K.equal(y, 0.0)
    # The inner switch keeps the gradient and the numbers of the unused branch finite.
    return K.switch(is_zero, K.zeros_like(x), x / K.switch(is_zero, K.ones_like(y), y))


def assert_thresholds_range(thresholds):
    """Raises ValueError for thresholds outside of [0, 1]."""
    invalid = [t for t in thresholds or () if t is None or t < 0 or t > 1]
    if invalid:
        raise ValueError(f"Threshold values must be in [0, 1]. Invalid values: {invalid}")


def parse_init_thresholds(thresholds, default_threshold=0.5):
    """The thresholds as a list, the default one if there are none; checked to be in [0, 1]."""
    if thresholds is not None:
        assert_thresholds_range(to_list(thresholds))
    return to_list(default_threshold if thresholds is None else thresholds)


def weighted_assign_add(label, pred, weights, var):
    """The update that adds to `var` (one value per threshold) how often label and prediction both hold.

    Args:
        label: boolean, `(1, values)`.
        pred: boolean, `(thresholds, values)`.
        weights: None, or `(1, values)`.
        var: variable `(thresholds,)`.
    """
    both = K.cast(label & pred, K.dtype(var))
    if weights is not None:
        both = both * K.cast(weights, K.dtype(var))
    return K.update_add(var, K.sum(both, axis=1))


def update_confusion_matrix_variables(
    variables_to_update, y_true, y_pred, thresholds=0.5, top_k=None, class_id=None, sample_weight=None
):
    """Updates that add a batch to the cells of a confusion matrix, at one or more thresholds.

    A prediction is positive where it is greater than the threshold.

    Args:
        variables_to_update: dict from `ConfusionMatrix` to variables of shape `(thresholds,)`.
        y_true: labels, `(batch, d0, ...)`, taken as true where not 0.
        y_pred: predictions in [0, 1], same shape.
        thresholds: a number or a list.
        top_k: only the k largest predictions of the last axis can be positive.
        class_id: only this class (index in the last axis) counts.
        sample_weight: None, or weights that broadcast to the labels.

    Returns:
        List of updates, None if there is nothing to update.

    Raises:
        ValueError: for unknown keys.
    """
    if variables_to_update is None:
        return None
    unknown = [key for key in variables_to_update if not isinstance(key, ConfusionMatrix)]
    if unknown or not variables_to_update:
        raise ValueError(
            "Please provide at least one valid confusion matrix variable to update. Valid keys are: "
            f'"{list(ConfusionMatrix)}". Received: "{list(variables_to_update)}"'
        )

    y_true, y_pred, sample_weight = _matching(y_true, y_pred, sample_weight)
    if top_k is not None:
        y_pred = filter_top_k(y_pred, top_k)
    if class_id is not None:
        y_true, y_pred = y_true[..., class_id], y_pred[..., class_id]
    if sample_weight is not None:
        weights = losses_utils.squeeze_or_expand_dimensions(y_pred, sample_weight=sample_weight)[-1]
        sample_weight = K.reshape(losses_utils.broadcast_weights(y_pred, weights), (1, -1))

    thresholds = K.constant(np.reshape(to_list(thresholds), (-1, 1)), dtype=K.dtype(y_pred))
    positive = K.greater(K.reshape(y_pred, (1, -1)), thresholds)
    label = K.reshape(K.cast(y_true, "bool"), (1, -1))
    cells = {
        ConfusionMatrix.TRUE_POSITIVES: (label, positive),
        ConfusionMatrix.FALSE_NEGATIVES: (label, ~positive),
        ConfusionMatrix.FALSE_POSITIVES: (~label, positive),
        ConfusionMatrix.TRUE_NEGATIVES: (~label, ~positive),
    }
    return [weighted_assign_add(*cells[key], sample_weight, var) for key, var in variables_to_update.items()]


def _matching(y_true, y_pred, sample_weight):
    """Float tensors, with superfluous last dimensions of size 1 gone."""
    y_pred = losses_utils.as_tensor(y_pred, K.floatx())
    y_true = losses_utils.as_tensor(y_true, K.floatx())
    y_pred, y_true = losses_utils.squeeze_or_expand_dimensions(y_pred, y_true)
    if sample_weight is not None:
        sample_weight = losses_utils.as_tensor(sample_weight, K.floatx())
    return y_true, y_pred, sample_weight


def filter_top_k(x, k):
    """x with all but the k largest values of the last axis set to `NEG_INF`; of equal ones the first stay."""
    classes = K.int_shape(x)[-1]
    ours, others = K.expand_dims(x, -1), K.expand_dims(x, -2)
    earlier = K.constant(np.tri(classes, k=-1), dtype="bool")
    ahead = K.greater(others, ours) | (K.equal(others, ours) & earlier)
    rank = K.sum(K.cast(ahead, "int32"), axis=-1)
    return K.switch(K.less(rank, k), x, NEG_INF * K.ones_like(x))
