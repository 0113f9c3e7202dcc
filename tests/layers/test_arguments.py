"""Every argument of every layer is kept in its config, comes back from it, and does what it says."""

import harness
import numpy as np
import pytest
from every_layer import classes, example, parameters
from harness import Case

from keras import constraints, initializers, regularizers
from keras import layers as L

# What to give where the default does not tell.
VALUES = {
    "activation": "relu", "recurrent_activation": "relu", "data_format": "channels_first", "padding": "same",
    "strides": 3, "dilation_rate": 2, "noise_shape": [None, 1], "seed": 5, "max_value": 6.0, "shared_axes": [1],
    "output_shape": (3,), "arguments": {"scale": 2}, "input_length": 4, "size": 3, "pool_size": 3, "cropping": 2,
    "interpolation": "bilinear", "output_padding": 1, "implementation": 1, "axis": 1, "depth_multiplier": 3,
}  # fmt: skip
# In no config of Keras 2 either (weights that are set at once, a mask that is code), or without a choice.
LEFT_OUT = {
    (L.Bidirectional, "weights"), (L.Lambda, "mask"), (L.LocallyConnected1D, "padding"),
    (L.LocallyConnected2D, "padding"),
}  # fmt: skip
LAYERS = [layer for layer in classes() if not layer.__module__.startswith("keras.legacy")]
OPTION_ENDS = ("_initializer", "_regularizer", "_constraint")


def other_value(parameter):
    """A value that is not the default."""
    default = parameter.default
    if isinstance(default, bool):
        return not default
    if parameter.name == "padding" and not isinstance(default, str):
        return 3  # of zeros, not of a window
    if parameter.name in VALUES:
        return VALUES[parameter.name]
    if isinstance(default, (int, float)):
        return default / 2 + 0.25
    return (2,) * len(default) if isinstance(default, tuple) else None


def plain_arguments():
    for layer in LAYERS:
        required, _ = example(layer)
        for parameter in parameters(layer).values():
            optional = required is not None and parameter.default is not parameter.empty
            of_weights = parameter.name.endswith((*OPTION_ENDS, "activity_regularizer"))
            if optional and not of_weights and (layer, parameter.name) not in LEFT_OUT:
                yield pytest.param(layer, required, parameter, id=f"{layer.__name__}-{parameter.name}")


@pytest.mark.parametrize("layer, required, parameter", list(plain_arguments()))
def test_argument_is_kept(layer, required, parameter):
    value = other_value(parameter)
    assert value is not None, f"tell in VALUES what {parameter} may be"
    extra = {"strides": 2} if parameter.name == "output_padding" else {}
    default = layer(**required, **extra, name="one").get_config()
    config = layer(**required, **extra, name="one", **{parameter.name: value}).get_config()
    changed = {key for key in config if config[key] != default.get(key)}
    implied = {"pool_size": {"strides"}, "input_length": {"batch_input_shape"}}.get(parameter.name, set())
    assert changed == {parameter.name} | implied
    assert harness.plain(layer.from_config(config).get_config()) == harness.plain(config)


# Initializers, regularizers, constraints.


def weight_options():
    for layer in LAYERS:
        required, case = example(layer)
        for parameter in parameters(layer).values():
            if case is not None and parameter.name.endswith(OPTION_ENDS):
                yield pytest.param(layer, required, case, parameter.name, id=f"{layer.__name__}-{parameter.name}")


@pytest.mark.parametrize("layer, required, case, option", list(weight_options()))
def test_option_of_a_weight(layer, required, case, option):
    kind = option.rsplit("_", 1)[1]
    given = {
        "initializer": initializers.Constant(0.375),
        "regularizer": regularizers.L1L2(l1=0.25),
        "constraint": constraints.MinMaxNorm(0.5, 2.0),
    }[kind]
    built, _, _ = harness.connect(Case(layer, {**required, option: given}, case.shape, dtype=case.dtype))
    if kind == "initializer":
        assert sum(np.any(w == 0.375) for w in built.get_weights()) == 1
    elif kind == "constraint":
        assert sum(w.constraint is given for w in built.weights) == 1
    else:
        assert len(built.losses) == 1
    stored = built.get_config()[option]
    assert stored["class_name"] == type(given).__name__
    assert {k: v for k, v in given.get_config().items() if stored["config"][k] != v} == {}
    assert layer.from_config(built.get_config()).get_config()[option] == stored
