"""KERAS_TORCH_COMPILE: programs go through `torch.compile`, or run as they are where that fails."""

from functools import partial

import numpy as np
import pytest
import torch

from keras import backend as K
from keras.layers import Dense, Dropout
from keras.models import Sequential
from keras.runtimes.torch import compilation


@pytest.fixture
def backend(monkeypatch):
    """Function that has `torch.compile` take a backend; the default one takes a minute."""

    def use(name):
        torch.compiler.reset()
        monkeypatch.setattr(compilation, "_warned", [])
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=name))

    yield use
    torch.compiler.reset()


def _trained(option, monkeypatch):
    """The losses of two steps and a prediction."""
    monkeypatch.setenv("KERAS_TORCH_COMPILE", option)
    K.clear_session()
    np.random.seed(0)
    model = Sequential([Dense(3, activation="relu", input_shape=(4,)), Dropout(0.5), Dense(2)])
    model.compile("sgd", "mse")
    random = np.random.RandomState(1)
    x, y = random.rand(8, 4), random.rand(8, 2)
    return [*(model.train_on_batch(x, y) for _ in range(2)), *model.predict(x).ravel()]


@pytest.mark.filterwarnings("ignore:The .grad attribute")  # PyTorch's own, while it compiles
def test_compiled_programs_give_the_same_numbers(backend, monkeypatch):
    graphs = []

    def count(graph, example_inputs):
        graphs.append(graph)
        return graph

    backend(count)
    wanted = _trained("0", monkeypatch)
    assert not graphs
    np.testing.assert_allclose(_trained("1", monkeypatch), wanted, rtol=1e-5)
    assert graphs


@pytest.mark.filterwarnings("ignore:The .grad attribute")
def test_programs_run_where_no_compiler_works(backend, monkeypatch):
    def none_here(graph, example_inputs):
        raise OSError("no C++ compiler")

    backend(none_here)
    wanted = _trained("", monkeypatch)
    with pytest.warns(UserWarning, match=r"torch\.compile failed .*no C\+\+ compiler") as warned:
        found = _trained("1", monkeypatch)
    np.testing.assert_array_equal(found, wanted)
    assert sum("torch.compile" in str(w.message) for w in warned) == 1


def test_mistakes_in_feeds_are_told_as_ever(backend, monkeypatch):
    backend("eager")
    monkeypatch.setenv("KERAS_TORCH_COMPILE", "1")
    x = K.placeholder((None, None))
    function = K.function([x], [K.dot(x, K.ones((3, 2)))])
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        function([np.zeros((2, 5))])
    np.testing.assert_array_equal(function([np.ones((1, 3))])[0], [[3, 3]])


def test_it_is_off_unless_asked_for(monkeypatch):
    monkeypatch.delenv("KERAS_TORCH_COMPILE", raising=False)
    assert not compilation.asked_for()
