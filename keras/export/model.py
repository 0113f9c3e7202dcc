"""Whole models as ONNX: inputs, weights, the lowered program, outputs."""

import numpy as np
from onnx import checker, defs, helper

from .. import backend as K
from ..backend import functions
from ..graph.program import build
from ..graph.tensor import topological
from .graphs import Graph, NotInONNX, Stored, Value, swept, value_info
from .lowering import Lowering

OPSETS = range(17, defs.onnx_opset_version() + 1)
# What a protocol buffer may hold.
LARGEST = 2**31 - 1


def as_onnx(model, opset):
    """The model's predictions as an `onnx.ModelProto`; see `export_onnx`."""
    _check(model, opset)
    program = build(model._feed_inputs, model.outputs, model.state_updates, functions._PHASE, 0)
    try:
        return written(program, model.name, model._feed_input_names, model.output_names, opset)
    except NotInONNX as error:
        raise NotInONNX(_refusal(model, error)) from None


def written(program, name, input_names, output_names, opset):
    """A program as an `onnx.ModelProto`; the variables that it updates are inputs and outputs as well."""
    graph, lowering = Graph(opset), Lowering(program)
    inputs = _inputs(graph, lowering, program, input_names)
    outputs = [graph.names.unique(wanted) for wanted in output_names]
    kept = [variable for variable, _ in program.updates]
    inputs += _weights(graph, lowering, program, kept)
    outputs += [graph.names.unique(f"{variable.name}:next") for variable in kept]
    for array, slot in program.constants:
        lowering.values[slot] = graph.known(array.astype("float32") if array.dtype.name == "bfloat16" else array)
    results = lowering.block(graph, program.block, [])
    results += [lowering.values[slot] for _, slot in program.updates]
    tails = _outputs(graph, outputs, results)
    _sweep(graph, {info.name for info in (*inputs, *tails)})
    return _finished(graph, name, inputs, tails)


def _check(model, opset):
    if opset not in OPSETS:
        raise ValueError(f"opset={opset!r}: wanted one of ONNX's opsets {OPSETS[0]} to {OPSETS[-1]}.")
    if not model.outputs:
        raise ValueError(
            f"The model {model.name!r} has no inputs and outputs yet, so there is nothing to export. Give its first "
            "layer an input_shape, or call the model on data (fit or predict) first."
        )


# Inputs, weights and outputs.


def _inputs(graph, lowering, program, names):
    infos = []
    for name, (tensor, slot) in zip(names, program.inputs, strict=True):
        name = graph.names.unique(name)
        sizes = [f"{name}_axis_{axis}" if size is None else size for axis, size in enumerate(tensor.shape)]
        infos.append(value_info(name, tensor.dtype, _free_batch(tensor.shape, sizes)))
        lowering.values[slot] = Value(graph, tensor, Stored(name))
    return infos


def _free_batch(shape, sizes):
    """The sizes, the first called 'batch' where it is unknown."""
    return ["batch" if axis == 0 and shape[0] is None else size for axis, size in enumerate(sizes)]


def _weights(graph, lowering, program, kept):
    """Weights are constants; the variables that change from call to call are inputs, which are described."""
    infos = []
    states = {id(variable) for variable in kept}
    values = K.batch_get_value([variable for variable, _ in program.variables])
    for (variable, slot), array in zip(program.variables, values, strict=True):
        if id(variable) in states:
            name = graph.names.unique(variable.name)
            infos.append(value_info(name, variable.dtype, list(variable.shape)))
            lowering.values[slot] = Value(graph, variable, Stored(name))
        else:
            lowering.values[slot] = Value(graph, variable, host=np.asarray(array), label=variable.name)
    return infos


def _outputs(graph, names, values):
    """Gives the results their names; returns how ONNX describes them."""
    found = [graph.plain(value) for value in values]
    made = {name for node in graph.nodes for name in node.output}
    renamed = {}
    for name, old in zip(names, found, strict=True):
        if old in made and old not in renamed:
            renamed[old] = name
        else:  # an input, a weight, or the same as another output
            graph.nodes.append(helper.make_node("Identity", [old], [name]))
    _rename(graph.nodes, renamed)
    return [
        value_info(name, value.dtype, _free_batch(value.shape, value.shape))
        for name, value in zip(names, values, strict=True)
    ]


def _sweep(graph, wanted):
    """Leaves out what nobody reads. A weight has its own name then, if one form of it is left."""
    graph.nodes[:] = swept(graph.nodes, wanted)
    graph.initializers[:] = [array for array in graph.initializers if array.name in wanted]
    renamed = {}
    for array in graph.initializers:
        label = graph.labels.get(array.name)
        if label and label not in wanted:
            renamed[array.name] = label
            array.name = label
            wanted.add(label)
    _rename(graph.nodes, renamed)


def _rename(nodes, names):
    for node in nodes:
        for field in (node.input, node.output):
            for place, name in enumerate(field):
                field[place] = names.get(name, name)
        for attribute in node.attribute:
            _rename(attribute.g.node, names)


def _finished(graph, name, inputs, outputs):
    size = sum(len(array.raw_data) for array in graph.initializers)
    if size > LARGEST - sum(node.ByteSize() for node in graph.nodes):
        raise ValueError(
            f"The weights of the model {name!r} take {size / 2**30:.1f} GiB; an ONNX file holds 2 GiB at most. "
            "Export parts of it: Model(inputs, outputs) of some of its layers."
        )
    imports = [helper.make_opsetid("", graph.opset)]
    made = helper.make_model(
        graph.as_proto(name, inputs, outputs, graph.initializers),
        opset_imports=imports,
        ir_version=helper.find_min_ir_version_for(imports),
        producer_name="keras-classic",
    )
    checker.check_model(made)
    return made


# What cannot be said.


def _refusal(model, error):
    found = _layers_with(model, error.primitive)
    where = f" in {', '.join(found[:5])}" if found else ""
    return f"The model {model.name!r} cannot be exported: ONNX cannot say {error}{where}."


def _layers_with(network, primitive):
    """The layers in which a primitive is applied, as text."""
    found = []
    for layer in network.layers:
        inner = _layers_with(layer, primitive) if hasattr(layer, "layers") else []
        if not inner and any(_applies(node, primitive) for node in layer._inbound_nodes):
            inner = [f"the layer {layer.name!r} ({type(layer).__name__})"]
        found += inner
    return found


def _applies(node, primitive):
    border = {id(x) for x in node.input_tensors}
    waiting = [x for x in node.output_tensors if id(x) not in border]
    for tensor in topological(waiting, border):
        operation = None if id(tensor) in border else tensor.made_by
        if operation is None:
            continue
        inner = [x for body in operation.subgraphs for x in topological(body.outputs) if x.made_by is not None]
        if primitive in (operation.type, *(x.made_by.type for x in inner)):
            return True
    return False
