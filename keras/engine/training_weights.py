"""Sample weights and class weights: which numbers multiply which sample's loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import backend as K
from ..utils.user_warnings import warn_user


def standardize_sample_or_class_weights(x_weight, output_names, weight_type):
    """The user's weights as a list with one entry (or `None`) per output.

    Args:
        x_weight: `None`, the weights of the only output, a list, or a dictionary by output name.
        output_names: names of the outputs that have a loss.
        weight_type: `"sample_weight"` or `"class_weight"`, used in error messages.

    Raises:
        ValueError: a list of another length, or unknown output names.
        TypeError: one set of weights for several outputs.
    """
    if x_weight is None or len(x_weight) == 0:
        return [None for _ in output_names]
    if len(output_names) == 1:
        if isinstance(x_weight, (list, tuple)) and len(x_weight) == 1:
            return list(x_weight)
        if isinstance(x_weight, Mapping) and output_names[0] in x_weight:
            return [x_weight[output_names[0]]]
        return [x_weight]
    names = ", ".join(f'"{n}"' for n in output_names)
    if isinstance(x_weight, (list, tuple)):
        if len(x_weight) != len(output_names):
            raise ValueError(
                f"Provided `{weight_type}` was a list of {len(x_weight)} elements, but the model has "
                f"{len(output_names)} outputs. You should provide one `{weight_type}` array per model "
                f"output: {names}."
            )
        return list(x_weight)
    if isinstance(x_weight, Mapping):
        unknown = [k for k in x_weight if k not in output_names]
        if unknown:
            warn_user(
                f"`{weight_type}` has the keys {unknown}, but the outputs are {names}: they are ignored, as Keras 2 "
                f"did. With several outputs, write `{weight_type}={{'{output_names[0]}': ...}}`: a dictionary by "
                "output name."
            )
        return [x_weight.get(name) for name in output_names]
    raise TypeError(
        f"The model has multiple outputs, so `{weight_type}` should be either a list or a dict by output name "
        f"({names}). Provided: {type(x_weight).__name__}."
    )


def standardize_class_weights(class_weight, output_names):
    """`class_weight` as a list with one entry per output."""
    return standardize_sample_or_class_weights(class_weight, output_names, "class_weight")


def standardize_sample_weights(sample_weight, output_names):
    """`sample_weight` as a list with one entry per output."""
    return standardize_sample_or_class_weights(sample_weight, output_names, "sample_weight")


def standardize_weights(y, sample_weight=None, class_weight=None, sample_weight_mode=None):
    """One weight per sample (or per sample and step): sample weight times class weight, ones by default.

    Args:
        y: target array.
        sample_weight: array of shape `(samples,)`, in mode `"temporal"` `(samples, steps)`.
        class_weight: dictionary `class number -> weight`, for targets of shape `(samples, 1)` or one-hot;
            anything else is ignored with a warning.
        sample_weight_mode: `None` or `"temporal"`.

    Raises:
        ValueError: shapes or classes that do not fit the targets.
    """
    _check_mode(y, sample_weight_mode)
    if sample_weight is not None and not K.is_tensor(sample_weight):
        sample_weight = _checked_sample_weight(y, sample_weight, sample_weight_mode)
    by_class = _class_weights_of_samples(y, class_weight) if isinstance(class_weight, Mapping) else None
    if class_weight is not None and by_class is None:
        # Keras 2 left out anything else without a word, and scripts that pass "auto" go on.
        warn_user(
            f"`class_weight` must be a dictionary `{{class number: weight}}`, got "
            f"{type(class_weight).__name__}: it is ignored, as Keras 2 did. "
            "From a list of weights: `dict(enumerate(weights))`."
        )
    if sample_weight is not None and by_class is not None:
        return sample_weight * (by_class if sample_weight.ndim == 1 else by_class[:, np.newaxis])
    if sample_weight is not None:
        return sample_weight
    if by_class is not None:
        return by_class
    return np.ones(y.shape[:1] if sample_weight_mode is None else y.shape[:2], dtype=K.floatx())


def _check_mode(y, mode):
    if mode not in (None, "temporal"):
        raise ValueError(f'"sample_weight_mode" should be None or "temporal". Found: {mode!r}.')
    if mode == "temporal" and len(y.shape) < 3:
        raise ValueError(
            f"Timestep-wise sample weighting (`sample_weight_mode='temporal'`) is for targets of shape "
            f"(samples, steps, ...). Found a target array of shape {tuple(y.shape)}."
        )


def _checked_sample_weight(y, weight, mode):
    weight = weight.to_numpy() if hasattr(weight, "to_numpy") else np.asarray(weight)
    if weight.dtype.kind not in "fiub":
        raise ValueError(f"`sample_weight` must hold numbers, got dtype {weight.dtype}.")
    if mode == "temporal" and weight.ndim != 2:
        raise ValueError(
            f"Found a sample_weight array with shape {weight.shape}. With `sample_weight_mode='temporal'` pass a 2D "
            "array of shape (samples, steps)."
        )
    if mode is None and weight.ndim != 1:
        raise ValueError(
            f"Found a sample_weight array with shape {weight.shape}, wanted one weight per sample: shape "
            f'({y.shape[0]},). For weights per time step, specify `sample_weight_mode="temporal"` in '
            "`compile()`."
        )
    if tuple(y.shape[: weight.ndim]) != weight.shape:
        raise ValueError(
            f"Found a sample_weight array with shape {weight.shape} for an input with shape "
            f"{tuple(y.shape)}: "
            f"wanted shape {tuple(y.shape[: weight.ndim])}. sample_weight cannot be broadcast."
        )
    return weight


def _class_weights_of_samples(y, class_weight):
    if len(y.shape) > 2:
        raise ValueError(
            f"`class_weight` not supported for 3+ dimensional targets (got shape {tuple(y.shape)}). "
            "Use `sample_weight` with `sample_weight_mode='temporal'`."
        )
    y = y.toarray() if hasattr(y, "toarray") else np.asarray(y[:])
    classes = np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] > 1 else y.reshape(-1)
    present, place = np.unique(classes, return_inverse=True)
    missing = [c.item() for c in present if c.item() not in class_weight]
    if missing:
        raise ValueError(
            f"`class_weight` must contain all classes in the data. The classes {missing} exist in the data but not in "
            f"`class_weight`, whose keys are {list(class_weight)!r:.100}."
        )
    return np.asarray([class_weight[c.item()] for c in present], dtype=K.floatx())[place.reshape(-1)]
