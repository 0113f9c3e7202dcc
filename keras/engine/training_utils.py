"""Helpers of the training loops; the public place of the functions that prepare data and losses."""

from __future__ import annotations

import math

import numpy as np

from .. import backend as K
from .. import losses
from .. import metrics as metrics_module
from ..utils import generic_utils, losses_utils
from ..utils.data_utils import Sequence, checked_length
from .training_data import (
    check_array_length_consistency,
    check_loss_and_target_compatibility,
    is_generator_or_sequence,
    is_sequence,
    standardize_input_data,
    standardize_single_array,
)
from .training_losses import (
    call_metric_function,
    collect_per_output_metric_info,
    get_loss_function,
    get_metric_function,
    get_metric_name,
    get_output_sample_weight_and_mode,
    prepare_loss_functions,
    prepare_loss_weights,
    prepare_sample_weights,
    weighted_masked_objective,
)
from .training_weights import (
    standardize_class_weights,
    standardize_sample_or_class_weights,
    standardize_sample_weights,
    standardize_weights,
)

__all__ = [
    "K", "Sequence", "batch_shuffle", "call_metric_function", "check_array_length_consistency",
    "check_generator_arguments", "check_loss_and_target_compatibility", "check_num_samples",
    "collect_per_output_metric_info", "generic_utils", "losses", "losses_utils", "metrics_module",
    "get_input_shape_and_dtype", "get_loss_function", "get_metric_function", "get_metric_name",
    "get_output_sample_weight_and_mode", "get_static_batch_size", "is_generator_or_sequence", "is_sequence",
    "iter_sequence_infinite", "make_batches", "prepare_loss_functions", "prepare_loss_weights",
    "prepare_sample_weights", "should_run_validation", "standardize_class_weights", "standardize_input_data",
    "standardize_sample_or_class_weights", "standardize_sample_weights", "standardize_single_array",
    "standardize_weights", "weighted_masked_objective",
]  # fmt: skip


def batch_shuffle(index_array, batch_size):
    """Shuffles whole batches: rows that are neighbours stay neighbours (for HDF5 data).

    The last samples that fill no batch keep their place at the end.
    """
    whole = len(index_array) // batch_size * batch_size
    batches = index_array[:whole].reshape((-1, batch_size))
    np.random.shuffle(batches)
    return np.append(batches.flatten(), index_array[whole:])


def make_batches(size, batch_size):
    """The list of `(start, end)` that cuts `size` samples into batches; the last may be shorter."""
    return [(start, min(size, start + batch_size)) for start in range(0, size, batch_size)]


def batch_value(value):
    """A result of one batch as hooks get it. A scalar is one of NumPy, as callbacks take it (`value[()]`, `.item()`);
    of 64 bits it is a float of Python too, which JSON can write.
    """
    value = np.array(value)
    return value.astype(np.float64 if value.dtype.kind == "f" else value.dtype)[()] if value.ndim == 0 else value


def plain_value(value):
    """A value as users read it in results and histories: a scalar is a number of Python."""
    return value.item() if isinstance(value, np.generic) else value


def epoch_number(name, value):
    """The number of an epoch as an int; a fraction goes up to the next, as `fit_generator` always counted.

    Raises:
        ValueError: no number.
    """
    if not isinstance(value, (int, float, np.integer, np.floating)):
        raise ValueError(f"`{name}` must be a whole number of epochs, got {value!r}.")
    return math.ceil(value)


def check_num_samples(ins, batch_size=None, steps=None, steps_name="steps"):
    """The number of samples in a list of inputs, or `None` where `steps` counts instead.

    Raises:
        ValueError: both `steps` and `batch_size`, no array to count, or steps that are no whole number from 1 on.
    """
    if steps is not None and (not isinstance(steps, (int, np.integer)) or steps < 1):
        raise ValueError(f"`{steps_name}` must be a positive number of batches, an int; got {steps!r}.")
    if steps is not None and batch_size is not None:
        raise ValueError(
            f"If `{steps_name}` is set, the `batch_size` must be None: each of the {steps} steps takes "
            "the data as a whole (or what the model's own tensors give)."
        )
    if not ins or any(K.is_tensor(x) for x in ins):
        if steps is None:
            raise ValueError(
                f"The model's data come from its own tensors, so `{steps_name}` must say how many batches "
                "make an epoch."
            )
        return None
    if hasattr(ins[0], "shape"):
        return int(ins[0].shape[0])
    return None  # Only the learning phase is fed.


def check_generator_arguments(y=None, sample_weight=None, validation_split=None):
    """Refuses what a generator has to deliver itself.

    Raises:
        ValueError: naming the argument.
    """
    if y is not None:
        raise ValueError(
            "`y` argument is not supported when data is a generator or Sequence instance. Instead pass targets as the "
            "second element of the generator: `yield x, y`."
        )
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` argument is not supported when data is a generator or Sequence instance. Instead pass "
            "sample weights as the third element of the generator: `yield x, y, weights`."
        )
    if validation_split:
        raise ValueError(
            "`validation_split` is only supported for arrays: with symbolic tensors, a generator or a Sequence "
            "you cannot use `validation_split`, pass `validation_data`."
        )


def should_run_validation(validation_freq, epoch):
    """Whether validation runs at the end of `epoch` (counted from 0).

    Args:
        validation_freq: every how many epochs, or a list (tuple, set) of epochs counted from 1.

    Raises:
        ValueError: a number below 1, or neither number nor list.
    """
    one_based = epoch + 1
    if isinstance(validation_freq, (int, np.integer)):
        if validation_freq < 1:
            raise ValueError(f"`validation_freq` can not be less than 1, got {validation_freq}.")
        return one_based % validation_freq == 0
    if not hasattr(validation_freq, "__contains__") or isinstance(validation_freq, str):
        raise ValueError(
            f"`validation_freq` must be an int or a list of epochs (counted from 1), got {validation_freq!r}."
        )
    return one_based in validation_freq


def iter_sequence_infinite(seq):
    """Goes through a `Sequence` again and again."""
    while True:
        for i in range(checked_length(len(seq))):
            yield seq[i]


def get_static_batch_size(layer):
    """The batch size that a model's first layer was built for, or `None`."""
    shape, _ = get_input_shape_and_dtype(layer)
    return shape[0] if shape is not None else None


def get_input_shape_and_dtype(layer):
    """`(batch_input_shape, dtype)` of a layer; of a nested model those of its first layer."""
    while getattr(layer, "layers", None):
        layer = layer.layers[0]
    if getattr(layer, "batch_input_shape", None) is not None:
        return layer.batch_input_shape, layer.dtype
    return None, None
