"""Random numbers, choices, loops and gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import dtypes, ordering
from ..primitive import GraphError, Spec, fail, primitive
from ..tensor import Constant, Placeholder, Subgraph, Tensor, as_tensor, moment, topological
from .elementwise import broadcast_shapes
from .shaping import static_dims


@primitive(random=True, differentiable=False)
def random_uniform(size: Tensor, seed: int, dtype: str) -> Spec:
    """Uniform numbers in [0, 1), the only source of randomness.

    The numbers are a function of the seed, the count of the program's steps and the place in
    the tensor, the same on every runtime (see `keras.graph.randomness`).
    """
    dims = static_dims(size)
    if dims is None:
        raise fail("random_uniform", [size], "wanted a shape vector of known length")
    return dims, dtype


@primitive()
def print_tensor(x: Tensor, message: str) -> Spec:
    """x itself; the runtime prints it when it is computed."""
    return x.shape, x.dtype


@primitive()
def switch(condition: Tensor, then: Tensor, otherwise: Tensor) -> Spec:
    """`then` if the scalar condition holds, else `otherwise`.

    With a condition that the compiler knows (the learning phase), only the branch taken is
    part of the program. Otherwise both are computed.
    """
    if condition.ndim != 0:
        raise fail("switch", [condition], "wanted a scalar condition")
    return broadcast_shapes("switch", then, otherwise), dtypes.promote(then.dtype, otherwise.dtype)


@primitive()
def part(whole: Tensor, slice: Tensor, index: int, devices: tuple[int, ...]) -> Spec:
    """The slice, which is part `index` of what `whole` holds, one part for each device.

    A hint to the program compiler (see `keras.graph.parallel`); it takes the slice if it has no use for it.
    """
    return slice.shape, slice.dtype


@primitive(differentiable=False)
def updated(*values: Tensor, variables: tuple[Tensor, ...]) -> Spec:
    """True: these updates are to be made before something (see `keras.graph.ordering`).

    The program compiler makes updates of the whole program of them.
    """
    return (), "bool"


@primitive()
def after(x: Tensor, updates: Tensor) -> Spec:
    """x; a program that computes it makes the updates of an `updated`."""
    return x.shape, x.dtype


@primitive(structural=True)
def cond(condition: Tensor, *captures: Tensor, specs: tuple[Any, ...]) -> list[Spec]:
    """Runs one of two sub-graphs, by a scalar condition known only at run time."""
    return list(specs)


def _traced(function: Callable[..., Any], parameters: Sequence[Tensor]) -> Subgraph:
    since = moment()
    outputs = function(*parameters)
    return Subgraph(parameters, [ordering.read(as_tensor(o)) for o in outputs], since)


def conditional(condition: Tensor, then: Callable[[], Any], otherwise: Callable[[], Any]) -> list[Tensor]:
    """`cond` from two functions without arguments, each giving a list of tensors."""
    if condition.ndim != 0:
        raise fail("cond", [condition], "wanted a scalar condition")
    graphs = (_traced(then, ()), _traced(otherwise, ()))
    pairs = list(zip(graphs[0].outputs, graphs[1].outputs, strict=True))
    for a, b in pairs:
        if a.ndim != b.ndim or a.dtype != b.dtype:
            raise fail("cond", [a, b], "both branches must give the same rank and dtype")
    specs = tuple(
        ([p if p == q else None for p, q in zip(a.shape, b.shape, strict=True)], a.dtype) for a, b in pairs
    )
    captures = dict.fromkeys((*graphs[0].captures, *graphs[1].captures))
    return cond.apply((condition, *captures), {"specs": specs}, graphs)  # type: ignore[no-any-return]


@primitive(structural=True)
def scan_(
    *inputs: Tensor, sequences: int, states: int, reverse: bool, specs: tuple[Any, ...], unroll: int = 1
) -> list[Spec]:
    """A loop over the first axis of some sequences, carrying states.

    Inputs are the sequences, the initial states and the captures. Outputs are the last
    states, then the stacked outputs of each step.
    """
    return list(specs)


def scan(
    step: Callable[..., tuple[Sequence[Tensor], Sequence[Tensor]]],
    sequences: Sequence[Tensor],
    states: Sequence[Tensor],
    reverse: bool = False,
    unroll: int = 1,
) -> tuple[list[Tensor], list[Tensor]]:
    """Runs `step(items, states) -> (outputs, new_states)` over the first axis of the sequences.

    Returns:
        the stacked outputs (time first) and the last states.
    """
    if not sequences:
        raise GraphError("scan: wanted at least one sequence to go over")
    items: list[Tensor] = [Placeholder(s.shape[1:], s.dtype) for s in sequences]
    carried: list[Tensor] = [Placeholder(s.shape, s.dtype) for s in states]
    since = moment()
    outputs, new_states = step(items, carried)
    if len(new_states) != len(carried):
        raise GraphError(f"scan: the step got {len(carried)} states and returned {len(new_states)}")
    body = Subgraph([*items, *carried], [ordering.read(x) for x in (*new_states, *outputs)], since)
    for before, after in zip(carried, new_states, strict=True):
        if before.dtype != after.dtype or before.ndim != after.ndim:
            raise fail("scan", [before, after], "a state must keep its dtype and rank from step to step")
    length = next((s.shape[0] for s in sequences if s.shape[0] is not None), None)
    specs = tuple((tuple(s.shape), s.dtype) for s in new_states) + tuple(
        ((length, *o.shape), o.dtype) for o in outputs
    )
    results = scan_.apply(
        (*sequences, *states, *body.captures),
        {"sequences": len(sequences), "states": len(states), "reverse": reverse, "specs": specs, "unroll": unroll},
        (body,),
    )
    return results[len(states) :], results[: len(states)]


@primitive(structural=True)
def gradients_(*tensors: Tensor, sources: int) -> list[Spec]:
    """The derivatives of the sum of some tensors with respect to others.

    The inputs are `sources` tensors to differentiate by, then those to differentiate.
    """
    return [(t.shape, t.dtype) for t in tensors[:sources]]


def gradients(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> list[Tensor | None]:
    """d(sum of targets) / d(each source); None where nothing differentiable connects them.

    The result may be differentiated again. A source may be any tensor, also one in the middle.
    """
    live = _connected(targets, sources)
    known = [s for s in sources if id(s) in live]
    if not known:
        return [None] * len(sources)
    unique = list(dict.fromkeys(known))
    results = gradients_.apply((*unique, *targets), {"sources": len(unique)})
    found = dict(zip(unique, results, strict=True))
    return [found.get(s) for s in sources]


def _connected(targets: Sequence[Tensor], sources: Sequence[Tensor]) -> set[int]:
    """Ids of the sources from which a differentiable path leads to a target."""
    order = topological(targets)
    wanted: set[int] = {id(t) for t in targets if dtypes.is_inexact(t.dtype)}
    for tensor in reversed(order):
        if id(tensor) not in wanted or tensor.made_by is None:
            continue
        operation = tensor.made_by
        if not operation.primitive.differentiable:
            continue
        for i in operation.inputs:
            if dtypes.is_inexact(i.dtype):
                wanted.add(id(i))
    return {id(s) for s in sources if id(s) in wanted and not isinstance(s, Constant)}
