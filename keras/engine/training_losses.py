"""What `compile` is given, made definite: one loss, weight and set of metrics per output."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from .. import backend as K
from .. import losses
from .. import metrics as metrics_module
from ..utils import losses_utils
from ..utils.generic_utils import to_list
from ..utils.near_names import did_you_mean
from ..utils.user_warnings import warn_user
from .training_data import is_binary_crossentropy, is_sparse_crossentropy

_ACCURACY = ("accuracy", "acc")
_CROSSENTROPY = ("crossentropy", "ce")


def check_names(argument, mapping, output_names):
    """Keys of a dictionary by output name must be output names.

    Raises:
        ValueError: naming the unknown ones and the likeliest meant.
    """
    for name in mapping:
        if name not in output_names:
            known = ", ".join(f'"{n}"' for n in output_names)
            raise ValueError(
                f'Unknown entry in `{argument}` dictionary: "{name}". The outputs of this model are: {known}.'
                + did_you_mean(name, output_names)
            )


def check_length(argument, values, output_names, what="list"):
    """A list by output must have one entry per output.

    Raises:
        ValueError: naming both numbers.
    """
    if len(values) != len(output_names):
        raise ValueError(
            f"When passing a {what} as `{argument}`, it should have one entry per model output. The model has "
            f"{len(output_names)} outputs, but you passed {argument}={values!r}: {len(values)} for "
            f"{', '.join(output_names)}."
        )


def get_loss_function(loss):
    """A `Loss` instance from a name, function, configuration or instance; `None` stays `None`."""
    if loss is None or isinstance(loss, losses.Loss):
        return loss
    if isinstance(loss, type) and issubclass(loss, losses.Loss):
        return loss()
    loss_fn = losses.get(loss)
    if isinstance(loss_fn, losses.Loss):
        return loss_fn
    if not callable(loss_fn):
        raise ValueError(f"Wanted a loss by name, function or `Loss` instance, got {loss!r}.")
    name = getattr(loss_fn, "__name__", type(loss_fn).__name__)
    return losses.LossFunctionWrapper(loss_fn, name=name)


def prepare_loss_functions(loss, output_names):
    """A list with one `Loss` (or `None`: this output trains nothing) per output.

    Args:
        loss: one for all outputs, a list, or a dictionary by output name (outputs left out have none).

    Raises:
        ValueError: unknown names, or a list of another length.
    """
    if isinstance(loss, Mapping) and not _is_config(loss):
        check_names("loss", loss, output_names)
        for name in output_names:
            if name not in loss:
                warn_user(
                    f"Output {name} missing from loss dictionary. We assume this was done on purpose. The fit and "
                    f"evaluate APIs will not be expecting any data to be passed to {name}."
                )
        return [get_loss_function(loss.get(name)) for name in output_names]
    if isinstance(loss, (list, tuple)):
        check_length("loss", loss, output_names)
        return [get_loss_function(fn) for fn in loss]
    return [get_loss_function(loss) for _ in output_names]


def _is_config(value):
    return set(value) == {"class_name", "config"}


def prepare_loss_weights(output_names, loss_weights=None):
    """A list with one factor per output, 1 by default.

    Raises:
        ValueError: unknown names, or a list of another length.
        TypeError: neither list nor dictionary.
    """
    if loss_weights is None:
        return [1.0 for _ in output_names]
    if isinstance(loss_weights, Mapping):
        check_names("loss_weights", loss_weights, output_names)
        return [loss_weights.get(name, 1.0) for name in output_names]
    if isinstance(loss_weights, (list, tuple)):
        check_length("loss_weights", loss_weights, output_names)
        return [1.0 if w is None else w for w in loss_weights]
    raise TypeError(
        f"Could not interpret loss_weights argument: {loss_weights!r}. Wanted a list with one number per output, or a "
        "dictionary by output name."
    )


def get_output_sample_weight_and_mode(
    skip_target_weighing_indices, sample_weight_mode, output_name, output_index
):
    """The placeholder of an output's sample weights and its mode; `(None, None)` where there are none."""
    if output_index in skip_target_weighing_indices:
        return None, None
    if sample_weight_mode not in (None, "temporal"):
        raise ValueError(
            f'sample_weight_mode should be None or "temporal", got {sample_weight_mode!r} for output '
            f'"{output_name}".'
        )
    shape = (None, None) if sample_weight_mode == "temporal" else (None,)
    return K.placeholder(shape=shape, name=output_name + "_sample_weights"), sample_weight_mode


def prepare_sample_weights(output_names, sample_weight_mode, skip_target_weighing_indices):
    """Placeholders of the sample weights and modes, one each per output.

    Raises:
        ValueError: unknown names or modes, a list of another length, or a dictionary that lacks an output.
    """
    if isinstance(sample_weight_mode, Mapping):
        check_names("sample_weight_mode", sample_weight_mode, output_names)
        lacking = [
            name
            for i, name in enumerate(output_names)
            if i not in skip_target_weighing_indices and name not in sample_weight_mode
        ]
        if lacking:
            raise ValueError(f"Output missing from `sample_weight_mode` dictionary: {', '.join(lacking)}.")
        modes = [sample_weight_mode.get(name) for name in output_names]
    elif isinstance(sample_weight_mode, (list, tuple)):
        check_length("sample_weight_mode", sample_weight_mode, output_names)
        modes = sample_weight_mode
    else:
        modes = [sample_weight_mode for _ in output_names]
    pairs = [
        get_output_sample_weight_and_mode(skip_target_weighing_indices, mode, name, i)
        for i, (name, mode) in enumerate(zip(output_names, modes, strict=True))
    ]
    return [p[0] for p in pairs], [p[1] for p in pairs]


def get_metric_name(metric, weighted=False):
    """The name a metric reports under: a string as the user wrote it, else the object's own."""
    if isinstance(metric, str):
        return metric
    metric = metrics_module.get(metric)
    return getattr(metric, "name", None) or getattr(metric, "__name__", type(metric).__name__)


def get_metric_function(metric, output_shape=None, loss_fn=None):
    """The function or `Metric` that is meant; 'accuracy' and 'crossentropy' go by loss and output shape."""
    if metric not in _ACCURACY + _CROSSENTROPY:
        return metrics_module.get(metric)
    binary = is_binary_crossentropy(loss_fn)
    sparse = is_sparse_crossentropy(loss_fn)
    if metric in _ACCURACY:
        if output_shape[-1] == 1 or binary:
            return metrics_module.binary_accuracy
        return metrics_module.sparse_categorical_accuracy if sparse else metrics_module.categorical_accuracy
    if output_shape[-1] == 1 or binary:
        return metrics_module.binary_crossentropy
    return (
        metrics_module.sparse_categorical_crossentropy if sparse else metrics_module.categorical_crossentropy
    )


def collect_per_output_metric_info(metrics, output_names, output_shapes, loss_fns, is_weighted=False):
    """Per output an ordered dictionary `name -> Metric`.

    Args:
        metrics: a list for all outputs, a list of lists, or a dictionary by output name.

    Raises:
        ValueError: unknown names or metrics, or a list of lists of another length.
        TypeError: neither list nor dictionary.
    """
    nested = _metrics_per_output(metrics, output_names)
    return [
        _named_metrics(of_output, shape, loss_fn, is_weighted)
        for of_output, shape, loss_fn in zip(nested, output_shapes, loss_fns, strict=True)
    ]


def _metrics_per_output(metrics, output_names):
    if not metrics:
        return [[] for _ in output_names]
    if isinstance(metrics, Mapping):
        check_names("metrics", metrics, output_names)
        return [to_list(metrics.get(name) or [], allow_tuple=True) for name in output_names]
    if not isinstance(metrics, (list, tuple)):
        raise TypeError(
            f"Type of `metrics` argument not understood. Expected a list or dictionary, found: {metrics!r}. "
            f"For a single metric write `metrics=[{metrics!r}]`."
        )
    if any(isinstance(m, (list, tuple)) for m in metrics):
        check_length("metrics", metrics, output_names, what="list of lists")
        return [to_list(m or [], allow_tuple=True) for m in metrics]
    if len(output_names) == 1:
        return [list(metrics)]
    # A stateful metric may not mix several outputs: each gets a copy.
    return [[metrics_module.clone_metric(m) for m in metrics] for _ in output_names]


def _named_metrics(metrics, output_shape, loss_fn, is_weighted):
    named = OrderedDict()
    for metric in metrics:
        if metric is None:
            continue
        name = get_metric_name(metric, is_weighted)
        metric = get_metric_function(metric, output_shape=output_shape, loss_fn=loss_fn)
        if isinstance(metric, type) and issubclass(metric, metrics_module.Metric):
            metric = metric()
            name = metric.name
        if not isinstance(metric, metrics_module.Metric):
            metric = metrics_module.MeanMetricWrapper(metric, name=name)
        named[name] = metric
    return named


def combine_mask_and_weights(y_pred, weights, mask):
    """The weights of an output's samples (or steps) with masked steps at 0; `None` without either."""
    if mask is None:
        return weights
    mask = K.cast(mask, K.dtype(y_pred))
    if weights is None:
        return mask
    mask, _, weights = losses_utils.squeeze_or_expand_dimensions(mask, sample_weight=weights)
    for _ in range(K.ndim(mask) - K.ndim(weights)):  # a weight per sample, a mask of steps in steps
        weights = K.expand_dims(weights, -1)
    return weights * mask


def call_metric_function(metric_fn, y_true, y_pred=None, weights=None, mask=None):
    """Applies a `Metric` to one output; gives the tensor of its value after the batch."""
    if y_pred is None:
        return metric_fn(y_true)
    return metric_fn(y_true, y_pred, sample_weight=combine_mask_and_weights(y_pred, weights, mask))


def weighted_masked_objective(fn):
    """Adds masking and sample weights to an objective function (Keras 2.2's way of weighting).

    Args:
        fn: `fn(y_true, y_pred)`, a loss per sample; `None` stays `None`.

    Returns:
        `weighted(y_true, y_pred, weights, mask=None)`, a scalar: the mean over unmasked entries with non-zero weight.
    """
    if fn is None:
        return None

    def weighted(y_true, y_pred, weights, mask=None):
        score = fn(y_true, y_pred)
        if mask is not None:
            mask = K.cast(mask, K.floatx())
            score = score * mask
            score = score / (K.mean(mask) + K.epsilon())
        if weights is not None:
            axes = list(range(K.ndim(weights), K.ndim(score)))
            if axes:
                score = K.mean(score, axis=axes)
            score = score * weights
            score = score / K.mean(K.cast(K.not_equal(weights, 0), K.floatx()))
        return K.mean(score)

    return weighted
