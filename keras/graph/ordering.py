"""Updates that come before what is built in a scope (`K.control_dependencies`).

A program has no hidden order: all reads of a variable see its old value, and updates are made together at the end. So
within a scope variables are read as the values that the updates give them, and each tensor built there carries the
updates along: whoever computes it makes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .primitive import REGISTRY, scope
from .tensor import Tensor, Variable, topological

Pair = tuple[Variable, Tensor]


@contextmanager
def after(updates: Iterable[Pair] | None) -> Iterator[None]:
    """Within it, what is built comes after the updates, and after those of the scopes around it; with None after
    none at all."""
    around = scope.get()
    now: dict[Tensor, Tensor] = {}
    if updates is not None:
        now.update(merge_updates([*current(), *updates]))
    scope.set((now, _carrier(now)) if now else None)
    try:
        yield
    finally:
        scope.set(around)


def _carrier(now: dict[Tensor, Tensor]) -> Tensor:
    with after(None):
        return REGISTRY["updated"](*now.values(), variables=tuple(now))  # type: ignore[no-any-return]


def current() -> list[Pair]:
    """The updates that what is built now comes after."""
    around = scope.get()
    return list(around[0].items()) if around else []  # type: ignore[arg-type]


def read(x: Tensor) -> Tensor:
    """x, or what it is by now if it is a variable."""
    around = scope.get()
    return around[0].get(x, x) if around else x


def carried(x: Tensor) -> dict[Variable, Tensor]:
    """The updates that x comes after, if it was built in a scope."""
    if x.made_by is None or x.made_by.type != "after":
        return {}
    made = x.made_by.inputs[1].made_by
    assert made is not None
    return dict(zip(made.attributes["variables"], made.inputs, strict=True))


def is_carrier(x: Tensor) -> bool:
    """Whether some updates come before x."""
    operations = [t.made_by for t in topological([x]) if t.made_by is not None]
    return any(o.type == "updated" or any(is_carrier(y) for s in o.subgraphs for y in s.outputs) for o in operations)


def merge_updates(updates: Iterable[Pair]) -> list[Pair]:
    """One update per variable, those among them that others come after.

    A variable that is updated twice (a BatchNormalization used at two places) gets both
    changes: x + (a - x) + (b - x), which is what increments made one after the other give.
    An update that comes after another of the same variable takes its place.
    """
    grouped: dict[Variable, list[Tensor]] = {}
    past: set[tuple[Variable, int]] = set()
    waiting = list(updates)
    for variable, value in waiting:  # which grows
        values = grouped.setdefault(variable, [])
        if any(value is v for v in values):
            continue
        values.append(value)
        before = carried(value)
        waiting.extend(before.items())
        if variable in before:
            past.add((variable, id(before[variable])))
    with after(None):
        return [(v, _sum(v, [x for x in values if (v, id(x)) not in past])) for v, values in grouped.items()]


def _sum(variable: Variable, values: list[Tensor]) -> Tensor:
    total = values[0]
    for value in values[1:]:
        total = total + (value - carried(value).get(variable, variable))
    return total
