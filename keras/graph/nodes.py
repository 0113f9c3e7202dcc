"""A program's graph before it is a list: operations specialised for one learning phase, equal ones made one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .primitive import REGISTRY
from .tensor import Tensor

Slot = int


class Node:
    """An operation after specialisation: inputs are values of other nodes."""

    __slots__ = ("name", "inputs", "attributes", "bodies", "outputs", "tensor", "dtypes", "serial", "device")

    def __init__(
        self,
        name: str,
        inputs: tuple[Value, ...],
        attributes: dict[str, Any],
        bodies: tuple[Body, ...] = (),
        tensor: Tensor | None = None,
        dtypes: tuple[str, ...] = ("",),
        serial: int = 0,
        device: str = "",
    ) -> None:
        self.serial = serial
        self.device = device
        self.name = name
        self.inputs = inputs
        self.attributes = attributes
        self.bodies = bodies
        self.tensor = tensor
        self.dtypes = dtypes
        self.outputs = tuple(Value(self, i) for i in range(len(dtypes)))


class Value:
    """One output of a node. A leaf's node has the name '' and holds its tensor."""

    __slots__ = ("node", "index", "slot")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index
        self.slot: Slot = -1


@dataclass
class Body:
    """What a node such as a loop runs. Random nodes made after `since` (a serial number) belong to it."""

    parameters: tuple[Value, ...]
    outputs: tuple[Value, ...]
    since: int


def in_order(targets: Iterable[Value], available: set[Value]) -> list[Node]:
    """Nodes that targets need and that are not available, inputs first."""
    order: list[Node] = []
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(v.node, False) for v in reversed(list(targets)) if v not in available]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((i.node, False) for i in reversed(needs(node)) if i not in available and i.node not in seen)
    return order


def needs(node: Node) -> tuple[Value, ...]:
    """What a node reads: its inputs, and what its bodies read from outside."""
    if not node.bodies:
        return node.inputs
    return (*node.inputs, *(value for body in node.bodies for value in outside(body)))


def outside(body: Body) -> list[Value]:
    """Values that a body reads but that do not change within it."""
    parameters = set(body.parameters)
    depends: set[Value] = set(parameters)
    found: dict[Value, None] = {}
    order = in_order(body.outputs, parameters)
    for node in order:
        if node.serial > body.since and REGISTRY[node.name].random:  # drawn anew in each turn
            depends.update(node.outputs)
        elif any(i in depends for i in needs(node)):
            depends.update(node.outputs)
    for node in order:
        if node.outputs[0] in depends:
            found.update(dict.fromkeys(i for i in needs(node) if i not in depends))
    found.update(dict.fromkeys(o for o in body.outputs if o not in depends))
    return list(found)


def dependents(targets: Iterable[Value], sources: set[Value]) -> set[Value]:
    """Sources and all values computed from them on the way to the targets."""
    depends = set(sources)
    for node in in_order(targets, set()):
        if any(i in depends for i in needs(node)):
            depends.update(node.outputs)
    return depends
