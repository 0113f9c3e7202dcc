"""Configurations written by tf.keras 2.x (and the package tf_keras), said in the words of Keras 2.3.1.

Arguments that 2.3.1 does not know are dropped where they say "as in 2.3.1" and refused where they say
anything else. Each function takes the `config` of one object and returns it, or `(class_name, config)`.
"""


import numpy as np

from ...utils.user_warnings import warn_user
from . import keras2, tf_operations
from .refusal import Untranslatable, drop, without


def renamed(class_name, translate=lambda config: config):
    """A translation (none by default) for a class that is called `class_name` here."""
    return lambda config: (class_name, translate(config))


# ------------------------------------------------------------------------------------------ every layer


def common(config):
    """What any layer's config may carry: dtype policies, and bookkeeping of tf.keras's own."""
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = _policy_dtype(config["dtype"])
    elif isinstance(config.get("dtype"), str):
        config["dtype"] = _variable_dtype(config["dtype"])
    if "batch_shape" in config:
        config["batch_input_shape"] = config.pop("batch_shape")
    without(
        config, "build_config", "compile_config", "shared_object_id", "quantization_config", "lora_rank", "autocast"
    )
    if isinstance(config.get("activation"), dict):
        config["activation"] = _activation(config["activation"])
    if config.get("activation") == "silu":
        config["activation"] = "swish"
    return config


def _policy_dtype(policy):
    """{"class_name": "DTypePolicy", "config": {"name": "float32"}} -> "float32"."""
    return _variable_dtype(policy.get("config", {}).get("name") or "float32")


def _variable_dtype(name):
    # Of this mixed policy, which is not one of `keras.mixed_precision`, the arithmetic is float32 here, as the weights.
    return "float32" if name == "mixed_float16" else name


def _activation(value):
    """Functions stored as objects: {"class_name": "function", "config": "my_activation"}."""
    if value.get("class_name") == "function" and isinstance(value.get("config"), str):
        return value["config"]
    return value


# ------------------------------------------------------------------------------------------ layers


def input_layer(config):
    for name, harmless in (("ragged", False), ("optional", False), ("type_spec", None)):
        drop(config, name, harmless)
    return config


def sequential(config):
    """The bookkeeping of a nested model; its layers say the same themselves."""
    return without(config, "trainable", "dtype")


def functional(config):
    without(config, "trainable", "dtype")
    for name in ("input_layers", "output_layers"):
        if name in config:
            config[name] = _coordinates(config[name])
    for layer in config.get("layers", []):
        if layer["class_name"] in ("Model", "Sequential"):
            _calls_of_model(layer)
    config["layers"] = [
        tf_operations.as_tensor_op(layer) if layer["class_name"] in tf_operations.LAYERS else layer
        for layer in config.get("layers", [])
    ]
    return "Model", config


def _calls_of_model(layer):
    """A model inside, called with training=False as in fine-tuning, predicts the same without that argument."""
    calls = [item for node in layer.get("inbound_nodes", []) for item in ([node] if isinstance(node[0], str) else node)]
    for arguments in (call[3] for call in calls if len(call) > 3):
        if arguments.pop("training", None):
            raise Untranslatable(f"the model {layer.get('name')!r} inside it is called with training=True")


def _coordinates(structure):
    """The coordinates [layer, node, tensor] in dicts and nested lists, as one list in the order of tf.keras."""
    if isinstance(structure, dict):
        structure = [structure[key] for key in sorted(structure)]
    if not isinstance(structure, (list, tuple)):
        raise Untranslatable(f"its inputs or outputs hold {structure!r} where a tensor's place is expected")
    if len(structure) == 3 and isinstance(structure[0], str):
        return [structure]
    return [place for item in structure for place in _coordinates(item)]


def rescaling(config):
    scale, offset = config.pop("scale"), config.pop("offset", 0.0)
    config["operations"] = lambda x: x * scale + offset
    return "TensorOp", config


def normalization(config):
    """Mean and variance as arguments; those that were learned lie among the weights."""
    mean, variance = config.pop("mean", None), config.pop("variance", None)
    drop(config, "invert", False)
    if mean is None or variance is None:
        return config
    config.pop("axis", None)
    deviation = np.maximum(np.sqrt(np.asarray(variance, "float32")), 1e-7)
    config["operations"] = lambda x: (x - np.asarray(mean, "float32")) / deviation
    return "TensorOp", config


def layer_normalization(config):
    drop(config, "rms_scaling", False)
    return config


def augmentation(config):
    """Random changes to pictures in training. In predictions these layers do nothing."""
    warn_user(
        f"The layer {config.get('name')!r} of this file changes pictures at random while training, which no layer of"
        " Keras 2 does: here it hands them on as they are. Predictions are the same; for training use an"
        " ImageDataGenerator.",
    )
    return identity({name: config[name] for name in ("name", "batch_input_shape") if name in config})


def convolution(config):
    drop(config, "groups", 1)
    return config


def convolution3d_transpose(config):
    drop(config, "dilation_rate", [1, 1, 1])
    return convolution(config)


def separable(config):
    """tf.keras carries the arguments of plain convolutions along; nothing uses them."""
    return convolution(without(config, "kernel_initializer", "kernel_regularizer", "kernel_constraint"))


def locally_connected(config):
    drop(config, "implementation", 1)
    return config


def zero_padding1d(config):
    drop(config, "data_format", "channels_last")
    return config


def global_pooling(config):
    """`keepdims` is understood by the layers here; only where it is on does their configuration say so."""
    if not config.get("keepdims"):
        config.pop("keepdims", None)
    return config


def identity(config):
    """The layer. An initializer goes by the same name; it has a `gain`."""
    if "gain" in config:
        return config
    config["activation"] = "linear"
    return "Activation", config


def one_axis(config):
    """`axis` may be a list of one; what is done over several axes at once, 2.3.1 cannot do."""
    axis = config.get("axis")
    if isinstance(axis, (list, tuple)):
        if len(axis) != 1:
            raise Untranslatable(f"axis={axis} (several axes) has no equal in Keras 2.3.1")
        config["axis"] = axis[0]
    return config


def batch_normalization(config):
    one_axis(config)
    drop(config, "renorm", False)
    drop(config, "synchronized", False)
    drop(config, "virtual_batch_size")
    drop(config, "adjustment")
    return without(config, "renorm_clipping", "renorm_momentum", "fused")  # which say nothing without renorm


def embedding(config):
    drop(config, "sparse", False)
    return config


def recurrent(config):
    drop(config, "time_major", False)
    drop(config, "reverse_state_order", False)
    config.pop("seed", None)  # of the dropout, which draws its own here
    if config.get("zero_output_for_mask") is False:
        del config["zero_output_for_mask"]
    return config


def simple_recurrent(config):
    return recurrent(without(config, "implementation"))


def gated(config):
    """LSTM: the gates' default is sigmoid in tf.keras 2."""
    config.setdefault("recurrent_activation", "sigmoid")
    return recurrent(config)


def gru(config):
    """GRU: `reset_after` is on unless it is switched off."""
    config.setdefault("reset_after", True)
    return gated(config)


def conv_lstm(config):
    return recurrent(without(config, "implementation", "unroll"))


def stacked_cells(config):
    drop(config, "reverse_state_order", False)
    return config


_MASKED = ("RNN", "SimpleRNN", "LSTM", "GRU", "ConvLSTM2D")


def bidirectional(config):
    """A backward layer of its own is refused; the forward layer turned round is what 2.3.1 makes.

    Inside a Bidirectional that gives sequences, masked steps give zeros in tf.keras and Keras 3; in Keras 2.3.1
    they repeat the output before.
    """
    backward = config.pop("backward_layer", None)
    if backward is not None and _comparable(backward, True) != _comparable(config["layer"], False):
        raise Untranslatable(
            "a backward layer that differs from the forward layer has no equal in Keras 2.3.1"
        )
    inner = config["layer"]["config"]
    if str(inner.get("name", "")).startswith("forward_"):
        inner["name"] = inner["name"][len("forward_") :]
    inner.pop("zero_output_for_mask", None)
    if config["layer"]["class_name"] in _MASKED and inner.get("return_sequences"):
        inner["zero_output_for_mask"] = True
    return config


def _comparable(layer, backwards):
    apart = ("name", "zero_output_for_mask")
    config = {name: value for name, value in layer["config"].items() if name not in apart}
    config["go_backwards"] = bool(config.get("go_backwards")) != backwards
    return layer["class_name"], config


def upsampling2d(config):
    """Bilinear: tf.keras samples at half-pixel centres, Keras 2.3.1 at corners. The file decides."""
    if config.get("interpolation") == "bilinear":
        config["half_pixel_centers"] = True
    elif config.get("interpolation", "nearest") != "nearest":
        raise Untranslatable(f"interpolation={config['interpolation']!r} has no equal in Keras 2.3.1")
    return config


def noise(config):
    """The seed of the noise, which 2.3.1 has no argument for; it plays no part in predictions."""
    return without(config, "seed")


def lambda_layer(config):
    """tf.keras notes the modules of the functions; nothing is ever imported because a file says so."""
    return without(config, "module", "output_shape_module")


def scaled_step(config):
    """Of tf.keras's InceptionResNetV2: x + scale * step, a Lambda in Keras 2."""
    from ...applications.inception_resnet_v2 import scaled_step

    config["arguments"] = {"scale": config.pop("scale")}
    config["function"] = scaled_step
    return config


def leaky_relu(config):
    if "negative_slope" in config:
        config["alpha"] = config.pop("negative_slope")
    return config


# ------------------------------------------------------------------------------------------ initializers and such


def _scaled(scale, mode, distribution):
    def translate(config):
        for name in ("input_axes", "output_axes"):
            drop(config, name)
        return "VarianceScaling", {
            "scale": scale,
            "mode": mode,
            "distribution": distribution,
            "seed": _seed(config.get("seed")),
        }

    translate.__doc__ = f"A name for VarianceScaling({scale}, {mode!r}, {distribution!r})."
    return translate


def _seed(seed):
    return seed if isinstance(seed, int) else None


def variance_scaling(config):
    """'normal' is the truncated one in 2.3.1; the untruncated one differs only in values drawn anew."""
    if config.get("distribution") in ("truncated_normal", "untruncated_normal"):
        config["distribution"] = "normal"
    for name in ("input_axes", "output_axes"):
        drop(config, name)
    return config


def seeded(config):
    config["seed"] = _seed(config.get("seed"))
    return config


LAYERS = {
    "Activation": keras2.activation,
    "BatchNormalization": batch_normalization,
    "BatchNormalizationV1": renamed("BatchNormalization", batch_normalization),
    "BatchNormalizationV2": renamed("BatchNormalization", batch_normalization),
    "Bidirectional": bidirectional,
    "Conv1D": convolution,
    "Conv2D": convolution,
    "Conv3D": convolution,
    "Conv2DTranspose": convolution,
    "Conv3DTranspose": convolution3d_transpose,
    "ConvLSTM2D": conv_lstm,
    "ConvLSTM2DCell": conv_lstm,
    "Custom>CustomScaleLayer": renamed("Lambda", scaled_step),
    "CustomScaleLayer": renamed("Lambda", scaled_step),
    "DepthwiseConv2D": separable,
    "SeparableConv1D": separable,
    "SeparableConv2D": separable,
    "Embedding": embedding,
    "Functional": functional,
    "Model": functional,
    "Sequential": sequential,
    "GRU": gru,
    "GRUCell": gru,
    "GRUV2": renamed("GRU", gru),
    "GlobalAveragePooling1D": global_pooling,
    "GlobalAveragePooling2D": global_pooling,
    "GlobalAveragePooling3D": global_pooling,
    "GlobalMaxPooling1D": global_pooling,
    "GlobalMaxPooling2D": global_pooling,
    "GlobalMaxPooling3D": global_pooling,
    "GaussianDropout": noise,
    "GaussianNoise": noise,
    "Identity": identity,
    "InputLayer": input_layer,
    "LSTM": gated,
    "LSTMCell": gated,
    "LSTMV2": renamed("LSTM", gated),
    "Lambda": lambda_layer,
    "LayerNormalization": layer_normalization,
    "LeakyReLU": leaky_relu,
    "LocallyConnected1D": locally_connected,
    "LocallyConnected2D": locally_connected,
    "Normalization": normalization,
    "RNN": recurrent,
    "RandomContrast": augmentation,
    "RandomFlip": augmentation,
    "RandomRotation": augmentation,
    "RandomTranslation": augmentation,
    "RandomZoom": augmentation,
    "Rescaling": rescaling,
    "SimpleRNN": simple_recurrent,
    "SimpleRNNCell": simple_recurrent,
    "Softmax": one_axis,
    "StackedRNNCells": stacked_cells,
    "UpSampling2D": upsampling2d,
    "ZeroPadding1D": zero_padding1d,
}

OBJECTS = {
    "GlorotUniform": _scaled(1.0, "fan_avg", "uniform"),
    "GlorotNormal": _scaled(1.0, "fan_avg", "normal"),
    "HeUniform": _scaled(2.0, "fan_in", "uniform"),
    "HeNormal": _scaled(2.0, "fan_in", "normal"),
    "LecunUniform": _scaled(1.0, "fan_in", "uniform"),
    "LecunNormal": _scaled(1.0, "fan_in", "normal"),
    "VarianceScaling": variance_scaling,
    "RandomNormal": seeded,
    "RandomUniform": seeded,
    "TruncatedNormal": seeded,
    "Orthogonal": seeded,
    "IdentityInitializer": renamed("Identity"),
    "L1": renamed("L1L2"),
    "L2": renamed("L1L2"),
}
