"""A captured step of a program, and where variables live meanwhile: see cuda_graphs.py."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from ...graph.tensor import Variable
from ..evaluate import SignedWords

if TYPE_CHECKING:
    from .cuda_graphs import Replaying
    from .runtime import TorchRuntime

Array = Any


class Step:
    """One captured step of a program, for batches of certain shapes.

    Raises:
        RuntimeError: it cannot be captured, or a replay gives something else than the eager run. No variable changes.
    """

    def __init__(self, program: Replaying, stacks: Sequence[Array], start: int) -> None:
        device, self._new_graph = program.runtime.device, program.new_graph
        self._stacks = [torch.zeros_like(stack) for stack in stacks]
        self._loaded: Sequence[Array] = ()  # what was copied there
        self._batch = torch.zeros(1, dtype=torch.int64, device=device)
        self._number = torch.zeros(1, dtype=torch.int32, device=device)
        homes = _homes(program)
        graph = self._new_graph()
        feeds = [stack[start] for stack in stacks]
        number = np.array([program.step], np.uint32)
        outputs, new = graph.warm_up(lambda: program.computed(number, homes, feeds))
        self._results = [o.new_empty((stacks[0].shape[0], *o.shape)) for o in outputs]
        wanted = [value.clone() for value in (*outputs, *new)]  # some may lie in a home
        self._capture(program, graph, homes)
        targets = self._targets(program)
        before = [target.clone() for target in targets]
        found = [rows[0] for rows in self._replay(stacks, start, program.step, 1)]
        right = all(map(_near, [*found, *targets], wanted))
        for target, value in zip(targets, before, strict=True):
            target.copy_(value)
        if not right:
            raise RuntimeError("A replay gave something else than the eager run.")

    def _capture(self, program: Replaying, graph: Any, homes: list[Array]) -> None:
        self._graph, self._homes, self._seeds = graph, homes, program.seeds
        self._batch.zero_()  # a batch that there is: a stand-in may look
        graph.capture(lambda: self._once(program))

    def _once(self, program: Replaying) -> None:
        """What is captured: one run, on the batch and with the number that the counters say."""
        feeds = [stack.index_select(0, self._batch).squeeze(0) for stack in self._stacks]
        outputs, new = program.computed(SignedWords(self._number, operator.rshift), self._homes, feeds)
        for rows, output in zip(self._results, outputs, strict=True):
            rows.index_copy_(0, self._batch, output[None])
        read = set(map(memory, self._homes))
        new = [value.clone() if memory(value) in read else value for value in new]  # before one of them is written
        for target, value in zip(self._targets(program), new, strict=True):
            target.copy_(value)
        self._number.add_(1)
        self._batch.add_(1)

    def _targets(self, program: Replaying) -> list[Array]:
        """The homes of the variables that the program updates."""
        return self._homes[len(program._read) :]

    def ready(self, program: Replaying) -> None:
        """Brings the variables home; captures anew where a home is another or the seeds are."""
        homes = _homes(program)
        if any(map(operator.is_not, homes, self._homes)) or self._seeds is not program.seeds:
            self._capture(program, self._new_graph(), homes)

    def run(self, program: Replaying, stacks: Sequence[Array], start: int, number: int, count: int) -> list[Array]:
        results = self._replay(stacks, start, number, count)
        for variable, home in zip(program.updated, self._targets(program), strict=True):
            variable.storage = home.detach()  # a new object: what is kept beside the one of before is of the old value
        return results

    def _replay(self, stacks: Sequence[Array], start: int, number: int, count: int) -> list[Array]:
        if len(self._loaded) != len(stacks) or any(map(operator.is_not, self._loaded, stacks)):
            for mine, given in zip(self._stacks, stacks, strict=True):
                mine.copy_(given)
            self._loaded = stacks
        self._batch.fill_(start)
        self._number.fill_(number - (1 << 32) if number >> 31 else number)
        for _ in range(count):
            self._graph.replay()
        return [rows[start : start + count].clone() for rows in self._results]


HOMES: WeakKeyDictionary[Variable, Array] = WeakKeyDictionary()


def _homes(program: Replaying) -> list[Array]:
    """Of the variables that a program reads, then of those that it updates."""
    return [_home(program.runtime, variable) for variable in (*program._read, *program.updated)]


def _home(runtime: TorchRuntime, variable: Variable) -> Array:
    """Where a variable's value stays while graphs use it, with its present value in it."""
    value, home = runtime.storage(variable), HOMES.get(variable)
    if home is None or home.shape != value.shape or home.dtype is not value.dtype:
        home = HOMES[variable] = value.clone()
    elif value.data_ptr() != home.data_ptr():
        home.copy_(value)
    else:
        return home
    variable.storage = home.detach()
    return home


def memory(tensor: Array) -> int:
    """Where the memory of a tensor begins: the same for its views."""
    return int(tensor.untyped_storage().data_ptr())


def _near(found: Array, wanted: Array) -> bool:
    """Whether two results are the same but for the order of sums: what a wrong capture gives is far off."""
    return bool(torch.allclose(found.float(), wanted.float(), 1e-2, 1e-3, equal_nan=True))
