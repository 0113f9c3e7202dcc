"""Argument names of Keras 1, accepted with a warning that shows the call in today's names.

One decorator, made from tables: which old keyword means which new one, which positional
arguments today's signature allows, and converters where a value changed its form too.
"""

import functools
import warnings

_FORMATS = {"tf": "channels_last", "th": "channels_first", "default": None}
_WEIGHTS = {
    "init": "kernel_initializer", "W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint", "b_constraint": "bias_constraint", "bias": "use_bias",
}  # fmt: skip
_CONV = {**_WEIGHTS, "nb_filter": "filters", "border_mode": "padding", "dim_ordering": "data_format"}
_RECURRENT = {
    "output_dim": "units", "init": "kernel_initializer", "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation", "W_regularizer": "kernel_regularizer",
    "U_regularizer": "recurrent_regularizer", "b_regularizer": "bias_regularizer", "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}  # fmt: skip


def generate_legacy_interface(
    allowed_positional_args=None, conversions=None, preprocessor=None, value_conversions=None, object_type="class"
):
    """A decorator that takes old keywords and warns.

    Args:
        allowed_positional_args: names that may be given by place; None allows any.
        conversions: list of (old name, new name).
        preprocessor: function (args, kwargs) -> (args, kwargs, converted), for what a table cannot say;
            `converted` lists (old name, new name).
        value_conversions: {old name: {old value: new value}}.
    """
    conversions = dict(conversions or ())
    values = value_conversions or {}

    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            converted = []
            if preprocessor:
                args, kwargs, converted = preprocessor(args, kwargs)
            for old in [k for k in kwargs if k in conversions]:
                new = conversions[old]
                if new in kwargs:
                    raise_duplicate_arg_error(old, new)
                value = kwargs.pop(old)
                try:
                    value = values.get(old, {}).get(value, value)
                except TypeError:  # a value that is no key
                    pass
                kwargs[new] = value
                converted.append((old, new))
            if object_type == "class" and allowed_positional_args is not None:
                _check_positional(function, args, allowed_positional_args)
            if converted:
                _warn(function, args, kwargs, object_type)
            return function(*args, **kwargs)

        wrapper._original_function = function
        return wrapper

    return decorate


def _check_positional(function, args, allowed):
    if len(args) - 1 > len(allowed):
        name = type(args[0]).__name__
        raise TypeError(
            f"`{name}` can accept only {len(allowed)} positional arguments {tuple(allowed)}, but you passed the "
            f"following positional arguments: {list(args[1:])}. Give the others by name."
        )


def _warn(function, args, kwargs, object_type):
    shown = [repr(a) for a in args[1:]] + [f"{k}={v!r}" for k, v in kwargs.items()]
    name = type(args[0]).__name__ if object_type == "class" and args else function.__name__
    warnings.warn(
        f"Update your `{name}` call to the Keras 2 API: `{name}({', '.join(shown)})`", UserWarning, stacklevel=3
    )


def raise_duplicate_arg_error(old_arg, new_arg):
    """The error for an argument given by its old and its new name."""
    raise TypeError(
        f"For the `{new_arg}` argument, the layer received both the legacy keyword argument `{old_arg}` and the "
        f"Keras 2 keyword argument `{new_arg}`. Stick to the latter!"
    )


def _simple(renames=None, positional=None, preprocessor=None):
    renames = renames or {}
    formats = {"dim_ordering": _FORMATS} if "dim_ordering" in renames else None
    return generate_legacy_interface(positional, list(renames.items()), preprocessor, formats)


def _window_preprocessor(*axes):
    """One size per axis, by place (`Convolution2D(32, 3, 3)`) or by name, becomes one `kernel_size`."""

    def preprocess(args, kwargs):
        given = list(args[2 : 2 + len(axes)])
        named = axes[len(given) :]
        complete = all(isinstance(size, int) for size in given) and all(name in kwargs for name in named)
        if not complete or len(args) > 2 + len(axes):
            return args, kwargs, []
        kwargs = dict(kwargs)
        sizes = given + [kwargs.pop(name) for name in named]
        return args[:2], {**kwargs, "kernel_size": tuple(sizes)}, [("/".join(axes), "kernel_size")]

    return preprocess


conv2d_args_preprocessor = _window_preprocessor("nb_row", "nb_col")
conv3d_args_preprocessor = _window_preprocessor("kernel_dim1", "kernel_dim2", "kernel_dim3")


def separable_conv2d_args_preprocessor(args, kwargs):
    """Also lets `init` begin both kernels."""
    converted = []
    if "init" in kwargs:
        kwargs = dict(kwargs)
        kwargs["depthwise_initializer"] = kwargs["pointwise_initializer"] = kwargs.pop("init")
        converted = [("init", "depthwise_initializer/pointwise_initializer")]
    args, kwargs, more = conv2d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def conv1d_args_preprocessor(args, kwargs):
    """`input_dim` and `input_length` become `input_shape`."""
    if "input_dim" not in kwargs:
        return args, kwargs, []
    kwargs = dict(kwargs)
    size, length = kwargs.pop("input_dim"), kwargs.pop("input_length", None)
    return args, {**kwargs, "input_shape": (length, size)}, [("input_dim", "input_shape")]


def deconv2d_args_preprocessor(args, kwargs):
    """Also drops `output_shape`, which is inferred today."""
    converted = []
    if len(args) == 5 and isinstance(args[4], (tuple, list)):
        args, converted = args[:4], [("output_shape", None)]
    if "output_shape" in kwargs:
        kwargs = {k: v for k, v in kwargs.items() if k != "output_shape"}
        converted = [("output_shape", None)]
    args, kwargs, more = conv2d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def embedding_kwargs_preprocessor(args, kwargs):
    """`dropout` is gone: a layer of its own does it today."""
    if "dropout" not in kwargs:
        return args, kwargs, []
    warnings.warn(
        "The `dropout` argument is no longer supported in `Embedding`; ignored. You can apply a "
        "`keras.layers.SpatialDropout1D` layer right after the `Embedding` layer to get the same behavior.",
        UserWarning, stacklevel=3,
    )  # fmt: skip
    return args, {k: v for k, v in kwargs.items() if k != "dropout"}, []


def batchnorm_args_preprocessor(args, kwargs):
    """`mode=0` is what there is today; other modes are gone."""
    if len(args) > 1:
        raise TypeError("The `BatchNormalization` layer takes its arguments by name only.")
    if "mode" not in kwargs:
        return args, kwargs, []
    if kwargs["mode"] != 0:
        raise TypeError(
            f"`BatchNormalization` was given mode={kwargs['mode']!r}: modes 1 and 2 of Keras 1 no longer exist. "
            "Leave `mode` out for normalization by feature."
        )
    return args, {k: v for k, v in kwargs.items() if k != "mode"}, [("mode", None)]


_CONSUME_LESS = {"cpu": 1, "mem": 1, "gpu": 2}


def _forget_bias(kwargs):
    """`forget_bias_init` becomes `unit_forget_bias`: today the bias starts at 1 or as the others do."""
    if "forget_bias_init" not in kwargs:
        return kwargs, []
    kwargs = dict(kwargs)
    kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")
    return kwargs, [("forget_bias_init", "unit_forget_bias")]


def recurrent_args_preprocessor(args, kwargs):
    """`forget_bias_init`, `consume_less`, and the size of the input by its old names."""
    kwargs, converted = _forget_bias(kwargs)
    if "consume_less" in kwargs:
        kwargs = dict(kwargs)
        kwargs["implementation"] = _CONSUME_LESS.get(kwargs.pop("consume_less"), 1)
        converted.append(("consume_less", "implementation"))
    args, kwargs, more = conv1d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def convlstm2d_args_preprocessor(args, kwargs):
    """`forget_bias_init`, and the sizes of the window."""
    kwargs, converted = _forget_bias(kwargs)
    args, kwargs, more = conv2d_args_preprocessor(args, kwargs)
    return args, kwargs, converted + more


def zeropadding2d_args_preprocessor(args, kwargs):
    """`padding={'top_pad': 1, ...}` becomes pairs."""
    padding = args[1] if len(args) == 2 else kwargs.get("padding")
    if isinstance(padding, dict):
        unknown = set(padding) - {"top_pad", "bottom_pad", "left_pad", "right_pad"}
        if unknown:
            raise ValueError(f"Unexpected key in `padding` dictionary: {sorted(unknown)}.")
        t, b, left, r = (padding.get(k, 0) for k in ("top_pad", "bottom_pad", "left_pad", "right_pad"))
        return args[:1], {**kwargs, "padding": ((t, b), (left, r))}, [("padding", "padding")]
    return args, kwargs, []


_COUNTS_OF_KERAS_1 = ("samples_per_epoch", "val_samples", "nb_epoch", "nb_val_samples", "nb_worker")


def generator_methods_args_preprocessor(args, kwargs):
    """`samples_per_epoch` counted samples; `steps_per_epoch` counts batches, where their size is known."""
    converted = []
    if any(name in kwargs for name in _COUNTS_OF_KERAS_1):
        warnings.warn(
            "In Keras 2 `steps_per_epoch`, `validation_steps` and `steps` count batches, where Keras 1's "
            "`samples_per_epoch`, `nb_val_samples` and `val_samples` counted samples: divide them by the batch size.",
            UserWarning, stacklevel=3,
        )  # fmt: skip
    if "samples_per_epoch" in kwargs:
        kwargs = dict(kwargs)
        generator = args[1] if len(args) > 1 else kwargs.get("generator")
        samples = kwargs.pop("samples_per_epoch")
        kwargs["steps_per_epoch"] = samples // getattr(generator, "batch_size", 1)
        converted.append(("samples_per_epoch", "steps_per_epoch"))
    return args, kwargs, converted


def get_updates_arg_preprocessing(args, kwargs):
    """`get_updates(params, constraints, loss)` of Keras 1 becomes `get_updates(loss, params)`."""
    if len(args) > 4:
        raise TypeError(f"`get_updates` takes (loss, params); it was given {len(args) - 1} arguments.")
    kwargs = {k: v for k, v in kwargs.items() if k != "constraints"}
    if len(args) == 4:
        optimizer, params, _, loss = args
        return [optimizer], {**kwargs, "loss": loss, "params": params}, []
    if len(args) > 1 and isinstance(args[1], (list, tuple)):
        return [args[0]], {**kwargs, "params": args[1]}, []
    return args, kwargs, []


def add_weight_args_preprocessing(args, kwargs):
    """`add_weight(shape, ...)` had the shape first, then the name or the initializer."""
    if len(args) > 1 and isinstance(args[1], (tuple, list)):
        kwargs = {**kwargs, "shape": args[1]}
        if len(args) > 2:
            kwargs["name" if isinstance(args[2], str) else "initializer"] = args[2]
        return args[:1], kwargs, []
    return args, kwargs, []


legacy_dense_support = _simple({"output_dim": "units", **_WEIGHTS}, ["units"])
legacy_dropout_support = _simple({"p": "rate"}, ["rate", "noise_shape", "seed"])
legacy_embedding_support = _simple(
    {"init": "embeddings_initializer", "W_regularizer": "embeddings_regularizer",
     "W_constraint": "embeddings_constraint"},
    ["input_dim", "output_dim"], embedding_kwargs_preprocessor,
)  # fmt: skip
legacy_pooling1d_support = _simple(
    {"pool_length": "pool_size", "stride": "strides", "border_mode": "padding"}, ["pool_size", "strides", "padding"]
)
legacy_pooling2d_support = _simple(
    {"border_mode": "padding", "dim_ordering": "data_format"}, ["pool_size", "strides", "padding"]
)
legacy_pooling3d_support = legacy_pooling2d_support
legacy_global_pooling_support = _simple({"dim_ordering": "data_format"})
legacy_prelu_support = _simple({"init": "alpha_initializer"}, ["alpha_initializer"])
legacy_gaussiannoise_support = _simple({"sigma": "stddev"}, ["stddev"])
legacy_gaussiandropout_support = _simple({"p": "rate"}, ["rate"])
legacy_recurrent_support = _simple(_RECURRENT, ["units"], recurrent_args_preprocessor)
legacy_lambda_support = _simple({}, ["function", "output_shape"])
legacy_model_constructor_support = generate_legacy_interface(
    None, [("input", "inputs"), ("output", "outputs")], object_type="class"
)
legacy_input_support = generate_legacy_interface(None, [("input_dtype", "dtype")], object_type="function")
_CONV1D = {**_WEIGHTS, "nb_filter": "filters", "filter_length": "kernel_size", "border_mode": "padding",
           "subsample_length": "strides"}  # fmt: skip
legacy_conv1d_support = _simple(_CONV1D, ["filters", "kernel_size"], conv1d_args_preprocessor)
legacy_conv2d_support = _simple({**_CONV, "subsample": "strides"}, ["filters", "kernel_size"], conv2d_args_preprocessor)
legacy_conv3d_support = _simple({**_CONV, "subsample": "strides"}, ["filters", "kernel_size"], conv3d_args_preprocessor)
legacy_deconv2d_support = _simple(
    {**_CONV, "subsample": "strides"}, ["filters", "kernel_size"], deconv2d_args_preprocessor
)
legacy_separable_conv2d_support = _simple(
    {"nb_filter": "filters", "subsample": "strides", "border_mode": "padding", "dim_ordering": "data_format",
     "b_regularizer": "bias_regularizer", "b_constraint": "bias_constraint", "bias": "use_bias"},
    ["filters", "kernel_size"], separable_conv2d_args_preprocessor,
)  # fmt: skip
legacy_convlstm2d_support = _simple(
    {**_RECURRENT, "nb_filter": "filters", "subsample": "strides", "border_mode": "padding",
     "dim_ordering": "data_format", "bias": "use_bias"},
    ["filters", "kernel_size"], convlstm2d_args_preprocessor,
)  # fmt: skip
legacy_upsampling1d_support = _simple({"length": "size"}, ["size"])
legacy_upsampling2d_support = legacy_upsampling3d_support = _simple({"dim_ordering": "data_format"}, ["size"])
legacy_zeropadding2d_support = _simple({"dim_ordering": "data_format"}, ["padding"], zeropadding2d_args_preprocessor)
legacy_zeropadding3d_support = _simple({"dim_ordering": "data_format"}, ["padding"])
legacy_cropping2d_support = legacy_cropping3d_support = _simple({"dim_ordering": "data_format"}, ["cropping"])
legacy_spatialdropout1d_support = _simple({"p": "rate"}, ["rate"])
legacy_spatialdropoutNd_support = _simple({"p": "rate", "dim_ordering": "data_format"}, ["rate"])
legacy_batchnorm_support = _simple(
    {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"}, [], batchnorm_args_preprocessor
)
legacy_add_weight_support = generate_legacy_interface(
    ["name", "shape"], None, add_weight_args_preprocessing, object_type="method"
)
legacy_get_updates_support = generate_legacy_interface(
    None, None, get_updates_arg_preprocessing, object_type="method"
)


def legacy_order_of_arguments(shared, *names):
    """For an optimizer that took more arguments by place before Keras 2.3: `SGD(0.01, 0.9, 1e-6, True)`.

    Args:
        shared: number of the places that are what they were.
        *names: what came after them. Today a switch may come there, which is no float.
    """

    def preprocess(args, kwargs):
        rest = args[1 + shared :]
        today = len(rest) == 1 and isinstance(rest[0], int)
        if not rest or today or len(rest) > len(names) or any(name in kwargs for name in names[: len(rest)]):
            return args, kwargs, []
        return args[: 1 + shared], {**kwargs, **dict(zip(names, rest))}, []

    return generate_legacy_interface(preprocessor=preprocess)


legacy_generator_methods_support = generate_legacy_interface(
    None,
    [("samples_per_epoch", "steps_per_epoch"), ("val_samples", "steps"), ("nb_epoch", "epochs"),
     ("nb_val_samples", "validation_steps"), ("nb_worker", "workers"), ("pickle_safe", "use_multiprocessing"),
     ("max_q_size", "max_queue_size")],
    generator_methods_args_preprocessor, object_type="method",
)  # fmt: skip
