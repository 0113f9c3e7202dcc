"""Training configurations (optimizer, loss, metrics) of other versions, in the words of Keras 2.3.1.

What cannot be said here raises Untranslatable; the caller then loads the model without compiling it and says why.
"""


import numpy as np

from ...utils.user_warnings import warn_user
from .refusal import Untranslatable, drop, without

# ------------------------------------------------------------------------------------------ optimizers


def _common_optimizer(config):
    """Arguments of tf.keras's and Keras 3's optimizers that 2.3.1's do not have."""
    without(
        config, "name", "jit_compile", "is_legacy_optimizer", "ema_momentum", "ema_overwrite_frequency",
        "loss_scale_factor",
    )  # fmt: skip
    drop(config, "weight_decay", 0, 0.0, False)
    drop(config, "use_ema", False)
    drop(config, "gradient_accumulation_steps", 1)
    if isinstance(config.get("learning_rate"), dict):
        config.update(_schedule(config["learning_rate"]))
    return config


def _schedule(value):
    """InverseTimeDecay, lr / (1 + rate * step / steps), is what `decay` means; other schedules are refused."""
    inner = value.get("config", {})
    if value.get("class_name") == "InverseTimeDecay" and not inner.get("staircase"):
        return {
            "learning_rate": inner["initial_learning_rate"],
            "decay": inner["decay_rate"] / inner["decay_steps"],
        }
    raise Untranslatable(
        f"the learning rate schedule {value.get('class_name')} stored in the optimizer has no equal in Keras "
        "2.3.1 (use the callback LearningRateScheduler)"
    )


def _clipping(config, n_weights):
    """tf.keras's clipnorm is for each gradient by itself, 2.3.1's (tf.keras's global_clipnorm) for all together."""
    per_gradient = config.pop("clipnorm", None)
    together = config.pop("global_clipnorm", None)
    if per_gradient is not None and n_weights != 1:
        raise Untranslatable(
            f"clipnorm={per_gradient} clips each gradient by itself in tf.keras and Keras 3, and all "
            "of them by their common norm in Keras 2.3.1"
        )
    norm = per_gradient if per_gradient is not None else together
    if norm is not None:
        config["clipnorm"] = norm
    if config.get("clipvalue") is None:
        config.pop("clipvalue", None)
    return config


def rmsprop(config):
    drop(config, "momentum", 0, 0.0)
    drop(config, "centered", False)
    return config


def adagrad(config):
    config.pop("initial_accumulator_value", None)  # see `starts_elsewhere`
    return config


def nadam(config):
    """tf.keras's older Nadam keeps its schedule under the name `decay`."""
    if "decay" in config:
        config["schedule_decay"] = config.pop("decay")
    return config


def _refuse_schedule(class_name, config):
    if class_name == "Nadam" and isinstance(config.get("learning_rate"), dict):
        raise Untranslatable(
            f"the learning rate schedule {config['learning_rate'].get('class_name')} stored in the optimizer has no"
            " equal in Keras 2.3.1, whose Nadam knows no decay (use the callback LearningRateScheduler)"
        )


# Where Keras 3's rule is another: epsilon under the root; Nadam's momentum schedule 0.96 ** step, in which
# Keras 2 multiplies the step by schedule_decay.
_NEW_RULES = {
    "RMSprop": {"epsilon_in_root": True},
    "Adagrad": {"epsilon_in_root": True},
    "Nadam": {"schedule_decay": 1.0},
}

_OPTIMIZERS = {"RMSprop": rmsprop, "Adagrad": adagrad, "Nadam": nadam}
_KNOWN = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")


def _class_of(name):
    return {known.lower(): known for known in _KNOWN}.get(name.lower(), name)


def optimizer(value, origin, n_weights=None, own_classes=()):
    """{"class_name", "config"} of an optimizer. n_weights: the number of trainable weights, where it is known."""
    class_name = value["class_name"].rpartition(">")[2]
    config = dict(value["config"])
    if class_name in own_classes:
        return {"class_name": class_name, "config": config}
    if origin.family in ("tf_keras", "keras3"):
        class_name = _class_of(class_name)
        if class_name not in _KNOWN:
            raise Untranslatable(f"the optimizer {class_name} has no equal in Keras 2.3.1")
        # tf.keras got the optimizers of Keras 3 with 2.11; only their configs have jit_compile.
        new_rules = origin.family == "keras3" or "jit_compile" in config
        _refuse_schedule(class_name, config)
        config = _clipping(_common_optimizer(config), n_weights)
        translate = _OPTIMIZERS.get(class_name)
        config = translate(config) if translate else config
        if new_rules:
            config.update(_NEW_RULES.get(class_name, {}))
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    return {"class_name": class_name, "config": config}


def starts_elsewhere(value, origin):
    """Whether an optimizer without saved state would start from other values than 2.3.1's does."""
    if origin.family not in ("tf_keras", "keras3"):
        return False
    return value["class_name"].rpartition(">")[2] == "Adagrad" and bool(
        value["config"].get("initial_accumulator_value")
    )


# What tf.keras's optimizers take by themselves, where Keras 2.3.1's take something else.
_DEFAULTS = {
    "Adadelta": {"learning_rate": 0.001},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1},
    "Adamax": {"learning_rate": 0.001},
    "Nadam": {"learning_rate": 0.001},
}


def _by_name(name):
    """tf.keras stores compile's arguments as they were given: "adam". It is one of its newer optimizers."""
    class_name = _class_of(name)
    return {"class_name": class_name, "config": {"jit_compile": False, **_DEFAULTS.get(class_name, {})}}


def from_compile_config(value):
    """Keras 3's `compile_config`, in the layout of Keras 2's training configuration."""
    if "optimizer" not in value:  # Keras 3 leaves it out of models that it has loaded from .h5 files
        raise Untranslatable("it names no optimizer")
    optimizer = value["optimizer"]
    return {
        "optimizer_config": _by_name(optimizer) if isinstance(optimizer, str) else optimizer,
        "loss": value["loss"],
        "metrics": value.get("metrics"),
        "weighted_metrics": value.get("weighted_metrics"),
        "loss_weights": value.get("loss_weights"),
        "sample_weight_mode": value.get("sample_weight_mode"),
    }


# ------------------------------------------------------------------------------------------ losses and metrics

# Names that later versions use for the same function.
_FUNCTIONS = {"log_cosh": "logcosh", "kl_divergence": "kullback_leibler_divergence", "huber": "huber_loss"}


def losses(value, origin):
    """The `loss` of a training configuration: a name, an object, or lists and dicts of them."""
    if origin.family in ("keras1", "keras2"):
        return value
    return _through(value, _loss)


def metrics(value, origin):
    """The `metrics` of a training configuration; names are as the user gave them, without the output's."""
    if origin.family in ("keras1", "keras2"):
        return value
    return _through(value, _metric)


def _through(value, translate):
    """Applies `translate` to every leaf (a name or an object) of nested lists and dicts; `None`s disappear."""
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        return "<lambda>" if value["class_name"] == "__lambda__" else translate(value)  # its name, as in .h5 files
    if isinstance(value, dict):
        return {name: _through(item, translate) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_through(item, translate) for item in value]
    return translate(value) if isinstance(value, str) else value


def _loss(value):
    if isinstance(value, str):
        return _FUNCTIONS.get(value, value)
    if value["class_name"] == "function":
        return _loss(value["config"])
    config = {name: item for name, item in value["config"].items() if name not in ("dtype", "fn")}
    if config.get("reduction") in ("auto", "mean", "sum_over_batch_size"):
        config["reduction"] = "sum_over_batch_size"
    drop(config, "ignore_class")
    drop(config, "axis", -1)
    return {"class_name": value["class_name"].rpartition(">")[2], "config": config}


def _metric(value):
    if isinstance(value, str):
        return _FUNCTIONS.get(value, value)
    if value["class_name"] == "function":
        return _metric(value["config"])
    config = dict(value["config"])
    if isinstance(config.get("dtype"), dict):
        config["dtype"] = "float32"
    function = config.get("fn")
    if isinstance(function, dict):
        function = function.get("config")
    if value["class_name"] == "MeanMetricWrapper" and isinstance(function, str):
        return _wrapped(config, function)
    without(config, "fn", "axis")
    class_name = value["class_name"].rpartition(">")[2]
    for name, harmless in _BEYOND.get(class_name, {}).items():
        drop(config, name, harmless)
    return {"class_name": class_name, "config": config}


# What metrics take in tf.keras beyond Keras 2.3.1, and the value that changes nothing.
_BEYOND = {
    "AUC": {"multi_label": False, "num_labels": None, "label_weights": None, "from_logits": False},
    "MeanIoU": {"ignore_class": None, "sparse_y_true": True, "sparse_y_pred": True},
    "SensitivityAtSpecificity": {"class_id": None},
    "SparseCategoricalCrossentropy": {"ignore_class": None},
    "SpecificityAtSensitivity": {"class_id": None},
}


# Other names of functions, under which their values stand in the history where they were used.
_SHORT = {
    "mean_absolute_error": ("mae",),
    "mean_absolute_percentage_error": ("mape",),
    "mean_squared_error": ("mse",),
    "mean_squared_logarithmic_error": ("msle",),
}


def _wrapped(config, function):
    """tf.keras stores 'mse' as the function it became; 2.3.1 makes it that function again, with the name."""
    name = config.get("name", function)
    shorts = ("accuracy", "acc") if function.endswith("accuracy") else _SHORT.get(function, ())
    for short in shorts:
        if name != function and (name == short or name.endswith("_" + short)):
            return short
    return _FUNCTIONS.get(function, function)


# ------------------------------------------------------------------------------------------ optimizer state


def optimizer_state(class_name, names, arrays, origin, n_weights, config):
    """The saved state of an optimizer in 2.3.1's order.

    Args:
        class_name, config: the optimizer's, in 2.3.1's words.
        names, arrays: as in the file.
        n_weights: how many weights it trains.

    Returns:
        ([iterations, (momentum cache), slot by slot], the learning rate where the file keeps it as a variable or None).
    """
    learning_rate = None
    if any(_last(name) in ("iteration", "learning_rate", "_current_learning_rate") for name in names):
        arrays, learning_rate = _slot_by_slot(class_name, names, arrays, n_weights, config)
    if origin.version < (2, 3) and class_name in ("RMSprop", "Adagrad", "Adadelta"):
        slots = 2 if class_name == "Adadelta" else 1
        if len(arrays) == slots * n_weights:  # the step counter was not saved
            arrays = [np.zeros((), "int64")] + list(arrays)
    if class_name == "Adam" and len(arrays) == 1 + 2 * n_weights:
        # 2.3.1 keeps the third slot without amsgrad too.
        arrays = list(arrays) + [np.zeros((1,), "float32")] * n_weights
    return arrays, learning_rate


# The slots of Keras 3's optimizers, weight by weight.
_SLOTS = {
    "SGD": ("momentum",),
    "RMSprop": ("velocity",),
    "Adagrad": ("accumulator",),
    "Adadelta": ("accumulated_grad", "accumulated_delta_var"),
    "Adam": ("momentum", "velocity"),
    "Adamax": ("momentum", "norm"),
    "Nadam": ("momentum", "velocity"),
}


def names_by_number(class_name, arrays, n_weights):
    """Names for the variables of an optimizer in a .keras archive, where they are only numbered."""
    names = ["iteration"]
    if len(arrays) > 1 and arrays[1].shape == () and arrays[1].dtype.kind == "f":  # none under a schedule
        names.append("learning_rate")
    names += [f"{number}_{slot}" for number in range(n_weights) for slot in _SLOTS.get(class_name, ())]
    if class_name == "Nadam":
        names.append("u_product")
        if len(arrays) < len(names):  # see `_momentum_cache`
            names.pop()
    if class_name == "Adam" and len(arrays) > len(names):
        names += [f"{number}_velocity_hat" for number in range(n_weights)]
    if class_name == "SGD" and len(arrays) < len(names):  # without momentum
        names = names[: len(arrays)]
    return names if len(names) == len(arrays) else [str(number) for number in range(len(arrays))]


def _last(name):
    return name.rpartition("/")[2].partition(":")[0]


def _slot_by_slot(class_name, names, arrays, n_weights, config):
    """Keras 3 and tf.keras from 2.11 on: [iteration, learning_rate, (u_product), m, v, m, v, ...]."""
    learning_rate, iterations, cache, slots = None, np.zeros((), "int64"), [], {}
    for name, array in zip(names, arrays, strict=True):
        short = _last(name)
        if short == "iteration":
            iterations = array
        elif short in ("learning_rate", "_current_learning_rate"):
            learning_rate = array
        elif class_name == "Nadam" and not cache and array.shape == () and _slot_kind(name) == short:
            cache = [array]
        else:
            slots.setdefault(_slot_kind(name), []).append(array)
    if any(len(group) != n_weights for group in slots.values()):
        return list(arrays), learning_rate  # not understood: the count will not fit, and that is reported
    if class_name == "Nadam" and slots and not cache:
        cache = [_momentum_cache(int(iterations), config)]
    return [iterations] + cache + [array for group in slots.values() for array in group], learning_rate


def _momentum_cache(steps, config):
    """The product of Nadam's momenta so far, which tf.keras from 2.11 on forgets to save.

    (Nor does it keep it rightly: it multiplies by a step's momentum once for every weight.)
    """
    warn_user(
        "tf.keras does not save the product of momenta that its Nadam needs. It was calculated from the count of steps;"
        " training goes on a little differently than in tf.keras.",
    )
    # After so many steps it is zero.
    steps = np.arange(1, min(steps, 10_000) + 1)
    momenta = config["beta_1"] * (1 - 0.5 * 0.96 ** (steps * config["schedule_decay"]))
    return np.asarray(np.prod(momenta), "float32")


# What Keras 3 hangs onto a variable's name; longer ones first.
_SLOT_ENDINGS = (
    "velocity_hat",
    "accumulated_delta_var",
    "accumulated_grad",
    "accumulator",
    "momentum",
    "velocity",
    "norm",
)


def _slot_kind(name):
    """'adam/dense_kernel_momentum' -> 'momentum'; 'Adam/m/dense/kernel:0' -> 'm'."""
    short = _last(name)
    for ending in _SLOT_ENDINGS:
        if short.endswith("_" + ending):
            return ending
    parts = name.split("/")
    return parts[1] if len(parts) > 2 else short
