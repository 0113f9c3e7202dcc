"""Compiling and running programs with TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.util import dispatch  # what KerasTensor used; there is no public name

from ...graph.ops.native import as_list
from ...graph.primitive import Spec
from ...graph.program import LARGE_CONSTANT, Program
from ...graph.tensor import Variable
from ..contract import Compiled, Runtime, stored_dtype
from ..evaluate import Context, Environment, SignedWords, run
from ..interrupts import Whole
from ..numpy.table import TABLE as NUMPY_TABLE
from ..recording import record, symbolic
from .control import STRUCTURAL
from .table import TABLE, tensor

Array = Any


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
        self._traced: dict[tuple[Any, ...], Callable[..., Any]] = {}

    def _step(
        self, seeds: Array, step: Array, variables: list[Array], feeds: list[Array], large: list[Array]
    ) -> tuple[list[Array], list[Array]]:
        """One run: values of the variables in, outputs and new values out."""
        program = self.program
        environment: Environment = dict(self._small)
        environment.update(zip((slot for _, slot in program.variables), variables, strict=True))
        environment.update(zip(self._fed, feeds, strict=True))
        environment.update(zip(self._large_slots, large, strict=True))
        context = Context(TABLE, STRUCTURAL, NUMPY_TABLE, Words, _words(seeds), _words(step))
        run(program.block.instructions, environment, context)
        outputs = [tensor(environment[slot]) for slot in program.block.results]
        new = [_stored(variable, environment[slot]) for variable, slot in program.updates]
        return outputs, new

    def _function(self, arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """The traced function for these shapes."""
        _, _, variables, feeds, _ = arguments
        key = tuple(tuple(x.shape) for x in (*variables, *feeds))
        found = self._traced.get(key)
        if found is None:
            self.runtime.compiled += 1
            specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), arguments)
            found = self._traced[key] = tf.function(self._step, autograph=False).get_concrete_function(*specs)
        return found

    def __call__(self, feeds: Sequence[Any]) -> list[Array]:
        runtime = self.runtime
        step = tf.constant(np.array([self.take_step()], dtype=np.uint32).view(np.int32))
        variables = [runtime.storage(v) for v in self._read]
        arrays = [
            runtime.to_device(feed) for (_, slot), feed in zip(self.program.inputs, feeds, strict=True) if slot >= 0
        ]
        arguments = (tf.constant(self.seeds.view(np.int32)), step, variables, arrays, self._large)
        outputs, new = self._function(arguments)(*arguments)
        with Whole():
            for variable, value in zip(self.updated, new, strict=True):
                variable.storage = value
        return list(outputs)

    def stage(self, stacks: Sequence[np.ndarray | None]) -> Any:
        return [None if s is None else self.runtime.to_device(s) for s in stacks]


class Words:
    """The graph's random words as int32 tensors: most of TensorFlow's kernels know no uint32."""

    @staticmethod
    def places(count: int) -> SignedWords:
        return _words(tf.range(count, dtype=tf.int32))

    @staticmethod
    def one(number: Any) -> SignedWords:
        """A number as words of shape (1,)."""
        return _words(tf.reshape(tf.cast(number, tf.int32), [1]))

    @staticmethod
    def floats(words: SignedWords, dtype: str) -> Array:
        """Words below 2**31 as floats."""
        return tf.cast(words.bits, dtype)


def _words(bits: Array) -> SignedWords:
    return SignedWords(bits, lambda x, places: tf.bitwise.right_shift(x, tf.constant(places)))


def _stored(variable: Variable, value: Any) -> Array:
    """A variable's new value as it is kept."""
    value = tensor(value, str(stored_dtype(variable).name))
    shape = tuple(variable.shape) if variable.shape.known else tuple(value.shape)
    return value if tuple(value.shape) == shape else tf.broadcast_to(value, shape)


class TensorFlowRuntime(Runtime):
    """TensorFlow on its default device."""

    name = "tensorflow"
    title = "TensorFlow"

    def __init__(self) -> None:
        self.compiled = 0

    def to_device(self, array: Any) -> Array:
        # A copy: on CPU a tensor may share the caller's memory.
        return array if tf.is_tensor(array) else tf.constant(np.array(array))

    def storage(self, variable: Variable) -> Array:
        value = super().storage(variable)
        if not tf.is_tensor(value):  # the NumPy runtime has put it there
            value = variable.storage = self.to_device(value)
        return value

    def to_host(self, array: Any) -> np.ndarray:
        return np.asarray(array)

    def compile(self, program: Program) -> TensorFlowCompiled:
        return TensorFlowCompiled(self, program)

    def result_specs(
        self, function: Callable[..., Any], inputs: Sequence[tuple[tuple[int, ...], str]]
    ) -> list[Spec]:
        given = [tf.TensorSpec(shape, dtype) for shape, dtype in inputs]
        traced = tf.function(function, autograph=False).get_concrete_function(*given)
        results = [tf.convert_to_tensor(r) for r in as_list(traced.structured_outputs)]
        return [(tuple(r.shape), r.dtype.name) for r in results]

    def devices(self) -> list[str]:
        found = [d.name.split("device:")[1].lower() for d in tf.config.list_logical_devices()]
        return sorted(found, key=lambda name: name.startswith("cpu"))

    def programs_compiled(self) -> int:
        return self.compiled


RUNTIME = TensorFlowRuntime()


class _Dispatcher(dispatch.GlobalOpDispatcher):  # type: ignore[misc]
    """Any `tf.*` function applied to a symbolic tensor records itself: TensorFlow asks here when it is
    given something that it cannot convert."""

    def handle(self, op: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        if not symbolic((tuple(args), kwargs)):
            return self.NOT_SUPPORTED
        return record(RUNTIME, op, args, kwargs)


_Dispatcher().register()
