"""What an accelerator would refuse or wait for, found without one.

Programs are run on PyTorch's fake tensors, which refuse operations whose operands lie on different devices, and values
that are read back. 'meta' stands for the accelerator: PyTorch without CUDA has no gradients for fake CUDA tensors.
"""

import gc
import operator

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from keras import backend as K
from keras.runtimes.evaluate import SignedWords
from keras.runtimes.torch import RUNTIME, control, runtime
from keras.runtimes.torch.source import function_of
from keras.runtimes.torch.table import TABLE, tensor_of
from tests.differential import models, small

DEVICE = torch.device("meta")


class NothingSent(TorchDispatchMode):
    """Refuses operations that send something from the CPU to the accelerator or back."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        touched = [t.device.type for t in tree_leaves((args, kwargs, result)) if isinstance(t, torch.Tensor)]
        assert len(set(touched)) < 2, f"{function} copies between {set(touched)}"
        return result


def _both(condition, then, otherwise):
    """Both branches of a condition, whose value has to be read back."""
    then()
    return control.cond(True, otherwise, then)


@pytest.fixture(scope="module", autouse=True)
def _nothing_left():
    yield
    gc.collect()  # other tests count tensors


@pytest.fixture
def elsewhere(monkeypatch):
    """Programs run on the stand-in alone, and give zeros. The second of two runs, with the number of the step there too
    as in a CUDA graph, must send nothing."""
    monkeypatch.setitem(control.STRUCTURAL, "cond", _both)
    monkeypatch.setitem(TABLE, "print_tensor", lambda x, message: x)
    ran = []

    def call(program, feeds):
        arrays = [RUNTIME.to_device(feed) for feed, fed in zip(feeds, program._fed, strict=True) if fed]
        given = [*map(RUNTIME.storage, program._read), *arrays]
        step = np.array([program.take_step()], np.uint32)
        with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True):
            function = function_of(program.program, DEVICE)
            given = [torch.empty(t.shape, dtype=t.dtype, device=DEVICE) for t in given]
            function(program.seeds, step, *given)
            step = SignedWords(torch.zeros(1, dtype=torch.int32, device=DEVICE), operator.rshift)
            with NothingSent():
                outputs, new = function(program.seeds, step, *given)
        assert {t.device.type for t in (*outputs, *new)} <= {DEVICE.type}
        ran.append(program)
        return [torch.zeros(o.shape, dtype=o.dtype) for o in outputs]

    monkeypatch.setattr(runtime.TorchCompiled, "__call__", call)
    K.clear_session()
    np.random.seed(0)
    yield ran
    K.clear_session()


@pytest.mark.filterwarnings("ignore:The `")  # layers of Keras 1 say what they are
@pytest.mark.parametrize("compute", [
    small.primitives, small.layers, small.gradients_of_layers, small.losses_and_gradients, small.metrics,
    small.optimizers, small.random_bits, small.random_numbers,
], ids=lambda compute: compute.__name__)  # fmt: skip
def test_programs_stay_on_one_device_and_wait_for_nothing(elsewhere, compute):
    compute()
    assert elsewhere


@pytest.mark.parametrize("name", models.TRAINED)
def test_so_does_training(elsewhere, name):
    model, x, y = models.TRAINED[name]()
    model.train_on_batch(models._part(x, slice(24)), models._part(y, slice(24)))
    assert elsewhere


@pytest.mark.parametrize("wrong", [
    lambda x: x.relu() + torch.ones(3), lambda x: x * x.sum().item(), lambda x: x + tensor_of(np.ones(3), x.device),
    lambda x: x.cpu().to(x.device),
])  # fmt: skip
def test_faults_are_found(elsewhere, monkeypatch, wrong):
    monkeypatch.setitem(TABLE, "relu", wrong)
    x = K.placeholder((None, 3))
    with pytest.raises((RuntimeError, AssertionError), match="device|item|_local_scalar_dense|copies"):
        K.function([x], [K.relu(x)])([np.ones((2, 3))])
