"""Ctrl-C while the workers of a generator or Sequence are being started."""

import threading

import numpy as np
import pytest

from keras.layers import Dense
from keras.models import Sequential
from keras.utils import Sequence


class Data(Sequence):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.ones((4, 3)), np.ones((4, 2))


def endless():
    while True:
        yield np.ones((4, 3)), np.ones((4, 2))


@pytest.mark.parametrize("source, number", [(Data, 0), (Data, 1), (endless, 0)])  # a generator has one thread
@pytest.mark.parametrize("before", [True, False])
def test_what_is_raised_is_the_interrupt(monkeypatch, source, number, before):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.compile("sgd", "mse")
    model.fit(endless(), steps_per_epoch=2, verbose=0)
    usual, real, started = threading.active_count(), threading.Thread.start, []

    def start(thread):
        interrupted = len(started) == number
        started.append(thread)
        if interrupted and before:
            raise KeyboardInterrupt
        real(thread)
        if interrupted:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        model.fit(source(), steps_per_epoch=2, workers=2, verbose=0)
    monkeypatch.undo()
    assert threading.active_count() == usual
    model.fit(source(), steps_per_epoch=2, verbose=0)
