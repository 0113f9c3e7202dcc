"""Functions of the engine applied to symbolic tensors: recorded as operations, run later."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import partial
from typing import Any

from ..graph import ops
from ..graph.ops.native import infer
from ..graph.primitive import Spec
from ..graph.tensor import Placeholder, Tensor, topological
from .contract import Runtime


def record(
    runtime: Runtime, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Any:
    """The operation `function(*args, **kwargs)`, for arguments among which are symbolic tensors,
    also within lists, tuples and dictionaries.

    Returns:
        a tensor, or a list of them, or the function's own tuple with names (`torch.return_types.max`); within those,
        whatever the function nests.

    Raises:
        what the function raises when it is tried out on arrays of the tensors' shapes.
    """
    tensors: list[Tensor] = []
    shape = _marked(each((tuple(args), dict(kwargs)), runtime.adopted), tensors)
    call = _Call(function, shape, runtime.taken_apart)
    specs = _specs(runtime, call, tensors)
    results: list[Tensor] = ops.native(
        *tensors, function=call, specs=tuple((tuple(dims), dtype) for dims, dtype in specs)
    )
    form = call.form
    return _rebuilt(list(form) if type(form) is tuple else form, results)


def _specs(runtime: Runtime, call: _Call, tensors: Sequence[Tensor]) -> list[Spec]:
    """What a call gives. Sizes that layers declare are believed until a function cannot be given them."""
    try_out = partial(runtime.result_specs, call)
    try:
        return infer(try_out, tensors, runtime.knows_unknown_sizes)
    except Exception:
        doubtful = [any(t.sizes_declared for t in topological([x])) for x in tensors]
        if not any(doubtful):
            raise
        pairs = zip(tensors, doubtful, strict=True)
        rid = [Placeholder([None] * len(x.shape), x.dtype) if doubt else x for x, doubt in pairs]
        return infer(try_out, rid, runtime.knows_unknown_sizes)


class MadeOfTensors(tuple[Any, ...]):
    """What an engine makes of several tensors (a sparse one), as those: a function's result and argument."""

    def whole(self) -> Any:
        """What the engine's functions take, of arrays."""
        raise NotImplementedError


class _Call:
    """A function with arrays put in the places of the tensors among its arguments.

    It gives all arrays of the result in one list.

    Attributes:
        likeness: equal for calls of the same function in the same way.
        form: the result of the last call, with numbers in the places of arrays.
    """

    form: Any

    def __init__(
        self, function: Callable[..., Any], arguments: tuple[Any, Any], taken_apart: Callable[[Any], Any]
    ) -> None:
        self._function, self._taken_apart = function, taken_apart
        self._arguments = arguments
        self.likeness = (function, _key(arguments))

    def __call__(self, *arrays: Any) -> Any:
        places, names = _filled(self._arguments, arrays)
        found: list[Any] = []
        self.form = _numbered(each(self._function(*places, **names), self._taken_apart), found)
        return found


def _numbered(result: Any, found: list[Any]) -> Any:
    """A nest of arrays as one of numbers; the arrays are added to `found`."""
    if isinstance(result, (list, tuple, dict)):
        return _nest(result, lambda item: _numbered(item, found))
    if result is None:
        return None
    found.append(result)
    return _Place(len(found) - 1)


def _rebuilt(form: Any, results: Sequence[Tensor]) -> Any:
    if isinstance(form, _Place):
        return results[form.number]
    return None if form is None else _nest(form, lambda item: _rebuilt(item, results))


def _nest(value: Any, change: Callable[[Any], Any]) -> Any:
    """A list, tuple - also one with names - or dictionary with its items changed."""
    kind = type(value)
    if isinstance(value, (dict, MadeOfTensors)) or kind in (list, tuple):
        return mapped(value, change)
    items = [change(item) for item in value]
    # Named tuples take items one by one, those that are written in C a sequence.
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


def _key(value: Any) -> Hashable:
    """Equal for equal arguments; arrays and the like are equal to themselves only."""
    if isinstance(value, dict):
        return tuple((name, _key(item)) for name, item in value.items())
    if type(value) in (list, tuple) or isinstance(value, MadeOfTensors):
        return type(value), *(_key(item) for item in value)
    if isinstance(value, _Place):
        return _Place, value.number
    return type(value), value if isinstance(value, (int, float, complex, str, type, type(None))) else id(value)


class _Place:
    """Stands for a symbolic tensor among arguments."""

    def __init__(self, number: int) -> None:
        self.number = number


def _marked(value: Any, found: list[Tensor]) -> Any:
    if isinstance(value, Tensor):
        place = next((n for n, t in enumerate(found) if t is value), len(found))
        if place == len(found):
            found.append(value)
        return _Place(place)
    return mapped(value, lambda item: _marked(item, found))


def each(value: Any, change: Callable[[Any], Any]) -> Any:
    """The items of nested lists, tuples and dictionaries changed."""
    if isinstance(value, (list, tuple, dict)):
        return mapped(value, lambda item: each(item, change))
    return change(value)


def leaves(value: Any) -> list[Any]:
    """The items of nested lists, tuples and dictionaries, one after the other."""
    found: list[Any] = []
    each(value, found.append)
    return found


def _filled(value: Any, arrays: Sequence[Any]) -> Any:
    if isinstance(value, _Place):
        return arrays[value.number]
    filled = mapped(value, lambda item: _filled(item, arrays))
    return filled.whole() if isinstance(filled, MadeOfTensors) else filled


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A list, tuple or dictionary with its items changed; anything else as it is."""
    if isinstance(value, dict):
        return {key: change(item) for key, item in value.items()}
    if type(value) in (list, tuple) or isinstance(value, MadeOfTensors):
        return type(value)(change(item) for item in value)
    return value


def symbolic(value: Any) -> list[Tensor]:
    """The symbolic tensors among (nested) arguments."""
    found: list[Tensor] = []
    _marked(value, found)
    return found
