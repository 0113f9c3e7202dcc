"""Configurations of Keras 2.3.1 in the words of Keras 3, for `.keras` archives.

Each function in the table takes the `config` of one layer (a dict of its own, to change freely) and returns it,
or `(class_name, config)`. What Keras 3 computes otherwise is refused, with the way out: the .h5 file.
"""

from .hard_sigmoid import refuse_unless_scalable
from .refusal import Untranslatable, without

# Where Keras 3 looks for the objects in an argument, by the end of the argument's name.
_MODULES = {
    "_initializer": "keras.initializers",
    "_regularizer": "keras.regularizers",
    "_constraint": "keras.constraints",
}
_SAME_ACTIVATIONS = frozenset(
    "elu exponential hard_sigmoid linear relu selu sigmoid softmax softplus softsign tanh".split()
)
_WAY_OUT = "Save the model as .h5 instead, which holds everything: model.save('model.h5')"


def described(module, class_name, config, registered_name=None):
    """An object as Keras 3 writes it."""
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered_name}


def own(thing, config):
    """An object of a class of the user's: found again through custom_objects, or where it is registered."""
    from ...utils.custom_objects import registered_name

    name = registered_name(type(thing))
    return described(type(thing).__module__, type(thing).__name__, config, name)


def layer(layer, config):
    """A layer's `config` (its get_config(), with what is inside already translated) in Keras 3's words.

    Raises:
        Untranslatable: naming the layer and the argument.
    """
    if not _is_ours(layer):
        return own(layer, _arguments(dict(config)))
    class_name = type(layer).__name__
    config = {name: value for name, value in config.items() if name not in ("batch_input_shape", "input_dtype")}
    try:
        if class_name in _UNKNOWN_THERE:
            raise Untranslatable("Keras 3 has no such layer")
        refuse_unless_scalable(class_name, config)
        translated = _LAYERS.get(class_name, lambda config: config)(config)
        class_name, config = translated if isinstance(translated, tuple) else (class_name, translated)
        return described("keras.layers", class_name, _arguments(config))
    except Untranslatable as error:
        raise Untranslatable(
            f"The {class_name} {layer.name!r} cannot be written into a .keras archive: {error}. {_WAY_OUT}."
        ) from None


def _is_ours(thing):
    return type(thing).__module__.split(".")[0] == __name__.split(".")[0]


# ------------------------------------------------------------------------------------------ arguments


def _arguments(config):
    return {name: _argument(name, value) for name, value in config.items()}


def _argument(name, value):
    if name in ("activation", "recurrent_activation") and isinstance(value, str):
        return value if value in _SAME_ACTIVATIONS else function(value)
    for end, module in _MODULES.items():
        if name.endswith(end) and isinstance(value, dict) and "class_name" in value:
            return described(module, value["class_name"], _inside(value))
    if name == "dtype" and isinstance(value, dict):
        return described("keras", "DTypePolicy", value["config"])
    return value


def _inside(value):
    config = dict(value["config"])
    if value["class_name"] == "VarianceScaling" and config.get("distribution") == "normal":
        config["distribution"] = "truncated_normal"
    return config


def function(name):
    """A function of the user's, by name."""
    return described("builtins", "function", name, "function")


# ------------------------------------------------------------------------------------------ layers


def _without(*names):
    return lambda config: without(config, *names)


def _leaky_relu(config):
    config["negative_slope"] = config.pop("alpha")
    return config


def _thresholded_relu(config):
    config["threshold"] = config.pop("theta")
    return "ReLU", config


def _separable_conv1d(config):
    if config.get("padding") == "causal":
        raise Untranslatable("padding='causal' is unknown to Keras 3's SeparableConv1D")
    return config


def _upsampling2d(config):
    if config.get("interpolation") == "bilinear" and not config.pop("half_pixel_centers", False):
        raise Untranslatable(
            "interpolation='bilinear' samples at the corners of pixels in Keras 2.3.1, at half-pixel centres in"
            " Keras 3"
        )
    return config


def _cudnn(class_name, **arguments):
    def translate(config):
        return class_name, {**config, "activation": "tanh", "recurrent_activation": "sigmoid", **arguments}

    return translate


def _lambda(config):
    for name in ("function", "output_shape", "mask"):
        kind, value = config.pop(f"{name}_type", None), config.get(name)
        if kind == "lambda":
            code, defaults, closure = value
            inner = {"code": code, "defaults": defaults, "closure": closure}
            config[name] = {"class_name": "__lambda__", "config": inner}
        elif kind == "function":
            config[name] = function(value)
    return config


# Keras 3 picks the way to compute by itself; dropout's seed is its own.
_recurrent = _without("implementation")

_UNKNOWN_THERE = frozenset(
    "ConvLSTM2DCell ConvRNN2D Highway LocallyConnected1D LocallyConnected2D MaxoutDense TensorOp".split()
)

_LAYERS = {
    "AlphaDropout": _without("noise_shape"),
    "Conv3DTranspose": _without("dilation_rate"),  # 2.3.1 has none either
    "CuDNNGRU": _cudnn("GRU", reset_after=True),
    "CuDNNLSTM": _cudnn("LSTM"),
    "Embedding": _without("input_length"),
    "GRU": _recurrent,
    "GRUCell": _recurrent,
    "LSTM": _recurrent,
    "LSTMCell": _recurrent,
    "Lambda": _lambda,
    "LeakyReLU": _leaky_relu,
    "SeparableConv1D": _separable_conv1d,
    "SpatialDropout1D": _without("noise_shape", "trainable"),
    "SpatialDropout2D": _without("noise_shape", "trainable"),
    "SpatialDropout3D": _without("noise_shape", "trainable"),
    "ThresholdedReLU": _thresholded_relu,
    "UpSampling2D": _upsampling2d,
}
