"""Compiling and running programs with TensorFlow."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph.ops.native import as_list
from ...graph.primitive import Spec
from ...graph.program import LARGE_CONSTANT, Program
from ...graph.tensor import Variable
from ..contract import Compiled, Part, Runtime, stored_dtype
from ..evaluate import Context, Environment, run
from ..interrupts import Whole
from ..numpy.table import TABLE as NUMPY_TABLE
from . import fusions, old_graphs, scopes, side_by_side, tails
from .native_recurrent import Loops
from .scopes import in_version_2
from .sparse import Sparse
from .table import TABLE, as_tensor, tensor
from .traced import Traced
from .words import Words, words_of

Array = Any

# XLA compiles a program for feeds of some shapes once runs without it have lost about as much time as that takes: so
# nobody loses more than twice what must be lost. Both are estimated from the program alone, and never measured, so that
# results can be had again. In seconds; found: three Dense layers of 670,000 weights, RMSprop 0.45 (beside the runs
# 0.25) and 0.002 a run, a small Transformer 2.3 and 0.008, a tiny MLP 0.3 and 0.0004.
COMPILING = 0.3, 0.004  # and for each value
LOST = 6e-6, 3.5e-9  # by each value, by each number updated
CALL = 13  # values: as much a call from Python takes, where XLA would run many batches in one
# XLA compiles in a thread while the last two thirds of those runs go on. They end where they would have ended anyway,
# however long it takes: results can be had again. Runs beside the compiler take up to twice as long.
BEGINS = 3
# Parts of a program that XLA cannot have as a whole (see tails.py) go there from this run on, or sooner where many
# numbers are updated: it compiles for 0.3 to 1.1 s, and then saves 0.5 to 3 ms a step (an image net with Dropout), or
# 25 (6,500,000 weights).
OFTEN = 200
TAIL_COMPILING, TAIL_LOST = 0.9, 1.3e-9  # seconds; lost by each number updated
# What XLA does not know, or not well: its convolutions on CPU took 1.8 times as long as TensorFlow's own.
NOT_FOR_XLA = frozenset(("conv", "conv_transpose", "pool", "native", "print_tensor"))
FAILURES = (tf.errors.OpError, ValueError, TypeError)  # of a program that XLA cannot compile


class TensorFlowCompiled(Compiled):
    """A program as a `tf.function`, traced on the first call for each set of shapes."""

    runtime: TensorFlowRuntime

    def __init__(self, runtime: TensorFlowRuntime, program: Program) -> None:
        super().__init__(runtime, program)
        self._read = [variable for variable, _ in program.variables]
        self._fed = [slot for _, slot in program.inputs if slot >= 0]
        self._small = {slot: array for array, slot in program.constants if array.size <= LARGE_CONSTANT}
        large = [(array, slot) for array, slot in program.constants if array.size > LARGE_CONSTANT]
        self._large_slots = [slot for _, slot in large]
        self._large = [tf.constant(array) for array, _ in large]
        self._traced: dict[tuple[Any, ...], Traced] = {}
        self._loose = [n for n, v in enumerate(self._read) if not v.shape.known]  # whose values differ in shape
        self._seeds: tuple[Any, Array] = (None, None)  # the seeds, and they as a tensor
        self._places = self._is_spread()
        self._loops = Loops(program, self._places)
        # One program of XLA runs on one device.
        self._for_xla = NOT_FOR_XLA.isdisjoint(program.primitives) and not self._places
        # By the shapes of the feeds, or of stacks of them: XLA compiles a program of its own for each.
        self._runs: dict[tuple[Any, ...], int] = {}
        self._begun: dict[tuple[Any, ...], int] = {}  # how many runs there are before those of XLA's programs
        self._alone = runs_before_xla(program)
        self._often = min(OFTEN, math.ceil(TAIL_COMPILING / (TAIL_LOST * (tails.updated_numbers(program) + 1))))
        body, self._tail = tails.divided(program)
        self._body = fusions.predicting(program, side_by_side.merged(program, body), self._tail)
        # Random numbers at once, the tail once it has run often.
        does_much = bool(self._tail) or len(program.seeds) > 0
        self._with_xla = does_much and not self._places and "CPU" in scopes.default_device()

    def _is_spread(self) -> bool:
        """Whether device scopes put some of the program elsewhere than on the default device."""
        names = self.program.devices | {v.device for v in (*self._read, *self.updated)}
        return any(scopes.device_here(name) not in (None, scopes.default_device()) for name in names if name)

    def _step(
        self, seeds: Array, step: Array, variables: list[Array], feeds: list[Array], large: list[Array],
        tail_by_xla: bool = False,
    ) -> tuple[list[Array], list[Array]]:  # fmt: skip
        """One run: values of the variables in, outputs and new values out."""
        program = self.program
        environment: Environment = dict(self._small)
        environment.update(zip((slot for _, slot in program.variables), variables, strict=True))
        environment.update(zip(self._fed, feeds, strict=True))
        environment.update(zip(self._large_slots, large, strict=True))
        place = scopes.on if self._places else None
        kind = tails.RandomInXla if self._with_xla else Context
        structural = {**self._loops.structural(), "dense": side_by_side.dense, **fusions.STRUCTURAL}
        context = kind(TABLE, structural, NUMPY_TABLE, Words, words_of(seeds), words_of(step), place)
        run(self._body, environment, context)
        if tail_by_xla:
            tails.run_tail(self._tail, [slot for _, slot in program.updates], environment, context)
        else:
            run(self._tail, environment, context)
        outputs = [tensor(environment[slot]) for slot in program.block.results]
        new = [_stored(variable, environment[slot], self._places) for variable, slot in program.updates]
        return outputs, new

    def _fast_step(self, *arguments: Any) -> tuple[list[Array], list[Array]]:
        """The same, the tail by XLA."""
        seeds, step, variables, feeds, large = arguments
        return self._step(seeds, step, variables, feeds, large, tail_by_xla=True)

    def _run(self, step: Callable[..., Any], shapes: Any, arguments: tuple[Any, ...], xla: bool = False) -> list[Array]:
        """One call of the function traced for feeds of these shapes: the outputs; new values are stored."""
        results = self._function(step, shapes, arguments, xla)(arguments)
        count = len(self.program.block.results)
        with Whole():
            self.store(results[count:])
        return results[:count]

    def _function(self, step: Callable[..., Any], shapes: Any, arguments: tuple[Any, ...], xla: bool = False) -> Traced:
        """The function traced for feeds of these shapes."""
        key = (step.__name__, xla, self._with_xla, shapes, *(tuple(arguments[2][n].shape) for n in self._loose))
        found = self._traced.get(key)
        if found is None:
            self.runtime.compiled += 1
            found = self._traced[key] = Traced(step, arguments, xla)
        return found

    def _by_xla(
        self, step: Callable[..., Any], shapes: Any, arguments: tuple[Any, ...], beside: bool = False
    ) -> list[Array] | None:
        """What `_run` gives, compiled by XLA; None where it cannot. Or XLA only compiles it, beside what comes next."""
        try:
            if not beside:
                return self._run(step, shapes, arguments, True)
            self._function(step, shapes, arguments, True).compile_beside(arguments)
        except FAILURES:
            self._for_xla = False  # something in it that XLA does not know; TensorFlow will say what is wrong
        return None

    def _arguments(self, feeds: Sequence[Any], number: int) -> tuple[Any, ...]:
        runtime = self.runtime
        if self.seeds is not self._seeds[0]:  # none yet, or those of a backup
            self._seeds = self.seeds, tf.constant(self.seeds.view(np.int32))
        step = tf.constant([number if number < 1 << 31 else number - (1 << 32)])  # the bits of 32
        variables = [runtime.storage(v) for v in self._read]
        arrays = [
            runtime.to_device(feed) for (_, slot), feed in zip(self.program.inputs, feeds, strict=True) if slot >= 0
        ]
        return self._seeds[1], step, variables, arrays, self._large

    @in_version_2
    def __call__(self, feeds: Sequence[Any]) -> list[Array]:
        shapes = shapes_of(feeds)
        alone, begins = self._runs_alone(shapes, 1)
        if begins:  # one run for nothing; a branch with none in it takes 0.3 s to trace (a Transformer)
            self._by_xla(self._whole, shapes, self._arguments(feeds, self.step), beside=True)
        arguments = self._arguments(feeds, self.take_step())
        if not alone:
            found = self._by_xla(self._whole, shapes, arguments)
            if found is not None:
                return found
        return self._plain(shapes, arguments)

    def _without_xla(self, feeds: Sequence[Any]) -> list[Array]:
        """One run, while XLA compiles a program for many."""
        return self._plain(shapes_of(feeds), self._arguments(feeds, self.take_step()))

    def _plain(self, shapes: Any, arguments: tuple[Any, ...]) -> list[Array]:
        """One run by TensorFlow itself, or all but the tail and random numbers."""
        often = self._runs.get(shapes, 0) > self._often
        fast = often and self._with_xla and bool(self._tail) and not self._is_for_xla()
        try:
            return self._run(self._fast_step if fast else self._step, shapes, arguments)
        except (tf.errors.UnimplementedError, tf.errors.NotFoundError):
            if not self._with_xla:
                raise
            self._with_xla = False  # a TensorFlow built without XLA
            return self._run(self._step, shapes, arguments)

    def _is_for_xla(self) -> bool:
        return self._for_xla and not self._loops.native

    def _runs_alone(self, shapes: Any, count: int) -> tuple[int, bool]:
        """How many of the next runs for these shapes XLA does not do, and whether it shall begin to compile now."""
        made, is_for_xla = self._runs.get(shapes, 0), self._is_for_xla()
        # Predictions of many sizes: each of XLA's programs takes 3 MB, so that the next size must recur more often.
        others = 0 if self.program.updates else len(self._begun)
        before = self._begun.get(shapes, self._alone * (1 + others))
        alone = min(max(before - made, 0), count) if is_for_xla else count
        self._runs[shapes] = made + alone
        begins = is_for_xla and made <= before // BEGINS < made + alone
        if begins:
            self._begun[shapes] = before
        return alone, begins

    def _whole(self, *arguments: Any) -> Any:
        """One run, for XLA."""
        return self._single(arguments).inline(arguments)

    def _single(self, arguments: tuple[Any, ...]) -> Traced:
        """One run as it is traced for such arguments, which may be symbolic. What has been traced for TensorFlow is
        not traced again for XLA: 0.4 s less for a Transformer."""
        arrays = iter(arguments[3])
        shapes = tuple([() if slot < 0 else tuple(next(arrays).shape) for _, slot in self.program.inputs])
        return self._function(self._step, shapes, arguments)

    @in_version_2
    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        return [None if s is None else self.runtime.to_device(s) for s in stacks]

    @in_version_2
    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        shapes = shapes_of(staged)
        if not (any(shapes) and self._is_for_xla()):
            return super().repeat(unstacked(staged, count), start, count)
        alone, begins = self._runs_alone(shapes, count)
        if begins:
            none = (*self._arguments(staged, self.step), tf.constant(0), tf.constant(0))
            self._by_xla(self._many, shapes, none, beside=True)
        if not alone:
            return self._repeat(staged, start, count)
        runs = self.one_by_one(self._without_xla, unstacked(staged, alone), start, alone)
        if alone == count:
            return runs
        many = self._repeat(staged, start + alone, count - alone)
        return [Joined(parts) for parts in zip(runs, many, strict=True)]

    def _repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        """Many runs in one call of a program that XLA has compiled."""
        arguments = (*self._arguments(staged, self.take_step(count)), tf.constant(start), tf.constant(count))
        outputs = self._by_xla(self._many, shapes_of(staged), arguments)
        if outputs is None:
            outputs = self._run(self._many, shapes_of(staged), arguments)
        return [Part(o, start, count) for o in outputs]

    def _many(
        self, seeds: Array, step: Array, variables: list[Array], stacks: list[Array], large: list[Array],
        start: Array, count: Array,
    ) -> tuple[list[Array], list[Array]]:  # fmt: skip
        """Runs on batches start ... start + count - 1 of the stacks."""
        read = {id(v): n for n, v in enumerate(self._read)}
        state = [variables[read[id(v)]] if id(v) in read else self.runtime.storage(v) for v in self.updated]
        single = self._single((seeds, step, variables, [tf.TensorSpec(s.shape[1:], s.dtype) for s in stacks], large))
        length = stacks[0].shape[0]

        def body(number: Array, state: list[Array], arrays: list[Any]) -> Any:
            now = dict(zip(map(id, self.updated), state, strict=True))
            values = [now.get(id(v), value) for v, value in zip(self._read, variables, strict=True)]
            outputs, new = single.inline((seeds, step + (number - start), values, [s[number] for s in stacks], large))
            return number + 1, new, [a.write(number, o) for a, o in zip(arrays, outputs, strict=True)]

        arrays = [tf.TensorArray(o.dtype, size=length, element_shape=o.shape) for o in single.results[0]]
        _, state, arrays = tf.while_loop(lambda number, *_: number < start + count, body, (start, state, arrays))
        return [a.stack() for a in arrays], state


def runs_before_xla(program: Program) -> int:
    """How many runs of a program on feeds of the same shapes there are before XLA compiles it for them."""
    lost = LOST[0] * (CALL + program.slots) + LOST[1] * tails.updated_numbers(program)
    return math.ceil((COMPILING[0] + COMPILING[1] * program.slots) / lost)


def shapes_of(arrays: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    """The shapes of a batch, or of stacks of batches."""
    return tuple([() if array is None else tuple(array.shape) for array in arrays])


def unstacked(staged: Any, count: int) -> Any:
    """Stacks from which to take `count` batches: one call gives all, an index takes TensorFlow 0.09 ms."""
    return [None if s is None else tf.unstack(s) for s in staged] if count > 1 else staged


class Joined:
    """Outputs in several parts, one after the other."""

    def __init__(self, parts: Sequence[Any]) -> None:
        self.parts = parts

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(np.concatenate([np.asarray(part) for part in self.parts]), dtype)

    def __len__(self) -> int:
        return sum(map(len, self.parts))


def _stored(variable: Variable, value: Any, place: bool = False) -> Array:
    """A variable's new value as it is kept; on the variable's device if need be."""
    if place:
        with scopes.on(variable.device):
            return tf.identity(_stored(variable, value))
    value = tensor(value, str(stored_dtype(variable).name))
    shape = tuple(variable.shape) if variable.shape.known else tuple(value.shape)
    return value if tuple(value.shape) == shape else tf.broadcast_to(value, shape)


class TensorFlowRuntime(Runtime):
    """TensorFlow on its default device, and where `tf.device` says so."""

    name = "tensorflow"
    title = "TensorFlow"
    knows_unknown_sizes = True

    def __init__(self) -> None:
        self.compiled = 0

    @in_version_2
    def to_device(self, array: Any) -> Array:
        # A copy: on CPU a tensor may share the caller's memory.
        return array if isinstance(array, tf.Tensor) else tf.constant(np.array(array))

    def storage(self, variable: Variable) -> Array:
        if not isinstance(variable.storage, tf.Tensor):  # nothing yet, or what the NumPy runtime has put there
            with self._scope_of(variable):
                value = super().storage(variable)
                variable.storage = value if isinstance(value, tf.Tensor) else self.to_device(value)
        return variable.storage

    def write(self, variable: Variable, value: np.ndarray) -> None:
        with self._scope_of(variable):
            super().write(variable, value)

    @staticmethod
    def _scope_of(variable: Variable) -> AbstractContextManager[Any]:
        return scopes.on(variable.device) if variable.device else nullcontext()

    def device_scope(self, name: str) -> AbstractContextManager[Any]:
        scope: AbstractContextManager[Any] = tf.device(name)
        return scope

    def adopted(self, value: Any) -> Any:
        return old_graphs.adopted(value)

    def taken_apart(self, value: Any) -> Any:
        return Sparse((value.indices, value.values, value.dense_shape)) if isinstance(value, tf.SparseTensor) else value

    def is_asking(self) -> bool:
        # `tf.square(K.variable(2.0))` would be a constant: no later value of the variable, no gradient.
        asking: str = sys._getframe(2).f_globals.get("__name__", "")
        return asking.startswith("tensorflow.")

    def open_device(self) -> str:
        return scopes.open_device()

    def to_host(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    @in_version_2
    def compile(self, program: Program) -> TensorFlowCompiled:
        return TensorFlowCompiled(self, program)

    @in_version_2
    def result_specs(
        self, function: Callable[..., Any], inputs: Sequence[tuple[tuple[int, ...], str]]
    ) -> list[Spec]:
        def tensors(*arrays: Any) -> list[Array]:
            return [as_tensor(r) for r in as_list(function(*arrays))]

        given = [tf.TensorSpec(shape, dtype) for shape, dtype in inputs]
        results = tf.function(tensors, autograph=False).get_concrete_function(*given).structured_outputs
        if any(r.shape.rank is None for r in results) and all(None not in shape for shape, _ in inputs):
            # A Python function (`tf.py_function`): it is to be seen what it gives.
            results = tensors(*(tf.zeros(shape, dtype) for shape, dtype in inputs))
        return [(tuple(r.shape.as_list()), r.dtype.name) for r in results]

    def devices(self) -> list[str]:
        found = [d.name.split("device:")[1].lower() for d in tf.config.list_logical_devices()]
        return sorted(found, key=lambda name: name.startswith("cpu"))

    def programs_compiled(self) -> int:
        return self.compiled


RUNTIME = TensorFlowRuntime()
