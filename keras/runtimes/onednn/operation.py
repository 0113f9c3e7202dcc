"""One operation of oneDNN on arrays in memory."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Sequence
from functools import partial

import numpy as np

from ... import _aligned as aligned
from .library import ANY, F32, SCRATCHPAD, Handle, Library, OneDNNError
from .team import team

# One operation at a time: each takes all cores, and they share the memory for arrays laid out anew.
_one_at_a_time = threading.Lock()


class _Argument(ctypes.Structure):
    _fields_ = [("number", ctypes.c_int), ("memory", Handle)]


class Scratch:
    """Memory that operations use while they run."""

    def __init__(self) -> None:
        self._bytes = np.empty(0, np.uint8)
        self.pointer = 0

    def hold(self, size: int) -> None:
        """Makes it at least so large."""
        with _one_at_a_time:
            if size > self._bytes.size:
                self._bytes = aligned.empty((size,), self._bytes.dtype)
                self.pointer = self._bytes.ctypes.data


_scratch = Scratch()


def integers(values: Sequence[int]) -> ctypes.Array[ctypes.c_int64]:
    return (ctypes.c_int64 * len(values))(*values)


def dense(library: Library, shape: Sequence[int], order: Sequence[int]) -> Handle:
    """The layout of a float32 array whose axes lie in memory in this order, the last one next to each other."""
    strides, step = [0] * len(shape), 1
    for axis in reversed(order):
        strides[axis], step = step, step * shape[axis]
    return library.make("dnnl_memory_desc_create_with_strides", len(shape), integers(shape), F32, integers(strides))


def free(library: Library, shape: Sequence[int]) -> Handle:
    """A layout that the operation may choose."""
    return library.make("dnnl_memory_desc_create_with_tag", len(shape), integers(shape), F32, ANY)


class _Step:
    """A primitive with its arguments: numbers of oneDNN and memory."""

    def __init__(self, library: Library, description: Handle, arguments: Sequence[tuple[int, Handle]]) -> None:
        self._primitive = library.make("dnnl_primitive_create", description)
        self._arguments = (_Argument * len(arguments))(*(_Argument(number, memory) for number, memory in arguments))
        self._library = library

    def run(self) -> None:
        library = self._library
        status = library.execute(self._primitive, library.stream, len(self._arguments), self._arguments)
        if status:
            raise OneDNNError("dnnl_primitive_execute", status)


class Operation:
    """A primitive, and the arrays that it reads and writes.

    Arrays which the primitive wants in another layout than the caller has them are laid out anew on the way.

    Args:
        description: oneDNN's description of the primitive.
        inputs, outputs: for each array, in the order of the call: the argument's number in oneDNN, and the layout
            that the array has.
        constants: the argument's number, the layout and the address of arrays that are the same in every call.
        scratch: the memory for arrays laid out anew, if the operation is to run beside others.
        slow: whether the implementation that oneDNN calls "ref" will do; with RNNs it is no slow one.
    """

    def __init__(
        self, library: Library, description: Handle, inputs: Sequence[tuple[int, Handle]],
        outputs: Sequence[tuple[int, Handle]], scratch: Scratch = _scratch, slow: bool = False,
        constants: Sequence[tuple[int, Handle, int]] = (),
    ) -> None:  # fmt: skip
        how = library.implementation(description)
        if "ref" in how and not slow:
            raise OneDNNError(f"only the slow implementation {how} can do this", 3)
        self._library = library
        self._given: list[Handle] = []
        self._inside: list[tuple[Handle, int]] = []
        self._scratch, self._size = scratch, 0
        before, after = [], []
        arguments = [(number, self._memory(layout, address)) for number, layout, address in constants]
        for written, arrays in ((False, inputs), (True, outputs)):
            for number, layout in arrays:
                given = self._memory(layout)
                self._given.append(given)
                wanted = library.argument_layout(description, number)
                if library.equal(layout, wanted):
                    arguments.append((number, given))
                    continue
                inside = self._held(wanted)
                arguments.append((number, inside))
                if written:
                    after.append(self._moved(inside, wanted, given, layout))
                else:
                    before.append(self._moved(given, layout, inside, wanted))
        self._steps = [*before, self._step(description, arguments), *after]
        scratch.hold(self._size)

    def _memory(self, layout: Handle, address: int | None = None) -> Handle:
        return self._library.make("dnnl_memory_create", layout, self._library.engine, Handle(address))

    def _held(self, layout: Handle) -> Handle:
        """Memory that only the operation knows."""
        memory = self._memory(layout)
        self._inside.append((memory, self._size))
        self._size += -(-self._library.size(layout) // 64) * 64
        return memory

    def _step(self, description: Handle, arguments: Sequence[tuple[int, Handle]]) -> _Step:
        scratchpad = self._library.argument_layout(description, SCRATCHPAD)
        if self._library.size(scratchpad):
            arguments = [*arguments, (SCRATCHPAD, self._held(scratchpad))]
        return _Step(self._library, description, arguments)

    def _moved(self, source: Handle, source_layout: Handle, target: Handle, target_layout: Handle) -> _Step:
        engine = self._library.engine
        description = self._library.make(
            "dnnl_reorder_primitive_desc_create", source_layout, engine, target_layout, engine,
            self._library.given_scratchpad(),
        )  # fmt: skip
        return self._step(description, [(1, source), (17, target)])

    def run(self, pointers: Sequence[int], hand_over: bool = False) -> None:
        """Runs on the arrays that begin at these addresses, inputs first; where asked for, in the `team`'s thread."""
        work = partial(self.run_beside, pointers)
        with _one_at_a_time:
            team(self._library).run(work) if hand_over else work()

    def run_beside(self, pointers: Sequence[int]) -> None:
        """Runs at once, while operations with a scratch of their own may run too."""
        point = self._library.set_pointer
        for memory, pointer in zip(self._given, pointers, strict=True):
            point(memory, pointer)
        for memory, place in self._inside:
            point(memory, self._scratch.pointer + place)
        for step in self._steps:
            step.run()
