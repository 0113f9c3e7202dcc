"""The primitives, by subject. `ops.add(x, y)` and the like build nodes.

Importing this package also gives `Tensor` its Python operators.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor, as_tensor
from . import control, elementwise, products, reduction, shaping
from .control import conditional, gradients, part, print_tensor, random_uniform, scan, switch
from .elementwise import *
from .elementwise import absolute, identity, logical_and, logical_not, logical_or, negative
from .native import native
from .products import conv, conv_transpose, dot_general, matmul, pool
from .reduction import *
from .shaping import (
    arange, broadcast_to, concatenate, expand_dims, flip, gather, index, one_hot, pad, repeat,
    reshape, shape, shape_vector, split, squeeze, static_dims, static_value, tile, transpose,
)  # fmt: skip

__all__ = [
    "arange", "broadcast_to", "concatenate", "conditional", "control", "conv", "conv_transpose", "dot_general",
    "elementwise", "expand_dims", "flip", "gather", "gradients", "identity", "index", "native", "one_hot", "pad",
    "part", "pool", "print_tensor", "products", "random_uniform", "reduction", "repeat", "reshape", "scan", "shape",
    "shape_vector", "shaping", "split", "squeeze", "static_dims", "static_value", "switch", "tile", "transpose",
]  # fmt: skip


_BINARY: dict[str, Callable[..., Tensor]] = {
    "add": elementwise.add,
    "sub": elementwise.subtract,
    "mul": elementwise.multiply,
    "truediv": elementwise.divide,
    "floordiv": elementwise.floor_divide,
    "mod": elementwise.mod,
    "pow": elementwise.power,
    "and": logical_and,
    "or": logical_or,
    "matmul": matmul,
}
_COMPARISONS = {
    "lt": elementwise.less,
    "le": elementwise.less_equal,
    "gt": elementwise.greater,
    "ge": elementwise.greater_equal,
}


def _attach_operators() -> None:
    def forward(function: Callable[..., Tensor]) -> Callable[[Tensor, Any], Tensor]:
        return lambda self, other: function(self, as_tensor(other, self))

    def backward(function: Callable[..., Tensor]) -> Callable[[Tensor, Any], Tensor]:
        return lambda self, other: function(as_tensor(other, self), self)

    for name, function in _BINARY.items():
        setattr(Tensor, f"__{name}__", forward(function))
        setattr(Tensor, f"__r{name}__", backward(function))
    for name, function in _COMPARISONS.items():
        setattr(Tensor, f"__{name}__", forward(function))
    setattr(Tensor, "__neg__", lambda self: negative(self))  # noqa: B010  (mypy does not know it yet)
    Tensor.__abs__ = lambda self: absolute(self)  # type: ignore[attr-defined]
    setattr(Tensor, "__invert__", lambda self: logical_not(self))  # noqa: B010
    Tensor.__getitem__ = shaping.index_tensor  # type: ignore[method-assign]


_attach_operators()
