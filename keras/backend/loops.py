"""Loops over time and over elements, traced once and compiled as scans."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..graph import ops, precision
from ..graph.ops import elementwise
from ..graph.tensor import Tensor, as_tensor
from . import config
from .math import cast
from .shapes import permute_dimensions, stack
from .variables import zeros_like

Step = Callable[[Any, list[Any]], tuple[Any, Sequence[Any]]]


def _time_first(x: Tensor) -> Tensor:
    """x with the time axis before the batch axis.

    A projection of a sequence (x @ W + b) is moved as the projection of the moved sequence: an LSTM's projection is
    four times as wide as its units. What a layer made stays whole, since gradients may be taken by it.
    """
    operation = x.made_by
    if operation is None or hasattr(x, "_keras_history"):
        return _moved(x)
    if operation.type == "add" and operation.inputs[1].ndim == 1:
        return _projection_moved(operation.inputs[0]) + operation.inputs[1]
    return _projection_moved(x)


def _projection_moved(x: Tensor) -> Tensor:
    operation = x.made_by
    if operation is not None and operation.type == "dot_general" and x.ndim == 3:
        sequence, kernel = operation.inputs
        if sequence.ndim == 3 and kernel.ndim == 2 and operation.attributes["contract"] == ((2,), (0,)):
            return ops.dot_general(_moved(sequence), kernel, **operation.attributes)
    return _moved(x)


def _moved(x: Tensor) -> Tensor:
    return permute_dimensions(x, (1, 0, *range(2, x.ndim)))


def _as_read(state: Tensor) -> Tensor:
    """A state in the precision in which weights are read."""
    dtype = precision.current()
    return state if dtype is None or state.dtype != "float32" else cast(state, dtype)


def _expanded(mask: Tensor, like: Tensor) -> Tensor:
    """A mask (batch,) or (batch, 1) with axes added until it broadcasts against `like`."""
    while mask.ndim > 1 and mask.ndim > like.ndim:
        mask = ops.squeeze(mask, axes=(mask.ndim - 1,))
    while mask.ndim < like.ndim:
        mask = ops.expand_dims(mask, axis=mask.ndim)
    return mask


def rnn(
    step_function: Step,
    inputs: Any,
    initial_states: Sequence[Any],
    go_backwards: bool = False,
    mask: Any = None,
    constants: Sequence[Any] | None = None,
    unroll: bool = False,
    input_length: int | None = None,
) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Runs a step function over the time axis (axis 1) of a tensor.

    Args:
        step_function: (input of one time step, states + constants) -> (output, new states).
        inputs: (batch, time, ...), at least 3D. A list of such tensors is passed as a list.
        initial_states: one tensor (batch, ...) for each state.
        go_backwards: goes from the last step to the first; outputs are in that order.
        mask: (batch, time) or (batch, time, 1); at a masked step the states stay and the previous
            output is repeated (zeros before the first).
        constants: tensors handed to each step after the states.
        unroll: writes the steps out instead of looping; needs a known number of steps.

    Returns:
        the last output, all outputs (batch, time, ...), the last states.

    Raises:
        ValueError: for inputs of less than 3 axes, `unroll` without a known length, or a step function that returns
            more or fewer states than there are.
    """
    several = isinstance(inputs, (list, tuple))
    sequences = [_time_first(as_tensor(x)) for x in (inputs if several else [inputs])]
    if sequences[0].ndim < 3:
        raise ValueError(f"K.rnn: the inputs must be at least 3D (batch, time, ...), got {inputs!r}.")
    constants = list(constants or [])
    states = [_as_read(as_tensor(s)) for s in initial_states]
    if mask is not None:
        mask = cast(mask, "bool")
        mask = _time_first(mask if mask.ndim > 1 else ops.expand_dims(mask, axis=1))
    if go_backwards:
        sequences = [ops.flip(s, axes=(0,)) for s in sequences]
        mask = None if mask is None else ops.flip(mask, axes=(0,))

    def call(items: list[Tensor], states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        output, new = step_function(list(items) if several else items[0], [*states, *constants])
        if len(new) != len(states):
            raise ValueError(f"K.rnn: the step function got {len(states)} states and returned {len(new)}.")
        pairs = zip(map(as_tensor, new), states, strict=True)
        return as_tensor(output), [s if s.dtype == before.dtype else cast(s, before.dtype) for s, before in pairs]

    if unroll:
        return _unrolled(call, sequences, states, mask)
    return _looped(call, sequences, states, mask)


def _masked(
    call: Callable[..., Any], items: list[Tensor], states: list[Tensor], keep: Tensor, previous: Tensor
) -> tuple[Tensor, list[Tensor]]:
    output, new = call(items, states)
    output = elementwise.where(_expanded(keep, output), output, previous)
    return output, [
        elementwise.where(_expanded(keep, n), n, s) for n, s in zip(new, states, strict=True)
    ]


def _unrolled(
    call: Callable[..., Any], sequences: list[Tensor], states: list[Tensor], mask: Tensor | None
) -> tuple[Tensor, Tensor, list[Tensor]]:
    length = sequences[0].shape[0]
    if length is None:
        raise ValueError("K.rnn: unrolling requires a fixed number of timesteps. Give the input a known length.")
    outputs: list[Tensor] = []
    for t in range(length):
        items = [s[t] for s in sequences]
        if mask is None:
            output, states = call(items, states)
        else:
            previous = outputs[-1] if outputs else None
            if previous is None:
                previous = zeros_like(call(items, states)[0])
            output, states = _masked(call, items, states, mask[t], previous)
        outputs.append(output)
    return outputs[-1], stack(outputs, axis=1), list(states)


def _looped(
    call: Callable[..., Any], sequences: list[Tensor], states: list[Tensor], mask: Tensor | None
) -> tuple[Tensor, Tensor, list[Tensor]]:
    if mask is not None:
        return _looped_masked(call, sequences, states, mask)
    # Where the output is also a state (LSTM, GRU, ...), the last one is at hand, and a program that
    # wants no other need not keep them all.
    carried_output: list[int] = []

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        output, new = call(items, carried)
        carried_output[:] = [place for place, state in enumerate(new) if state is output]
        return [output], new

    (outputs,), last = ops.scan(step, sequences, states)
    config.runtime().loop_is_near(len(states))
    last_output = ops.identity(last[carried_output[0]]) if carried_output else outputs[-1]
    return last_output, _time_first(outputs), last


def _looped_masked(
    call: Callable[..., Any], sequences: list[Tensor], states: list[Tensor], mask: Tensor
) -> tuple[Tensor, Tensor, list[Tensor]]:
    # The output of a masked step is the one before, so it travels as one more state.
    blank = zeros_like(call([s[0] for s in sequences], states)[0])

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        output, new = _masked(call, items[:-1], carried[1:], items[-1], carried[0])
        return [output], [output, *new]

    (outputs,), last = ops.scan(step, [*sequences, mask], [blank, *states])
    return last[0], _time_first(outputs), last[1:]


# map and folds.


def _sequence(name: str, x: Any) -> Tensor:
    x = as_tensor(x)
    if x.ndim == 0:
        raise ValueError(f"{name}: wanted a tensor with an axis to go over, got the scalar {x!r}.")
    return x


def map_fn(fn: Callable[[Any], Any], elems: Any, name: str | None = None, dtype: Any = None) -> Any:
    """fn applied to each element of the first axis; the results stacked.

    Args:
        fn: takes an element (for a list or tuple of `elems`, a tuple of one of each) and gives a tensor, or
            a list or tuple of tensors.
        dtype: what results are cast to; a list or tuple of these where fn gives several.
    """
    several = isinstance(elems, (list, tuple))
    sequences = [_sequence("K.map_fn", e) for e in (elems if several else [elems])]
    structure: list[Any] = []  # the type of what fn gives, if it gives several

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        found = fn(tuple(items) if several else items[0])
        if isinstance(found, (list, tuple)):
            structure.append(type(found))
        else:
            found = [found]
        results = [as_tensor(r) for r in found]
        kinds = dtype if isinstance(dtype, (list, tuple)) else [dtype] * len(results)
        return [r if k is None else cast(r, k) for r, k in zip(results, kinds, strict=True)], []

    outputs, _ = ops.scan(step, sequences, [])
    return structure[0](outputs) if structure else outputs[0]


def _fold(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any, reverse: bool) -> Tensor:
    elems = _sequence("K.foldr" if reverse else "K.foldl", elems)
    if initializer is None:
        initializer = elems[-1] if reverse else elems[0]
        elems = elems[:-1] if reverse else elems[1:]
    start = as_tensor(initializer)

    def step(items: list[Tensor], carried: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return [], [cast(as_tensor(fn(carried[0], items[0])), carried[0].dtype)]

    _, (last,) = ops.scan(step, [elems], [start], reverse=reverse)
    return last


def foldl(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Tensor:
    """fn(accumulator, element) over the first axis, from the first element to the last.

    Args:
        fn: `fn(accumulator, element)`, giving the new accumulator.
        elems: a tensor.
        initializer: the first accumulator; None: the first element.
        name: without effect.
    """
    return _fold(fn, elems, initializer, False)


def foldr(fn: Callable[[Any, Any], Any], elems: Any, initializer: Any = None, name: str | None = None) -> Tensor:
    """`foldl` from the last element to the first; `initializer` None: the last element."""
    return _fold(fn, elems, initializer, True)
