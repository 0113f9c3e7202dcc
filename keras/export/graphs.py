"""ONNX graphs in the making: values, nodes, constants, names.

A `Value` may be stored with its axes in another order than the program sees. Convolutions are channels-first in ONNX
and mostly channels-last in Keras: what a convolution gives stays as it is, with a note of the order, and goes on like
that through everything elementwise into the next convolution. A Transpose appears only where something needs the
program's own order (`Graph.plain`).
"""

from typing import NamedTuple

import numpy as np
from onnx import helper, numpy_helper

from ..graph import dtypes
from ..graph.tensor import Constant, Tensor

LAST = np.iinfo(np.int64).max  # "to the end", for Slice


class NotInONNX(ValueError):
    """ONNX has no words for something that a model does; `primitive` names the operation, where it is known."""

    primitive = ""


class Stored(NamedTuple):
    """What a node gives: taking the axes of the ONNX value `name` in this order gives the tensor (None: as it is)."""

    name: str
    order: tuple | None = None


class Made(NamedTuple):
    """How a value was computed."""

    primitive: str
    inputs: tuple
    attributes: dict


class Value:
    """One value of a program, written down in a graph.

    Attributes:
        tensor: a symbolic tensor with the shape and dtype, as far as known.
        stored: the ONNX value and its order of axes; None for a constant that nothing has asked for yet.
        host: the numbers, where they are known when the model is exported.
        label: the weight's name, if the value is a weight.
        graph: the graph in which it is computed (a loop's body is a graph of its own).
        forms: other forms of the value made so far, so that each is made once.
        made: how it was computed: primitive, inputs (values), attributes; None for what is not computed.
        uses: how many instructions and results read it.
    """

    __slots__ = ("tensor", "stored", "host", "label", "graph", "forms", "made", "uses")

    def __init__(self, graph, tensor, stored=None, host=None, label=""):
        self.graph = graph
        self.tensor = tensor
        self.stored = stored
        self.host = host
        self.label = label
        self.forms = {}
        self.made = None
        self.uses = 1

    @property
    def dtype(self):
        return self.tensor.dtype

    @property
    def shape(self):
        return self.tensor.shape

    @property
    def ndim(self):
        return self.tensor.ndim

    @property
    def order(self):
        return self.stored.order if self.stored else None


class Names:
    """Names that are given once each."""

    def __init__(self):
        self._taken = set()

    def unique(self, wanted):
        name, number = wanted, 1
        while name in self._taken:
            name, number = f"{wanted}_{number}", number + 1
        self._taken.add(name)
        return name


class Graph:
    """Nodes in the making: the model's own graph, or the body of a loop or branch, which has a `parent`."""

    def __init__(self, opset, parent=None):
        self.opset = opset
        self.nodes = []
        self.names = parent.names if parent else Names()
        self.initializers = parent.initializers if parent else []
        self.labels = parent.labels if parent else {}  # constant -> the weight that it is, in one form or other
        self._known = parent._known if parent else {}
        self._home = parent._home if parent else self

    # Nodes and constants.

    def node(self, kind, *inputs, count=1, **attributes):
        """Adds a node; gives the name of its output, or a list of several."""
        outputs = [self.names.unique(f"{kind.lower()}:{n}" if n else kind.lower()) for n in range(count)]
        self.nodes.append(helper.make_node(kind, inputs, outputs, self.names.unique(f"{kind}"), **attributes))
        return outputs[0] if count == 1 else outputs

    def constant(self, array, label=""):
        """The name of a constant. Weights are called by their names, small other constants shared."""
        array = np.asarray(array)
        key = None if label or array.size > 64 else (array.dtype.str, array.shape, array.tobytes())
        if key in self._known:
            return self._known[key]
        name = self.names.unique(label or "constant")
        if label:
            self.labels[name] = label
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name))
        if key is not None:
            self._known[key] = name
        return name

    def ints(self, numbers):
        """A constant vector (or number) of 64-bit integers, as ONNX wants sizes, axes and places."""
        return self.constant(np.asarray(numbers, np.int64))

    def known(self, array, dtype=None):
        """A value of some numbers."""
        tensor = Constant(array, dtype)
        return Value(self._home, tensor, host=tensor.value)

    # Forms of values.

    def plain(self, value):
        """The name of the value with its axes in the program's order."""
        return self.laid(value, None, value.ndim)

    def laid(self, value, order, rank):
        """The name of the value, made to have `rank` axes, stored so that taking its axes in `order` gives it."""
        if value.stored and value.stored.order == order and value.ndim == rank:
            return value.stored.name
        key = (order, rank)
        if key not in value.forms:
            value.forms[key] = value.graph._lay(value, order, rank)
        return value.forms[key]

    def _lay(self, value, order, rank):
        if value.host is not None:
            array = value.host.reshape((1,) * (rank - value.ndim) + value.host.shape)
            return self.constant(array if order is None else array.transpose(inverse(order)), value.label)
        name, own = value.stored
        if value.ndim < rank:
            name = self.node("Unsqueeze", self.plain(value), self.ints(range(rank - value.ndim)))
            own = None
        permutation = compose(own or tuple(range(rank)), inverse(order) if order else None)
        return self.transposed(name, permutation)

    def transposed(self, name, permutation):
        if permutation == tuple(range(len(permutation))):
            return name
        return self.node("Transpose", name, perm=permutation)

    def cast(self, value, dtype):
        """The value as another dtype."""
        if value.dtype == dtype:
            return value
        if dtype not in value.forms:
            value.forms[dtype] = value.graph._cast(value, dtype)
        return value.forms[dtype]

    def _cast(self, value, dtype):
        if value.host is not None:
            tensor = Constant(np.asarray(value.host, dtypes.to_numpy(dtype)), dtype)
            return Value(self, tensor, host=tensor.value, label=value.label)
        name, order = value.stored
        return Value(self, Tensor(value.shape, dtype), Stored(self.cast_name(name, dtype), order))

    def cast_name(self, name, dtype):
        return self.node("Cast", name, to=onnx_type(dtype))

    def as_sizes(self, value):
        """The name of a shape vector (or a number) as 64-bit integers."""
        if value.made and value.made.primitive == "shape":
            return self.shape(*value.made.inputs)
        return self.plain(self.cast(value, "int64"))

    def shape(self, value):
        """The name of the value's shape, as 64-bit integers."""
        if "shape" not in value.forms:
            graph = value.graph
            name, order = value.stored or Stored(graph.plain(value))
            name = graph.node("Shape", name)
            value.forms["shape"] = graph.node("Gather", name, graph.ints(order)) if order else name
        return value.forms["shape"]

    # Reductions changed how they take their axes with opset 18, ReduceSum with opset 13.

    def reduce(self, kind, name, axes, keepdims):
        if self.opset < 18 and kind != "ReduceSum":
            return self.node(kind, name, axes=axes, keepdims=int(keepdims))
        return self.node(kind, name, self.ints(axes), keepdims=int(keepdims))

    def as_proto(self, name, inputs, outputs, initializers=()):
        """The graph as ONNX holds it, without nodes that nobody reads."""
        nodes = swept(self.nodes, {output.name for output in outputs})
        return helper.make_graph(nodes, name, inputs, outputs, initializers)


def onnx_type(dtype):
    return helper.np_dtype_to_tensor_dtype(dtypes.to_numpy(dtype))


def value_info(name, dtype, shape=None):
    """How ONNX describes an input or output; `shape` holds numbers, names or None."""
    return helper.make_tensor_value_info(name, onnx_type(dtype), shape)


def inverse(order):
    return tuple(int(i) for i in np.argsort(order))


def compose(order, permutation):
    """The order that comes of taking axes in `order` and then by `permutation`."""
    return tuple(order) if permutation is None else tuple(order[p] for p in permutation)


def settled(name, order):
    """`Stored`, with no order where it changes nothing."""
    return Stored(name, None if order is None or tuple(order) == tuple(range(len(order))) else tuple(order))


def swept(nodes, wanted):
    """The nodes of which something is read in the end, and the names that they read (added to `wanted`)."""
    kept = []
    for node in reversed(nodes):
        if any(name in wanted for name in node.output):
            wanted.update(_reads(node))
            kept.append(node)
    return kept[::-1]


def _reads(node):
    """The names that a node or the bodies within it read."""
    names = set(node.input)
    for attribute in node.attribute:
        for inner in attribute.g.node:
            names |= _reads(inner)
        names.update(output.name for output in attribute.g.output)
    return names
