"""Functions over the graph: compiled calls, updates, gradients, the learning phase."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import numpy as np

from ..graph import dtypes, ops, ordering, precision
from ..graph.ops.control import conditional
from ..graph.ops.native import as_list
from ..graph.primitive import GraphError
from ..graph.program import build
from ..graph.substitution import substitute
from ..graph.tensor import Placeholder, Tensor, Variable, adopted, as_tensor, topological
from ..runtimes.contract import Compiled
from ..runtimes.numpy import RUNTIME as NUMPY
from .config import runtime


class Update(NamedTuple):
    """A variable and the tensor that becomes its value when a function with this update has run.

    In arithmetic and where a tensor is taken it is the new value, and what computes that makes the update.
    """

    variable: Variable
    value: Tensor

    def as_tensor(self) -> Tensor:
        with ordering.after([self]):
            return ops.identity(self.value)


def _operator(name: str) -> Callable[[Update, Any], Tensor]:
    return lambda self, other: getattr(self.as_tensor(), name)(other)


for _name in ("add", "sub", "mul", "truediv", "pow"):
    for _side in (f"__{_name}__", f"__r{_name}__"):
        setattr(Update, _side, _operator(_side))
setattr(Update, "__neg__", lambda self: -self.as_tensor())  # noqa: B010


# Updates.


def update(x: Variable, new_x: Any) -> Update:
    """x takes the value new_x."""
    if not isinstance(x, Variable):
        raise TypeError(f"K.update changes variables; {x!r} is not one.")
    value = as_tensor(new_x, x)
    if ordering.current():  # what `control_dependencies` says is for this update too, wherever the value was built
        value = ops.identity(value)
    if value.ndim > x.ndim or any(
        have != 1 and None not in (have, want) and have != want
        for have, want in zip(reversed(value.shape), reversed(x.shape), strict=False)
    ):
        raise ValueError(
            f"The variable '{x.name}' has shape {tuple(x.shape)}; it cannot be updated to a value of shape "
            f"{tuple(value.shape)}."
        )
    return Update(x, value if value.dtype == x.dtype else ops.elementwise.cast(value, dtype=x.dtype))


def update_add(x: Variable, increment: Any) -> Update:
    """x grows by increment."""
    with precision.as_kept():
        return update(x, x + increment)


def update_sub(x: Variable, decrement: Any) -> Update:
    """x shrinks by decrement."""
    with precision.as_kept():
        return update(x, x - decrement)


def moving_average_update(x: Variable, value: Any, momentum: Any) -> Update:
    """x becomes x * momentum + value * (1 - momentum)."""
    with precision.as_kept():
        return update(x, x - (x - value) * (1.0 - momentum))


def after_updates(x: Tensor, updates: Iterable[Any]) -> Tensor:
    """x as it will be once the updates are made (beyond Keras 2).

    The graph of x is copied with each updated variable replaced by its new value.
    """
    return substitute([x], dict(ordering.merge_updates(_pairs(updates))))[0]


def _pairs(updates: Iterable[Any]) -> list[tuple[Variable, Tensor]]:
    """Updates as (variable, value), None left out."""
    result = []
    for item in updates or ():
        if item is None:
            continue
        if not (isinstance(item, (tuple, list)) and len(item) == 2 and isinstance(item[0], Variable)):
            raise TypeError(
                f"Not an update: {item!r}. Wanted a pair (variable, new value), such as K.update(x, new_x) gives."
            )
        result.append(item if isinstance(item, Update) else update(*item))
    return result


# The learning phase.


def _new_phase() -> Placeholder:
    phase = Placeholder((), "int32", "keras_learning_phase:0")
    phase._uses_learning_phase = True
    return phase


_PHASE: Tensor = _new_phase()
_fixed_phase: int | None = None


def learning_phase() -> Any:
    """0 at test time, 1 at training time: a placeholder, or the number set by `set_learning_phase`."""
    return _PHASE if _fixed_phase is None else _fixed_phase


def set_learning_phase(value: int) -> None:
    """Fixes the learning phase of what is built from now on.

    Raises:
        ValueError: unless value is 0 or 1.
    """
    global _fixed_phase
    if value not in (0, 1):
        raise ValueError(f"Expected learning phase to be 0 or 1, got {value!r}.")
    _fixed_phase = int(value)


def _unset_learning_phase() -> None:
    global _fixed_phase
    _fixed_phase = None


def in_train_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x at training time, alt otherwise. Both may be functions without arguments."""
    if training is None:
        training = learning_phase()
    if not isinstance(training, Tensor):
        chosen = x if training else alt
        return chosen() if callable(chosen) else chosen
    return switch(training, x, alt)


def in_test_phase(x: Any, alt: Any, training: Any = None) -> Any:
    """x at test time, alt otherwise."""
    return in_train_phase(alt, x, training)


def switch(condition: Any, then_expression: Any, else_expression: Any) -> Any:
    """then_expression where the condition holds, else_expression elsewhere.

    A scalar condition chooses one of them (functions without arguments are only run when
    chosen); otherwise the choice is per element, a condition of fewer axes counting for all trailing ones.
    """
    if not isinstance(condition, Tensor):
        condition = as_tensor(np.asarray(condition))
    if condition.ndim == 0:
        return _choose(condition, then_expression, else_expression)
    then, otherwise = (as_tensor(e() if callable(e) else e) for e in (then_expression, else_expression))
    rank = max(then.ndim, otherwise.ndim)
    if condition.ndim > rank:
        raise ValueError(
            f"K.switch: the condition has {condition.ndim} axes, more than the expressions ({rank}): "
            f"condition {tuple(condition.shape)}, expressions {tuple(then.shape)} and {tuple(otherwise.shape)}."
        )
    for axis in range(condition.ndim, rank):
        condition = ops.expand_dims(condition, axis=axis)
    return ops.elementwise.where(condition, then, otherwise)


def _choose(condition: Tensor, then: Any, otherwise: Any) -> Tensor:
    if condition._uses_learning_phase or not (callable(then) or callable(otherwise)):
        # The compiler knows the learning phase and drops the other branch.
        values = [as_tensor(e() if callable(e) else e) for e in (then, otherwise)]
        return ops.switch(condition, *values)
    branches = [(lambda e=e: [as_tensor(e() if callable(e) else e)]) for e in (then, otherwise)]
    return conditional(condition, *branches)[0]


# Gradients.


def gradients(loss: Any, variables: Any) -> list[Tensor | None]:
    """The derivatives of the sum of loss by each variable (any tensor); None where unconnected."""
    targets, sources = [adopted(x) for x in as_list(loss)], [adopted(x) for x in as_list(variables)]
    for tensor in (*targets, *sources):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"K.gradients: wanted symbolic tensors and variables, got {tensor!r}.")
    return ops.gradients(targets, sources)


def stop_gradient(variables: Any) -> Any:
    """The same values, counted as constants by gradients."""
    if isinstance(variables, (list, tuple)):
        return [ops.elementwise.stop_gradient(v) for v in variables]
    return ops.elementwise.stop_gradient(as_tensor(variables))


# Functions.

# K.eval of small expressions is computed by NumPy, without compiling; not with these in them.
_HEAVY = frozenset(("conv", "conv_transpose", "pool", "scan", "cond", "gradients", "parallel", "native"))


class Function:
    """A compiled piece of graph: call it with a list of arrays, get a list of arrays.

    The learning phase, if among the inputs, picks the program: one for training, one for
    inference, each made when first needed.
    """

    def __init__(
        self, inputs: Sequence[Any], outputs: Sequence[Any], updates: Iterable[Any] = (), name: str | None = None
    ) -> None:
        self.inputs = [adopted(x) for x in inputs]
        self.outputs = [as_tensor(o) for o in outputs]
        updates = [x for item in updates for x in (item.updates if hasattr(item, "updates") else [item])]  # of a `Step`
        # What comes after updates (a branch that makes some, an update as a tensor) does for one.
        self._carriers = [x for x in updates if isinstance(x, Tensor) and ordering.is_carrier(x)]
        self.updates = _pairs(x for x in updates if not any(x is c for c in self._carriers))
        self.name = name
        for tensor in self.inputs:
            if not isinstance(tensor, (Tensor, int)):
                raise TypeError(f"K.function: the inputs must be placeholders, got {tensor!r}.")
        self._phase_at = next((i for i, t in enumerate(self.inputs) if t is _PHASE), None)
        self._fed = [t for t in self.inputs if isinstance(t, Tensor) and t is not _PHASE]
        self._places = [i for i, t in enumerate(self.inputs) if isinstance(t, Tensor) and t is not _PHASE]
        self._dtypes = [np.dtype(dtypes.to_numpy(t.dtype)) for t in self._fed]
        self._shapes: list[Any] = [None for _ in self._fed]  # of the last values, which have been checked
        self._out_dtypes = [np.dtype(dtypes.to_numpy(o.dtype)) for o in self.outputs]
        self._cuts = {i: o._cut_on_host for i, o in enumerate(self.outputs) if hasattr(o, "_cut_on_host")}
        self._programs: dict[int, Compiled] = {}
        self._shorter: dict[int, Function] = {}  # by the number of inputs that they take
        self._uses_phase = any(t._uses_learning_phase for t in self._needed())

    def _needed(self) -> list[Tensor]:
        return [*self.outputs, *self._carriers, *(new for _, new in self.updates)]

    def compiled(self, phase: int = 0) -> Compiled:
        """The program for a learning phase."""
        phase = int(phase) if self._uses_phase else 0
        found = self._programs.get(phase)
        if found is None:
            found = self._programs[phase] = self._build(phase)
        return found

    def _build(self, phase: int) -> Compiled:
        # An input in the middle of the graph may be fed too: everything below is cut off there.
        fed, needed = _cut_at_inputs(self._fed, self._needed())
        outputs, rest = needed[: len(self.outputs)], needed[len(self.outputs) :]
        carriers, values = rest[: len(self._carriers)], rest[len(self._carriers) :]
        updates = [(v, new) for (v, _), new in zip(self.updates, values, strict=True)]
        program = build(fed, outputs, updates, _PHASE, phase, runtime().parallel_devices, carriers)
        if not fed and not program.updates and _HEAVY.isdisjoint(program.primitives):
            return NUMPY.compile(program)
        return runtime().compile(program)

    def __call__(self, inputs: Sequence[Any] = ()) -> list[np.ndarray]:
        outputs = self.run(inputs)
        values = [self._host(o, d) for o, d in zip(outputs, self._out_dtypes, strict=True)]
        # Where the size depends on the values, a program computes the largest there can be.
        for place, cut in self._cuts.items():
            values[place] = cut(values[place])
        return values

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        """As a call, but the outputs are engine arrays that may still be in the making."""
        if not isinstance(inputs, (list, tuple)):
            raise TypeError(f"{self.name or 'The function'} takes a list of arrays, got {type(inputs).__name__}.")
        if len(inputs) != len(self.inputs) and not self._is_phase_over(inputs):
            return self._run_on_other_count(inputs)
        phase = 0 if self._phase_at is None else _phase_value(inputs[self._phase_at])
        return self.compiled(phase)(self._feeds(inputs))

    def _run_on_other_count(self, inputs: Sequence[Any]) -> list[Any]:
        """Keras 2 took lists in lists (what `model._standardize_user_data` gives) and asked for no value that nothing
        needs: no learning phase, no targets where a script lists all that `train_function` takes."""
        flat: list[Any] = []
        for item in inputs:
            arrays = isinstance(item, (list, tuple)) and all(isinstance(part, np.ndarray) for part in item)
            flat.extend(item if arrays else [item])
        if len(flat) == len(self.inputs):
            return self.run(flat)
        if len(inputs) < len(self.inputs) and (shorter := self._of_first(len(inputs))) is not None:
            return shorter.run(inputs)
        names = ", ".join(getattr(t, "name", str(t)) for t in self.inputs)
        raise ValueError(
            f"{self.name or 'The function'} takes {len(self.inputs)} inputs ({names}), got {len(inputs)}."
        )

    def _of_first(self, count: int) -> Function | None:
        """The function of the first inputs alone; None if something needs the others."""
        if count not in self._shorter:
            found = Function(self.inputs[:count], self.outputs, [*self.updates, *self._carriers], self.name)
            try:
                found.compiled()
            except GraphError:
                return None
            self._shorter[count] = found
        return self._shorter[count]

    def _is_phase_over(self, inputs: Sequence[Any]) -> bool:
        """Whether what is left over is a learning phase that nobody asked for: Keras 2 passed over it, as scripts
        do that hand on what `train_function` is given."""
        return len(inputs) == len(self.inputs) + 1 and np.ndim(inputs[-1]) == 0 and inputs[-1] in (0, 1)

    def _feeds(self, inputs: Sequence[Any]) -> list[np.ndarray]:
        feeds = []
        for number, (place, dtype) in enumerate(zip(self._places, self._dtypes, strict=True)):
            value = inputs[place]
            if type(value) is not np.ndarray or value.dtype is not dtype:
                value = _as_array(_alone(value, self._fed[number].ndim), dtype)
            if value.shape != self._shapes[number]:
                self._check_shape(self._fed[number], value)
                self._shapes[number] = value.shape
            feeds.append(value)
        return feeds

    def _check_shape(self, tensor: Tensor, value: np.ndarray) -> None:
        """What nothing needs may have any shape: targets that stand for none, beside a loss that passes over them."""
        try:
            _check_shape(tensor, value)
        except ValueError:
            if any(t is tensor for t in topological(self._needed())):
                raise

    def stage(self, stacks: Sequence[Any]) -> Any:
        """Uploads stacked batches (batches, batch, ...) for `repeat`; the learning phase as an int."""
        phase = 0 if self._phase_at is None else _phase_value(stacks[self._phase_at])
        arrays = [_as_array(stacks[place], dtype) for place, dtype in zip(self._places, self._dtypes, strict=True)]
        for tensor, array in zip(self._fed, arrays, strict=True):
            self._check_shape(tensor, array[0])
        compiled = self.compiled(phase)
        return compiled, compiled.stage(arrays)

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        """Runs on staged batches start ... start + count - 1, in one call of the engine where that
        pays. Each output is stacked over the runs; look at it with `np.asarray`, later."""
        compiled, arrays = staged
        return compiled.repeat(arrays, start, count)

    def max_batches(self, batch: Sequence[Any], phase: int = 0) -> int:
        """How many batches like this one to stage at a time."""
        size = sum(np.asarray(b).nbytes for i, b in enumerate(batch) if i in self._places)
        return self.compiled(phase).max_batches(size)

    @staticmethod
    def _host(value: Any, dtype: np.dtype) -> np.ndarray:
        array = np.asarray(value)
        if array.ndim == 0 and array.dtype == dtype:
            return array[()]  # a number of its own
        if array.dtype != dtype:
            array = array.astype(dtype)
        elif not array.flags.writeable:  # the engine's own memory: callers may want to change theirs
            array = array.copy()
        return array if array.ndim else array[()]


class _SessionFunction(Function):
    """A function made with what `session.run` took.

    Args:
        feed_dict: tensor -> value fed beside the inputs; the values are looked up at each call.
        fetches: tensors and updates that are computed, but not given back.
    """

    def __init__(
        self, inputs: Sequence[Any], outputs: Sequence[Any], updates: Iterable[Any], name: str | None,
        feed_dict: dict[Any, Any], fetches: Sequence[Any],
    ) -> None:  # fmt: skip
        hidden = [f for f in fetches if not isinstance(f, Update)]
        made = [f for f in fetches if isinstance(f, Update)]
        super().__init__([*feed_dict, *inputs], [*outputs, *hidden], [*updates, *made], name)
        self._feed_dict = feed_dict
        self._shown = len(outputs)

    def __call__(self, inputs: Sequence[Any] = ()) -> list[np.ndarray]:
        return super().__call__(inputs)[: self._shown]

    def run(self, inputs: Sequence[Any]) -> list[Any]:
        return super().run([*self._feed_dict.values(), *inputs])

    def stage(self, stacks: Sequence[Any]) -> Any:
        count = len(stacks[0])
        return super().stage([*(np.stack([value] * count) for value in self._feed_dict.values()), *stacks])

    def repeat(self, staged: Any, start: int, count: int) -> list[Any]:
        return super().repeat(staged, start, count)[: self._shown]


def _phase_value(value: Any) -> int:
    return int(np.asarray(value).reshape(-1)[0]) if not isinstance(value, int) else int(value)


def _alone(value: Any, ndim: int) -> Any:
    """The array in a list of one where the list would be an axis too many: Keras 2 took lists in lists."""
    alone = type(value) is list and len(value) == 1 and type(value[0]) is np.ndarray and value[0].ndim == ndim
    return value[0] if alone else value


def _as_array(value: Any, dtype: np.dtype) -> Any:
    if hasattr(value, "tocoo"):
        value = value.toarray()
    if np.iscomplexobj(value) and dtype.kind != "c":
        raise ValueError(f"Got complex numbers for an input of dtype {dtype}, wanted real numbers.")
    return np.asarray(value, dtype=dtype)


def _check_shape(tensor: Tensor, value: np.ndarray) -> None:
    wanted = tensor.shape
    if len(wanted) != value.ndim or any(w is not None and w != v for w, v in zip(wanted, value.shape, strict=True)):
        raise ValueError(
            f"Cannot feed value of shape {value.shape} for tensor '{tensor.name}', which has shape {tuple(wanted)}."
        )


def _cut_at_inputs(fed: Sequence[Tensor], needed: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Makes fed tensors that are not placeholders into placeholders, as Keras 2 allows."""
    stand_ins = {t: Placeholder(t.shape, t.dtype, t.name) for t in fed if not isinstance(t, Placeholder)}
    return [stand_ins.get(t, t) for t in fed], substitute(needed, stand_ins) if stand_ins else needed


# What TensorFlow's session took; the last two mean nothing here.
_FUNCTION_ARGUMENTS = ("name", "feed_dict", "fetches", "options", "run_metadata")


def function(inputs: Any, outputs: Any, updates: Any = None, **kwargs: Any) -> Function:
    """A callable that computes outputs from inputs and then makes the updates.

    Args:
        inputs: list of placeholders (or other tensors, to be fed in place of being computed);
            may contain `K.learning_phase()`.
        outputs: list of tensors.
        updates: list of updates, as `K.update` gives; tensors that make some will do (`K.switch` on two updates).
        kwargs: `name`; `feed_dict` (tensor -> value, fed beside the inputs and looked up at each call), `fetches`
            (tensors and updates that are computed, but not given back); `options` and `run_metadata` are ignored.

    Raises:
        ValueError: for other arguments.

    Example:
        f = K.function([model.input, K.learning_phase()], [model.layers[3].output])
        output = f([x, 0])[0]
    """
    inputs = as_list(inputs)
    outputs = as_list(outputs)
    for key in kwargs:
        if key not in _FUNCTION_ARGUMENTS:
            raise ValueError(
                f"Invalid argument {key!r} passed to K.function. It takes inputs, outputs, updates, "
                f"{', '.join(_FUNCTION_ARGUMENTS)}."
            )
    name, feed_dict, fetches = (kwargs.get(key) for key in _FUNCTION_ARGUMENTS[:3])
    if feed_dict or fetches:
        fetches = [fetches] if isinstance(fetches, (Tensor, Update)) else fetches
        return _SessionFunction(inputs, outputs, updates or (), name, feed_dict or {}, fetches or ())
    return Function(inputs, outputs, updates or (), name)


def compiled_programs() -> int:
    """How many programs have been compiled since the start of the process (beyond Keras 2)."""
    return runtime().programs_compiled()


def control_dependencies(control_inputs: Any) -> AbstractContextManager[None]:
    """Within it, what is built comes after the updates that are given (and those of the scopes around it).

    Variables that they change are read as they will be then. The updates are made by whatever computes something that
    was built there, also where only that is listed, as an optimizer's `get_updates` may do.

    Args:
        control_inputs: an update, or a list of them; tensors have no effect; None ends all such scopes.

    Example:
        with K.control_dependencies(super().get_updates(loss, params)):
            return [K.update(slow, K.switch(every_fifth, slow + 0.5 * (p - slow), slow)) for slow, p in pairs]
    """
    return ordering.after(None if control_inputs is None else updates_among(control_inputs))


def updates_among(value: Any) -> list[Update]:
    """The updates in nested lists, and those that tensors among them carry."""
    if isinstance(value, Update):
        return [value]
    if isinstance(value, Tensor):
        return [Update(*pair) for pair in ordering.carried(value).items()]
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], Variable):
        return [update(*value)]  # a pair will do, as everywhere
    return [x for item in value for x in updates_among(item)] if isinstance(value, (list, tuple)) else []


def symbolic(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: everything is symbolic here (decorator of Keras 2.3)."""
    return func


def eager(func: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself (decorator of Keras 2.3)."""
    return func


__all__ = [
    "Function", "Update", "after_updates", "compiled_programs", "control_dependencies", "eager",
    "function", "gradients", "in_test_phase", "in_train_phase", "learning_phase", "moving_average_update",
    "set_learning_phase", "stop_gradient", "switch", "symbolic", "update", "update_add", "update_sub",
]  # fmt: skip
