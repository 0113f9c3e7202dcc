"""Compiling and running programs with JAX."""

from __future__ import annotations

import math
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ...graph import dtypes
from ...graph.fingerprint import fingerprint
from ...graph.ops.native import as_list, spec_of
from ...graph.primitive import Spec
from ...graph.program import LARGE_CONSTANT, Instruction, Program
from ...graph.tensor import Variable
from ..contract import CHUNK_BYTES, Compiled, Part, Runtime, stored_dtype
from ..evaluate import AsArrays, Context, Environment, run
from ..interrupts import Whole
from ..memory import Block, is_much
from ..numpy.table import TABLE as NUMPY_TABLE
from . import fusions, lanes, loops
from .control import STRUCTURAL
from .device import on_cpu, own
from .executables import Executables
from .sharing import UPDATES
from .table import TABLE

Array = Any

# XLA's default lowering of convolutions on CPU runs on one core (jaxlib 0.10.2); without it
# a 3x3x64x64 convolution is 10 times faster on 4 cores.
_CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
# The small products of a recurrent step gain from the same library: an LSTM of 128 units over 80
# steps trains in 46 ms instead of 62, predicts in 7.6 instead of 16. The large ones of an MLP lose
# (2.9 -> 3.3 ms).
_CPU_OPTIONS_FOR_SCANS = {
    "xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_DOT,LIBRARY_FUSION_TYPE_REDUCE"
}

# That option takes products of matrices from the fast library too: good for small ones (100x32: 0.020 ms a step
# instead of 0.024; a Transformer's step in 0.95 of the time), not for large ones (512x512: 7.8 instead of 6.4 ms of
# processor time).
_LARGE_MATRIX = 1 << 16

# A program that makes one step is compiled with less care, which is most of a first step's time: a training program of
# dense layers in 0.81 s of processor time instead of 0.92, a Transformer's in 3.3 instead of 3.8. Its steps take as
# long (MLP 7, GAN 20, Transformer 43 ms).
_LESS_OPTIMISED = {"xla_backend_optimization_level": 1}
# Without its newer emitters XLA takes half the time: tiny MLP 0.45 s of processor time instead of 0.82, whose steps
# take as long (0.14 ms). That is not for programs with large matrices, whose steps take up to 1.5 times as long, as do
# those of the program that makes many in a loop; not for long programs, since the emitters make equal kernels once;
# nor for an Embedding, whose gradient becomes a loop then, of 3 us a row: an LSTM behind one takes 22.5 ms a step
# instead of 20.1, a Bidirectional one 26 instead of 20.
_QUICK_OPTIONS = {"xla_cpu_use_fusion_emitters": False, **_LESS_OPTIMISED}
_LONG = 400  # slots
# For the cores as devices of their own (lanes.py): kernels one after the other, each as a whole; and a process that is
# stopped and goes on later, with its machine or by Ctrl-Z, shall not be ended because the devices did not meet in time.
_FOR_LANES = {
    "xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED",
    "xla_disable_hlo_passes": "cpu-parallel-task-assigner",
    "xla_cpu_collective_call_terminate_timeout_seconds": 1 << 30,
}
_OPTIONS = (*_CPU_OPTIONS, *_QUICK_OPTIONS, *_FOR_LANES)

# Inside a loop XLA's CPU compiler does not hand convolutions to its fast library: 60 times
# slower (MNIST CNN, 99 -> 6,077 ms a step). Programs with these run batch by batch there.
_SLOW_IN_LOOPS = frozenset(("conv", "conv_transpose", "pool"))
MOST_BATCHES = 1024
# Predictions on larger batches (bytes) go one by one: to copy many into the device's memory before they are read takes
# longer than the calls. Two batches of 128 x 784 at a time for a small MLP: 0.50 instead of 0.69 ms; 128 x 1000: 0.75
# instead of 0.87; but 128 x 784 0.41 instead of 0.40, and 32 x 784 0.21 instead of 0.13.
_LARGE_BATCH = 1 << 19


class JaxCompiled(Compiled):
    """A program under `jax.jit`, compiled on the first call for each set of shapes."""

    runtime: JaxRuntime

    def __init__(self, runtime: JaxRuntime, program: Program) -> None:
        super().__init__(runtime, program)
        read = [variable for variable, _ in program.variables]
        self._read_slots = {variable: slot for variable, slot in program.variables}
        self._mutable = [v for v in self.updated if v in self._read_slots]
        self._fixed = [v for v in read if v not in set(self.updated)]
        large = [(a, s) for a, s in program.constants if a.size > LARGE_CONSTANT]
        self._small = {s: a for a, s in program.constants if a.size <= LARGE_CONSTANT}
        self._large_slots = [s for _, s in large]
        self._wide = program.needs_64_bit
        with self._precision():
            self.large = [jax.device_put(a) for a, _ in large]
        self.loops = runtime.loops(program)
        self._options = runtime.options(program)
        self._told = lru_cache(None)(lambda: fingerprint(program))
        self._latest: Callable[[], Array | None] = lambda: None  # something that the last run made
        self._block = Block()
        self._make()

    def _make(self) -> None:
        single_options = self.runtime.options_of_single_runs(self.program, self._options)
        single = jax.jit(self._one, donate_argnums=0, compiler_options=single_options)
        self._inner = jax.jit(self._step)
        many = jax.jit(partial(self._loop, self._inner), donate_argnums=0, compiler_options=self._options)
        self._single = Executables(single, self._text("single", single_options), self.runtime)
        self._many = Executables(many, self._text("many", self._options), self.runtime)

    def _text(self, form: str, options: dict[str, Any] | None) -> Callable[[], str | None]:
        """What tells the program and how it is compiled, for the cache."""

        def text() -> str | None:
            told = self._told()
            return None if told is None else f"{form}\n{options}\n{told}"

        return text

    def _precision(self) -> Any:
        """64-bit numbers are switched on around our own programs only."""
        return jax.enable_x64(True) if self._wide else nullcontext()

    # What is traced.

    def _step(self, mutable: list[Array], fixed: list[Array], feeds: list[Array | None], large: list[Array],
              seeds: Array, step: Array) -> tuple[list[Array], list[Array]]:  # fmt: skip
        """One run: values of the variables in, outputs and new values out."""
        environment = self.environment(self.values_of(mutable, fixed), feeds, large)
        run(fusions.instructions(self.program), environment, self.context(seeds, step))
        return self.results(environment)

    def values_of(self, mutable: Sequence[Array], fixed: Sequence[Array]) -> dict[Variable, Array]:
        return dict(zip([*self._mutable, *self._fixed], [*mutable, *fixed], strict=True))

    def environment(
        self, values: Mapping[Variable, Array], feeds: Sequence[Array | None], large: Sequence[Array]
    ) -> Environment:
        """What instructions find: variables' values, constants and feeds in their slots."""
        environment: Environment = dict(self._small)
        environment.update((self._read_slots[variable], value) for variable, value in values.items())
        for (_, slot), feed in zip(self.program.inputs, feeds, strict=True):
            if slot >= 0:
                environment[slot] = feed
        environment.update(zip(self._large_slots, large, strict=True))
        return environment

    def context(self, seeds: Array, step: Array) -> Context:
        structural = {**STRUCTURAL, "scan": loops.handler(self.program)}
        table = {**TABLE, **fusions.FUSED}
        return Context(table, structural, NUMPY_TABLE, Words(jnp), seeds, jnp.reshape(step, (1,)))

    def results(self, environment: Environment) -> tuple[list[Array], list[Array]]:
        """Outputs and new values of the variables."""
        outputs = [jnp.asarray(environment[slot]) for slot in self.program.block.results]
        new = [
            jnp.broadcast_to(jnp.asarray(value, stored_dtype(variable)), _sizes(variable, value))
            for variable, value in ((v, environment[slot]) for v, slot in self.program.updates)
        ]
        return outputs, new

    def _one(self, *args: Any) -> tuple[list[Array], list[Array]]:
        self.runtime.compiled += 1
        return self._step(*args)

    def _loop(self, step_of: Callable[..., Any], state: list[Array], fixed: list[Array], stacks: list[Array | None],
              large: list[Array], seeds: Array, step: Array, start: Array, count: Array,
    ) -> tuple[list[Array], list[Array]]:  # fmt: skip
        """Runs on batches start ... start + count - 1 of the stacks, each by `step_of`. The count is an argument, so
        one compiled program serves any number of runs."""
        self.runtime.compiled += 1
        read = [self.updated.index(v) for v in self._mutable]

        def call(number: Array, values: list[Array]) -> tuple[list[Array], list[Array]]:
            feeds = [None if s is None else lax.dynamic_index_in_dim(s, number, 0, False) for s in stacks]
            mutable = [values[i] for i in read]
            turn = step + lax.convert_element_type(number - start, jnp.uint32)
            return step_of(mutable, fixed, feeds, large, seeds, turn)  # type: ignore[no-any-return]

        shapes, _ = jax.eval_shape(call, start, state)
        length = next(s.shape[0] for s in stacks if s is not None)
        collected = [jnp.zeros((length, *s.shape), s.dtype) for s in shapes]

        def body(carry: Any) -> Any:
            number, values, results = carry
            outputs, new = call(number, values)
            results = [
                lax.dynamic_update_index_in_dim(r, o, number, 0) for r, o in zip(results, outputs, strict=True)
            ]
            return number + 1, new, results

        carry = (start, state, collected)
        _, state, collected = lax.while_loop(lambda c: c[0] < start + count, body, carry)
        return collected, state

    # What is called.

    def __call__(self, feeds: Sequence[Array | None]) -> list[Array]:
        if self._wide:
            with jax.enable_x64(True):
                return self._run(feeds)
        return self._run(feeds)

    def _run(self, feeds: Sequence[Array | None]) -> list[Array]:
        if not self.updated:
            return UPDATES.repeated(self._start, feeds)[0]  # what changes nothing may be cut in two
        with Whole():
            return UPDATES.repeated(self._update, feeds)

    def _update(self, feeds: Sequence[Array | None]) -> list[Array]:
        with UPDATES:
            outputs, new = self._start(feeds)
            self.store(new)
        return outputs

    def _start(self, feeds: Sequence[Array | None]) -> tuple[list[Array], list[Array]]:
        if self.step < 4 or is_much():  # the first runs show how much it is
            self._wait_for_the_run_before()
        given = own(feeds) if self.loops else self._once_ready(feeds)
        step = np.uint32(self.take_step())
        if not self.loops and self.updated:  # convolutions in training; between steps predictions would move the block
            self._block.run_begins()
        outputs, new = self._attempt(
            lambda: self._single(
                tuple([None if feed is None else feed.shape for feed in feeds]),
                self._values(self._mutable), self._values(self._fixed), given, self.large, self.seeds, step,
            )
        )
        self._latest = weakref.ref((outputs or new)[0]) if outputs or new else lambda: None
        return outputs, new

    def _once_ready(self, feeds: Sequence[Array | None]) -> list[Array | None]:
        """The feeds on the device, when they and the values of the run before are there.

        Else XLA would leave the run to a thread of its own, whose heap keeps no large blocks from run to run.
        """
        given: list[Array | None] = jax.device_put(list(feeds))
        jax.block_until_ready((given, self._values(self._mutable)))
        return given

    def _wait_for_the_run_before(self) -> None:
        """XLA takes the memory of a run when it is called, though the run before may not have given its own back.

        Other devices are told in order what to do, and are kept busy.
        """
        latest = self._latest() if on_cpu() else None
        if latest is not None and not latest.is_deleted():
            latest.block_until_ready()

    def _values(self, variables: Sequence[Variable]) -> list[Array]:
        storage = self.runtime.storage
        return lanes.at_home(variables, [v.storage if v.storage is not None else storage(v) for v in variables])

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        if not self.loops:
            return stacks
        with self._precision():
            return [None if s is None else jax.device_put(s) for s in stacks]

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        if not self.loops or all(s is None for s in staged):
            return super().repeat(staged, start, count)
        with Whole(), self._precision():
            outputs = UPDATES.repeated(self._update_many, staged, start, count)
        if start == 0 and count == next(s.shape[0] for s in staged if s is not None):
            return outputs
        return [Part(o, start, count) for o in outputs]

    def _update_many(self, staged: Any, start: int, count: int) -> list[Array]:
        with UPDATES:
            if on_cpu():
                staged = self._once_ready(staged)
            outputs, state = self._attempt(
                lambda: self._many(
                    tuple([None if stack is None else stack.shape for stack in staged]),
                    self._values(self.updated), self._values(self._fixed), staged, self.large,
                    self.seeds, np.uint32(self.take_step(count)), np.int32(start), np.int32(count),
                )
            )  # fmt: skip
            self.store(state)
        return outputs  # type: ignore[no-any-return]

    def max_batches(self, batch_bytes: int) -> int:
        if not self.loops:
            return super().max_batches(batch_bytes)
        if not self.updated and batch_bytes >= _LARGE_BATCH and on_cpu():
            return 1
        return max(1, min(MOST_BATCHES, CHUNK_BYTES // max(batch_bytes, 1)))

    def _attempt(self, call: Callable[[], Any]) -> Any:
        """Calls; compiler options that this version of XLA does not know are dropped for good."""
        try:
            return call()
        except Exception as error:
            unknown = {name for name in _OPTIONS if name in str(error)} - self.runtime.unknown_options
            if not unknown:
                raise
            self.runtime.unknown_options |= unknown
            self._options = self.runtime.options(self.program)
            self._make()
            return self._attempt(call)


class Words(AsArrays):
    """Random words that a program makes once, though several kernels need them.

    XLA takes remainders for expensive, so that it makes them neither again in each kernel nor for each copy of an
    element: the gradient of a max-pooling before a Dropout made the mask four times over. This remainder changes
    nothing. Processor time of a step on one core, in turn: MNIST CNN 106 -> 100 ms, CIFAR 139 -> 129.
    """

    @staticmethod
    def floats(words: Array, dtype: str) -> Array:
        return AsArrays.floats(lax.rem(words, lax.full_like(words, 2**31 - 1)), dtype)


def _compute_within_the_call() -> None:
    """Has programs on CPU begun by the thread that calls them, if JAX's CPU client isn't made yet.

    Otherwise each call wakes a thread of XLA's and waits for it, which takes longer than a small program: one sample
    of a tiny MLP 25 us instead of 65, of an MLP 76 instead of 130, `train_on_batch` 110 instead of 210. Large
    programs still run beside what the caller does next, in what they leave to XLA's threads.
    """
    setting = "jax_cpu_enable_async_dispatch"
    if setting.upper() not in os.environ:
        with suppress(AttributeError):  # a JAX without it
            jax.config.update(setting, False)


def _largest_matrix(program: Program) -> int:
    """The number of elements of the largest variable that a product reads; an Embedding's may be larger."""
    sizes = {slot: math.prod(d or 1 for d in v.shape) for v, slot in program.variables}
    return _largest_factor(program.block.instructions, sizes)


def _largest_factor(instructions: Sequence[Instruction], sizes: Mapping[int, int]) -> int:
    found = [sizes.get(slot, 0) for i in instructions if i.primitive == "dot_general" for slot in i.inputs]
    for instruction in instructions:
        for block in instruction.blocks:
            given = {p: sizes[slot] for p, slot in zip(block.parameters, instruction.inputs) if slot in sizes}
            found.append(_largest_factor(block.instructions, {**sizes, **given}))
    return max(found, default=0)


def _sizes(variable: Any, value: Any) -> tuple[int, ...]:
    """The shape a new value is stored with: the variable's, where it is known."""
    if variable.shape.known:
        return tuple(variable.shape)
    return tuple(value.shape)


class JaxRuntime(Runtime):
    """JAX on its default device."""

    name = "jax"
    title = "JAX"

    def __init__(self) -> None:
        self.compiled = 0
        self.unknown_options: set[str] = set()
        self.folder: Path | None = None  # where executables are kept
        _compute_within_the_call()

    def options(self, program: Program) -> dict[str, Any] | None:
        """What XLA is told for this program."""
        if not on_cpu():
            return None
        if "scan" in program.primitives:
            return self._known(_CPU_OPTIONS_FOR_SCANS)
        if _SLOW_IN_LOOPS.isdisjoint(program.primitives) and _largest_matrix(program) > _LARGE_MATRIX:
            return None
        return self._known(_CPU_OPTIONS)

    def options_of_single_runs(self, program: Program, options: dict[str, Any] | None) -> dict[str, Any] | None:
        """The same for the program that makes one run."""
        if not on_cpu() or not self.loops(program):
            return options
        careful = options is None or program.slots >= _LONG or "gather" in program.primitives
        less = _LESS_OPTIMISED if careful else _QUICK_OPTIONS
        return {**self._known(less), **(options or {})}

    def options_for_lanes(self, options: dict[str, Any] | None) -> dict[str, Any]:
        """The same for a program that runs on each core by itself."""
        return {**(options or {}), **self._known(_FOR_LANES)}

    def _known(self, options: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in options.items() if name not in self.unknown_options}

    def loops(self, program: Program) -> bool:
        """Whether many batches of the program are better run inside one compiled loop."""
        return not on_cpu() or _SLOW_IN_LOOPS.isdisjoint(program.primitives)

    def to_device(self, array: np.ndarray) -> Array:
        # A copy: on CPU device_put may share the caller's memory.
        array = np.array(array)
        if array.dtype.itemsize == 8 and array.dtype.kind in "fiu":
            with jax.enable_x64(True):
                return jax.device_put(array)
        return jax.device_put(array)

    def read(self, variable: Variable) -> np.ndarray:
        return UPDATES.repeated(super().read, variable)

    def write(self, variable: Variable, value: np.ndarray) -> None:
        # A single number travels with the next call, which costs 5 us; sending it ahead costs 150
        # (metrics are reset in every train_on_batch).
        if np.size(value) == 1:
            variable.storage = np.array(value, dtype=stored_dtype(variable)).reshape(np.shape(value))
            variable.initial = None
        else:
            super().write(variable, value)

    def to_host(self, array: Array) -> np.ndarray:
        return np.asarray(array)

    def compile(self, program: Program) -> JaxCompiled:
        if program.parallel:
            from .spread import SpreadCompiled

            return SpreadCompiled(self, program)
        from .divided import DividedCompiled, may_divide

        return DividedCompiled(self, program) if may_divide(program) else JaxCompiled(self, program)

    def result_specs(
        self, function: Callable[..., Any], inputs: Sequence[tuple[tuple[int, ...], str]]
    ) -> list[Spec]:
        wide = any(dtypes.is_64_bit(dtype) for _, dtype in inputs)
        with jax.enable_x64(True) if wide else nullcontext():
            given = [jax.ShapeDtypeStruct(shape, dtypes.to_numpy(dtype)) for shape, dtype in inputs]
            return [spec_of(result) for result in as_list(jax.eval_shape(function, *given))]

    def devices(self) -> list[str]:
        return [f"{d.platform}:{d.id}" for d in jax.devices()]

    def parallel_devices(self) -> int:
        return len(jax.devices())

    def programs_compiled(self) -> int:
        return self.compiled

    def use_cache(self, folder: str) -> None:
        """Keeps compiled programs under `folder`, so that the next start of a script is fast.

        A cache that the user configured for JAX is left alone.
        """
        if getattr(jax.config, "jax_compilation_cache_dir", None) or os.environ.get("JAX_COMPILATION_CACHE_DIR"):
            return
        self.folder = Path(folder)
        jax.config.update("jax_compilation_cache_dir", folder)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)


RUNTIME = JaxRuntime()
