"""Where device scopes put things in PyTorch, and the parts of `multi_gpu_model`.

An operation runs on the device in whose scope it was built; what it reads from elsewhere is copied there first, once
for each function of the written program. CUDA's kernels are queued, so devices work at the same time, and autograd
goes back through the copies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import torch

from ...graph.program import Program

Device = Any  # torch.device

_NAME = re.compile(r"(?:^|[/:])(cpu|gpu|cuda|mps|xpu):?(\d*)$")


def device_here(name: str) -> Device | None:
    """This process's device that a name such as '/gpu:1' means; None where it has none such."""
    found = _NAME.search(name.lower())
    if found is None:
        return None
    kind, number = found[1], int(found[2] or 0)
    accelerator = torch.accelerator.current_accelerator()
    if kind == "cpu":
        return torch.device("cpu") if number == 0 else None
    if accelerator is None or kind not in ("gpu", accelerator.type) or number >= torch.accelerator.device_count():
        return None
    return torch.device(accelerator.type, number)


class Places:
    """Where a program's values lie.

    Attributes:
        default: the device of all that was placed nowhere, or on devices that are not here.
        of: slot -> device, of those that lie elsewhere.
        here: the device of the instruction being written.
    """

    def __init__(self, program: Program, default: Device, placing: bool) -> None:
        self.default = self.here = default
        self._placing = placing
        self.of: dict[int, Device] = {}
        self._named: dict[str, Device] = {}
        for variable, slot in program.variables:
            self.put([slot], self.named(variable.device))

    def named(self, name: str) -> Device:
        """The device that a name means for this program."""
        if name not in self._named:
            device = device_here(name) if name and self._placing else None
            self._named[name] = self.default if device is None or same(device, self.default) else device
        return self._named[name]

    def put(self, slots: Iterable[int], device: Device) -> None:
        if device != self.default:
            self.of.update(dict.fromkeys(slots, device))

    def device(self, slot: int) -> Device:
        return self.of.get(slot, self.default)

    def number(self, device: Device) -> int:
        """A number for a device in the program's names; 0 for the default one."""
        return list(dict.fromkeys([self.default, *self._named.values()])).index(device)


def same(one: Device, other: Device) -> bool:
    """Whether two names mean one device: 'cuda' is 'cuda:0' unless another was made the current one."""
    return one.type == other.type and _number(one) == _number(other)


def _number(device: Device) -> int:
    if device.index is not None:
        return int(device.index)
    return 0 if device.type in ("cpu", "mps") else torch.accelerator.current_device_index()
