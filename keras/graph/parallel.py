"""Finding what can run on several devices at a time.

`multi_gpu_model` cuts a batch into parts (the primitive `part`), applies the same model to each, and
joins the results. In the graph these are copies of the same nodes, one family for each part. Here the
families become one node `parallel`, whose body is the first family and which a runtime carries out
for all parts at once. What has no copy in each part, such as a sum over them, stays outside, and a
`part` that is left over is the slice it holds: then all is computed in turn, with the same numbers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Sequence

from .nodes import Body, Node, Value, in_order, needs, outside
from .primitive import REGISTRY

Devices = tuple[int, ...]
Key = tuple[int, Devices]  # of a stage: how many times batches were cut on the way, and for which devices
Inner = dict[Node, list[Node]]  # each node, in order -> those in its bodies
Copies = dict[Value, tuple["_Stage", Value, int]]  # value -> its stage, its likeness in part 0, its part


def fuse(targets: Sequence[Value], device_count: Callable[[], int]) -> tuple[list[Value], Devices]:
    """Changes the nodes that compute `targets` so that parts of batches run in `parallel` nodes.

    Args:
        device_count: gives the number of devices there are.

    Returns:
        the targets as they are now, and the numbers of the devices that they take (none where nothing
        runs in parallel).
    """
    order = in_order(targets, set())
    inner = {node: list(_inner(node)) for node in order}
    markers = [node for node in order if node.name == "part"]
    devices: Devices = markers[0].attributes["devices"] if markers else ()  # a program runs on one set of them
    stages: list[_Stage] = []
    if devices and max(devices) < device_count() and len(set(devices)) == len(devices):
        stages = [_Stage(families, inner) for families in _families(order, devices)]
    copies = {value: place for stage in stages for value, place in stage.copies()}
    if any(source in copies for source in _gradient_sources(inner, copies)):
        stages, copies = [], {}  # gradients are not taken by what is inside
    _choose_outputs(targets, inner, copies)
    stages = [stage for stage in stages if stage.joined or stage.single]
    replaced = {marker.outputs[0]: marker.inputs[1] for marker in markers}  # outside, a part is its slice
    made = [stage.fused(devices, replaced) for stage in stages]
    _rewrite(inner, copies, replaced)
    for node in made:
        node.inputs = tuple(replaced.get(value, value) for value in node.inputs)
    return [replaced.get(value, value) for value in targets], devices if stages else ()


def _inner(node: Node) -> Iterator[Node]:
    """The nodes in the bodies of a node, inputs first."""
    for body in node.bodies:
        for inner in in_order(body.outputs, {*body.parameters, *outside(body)}):
            yield from _inner(inner)
            yield inner


def _families(order: Sequence[Node], devices: Devices) -> list[list[list[Node]]]:
    """For each stage, for each part, the nodes that read this part alone."""
    found: dict[Key, list[list[Node]]] = {}
    for node, colours in _colours(order).items():
        if len(colours) == 1:
            ((key, part),) = colours
            if key[1] == devices:
                found.setdefault(key, [[] for _ in devices])[part].append(node)
    return list(found.values())


def _colours(order: Sequence[Node]) -> dict[Node, frozenset[tuple[Key, int]]]:
    """The parts that each node reads. Those of an earlier stage count no more after a later one began."""
    depths: dict[Node, int] = {}
    found: dict[Node, frozenset[tuple[Key, int]]] = {}
    for node in order:
        if node.name == "part":
            depths[node] = depth = depths[node.inputs[0].node] + 1
            found[node] = frozenset([((depth, node.attributes["devices"]), node.attributes["index"])])
            continue
        read = [value.node for value in needs(node)]
        depths[node] = depth = max((depths[n] for n in read), default=0)
        found[node] = frozenset[tuple[Key, int]]().union(*(found[n] for n in read if depths[n] == depth))
    return found


def _gradient_sources(inner: Inner, copies: Copies) -> Iterator[Value]:
    """What gradients outside the families are taken by."""
    for node, within in inner.items():
        if node.outputs[0] not in copies:
            for each in (node, *within):
                if each.name == "gradients":
                    yield from each.inputs[: each.attributes["sources"]]


class _Stage:
    """Families that run at the same time.

    Attributes:
        joined: values of part 0 that are wanted with those of the other parts behind them -> what joins them.
        single: values of part 0 that are wanted part by part.
    """

    def __init__(self, families: Sequence[Sequence[Node]], inner: Inner) -> None:
        self.families = families
        names: dict[Hashable, int] = {}
        self.likenesses = [_Likeness(family, inner, names) for family in families]
        numbers = [likeness.numbers for likeness in self.likenesses]
        self.common = set[int].intersection(*({n[node] for node in f} for n, f in zip(numbers, families, strict=True)))
        self.first = {numbers[0][node]: node for node in reversed(families[0])}
        self.joined: dict[Value, list[Value]] = {}
        self.single: dict[Value, None] = {}

    def copies(self) -> Iterator[tuple[Value, tuple[_Stage, Value, int]]]:
        """The values that every part has."""
        for part, (family, likeness) in enumerate(zip(self.families, self.likenesses, strict=True)):
            for node in family:
                number = likeness.numbers[node]
                if number in self.common:
                    for value in node.outputs:
                        yield value, (self, self.first[number].outputs[value.index], part)

    def fused(self, devices: Devices, replaced: dict[Value, Value]) -> Node:
        """Makes the parallel node; `replaced` is told what takes the place of the values read outside."""
        markers = [n for n in self.first.values() if n.name == "part"]
        wanted = [*self.joined, *self.single]
        counts = [1] * len(self.joined) + [len(devices)] * len(self.single)
        node = Node(
            "parallel",
            tuple(marker.inputs[0] for marker in markers),
            {"devices": devices, "joined": len(self.joined), "random": self._random()},
            (Body(tuple(marker.outputs[0] for marker in markers), tuple(wanted), sys.maxsize),),
            dtypes=tuple(v.node.dtypes[v.index] for v, n in zip(wanted, counts, strict=True) for _ in range(n)),
        )
        outputs = iter(node.outputs)
        for joins in self.joined.values():
            replaced.update(dict.fromkeys(joins, next(outputs)))
        by_part = {(value, part): next(outputs) for value in self.single for part in range(len(devices))}
        for value, (_, original, part) in self.copies():
            if (original, part) in by_part:
                replaced[value] = by_part[original, part]
        return node

    def _random(self) -> dict[Node, tuple[Node, ...]]:
        """Nodes of part 0 that draw random numbers -> their copies in all parts, which have seeds of their own."""
        return {copies[0]: copies for copies in zip(*(each.random for each in self.likenesses), strict=False)}


class _Likeness:
    """Numbers for the nodes of a family: in all families of a stage, equal numbers mean the same computation.

    Nodes that draw random numbers or have bodies are told apart by when they were made.
    """

    def __init__(self, family: Sequence[Node], inner: Inner, names: dict[Hashable, int]) -> None:
        self.numbers: dict[Node, int] = {}
        self._parameters: dict[Value, Hashable] = {}
        every = list(dict.fromkeys(each for node in family for each in (*inner[node], node)))
        self.random = sorted((n for n in every if REGISTRY[n.name].random), key=lambda n: n.serial)
        owners = sorted((n for n in every if n.bodies), key=lambda n: n.serial)
        self._ranks = {n: rank for ranked in (self.random, owners) for rank, n in enumerate(ranked)}
        for owner in owners:
            for place, body in enumerate(owner.bodies):
                for index, parameter in enumerate(body.parameters):
                    self._parameters[parameter] = ("parameter", self._ranks[owner], place, index)
        for node in every:
            self.numbers[node] = names.setdefault(self._name(node), len(names))

    def _name(self, node: Node) -> Hashable:
        if node.name == "part":
            return node.name, node.inputs[0]
        attributes = tuple(sorted((k, getattr(v, "likeness", v)) for k, v in node.attributes.items() if k != "seed"))
        inputs = tuple(map(self._of, node.inputs))
        bodies = tuple(tuple(map(self._of, body.outputs)) for body in node.bodies)
        name = (node.name, attributes, inputs, bodies, self._ranks.get(node))
        try:
            hash(name)
        except TypeError:
            return node
        return name

    def _of(self, value: Value) -> Hashable:
        if value in self._parameters:
            return self._parameters[value]
        if value.node in self.numbers:
            return self.numbers[value.node], value.index
        return value


def _read(node: Node, within: Sequence[Node]) -> Iterator[Value]:
    """The values that a node and those in its bodies read."""
    for each in (node, *within):
        yield from each.inputs
        yield from (output for body in each.bodies for output in body.outputs)


def _choose_outputs(targets: Sequence[Value], inner: Inner, copies: Copies) -> None:
    """Tells each stage which of its values are read outside, and how."""
    read = list(targets)
    for node, within in inner.items():
        joined = _joined(node, copies)
        if joined is not None:
            stage, original = joined
            stage.joined.setdefault(original, []).append(node.outputs[0])
            continue
        here = copies.get(node.outputs[0])
        if here is None or here[2] == 0:  # the nodes of the other parts vanish
            values = (v for v in _read(node, within) if v in copies)
            read += (v for v in values if here is None or copies[v][0] is not here[0])
    for value in read:
        if value in copies and value.node.name != "part":
            stage, original, _ = copies[value]
            stage.single[original] = None


def _joined(node: Node, copies: Copies) -> tuple[_Stage, Value] | None:
    """The stage and the value in part 0, if a node puts the copies of a value one behind the other."""
    if node.name != "concatenate" or node.attributes["axis"] != 0 or node.outputs[0] in copies:
        return None
    found = [copies.get(value) for value in node.inputs]
    first = found[0]
    if first is None or len(found) != len(first[0].families):
        return None
    if any(f is None or f[:2] != first[:2] or f[2] != part for part, f in enumerate(found)):
        return None
    return first[:2]


def _rewrite(inner: Inner, copies: Copies, replaced: dict[Value, Value]) -> None:
    """Has every node read what takes the place of its inputs, but for what is computed beside it."""

    def swap(values: Sequence[Value], stage: _Stage | None) -> tuple[Value, ...]:
        return tuple(v if v in copies and copies[v][0] is stage else replaced.get(v, v) for v in values)

    for node, within in inner.items():
        stage = copies[node.outputs[0]][0] if node.outputs[0] in copies else None
        for each in (*within, node):
            each.inputs = swap(each.inputs, stage)
            for body in each.bodies:
                body.outputs = swap(body.outputs, stage)
