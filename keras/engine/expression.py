"""A piece of the graph as plain data, for configurations, and back.

    describe([x], x * 2.0 + 1)

    [["multiply", [0, {"value": 2.0, "dtype": "float32"}], {}],
     ["add", [1, {"value": 1.0, "dtype": "float32"}], {}]]

Each operation is its primitive's name, its inputs and its attributes. Numbers count tensors: first
the inputs of the whole, then what each operation gives. The last tensor is the result.
"""

import numpy as np

from .. import backend as K
from ..graph import ops  # noqa: F401 (declares the primitives)
from ..graph.ops.shaping import Ref
from ..graph.primitive import REGISTRY
from ..graph.tensor import Constant, Placeholder, Tensor, Variable, topological

LEARNING_PHASE = "learning_phase"


class NotDescribableError(Exception):
    """What the piece of graph holds that is no plain data."""


def describe(sources, tensor):
    """The operations from `sources` to `tensor`.

    Raises:
        NotDescribableError: for loops, branches and gradients, for variables and other inputs.
    """
    numbers = {id(source): number for number, source in enumerate(sources)}
    count = len(sources)
    operations = []
    for t in topological([tensor], stop=set(numbers)):
        if id(t) in numbers or t.made_by is None:
            continue
        operation = t.made_by
        if operation.primitive.structural:
            raise NotDescribableError(f"`{operation.type}` holds Python functions")
        inputs = [_describe_input(i, numbers) for i in operation.inputs]
        operations.append([operation.type, inputs, _plain(operation.attributes)])
        for output in operation.outputs:
            numbers[id(output)] = count
            count += 1
    if numbers[id(tensor)] != count - 1:
        operations.append(["identity", [numbers[id(tensor)]], {}])
    return operations


def _describe_input(tensor, numbers):
    if id(tensor) in numbers:
        return numbers[id(tensor)]
    if isinstance(tensor, Placeholder) and tensor._uses_learning_phase:
        return LEARNING_PHASE
    if isinstance(tensor, Constant):
        return {"value": tensor.value.tolist(), "dtype": tensor.dtype}
    kind = "the variable" if isinstance(tensor, Variable) else "the input"
    raise NotDescribableError(f"they read {kind} {tensor.name}")


def _plain(value):
    """An attribute as JSON: tuples become lists, places of tensors in an index are marked."""
    if isinstance(value, Ref):
        return {"input": int(value)}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    raise NotDescribableError(f"an attribute is a {type(value).__name__}")


def build(operations, inputs):
    """Applies described operations to tensors.

    Raises:
        ValueError: for something that is no description, naming the operation.
    """
    tensors = list(inputs)
    for entry in operations:
        try:
            name, references, attributes = entry
            primitive = REGISTRY[name]
            if primitive.structural or name == "native":  # they hold functions, which no data can
                raise KeyError(name)
            arguments = [_input(reference, tensors) for reference in references]
            result = primitive(*arguments, **{k: _attribute(v) for k, v in attributes.items()})
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise ValueError(
                f"The configuration of a TensorOp holds {entry!r:.200}, which is no operation on {len(tensors)} "
                f"tensors ({type(error).__name__}: {error})."
            ) from None
        tensors += result if isinstance(result, list) else [result]
    return tensors[-1]


def _input(reference, tensors):
    if reference == LEARNING_PHASE:
        phase = K.learning_phase()
        return phase if isinstance(phase, Tensor) else K.constant(phase, dtype="int32")
    if isinstance(reference, dict):
        return Constant(np.array(reference["value"]), reference["dtype"])
    if reference < 0:
        raise IndexError(f"there is no tensor {reference}")
    return tensors[reference]


def _attribute(value):
    if isinstance(value, dict) and set(value) == {"input"}:
        return Ref(value["input"])
    if isinstance(value, list):
        return tuple(_attribute(v) for v in value)
    return value
