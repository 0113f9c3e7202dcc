"""Configurations written by Keras 1.x: other class names, other argument names.

Each function takes the `config` of one object and returns `(class_name, config)` or the config alone. Keras
1's `dim_ordering` 'th' / 'tf' is `data_format` 'channels_first' / 'channels_last'; missing, it is the default
of the user's keras.json, as it was then.
"""

from . import merged_branches
from .refusal import Untranslatable, drop, without

_DATA_FORMATS = {"th": "channels_first", "tf": "channels_last", "default": None}

# Keras 1 name -> Keras 2 name, for arguments whose value stays as it is.
_RENAMED = {
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint",
    "b_constraint": "bias_constraint",
    "init": "kernel_initializer",
    "inner_init": "recurrent_initializer",
    "inner_activation": "recurrent_activation",
    "border_mode": "padding",
    "bias": "use_bias",
    "subsample": "strides",
    "p": "rate",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
}

# Keras 1 initializers by the names of Keras 2.
_INITIALIZERS = {"normal": "random_normal", "uniform": "random_uniform", "zero": "zeros", "one": "ones"}

# Regularizers were {"name": "L1L2Regularizer", "l1": ..., "l2": ...} or WeightRegularizer.
_REGULARIZERS = ("L1L2Regularizer", "WeightRegularizer", "ActivityRegularizer", "L1L2")

_CONSTRAINTS = {
    "MaxNorm": ("MaxNorm", {"m": "max_value", "axis": "axis"}),
    "NonNeg": ("NonNeg", {}),
    "UnitNorm": ("UnitNorm", {"axis": "axis"}),
}


def common(config):
    """Renames that hold in every layer."""
    config = {_RENAMED.get(name, name): value for name, value in config.items()}
    if "dim_ordering" in config:
        config["data_format"] = _DATA_FORMATS.get(config.pop("dim_ordering"))
    if "input_dtype" in config:
        config["dtype"] = config.pop("input_dtype")
    for name, value in list(config.items()):
        if name.endswith("_initializer") and isinstance(value, str):
            config[name] = _INITIALIZERS.get(value, value)
        elif name.endswith("_regularizer") and isinstance(value, dict) and "name" in value:
            config[name] = _regularizer(value)
        elif name.endswith("_constraint") and isinstance(value, dict) and "name" in value:
            config[name] = _constraint(value)
    return config


def _regularizer(value):
    if value["name"] not in _REGULARIZERS:
        raise Untranslatable(f"the regularizer {value['name']!r} exists only in Keras 1")
    return {"class_name": "L1L2", "config": {"l1": value.get("l1", 0.0), "l2": value.get("l2", 0.0)}}


def _constraint(value):
    if value["name"] not in _CONSTRAINTS:
        raise Untranslatable(f"the constraint {value['name']!r} exists only in Keras 1")
    class_name, names = _CONSTRAINTS[value["name"]]
    return {
        "class_name": class_name,
        "config": {new: value[old] for old, new in names.items() if old in value},
    }


def _rename(config, **names):
    for old, new in names.items():
        if old in config:
            config[new] = config.pop(old)
    return config


_INPUT = ("input_dim", "input_length")  # batch_input_shape says it too


def dense(config):
    return "Dense", _rename(without(config, *_INPUT), output_dim="units")


_OLD_WORDS = {new: old for old, new in _RENAMED.items()}


def kept(config):
    """Highway and MaxoutDense, which kept the words of Keras 1."""
    config.pop("transform_bias", None)
    return {_OLD_WORDS.get(name, name): value for name, value in config.items()}


def gone(class_name):
    def refuse(config):
        raise Untranslatable(
            "this layer exists only in Keras 1: write it as a layer of your own and hand it in,"
            f" custom_objects={{{class_name!r}: {class_name}}}"
        )

    return refuse


def embedding(config):
    drop(config, "dropout", 0.0)
    config.pop("dtype", None)  # Keras 1 meant the dtype of the input; in Keras 2 it is that of the vectors
    return "Embedding", _rename(
        config,
        kernel_initializer="embeddings_initializer",
        kernel_regularizer="embeddings_regularizer",
        kernel_constraint="embeddings_constraint",
    )


def convolution1d(config):
    return "Conv1D", _rename(
        without(config, *_INPUT),
        nb_filter="filters",
        filter_length="kernel_size",
        subsample_length="strides",
        atrous_rate="dilation_rate",
    )


def _kernel(config, *names):
    config["kernel_size"] = [config.pop(name) for name in names]
    return _rename(config, nb_filter="filters", atrous_rate="dilation_rate")


def convolution2d(config):
    return "Conv2D", _kernel(config, "nb_row", "nb_col")


def convolution3d(config):
    return "Conv3D", _kernel(config, "kernel_dim1", "kernel_dim2", "kernel_dim3")


def deconvolution2d(config):
    config.pop("output_shape", None)  # Keras 2 works it out
    return "Conv2DTranspose", _kernel(config, "nb_row", "nb_col")


def separable_convolution2d(config):
    config = _rename(config, depthwise_init="depthwise_initializer", pointwise_init="pointwise_initializer")
    without(config, "kernel_initializer", "kernel_regularizer", "kernel_constraint")
    return "SeparableConv2D", _kernel(config, "nb_row", "nb_col")


def locally_connected1d(config):
    without(config, *_INPUT)
    return "LocallyConnected1D", _rename(
        config, nb_filter="filters", filter_length="kernel_size", subsample_length="strides"
    )


def locally_connected2d(config):
    return "LocallyConnected2D", _kernel(config, "nb_row", "nb_col")


def pooling1d(config):
    return _rename(config, pool_length="pool_size", stride="strides")


def zero_padding2d(config):
    """Four numbers, in a list or by name, as well as two."""
    padding = config.get("padding")
    if isinstance(padding, dict):
        padding = [padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")]
    if isinstance(padding, (list, tuple)) and len(padding) == 4:
        padding = [padding[:2], padding[2:]]
    config["padding"] = padding
    return config


def upsampling1d(config):
    return _rename(config, length="size")


def recurrent(config):
    forget = config.pop("forget_bias_init", None)
    if forget is not None:
        config["unit_forget_bias"] = forget in ("one", "ones")
    config["implementation"] = {"cpu": 1, "mem": 1, "gpu": 2}.get(config.pop("consume_less", "cpu"), 1)
    return _rename(without(config, *_INPUT), output_dim="units")


def gated(config):
    config = recurrent(config)
    config.setdefault("recurrent_activation", "hard_sigmoid")
    return config


def conv_lstm2d(config):
    config = _kernel(gated(config), "nb_row", "nb_col")
    config.pop("implementation")
    return config


def simple_recurrent(config):
    config = recurrent(config)
    config.pop("implementation")
    return config


def batch_normalization(config):
    mode = config.pop("mode", 0)
    if mode == 1:
        raise Untranslatable("mode=1 (each sample normalised by itself) exists only in Keras 1")
    for name in ("beta", "gamma"):
        if f"{name}_init" in config:
            value = config.pop(f"{name}_init")
            config[f"{name}_initializer"] = _INITIALIZERS.get(value, value)
    return config


def gaussian_noise(config):
    return _rename(config, sigma="stddev")


def prelu(config):
    # Keras 1's init and weights argument for the slopes.
    return _rename(config, kernel_initializer="alpha_initializer")


MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "ave": "Average",
    "max": "Maximum",
    "concat": "Concatenate",
    "dot": "Dot",
    "cos": "Dot",
}


def merge(config):
    """The layer Merge with its modes became one layer for each."""
    mode = config.get("mode")
    if config.get("mode_type", "raw") != "raw" or mode not in MERGES:
        raise Untranslatable(
            "a Merge layer with a function of its own exists only in Keras 1: load the weights into "
            "the same model written with a Lambda layer"
        )
    new = {name: config[name] for name in ("name", "layers") if name in config}
    if mode == "concat":
        new["axis"] = config.get("concat_axis", -1)
    if mode in ("dot", "cos"):
        axes = config.get("dot_axes", -1)
        if isinstance(axes, list):  # one for each input, each perhaps a list of one
            axes = [axis[0] if isinstance(axis, list) and len(axis) == 1 else axis for axis in axes]
        new["axes"] = axes
        new["normalize"] = mode == "cos"
    return MERGES[mode], new


def sequential(config):
    """A Sequential that begins with the Merge of other models is a Model in Keras 2."""
    if not merged_branches.begins_with_branches(config.get("layers")):
        return config
    return "Model", merged_branches.as_model(config["layers"])


def input_layer(config):
    config.setdefault("sparse", False)
    return config


LAYERS = {
    "AtrousConvolution1D": convolution1d,
    "AtrousConvolution2D": convolution2d,
    "BatchNormalization": batch_normalization,
    "Convolution1D": convolution1d,
    "Convolution2D": convolution2d,
    "Convolution3D": convolution3d,
    "Deconvolution2D": deconvolution2d,
    "Dense": dense,
    "TimeDistributedDense": dense,
    "ConvLSTM2D": conv_lstm2d,
    "Embedding": embedding,
    "GRU": gated,
    "GaussianNoise": gaussian_noise,
    "Highway": kept,
    "InputLayer": input_layer,
    "LSTM": gated,
    "LocallyConnected1D": locally_connected1d,
    "LocallyConnected2D": locally_connected2d,
    "MaxoutDense": kept,
    "Merge": merge,
    "MaxPooling1D": pooling1d,
    "AveragePooling1D": pooling1d,
    "PReLU": prelu,
    "ParametricSoftplus": gone("ParametricSoftplus"),
    "SReLU": gone("SReLU"),
    "Sequential": sequential,
    "SeparableConvolution2D": separable_convolution2d,
    "SimpleRNN": simple_recurrent,
    "UpSampling1D": upsampling1d,
    "ZeroPadding2D": zero_padding2d,
}
