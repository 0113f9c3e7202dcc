"""What is written into .h5 files so that tf.keras and Keras 3 open them too.

Every change means the same to Keras 2.3.1, which is whom the file is for; the readers beside it each have a blind
spot: Keras 3 counts the batch axis of `batch_input_shape` twice unless there is an InputLayer, does not find layers
inside wrappers without `module`, does not know losses by their short names, nor `schedule_decay`, nor tf.keras's
form of policies, which all know by name.

`model` and `training` change configurations on writing; `own_model` undoes on reading what users would see.
"""

import copy

_INSIDE = ("layer", "cell", "backward_layer")

_LOSSES = {
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
}
_LOSSES.update({name.upper(): full for name, full in list(_LOSSES.items())})

# Losses whose names nobody but Keras 2 knows, as the classes that all of them have.
_LOSS_CLASSES = {
    "huber_loss": "Huber",
    "kld": "KLDivergence",
    "KLD": "KLDivergence",
    "kullback_leibler_divergence": "KLDivergence",
    "logcosh": "LogCosh",
}
_DEFAULT_SCHEDULE_DECAY = 0.004


# ------------------------------------------------------------------------------------------ architectures


def model(config):
    """A new {"class_name", "config"}: what `config` (plain values) says, in the form that most programs read."""
    return _layer(copy.deepcopy(config))


def _layer(described):
    config = described.get("config")
    if not isinstance(config, dict):
        return described
    layers = config.get("layers")
    if isinstance(layers, list):
        layers = [_layer(layer) for layer in layers]
        if described["class_name"] == "Sequential":
            layers = _with_input_layer(layers)
        config["layers"] = layers
    for name in _INSIDE:
        if _is_described(config.get(name)):
            config[name] = _inside(config[name])
    if isinstance(config.get("cells"), list):
        config["cells"] = [_inside(cell) for cell in config["cells"]]
    if _is_described(config.get("dtype")):  # a policy
        config["dtype"] = config["dtype"]["config"]["name"]
    if described["class_name"].startswith("SpatialDropout"):
        for name, default in (("noise_shape", None), ("trainable", True)):
            if name in config and config[name] is default:
                del config[name]
    return described


def _is_described(value):
    return isinstance(value, dict) and "class_name" in value and "config" in value


def _inside(described):
    """A layer inside a layer: with the module where Keras 3 finds it."""
    from .. import layers

    described = _layer(described)
    if described["class_name"] in ("Model", "Sequential"):
        return {"module": "keras", **described}
    described["config"].pop("batch_input_shape", None)  # the outer layer says it
    return {"module": "keras.layers", **described} if hasattr(layers, described["class_name"]) else described


def _with_input_layer(layers):
    """The shape of a Sequential's input as a layer of its own, before the one that carries it."""
    first = layers[0] if layers else None
    shape = first and first["class_name"] != "InputLayer" and first["config"].get("batch_input_shape")
    if not shape or first["class_name"] in ("Model", "Sequential"):
        return layers
    dtype = first["config"].get("dtype") or "float32"
    config = {
        "batch_input_shape": list(shape),
        "dtype": "float32" if dtype == "mixed_bfloat16" else dtype,
        "sparse": False,
        "name": _input_name(first),
    }
    return [{"class_name": "InputLayer", "config": config}, *layers]


def _input_name(first):
    return f"{first['config']['name']}_input"


def own_model(described):
    """The configuration before `model`'s InputLayer was put in, for ourselves (changed in place)."""
    config = described.get("config")
    if not isinstance(config, dict):
        return described
    layers = config.get("layers")
    if isinstance(layers, list) and all(_is_described(layer) for layer in layers):
        for layer in layers:
            own_model(layer)
        if described["class_name"] == "Sequential" and _is_ours(layers):
            del layers[0]
    for name in _INSIDE:
        if _is_described(config.get(name)):
            own_model(config[name])
    return described


def _is_ours(layers):
    return (
        len(layers) > 1
        and layers[0]["class_name"] == "InputLayer"
        and isinstance(layers[0]["config"], dict)
        and isinstance(layers[1]["config"], dict)
        and bool(layers[1]["config"].get("batch_input_shape"))
        and layers[1]["config"].get("batch_input_shape") == layers[0]["config"].get("batch_input_shape")
        and layers[0]["config"].get("name") == f"{layers[1]['config'].get('name')}_input"
    )


# ------------------------------------------------------------------------------------------ training


def training(config):
    """A new training configuration that means the same and that most programs read."""
    config = copy.deepcopy(config)
    optimizer = config["optimizer_config"]["config"]
    optimizer.pop("epsilon_in_root", None)
    if optimizer.get("schedule_decay") == _DEFAULT_SCHEDULE_DECAY:
        del optimizer["schedule_decay"]
    loss = config["loss"]
    if isinstance(loss, str) and loss in _LOSS_CLASSES:
        config["loss"] = {
            "class_name": _LOSS_CLASSES[loss],
            "config": {"reduction": "sum_over_batch_size", "name": loss},
        }
    else:
        config["loss"] = _long_names(loss)
    return config


def _long_names(loss):
    if isinstance(loss, dict):
        return loss if _is_described(loss) else {name: _long_names(item) for name, item in loss.items()}
    if isinstance(loss, list):
        return [_long_names(item) for item in loss]
    return _LOSSES.get(loss, loss) if isinstance(loss, str) else loss
