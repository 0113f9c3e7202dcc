"""A program as one Python function of torch calls.

Interpreting instructions costs as much again as torch's own dispatch for small arrays. So a
program is written down as Python source once, one line per instruction, and compiled by Python:

    def program(seeds, step, v0, v1, v2):
        v3 = f3(v2, v0)
        del v0
        v4 = f4(v3, v1)
        return (v4,), ()

Numbers that follow from constants are computed while writing; shapes and arithmetic on them
stay NumPy numbers when the function runs. Loops, branches and gradients are inner functions,
which read what lies outside by themselves. Values are let go after their last use.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from ...graph import dtypes
from ...graph.program import Block, Instruction, Program
from ...graph.tensor import Variable
from ..contract import stored_dtype
from ..evaluate import FOLDED_SIZE, NOT_FOLDED, draws
from ..fusing import reads_of, written_by
from ..numpy.table import TABLE as NUMPY_TABLE
from . import control, recurrent
from .fusions import FUSED, fused
from .kinds import Kinds
from .placement import Places
from .random import uniform
from .table import DTYPES, HOST_INPUTS, REUSING, TABLE, Sent, reused, tensor_of

_NUMBERS = count()


def function_of(program: Program, device: Any, reusing: bool = True, placing: bool = True) -> Callable[..., Any]:
    """`function(seeds, step, *variables, *feeds) -> outputs, new values of updated variables`.

    The variables are `program.variables` in order, the feeds those inputs that the program reads.
    Without `reusing` no value is written over, so that autograd may go through the function. Without `placing` all
    runs on `device`, whatever device scopes say.
    """
    return _Writer(program, device, reusing, placing).written()


class _Writer:
    def __init__(self, program: Program, device: Any, reusing: bool, placing: bool) -> None:
        self.program = program
        self.device = device
        self.reusing = REUSING if reusing else {}
        self.places = Places(program, device, placing)
        self.copies: dict[tuple[int, Any], str] = {}  # of values on other devices, in the function being written
        self.lines: list[str] = []
        # NumPy values by slot; None where the value is known only when the function runs.
        self.host: dict[int, np.ndarray | None] = {}
        self.kinds = Kinds(program, self.host)
        self.loops = recurrent.Finder(self.host.get, reads_of)
        # Slots whose memory belongs to them alone, so that their last use may write over it.
        self.owned: set[int] = set()
        self.names: dict[str, Any] = {
            "_array": lambda shape: np.array(shape, dtype=np.int32),
            "_tensor": Sent(device) if placing else partial(tensor_of, device=device),
            "_uniform": partial(uniform, device=device),
            "_fold": control.fold,
            **{f"_{name}": function for name, function in control.STRUCTURAL.items()},
            "_stored": _stored,
        }

    def written(self) -> Callable[..., Any]:
        program = self.program
        for array, slot in program.constants:
            if array.size <= FOLDED_SIZE:
                self.host[slot] = array
            else:
                self.names[f"v{slot}"] = tensor_of(array, self.device)
        taken = [slot for _, slot in program.variables] + [slot for _, slot in program.inputs if slot >= 0]
        results = [*program.block.results, *(slot for _, slot in program.updates)]
        self._line(0, f"def program(seeds, step, {', '.join(f'v{slot}' for slot in taken)}):")
        self._block(program.block.instructions, results, 1, set(taken))
        new = [self._stored(variable, slot) for variable, slot in program.updates]
        self._line(1, f"return {_tuple(map(self._in_place, program.block.results))}, {_tuple(new)}")
        return self._compiled()

    def _stored(self, variable: Variable, slot: int) -> str:
        """The expression for a variable's new value."""
        self.places.here = self.places.named(variable.device)
        dtype, shape = DTYPES[stored_dtype(variable).name], tuple(variable.shape) if variable.shape.known else None
        if slot in self.owned and self.kinds.get(slot) == (shape, dtype):
            return self._device(slot)
        return f"_stored({self._device(slot)}, {self._name(dtype)}, {shape})"

    def _compiled(self) -> Callable[..., Any]:
        source = "\n".join(self.lines) + "\n"
        name = f"<keras program {next(_NUMBERS)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)  # for tracebacks
        exec(compile(source, name, "exec"), self.names)
        return self.names["program"]  # type: ignore[no-any-return]

    def _line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def _name(self, thing: Any) -> str:
        """A global name for a Python object."""
        name = f"g{len(self.names)}"
        self.names[name] = thing
        return name

    def _function(self, primitive: str) -> str:
        """The global name for torch's own function of an elementwise primitive."""
        self.names[f"_{primitive}"] = self.reusing[primitive]
        return f"_{primitive}"

    # Values.

    def _device(self, slot: int) -> str:
        """The expression for a slot's value as a tensor on the device of the instruction being written."""
        here = self.places.here
        if slot not in self.host:
            return f"v{slot}" if self.places.device(slot) == here else self._copied(slot)
        value = self.host[slot]
        if value is None:
            return f"_tensor(v{slot})" if here == self.device else f"_tensor(v{slot}, device={self._name(here)})"
        name = f"c{slot}_{self.places.number(here)}"
        if name not in self.names:
            self.names[name] = tensor_of(value, here)
        return name

    def _in_place(self, slot: int) -> str:
        """The expression for a slot's value as a tensor where it lies."""
        self.places.here = self.places.device(slot)
        return self._device(slot)

    def _copied(self, slot: int) -> str:
        """The expression for a value from elsewhere: the first to read it keeps the copy."""
        key = slot, self.places.here
        if key in self.copies:
            return self.copies[key]
        name = self.copies[key] = f"v{slot}_{self.places.number(self.places.here)}"
        return f"({name} := v{slot}.to({self._name(self.places.here)}, non_blocking=True))"

    def _host(self, slot: int) -> str:
        """The expression for a slot's value as NumPy holds it (or a tensor, if it was computed as one)."""
        if self.host.get(slot) is not None:
            self.names[f"h{slot}"] = self.host[slot]
            return f"h{slot}"
        return f"v{slot}"

    def _forgotten(self, slots: Iterable[int]) -> list[str]:
        """The names that copies of these slots had: they hold the values no more."""
        return [self.copies.pop(key) for key in [*self.copies] if key[0] in slots] if self.copies else []

    # Instructions.

    def _block(self, instructions: Sequence[Instruction], results: Iterable[int], depth: int, local: set[int]) -> None:
        """Writes the instructions of one function; `local` are the slots it may let go."""
        results = list(results)
        if self.device.type in recurrent.DEVICES:
            instructions = self.loops.fused(instructions, results)
        instructions = fused(instructions, results, self.host)
        last = dict.fromkeys(results, len(instructions))
        reads = [*map(reads_of, instructions)]
        for number in range(len(instructions) - 1, -1, -1):
            for slot in reads[number]:
                last.setdefault(slot, number)
        for number, instruction in enumerate(instructions):
            written = written_by(instruction)
            self._forgotten(written)
            live = {s for s in written if last.get(s, -1) > number}
            here = self.places.here = self.places.named(instruction.device)
            self.places.put(instruction.outputs, here)
            if depth == 1 and instruction.primitive in self.reusing:  # outside of functions nothing is differentiated
                self._elementwise(instruction, [s for s in instruction.inputs if last[s] <= number])
            else:
                self._instruction(instruction, depth, live)
                self.owned.difference_update(reads[number])  # the result may be a view of it
            local.update(s for s in (*instruction.outputs, *live) if self.host.get(s) is None)
            ended = [s for s in dict.fromkeys((*reads[number], *instruction.outputs)) if s in local]
            ended = [s for s in ended if last.get(s, -1) <= number]
            if ended:
                self._line(depth, "del " + ", ".join([*(f"v{s}" for s in ended), *self._forgotten(ended)]))
                local.difference_update(ended)

    def _instruction(self, instruction: Instruction, depth: int, live: set[int]) -> None:
        name = instruction.primitive
        if name in control.STRUCTURAL:
            getattr(self, f"_{name}")(instruction, depth, live)
        elif name == "random_uniform":
            stream, dtype = instruction.attributes["stream"], instruction.attributes["dtype"]
            here = "" if self.places.here == self.device else f", device={self._name(self.places.here)}"
            call = f"_uniform(seeds, step, {self._host(instruction.inputs[0])}, {stream!r}, {dtype!r}{here})"
            self._line(depth, f"v{instruction.outputs[0]} = {call}")
        elif name == "shape":
            self.host[instruction.outputs[0]] = None
            self._line(depth, f"v{instruction.outputs[0]} = _array({self._device(instruction.inputs[0])}.shape)")
        elif name not in NOT_FOLDED and name not in FUSED and all(slot in self.host for slot in instruction.inputs):
            self._folded(instruction, depth)
        else:
            self._call(instruction, depth)

    def _call(self, instruction: Instruction, depth: int) -> None:
        if instruction.primitive == recurrent.NAME:
            function = recurrent.function_for(instruction)
        else:
            function = FUSED.get(instruction.primitive) or TABLE[instruction.primitive]
            made_here = {"device": self.places.here} if instruction.primitive == "arange" else {}
            if instruction.attributes:
                function = partial(function, **instruction.attributes, **made_here)
        inputs = ", ".join(self._argument(instruction, place) for place in range(len(instruction.inputs)))
        self._line(depth, f"{_targets(instruction.outputs)} = {self._name(function)}({inputs})")

    def _argument(self, instruction: Instruction, place: int) -> str:
        """The expression for an input: a tensor, or NumPy's where torch wants numbers."""
        slot, name = instruction.inputs[place], instruction.primitive
        host = slot in self.host and place in HOST_INPUTS.get(name, ())
        if host and name == "index" and np.ndim(self.host[slot]):  # type: ignore[arg-type]
            host = False  # a list of places, to be sent to the device once and not in each run
        return self._host(slot) if host else self._device(slot)

    def _elementwise(self, instruction: Instruction, ending: Sequence[int]) -> None:
        """An operation of equal shapes, most likely: its result goes where an operand lies that ends here."""
        (out,) = instruction.outputs
        if all(slot in self.host for slot in instruction.inputs):
            self._folded(instruction, 1)
            return
        kind = None if self.places.of else self.kinds.elementwise(instruction)
        free = [n for n, s in enumerate(instruction.inputs) if s in self.owned and s in ending]
        if kind is not None:
            free = [n for n in free if self.kinds.get(instruction.inputs[n]) == kind]
        place = free[0] if free else None
        self.owned.add(out)
        if kind is not None:
            operands = [*map(self._device, instruction.inputs)]
            operands += [] if place is None else [f"out={operands[place]}"]
            self._line(1, f"v{out} = {self._function(instruction.primitive)}({', '.join(operands)})")
            return
        if place is None:
            self._call(instruction, 1)
            return
        function = self._name(partial(reused, self.reusing[instruction.primitive], place))
        self._line(1, f"v{out} = {function}({', '.join(map(self._device, instruction.inputs))})")

    def _folded(self, instruction: Instruction, depth: int) -> None:
        """Arithmetic on shapes and constants: at once where all is known."""
        function = NUMPY_TABLE[instruction.primitive]
        kinds = [dtypes.to_numpy(d) for d in instruction.dtypes]

        def fold(*inputs: np.ndarray) -> Any:
            result = function(*inputs, **instruction.attributes)
            if isinstance(result, list):
                return [np.asarray(r, kind) for r, kind in zip(result, kinds, strict=True)]
            return np.asarray(result, kinds[0])

        values = [self.host[slot] for slot in instruction.inputs]
        if all(value is not None for value in values):
            found = fold(*values)  # type: ignore[arg-type]
            found = found if isinstance(found, list) else [found]
            self.host.update(zip(instruction.outputs, found, strict=True))
            return
        self.host.update(dict.fromkeys(instruction.outputs))
        inputs = ", ".join(map(self._host, instruction.inputs))
        self._line(depth, f"{_targets(instruction.outputs)} = {self._name(fold)}({inputs})")

    # Instructions that own blocks.

    def _inner(self, block: Block, depth: int, head: str, kept: Sequence[int] = (), fold: bool = False) -> str:
        """Writes a block as a function that gives its results, and beside them the slots to keep; returns
        the function's name."""
        name = f"inner{len(self.lines)}"
        here, copies = self.places.here, self.copies
        self.copies = dict(copies)
        self._forgotten(block.parameters)
        parameters = [f"v{slot}" for slot in block.parameters]
        self._line(depth, f"def {name}({', '.join([*([head] if head else []), *parameters])}):")
        if fold:
            self._line(depth + 1, "step = _fold(step, turn)")
        self._block(block.instructions, [*block.results, *kept], depth + 1, set(block.parameters))
        self.places.here = here
        results = _tuple(map(self._device, block.results))
        if kept:
            results += ", " + _tuple(map(self._host, kept))
        self.copies = copies
        self._line(depth + 1, f"return {results}")
        return name

    def _scan(self, instruction: Instruction, depth: int, live: set[int]) -> None:
        attributes, block = instruction.attributes, instruction.blocks[0]
        sequences, states = attributes["sequences"], attributes["states"]
        random = draws(block)
        self.places.put(block.parameters, self.places.here)
        name = self._inner(block, depth, "step, turn" if random else "step", fold=random)
        items = _tuple(map(self._device, instruction.inputs[:sequences]))
        first = _tuple(map(self._device, instruction.inputs[sequences : sequences + states]))
        call = f"_scan({name}, step, {items}, {first}, {attributes['reverse']!r}, {random})"
        self._line(depth, f"{_targets(instruction.outputs)} = {call}")
        self._line(depth, f"del {name}")

    def _cond(self, instruction: Instruction, depth: int, live: set[int]) -> None:
        names = [self._inner(block, depth, "") for block in instruction.blocks]
        condition = self._device(instruction.inputs[0])
        self._line(depth, f"{_targets(instruction.outputs)} = _cond({condition}, {', '.join(names)})")
        self._line(depth, f"del {', '.join(names)}")

    def _gradients(self, instruction: Instruction, depth: int, live: set[int]) -> None:
        """Differentiates the block; of the values it computes on the way, those read later are handed out."""
        outside = sorted(live.difference(instruction.outputs))
        block, attributes = instruction.blocks[0], instruction.attributes
        for parameter, slot in zip(block.parameters, instruction.inputs, strict=True):
            self.places.put([parameter], self.places.device(slot))
        for output, place in zip(instruction.outputs, attributes["places"], strict=True):
            self.places.put([output], self.places.device(instruction.inputs[place]))
        self.kinds.gradients(instruction.outputs, [instruction.inputs[place] for place in attributes["places"]])
        name = self._inner(block, depth, "", outside)
        values = _tuple(map(self._in_place, instruction.inputs))
        call = f"_gradients({name}, {values}, {attributes['direct']!r}, {attributes['places']!r}, {bool(outside)})"
        targets = _targets(instruction.outputs)
        if outside:
            targets += ", " + _tuple(f"v{slot}" for slot in outside)
        self._line(depth, f"{targets} = {call}")
        self._line(depth, f"del {name}")


def _tuple(items: Iterable[str]) -> str:
    return "(" + "".join(f"{item}, " for item in items) + ")"


def _targets(slots: Sequence[int]) -> str:
    return f"v{slots[0]}" if len(slots) == 1 else _tuple(f"v{slot}" for slot in slots)


def _stored(value: Any, dtype: Any, shape: tuple[int, ...] | None) -> Any:
    """A variable's new value as it is kept."""
    if value.dtype is not dtype:
        value = value.to(dtype)
    if shape is not None and value.shape != shape:
        value = value.expand(shape).contiguous()
    return value.detach() if value.requires_grad else value
