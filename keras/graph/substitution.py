"""Copying a piece of the graph with some tensors put in the place of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import ordering
from .tensor import Dim, Operation, Placeholder, Subgraph, Tensor, topological

Swaps = dict[int, Tensor]


def substitute(outputs: Sequence[Tensor], swaps: Mapping[Tensor, Tensor]) -> list[Tensor]:
    """`outputs` as they would be with each key of `swaps` replaced by its value.

    What depends on no key stays the same tensor. Shapes are inferred anew, so the new tensors may
    have other sizes than the old.
    """
    replaced = {id(old): new for old, new in swaps.items()}
    with ordering.after(None):  # copies are what they were
        return _substitute(outputs, replaced)


def _substitute(outputs: Sequence[Tensor], replaced: Swaps) -> list[Tensor]:
    for tensor in topological(outputs, stop=set(replaced)):
        operation = tensor.made_by
        if id(tensor) in replaced or operation is None:
            continue
        if any(id(i) in replaced for i in operation.inputs):
            copies = _copy(operation, replaced)
            replaced.update((id(old), new) for old, new in zip(operation.outputs, copies, strict=True))
    return [replaced.get(id(x), x) for x in outputs]


def _copy(operation: Operation, replaced: Swaps) -> Sequence[Tensor]:
    inputs = tuple(replaced.get(id(i), i) for i in operation.inputs)
    attributes = operation.attributes
    bodies: tuple[Subgraph, ...] = ()
    if operation.subgraphs:
        captured = dict.fromkeys(c for body in operation.subgraphs for c in body.captures)
        own = inputs[: len(inputs) - len(captured)]
        bodies = tuple(_copy_body(body, _arguments(operation, own), replaced) for body in operation.subgraphs)
        inputs = (*own, *dict.fromkeys(c for body in bodies for c in body.captures))
        attributes = {**attributes, "specs": _specs(operation, own, bodies)}
    result = operation.primitive.apply(inputs, attributes, bodies)
    copies: list[Tensor] = result if isinstance(result, list) else [result]
    made = copies[0].made_by
    assert made is not None
    # Whether a random number is drawn anew in each turn of a loop goes by when it was made.
    made.serial, made.device = operation.serial, operation.device
    return copies


def _arguments(operation: Operation, own: tuple[Tensor, ...]) -> list[Sequence[Dim]]:
    """The shapes that the parameters of an operation's bodies have for its own inputs."""
    if operation.type != "scan":
        return []
    count = operation.attributes["sequences"]
    return [*(x.shape[1:] for x in own[:count]), *(x.shape for x in own[count:])]


def _copy_body(body: Subgraph, shapes: Sequence[Sequence[Dim]], replaced: Swaps) -> Subgraph:
    parameters = [Placeholder(shape, p.dtype) for shape, p in zip(shapes, body.parameters, strict=True)]
    inner = {**replaced, **{id(old): new for old, new in zip(body.parameters, parameters, strict=True)}}
    return Subgraph(parameters, _substitute(body.outputs, inner), body.since)


def _specs(operation: Operation, own: tuple[Tensor, ...], bodies: tuple[Subgraph, ...]) -> tuple[Any, ...]:
    """Shapes and dtypes of the outputs of a loop or a branch."""
    if operation.type != "scan":
        then, otherwise = (body.outputs for body in bodies)
        return tuple(
            ([p if p == q else None for p, q in zip(a.shape, b.shape, strict=True)], a.dtype)
            for a, b in zip(then, otherwise, strict=True)
        )
    count, states = operation.attributes["sequences"], operation.attributes["states"]
    length = next((x.shape[0] for x in own[:count] if x.shape[0] is not None), None)
    outputs = bodies[0].outputs
    kept = tuple((tuple(x.shape), x.dtype) for x in outputs[:states])
    return kept + tuple(((length, *x.shape), x.dtype) for x in outputs[states:])
