"""From what the user passes to a model's methods to what its compiled functions are fed."""

from __future__ import annotations

import numpy as np

from .. import backend as K
from ..utils.generic_utils import to_list, unpack_singleton
from . import training_data, training_utils
from . import training_symbols as symbols
from .network import Network


def assert_compiled(model):
    """Refuses a model that cannot be trained yet.

    Raises:
        RuntimeError: the model was never compiled.
    """
    if not getattr(model, "optimizer", None):
        raise RuntimeError(
            "You must compile a model before training/testing. "
            "Use `model.compile(optimizer, loss)`, e.g. `model.compile('rmsprop', loss='mse')`."
        )


def check_given(doing, name, steps, *data):
    """Refuses a call with neither data nor a number of steps, the argument `name`.

    Raises:
        ValueError: there is nothing to compute from.
    """
    if steps is None and all(part is None for part in data):
        raise ValueError(
            f"If {doing} from data tensors, you should specify the `{name}` argument "
            "(otherwise pass the data as `x`)."
        )


def standardize_user_data(
    model, x, y=None, sample_weight=None, class_weight=None, check_array_lengths=True, batch_size=None
):
    """User data as lists of arrays `(x, y, sample_weights)`, checked against the model.

    Builds and compiles a model whose shapes were not known so far.

    Raises:
        ValueError, TypeError: data that do not fit; see `training_data`.
        RuntimeError: targets for a model that is not compiled.
    """
    x, y, sample_weight = symbols.computed(x, y, sample_weight)
    if y is not None or sample_weight is not None:
        assert_compiled(model)
    if not model.built:
        set_inputs(model, x)
    if model.optimizer and not model._is_compiled:
        model._compile_now()
    shapes = model._feed_input_shapes if model._is_graph_network else None
    x = training_utils.standardize_input_data(
        x, model._feed_input_names, shapes, check_batch_axis=False, exception_prefix="input"
    )
    check_indices(model, x)
    y = None if isinstance(y, (list, tuple)) and len(y) == 0 else y  # trained by `add_loss` alone
    weights = []
    if y is not None:
        y, weights = _standardize_targets(model, x, y, sample_weight, class_weight, check_array_lengths)
    elif check_array_lengths:
        training_utils.check_array_length_consistency(x, None)
    if batch_size and model.stateful:
        check_stateful_batches(x, batch_size)
    return x, y or [], weights


def _standardize_targets(model, x, y, sample_weight, class_weight, check_array_lengths):
    names, loss_fns = model._feed_output_names, model._feed_loss_fns
    y = training_utils.standardize_input_data(y, names, None, exception_prefix="target")
    shapes = model._feed_output_shapes if model._is_graph_network else [None] * len(names)
    # Before the shapes are compared: the message about class numbers says more.
    categorical = [fn if training_data.is_categorical_crossentropy(fn) else None for fn in loss_fns]
    training_utils.check_loss_and_target_compatibility(y, categorical, [None] * len(names))
    wanted = [_target_shape(s, fn) for s, fn in zip(shapes, loss_fns, strict=True)]
    training_data.check_shapes(y, names, wanted, check_batch_axis=False, prefix="target")
    if check_array_lengths:
        training_utils.check_array_length_consistency(x, y)
    weights = [
        training_utils.standardize_weights(ref, of_sample, of_class, mode)
        for ref, of_sample, of_class, mode in zip(
            y,
            training_utils.standardize_sample_weights(sample_weight, names),
            training_utils.standardize_class_weights(class_weight, names),
            model._feed_sample_weight_modes,
            strict=True,
        )
    ]
    training_utils.check_loss_and_target_compatibility(y, loss_fns, shapes)
    return y, weights


def _target_shape(shape, loss_fn):
    """The shape that targets of an output must have; `None` where the loss is the user's own."""
    if shape is None or not training_data.is_builtin_loss(loss_fn):
        return None
    if not training_data.is_sparse_crossentropy(loss_fn):
        return shape
    if K.image_data_format() == "channels_first" and len(shape) in (4, 5):
        return (shape[0], 1) + tuple(shape[2:])
    return tuple(shape[:-1]) + (1,)


def check_fed(model, y):
    """Refuses a batch without the targets that the losses need.

    Raises:
        ValueError: the model has a loss on targets and there are none.
    """
    if model._feed_output_names and not y:
        names = ", ".join(f'"{n}"' for n in model._feed_output_names)
        raise ValueError(
            f"The model's loss compares outputs with targets, and none were passed. Pass `y`, for {names}."
        )


def check_samples(x):
    """Refuses inputs that make no batch; tells whether there are none to predict, as in `x[x[:, 0] > 7]`.

    Raises:
        ValueError: inputs with differently many samples.
    """
    counts = sorted({int(a.shape[0]) for a in x})
    if len(counts) > 1:
        raise ValueError(f"All input arrays should have the same number of samples. Got {counts}.")
    return counts == [0]


def outputs_for_none(model):
    """What a model predicts for no samples: arrays of its outputs' shapes, with nothing in them."""
    shapes = [(0, *(size or 0 for size in K.int_shape(output)[1:])) for output in model.outputs]
    return [np.zeros(shape, K.dtype(o)) for shape, o in zip(shapes, model.outputs, strict=True)]


def index_limits(model):
    """{place of an input: (how many rows, layer)} for inputs that go straight into an `Embedding`."""
    found = {}
    if not model._is_graph_network:
        return found
    for place, tensor in enumerate(model._feed_inputs):
        for node in tensor._keras_history[0]._outbound_nodes:
            layer = node.outbound_layer
            if type(layer).__name__ == "Embedding" and any(x is tensor for x in node.input_tensors):
                found[place] = (layer.input_dim, layer)
    return found


def check_indices(model, arrays):
    """Refuses indices that an `Embedding` has no row for: the compiled program would read NaN."""
    for place, (rows, layer) in index_limits(model).items():
        x = arrays[place]
        if not isinstance(x, np.ndarray) or x.size == 0:
            continue
        low, high = x.min(), x.max()
        if low < 0 or high >= rows:
            remedy = (
                "Indices begin at 0: what does the negative one stand for?" if low < 0 else
                f"Make it larger (input_dim={int(high) + 1}: the largest index + 1), or keep the indices in the data "
                "below that, such as with Tokenizer(num_words=...)."
            )  # fmt: skip
            raise ValueError(
                f"The input holds indices from {low:g} to {high:g}, but the layer {layer.name} (Embedding) has the "
                f"rows 0 to {rows - 1}. {remedy}"
            )


def check_stateful_batches(x, batch_size):
    """Refuses what a stateful model cannot go on from.

    Raises:
        ValueError: samples that do not fill whole batches, whose states would get lost.
    """
    samples = x[0].shape[0] if x else 0
    if samples % batch_size:
        raise ValueError(
            "In a stateful network, you should only pass inputs with a number of samples that can be divided by the "
            f"batch size. Found: {samples} samples, batch size {batch_size}. Pass the first "
            f"{samples // batch_size * batch_size} samples, or another batch size."
        )


def set_inputs(model, inputs, outputs=None, training=None):
    """Builds a model whose input shapes were not known from data.

    Args:
        inputs: arrays (or a list or dictionary of them) like those that follow.
        outputs: symbolic outputs, where they are known already.
        training: passed on to a `call` that takes it.
    """
    if inputs is None or training_data.is_generator_or_sequence(inputs):
        raise ValueError(
            "The model has no input shape yet: give the first layer `input_shape=...`, or call `model.build`."
        )
    arrays = list(inputs.values()) if isinstance(inputs, dict) else to_list(inputs, allow_tuple=True)
    arrays = [training_utils.standardize_single_array(a) for a in arrays]
    if hasattr(model, "add"):  # Sequential, which cannot be imported from here
        if len(arrays) != 1:
            raise ValueError(f"A Sequential model takes one input array, got {len(arrays)}.")
        model.build(input_shape=(None,) + tuple(arrays[0].shape[1:]))
        return
    _build_from_call(model, arrays, outputs, training)


def _build_from_call(model, arrays, outputs, training):
    """The symbolic inputs and outputs of a model that is written as a subclass with `call`."""
    if model.inputs:
        raise ValueError("Model inputs are already set.")
    names = [f"input_{i + 1}" for i in range(len(arrays))]
    placeholders = [
        K.placeholder(shape=(None,) + tuple(a.shape[1:]), name=n) for a, n in zip(arrays, names, strict=True)
    ]
    if outputs is None:
        takes_training = getattr(model, "_expects_training_arg", False)
        arguments = {"training": training} if takes_training else {}
        outputs = model._call_named(unpack_singleton(placeholders), arguments)
    outputs = to_list(outputs, allow_tuple=True)
    model._set(
        inputs=placeholders,
        input_names=names,
        _feed_inputs=placeholders,
        _feed_input_names=names,
        _feed_input_shapes=[K.int_shape(p) for p in placeholders],
        outputs=outputs,
        output_names=[f"output_{i + 1}" for i in range(len(outputs))],
    )
    model.built = True


def infer_batch_size(model, batch_size, steps, x):
    """The batch size to use: as given, as the model was built for, else 32 (`None` with `steps`).

    Raises:
        ValueError: no positive integer, or one that contradicts the model or the data.
    """
    if batch_size is not None:
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 1:
            raise ValueError(f"`batch_size` must be a positive integer, got {batch_size!r}.")
        if training_data.is_generator_or_sequence(x):
            raise ValueError(
                "The `batch_size` argument must not be specified when using a generator/Sequence as an input: it "
                "delivers whole batches."
            )
    layers = Network.layers.fget(model)
    static = training_utils.get_static_batch_size(layers[0]) if layers else None
    if static is not None:
        if batch_size is not None and batch_size != static:
            raise ValueError(
                f"The `batch_size` argument value {batch_size} is incompatible with the specified batch size of your "
                f"Input Layer: {static}."
            )
        if steps is None:
            batch_size = static
    if batch_size is None and steps is None:
        batch_size = 32
    return int(batch_size) if batch_size is not None else None


def split(arrays, fraction):
    """The arrays up to the last `fraction` of the samples, and the rest.

    Raises:
        ValueError: if one of the two would be empty.
    """
    if not isinstance(fraction, (int, float, np.number)) or not 0.0 < fraction < 1.0:
        raise ValueError(
            f"`validation_split` must be between 0 and 1 (the fraction to hold out), got {fraction!r}."
        )
    if not arrays:
        raise ValueError("`validation_split` cuts arrays; for data tensors pass `validation_data`.")
    samples = int(arrays[0].shape[0])
    at = int(samples * (1.0 - fraction))
    if at == 0:
        raise ValueError(
            f"`validation_split={fraction}` of {samples} sample(s) leaves none to train on. "
            "Choose another fraction, or pass `validation_data`."
        )
    return [_part(a, 0, at) for a in arrays], [_part(a, at, samples) for a in arrays]


def _part(array, start, stop):
    if isinstance(array, np.ndarray) or hasattr(array, "toarray"):
        return array[start:stop]
    return _Part(array, start, stop)


class _Part:
    """Some rows of an array that is not in memory, still not in memory."""

    def __init__(self, whole, start, stop):
        self.whole = whole
        self.start = start
        self.shape = (stop - start, *whole.shape[1:])
        self.dtype = whole.dtype

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            return self.whole[self.start + start : self.start + stop : step]
        return self.whole[[self.start + int(r) for r in np.ravel(rows)]]
