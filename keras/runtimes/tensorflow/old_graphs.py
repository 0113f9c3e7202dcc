"""Tensors and variables of TensorFlow beside ours.

What a tensor of TensorFlow 1's graph (after `tf.disable_v2_behavior()`) is computed from is copied into our programs;
a `tf.Variable` is read when a program runs. Neither is trained.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ...graph import dtypes, ops
from ...graph.tensor import Tensor, adopt_with


def adopted(value: Any) -> Any:
    """A symbolic tensor of ours for a tensor of a graph or a `tf.Variable`; anything else as it is.

    Raises:
        ValueError: if its value cannot be known outside of a session of TensorFlow 1.
    """
    if isinstance(value, tf.Variable):
        if not hasattr(value, "handle") or _of_graph(value.handle):
            raise ValueError(_unknown(value, value.name))
        return _native(value.read_value, value)
    return _imported(value) if _of_graph(value) else value


def _of_graph(value: Any) -> bool:
    """Whether it is a tensor in a graph of the user's, and not in a function that is being traced."""
    graph = value.graph if isinstance(value, tf.Tensor) and not hasattr(value, "numpy") else None
    return graph is not None and not graph.building_function


def _imported(value: Any) -> Tensor:
    graph = tf.compat.v1.graph_util.extract_sub_graph(value.graph.as_graph_def(), [value.op.name])
    for node in graph.node:
        if node.op.startswith("Placeholder") or node.op in ("VarHandleOp", "VariableV2"):
            raise ValueError(_unknown(value, f"{node.name} ({node.op})"))

    def again() -> Any:
        (found,) = tf.graph_util.import_graph_def(graph, return_elements=[value.name], name="")
        return found

    return _native(again, value)


def _unknown(value: Any, source: str) -> str:
    return (
        f"The value of {value!r} comes from {source!r} in a graph of TensorFlow 1, which a Keras model cannot see. Use "
        "keras.Input (K.placeholder) and layer.add_weight (K.variable) in its place."
    )


def _native(function: Any, like: Any) -> Tensor:
    """What a function without arguments gives, shaped like a tensor of TensorFlow."""
    shape = tuple(like.shape.as_list() if hasattr(like.shape, "as_list") else like.shape)
    specs = ((shape, dtypes.canonical(like.dtype.base_dtype.name)),)
    return ops.native(function=function, specs=specs)[0]  # type: ignore[no-any-return]


adopt_with(lambda value: None if (found := adopted(value)) is value else found)
