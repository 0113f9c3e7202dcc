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

    # Arguments
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
            before = dict(kwargs)
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
                _warn(function, args, kwargs, before, object_type)
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


def _warn(function, args, kwargs, before, object_type):
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


def _window_preprocessor(axes, first):
    """`nb_row=3, nb_col=3` (or three sizes by place) become one `kernel_size`."""

    def preprocess(args, kwargs):
        converted = []
        if len(args) > 3 and all(isinstance(a, int) for a in args[1 : 2 + len(axes)]) and len(args) >= 2 + len(axes):
            sizes = args[2 : 2 + len(axes)]
            args = [*args[:2], tuple(sizes), *args[2 + len(axes) :]]
            return args, kwargs, [(first, "kernel_size")]
        if all(a in kwargs for a in axes):
            kwargs = dict(kwargs)
            kwargs["kernel_size"] = tuple(kwargs.pop(a) for a in axes)
            converted.append((axes[0], "kernel_size"))
        return args, kwargs, converted

    return preprocess


def _dropped(*names):
    """Old keywords that no longer mean anything: taken out with a warning."""

    def preprocess(args, kwargs):
        kwargs = dict(kwargs)
        converted = []
        for name in names:
            if name in kwargs:
                kwargs.pop(name)
                warnings.warn(f"The `{name}` argument is no longer supported; ignored.", UserWarning, stacklevel=4)
        return args, kwargs, converted

    return preprocess


conv2d_args_preprocessor = _window_preprocessor(("nb_row", "nb_col"), "nb_row/nb_col")
conv3d_args_preprocessor = _window_preprocessor(("kernel_dim1", "kernel_dim2", "kernel_dim3"), "kernel_dim*")
separable_conv2d_args_preprocessor = convlstm2d_args_preprocessor = conv2d_args_preprocessor
batchnorm_args_preprocessor = _dropped("mode")
embedding_kwargs_preprocessor = _dropped("dropout")


def deconv2d_args_preprocessor(args, kwargs):
    """Also drops `output_shape`, which is inferred today."""
    if "output_shape" in kwargs:
        kwargs = {k: v for k, v in kwargs.items() if k != "output_shape"}
        warnings.warn("The `output_shape` argument is inferred and is ignored.", UserWarning, stacklevel=4)
    return conv2d_args_preprocessor(args, kwargs)


def recurrent_args_preprocessor(args, kwargs):
    """`forget_bias_init='one'` and `consume_less`, and input sizes by their old names."""
    kwargs, converted = dict(kwargs), []
    if "forget_bias_init" in kwargs:
        kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")
        converted.append(("forget_bias_init", "unit_forget_bias"))
    if "consume_less" in kwargs:
        kwargs["implementation"] = 2 if kwargs.pop("consume_less") == "gpu" else 1
        converted.append(("consume_less", "implementation"))
    if "input_dim" in kwargs:
        size = kwargs.pop("input_dim")
        kwargs["input_shape"] = (kwargs.pop("input_length", None), size)
    return args, kwargs, converted


def zeropadding2d_args_preprocessor(args, kwargs):
    """`padding={'top_pad': 1, ...}` becomes pairs."""
    padding = kwargs.get("padding")
    if isinstance(padding, dict):
        unknown = set(padding) - {"top_pad", "bottom_pad", "left_pad", "right_pad"}
        if unknown:
            raise ValueError(f"Unexpected key in `padding` dictionary: {sorted(unknown)}.")
        t, b, left, r = (padding.get(k, 0) for k in ("top_pad", "bottom_pad", "left_pad", "right_pad"))
        return args, {**kwargs, "padding": ((t, b), (left, r))}, [("padding", "padding")]
    return args, kwargs, []


def generator_methods_args_preprocessor(args, kwargs):
    """`samples_per_epoch` and `val_samples` counted samples; steps count batches, so they only warn."""
    return args, kwargs, []


def get_updates_arg_preprocessing(args, kwargs):
    """`get_updates(params, constraints, loss)` becomes `get_updates(loss, params)`."""
    if len(args) > 3:
        return [args[0], args[3], args[1]], kwargs, []
    if "constraints" in kwargs:
        kwargs = {k: v for k, v in kwargs.items() if k != "constraints"}
    return args, kwargs, []


def add_weight_args_preprocessing(args, kwargs):
    """`add_weight(shape, initializer, name=...)` had the shape first."""
    if len(args) > 1 and isinstance(args[1], (tuple, list)):
        kwargs = {**kwargs, "shape": args[1]}
        if len(args) > 2:
            kwargs.setdefault("initializer", args[2])
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
legacy_conv1d_support = _simple(_CONV1D, ["filters", "kernel_size"])
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
legacy_generator_methods_support = generate_legacy_interface(
    None,
    [("samples_per_epoch", "steps_per_epoch"), ("val_samples", "steps"), ("nb_epoch", "epochs"),
     ("nb_val_samples", "validation_steps"), ("nb_worker", "workers"), ("pickle_safe", "use_multiprocessing"),
     ("max_q_size", "max_queue_size")],
    generator_methods_args_preprocessor, object_type="method",
)  # fmt: skip
