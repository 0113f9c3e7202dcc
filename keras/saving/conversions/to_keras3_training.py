"""How a model was compiled, and its optimizer's state, as Keras 3 writes them."""

from .refusal import Untranslatable
from .to_keras3 import described, function

# Keras 3's names for losses and metrics that Keras 2 calls otherwise.
_FUNCTIONS = {
    "cosine_proximity": "cosine_similarity",
    "cosine": "cosine_similarity",
    "logcosh": "log_cosh",
    "huber_loss": "huber",
    "kullback_leibler_divergence": "kl_divergence",
}
_OPTIMIZERS = ("SGD", "RMSprop", "Adagrad", "Adadelta", "Adam", "Adamax", "Nadam")


def compile_config(training):
    """Keras 3's compile_config for a training configuration of Keras 2 (plain values).

    Raises:
        Untranslatable: for an optimizer that Keras 3 does not have.
    """
    return {
        "optimizer": optimizer(training["optimizer_config"]),
        "loss": _through(training["loss"], "keras.losses"),
        "loss_weights": training["loss_weights"],
        "metrics": _through(training["metrics"], "keras.metrics"),
        "weighted_metrics": _through(training["weighted_metrics"], "keras.metrics"),
        "run_eagerly": False,
        "steps_per_execution": 1,
        "jit_compile": "auto",
    }


def optimizer(value):
    """An optimizer's configuration. `decay` becomes the schedule InverseTimeDecay."""
    class_name, config = value["class_name"], dict(value["config"])
    if class_name not in _OPTIMIZERS:
        raise Untranslatable(f"the optimizer {class_name} is unknown to Keras 3")
    config.pop("epsilon_in_root", None)
    config.pop("schedule_decay", None)
    if "clipnorm" in config:
        config["global_clipnorm"] = config.pop("clipnorm")
    decay = config.pop("decay", 0.0)
    if decay:
        inner = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1, "decay_rate": decay}
        schedule = "keras.optimizers.schedules"
        config["learning_rate"] = described(schedule, "InverseTimeDecay", {**inner, "staircase": False})
    return described("keras.optimizers", class_name, config)


def _through(value, module):
    if isinstance(value, dict) and "class_name" in value and "config" in value:
        config = {name: item for name, item in value["config"].items() if name != "fn"}
        return described(module, value["class_name"], config)
    if isinstance(value, dict):
        return {name: _through(item, module) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_through(item, module) for item in value]
    return _named(value, module) if isinstance(value, str) else value


def _named(name, module):
    from ... import losses, metrics

    known = hasattr(losses, name) or hasattr(metrics, name) or name in ("accuracy", "acc", "crossentropy", "ce")
    return _FUNCTIONS.get(name, name) if known else function(name)


def optimizer_state(class_name, arrays, n_weights, config):
    """The optimizer's variables in Keras 3's order, from Keras 2.3.1's.

    Args:
        arrays: [iterations, (Nadam's schedule), slot by slot].
        n_weights: how many weights it trains.
        config: its configuration here.

    Returns:
        [iteration, learning rate, weight by weight..., (Nadam's schedule)].
    """
    head, rest, tail = [arrays[0]], list(arrays[1:]), []
    if not config.get("decay"):
        head.append(config["learning_rate"])
    if class_name == "Nadam":
        tail, rest = rest[:1], rest[1:]
    if class_name == "SGD" and not config.get("momentum"):
        rest = []
    slots = [rest[start : start + n_weights] for start in range(0, len(rest), n_weights or 1)]
    if class_name == "Adam":
        tail = slots[2] if config.get("amsgrad") else []
        slots = slots[:2]
    return head + [slot[index] for index in range(n_weights) for slot in slots if slot] + tail
