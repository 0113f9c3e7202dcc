"""Functions of TensorFlow that take Python functions - loops, branches, maps - applied to symbolic tensors.

The Python function may use whatever a layer may: the tensors that it is given, `K.` functions, and symbolic
tensors of the model around it. It is first tried as it is, on tensors of TensorFlow. Where it does not know what
to do with those, it is called with placeholders instead, what it builds is run on TensorFlow's tensors, and the
model's tensors that it reads become inputs of the recorded operation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph.ops.native import TRIED_SIZES
from ...graph.ordering import carried
from ...graph.program import build
from ...graph.substitution import substitute
from ...graph.tensor import Constant, Dim, Placeholder, Tensor, as_tensor, moment
from ..contract import Runtime
from ..evaluate import Context, Environment, run
from ..numpy.table import TABLE as NUMPY_TABLE
from ..recording import each, leaves, mapped, record
from . import written
from .control import STRUCTURAL
from .table import TABLE, name_of, tensor
from .words import Words, words_of

Function = Callable[..., Any]


_trying: ContextVar[bool] = ContextVar("trying", default=False)  # each thread has its own


def trying() -> bool:
    """Whether an operation is being recorded or run: then TensorFlow's functions see no tensors of ours."""
    return _trying.get()


@contextmanager
def _trial() -> Iterator[None]:
    # `tf.scan` changes this while it runs; if its function fails, it does not put it back.
    scope = tf.compat.v1.get_variable_scope()
    caching = scope.caching_device
    before = _trying.get()
    _trying.set(True)
    try:
        yield
    finally:
        _trying.set(before)
        if scope.caching_device is not caching:
            scope.set_caching_device(caching)


def record_with_callables(
    runtime: Runtime, function: Function, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[Any, bool]:
    """The operation `function(*args, **kwargs)`, with functions among the arguments.

    Returns:
        what it gives, and whether the functions read symbolic tensors of the model around them.

    Raises:
        what the function raises.
    """

    def plain(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        with _trial():
            return function(*args, **kwargs)

    try:
        return record(runtime, plain, [args, dict(kwargs)], {}), False
    except (TypeError, ValueError, AttributeError, NotImplementedError):
        pass
    model = _Surroundings()
    functions = each([args, dict(kwargs)], lambda x: _Lifted(x, model) if _is_function(x) else x)
    grown: list[bool] = []  # for each result whether it is a `tf.TensorArray`

    def lifted(functions: Any, *arrays: Any) -> Any:
        model.values = {id(x): array for x, array in zip(model.tensors, arrays, strict=False)}
        args, kwargs = each(functions, written.fresh)
        with _trial():
            result = function(*args, **kwargs)
        grown[:] = written.are_arrays(result)
        return each(result, lambda x: written.stacked(x, model.element))

    while True:  # until a trial meets no further tensor of the model
        known = list(model.tensors)
        try:
            result = record(runtime, lifted, [functions, *known], {})
        except Exception:
            if len(model.tensors) == len(known):
                raise
            continue
        if len(model.tensors) == len(known):
            each(functions, lambda x: x.settle() if isinstance(x, _Lifted) else None)
            return written.as_arrays(result, grown), bool(known)


class _Surroundings:
    """The tensors of the model that functions read, and their values while the operation runs."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.values: dict[int, Any] = {}
        self.element: Sequence[Dim] | None = None  # the shape of what was last written to a `tf.TensorArray`

    def value(self, x: Tensor) -> Any:
        """The value of one; it is made up for one that is met for the first time, in a trial."""
        if not any(x is known for known in self.tensors):
            self.tensors.append(x)
        found = self.values.get(id(x))
        if found is None:
            found = tf.zeros([TRIED_SIZES[0] if size is None else size for size in x.shape], x.dtype)
        return found


class UpdatesWithin(ValueError):
    """A function makes updates, which would be lost where it runs."""


class _Trace:
    """What a function has built from placeholders.

    Raises:
        UpdatesWithin: if it makes updates.
    """

    def __init__(self, function: Function, arguments: Any, shapes: Sequence[Sequence[Dim]]) -> None:
        since = moment()
        self.parameters: list[Tensor] = []
        arrays: list[Any] = []

        def parameter(x: Any) -> Any:
            if isinstance(x, tf.TensorArray):
                arrays.append(x)
                return written.Writes(len(arrays) - 1)
            if not isinstance(x, (tf.Tensor, tf.TensorSpec)):
                return x
            self.parameters.append(Placeholder(shapes[len(self.parameters)], name_of(x)))
            return self.parameters[-1]

        self.result = without_updates(function(*each(arguments, parameter)))
        self.outputs = [part for x in leaves(self.result) for part in written.tensors(x)]
        self.around = _border(self.outputs, since, {id(p) for p in self.parameters})

    def run(self, arrays: Sequence[Any], grown: Sequence[Any], model: _Surroundings) -> Any:
        feeds = [*zip(self.parameters, arrays, strict=True), *((x, model.value(x)) for x in self.around)]
        values = iter(_values(self.outputs, feeds))

        def value(x: Any) -> Any:
            if isinstance(x, written.Writes):
                model.element = x.element()
                return x.made(grown, values)
            return next(values) if isinstance(x, Tensor) else x

        return each(self.result, value)


def without_updates(result: Any) -> Any:
    """A function's result with tensors in the places of updates, that carry them."""
    return as_tensor(result) if hasattr(result, "as_tensor") else mapped(result, without_updates)


class _Lifted:
    """A Python function as one of TensorFlow's tensors.

    It is called while the operation is recorded (once for each size that stands for an unknown one), and not
    later, when variables that it closes over may have other values.
    """

    def __init__(self, function: Function, model: _Surroundings) -> None:
        self._function = function
        self._model = model
        self._calls: dict[Any, tuple[Any, list[list[tuple[Dim, ...]]]]] = {}
        self._traces: dict[Any, _Trace] = {}

    def __call__(self, *arrays: Any) -> Any:
        tensors: list[Any] = []
        arguments = each(list(arrays), lambda x: _kept(x, tensors))
        key = tuple((name_of(x), x.shape.rank) for x in tensors)
        trace = self._traces.get(key)
        if trace is None:
            shapes = [tuple(x.shape.as_list()) for x in tensors]
            self._calls.setdefault(key, (arguments, []))[1].append(shapes)
            trace = _Trace(self._function, arguments, shapes)
        grown = [x for x in leaves(arrays) if isinstance(x, tf.TensorArray)]
        return trace.run(tensors, grown, self._model)

    def settle(self) -> None:
        """Keeps what the function builds for good, with the sizes that differed between trials unknown."""
        for key, (arguments, calls) in self._calls.items():
            shapes = [[_common(sizes) for sizes in zip(*trials, strict=True)] for trials in zip(*calls, strict=True)]
            self._traces[key] = _Trace(self._function, arguments, shapes)


def _kept(x: Any, tensors: list[Any]) -> Any:
    """Anything, a tensor of TensorFlow as its shape and dtype."""
    if not isinstance(x, tf.Tensor):
        return x
    tensors.append(x)
    return tf.TensorSpec(x.shape, x.dtype)


def _common(sizes: Sequence[Dim]) -> Dim:
    return sizes[0] if len(set(sizes)) == 1 else None


def _border(outputs: Sequence[Tensor], since: int, parameters: set[int]) -> list[Tensor]:
    """The tensors made before a moment, and leaves other than the parameters, that outputs are computed from."""
    found: dict[int, Tensor] = {}
    seen: set[int] = set()
    waiting = list(outputs)
    while waiting:
        x = waiting.pop()
        if id(x) in seen or id(x) in parameters or isinstance(x, Constant):
            continue
        seen.add(id(x))
        if x.made_by is None or x.made_by.serial < since:
            found[id(x)] = x
        elif changed := carried(x):
            names = ", ".join(f"'{variable.name}'" for variable in changed)
            raise UpdatesWithin(
                f"A function that a loop or map of TensorFlow was given updates {names}. Only branches of tf.cond "
                "can: let this function give the new value, and make the update outside, by K.update."
            )
        else:
            waiting.extend(x.made_by.inputs)
    return list(found.values())


def _values(outputs: Sequence[Tensor], feeds: Sequence[tuple[Tensor, Any]]) -> list[Any]:
    """The outputs for values of other tensors, computed by TensorFlow."""
    stand_ins = {x: x if isinstance(x, Placeholder) else Placeholder(x.shape, x.dtype) for x, _ in feeds}
    program = build(list(stand_ins.values()), substitute(outputs, stand_ins))
    environment: Environment = {slot: array for array, slot in program.constants}
    fed = zip(program.inputs, feeds, strict=True)
    environment.update((slot, tensor(value)) for (_, slot), (_, value) in fed if slot >= 0)
    step = tf.random.uniform([1], maxval=tf.int32.max, dtype=tf.int32) if program.seeds else tf.constant([0])
    seeds = tf.constant(np.array(program.seeds, dtype=np.uint32).view(np.int32))
    run(
        program.block.instructions, environment,
        Context(TABLE, STRUCTURAL, NUMPY_TABLE, Words, words_of(seeds), words_of(step)),
    )  # fmt: skip
    return [tensor(environment[slot]) for slot in program.block.results]


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, (type, Tensor, tf.DType)) and not tf.is_tensor(value)


def has_functions(value: Any) -> bool:
    """Whether there is a Python function among (nested) arguments."""
    return any(map(_is_function, leaves(value)))
