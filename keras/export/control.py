"""Loops, branches and random numbers in ONNX. Handlers get the lowering itself, because they own blocks."""

import numpy as np

from ..graph import dtypes
from ..graph.ops.shaping import static_dims
from ..graph.tensor import Placeholder
from . import recurrence
from .graphs import Graph, Stored, Value, onnx_type, value_info


def _scan(lowering, graph, instruction, inputs):
    """A recurrent node, or a Scan, whose body is a graph of its own that reads outer values by their names."""
    known = recurrence.lowered(lowering, graph, instruction, inputs)
    if known is not None:
        return known
    attributes, block = instruction.attributes, instruction.blocks[0]
    sequences, states = attributes["sequences"], attributes["states"]
    body = Graph(graph.opset, graph)
    items = [_parameter(body, "item", x.tensor.shape[1:], x.dtype) for x in inputs[:sequences]]
    carried = [_parameter(body, "state", x.tensor.shape, x.dtype) for x in inputs[sequences : sequences + states]]
    results = lowering.block(body, block, [*items, *carried])
    # A state that the body gives as it came, or twice, needs a name of its own.
    names = [body.node("Identity", body.plain(r)) for r in results]
    heads = [value_info(v.stored.name, v.dtype) for v in (*carried, *items)]
    tails = [value_info(name, r.dtype) for name, r in zip(names, results, strict=True)]
    direction = int(attributes["reverse"])
    outputs = graph.node(
        "Scan", *(graph.plain(x) for x in (*inputs[sequences : sequences + states], *inputs[:sequences])),
        count=len(results), num_scan_inputs=sequences, body=body.as_proto(graph.names.unique("turn"), heads, tails),
        scan_input_directions=[direction] * sequences,
        **({"scan_output_directions": [direction] * (len(results) - states)} if len(results) > states else {}),
    )  # fmt: skip
    return [outputs] if isinstance(outputs, str) else outputs


def _parameter(body, kind, shape, dtype):
    return Value(body, Placeholder(shape, dtype), Stored(body.names.unique(kind)))


def _cond(lowering, graph, instruction, inputs):
    branches = []
    for block in instruction.blocks:
        branch = Graph(graph.opset, graph)
        results = lowering.block(branch, block, [])
        names = [branch.node("Identity", branch.plain(r)) for r in results]
        tails = [value_info(name, r.dtype) for name, r in zip(names, results, strict=True)]
        branches.append(branch.as_proto(graph.names.unique("branch"), [], tails))
    condition = graph.plain(graph.cast(inputs[0], "bool"))
    count = len(instruction.outputs)
    outputs = graph.node("If", condition, count=count, then_branch=branches[0], else_branch=branches[1])
    return [outputs] if count == 1 else outputs


def _random_uniform(lowering, graph, instruction, inputs):
    """Uniform numbers, others than Keras draws: what ONNX draws is the runtime's affair."""
    dtype = onnx_type(instruction.dtypes[0])
    dims = static_dims(inputs[0].tensor)
    if dims and None not in dims:
        return [graph.node("RandomUniform", shape=dims, dtype=dtype)]
    like = graph.node("ConstantOfShape", graph.as_sizes(inputs[0]))
    return [graph.node("RandomUniformLike", like, dtype=dtype)]


def _cumprod(lowering, graph, instruction, inputs):
    """A Scan that multiplies: ONNX has running sums only."""
    x, axis = graph.plain(inputs[0]), instruction.attributes["axis"]
    dtype = inputs[0].dtype
    first = graph.node("Shape", graph.node("Gather", x, graph.ints(0), axis=axis))
    ones = graph.node("Expand", graph.constant(np.ones((), dtypes.to_numpy(dtype))), first)
    body = Graph(graph.opset, graph)
    before, item = (body.names.unique(kind) for kind in ("state", "item"))
    after = body.node("Mul", before, item)
    heads = [value_info(name, dtype) for name in (before, item)]
    tails = [value_info(name, dtype) for name in (after, body.node("Identity", after))]
    turn = body.as_proto(graph.names.unique("turn"), heads, tails)
    _, products = graph.node(
        "Scan", ones, x, count=2, num_scan_inputs=1, body=turn, scan_input_axes=[axis], scan_output_axes=[axis]
    )
    return [products]


HANDLERS = {"scan": _scan, "cond": _cond, "cumprod": _cumprod, "random_uniform": _random_uniform}
