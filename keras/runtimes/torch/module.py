"""A program as a `torch.nn.Module`: its variables are parameters and buffers, autograd goes through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from ...graph.program import Program
from ...graph.tensor import Variable
from ..contract import stored_dtype
from .source import function_of
from .table import DTYPES, tensor_of

Array = Any


class ProgramModule(torch.nn.Module):  # type: ignore[misc]
    """Runs one program in `eval()` mode and another in `train()` mode, on copies of their variables.

    Args:
        programs: the one for inference and the one for training, with the same inputs.
        values: the variables and their values.
        parameters: those of them that become parameters; the others become buffers.
        write: sets variables, for `write_back`: takes pairs of a variable and its value.

    Variables are called after their names, 'dense_1/kernel:0' is `dense_1.kernel` in `state_dict()`. Those that a
    program updates (moving averages, states of recurrent layers) change as it runs.
    """

    def __init__(
        self, programs: tuple[Program, Program], values: Mapping[Variable, np.ndarray],
        parameters: Iterable[Variable], write: Callable[[list[tuple[Variable, np.ndarray]]], None],
    ) -> None:  # fmt: skip
        super().__init__()
        self._plan = _Plan(programs, list(values), write)
        self._paths: dict[int, str] = {}
        self._step = 0
        trained = set(parameters)
        for variable, value in values.items():
            self._paths[id(variable)] = self._add(variable, value, variable in trained)
        # Now: torch.export would put its own stand-ins in the place of constants.
        for training in (False, True):
            self._plan.function(training, torch.get_default_device())

    def _add(self, variable: Variable, value: np.ndarray, trained: bool) -> str:
        """Registers a variable, each part of its name being a module within the one before."""
        *groups, name = variable.name.split(":")[0].replace(".", "_").split("/")
        owner: Any = self
        path = []
        for group in groups:
            # Not a name that a module has for something else, such as 'train'.
            while group not in owner._modules and hasattr(owner, group):
                group += "_"
            if group not in owner._modules:
                owner.add_module(group, torch.nn.Module())
            owner = owner._modules[group]
            path.append(group)
        while not name or hasattr(owner, name):
            name += "_"
        tensor = tensor_of(np.asarray(value, stored_dtype(variable)), torch.get_default_device())
        if trained:
            owner.register_parameter(name, torch.nn.Parameter(tensor))
        else:
            owner.register_buffer(name, tensor)
        return ".".join([*path, name])

    def forward(self, *inputs: Any) -> Any:
        """The outputs (one tensor, or a list of several) for tensors, one per input of the model."""
        if len(inputs) == 1 and isinstance(inputs[0], (list, tuple)):
            inputs = tuple(inputs[0])
        program = self._plan.programs[self.training]
        if len(inputs) != len(program.inputs):
            raise TypeError(f"The model has {len(program.inputs)} inputs, got {len(inputs)} tensors.")
        variables = [self._tensor(variable) for variable, _ in program.variables]
        device = variables[0].device if variables else torch.as_tensor(inputs[0]).device
        feeds = [
            _fed(value, placeholder, device)
            for value, (placeholder, slot) in zip(inputs, program.inputs, strict=True) if slot >= 0
        ]  # fmt: skip
        step = np.array([self._step], dtype=np.uint32)
        self._step = (self._step + 1) & 0xFFFFFFFF
        function = self._plan.function(self.training, device)
        outputs, new = function(self._plan.seeds[self.training], step, *variables, *feeds)
        for (variable, _), value in zip(program.updates, new, strict=True):
            self._keep(variable, value.detach())
        return outputs[0] if len(outputs) == 1 else list(outputs)

    def _tensor(self, variable: Variable) -> Array:
        owner, name = self._place(variable)
        return getattr(owner, name)

    def _keep(self, variable: Variable, value: Array) -> None:
        owner, name = self._place(variable)
        if name in owner._buffers:  # a new tensor: the old one may be needed for gradients
            setattr(owner, name, value)
        else:
            with torch.no_grad():
                getattr(owner, name).copy_(value)

    def _place(self, variable: Variable) -> tuple[Any, str]:
        path, _, name = self._paths[id(variable)].rpartition(".")
        return self.get_submodule(path), name

    def write_back(self) -> None:
        """Sets the variables (weights and states of the Keras model) to this module's tensors."""
        pairs = [(v, np.array(self._tensor(v).detach().cpu().numpy())) for v in self._plan.variables]
        self._plan.write(pairs)


class _Plan:
    """What does not change and what copies of a module share."""

    def __init__(self, programs: Sequence[Program], variables: list[Variable], write: Callable[..., None]) -> None:
        self.programs = tuple(programs)
        self.variables = variables
        self.write = write
        self.seeds = [np.array(program.seeds, dtype=np.uint32) for program in programs]
        self._functions: dict[tuple[bool, str], Any] = {}

    def function(self, training: bool, device: Any) -> Any:
        """The written program for a mode and a device."""
        key = training, str(device)
        if key not in self._functions:
            self._functions[key] = function_of(self.programs[training], device, reusing=False, placing=False)
        return self._functions[key]

    def __deepcopy__(self, memo: dict[int, Any]) -> _Plan:
        return self

    def __reduce__(self) -> Any:
        raise TypeError(
            "A module made of a Keras model cannot be pickled. Keep its weights with torch.save(module.state_dict(), "
            "path), or bring them back with module.write_back() and save the model: model.save('model.h5')."
        )


def _fed(value: Any, placeholder: Any, device: Any) -> Array:
    tensor = torch.as_tensor(value)
    wanted = placeholder.shape
    if tensor.ndim != len(wanted) or any(w not in (None, have) for w, have in zip(wanted, tensor.shape, strict=True)):
        raise ValueError(
            f"The input {placeholder.name!r} has shape {tuple(wanted)} (None being any size), got a tensor of shape "
            f"{tuple(tensor.shape)}."
        )
    return tensor.to(device, DTYPES[placeholder.dtype])
