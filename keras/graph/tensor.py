"""Symbolic tensors: the values that flow through the graph before any number exists.

A `Tensor` is one output of an `Operation`: a primitive applied to other tensors with
attributes. `Placeholder`, `Constant` and `Variable` are tensors without an operation.
Shapes are static as far as they are known: an unknown dimension is `None`.
"""

from __future__ import annotations

import functools
import itertools
import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import dtypes, placement

if TYPE_CHECKING:
    from .primitive import Primitive

Dim = int | None


class Size(int):
    """A known size: an int, which tells its `value` to code for TensorFlow 1 (`x.shape[1].value`)."""

    __slots__ = ()

    @property
    def value(self) -> int:
        return int(self)


class Shape(tuple[Dim, ...]):
    """A static shape: a tuple of ints, with `None` where the size is only known at run time.

    It also answers what code for TensorFlow asks of a shape.
    """

    __slots__ = ()

    def as_list(self) -> list[Dim]:
        return list(self)

    def __getitem__(self, key: Any) -> Any:
        found = tuple.__getitem__(self, key)
        return Size(found) if type(found) is int else found

    @property
    def dims(self) -> list[Dim]:
        return [self[axis] for axis in range(len(self))]

    def concatenate(self, other: Iterable[Dim]) -> Shape:
        return Shape((*self, *other))

    def num_elements(self) -> int | None:
        """How many elements there are; None where a size is unknown."""
        return math.prod(self) if self.known else None  # type: ignore[arg-type]

    def is_compatible_with(self, other: Iterable[Dim] | None) -> bool:
        """Whether some whole shape is both."""
        if other is None:
            return True
        other = tuple(other)
        pairs = zip(self, other, strict=False)
        return len(self) == len(other) and all(None in pair or pair[0] == pair[1] for pair in pairs)

    def assert_is_compatible_with(self, other: Iterable[Dim] | None) -> None:
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {tuple(self)} and {tuple(other or ())} are incompatible.")

    def assert_has_rank(self, rank: int) -> None:
        self.with_rank(rank)

    def with_rank(self, rank: int) -> Shape:
        if len(self) != rank:
            raise ValueError(f"Shape {tuple(self)} must have rank {rank}.")
        return self

    def with_rank_at_least(self, rank: int) -> Shape:
        if len(self) < rank:
            raise ValueError(f"Shape {tuple(self)} must have rank at least {rank}.")
        return self

    @property
    def ndims(self) -> int:
        return len(self)

    @property
    def rank(self) -> int:
        return len(self)

    @property
    def known(self) -> bool:
        return None not in self

    def is_fully_defined(self) -> bool:
        return self.known


_serial = itertools.count()
_operations = itertools.count(1)


# What names begin with in the scopes that this thread has open.
_prefix: ContextVar[str] = ContextVar("prefix", default="")


@contextmanager
def name_scope(name: str) -> Iterator[None]:
    """Prefixes the names of the variables and operations made inside with `name/`."""
    around = _prefix.get()
    _prefix.set(f"{around}{name}/")
    try:
        yield
    finally:
        _prefix.set(around)


def scoped(name: str) -> str:
    return _prefix.get() + name


class TooManyOperations(ValueError):
    """More operations were built than `at_most` allows."""


# The number that no operation of this thread may exceed at present, see `at_most`.
_last_serial: ContextVar[int | None] = ContextVar("last serial", default=None)


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Within it, building more than about `count` operations raises `TooManyOperations`.

    For what a file describes: a few lines can say "call this model twice" within itself thirty times over, or
    unroll a recurrent layer over a billion steps.
    """
    before, limit = _last_serial.get(), moment() + count
    _last_serial.set(limit if before is None else min(before, limit))
    try:
        yield
    finally:
        _last_serial.set(before)


class Operation:
    """A primitive applied to inputs; makes one or several tensors."""

    __slots__ = (
        "primitive", "inputs", "attributes", "outputs", "_name", "_named", "subgraphs", "serial", "device",
        "__weakref__",
    )  # fmt: skip

    def __init__(
        self,
        primitive: Primitive,
        inputs: tuple[Tensor, ...],
        attributes: dict[str, Any],
        subgraphs: tuple[Subgraph, ...] = (),
    ) -> None:
        self.primitive = primitive
        self.inputs = inputs
        self.attributes = attributes
        self.subgraphs = subgraphs
        self.outputs: tuple[Tensor, ...] = ()
        self.serial = moment()
        self._name = scoped(primitive.name)
        self._named = False
        self.device = placement.current()

    @property
    def type(self) -> str:
        return self.primitive.name

    @property
    def name(self) -> str:
        """A name that no other operation has; it is made out when it is first asked for."""
        if not self._named:
            self.name = self._name
        return self._name

    @name.setter
    def name(self, wanted: str) -> None:
        name = wanted
        while name in operations_by_name:
            name = f"{wanted}_{next(_serial)}"
        self._name, self._named = name, True
        operations_by_name[name] = self

    def __repr__(self) -> str:
        return f"<Operation {self.name}: {self.type}>"


# Those that are alive and whose name has been asked for.
operations_by_name: weakref.WeakValueDictionary[str, Operation] = weakref.WeakValueDictionary()


class Leaf(NamedTuple):
    """What `tensor.op` is of a tensor that no operation made: its name and kind, as TensorFlow's operations have."""

    name: str
    type: str
    inputs: tuple[Tensor, ...] = ()


class Subgraph:
    """A function traced once, for scans and conditions.

    `parameters` are placeholders fed by the primitive that owns the sub-graph,
    `captures` the outer tensors that the body reads, `since` the moment (see `moment`) at which the tracing began.
    """

    __slots__ = ("parameters", "outputs", "captures", "since")

    def __init__(self, parameters: Sequence[Tensor], outputs: Sequence[Tensor], since: int = 0) -> None:
        self.parameters = tuple(parameters)
        self.outputs = tuple(outputs)
        self.since = since
        self.captures = _captures(self.parameters, self.outputs, since)


def moment() -> int:
    """A number greater than the `serial` of all operations made before, less than that of all after."""
    number = next(_operations)
    limit = _last_serial.get()
    if limit is not None and number > limit:
        raise TooManyOperations("This would build more operations than any model has.")
    return number


def _captures(
    parameters: Sequence[Tensor], outputs: Sequence[Tensor], since: int
) -> tuple[Tensor, ...]:
    """Tensors that the body needs from outside: the border of what depends on the parameters.

    Whatever does not depend on a parameter is computed once, outside. Random nodes made while
    the body was traced stay inside, so that each turn of a loop draws anew; those made before
    (a dropout mask for a whole sequence) are drawn once.
    """
    depends = {id(p): True for p in parameters}
    order = topological(outputs, stop=set(depends))
    for tensor in order:
        if id(tensor) in depends:
            continue
        operation = tensor.made_by
        depends[id(tensor)] = operation is not None and (
            (operation.primitive.random and operation.serial > since)
            or any(depends[id(i)] for i in operation.inputs)
        )
    found: dict[int, Tensor] = {}
    for tensor in order:
        if depends[id(tensor)] and tensor.made_by is not None and id(tensor) not in {id(p) for p in parameters}:
            for i in tensor.made_by.inputs:
                if not depends[id(i)]:
                    found[id(i)] = i
    for tensor in outputs:
        if not depends[id(tensor)]:
            found[id(tensor)] = tensor
    return tuple(t for t in found.values() if not isinstance(t, Constant))


def topological(outputs: Iterable[Tensor], stop: set[int] | None = None) -> list[Tensor]:
    """All tensors that `outputs` are computed from, inputs before their users.

    `stop` holds the ids of tensors whose own inputs are not looked at.
    """
    order: list[Tensor] = []
    seen: set[int] = set()
    stop = stop or set()
    stack: list[tuple[Tensor, bool]] = [(t, False) for t in reversed(list(outputs))]
    while stack:
        tensor, ready = stack.pop()
        if ready:
            order.append(tensor)
            continue
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        stack.append((tensor, True))
        if tensor.made_by is not None and id(tensor) not in stop:
            stack.extend((i, False) for i in reversed(tensor.made_by.inputs) if id(i) not in seen)
    return order


class Tensor:
    """One symbolic value.

    Python operators and NumPy-style indexing build further nodes; `==` and `hash` go by
    identity, as in Keras 2, so that tensors can be dictionary keys.
    """

    # NumPy leaves binary operators with arrays on the left to us.
    __array_priority__ = 1000
    _uses_learning_phase: bool = False
    # Whether a layer declared sizes of it that could not be inferred. Layers declare wrong ones too.
    sizes_declared: bool = False

    def __init__(
        self,
        shape: Iterable[Dim],
        dtype: str,
        op: Operation | None = None,
        index: int = 0,
        name: str | None = None,
    ) -> None:
        self.shape = Shape(shape)
        self.dtype: str = dtypes.named(dtype)
        self.made_by = op
        self.index = index
        self._name = name
        if op is not None:
            read = [*op.inputs, *(o for s in op.subgraphs for o in s.outputs)] if op.subgraphs else op.inputs
            for tensor in read:
                if tensor._uses_learning_phase:
                    self._uses_learning_phase = True
                    break

    @property
    def name(self) -> str:
        if self._name is None:
            base = f"{type(self).__name__.lower()}_{next(_serial)}" if self.made_by is None else self.made_by.name
            self._name = f"{base}:{self.index}"
        return self._name

    @name.setter
    def name(self, value: str) -> None:
        self._name = value

    @property
    def op(self) -> Operation | Leaf:
        return self.made_by or Leaf(self.name.partition(":")[0], type(self).__name__)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def device(self) -> str:
        """The device in whose scope it was built; '' where none was open."""
        return self.made_by.device if self.made_by is not None else ""

    def get_shape(self) -> Shape:
        return self.shape

    def set_shape(self, shape: Iterable[Dim]) -> None:
        """Tells sizes that could not be inferred (None: nothing to tell), as TensorFlow's method does.

        Raises:
            ValueError: if they contradict what is known.
        """
        told = tuple(None if size is None else int(size) for size in shape)
        if len(told) != len(self.shape) or any(
            t is not None and s is not None and t != s for t, s in zip(told, self.shape, strict=True)
        ):
            raise ValueError(f"The tensor {self!r} has the shape {tuple(self.shape)}, which cannot be {told}.")
        self.shape = Shape(t if s is None else s for t, s in zip(told, self.shape, strict=True))

    def __repr__(self) -> str:
        kind = type(self).__name__
        return f"<{kind} '{self.name}' shape={tuple(self.shape)} dtype={self.dtype}>"

    def __bool__(self) -> bool:
        raise TypeError(
            f"The symbolic tensor {self!r} has no truth value: its numbers are only known when a "
            "function runs. Use `K.switch(condition, then, else)` instead of `if`, "
            "`K.eval(x)` for a tensor that depends on no input, or compare with `is`/`is None`."
        )

    def __iter__(self) -> Iterator[Tensor]:
        if not self.shape or self.shape[0] is None:
            raise TypeError(
                f"Cannot iterate over {self!r}: the size of its first axis is unknown. "
                "Use `K.map_fn`, `K.rnn`, or give the placeholder a fixed batch size."
            )
        return (self[i] for i in range(self.shape[0]))

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    # The operators are attached by keras.graph.ops, which knows the primitives.
    def __add__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __radd__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __sub__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __rsub__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __mul__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __rmul__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __truediv__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __rtruediv__(self, other: Any) -> Tensor: ...  # type: ignore[empty-body]
    def __getitem__(self, key: Any) -> Tensor: ...  # type: ignore[empty-body]


class Placeholder(Tensor):
    """A value that the caller of a function supplies."""

    def __init__(self, shape: Iterable[Dim], dtype: str, name: str | None = None) -> None:
        super().__init__(shape, dtype, name=name)


class Constant(Tensor):
    """A NumPy value that is part of the graph."""

    def __init__(self, value: Any, dtype: str | None = None, name: str | None = None) -> None:
        array = np.asarray(value)
        if dtype is None:
            dtype = dtypes.of_array(array)
        array = np.array(array, dtype=dtypes.to_numpy(dtype))  # our own copy: callers may change theirs
        array.setflags(write=False)
        super().__init__(array.shape, dtype, name=name)
        self.value = array


class DeferredConstant(Constant):
    """A constant whose numbers `make()` gives when they are first asked for.

    A file can ask for any shape; numbers that the weights in it replace, or that nobody reads, are never made.
    """

    def __init__(self, make: Callable[[], Any], shape: Iterable[Dim], dtype: str, name: str | None = None) -> None:
        Tensor.__init__(self, shape, dtype, name=name)
        self._make = make

    @functools.cached_property
    def value(self) -> Any:  # type: ignore[override]
        array = np.asarray(self._make(), dtype=dtypes.to_numpy(self.dtype))
        array.setflags(write=False)
        return array


class Variable(Tensor):
    """A value kept between calls: a weight, a statistic, a state.

    The number itself lives in the runtime that the backend chose: `storage` is filled in by
    the backend, the graph never looks into it. The `initializer` is evaluated only when the
    value is first read, so building a model costs no arithmetic; until then it is kept as `initial`.
    """

    def __init__(
        self,
        shape: Iterable[Dim],
        dtype: str,
        name: str | None = None,
        initializer: Any = None,
    ) -> None:
        super().__init__(shape, dtype, name=name)
        self._device = placement.current()
        self.storage: Any = None
        self.initial = initializer
        self.start: Tensor | None = initializer if isinstance(initializer, Tensor) else None
        self.constraint: Any = None
        self.trainable = True

    @property
    def device(self) -> str:
        return self._device


_adopt: Callable[[Any], Tensor | None] | None = None


def adopt_with(function: Callable[[Any], Tensor | None]) -> None:
    """What makes symbolic tensors of an engine's own (`None` for anything else)."""
    global _adopt
    _adopt = function


def adopted(value: Any) -> Any:
    """A symbolic tensor for one of the engine's own, such as a placeholder of TensorFlow 1; anything else as it is."""
    if _adopt is None or isinstance(value, (Tensor, int, float, np.ndarray, np.generic)):
        return value
    found = _adopt(value)
    return value if found is None else found


def as_tensor(value: Any, like: Tensor | None = None, dtype: str | None = None) -> Tensor:
    """`value` as a tensor; Python numbers take the dtype of `like` (an int stays exact)."""
    if isinstance(value, Tensor):
        return value
    found = adopted(value)
    if isinstance(found, Tensor):
        return found
    if hasattr(value, "as_tensor"):  # an update
        return value.as_tensor()  # type: ignore[no-any-return]
    if isinstance(value, (list, tuple)) and any(isinstance(v, Tensor) for v in value):
        from .ops import shaping

        return shaping.stack_values(value, dtype)
    if dtype is None and like is not None and isinstance(value, (int, float, bool, np.generic)):
        dtype = dtypes.of_scalar(value, like.dtype)
    array = np.asarray(value)
    if array.dtype == object or array.dtype.kind in "USV":
        raise TypeError(
            f"Cannot make a tensor of {type(value).__name__} {value!r:.80}: wanted numbers, a NumPy array, "
            "a nested list of numbers or a symbolic tensor."
        )
    return Constant(array, dtype)
