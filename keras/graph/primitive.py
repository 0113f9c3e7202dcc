"""What a primitive operation is, and how applying one builds a node.

A primitive is declared once, as the rule that gives its outputs' shapes and dtypes:

    @primitive()
    def negative(x):
        "-x, elementwise."
        return x.shape, x.dtype

Calling it with tensors runs the rule (where bad input becomes an error, while the graph is
built) and makes an `Operation`. The numbers are each runtime's business.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

from .tensor import Dim, Operation, Subgraph, Tensor, Variable, as_tensor

Spec = tuple[Sequence[Dim], str]
Rule = Callable[..., Spec | list[Spec]]

REGISTRY: dict[str, Primitive] = {}

# Of the inmost scope of `ordering.after` that this thread has open, if updates come before what is built there: the
# values that variables have by then, and what carries the updates (`updated`).
scope: ContextVar[tuple[dict[Tensor, Tensor], Tensor] | None] = ContextVar("scope", default=None)

# What float32 variables are read as, if this thread has a scope of `precision.reading` open.
read_as: ContextVar[str | None] = ContextVar("read as", default=None)
# They take variables as they are: to be changed, to differentiate by.
_AS_KEPT = ("cast", "gradients", "updated", "after")


class Primitive:
    """One primitive operation: a name, a shape rule and a few facts about it.

    Args:
        differentiable: whether gradients flow through it.
        random: whether it draws random numbers (its result is never folded).
        structural: whether it owns sub-graphs, so that the program compiler treats it itself.
    """

    def __init__(
        self, rule: Rule, differentiable: bool = True, random: bool = False, structural: bool = False
    ) -> None:
        self.name = rule.__name__.rstrip("_")
        self.rule = rule
        self.differentiable = differentiable
        self.random = random
        self.structural = structural
        self.__doc__ = rule.__doc__
        if self.name in REGISTRY:
            raise ValueError(f"The primitive '{self.name}' is declared twice.")
        REGISTRY[self.name] = self

    def __call__(self, *inputs: Any, **attributes: Any) -> Any:
        for given in inputs:
            if not isinstance(given, Tensor):
                like = next((i for i in inputs if isinstance(i, Tensor)), None)
                return self.apply(tuple(as_tensor(i, like) for i in inputs), attributes)
        return self.apply(inputs, attributes)

    def apply(
        self, inputs: tuple[Tensor, ...], attributes: dict[str, Any], subgraphs: tuple[Subgraph, ...] = ()
    ) -> Any:
        """Makes the node for inputs that are tensors already."""
        if (dtype := read_as.get()) is not None and not subgraphs and self.name not in _AS_KEPT:
            inputs = tuple(_narrow(x, dtype) for x in inputs)
        if (before := scope.get()) is not None:
            return self._after(*before, inputs, attributes, subgraphs)
        return self._made(inputs, attributes, subgraphs)

    def _after(
        self, now: dict[Tensor, Tensor], made: Tensor, inputs: tuple[Tensor, ...], attributes: dict[str, Any],
        subgraphs: tuple[Subgraph, ...],
    ) -> Any:  # fmt: skip
        """The node as it is in a scope: it reads the new values, and whoever computes it makes the updates."""
        if self.name != "gradients":  # whose tensors were built with the variables as they were
            inputs = tuple(now.get(x, x) for x in inputs)
        result = self._made(inputs, attributes, subgraphs)
        attach = REGISTRY["after"]
        found = [attach._made((x, made), {}, ()) for x in (result if isinstance(result, list) else [result])]
        return found if isinstance(result, list) else found[0]

    def _made(self, inputs: tuple[Tensor, ...], attributes: dict[str, Any], subgraphs: tuple[Subgraph, ...]) -> Any:
        specs = self.rule(*inputs, **attributes)
        operation = Operation(self, inputs, attributes, subgraphs)
        if isinstance(specs, list):
            operation.outputs = tuple(
                Tensor(shape, dtype, operation, index) for index, (shape, dtype) in enumerate(specs)
            )
            return list(operation.outputs)
        operation.outputs = (Tensor(specs[0], specs[1], operation),)
        return operation.outputs[0]

    def __repr__(self) -> str:
        return f"<Primitive {self.name}>"


def _narrow(x: Tensor, dtype: str) -> Tensor:
    if isinstance(x, Variable) and x.dtype == "float32":
        return REGISTRY["cast"].apply((x,), {"dtype": dtype})  # type: ignore[no-any-return]
    return x


def primitive(**facts: bool) -> Callable[[Rule], Primitive]:
    """Declares a primitive from its shape rule (decorator)."""
    return lambda rule: Primitive(rule, **facts)


class GraphError(ValueError):
    """Bad input to an operation, found while the graph is built."""


def fail(name: str, inputs: Sequence[Tensor], wanted: str) -> GraphError:
    """The error for inputs that an operation cannot take: says what came and what was wanted."""
    given = ", ".join(f"{tuple(i.shape)} {i.dtype}" for i in inputs)
    return GraphError(f"{name}: got {given}; {wanted}")
