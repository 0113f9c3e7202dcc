"""Weights are set all or none: by values of a wrong kind, and by Ctrl-C in between."""

import signal
import threading

import numpy as np
import pytest

from keras import backend as K
from keras.backend.config import runtime
from keras.layers import Dense
from keras.models import Sequential


@pytest.fixture
def model():
    return Sequential([Dense(2, input_shape=(3,)), Dense(1)])


def same(model, weights):
    return all(np.array_equal(a, b) for a, b in zip(model.get_weights(), weights, strict=True))


@pytest.mark.parametrize("wrong", [["a", "b"], [None, {}], ["1", "x"]], ids=str)
def test_values_that_are_no_numbers(model, wrong):
    before = model.get_weights()
    with pytest.raises(ValueError, match="dense_.*/bias:0.*cannot be set"):
        model.set_weights([before[0] + 1, np.array(wrong), *before[2:]])
    assert same(model, before)


@pytest.mark.skipif(threading.current_thread() is not threading.main_thread(), reason="only there are interrupts heard")
@pytest.mark.parametrize("how", ["set_weights", "load_weights"])
def test_an_interrupt_in_between(model, monkeypatch, tmp_path, how):
    new = [value + 1 for value in model.get_weights()]
    other = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    other.set_weights(new)
    other.save_weights(tmp_path / "w.h5")
    real, written = runtime().write, []

    def write(variable, value):
        written.append(variable)
        real(variable, value)
        if len(written) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(runtime(), "write", write)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.set_weights(new) if how == "set_weights" else model.load_weights(tmp_path / "w.h5")
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(written) == 4 and same(model, new)


def test_numbers_of_other_types(model):
    model.set_weights([np.full(value.shape, 0.5, "float64").tolist() for value in model.get_weights()])
    assert all((value == 0.5).all() and value.dtype == K.floatx() for value in model.get_weights())
