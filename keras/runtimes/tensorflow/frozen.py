"""A model as a graph of TensorFlow with the weights in it: what `freeze_session` made, for TensorFlow alone to run."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from ...graph.program import Program
from ..evaluate import Environment, run
from .runtime import RUNTIME
from .saved_model import served_context
from .scopes import in_version_2
from .table import tensor


@in_version_2
def frozen(program: Program, outputs: list[str]) -> Any:
    """The program as a GraphDef: its inputs are placeholders of the names that they have here.

    Args:
        outputs: the names of the nodes that compute the outputs.
    """
    names = [placeholder.op.name for placeholder, _ in program.inputs]
    with tf.Graph().as_default() as graph:
        environment: Environment = {slot: array for array, slot in program.constants}
        for (x, slot), name in zip(program.inputs, names, strict=True):
            environment[slot] = tf.compat.v1.placeholder(x.dtype, tuple(x.shape), name)
        for variable, slot in program.variables:
            environment[slot] = tf.constant(RUNTIME.read(variable), name=variable.op.name)
        run(program.block.instructions, environment, served_context(program, tf.constant([0])))
        for name, slot in zip(outputs, program.block.results, strict=True):
            tf.identity(tensor(environment[slot]), name=name)
    return graph.as_graph_def()
