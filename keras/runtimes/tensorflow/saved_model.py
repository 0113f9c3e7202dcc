"""A program as a SavedModel, which TensorFlow alone loads and serves."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ...graph import randomness
from ...graph.program import Program
from ...graph.tensor import Variable
from ..contract import stored_dtype
from ..evaluate import Context, Environment, is_host, run
from ..numpy.table import TABLE as NUMPY_TABLE
from .control import STRUCTURAL
from .runtime import _stored
from .scopes import in_version_2
from .table import TABLE, tensor
from .words import Words, words_of

Array = Any


class Served(tf.Module):  # type: ignore[misc]
    """Computes the outputs of a program; its variables are those of TensorFlow.

    Args:
        values: the variables of the program and their values.
        inputs, outputs: names for the program's inputs and outputs.
    """

    @in_version_2
    def __init__(
        self, program: Program, values: Mapping[Variable, np.ndarray], inputs: Sequence[str], outputs: Sequence[str]
    ) -> None:
        super().__init__()
        self._program = program
        self._outputs = _distinct(map(_identifier, outputs))
        # TensorFlow finds variables in lists, and not in dictionaries with other keys than names.
        self.weights = [_held(variable, value) for variable, value in values.items()]
        self._places = {id(variable): place for place, variable in enumerate(values)}
        # Counts the calls where random numbers are drawn.
        self.step = tf.Variable([0], dtype=tf.int32, trainable=False, name="step") if program.seeds else None
        names = _distinct(map(_identifier, inputs))
        specs = [
            tf.TensorSpec(tuple(x.shape), x.dtype, name)
            for (x, _), name in zip(program.inputs, names, strict=True)
        ]
        self.serve = tf.function(self._call, input_signature=specs, autograph=False)

    def _call(self, *feeds: Array) -> dict[str, Array]:
        program = self._program
        environment: Environment = {slot: array for array, slot in program.constants}
        environment.update((slot, self._weight(variable).value()) for variable, slot in program.variables)
        fed = zip(program.inputs, feeds, strict=True)
        environment.update((slot, feed) for (_, slot), feed in fed if slot >= 0)
        step = tf.constant([0]) if self.step is None else self.step.assign_add([1])
        run(program.block.instructions, environment, served_context(program, step))
        new = [(variable, _stored(variable, environment[slot])) for variable, slot in program.updates]
        results = [tensor(environment[slot]) for slot in program.block.results]
        for variable, value in new:
            self._weight(variable).assign(value)
        return dict(zip(self._outputs, results, strict=True))

    def _weight(self, variable: Variable) -> Array:
        return self.weights[self._places[id(variable)]]


def served_context(program: Program, step: Array) -> Context:
    """How a program's instructions run where some sizes are known only when the model is served."""
    seeds = tf.constant(np.array(program.seeds, dtype=np.uint32).view(np.int32))
    structural = {**STRUCTURAL, "shape": _shape}
    return _FreeSizes(TABLE, structural, NUMPY_TABLE, Words, words_of(seeds), words_of(step))


class _FreeSizes(Context):
    """Instructions run where some sizes are known only when the model is served."""

    __slots__ = ()

    def uniform(self, size: Any, stream: int, dtype: str) -> Any:
        if is_host(size):
            return super().uniform(size, stream, dtype)
        places = Words.places(tf.reduce_prod(size))
        numbers = randomness.uniform(places, self.seeds[stream : stream + 1], self.step, dtype, Words.floats)
        return tf.reshape(tf.cast(numbers, dtype), size)


def _shape(instruction: Any, environment: Environment, context: Context) -> None:
    """The shape of a tensor: numbers where all are known, else a tensor in which TensorFlow still sees the known."""
    x = environment[instruction.inputs[0]]
    found: Any
    if is_host(x) or x.shape.is_fully_defined():
        found = np.array(x.shape, dtype=np.int32)
    else:
        sizes = tf.shape(x)
        found = tf.stack([sizes[axis] if d is None else d for axis, d in enumerate(x.shape)]) if x.shape.rank else sizes
    environment[instruction.outputs[0]] = found


def _held(variable: Variable, value: np.ndarray) -> Array:
    name = variable.name.split(":")[0]
    return tf.Variable(np.asarray(value, stored_dtype(variable)), name=name, trainable=bool(variable.trainable))


def _identifier(name: str) -> str:
    """A name as signatures take them."""
    name = re.sub(r"\W", "_", name)
    return name if re.match(r"[A-Za-z]", name) else f"input_{name}"


def _distinct(names: Any) -> list[str]:
    found: list[str] = []
    for name in names:
        while name in found:
            name += "_"
        found.append(name)
    return found


@in_version_2
def write(served: Served, folder: str) -> None:
    """Writes the SavedModel, with the signature `serving_default`, into a folder that does not exist yet."""
    tf.saved_model.save(served, folder, signatures={"serving_default": served.serve})
