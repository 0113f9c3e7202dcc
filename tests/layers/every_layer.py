"""All cases of the tables, and every layer class with what it needs to be made."""

import inspect

import layer_cases
import pytest
import recurrent_cases

from keras import layers as L
from keras.engine.base_layer import Layer

CASES = [*layer_cases.CASES, *recurrent_cases.CASES]


def one_of_each(cases):
    """The first case of each layer: compiling takes nearly all of the tests' time."""
    return list({case.layer: case for case in reversed(list(cases))}.values())


# For the layers of Keras 1 among them.
quiet = pytest.mark.filterwarnings("ignore:The `(Highway|MaxoutDense)` layer is deprecated")

# Base classes: they compute nothing.
BASES = {L.Layer, L.InputLayer, L.Recurrent, L.ConvRecurrent2D, L.Wrapper}

# Classes of which no table of cases gives the required arguments by name.
_REQUIRED = {
    L.SimpleRNNCell: {"units": 2}, L.GRUCell: {"units": 2}, L.LSTMCell: {"units": 2},
    L.ConvLSTM2DCell: {"filters": 2, "kernel_size": 3}, L.RNN: {"cell": L.LSTMCell(2)},
}  # fmt: skip


def classes():
    """The layers of `keras.layers`, sorted by name."""
    found = {x for x in vars(L).values() if isinstance(x, type) and issubclass(x, Layer)}
    return sorted(found - BASES, key=lambda x: x.__name__)


def parameters(layer):
    """{name: parameter} of a class's constructor."""
    return dict(inspect.signature(layer.__init__).parameters)


def example(layer):
    """(the required arguments, the case they are from) of a class, each None where there is none."""
    case = next((c for c in CASES if c.layer is layer), None)
    if case is None:
        return _REQUIRED.get(layer), None
    wanted = [name for name, p in parameters(layer).items() if p.default is p.empty]
    return {name: case.config[name] for name in wanted if name in case.config}, case
