"""Compiling and running programs with PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from ...graph import dtypes
from ...graph.ops.native import as_list
from ...graph.primitive import Spec
from ...graph.program import Program
from ...graph.tensor import Tensor, Variable
from ..contract import Compiled, Runtime
from ..interrupts import Whole
from ..recording import each, leaves, record
from . import compilation, recurrent
from .placement import device_here
from .source import function_of
from .table import DTYPES, NAMES, tensor_of

Array = Any

_CPU = torch.device("cpu")


class TorchCompiled(Compiled):
    """A program as a Python function, run eagerly unless `torch.compile` was asked for."""

    runtime: TorchRuntime

    def __init__(self, runtime: TorchRuntime, program: Program) -> None:
        super().__init__(runtime, program)
        runtime.compiled += 1
        compile = compilation.asked_for()
        function = function_of(program, runtime.device, reusing=not compile)  # graphs end where values are written over
        self._function = compilation.compiled(function) if compile else function
        self._read = [variable for variable, _ in program.variables]
        self._fed = [slot >= 0 for _, slot in program.inputs]

    def __call__(self, feeds: Sequence[Any]) -> list[Any]:
        if torch.is_inference_mode_enabled():
            with torch.inference_mode(False):
                return self(feeds)
        storage, to_device, tensor = self.runtime.storage, self.runtime.to_device, torch.Tensor
        step = np.array([self.take_step()], dtype=np.uint32)
        variables = [v.storage if isinstance(v.storage, tensor) else storage(v) for v in self._read]
        arrays = [to_device(feed) for feed, fed in zip(feeds, self._fed, strict=True) if fed]
        with torch.no_grad():
            outputs, new = self._function(self.seeds, step, *variables, *arrays)
        with Whole():
            self.store(new)
        return [_Output(o.detach()) for o in outputs]

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        return [None if s is None else self.runtime.to_device(s) for s in stacks]


class _Output:
    """A result that NumPy may look at, once it is computed and from whatever device."""

    __slots__ = ("tensor",)

    def __init__(self, tensor: Array) -> None:
        self.tensor = tensor

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.tensor.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = RUNTIME.to_host(self.tensor)
        array.flags.writeable = False  # it may be a variable's own memory
        return array if dtype is None and not copy else np.array(array, dtype)


class TorchRuntime(Runtime):
    """PyTorch on the device that `torch.set_default_device` names, or else the first accelerator there is."""

    name = "torch"
    title = "PyTorch"
    # A step takes many blocks, each of the size of one in the step before, so that a large heap is reused well: with
    # that of others ResNet50's step takes 1.48 s instead of 1.16, its prediction 0.47 instead of 0.29 (16 images, 4
    # cores), and the process 2,990 MB instead of 3,290.
    most_kept = 4 << 30

    def __init__(self) -> None:
        self.compiled = 0
        self.device = _default_device()
        self._queued = self.device.type == "cuda"

    def to_device(self, array: Any) -> Array:
        if torch.is_inference_mode_enabled():  # whose tensors could not be trained with afterwards
            with torch.inference_mode(False):
                return self.to_device(array)
        if isinstance(array, torch.Tensor):
            array = array.detach().to(self.device, non_blocking=self._queued)
            return array.clone() if array.is_inference() else array
        if self._queued:  # from pinned memory copies wait for nothing that the device has still to do
            return tensor_of(np.asarray(array), _CPU).pin_memory().to(self.device, non_blocking=True)
        return tensor_of(np.asarray(array), self.device)

    def storage(self, variable: Variable) -> Array:
        value = super().storage(variable)
        if not isinstance(value, torch.Tensor):  # the NumPy runtime has put it there
            value = self.to_device(value)
        value = variable.storage = self._at_home(variable, value)
        return value

    def write(self, variable: Variable, value: np.ndarray) -> None:
        super().write(variable, value)
        variable.storage = self._at_home(variable, variable.storage)

    def _at_home(self, variable: Variable, value: Array) -> Array:
        """The value on the device in whose scope the variable was built."""
        home = device_here(variable.device) if variable.device else None
        return value if home is None else value.to(home)

    def to_host(self, array: Any) -> np.ndarray:
        if not isinstance(array, torch.Tensor):
            return np.asarray(array)
        array = array.detach().cpu()
        if array.dtype is torch.bfloat16:
            return np.asarray(array.float().numpy(), dtypes.to_numpy("bfloat16"))
        return np.asarray(array.numpy())

    def compile(self, program: Program) -> TorchCompiled:
        from .cuda_graphs import compiled  # which derives from what is here

        with torch.inference_mode(False):
            return compiled(self, program)

    def loop_is_near(self, states: int) -> None:
        if states == 2 and self.device.type in recurrent.DEVICES:
            recurrent.make_kernels()

    def result_specs(self, function: Callable[..., Any], inputs: Sequence[tuple[tuple[int, ...], str]]) -> list[Spec]:
        given = [torch.empty(shape, dtype=DTYPES[dtype], device="meta") for shape, dtype in inputs]
        with _OnMeta():
            results = as_list(function(*given))
        for result in results:
            if result.dtype not in NAMES:
                raise TypeError(
                    f"A function of torch gave {result.dtype}, which Keras tensors do not have. Put what goes on with "
                    "it into the same function, up to a result of real numbers, and give that to K.native: "
                    "K.native(lambda x: torch.fft.rfft(x).abs())(tensor)."
                )
        return [(tuple(r.shape), NAMES[r.dtype]) for r in results]

    def devices(self) -> list[str]:
        names = [str(self.device), "cpu"]
        names += [f"cuda:{n}" for n in range(torch.cuda.device_count())]
        return list(dict.fromkeys(n if ":" in n else f"{n}:0" for n in names))

    def programs_compiled(self) -> int:
        return self.compiled


class _OnMeta(TorchFunctionMode):  # type: ignore[misc]
    """While shapes are found out: tensors with numbers, such as weights of the user's own, join those without."""

    def __torch_function__(
        self, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        given = tuple(args), kwargs or {}
        if any(isinstance(x, torch.Tensor) and x.is_meta for x in leaves(given)):
            given = each(given, lambda x: x.to("meta") if isinstance(x, torch.Tensor) else x)
        return function(*given[0], **given[1])


def _default_device() -> Any:
    chosen = torch.get_default_device()
    named = any(isinstance(mode, DeviceContext) for mode in _get_current_function_mode_stack())
    if not named:  # it is 'cpu' because nobody has said anything
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        if torch.backends.mps.is_available():
            return torch.device("mps")
    return chosen


RUNTIME = TorchRuntime()


def _torch_function(
    cls: type, function: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
) -> Any:
    return record(RUNTIME, function, args, kwargs or {})


# Any `torch.*` function applied to a symbolic tensor records itself: PyTorch looks for this method.
Tensor.__torch_function__ = classmethod(_torch_function)  # type: ignore[attr-defined]
