"""From a program's instructions to the nodes of an ONNX graph, by a table."""

from collections import Counter
from dataclasses import replace

import numpy as np

from ..graph import dtypes
from ..graph.ops.shaping import static_value
from ..graph.primitive import REGISTRY
from ..graph.tensor import Tensor
from ..runtimes.evaluate import FOLDED_SIZE, NOT_FOLDED
from ..runtimes.numpy.table import TABLE as NUMPY_TABLE
from . import control, elementwise, products, shaping
from .graphs import Made, NotInONNX, Stored, Value

TABLE = {**elementwise.TABLE, **shaping.TABLE, **products.TABLE}

# What may be done to a weight when it is exported: it stays recognisable as the weight.
_LAYOUT = frozenset(("reshape", "transpose", "expand_dims", "squeeze", "identity", "stop_gradient", "cast"))


class Lowering:
    """Writes instructions down in graphs; `values` maps slots to what stands for them."""

    def __init__(self, program):
        self.values = {}
        self._uses = Counter(_reads(program.block))
        self._uses.update(slot for _, slot in program.updates)

    def block(self, graph, block, parameters):
        """The values of a block's results; its nodes are added to the graph."""
        self.values.update(zip(block.parameters, parameters, strict=True))
        for instruction in block.instructions:
            try:
                self._instruction(graph, _in_float32(instruction))
            except NotInONNX as error:
                error.primitive = error.primitive or instruction.primitive
                raise
        return [self.values[slot] for slot in block.results]

    def _instruction(self, graph, instruction):
        inputs = [self.values[slot] for slot in instruction.inputs]
        tensors = _inferred(instruction, inputs)
        made = self._folded(graph, instruction, inputs, tensors)
        if made is None:
            made = [
                Value(graph, tensor, Stored(found) if isinstance(found, str) else found)
                for found, tensor in zip(self._nodes(graph, instruction, inputs), tensors, strict=True)
            ]
            for slot, value in zip(instruction.outputs, made, strict=True):
                value.made = Made(instruction.primitive, tuple(inputs), instruction.attributes)
                value.uses = self._uses[slot]
        self.values.update(zip(instruction.outputs, made, strict=True))

    def _nodes(self, graph, instruction, inputs):
        name = instruction.primitive
        if name in control.HANDLERS:
            return control.HANDLERS[name](self, graph, instruction, inputs)
        if name not in TABLE:
            raise NotInONNX(f"the operation '{name}'")
        found = TABLE[name](graph, *inputs, **instruction.attributes)
        return found if isinstance(found, list) else [found]

    def _folded(self, graph, instruction, inputs, tensors):
        """Constants and shapes that are known already, as values; None where there is something left to run."""
        name, tensor = instruction.primitive, tensors[0]
        known = static_value(tensor) if dtypes.is_integer(tensor.dtype) and tensor.ndim <= 1 else None
        if known is not None and (isinstance(known, int) or None not in known):
            return [graph.known(np.asarray(known), tensor.dtype)]
        if name not in NUMPY_TABLE or name in NOT_FOLDED or not all(v.host is not None for v in inputs) or not inputs:
            return None
        labels = [v.label for v in inputs if v.label]
        if labels and name not in _LAYOUT or not labels and any(v.host.size > FOLDED_SIZE for v in inputs):
            return None
        found = NUMPY_TABLE[name](*(v.host for v in inputs), **instruction.attributes)
        made = []
        for array, tensor in zip(found if isinstance(found, list) else [found], tensors, strict=True):
            made.append(graph.known(array, tensor.dtype))
            made[-1].label = labels[0] if labels else ""
        return made


def _in_float32(instruction):
    """Readers of ONNX compute hardly anything in bfloat16: what is bfloat16 in a program is float32 in the file."""
    attributes = dict(instruction.attributes)
    if attributes.get("dtype") == "bfloat16":
        attributes["dtype"] = "float32"
    if "specs" in attributes:
        specs = attributes["specs"]
        attributes["specs"] = [(shape, "float32" if dtype == "bfloat16" else dtype) for shape, dtype in specs]
    return replace(instruction, attributes=attributes)


def _reads(block):
    """The slots that a block's instructions and results read, once for each time."""
    found = list(block.results)
    for instruction in block.instructions:
        found += instruction.inputs
        for inner in instruction.blocks:
            found += _reads(inner)
    return found


def _inferred(instruction, inputs):
    """The results as symbolic tensors: their shapes, and what is known of the numbers, follow as they do in K."""
    name, attributes = instruction.primitive, instruction.attributes
    if name == "random_uniform":
        attributes = {**attributes, "seed": 0}
        del attributes["stream"]
    if "specs" in attributes:
        return [Tensor(shape, dtype) for shape, dtype in attributes["specs"]]
    if name == "gradients":
        raise NotInONNX("gradients taken inside a model")
    made = REGISTRY[name].apply(tuple(v.tensor for v in inputs), attributes)
    return made if isinstance(made, list) else [made]

