"""What users pass as `x` and `y`, brought into one form: a list of arrays, one per input or output.

Arrays in memory become NumPy arrays. Whatever can be sliced but may not fit in memory (HDF5
datasets, `HDF5Matrix`, memory maps, SciPy sparse matrices) stays as it is and is read batch by
batch. Everything that cannot be meant ends in an error that says what to write instead.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .. import backend as K
from .. import losses
from ..utils.data_utils import Sequence
from ..utils.user_warnings import warn_user

# Libraries whose arrays live in memory anyway; they are turned into NumPy arrays at once.
_IN_MEMORY = ("jax", "jaxlib", "torch", "tensorflow", "pandas", "xarray")


def is_sequence(seq):
    """Whether `seq` is a `keras.utils.Sequence` or quacks like one.

    An object with `__getitem__`, `__len__` and an `on_epoch_end` method counts: users have
    several copies of the class (for instance one from another package) in one program.
    """
    return isinstance(seq, Sequence) or (
        hasattr(seq, "on_epoch_end") and hasattr(seq, "__getitem__") and hasattr(seq, "__len__")
    )


def is_generator_or_sequence(x):
    """Whether `x` delivers batches by itself: a generator, a `Sequence` or another iterable that is no array."""
    if isinstance(x, (np.ndarray, list, tuple, str, bytes, Mapping)) or hasattr(x, "shape"):
        return False
    return is_sequence(x) or (hasattr(x, "__iter__") and not hasattr(x, "__array__"))


def is_lazy(x):
    """Whether `x` is not a NumPy array but something whose rows are fetched when needed."""
    return not isinstance(x, np.ndarray) and hasattr(x, "shape") and hasattr(x, "__getitem__")


def is_sparse(x):
    """Whether `x` is a SciPy sparse matrix or array."""
    return type(x).__module__.startswith("scipy.sparse")


def standardize_single_array(x):
    """One array with at least two axes: a vector of numbers becomes a column."""
    if x is None:
        return None
    if K.is_tensor(x):
        return x
    x = _as_array(x)
    if len(x.shape) == 0:
        raise ValueError(
            f"Got the single number {x!r} where an array of samples was expected. "
            "Write `np.array([[...]])`: the first axis counts the samples."
        )
    if len(x.shape) == 1:
        return np.expand_dims(np.asarray(x[:]), 1)
    return x


def _as_array(x):
    if isinstance(x, np.ndarray):
        return _check_kind(x)
    if type(x).__module__.split(".")[0] in _IN_MEMORY:
        x = x.to_numpy() if hasattr(x, "to_numpy") else np.asarray(x)
        return _check_kind(x)
    if is_sparse(x):
        # Rows are wanted: only these layouts can give them.
        return x if x.format in ("csr", "lil") else x.tocsr()
    if is_lazy(x):
        return x
    try:
        return _check_kind(np.asarray(x))
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(
            "The samples have different lengths, so they do not form one array. Bring them to one length "
            "first, e.g. with `keras.preprocessing.sequence.pad_sequences(x, maxlen=...)`."
        ) from None


def _check_kind(x):
    """Refuses what no placeholder can take; objects and strings that are plain numbers are converted."""
    kind = x.dtype.kind
    if kind in "fiub":
        return x
    if kind in "OSU":
        return _read_numbers(x)
    if kind == "V" and "float" in x.dtype.name:  # bfloat16 and other extension floats
        return x.astype("float32")
    raise ValueError(
        f"Got an array of dtype {x.dtype}, wanted real numbers: convert it first, e.g. `x.astype('float32')`."
    )


def _read_numbers(x):
    """Numbers as objects or text: '1.5' is one, as in Keras 2 (the rows of a CSV file)."""
    if x.dtype.kind == "O" and any(hasattr(v, "__len__") and not isinstance(v, (str, bytes)) for v in x.flat):
        raise ValueError(
            "Got an array of Python objects that are themselves lists or arrays. Where all have one shape, "
            "`np.stack(x)` is the array that is wanted. Otherwise bring them to one length first, e.g. with "
            "`keras.preprocessing.sequence.pad_sequences(x, maxlen=...)`."
        )
    try:
        return x.astype(K.floatx())
    except (TypeError, ValueError):
        wrong = next((value for value in x.flat if not _is_number(value)), None)
    if isinstance(wrong, (str, bytes)):
        raise ValueError(
            f"Got the text {str(wrong)!r:.60}. Models compute with numbers: encode text with "
            "`keras.preprocessing.text.Tokenizer`, class names with `np.unique(labels, return_inverse=True)` and then "
            "`keras.utils.to_categorical`, and drop or encode such columns of a table, e.g. with `pandas.get_dummies`."
        )
    raise ValueError(
        f"Got an array of Python objects that are not all numbers (e.g. {wrong!r:.60}). Convert it first: "
        "`x.astype('float32')`."
    )


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def standardize_input_data(data, names, shapes=None, check_batch_axis=True, exception_prefix=""):
    """User data as a list of arrays in the order of `names`.

    Args:
        data: an array, a list of arrays, a dictionary `name -> array`, or `None`.
        names: the names of the model's inputs or outputs.
        shapes: per name the expected shape (`None` for an unknown dimension) or `None`: unchecked.
        check_batch_axis: whether the first axis must agree with `shapes` as well.
        exception_prefix: `"input"` or `"target"`, used in error messages.

    Raises:
        ValueError: wrong number of arrays, unknown or missing names, wrong shapes, no numbers.
        TypeError: something that is no array at all.
    """
    if not names:
        if data is not None and hasattr(data, "__len__") and len(data):
            raise ValueError(
                f"Error when checking model {exception_prefix}: expected no data, but got {_describe(data)}. "
                "(The model's data come from its own tensors, or no output has a loss.)"
            )
        return []
    if data is None:
        return [None for _ in names]
    arrays = _list_by_name(data, names, exception_prefix)
    try:
        arrays = [standardize_single_array(x) for x in arrays]
    except ValueError as error:
        raise ValueError(f"Error when checking {exception_prefix}: {error}") from None
    if shapes:
        check_shapes(arrays, names, shapes, check_batch_axis, exception_prefix)
    return arrays


def _list_by_name(data, names, prefix):
    if isinstance(data, Mapping):
        return _from_mapping(data, names, prefix)
    if isinstance(data, (list, tuple)):
        arrays = _from_list(list(data), names)
    elif hasattr(data, "shape") or K.is_tensor(data) or hasattr(data, "__array__"):
        arrays = [data]
    else:
        raise TypeError(
            f"Error when checking model {prefix}: data should be a NumPy array, or a list or dictionary of "
            f"NumPy arrays. Found: {type(data).__name__} {data!r:.80}."
        )
    if len(arrays) != len(names):
        raise ValueError(
            f"Error when checking model {prefix}: the list of NumPy arrays that you are passing to your model is not "
            f"the size the model expected. Expected to see {len(names)} array(s), for {_quoted(names)}, but got "
            f"{_describe(data)}." + _count_remedy(arrays, names, prefix)
        )
    return arrays


def _from_mapping(data, names, prefix):
    missing = [n for n in names if n not in data]
    if missing:
        unknown = [str(k) for k in data if k not in names]
        raise ValueError(
            f"No data provided for {_quoted(missing)}. Need {prefix} data for each of {_quoted(names)}"
            + (f", and found {_quoted(unknown)}, which the model does not have" if unknown else "")
            + "."
        )
    return [data[n] for n in names]


def _from_list(data, names):
    """A list of arrays; for one input also a plain Python list of the samples themselves."""
    if not data:
        return data
    plain = not any(hasattr(d, "shape") or hasattr(d, "__array__") for d in data)
    if len(names) == 1 and plain and (len(data) != 1 or not isinstance(data[0], (list, tuple))):
        return [data]
    return data


def _count_remedy(arrays, names, prefix):
    letter = "y" if prefix == "target" else "x"
    if len(names) == 1 and len(arrays) > 1:
        return f" If the list holds the samples, make one array of it: `np.array({letter})`."
    if len(arrays) == 1 and len(names) > 1:
        return f" Pass a list `[{letter}1, {letter}2, ...]` or a dictionary by name."
    return ""


def check_shapes(arrays, names, shapes, check_batch_axis=True, prefix=""):
    """Compares each array with the shape its input or output expects (`None`s fit everything)."""
    for array, name, shape in zip(arrays, names, shapes, strict=True):
        if array is None or shape is None or K.is_tensor(array):
            continue
        got = tuple(array.shape)
        if len(got) != len(shape):
            raise ValueError(
                f"Error when checking {prefix}: expected {name} to have {len(shape)} dimensions, "
                f"but got array with shape {got}." + _rank_remedy(got, shape)
            )
        skip = 0 if check_batch_axis else 1
        if any(ref and dim != ref for dim, ref in zip(got[skip:], shape[skip:], strict=True)):
            raise ValueError(
                f"Error when checking {prefix}: expected {name} to have shape {tuple(shape[skip:])} "
                f"but got array with shape {got[skip:]}." + _shape_remedy(got[skip:], shape[skip:], prefix, got[0])
            )


def _rank_remedy(got, shape):
    if len(got) + 1 == len(shape):
        if _fits(got, shape[1:]):
            return (
                " This looks like a single sample: pass `x[np.newaxis]`, the first axis counts the samples."
            )
        if shape[-1] == 1 and _fits(got[1:], shape[1:-1]):
            return " The last axis is missing: pass `np.expand_dims(x, -1)`."
        if len(shape) == 3:
            return (
                f" Wanted (samples, {shape[1] or 'steps'}, {shape[2] or 'features'}): "
                "add the missing axis with `np.expand_dims` or `reshape`."
            )
        return f" Wanted (samples,) + {tuple(shape[1:])}."
    return f" Wanted (samples,) + {tuple(shape[1:])}: reshape the data, or build the model for this shape."


def _shape_remedy(got, shape, prefix, samples):
    if got == (1,) and tuple(shape) == (samples,):
        return f" Is it a single sample? Pass `np.reshape(x, (1, {samples}))`: the first axis counts the samples."
    if sorted(map(str, got)) == sorted(map(str, shape)) and len(got) > 1:
        return " The axes are in another order: use `np.transpose` (or another `data_format`)."
    if prefix == "target":
        return f" The last layer must have as many units as a target has numbers ({got[-1] if got else 1})."
    return f" Change the data, or the model's input shape to `input_shape={tuple(got)}`."


def _fits(got, shape):
    return len(got) == len(shape) and all(not ref or dim == ref for dim, ref in zip(got, shape, strict=True))


def _quoted(names):
    return ", ".join(f'"{n}"' for n in names)


def _describe(data):
    if isinstance(data, Mapping):
        return f"a dictionary with the keys {_quoted(data)}"
    if hasattr(data, "shape"):
        return f"one array of shape {tuple(data.shape)}"
    if isinstance(data, (list, tuple)):
        parts = [str(tuple(d.shape)) if hasattr(d, "shape") else type(d).__name__ for d in data[:4]]
        return f"a list of {len(data)}: " + ", ".join(parts) + (", ..." if len(data) > 4 else "")
    return f"{type(data).__name__}"


def check_array_length_consistency(inputs, targets, weights=None):
    """All inputs, targets and weights must have the same, positive number of samples.

    Raises:
        ValueError: naming the differing numbers.
    """

    def counts(arrays):
        arrays = () if arrays is None else arrays
        return sorted({int(a.shape[0]) for a in arrays if a is not None and not K.is_tensor(a)})

    by_kind = {"input": counts(inputs), "target": counts(targets), "weight": counts(weights)}
    for kind, found in by_kind.items():
        if len(found) > 1:
            raise ValueError(
                f"All {kind} arrays should have the same number of samples. Got {kind} arrays with "
                f"{_numbers(found)} samples."
            )
    x, y, w = (found[0] if found else None for found in by_kind.values())
    if y is not None and 0 in (x, y):  # without targets it may be a prediction, of which nothing comes
        raise ValueError("Got arrays without a single sample. Check how the data were loaded or selected.")
    if x is not None and y is not None and x != y:
        raise ValueError(
            f"Input arrays should have the same number of samples as target arrays. Found {x} input samples "
            f"and {y} target samples."
        )
    samples = y if y is not None else x
    if samples is not None and w is not None and samples != w:
        raise ValueError(
            f"Sample_weight arrays should have the same number of samples as target arrays. Got {samples} "
            f"samples and {w} weights."
        )


def _numbers(values):
    return " and ".join(str(v) for v in values)


def _is_loss(loss_fn, function, cls):
    return isinstance(loss_fn, cls) or (
        isinstance(loss_fn, losses.LossFunctionWrapper) and loss_fn.fn is function
    )


def is_sparse_crossentropy(loss_fn):
    return _is_loss(loss_fn, losses.sparse_categorical_crossentropy, losses.SparseCategoricalCrossentropy)


def is_categorical_crossentropy(loss_fn):
    return _is_loss(loss_fn, losses.categorical_crossentropy, losses.CategoricalCrossentropy)


def is_binary_crossentropy(loss_fn):
    return _is_loss(loss_fn, losses.binary_crossentropy, losses.BinaryCrossentropy)


def is_builtin_loss(loss_fn):
    """Whether Keras knows what targets this loss takes; of a user's own loss nothing is assumed."""
    if isinstance(loss_fn, losses.LossFunctionWrapper):
        return getattr(losses, getattr(loss_fn.fn, "__name__", ""), None) is loss_fn.fn
    return isinstance(loss_fn, losses.Loss) and type(loss_fn).__module__ == losses.__name__


# These compare target and prediction number by number, so their shapes must be the same.
_SAME_SHAPE = (losses.mean_squared_error, losses.binary_crossentropy, losses.categorical_crossentropy)


def check_loss_and_target_compatibility(targets, loss_fns, output_shapes):
    """Catches targets that do not suit the loss before they train nonsense.

    Args:
        targets: list of arrays.
        loss_fns: list of `Loss` instances.
        output_shapes: shapes of the outputs the targets are compared with, or `None`.

    Raises:
        ValueError: integer targets for `categorical_crossentropy`, targets of another shape than the
            output, class numbers that are NaN, fractions or out of range.
    """
    for y, loss_fn, shape in zip(targets, loss_fns, output_shapes, strict=True):
        if y is None or loss_fn is None or K.is_tensor(y):
            continue
        if is_categorical_crossentropy(loss_fn) and y.shape[-1] == 1:
            raise ValueError(
                f"You are passing a target array of shape {tuple(y.shape)} while using as loss "
                "`categorical_crossentropy`. `categorical_crossentropy` expects targets to be binary matrices "
                "(1s and 0s) of shape (samples, classes). If your targets are integer classes, convert "
                "them:\n\n"
                "    from keras.utils import to_categorical\n"
                "    y_binary = to_categorical(y_int)\n\n"
                "or use the loss `sparse_categorical_crossentropy`, which expects integer targets."
            )
        check_target_numbers(y, loss_fn, shape)
        if shape is not None and getattr(loss_fn, "fn", None) in _SAME_SHAPE:
            _check_same_shape(y, loss_fn, shape)


def _check_same_shape(y, loss_fn, shape):
    if len(y.shape) != len(shape) or not _fits(tuple(y.shape)[1:], tuple(shape)[1:]):
        raise ValueError(
            f"A target array with shape {tuple(y.shape)} was passed for an output of shape {tuple(shape)} while using "
            f"as loss `{loss_fn.fn.__name__}`. This loss expects targets to have the same shape as the output."
        )


def check_target_numbers(y, loss_fn, shape):
    """What `check_loss_and_target_compatibility` has to say about the numbers of a target, whatever its shape."""
    if not isinstance(y, np.ndarray) or not y.size or y.dtype.kind not in "fiu" or not is_builtin_loss(loss_fn):
        return
    sparse = is_sparse_crossentropy(loss_fn)
    if y.dtype.kind != "f" and not sparse:
        return
    low = y.min()  # carries a NaN through, so that one pass finds it
    if low != low:
        words = (
            f"The target array of shape {tuple(y.shape)} holds NaN(s): losses become NaN, and the weights with them. "
            "Drop those samples (`keep = ~np.isnan(y).any(axis=-1)`) or fill in values."
        )
        if sparse:  # no class number
            raise ValueError(words)
        warn_user(words)
    if sparse:
        _check_class_numbers(y, low, y.max(), shape)


def _check_class_numbers(y, low, high, shape):
    classes = shape[-1] if shape is not None else None
    if y.dtype.kind == "f" and not np.array_equal(y, np.trunc(y)):
        raise ValueError(
            "`sparse_categorical_crossentropy` expects class numbers 0, 1, 2, ... as targets, and got fractions "
            f"(between {low} and {high}). For probabilities per class use `categorical_crossentropy`; for real-valued "
            "targets a regression loss such as 'mse'."
        )
    if low < 0 or (classes is not None and high >= classes):
        raise ValueError(
            f"`sparse_categorical_crossentropy` got class numbers from {low:g} to {high:g}, but the output has "
            f"{classes} units, for classes 0 to {(classes or 0) - 1}. Renumber the classes (`np.unique(y, "
            "return_inverse=True)`) or give the last layer more units."
        )
