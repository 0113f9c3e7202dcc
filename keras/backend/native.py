"""Functions of the engine that runs everything (`jax.numpy` on JAX) as operations on symbolic tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..graph.tensor import Tensor, as_tensor
from ..runtimes.recording import record
from .config import runtime


def native(function: Callable[..., Any]) -> Callable[..., Any]:
    """An operation on symbolic tensors made of a function on the runtime's own arrays.

    Shapes and dtypes of the result are inferred by trying the function out (on JAX without computing
    anything), also where the batch size is unknown. Gradients flow as the engine differentiates it.

    Args:
        function: takes arrays of the engine and gives one, or a list or tuple of them. It must be pure: the
            same arrays for the same arrays, nothing else changed.

    Returns:
        A function of tensors: arguments by place are tensors (or numbers and NumPy arrays), arguments by name
        are handed to `function` as they are. It gives a tensor, or a list of tensors.

    Raises:
        When it is called: what `function` raises for the shapes given.

    Example:
        import jax.numpy as jnp

        sinc = K.native(jnp.sinc)
        y = sinc(x)

        @K.native
        def roll_and_add(x, y, shift=1):
            return jnp.roll(x, shift, axis=-1) + y
    """

    @functools.wraps(function)
    def operation(*inputs: Any, **settings: Any) -> Tensor | list[Tensor]:
        like = next((x for x in inputs if isinstance(x, Tensor)), None)
        return record(runtime(), function, [as_tensor(x, like) for x in inputs], settings)

    return operation


__all__ = ["native"]
