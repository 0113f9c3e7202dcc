"""From tensors wanted to a flat list of instructions.

`Program` takes outputs and updates and keeps what they need: dead code never enters, the
learning phase is put in as a constant and the branches not taken vanish, equal operations
are computed once, gradients share the forward values with everything else. What comes out
knows nothing of `Tensor` objects: instructions read and write numbered slots.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import dtypes, ordering
from .nodes import Body, Node, Slot, Value, dependents, in_order, needs, outside
from .ordering import merge_updates
from .primitive import REGISTRY, GraphError
from .tensor import Constant, Operation, Placeholder, Tensor, Variable

# Constants above this many elements are handed to the engine once, as hidden arguments,
# instead of being written into the compiled program.
LARGE_CONSTANT = 1024
# Equal constants up to this many elements count as one: a layer applied twice makes its constants twice.
MERGED_CONSTANT = 1 << 20


@dataclass
class Block:
    """Instructions run together: a program, or the body of a loop, branch or gradient."""

    parameters: tuple[Slot, ...]
    instructions: list[Instruction]
    results: tuple[Slot, ...]


@dataclass
class Instruction:
    """One step: reads input slots, writes output slots. `device` is that in whose scope it was built."""

    primitive: str
    inputs: tuple[Slot, ...]
    outputs: tuple[Slot, ...]
    attributes: dict[str, Any]
    dtypes: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()
    device: str = ""

    def __repr__(self) -> str:
        return f"{self.outputs} = {self.primitive}{self.inputs} {self.attributes or ''}"


@dataclass
class Program:
    """A compiled piece of graph.

    Attributes:
        inputs: (placeholder, slot) in the order of the call; the slot is -1 where nothing reads it.
        variables: (variable, slot) of those read.
        constants: (NumPy array, slot); `large` tells which the runtime should hand over once.
        block: the instructions; its results are the outputs.
        updates: (variable, slot of its new value).
        seeds: one number per random instruction (attribute `stream` is its place here).
        devices: the names that the instructions have, but ''.
        parallel: the numbers of the devices that its `parallel` instructions take.
        needs_64_bit: whether some value asks for 64-bit numbers (indices that `argmax` gives do not).
    """

    inputs: list[tuple[Tensor, Slot]]
    variables: list[tuple[Variable, Slot]]
    constants: list[tuple[np.ndarray, Slot]]
    block: Block
    updates: list[tuple[Variable, Slot]]
    seeds: list[int]
    slots: int = 0
    primitives: set[str] = field(default_factory=set)
    devices: set[str] = field(default_factory=set)
    parallel: tuple[int, ...] = ()
    needs_64_bit: bool = False


def build(
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    updates: Sequence[tuple[Variable, Tensor]] = (),
    phase: Tensor | None = None,
    phase_value: int = 0,
    device_count: Callable[[], int] | None = None,
    carriers: Sequence[Tensor] = (),
) -> Program:
    """The program that computes outputs and the new values of updated variables.

    Args:
        phase: the learning phase placeholder, to be taken as the constant `phase_value`.
        device_count: gives the number of devices, where the runtime knows the instruction `parallel`.
        carriers: tensors that come after updates, which are made too.

    Raises:
        GraphError: if something depends on a placeholder that is not among the inputs.
    """
    specialiser = _Specialiser(phase, phase_value, device_count is not None)
    specialiser.resolve([*outputs, *carriers, *(value for _, value in updates)])
    merged = merge_updates([*updates, *specialiser.carried])
    wanted = specialiser.resolve([*outputs, *(value for _, value in merged)])
    devices: tuple[int, ...] = ()
    if device_count is not None and specialiser.parts:
        from .parallel import fuse

        wanted, devices = fuse(wanted, device_count)
    emitter = _Emitter()
    instructions: list[Instruction] = []
    leaves_outside = {v for v in specialiser.leaves.values() if id(v.node.tensor) not in specialiser.parameters}
    emitter.block(wanted, instructions, available=leaves_outside)
    leaves = list(emitter.leaves)
    given = {id(t) for t in inputs}
    for value in leaves:
        tensor = value.node.tensor
        if isinstance(tensor, Placeholder) and id(tensor) not in given:
            raise GraphError(
                f"The placeholder {tensor!r} is needed to compute the outputs, but is not among the inputs "
                "of the function. Add it to the inputs, or build the outputs from the inputs you give."
            )
    slot_of = {id(v.node.tensor): v.slot for v in leaves}
    return Program(
        inputs=[(t, slot_of.get(id(t), -1)) for t in inputs],
        variables=[(v.node.tensor, v.slot) for v in leaves if isinstance(v.node.tensor, Variable)],
        constants=[(v.node.tensor.value, v.slot) for v in leaves if isinstance(v.node.tensor, Constant)],
        block=Block((), instructions, tuple(v.slot for v in wanted[: len(outputs)])),
        updates=[(u[0], v.slot) for u, v in zip(merged, wanted[len(outputs) :], strict=True)],
        seeds=emitter.seeds,
        slots=emitter.count,
        primitives=emitter.primitives,
        devices=emitter.devices,
        parallel=devices,
        needs_64_bit=emitter.wide or any(_is_wide(v.node.tensor) for v in leaves),
    )


def _is_wide(tensor: Tensor | None) -> bool:
    """Whether a leaf asks for 64-bit arithmetic. Integer scalars (step counters) do not."""
    if tensor is None or not dtypes.is_64_bit(tensor.dtype):
        return False
    return dtypes.is_float(tensor.dtype) or tensor.ndim > 0


# Operations that a program may leave out.
_LEFT_OUT = frozenset(("switch", "part", "updated", "after"))


class _Specialiser:
    """Copies the graph with the learning phase fixed, dead branches gone and twins merged."""

    def __init__(self, phase: Tensor | None, phase_value: int, keep_parts: bool) -> None:
        self.parts = False  # whether some `part` was kept
        self._keep_parts = keep_parts
        self._memo: dict[int, Value] = {}
        self._twins: dict[Any, Node] = {}
        self._phase = phase
        self._phase_value = phase_value
        self._kept: list[Any] = []  # tensors whose ids are keys must stay alive
        self.leaves: dict[int, Value] = {}
        self.parameters: set[int] = set()
        self.carried: list[tuple[Variable, Tensor]] = []  # updates that something comes after

    def resolve(self, tensors: Sequence[Tensor]) -> list[Value]:
        stack = list(reversed(tensors))
        while stack:
            tensor = stack[-1]
            if id(tensor) in self._memo:
                stack.pop()
                continue
            missing = [t for t in self._needs(tensor) if id(t) not in self._memo]
            if missing:
                stack.extend(reversed(missing))
                continue
            stack.pop()
            self._make(tensor)
        return [self._memo[id(t)] for t in tensors]

    def _needs(self, tensor: Tensor) -> Sequence[Tensor]:
        operation = tensor.made_by
        if operation is None:
            return ()
        if operation.primitive.name == "switch":
            condition, then, otherwise = operation.inputs
            if id(condition) not in self._memo:
                return (condition,)
            known = _known(self._memo[id(condition)])
            if known is not None:
                return (then,) if known else (otherwise,)
        if operation.subgraphs:
            # Captures are inputs only so that the graph can be walked; after
            # specialisation the bodies may need fewer of them.
            return operation.inputs[: _own_inputs(operation)]
        return operation.inputs

    def _make(self, tensor: Tensor) -> None:
        operation = tensor.made_by
        self._kept.append(tensor)
        if operation is None:
            self._memo[id(tensor)] = self._leaf(tensor)
            return
        if operation.primitive.name in _LEFT_OUT and (found := self._stand_in(tensor, operation)) is not None:
            self._memo[id(tensor)] = found
            return
        inputs = tuple(self._memo[id(t)] for t in self._needs(tensor))
        node = self._twin(operation, inputs, self._bodies(operation) if operation.subgraphs else ())
        for output, value in zip(operation.outputs, node.outputs, strict=True):
            self._memo[id(output)] = value
            self._kept.append(output)

    def _stand_in(self, tensor: Tensor, operation: Operation) -> Value | None:
        """What the program has in place of a tensor whose operation it leaves out; None if it does not."""
        name = operation.primitive.name
        if name == "switch":
            condition, then, otherwise = operation.inputs
            known = _known(self._memo[id(condition)])
            return None if known is None else self._branch(tensor, then if known else otherwise)
        if name == "part":
            self.parts = self._keep_parts
            return None if self._keep_parts else self._memo[id(operation.inputs[1])]
        if name == "updated":
            self.carried.extend(zip(operation.attributes["variables"], operation.inputs, strict=True))
            return self._leaf(Constant(True))
        return self._memo[id(operation.inputs[0])]  # after

    def _bodies(self, operation: Operation) -> tuple[Body, ...]:
        bodies = []
        for number, sub in enumerate(operation.subgraphs):
            start = len(self.carried)
            self.parameters.update(id(p) for p in sub.parameters)
            parameters = tuple(self.resolve(sub.parameters))
            bodies.append(Body(parameters, tuple(self.resolve(sub.outputs)), sub.since))
            if operation.primitive.name == "cond":  # its updates are made where the branch is taken
                for place, (variable, new) in enumerate(self.carried[start:], start):
                    branches = (variable, new) if number else (new, variable)
                    with ordering.after(None):
                        self.carried[place] = variable, REGISTRY["switch"](operation.inputs[0], *branches)
        return tuple(bodies)

    def _branch(self, tensor: Tensor, branch: Tensor) -> Value:
        value = self._memo[id(branch)]
        if branch.dtype == tensor.dtype:
            return value
        node = Node("cast", (value,), {"dtype": tensor.dtype}, dtypes=(tensor.dtype,))
        return node.outputs[0]

    def _leaf(self, tensor: Tensor) -> Value:
        if tensor is self._phase:
            tensor = Constant(self._phase_value, "int32")
            self._kept.append(tensor)
        if isinstance(tensor, Constant) and math.prod(d or 0 for d in tensor.shape) <= MERGED_CONSTANT:
            key = (tensor.dtype, tensor.value.shape, tensor.value.tobytes())
            node = self._twins.get(key)
            if node is None:
                node = self._twins[key] = Node("", (), {}, tensor=tensor)
        else:
            node = Node("", (), {}, tensor=tensor)
        self.leaves[id(node.tensor)] = node.outputs[0]
        return node.outputs[0]

    def _twin(self, operation: Operation, inputs: tuple[Value, ...], bodies: tuple[Body, ...]) -> Node:
        attributes = operation.attributes
        key: Any = None
        if not bodies:
            try:
                key = (operation.primitive.name, operation.device, inputs, tuple(sorted(attributes.items())))
                hash(key)
            except TypeError:
                key = None
        node = self._twins.get(key) if key is not None else None
        if node is None:
            made = tuple(o.dtype for o in operation.outputs)
            node = Node(
                operation.primitive.name, inputs, attributes, bodies, None, made, operation.serial, operation.device
            )
            if key is not None:
                self._twins[key] = node
        return node


def _own_inputs(operation: Operation) -> int:
    """How many of a structural operation's inputs are its own, not captures."""
    if operation.primitive.name == "cond":
        return 1
    if operation.primitive.name == "scan":
        return operation.attributes["sequences"] + operation.attributes["states"]  # type: ignore[no-any-return]
    return len(operation.inputs)


_SCALAR_RULES: dict[str, Any] = {
    "equal": np.equal, "not_equal": np.not_equal, "less": np.less, "less_equal": np.less_equal,
    "greater": np.greater, "greater_equal": np.greater_equal, "logical_and": np.logical_and,
    "logical_or": np.logical_or, "logical_not": np.logical_not, "identity": lambda x: x, "cast": lambda x: x,
}  # fmt: skip


def _known(value: Value) -> Any:
    """The value of a scalar that follows from constants alone, or None."""
    node = value.node
    if isinstance(node.tensor, Constant) and not node.name:
        return node.tensor.value if node.tensor.value.size == 1 else None
    rule = _SCALAR_RULES.get(node.name)
    if rule is None:
        return None
    inputs = [_known(i) for i in node.inputs]
    return None if any(i is None for i in inputs) else rule(*inputs)


class _Emitter:
    """Orders nodes into instructions and numbers their values."""

    def __init__(self) -> None:
        self.count = 0
        self.leaves: dict[Value, None] = {}
        self.seeds: list[int] = []
        self.primitives: set[str] = set()
        self.devices: set[str] = set()
        self.wide = False
        self._streams: dict[Node, int] = {}

    def slot(self, value: Value) -> Slot:
        if value.slot < 0:
            value.slot = self.count
            self.count += 1
        if not value.node.name:
            self.leaves[value] = None
        return value.slot

    def block(self, targets: Sequence[Value], out: list[Instruction], available: set[Value]) -> None:
        """Appends what computes `targets`. Gradients come first, outermost first, because they
        compute the forward values that the rest then reads."""
        order = in_order(targets, available)
        groups: dict[tuple[Value, ...], list[Node]] = {}
        for node in reversed(order):
            if node.name == "gradients":
                groups.setdefault(node.inputs[node.attributes["sources"] :], []).append(node)
        for group in groups.values():
            waiting = [n for n in group if n.outputs[0] not in available]
            if waiting:
                self._gradients(waiting, out, available)
        self._plain(targets, out, available)
        for value in targets:
            self.slot(value)

    def _plain(self, targets: Sequence[Value], out: list[Instruction], available: set[Value]) -> None:
        for node in in_order(targets, available):
            if node.outputs[0] in available or not node.name:
                continue
            if node.name == "gradients":
                self._gradients([node], out, available)
                continue
            inputs = tuple(self.slot(i) for i in node.inputs)
            blocks = tuple(self._body(body, out, available) for body in node.bodies)
            self._append(out, node, inputs, blocks)
            available.update(node.outputs)

    def _append(
        self, out: list[Instruction], node: Node, inputs: tuple[Slot, ...], blocks: tuple[Block, ...] = ()
    ) -> None:
        attributes = node.attributes
        self.primitives.add(node.name)
        if "dtype" in attributes and dtypes.is_64_bit(attributes["dtype"]):
            self.wide = True
        if node.name == "random_uniform":
            attributes = {"stream": self._stream(node), "dtype": attributes["dtype"]}
        elif node.name == "parallel":
            random = attributes["random"].items()
            streams = {self._stream(node): tuple(map(self._stream, copies)) for node, copies in random}
            attributes = {"devices": attributes["devices"], "joined": attributes["joined"], "streams": streams}
        outputs = tuple(self.slot(o) for o in node.outputs)
        if node.device:
            self.devices.add(node.device)
        out.append(Instruction(node.name, inputs, outputs, attributes, node.dtypes, blocks, node.device))

    def _stream(self, node: Node) -> int:
        """The place of a random node's seed."""
        stream = self._streams.setdefault(node, len(self.seeds))
        if stream == len(self.seeds):
            self.seeds.append(node.attributes["seed"])
        return stream

    def _body(self, body: Body, out: list[Instruction], available: set[Value]) -> Block:
        """The block of a loop or branch; what it needs from outside is computed outside."""
        for parameter in body.parameters:
            self.slot(parameter)
        self._plain(outside(body), out, available)
        inner = available | set(body.parameters)
        instructions: list[Instruction] = []
        self.block(body.outputs, instructions, inner)
        for parameter in body.parameters:
            self.leaves.pop(parameter, None)
        parameters = tuple(p.slot for p in body.parameters)
        return Block(parameters, instructions, tuple(o.slot for o in body.outputs))

    def _gradients(self, group: list[Node], out: list[Instruction], available: set[Value]) -> None:
        """Appends the one instruction for all gradients of the same targets, its body computing these."""
        targets = group[0].inputs[group[0].attributes["sources"] :]
        pairs = [
            (source, output)
            for node in group
            for source, output in zip(node.inputs[: node.attributes["sources"]], node.outputs, strict=True)
        ]
        sources = dict.fromkeys(s for s, _ in pairs)
        depends = dependents(targets, set(sources))
        order = in_order(targets, set())
        place = {node: n for n, node in enumerate(order)}
        tapped = [s for s in sources if any(i in depends for i in s.node.inputs)]
        tapped.sort(key=lambda s: place[s.node])
        self._before_gradients([*sources, *_needed_outside(order, targets, depends)], out, available)
        direct = [s for s in sources if s not in tapped]
        inner = {v for v in available if v not in depends} | set(direct)
        instructions: list[Instruction] = []
        deltas = []
        for value in tapped:
            # The derivative by a value in the middle: add a zero to it, differentiate by the zero.
            self.block([value], instructions, inner)
            delta, self.count = self.count, self.count + 1
            deltas.append(delta)
            node = value.node
            instructions.append(
                Instruction("add", (value.slot, delta), (value.slot,), {}, node.dtypes, device=node.device)
            )
        self.block(targets, instructions, inner)
        available |= inner
        slots = {s: i for i, s in enumerate([*direct, *tapped])}
        self.primitives.add("gradients")
        out.append(
            Instruction(
                "gradients",
                tuple(s.slot for s in [*direct, *tapped]),
                tuple(self.slot(o) for _, o in pairs),
                {"places": tuple(slots[s] for s, _ in pairs), "direct": len(direct)},
                tuple(node.dtypes[o.index] for node in group for o in node.outputs),
                (Block((*(s.slot for s in direct), *deltas), instructions, tuple(t.slot for t in targets)),),
            )
        )
        available.update(o for _, o in pairs)

    def _before_gradients(self, values: Iterable[Value], out: list[Instruction], available: set[Value]) -> None:
        """Appends what computes values that the body of gradients finds ready."""
        ready = list(dict.fromkeys(values))
        self._plain(ready, out, available)
        for value in ready:
            self.slot(value)


def _needed_outside(order: Iterable[Node], targets: Sequence[Value], depends: set[Value]) -> Iterator[Value]:
    """What the nodes that compute `depends`, of those in `order`, and the targets take from elsewhere."""
    for node in order:
        if node.outputs[0] in depends and node.name:
            yield from (value for value in needs(node) if value not in depends)
    yield from (target for target in targets if target not in depends)
