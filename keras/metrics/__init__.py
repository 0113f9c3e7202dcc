"""Metrics: functions `f(y_true, y_pred)` and classes that gather their values over batches.

`base` holds the machinery and the sums and means, `means` the averaged functions, `confusion` the metrics of
binary decisions, `functions` the functions that are metrics only; every loss function is a metric too.
"""

from .. import backend as K
from ..engine.base_layer import Layer
from ..losses import (
    MAE,
    MAPE,
    MSE,
    MSLE,
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    kullback_leibler_divergence,
    logcosh,
    mae,
    mape,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    mse,
    msle,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from ..utils import losses_utils, metrics_utils
from ..utils.family_names import Members as _Members
from ..utils.generic_utils import deserialize_keras_object, serialize_keras_object
from .base import Mean, MeanMetricWrapper, Metric, Reduce, Sum
from .confusion import (
    AUC,
    FalseNegatives,
    FalsePositives,
    MeanIoU,
    Precision,
    Recall,
    SensitivityAtSpecificity,
    SensitivitySpecificityBase,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
    _ConfusionMatrixConditionCount,
)
from .functions import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    cosine,
    cosine_proximity,
    cosine_similarity,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from .means import (
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    RootMeanSquaredError,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SquaredHinge,
    TopKCategoricalAccuracy,
)


def clone_metric(metric):
    """A metric object of the same configuration with states of its own; functions and names as they are."""
    if not isinstance(metric, Metric):
        return metric
    if type(metric) is MeanMetricWrapper:
        # Its configuration cannot hold the function.
        return MeanMetricWrapper(metric._fn, name=metric.name, dtype=metric.dtype, **metric._fn_kwargs)
    return type(metric).from_config(metric.get_config())


def clone_metrics(metrics):
    """`clone_metric` of each of a list."""
    return [clone_metric(metric) for metric in metrics]


def serialize(metric):
    """The metric as a configuration: `{'class_name': ..., 'config': ...}`, or the name of a function."""
    return serialize_keras_object(metric)


def deserialize(config, custom_objects=None):
    """The metric that a configuration or a name stands for.

    Raises:
        ValueError: for unknown names.
    """
    return deserialize_keras_object(
        config,
        module_objects=_Members(globals()),
        custom_objects=custom_objects,
        printable_module_name="metric function",
    )


def get(identifier):
    """The metric meant by a name, a config dict or a callable.

    Raises:
        ValueError: for anything else, and for unknown names.
    """
    if isinstance(identifier, (str, dict)):
        return deserialize(identifier)
    if callable(identifier):
        return identifier
    raise ValueError(
        f'Could not interpret metric function identifier: {identifier!r}. Give a name such as "accuracy", a '
        "function `f(y_true, y_pred)`, or an object such as `metrics.AUC()`."
    )
