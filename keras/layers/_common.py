"""What layers share: options of weights, checks of arguments and inputs, axes of data formats."""

import numbers

import numpy as np

from .. import backend as K
from .. import activations, constraints, initializers, regularizers

_FAMILIES = {"initializer": initializers, "regularizer": regularizers, "constraint": constraints}


def keep_weight_options(layer, weight, *options):
    """Sets `layer.<weight>_initializer`, `_regularizer`, `_constraint` from names, configs or objects.

    Args:
        options: initializer, regularizer and constraint, in this order; those left out at the end are not set.
    """
    for (option, family), value in zip(_FAMILIES.items(), options):
        setattr(layer, f"{weight}_{option}", _named(layer, family.get, value))


def activation_of(layer, activation):
    """The function that `activation` means.

    Raises:
        ValueError: for unknown names, naming the layer.
    """
    return _named(layer, activations.get, activation)


def _named(layer, get, identifier):
    """`get(identifier)`, with the layer's name in what it raises."""
    try:
        return get(identifier)
    except ValueError as error:
        raise ValueError(f"{describe(layer)}: {error}") from None


def weight_options_config(layer, *weights):
    """The config entries of what `keep_weight_options` set for those weights."""
    return {
        f"{weight}_{option}": family.serialize(getattr(layer, f"{weight}_{option}"))
        for option, family in _FAMILIES.items()
        for weight in weights
        if hasattr(layer, f"{weight}_{option}")
    }


def add_weight(layer, name, shape, trainable=True, options=None, initializer=None):
    """Adds the weight `name` with the options kept under that name (or under `options`).

    Args:
        initializer: takes the place of the one kept.
    """
    options = options or name
    return layer.add_weight(
        name=name,
        shape=tuple(shape),
        initializer=initializer or getattr(layer, options + "_initializer"),
        regularizer=getattr(layer, options + "_regularizer", None),
        constraint=getattr(layer, options + "_constraint", None),
        trainable=trainable,
    )


def describe(layer):
    """How messages name a layer: `Layer conv2d_1 (Conv2D)`."""
    return f"Layer {layer.name} ({type(layer).__name__})"


def positive(layer, name, value):
    """`value` as a Python int.

    Raises:
        ValueError: if it is not a whole number of at least 1.
    """
    if not _is_whole(value) or value < 1:
        raise ValueError(f"{describe(layer)}: `{name}` must be a positive integer, got {value!r}.")
    return int(value)


def sizes_of(layer, name, value, rank, least=1):
    """`value` as a tuple of `rank` ints; one int stands for all of them.

    Raises:
        ValueError: if it is something else, or an entry is less than `least`.
    """
    entries = (value,) * rank if isinstance(value, numbers.Number) else value
    entries = tuple(entries) if hasattr(entries, "__len__") and not isinstance(entries, str) else ()
    if len(entries) != rank or not all(_is_whole(entry) and entry >= least for entry in entries):
        several = f"an integer or a tuple of {rank} integers" if rank > 1 else "an integer"
        raise ValueError(
            f"{describe(layer)}: The `{name}` argument must be {several}, not less than {least}. "
            f"Received: {value!r}."
        )
    return tuple(int(entry) for entry in entries)


def _is_whole(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and value == int(value)


def number(layer, name, value):
    """`value` as a float; files of old Keras hold arrays of one number.

    Raises:
        ValueError: if it is no number.
    """
    if isinstance(value, dict) and value.get("type") == "ndarray":
        value = value["value"]
    array = np.asarray(None if K.is_tensor(value) else value)
    if array.dtype.kind not in "biuf" or array.size != 1:
        raise ValueError(f"{describe(layer)}: `{name}` must be a number, got {value!r}.")
    return float(array.reshape(()))


def drop_rate(layer, name, value):
    """A fraction to drop, clipped to 0...1.

    Raises:
        ValueError: if it is no number.
    """
    number(layer, name, value)
    return min(1.0, max(0.0, value))


def data_format_of(layer, data_format):
    """'channels_last' or 'channels_first'; None gives `K.image_data_format()`.

    Raises:
        ValueError: for another name.
    """
    try:
        return K.normalize_data_format(data_format)
    except ValueError as error:
        raise ValueError(f"{describe(layer)}: {error}") from None


def required_dim(layer, input_shape, axis, what=None):
    """The size of one axis of the input, which the layer's weights depend on.

    Args:
        what: how to call that axis in the message.

    Raises:
        ValueError: if the input has no such axis or its size is undefined.
    """
    if not -len(input_shape) <= axis < len(input_shape) or len(input_shape) < 2:
        raise ValueError(
            f"{describe(layer)}: the input of shape {tuple(input_shape)} has too few axes: wanted at least "
            "2, the batch axis included."
        )
    if input_shape[axis] is None:
        raise ValueError(
            f"{describe(layer)}: {what or f'Axis {axis} of the input'} should be defined, because the "
            f"layer's weights depend on it. Found `None` in the input shape {tuple(input_shape)}. Give "
            "that size in `input_shape` or `Input`."
        )
    return input_shape[axis]


def channel_axis(data_format):
    return 1 if data_format == "channels_first" else -1


def spatial_axes(data_format, rank):
    """The axes that are neither batch nor channels."""
    first = 2 if data_format == "channels_first" else 1
    return tuple(range(first, first + rank))


def join_shape(data_format, batch, spatial, channels):
    """The shape made of its parts, in the order of `data_format`."""
    if data_format == "channels_first":
        return (batch, channels, *spatial)
    return (batch, *spatial, channels)


def full_shape(x):
    """The shape of x for a reshape: known sizes as integers, the others as tensors."""
    return [K.shape(x)[axis] if size is None else size for axis, size in enumerate(K.int_shape(x))]


def check_sizes(layer, input_shape, sizes, advice):
    """Raises ValueError if an output size is not positive.

    Args:
        sizes: the output's spatial sizes (None: unknown).
        advice: what to change.
    """
    if any(size is not None and size <= 0 for size in sizes):
        raise ValueError(
            f"{describe(layer)}: the input of shape {tuple(input_shape)} is too small: the output would "
            f"have the spatial size {tuple(sizes)}. {advice}"
        )


def window_padding(layer, padding, allowed=("valid", "same")):
    """The padding mode, in lower case.

    Raises:
        ValueError: if it isn't one of `allowed`.
    """
    mode = padding.lower() if isinstance(padding, str) else padding
    if mode not in allowed:
        raise ValueError(
            f"{describe(layer)}: The `padding` argument must be one of {', '.join(map(repr, allowed))}. "
            f"Received: {padding!r}."
        )
    return mode
