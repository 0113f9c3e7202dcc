"""CUDA graphs: a step's kernels are noted down once and launched together from then on, without Python between them.

A graph reads and writes fixed memory. So a captured step takes its batch from a stack that stays, by a number on the
device which it counts up itself, as it does the step's number that random bits depend on; it puts results into rows of
arrays that stay, and new values of variables into the place where each variable lives, its home. What is set from
outside between runs is copied there. Of the first replay the results are compared with those of the step run eagerly;
if they differ, or if something cannot be captured, that program goes on eagerly.

For those who ask for it, by KERAS_CUDA_GRAPHS=1 in the environment, until it has been tried on a GPU: the tests run it
on a CPU, with a stand-in for the graphs.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any
from weakref import WeakSet

import torch

from ...graph.program import Program
from ..interrupts import Whole
from . import compilation
from .captured import HOMES, Step, memory
from .runtime import TorchCompiled, TorchRuntime, _Output

Array = Any

# Eager runs with the same shapes before a step is captured: short trainings are not worth it. They also let CUDA's
# libraries choose their algorithms.
RUNS_BEFORE = 8
# Captured steps of one program, for as many shapes: each keeps the memory that it works in.
MOST_STEPS = 4
# Shapes whose runs are counted.
_MOST_COUNTED = 256

# They read values back, or call functions of whose doings we know nothing.
_NOT_CAPTURED = frozenset(("cond", "native", "print_tensor"))

_LOCK = threading.RLock()


class CudaGraph:
    """A graph of CUDA."""

    # Graphs run in turn and nothing of value stays in the memory that they work in, so that they share it.
    _alive: WeakSet[CudaGraph] = WeakSet()

    def __init__(self, device: Any) -> None:
        self._graph = torch.cuda.CUDAGraph()
        self._device = device
        self._aside = _stream(device)

    def warm_up(self, step: Callable[[], Any]) -> Any:
        """What `step()` gives, run eagerly on the stream where it will be captured."""
        here = torch.cuda.current_stream(self._device)
        self._aside.wait_stream(here)
        with torch.cuda.stream(self._aside):
            result = step()
        here.wait_stream(self._aside)
        return result

    def capture(self, step: Callable[[], Any]) -> None:
        """Notes down what `step()` launches; nothing is computed."""
        pool = next((other._graph.pool() for other in self._alive if other._device == self._device), None)
        # Where capturing fails, the inner scope may not go back to the stream of before; the outer one does. Other
        # threads may do meanwhile what they like.
        with torch.cuda.device(self._device), torch.cuda.stream(torch.cuda.current_stream(self._device)):
            with torch.cuda.graph(self._graph, pool, self._aside, capture_error_mode="thread_local"):
                step()
        self._alive.add(self)

    def replay(self) -> None:
        self._graph.replay()


@cache
def _stream(device: Any) -> Any:
    return torch.cuda.Stream(device)


# How steps are captured, by the type of the device.
GRAPHS: dict[str, Callable[[Any], Any]] = {"cuda": CudaGraph}


def compiled(runtime: TorchRuntime, program: Program) -> TorchCompiled:
    """The program for the runtime's device, with graphs where there are any."""
    wanted = os.environ.get("KERAS_CUDA_GRAPHS", "0") not in ("", "0") and not compilation.asked_for()
    kind = Replaying if wanted and runtime.device.type in GRAPHS else TorchCompiled
    return kind(runtime, program)


class Replaying(TorchCompiled):
    """A program whose step is captured once it has run some times."""

    def __init__(self, runtime: TorchRuntime, program: Program) -> None:
        super().__init__(runtime, program)
        placed = program.devices or any(variable.device for variable, _ in program.variables)
        sized = all(variable.shape.known for variable in self.updated)
        self._capturable = sized and not placed and _NOT_CAPTURED.isdisjoint(program.primitives)
        self._runs: Counter[Any] = Counter()  # eager ones, by the shapes
        self._steps: dict[Any, Step] = {}  # the one used last comes last

    def __call__(self, feeds: Sequence[Any]) -> list[Any]:
        if self._capturable and not torch.is_inference_mode_enabled():
            feeds = [self.runtime.to_device(f) if fed else None for f, fed in zip(feeds, self._fed, strict=True)]
            results = self._replayed([None if f is None else f[None] for f in feeds], 0, 1)
            if results is not None:
                return [_Output(result[0]) for result in results]
        return super().__call__(feeds)

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        if self._capturable and not torch.is_inference_mode_enabled():
            results = self._replayed(staged, start, count)
            if results is not None:
                return [_Output(result) for result in results]
        return self.one_by_one(super().__call__, staged, start, count)

    def store(self, values: Sequence[Array]) -> None:
        """Homes are written over: nobody else's value may lie there."""
        read = {memory(variable.storage) for variable in self._read if variable in HOMES}
        super().store([value.clone() if memory(value) in read else value for value in values])

    def _replayed(self, staged: Any, start: int, count: int) -> list[Array] | None:
        """The results of all runs, each stacked; None if they are to be made eagerly."""
        stacks = [stack for stack, fed in zip(staged, self._fed, strict=True) if fed]
        shapes = tuple((stack.shape, stack.dtype) for stack in stacks)
        with _LOCK, Whole(), torch.no_grad():
            step = self._step(shapes, stacks, start)
            if step is None:
                if len(self._runs) > _MOST_COUNTED:
                    self._runs.clear()
                self._runs[shapes] += count
                return None
            return step.run(self, stacks, start, self.take_step(count), count)

    def _step(self, shapes: Any, stacks: Sequence[Array], start: int) -> Step | None:
        """The captured step for batches of these shapes; None if there is none yet, or never."""
        step = self._steps.pop(shapes, None)
        try:
            if step is not None:
                step.ready(self)
            elif stacks and self._runs[shapes] >= RUNS_BEFORE:
                step = Step(self, stacks, start)
        except RuntimeError:  # as PyTorch calls whatever goes wrong there; if it is the data, the eager run will say so
            self._capturable = False
            self._steps.clear()
            return None
        if step is not None:
            self._steps[shapes] = step
            if len(self._steps) > MOST_STEPS:
                oldest = next(iter(self._steps))
                del self._steps[oldest], self._runs[oldest]
        return step

    def new_graph(self) -> Any:
        return GRAPHS[self.runtime.device.type](self.runtime.device)

    def computed(self, step: Any, variables: Sequence[Array], feeds: Sequence[Array]) -> tuple[Any, Any]:
        """The outputs and the new values of the variables; nothing is stored."""
        # Objects of their own: a kernel's weights that are kept beside one (see convolution.py) are of that value.
        values = [variable.detach() for variable in variables[: len(self._read)]]
        return self._function(self.seeds, step, *values, *feeds)  # type: ignore[no-any-return]
