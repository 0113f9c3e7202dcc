"""Configurations written by multi-backend Keras 2.0 to 2.3.0, where they differ from 2.3.1's.

Each function takes the `config` of one object (a dict of its own, to change freely) and returns it, or
`(class_name, config)` if the class has another name. The tables at the end say which class each is for.
"""


def numbers_without_wrapping(config):
    """Up to 2.2.0, LeakyReLU, ELU and ThresholdedReLU wrote NumPy numbers as {"type": "ndarray", "value":
    0.3}.
    """
    for name in ("alpha", "theta", "max_value", "negative_slope", "threshold"):
        value = config.get(name)
        if isinstance(value, dict) and set(value) == {"type", "value"}:
            config[name] = value["value"]
    return config


def recurrent_implementation(config):
    """Implementation 0 (2.0's default) went away in 2.3; 1 computes the same."""
    if config.get("implementation") == 0:
        config["implementation"] = 1
    return config


def simple_recurrent(config):
    """SimpleRNN has no implementations to choose from since 2.1."""
    config.pop("implementation", None)
    return config


def recurrent_hard_sigmoid(config):
    """Before 2.3 the gates' default was hard_sigmoid, then sigmoid: spell it out where it is missing."""
    config.setdefault("recurrent_activation", "hard_sigmoid")
    return recurrent_implementation(config)


def activation(config):
    """MobileNet's 'relu6' was a function of its own until 2.2.2, and a ReLU layer from then on."""
    if config.get("activation") != "relu6":
        return config
    del config["activation"]
    return "ReLU", {**config, "max_value": 6.0}


LAYERS = {
    "Activation": activation,
    "LeakyReLU": numbers_without_wrapping,
    "ELU": numbers_without_wrapping,
    "ThresholdedReLU": numbers_without_wrapping,
    "ReLU": numbers_without_wrapping,
    "SimpleRNN": simple_recurrent,
    "SimpleRNNCell": simple_recurrent,
    "LSTM": recurrent_hard_sigmoid,
    "LSTMCell": recurrent_hard_sigmoid,
    "GRU": recurrent_hard_sigmoid,
    "GRUCell": recurrent_hard_sigmoid,
}
