"""Sessions, for code written for TensorFlow 1. There are none: programs run when functions are called.

What `K.get_session()` gives evaluates tensors as a session did.
"""

from __future__ import annotations

import functools
import gc
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import MethodType, SimpleNamespace
from typing import Any

from ..graph import ops, ordering
from ..graph.tensor import Constant, Tensor, adopted, topological
from ..runtimes.memory import give_back
from .config import runtime
from .functions import Function, Update, _unset_learning_phase
from .variables import Initialization, reset_uids

_KEPT = 32  # compiled functions that a session keeps, for calls made again and again


class Graph:
    """Stands for the one graph there is: `with session.graph.as_default()`."""

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        yield self

    def get_operations(self) -> list[Any]:
        """None: tools look among TensorFlow's for the learning phase, which need not be fed."""
        return []

    def finalize(self) -> None:
        """Without effect."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"session.graph.{name}: there is no graph of TensorFlow 1. Tensors are reached from the model "
            "(model.input, model.get_layer(name).output); in place of a frozen graph there is model.export('folder')."
        )


class Step:
    """Updates that are made together, and give no value: what `optimizer.minimize(loss)` gave in TensorFlow 1."""

    type = "Step"

    def __init__(self, updates: Iterable[Update], name: str | None = None) -> None:
        self.updates = list(updates)
        self.name = name or "step"

    @property
    def op(self) -> Step:
        return self

    def as_tensor(self) -> Tensor:
        """True; what computes it makes the updates."""
        with ordering.after(self.updates):
            return ops.identity(Constant(True))

    def run(self, feed_dict: dict[Any, Any] | None = None, session: Any = None) -> None:
        """Makes the updates. (Any session will do.)"""
        _session.run(self, feed_dict)


class Session:
    """Evaluates symbolic tensors and makes updates."""

    graph = Graph()

    def __init__(self) -> None:
        self._functions: OrderedDict[Any, Function] = OrderedDict()

    def run(
        self, fetches: Any, feed_dict: dict[Any, Any] | None = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """The values of tensors; updates among them are made, and give the new value.

        Args:
            fetches: a tensor, an update or a `Step`, or lists, tuples and dictionaries of them in any depth.
            feed_dict: values for placeholders (or any other tensors), `K.learning_phase()` among them; what the
                fetches depend on may be given by name.
            options, run_metadata: accepted and ignored.

        Returns:
            NumPy arrays, in the structure of `fetches`.

        Raises:
            TypeError: for fetches or keys of the feed that are no tensors.
            ValueError: if a placeholder that is needed is not fed.

        Example:
            K.get_session().run(model.output, feed_dict={model.input: x, K.learning_phase(): 0})
        """
        wanted: list[Any] = []
        made: list[Update] = []
        _collect(fetches, wanted, made)
        feed = _fed(feed_dict or {}, [*wanted, *made])
        values = iter(self._function(list(feed), wanted, made)(list(feed.values())))
        return _filled(fetches, values)

    def _function(self, fed: list[Tensor], wanted: list[Any], made: list[Update]) -> Function:
        parts = [part for item in [*wanted, *made] for part in (item if isinstance(item, Update) else (item,))]
        key = tuple(map(id, fed)), len(wanted), tuple(map(id, parts))  # alive as long as the function is
        found = self._functions.pop(key, None)
        if found is None:
            updates = [*(item for item in wanted if isinstance(item, Update)), *made]
            found = Function(fed, [i.value if isinstance(i, Update) else i for i in wanted], updates, "session.run")
        self._functions[key] = found
        while len(self._functions) > _KEPT:
            self._functions.popitem(last=False)
        return found

    def list_devices(self) -> list[Any]:
        """The devices, each with `name` and `device_type` ('CPU' or 'GPU', which stands for any accelerator)."""
        kinds = [("CPU" if name.startswith("cpu") else "GPU", name.split(":")[1]) for name in runtime().devices()]
        return [SimpleNamespace(name=f"/device:{kind}:{number}", device_type=kind) for kind, number in kinds]

    @contextmanager
    def as_default(self) -> Iterator[Session]:
        yield self

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of compiled functions; the session can still be used."""
        self._functions.clear()


def _collect(fetches: Any, found: list[Any], made: list[Update]) -> None:
    """Adds the tensors and updates of a structure, in order, and the updates that give no value."""
    fetches = adopted(fetches)
    if isinstance(fetches, (Tensor, Update)):
        found.append(fetches)
    elif isinstance(fetches, Step):
        made.extend(fetches.updates)
    elif isinstance(fetches, Initialization):
        fetches.run()
    elif _is_nothing(fetches) or _is_value(fetches):
        pass
    elif isinstance(fetches, (list, tuple)):
        for item in fetches:
            _collect(item, found, made)
    elif isinstance(fetches, dict):
        for item in fetches.values():
            _collect(item, found, made)
    else:
        raise TypeError(
            f"session.run: cannot fetch {fetches!r} of type {type(fetches).__name__}. Wanted a symbolic tensor, an "
            "update, or lists, tuples and dictionaries of them. (What belongs to a graph of TensorFlow runs in a "
            "session of TensorFlow; training goes by model.fit or K.function with updates.)"
        )


def _is_nothing(fetch: Any) -> bool:
    """Whether it is what `tf.global_variables_initializer()` gives: ours are initialised when they are first read."""
    return fetch is None or getattr(fetch, "type", None) == "NoOp"


def _is_value(fetch: Any) -> bool:
    """Whether it is a tensor that has its value already, as those of TensorFlow 2 and PyTorch have."""
    return callable(getattr(fetch, "numpy", None))


def _filled(fetches: Any, values: Iterator[Any]) -> Any:
    """The structure with values in place of tensors."""
    fetches = adopted(fetches)
    if isinstance(fetches, (Tensor, Update)):
        return next(values)
    if _is_nothing(fetches) or isinstance(fetches, (Initialization, Step)):
        return None
    if _is_value(fetches):
        return fetches.numpy()
    if isinstance(fetches, dict):
        return type(fetches)((key, _filled(item, values)) for key, item in fetches.items())
    items = [_filled(item, values) for item in fetches]
    return type(fetches)(*items) if hasattr(fetches, "_fields") else type(fetches)(items)


def _fed(feed: dict[Any, Any], wanted: list[Any]) -> dict[Tensor, Any]:
    """The feed by tensors of ours; without the learning phase where that is a number (`K.set_learning_phase`).

    Args:
        wanted: what is computed with it, among which names are looked for.
    """
    found = {}
    for key, value in feed.items():
        key = _named(key, wanted) if isinstance(key, str) else adopted(key)
        if not isinstance(key, (Tensor, int)):
            raise TypeError(f"session.run: cannot feed {key!r}: the keys of feed_dict are symbolic tensors.")
        if isinstance(key, Tensor):
            found[key] = value
    return found


def _named(name: str, wanted: list[Any]) -> Tensor:
    """The tensor of that name ('input_1:0') among those that something is computed from."""
    tensors = topological([item.value if isinstance(item, Update) else item for item in wanted])
    for tensor in tensors:
        if tensor.name in (name, f"{name}:0"):
            return tensor
    raise ValueError(f"session.run: cannot feed {name!r}: the fetches are computed from no tensor of that name.")


_session = Session()


def get_session() -> Session:
    """An object whose `run(fetches, feed_dict)` evaluates tensors."""
    return _session


def set_session(session: Any) -> None:
    """Makes a session of ours the one that `get_session` gives.

    A `tf.Session` of TensorFlow 1 learns to evaluate our tensors (`session.run(model.output, {model.input: x})`);
    its configuration has no effect.
    """
    global _session
    if isinstance(session, Session):
        _session = session
    elif callable(getattr(session, "run", None)) and not hasattr(session.run, "_keras"):
        session.run = MethodType(knowing_ours(type(session).run), session)


def knowing_ours(
    run: Callable[..., Any], is_also_ours: Callable[[Any], bool] = lambda fetch: False
) -> Callable[..., Any]:
    """The method `run` of another library's session, which hands what is ours to our session."""

    @functools.wraps(run)
    def either(self: Any, fetches: Any, feed_dict: dict[Any, Any] | None = None, *args: Any, **kwargs: Any) -> Any:
        if _has_ours([fetches, list(feed_dict or ())], is_also_ours):
            with self.as_default():
                return _session.run(fetches, feed_dict)
        return run(self, fetches, feed_dict, *args, **kwargs)

    either._keras = True  # type: ignore[attr-defined]
    return either


def _has_ours(value: Any, is_also_ours: Callable[[Any], bool]) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (list, tuple)) and not isinstance(value, Update):
        return any(_has_ours(item, is_also_ours) for item in value)
    return isinstance(value, (Tensor, Update, Initialization, Step)) or is_also_ours(value)


def clear_session() -> None:
    """Forgets the numbers of automatic names, the fixed learning phase and what the session compiled.

    There is no global graph that grows; models that nothing refers to any more are freed at once, with their programs
    (models and layers refer to one another, and Python would look for such circles much later). Memory that training
    kept for its next step goes back to the system.
    """
    reset_uids()
    _unset_learning_phase()
    _session.close()
    gc.collect()
    give_back()


__all__ = ["Session", "Step", "clear_session", "get_session", "set_session"]
