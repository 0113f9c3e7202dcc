"""Metrics of binary decisions: counts and ratios of right and wrong ones at one or more thresholds."""

import numpy as np

from .. import backend as K
from ..utils import metrics_utils
from ..utils.generic_utils import to_list
from ..utils.metrics_utils import ConfusionMatrix, div_no_nan
from .base import Metric


def _one_or_all(values, thresholds):
    """A scalar where there is one threshold, else a vector."""
    return values[0] if len(thresholds) == 1 else values


class _ConfusionMatrixConditionCount(Metric):
    """Weighted count of one cell of the confusion matrix.

    Args:
        confusion_matrix_cond: which `ConfusionMatrix` cell.
        thresholds: a number in [0, 1] or a list of them; 0.5 if None. The result has one value for each.
        name, dtype: as in `Metric`.
    """

    def __init__(self, confusion_matrix_cond, thresholds=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self._confusion_matrix_cond = confusion_matrix_cond
        self.init_thresholds = thresholds
        self.thresholds = metrics_utils.parse_init_thresholds(thresholds, default_threshold=0.5)
        self.accumulator = self.add_weight("accumulator", shape=(len(self.thresholds),), initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch: labels 0/1, predictions in [0, 1], optional weights."""
        return metrics_utils.update_confusion_matrix_variables(
            {self._confusion_matrix_cond: self.accumulator},
            y_true,
            y_pred,
            thresholds=self.thresholds,
            sample_weight=sample_weight,
        )

    def result(self):
        return _one_or_all(K.identity(self.accumulator), self.thresholds)

    def get_config(self):
        return dict(super().get_config(), thresholds=self.init_thresholds)


class FalsePositives(_ConfusionMatrixConditionCount):
    """(Weighted) number of false positives; `thresholds`, `name`, `dtype` as in `Precision`."""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(ConfusionMatrix.FALSE_POSITIVES, thresholds=thresholds, name=name, dtype=dtype)


class FalseNegatives(_ConfusionMatrixConditionCount):
    """(Weighted) number of false negatives; `thresholds`, `name`, `dtype` as in `Precision`."""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(ConfusionMatrix.FALSE_NEGATIVES, thresholds=thresholds, name=name, dtype=dtype)


class TrueNegatives(_ConfusionMatrixConditionCount):
    """(Weighted) number of true negatives; `thresholds`, `name`, `dtype` as in `Precision`."""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(ConfusionMatrix.TRUE_NEGATIVES, thresholds=thresholds, name=name, dtype=dtype)


class TruePositives(_ConfusionMatrixConditionCount):
    """(Weighted) number of true positives; `thresholds`, `name`, `dtype` as in `Precision`."""

    def __init__(self, thresholds=None, name=None, dtype=None):
        super().__init__(ConfusionMatrix.TRUE_POSITIVES, thresholds=thresholds, name=name, dtype=dtype)


class _FoundOfAll(Metric):
    """True positives among themselves and the wrong decisions of one kind; 0 without any of both."""

    _wrong = None  # the cell of the wrong ones, which also names their state

    def __init__(self, thresholds=None, top_k=None, class_id=None, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.init_thresholds = thresholds
        self.top_k = top_k
        self.class_id = class_id
        # With `top_k` every prediction that is left counts, however small.
        default = 0.5 if top_k is None else metrics_utils.NEG_INF
        self.thresholds = metrics_utils.parse_init_thresholds(thresholds, default_threshold=default)
        for state in ("true_positives", self._wrong.name.lower()):
            setattr(self, state, self.add_weight(state, shape=(len(self.thresholds),), initializer="zeros"))

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch: labels 0/1, predictions in [0, 1], optional weights."""
        return metrics_utils.update_confusion_matrix_variables(
            {ConfusionMatrix.TRUE_POSITIVES: self.true_positives, self._wrong: self._wrong_ones},
            y_true,
            y_pred,
            thresholds=self.thresholds,
            top_k=self.top_k,
            class_id=self.class_id,
            sample_weight=sample_weight,
        )

    @property
    def _wrong_ones(self):
        return getattr(self, self._wrong.name.lower())

    def result(self):
        part = div_no_nan(self.true_positives, self.true_positives + self._wrong_ones)
        return _one_or_all(part, self.thresholds)

    def get_config(self):
        own = {"thresholds": self.init_thresholds, "top_k": self.top_k, "class_id": self.class_id}
        return dict(super().get_config(), **own)


class Precision(_FoundOfAll):
    """Part of the positive decisions that are right: tp / (tp + fp); 0 without any.

    Args:
        thresholds: a number in [0, 1] or a list of them; 0.5 (with `top_k`: none) if None. The result has one
            value for each.
        top_k: only the k largest predictions of each sample can be positive.
        class_id: only this class (index in the last axis) counts.
        name, dtype: as in `Metric`.
    """

    _wrong = ConfusionMatrix.FALSE_POSITIVES


class Recall(_FoundOfAll):
    """Part of the positive labels that are found: tp / (tp + fn); 0 without any.

    Args:
        as in `Precision`.
    """

    _wrong = ConfusionMatrix.FALSE_NEGATIVES


def _add_all_cells(metric, count):
    """States for all four cells at `count` thresholds."""
    for name in ("true_positives", "true_negatives", "false_positives", "false_negatives"):
        setattr(metric, name, metric.add_weight(name, shape=(count,), initializer="zeros"))


def _update_all_cells(metric, y_true, y_pred, sample_weight):
    return metrics_utils.update_confusion_matrix_variables(
        {
            ConfusionMatrix.TRUE_POSITIVES: metric.true_positives,
            ConfusionMatrix.TRUE_NEGATIVES: metric.true_negatives,
            ConfusionMatrix.FALSE_POSITIVES: metric.false_positives,
            ConfusionMatrix.FALSE_NEGATIVES: metric.false_negatives,
        },
        y_true,
        y_pred,
        thresholds=metric.thresholds,
        sample_weight=sample_weight,
    )


def _inner_thresholds(count):
    """`count` evenly spaced values between 0 and 1, both excluded."""
    return [(i + 1) / (count + 1.0) for i in range(count)]


class SensitivitySpecificityBase(Metric):
    """Base of the two metrics below.

    Args:
        value: what the given one of the two should be, in [0, 1].
        num_thresholds: how many thresholds are tried, > 0.
        name, dtype: as in `Metric`.

    Raises:
        ValueError: if `num_thresholds` is not positive.
    """

    def __init__(self, value, num_thresholds=200, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        if num_thresholds <= 0:
            raise ValueError(f"`num_thresholds` must be > 0, got {num_thresholds}.")
        self.value = value
        self.num_thresholds = num_thresholds
        if num_thresholds == 1:
            self.thresholds = [0.5]
        else:
            self.thresholds = [0.0, *_inner_thresholds(num_thresholds - 2), 1.0]
        _add_all_cells(self, num_thresholds)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch: labels 0/1, predictions in [0, 1], optional weights."""
        return _update_all_cells(self, y_true, y_pred, sample_weight)

    def _rates(self):
        """Sensitivity and specificity at each threshold."""
        return (
            div_no_nan(self.true_positives, self.true_positives + self.false_negatives),
            div_no_nan(self.true_negatives, self.true_negatives + self.false_positives),
        )

    def _where_nearest(self, wanted, rates):
        """`wanted` at the threshold where `rates` are nearest to the value."""
        return K.gather(wanted, K.argmin(K.abs(rates - self.value), axis=0))


def _check_rate(name, value):
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be in the range [0, 1], got {value}.")


class SensitivityAtSpecificity(SensitivitySpecificityBase):
    """Sensitivity, tp / (tp + fn), at the threshold whose specificity, tn / (tn + fp), is nearest to a value.

    Args:
        specificity: in [0, 1].
        num_thresholds: how many thresholds are tried.
        name, dtype: as in `Metric`.
    """

    def __init__(self, specificity, num_thresholds=200, name=None, dtype=None):
        _check_rate("specificity", specificity)
        super().__init__(specificity, num_thresholds=num_thresholds, name=name, dtype=dtype)
        self.specificity = specificity

    def result(self):
        sensitivities, specificities = self._rates()
        return self._where_nearest(sensitivities, specificities)

    def get_config(self):
        own = {"num_thresholds": self.num_thresholds, "specificity": self.specificity}
        return dict(super().get_config(), **own)


class SpecificityAtSensitivity(SensitivitySpecificityBase):
    """Specificity, tn / (tn + fp), at the threshold whose sensitivity, tp / (tp + fn), is nearest to a value.

    Args:
        sensitivity: in [0, 1].
        num_thresholds: how many thresholds are tried.
        name, dtype: as in `Metric`.
    """

    def __init__(self, sensitivity, num_thresholds=200, name=None, dtype=None):
        _check_rate("sensitivity", sensitivity)
        super().__init__(sensitivity, num_thresholds=num_thresholds, name=name, dtype=dtype)
        self.sensitivity = sensitivity

    def result(self):
        sensitivities, specificities = self._rates()
        return self._where_nearest(specificities, sensitivities)

    def get_config(self):
        own = {"num_thresholds": self.num_thresholds, "sensitivity": self.sensitivity}
        return dict(super().get_config(), **own)


class AUC(Metric):
    """Area under the ROC or the precision-recall curve, from counts at a number of thresholds.

    Args:
        num_thresholds: how many thresholds, > 1; more give a closer approximation.
        curve: 'ROC' or 'PR'.
        summation_method: 'interpolation' (trapezoids for ROC; Davis & Goadrich 2006 for PR), 'minoring' or
            'majoring' (the smaller or larger height of each step).
        name, dtype: as in `Metric`.
        thresholds: own thresholds in [0, 1] instead; one below 0 and one above 1 are added.

    Raises:
        ValueError: for unknown names, thresholds outside of [0, 1], or fewer than two thresholds.
    """

    def __init__(
        self,
        num_thresholds=200,
        curve="ROC",
        summation_method="interpolation",
        name=None,
        dtype=None,
        thresholds=None,
    ):
        curve = curve if isinstance(curve, metrics_utils.AUCCurve) else metrics_utils.AUCCurve.from_str(curve)
        if not isinstance(summation_method, metrics_utils.AUCSummationMethod):
            summation_method = metrics_utils.AUCSummationMethod.from_str(summation_method)
        if thresholds is not None:
            thresholds = sorted(to_list(thresholds, allow_tuple=True))
            metrics_utils.assert_thresholds_range(thresholds)
            num_thresholds = len(thresholds) + 2
        elif num_thresholds <= 1:
            raise ValueError(f"`num_thresholds` must be > 1, got {num_thresholds}.")
        else:
            thresholds = _inner_thresholds(num_thresholds - 2)
        super().__init__(name=name, dtype=dtype)
        self.num_thresholds = num_thresholds
        self.curve = curve
        self.summation_method = summation_method
        # All predictions are above the first threshold, none is above the last.
        self.thresholds = [0.0 - K.epsilon(), *thresholds, 1.0 + K.epsilon()]
        _add_all_cells(self, num_thresholds)

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch: labels 0/1, predictions in [0, 1], optional weights."""
        return _update_all_cells(self, y_true, y_pred, sample_weight)

    def interpolate_pr_auc(self):
        """Area under the precision-recall curve: between thresholds counts, not precisions, are linear.

        With tp = intercept + slope * p along a segment (p: positive decisions), precision = tp / p and recall
        proportional to tp, the area is slope * (dtp + intercept * log(p_high / p_low)) / all positive labels.
        """
        tp, p = self.true_positives, self.true_positives + self.false_positives
        dtp, dp = tp[:-1] - tp[1:], p[:-1] - p[1:]
        slope = div_no_nan(dtp, K.maximum(dp, 0.0))
        intercept = tp[1:] - slope * p[1:]
        ratio = K.switch(
            K.greater(p[:-1], 0.0) & K.greater(p[1:], 0.0),
            div_no_nan(p[:-1], K.maximum(p[1:], 0.0)),
            K.ones_like(p[1:]),
        )
        positives = K.maximum(tp[1:] + self.false_negatives[1:], 0.0)
        return K.sum(div_no_nan(slope * (dtp + intercept * K.log(ratio)), positives))

    def result(self):
        curves, methods = metrics_utils.AUCCurve, metrics_utils.AUCSummationMethod
        if self.curve == curves.PR and self.summation_method == methods.INTERPOLATION:
            return self.interpolate_pr_auc()
        recall = div_no_nan(self.true_positives, self.true_positives + self.false_negatives)
        if self.curve == curves.ROC:
            x, y = div_no_nan(self.false_positives, self.false_positives + self.true_negatives), recall
        else:
            x, y = recall, div_no_nan(self.true_positives, self.true_positives + self.false_positives)
        if self.summation_method == methods.INTERPOLATION:
            heights = (y[:-1] + y[1:]) / 2.0
        elif self.summation_method == methods.MINORING:
            heights = K.minimum(y[:-1], y[1:])
        else:
            heights = K.maximum(y[:-1], y[1:])
        return K.sum((x[:-1] - x[1:]) * heights)

    def get_config(self):
        own = {
            "num_thresholds": self.num_thresholds,
            "curve": self.curve.value,
            "summation_method": self.summation_method.value,
            "thresholds": self.thresholds[1:-1],
        }
        return dict(super().get_config(), **own)


class MeanIoU(Metric):
    """Mean over the classes of tp / (tp + fp + fn), for class numbers as targets and predictions.

    Classes that occur in neither do not count.

    Args:
        num_classes: number of classes.
        name, dtype: as in `Metric`.
    """

    def __init__(self, num_classes, name=None, dtype=None):
        super().__init__(name=name, dtype=dtype)
        self.num_classes = num_classes
        shape = (num_classes, num_classes)
        self.total_cm = self.add_weight("total_confusion_matrix", shape=shape, initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Takes in a batch of class numbers of any (same) shape, with optional weights of that shape."""
        one_hots = [
            K.cast(K.one_hot(K.cast(K.flatten(y), "int32"), self.num_classes), self.dtype)
            for y in (y_true, y_pred)
        ]
        if sample_weight is not None:
            weights = K.cast(K.flatten(sample_weight), self.dtype)
            one_hots[1] = one_hots[1] * K.expand_dims(weights, -1)
        return [K.update_add(self.total_cm, K.dot(K.transpose(one_hots[0]), one_hots[1]))]

    def result(self):
        hits = K.sum(self.total_cm * K.constant(np.eye(self.num_classes), dtype=self.dtype), axis=-1)
        union = K.sum(self.total_cm, axis=0) + K.sum(self.total_cm, axis=1) - hits
        occurring = K.sum(K.cast(K.not_equal(union, 0.0), self.dtype))
        return div_no_nan(K.sum(div_no_nan(hits, union)), occurring)

    def get_config(self):
        return dict(super().get_config(), num_classes=self.num_classes)
