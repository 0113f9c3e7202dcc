"""What a runtime must offer.

A runtime is a folder with `__init__.py` (giving `RUNTIME`), `table.py` (primitive name ->
implementation), `control.py` (loops, branches and, where there is autodiff, gradients) and
`runtime.py` (the two classes below). Required:

    Runtime.to_device / to_host     a NumPy array to the engine and back
    Runtime.compile                 a Program to a Compiled
    Runtime.devices                 names of the devices, the default one first
    Compiled.__call__               one run
    Compiled._advance               where the engine has something better: many runs in one call

Free: what native functions give, lazily made variables, feeding, step counting, staging, repeated runs one by one.

To write a runtime in an afternoon (docs/runtimes.md does it in 60 lines, which the tests run):

1. A module with `RUNTIME`, an object of a class derived from `Runtime`; `KERAS_BACKEND` names the module.
2. `TABLE`: start with that of `keras.runtimes.numpy` and arrays of NumPy, so that everything runs at once.
3. `STRUCTURAL`: handlers of `scan`, `cond` and `gradients`, which run an instruction's blocks. A gradient
   leaves what its block computes in the environment: the forward part runs once.
4. `Compiled.__call__`: puts variables, constants and feeds into their slots, has `evaluate.run` carry out the
   instructions, and stores new values of variables once all is computed.
5. Replace one entry of the table after the other by the engine's own function; `pytest tests/runtimes` compares
   each with NumPy and its gradient with finite differences, `python -m tests.differential` everything else.
6. Then speed: compile the instructions as a whole, keep data on the device (`stage`), run many batches in one
   call (`repeat`).
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ..graph import dtypes, placement
from ..graph.ops.native import as_list, spec_of
from ..graph.primitive import Spec
from ..graph.program import Program
from ..graph.tensor import Constant, Tensor, Variable
from .memory import MOST, run_begins

Array = Any  # an array of the engine

# Two threads may read a new variable at once; reentrant, as a first value may be computed from other variables.
_FIRST_READ = threading.RLock()


class Compiled(ABC):
    """A program ready to run.

    It reads variables where they are stored and writes back those it updates. The random numbers
    depend on `seeds`, one per random instruction, and on `step`, which counts the runs. Feeds are
    NumPy arrays of the right dtype, one per program input (None where the program does not read it).
    """

    def __init__(self, runtime: Runtime, program: Program) -> None:
        self.runtime = runtime
        self.program = program
        self.step = 0
        self.seeds: np.ndarray = np.array(program.seeds, dtype=np.uint32)
        updated = {variable for variable, _ in program.updates}
        self.updated = [variable for variable, _ in program.updates]
        self.read_only = [variable for variable, _ in program.variables if variable not in updated]

    @abstractmethod
    def __call__(self, feeds: Sequence[Array | None]) -> list[Array]:
        """Runs once; outputs are engine arrays that may still be in the making."""

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        """Prepares stacked batches (batches, batch, ...) for `repeat`."""
        return stacks

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        """Runs on batches start ... start + count - 1; each output is stacked over the runs."""
        return self.one_by_one(self, staged, start, count)

    def one_by_one(
        self, run: Callable[[list[Array | None]], list[Array]], staged: Any, start: int, count: int
    ) -> list[Any]:
        """What `repeat` gives, by `run(feeds)` for each batch."""
        runs = [run([None if s is None else s[i] for s in staged]) for i in range(start, start + count)]
        return [Stacked([run[i] for run in runs], self.runtime) for i in range(len(self.program.block.results))]

    def max_batches(self, batch_bytes: int) -> int:
        """How many batches to stage at a time. Depends on the program and sizes alone, so that
        a run can be reproduced."""
        return max(1, min(16, CHUNK_BYTES // max(batch_bytes, 1)))

    def store(self, values: Sequence[Array]) -> None:
        """Keeps the new values of the variables that the program updates; within `interrupts.Whole`."""
        for variable, value in zip(self.updated, values, strict=True):
            variable.storage = value

    def take_step(self, count: int = 1) -> int:
        """The number of the next run; the following `count` are taken."""
        run_begins(self.step)
        step, self.step = self.step, (self.step + count) & 0xFFFFFFFF
        return step


CHUNK_BYTES = 8 << 20


class Stacked:
    """Outputs of single runs that become one array when looked at."""

    def __init__(self, items: list[Array], runtime: Runtime) -> None:
        self.items = items
        self.runtime = runtime

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.stack([self.runtime.to_host(item) for item in self.items])
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self.items)


class Part:
    """A few rows of stacked outputs, cut off only when looked at."""

    def __init__(self, whole: Array, start: int, count: int) -> None:
        self.whole = whole
        self.rows = slice(start, start + count)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        array = np.asarray(self.whole)[self.rows]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self) -> int:
        return self.rows.stop - self.rows.start


class Runtime(ABC):
    """An engine."""

    name: str
    title: str  # as in "Using JAX backend."
    differentiates = True
    most_kept = MOST  # bytes of freed memory; see `memory.py`
    knows_unknown_sizes = False  # whether `result_specs` takes None for a size

    @abstractmethod
    def to_device(self, array: np.ndarray) -> Array:
        """A copy on the device; later changes to the NumPy array do not reach it."""

    @abstractmethod
    def to_host(self, array: Array) -> np.ndarray:
        """The numbers, once computed."""

    @abstractmethod
    def compile(self, program: Program) -> Compiled:
        """Something that runs the program. Engines compile on the first run for each shape."""

    @abstractmethod
    def devices(self) -> list[str]:
        """Names such as 'cpu:0', the one used by default first."""

    def parallel_devices(self) -> int:
        """On how many devices parts of a batch can run at the same time. More than 1 where the runtime knows the
        instruction `parallel` (see `keras.graph.parallel`); else the parts are computed in turn."""
        return 1

    @abstractmethod
    def programs_compiled(self) -> int:
        """How many programs the engine has compiled since the start of the process."""

    def result_specs(
        self, function: Callable[..., Any], inputs: Sequence[tuple[tuple[int, ...], str]]
    ) -> list[Spec]:
        """The shapes and dtypes of what a function of the engine gives for inputs of some shapes and dtypes.

        Free, by calling it with zeros; to be overridden where the engine knows without computing.
        """
        zeros = [self.to_device(np.zeros(shape, dtypes.to_numpy(dtype))) for shape, dtype in inputs]
        return [spec_of(self.to_host(result)) for result in as_list(function(*zeros))]

    def device_scope(self, name: str) -> AbstractContextManager[Any]:
        """What is built inside carries the name of a device; runtimes that place nothing ignore it."""
        return placement.device_scope(name)

    def adopted(self, value: Any) -> Any:
        """A symbolic tensor for one of the engine's that knows no numbers; anything else as it is."""
        return value

    def taken_apart(self, value: Any) -> Any:
        """What a function of the engine gave, as `recording.MadeOfTensors` where it is several tensors in one."""
        return value

    def is_asking(self) -> bool:
        """Whether it is a function of the engine that makes an array of a symbolic tensor just now: it shall record
        itself instead. Asked by what `tensor.__array__` is."""
        return False

    def open_device(self) -> str:
        """The device for what is built now, by a scope of the engine's own; '' where there are none."""
        return ""

    def loop_is_near(self, states: int) -> None:
        """To be told when a loop over so many states has been written down: programs with it are likely to follow,
        and a runtime may get ready for them beside what comes next."""
        return None

    def storage(self, variable: Variable) -> Array:
        """Where the variable's value lies; made now if nobody has read it yet."""
        if variable.storage is None:
            with _FIRST_READ:
                if variable.storage is None:
                    variable.storage = self.to_device(initial_value(variable))
        return variable.storage

    def read(self, variable: Variable) -> np.ndarray:
        """A copy of the variable's value."""
        return np.array(self.to_host(self.storage(variable)), dtype=dtypes.to_numpy(variable.dtype))

    def write(self, variable: Variable, value: np.ndarray) -> None:
        """Sets the variable's value."""
        variable.storage = self.to_device(np.asarray(value, dtype=stored_dtype(variable), order="C"))
        variable.initial = None


def stored_dtype(variable: Variable) -> np.dtype:
    """The element type on the device: integer counters are kept in 32 bits, whatever they say,
    so that a step counter does not make a whole program compute in 64 bits."""
    if variable.ndim == 0 and variable.dtype in ("int64", "uint64"):
        return np.dtype(np.int32)
    dtype: np.dtype = np.dtype(dtypes.to_numpy(variable.dtype))
    return dtype


def initial_value(variable: Variable) -> np.ndarray:
    """The value a new variable starts with: an array, or a tensor computed by the NumPy runtime."""
    from .numpy import evaluate

    initial = variable.initial
    if isinstance(initial, Constant):
        initial = initial.value
    elif isinstance(initial, Tensor):
        initial = evaluate([initial])[0]
    variable.initial = None
    return np.array(np.broadcast_to(initial, tuple(d or 0 for d in variable.shape)), dtype=stored_dtype(variable))
