"""Operations of TensorFlow that tf.keras stored as layers, such as `x / 127.5` between two layers, said in K.

tf.keras from 2.4 on writes TFOpLambda (and SlicingOpLambda for `x[:, 1]`) with the function's name, and its
arguments in the node: numbers, and tensors as ["dense", 0, 0]. tf.keras 2.0 to 2.3 wrote TensorFlowOpLayer with the
operation of TensorFlow's graph, and its constants by their places. Here each becomes a `TensorOp`.
"""

import base64

from ... import backend as K
from .refusal import Untranslatable

LAYERS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer")


# ------------------------------------------------------------------------------------------ from nodes


def as_tensor_op(layer):
    """A layer of one of these kinds, {"class_name", "config", "name", "inbound_nodes"}, as a TensorOp."""
    if layer["class_name"] == "TensorFlowOpLayer":
        return _from_graph(layer)
    function = _known(FUNCTIONS, layer["config"].get("function"))
    nodes = [_Call(node) for node in layer["inbound_nodes"]]
    config = {key: layer["config"][key] for key in ("name", "trainable", "dtype") if key in layer["config"]}
    config["operations"] = lambda *tensors: nodes[0].apply(function, tensors)
    return {**layer, "class_name": "TensorOp", "config": config, "inbound_nodes": [node.inputs for node in nodes]}


def _known(functions, name):
    if name not in functions:
        raise Untranslatable(
            f"the operation tf.{name} between its layers has no equal here: in tf.keras, put it into a Lambda layer"
            " before saving, and hand the function in when loading"
        )
    return functions[name]


def _from_graph(layer):
    """A TensorFlowOpLayer: {"node_def": {"op", "attr"}, "constants": {"1": 127.5}}."""
    described = layer["config"]["node_def"]
    function = _known(GRAPH_OPERATIONS, described["op"] if isinstance(described, dict) else "raw_ops")
    constants = {int(place): value for place, value in (layer["config"].get("constants") or {}).items()}
    attributes = {name: next(iter(value.values())) for name, value in described.get("attr", {}).items() if value}

    def operations(*tensors):
        rest = iter(tensors)
        places = range(len(tensors) + len(constants))
        return function(attributes, *(constants[place] if place in constants else next(rest) for place in places))

    return {**layer, "class_name": "TensorOp", "config": {"name": layer["name"], "operations": operations}}


class _Place(int):
    """Stands for one of the tensors in the arguments of a call."""


class _Call:
    """The arguments of a call, and the coordinates of the tensors among them (`inputs`)."""

    def __init__(self, node):
        self.inputs = []
        single = isinstance(node[0], str)
        items = [node] if single else node
        first = [self._first(item) for item in items]
        self._arguments = first[0] if single else first, self._taken(items[0][3] if len(items[0]) > 3 else {})

    def _first(self, item):
        name, _, value = item[:3]
        return value if name == "_CONSTANT_VALUE" else self._taken(list(item[:3]))

    def _taken(self, value):
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str) and value[0] != "_CONSTANT_VALUE":
            self.inputs.append([*value, {}])
            return _Place(len(self.inputs) - 1)
        if isinstance(value, list):
            return [self._taken(item) for item in value]
        if isinstance(value, dict):
            return {name: self._taken(item) for name, item in value.items()}
        return value

    def apply(self, function, tensors):
        def filled(value):
            if isinstance(value, _Place):
                return tensors[value]
            if isinstance(value, list):
                return [filled(item) for item in value]
            return {name: filled(item) for name, item in value.items()} if isinstance(value, dict) else value

        first, options = (filled(value) for value in self._arguments)
        options.pop("name", None)
        return function(first, **options)


# ------------------------------------------------------------------------------------------ the functions


def _tensor(value):
    return value if K.is_tensor(value) else K.constant(value)


def _reduction(function):
    return lambda input_tensor, axis=None, keepdims=False: function(_tensor(input_tensor), axis, keepdims)


def _bias_add(value, bias, data_format=None):
    first = data_format is not None and data_format.startswith("NC")
    return K.bias_add(value, _tensor(bias), "channels_first" if first else "channels_last")


def _l2_normalize(x, axis=None, epsilon=1e-12):
    return x / K.sqrt(K.maximum(K.sum(K.square(x), axis, keepdims=True), epsilon))


def _leaky_relu(features, alpha=0.2):
    return K.relu(features, alpha)


def _silu(features, beta=1.0):
    return features * K.sigmoid(beta * features)


def _matmul(a, b, transpose_a=False, transpose_b=False):
    def turned(x, turn):
        axes = list(range(K.ndim(x)))
        return K.permute_dimensions(x, axes[:-2] + [axes[-1], axes[-2]]) if turn else x

    return turned(_tensor(a), transpose_a) @ turned(_tensor(b), transpose_b)


def _squeeze(input, axis=None):
    axes = sorted((a % K.ndim(input) for a in (axis if isinstance(axis, list) else [axis])), reverse=True)
    for one in axes:
        input = K.squeeze(input, one)
    return input


def _transpose(a, perm=None, conjugate=False):
    return K.permute_dimensions(a, perm if perm is not None else list(range(K.ndim(a)))[::-1])


def _getitem(tensor, slice_spec):
    return tensor[tuple(_index(part) for part in slice_spec)]


def _index(part):
    if not isinstance(part, dict):
        return part
    return Ellipsis if part.get("class_name") == "__ellipsis__" else slice(part["start"], part["stop"], part["step"])


FUNCTIONS = {
    "__operators__.add": lambda x, y: x + y,
    "__operators__.getitem": _getitem,
    "cast": lambda x, dtype: K.cast(_tensor(x), dtype),
    "clip_by_value": lambda t, clip_value_min, clip_value_max: K.clip(t, clip_value_min, clip_value_max),
    "compat.v1.squeeze": _squeeze,
    "compat.v1.transpose": _transpose,
    "concat": lambda values, axis: K.concatenate([_tensor(x) for x in values], axis),
    "expand_dims": K.expand_dims,
    "identity": K.identity,
    "linalg.matmul": _matmul,
    "math.abs": K.abs,
    "math.add": lambda x, y: x + y,
    "math.cos": K.cos,
    "math.divide": lambda x, y: x / y,
    "math.exp": K.exp,
    "math.l2_normalize": _l2_normalize,
    "math.log": K.log,
    "math.maximum": K.maximum,
    "math.minimum": K.minimum,
    "math.multiply": lambda x, y: x * y,
    "math.negative": lambda x: -x,
    "math.pow": lambda x, y: x**y,
    "math.reduce_max": _reduction(K.max),
    "math.reduce_mean": _reduction(K.mean),
    "math.reduce_min": _reduction(K.min),
    "math.reduce_prod": _reduction(K.prod),
    "math.reduce_std": _reduction(K.std),
    "math.reduce_sum": _reduction(K.sum),
    "math.reduce_variance": _reduction(K.var),
    "math.rsqrt": lambda x: 1 / K.sqrt(x),
    "math.sigmoid": K.sigmoid,
    "math.sign": K.sign,
    "math.sin": K.sin,
    "math.softplus": K.softplus,
    "math.sqrt": K.sqrt,
    "math.square": K.square,
    "math.squared_difference": lambda x, y: K.square(x - y),
    "math.subtract": lambda x, y: x - y,
    "math.tanh": K.tanh,
    "math.truediv": lambda x, y: x / y,
    "nn.bias_add": _bias_add,
    "nn.elu": K.elu,
    "nn.leaky_relu": _leaky_relu,
    "nn.relu": K.relu,
    "nn.relu6": lambda features: K.relu(features, max_value=6.0),
    "nn.sigmoid": K.sigmoid,
    "nn.silu": _silu,
    "nn.softmax": K.softmax,
    "nn.softplus": K.softplus,
    "nn.softsign": K.softsign,
    "nn.tanh": K.tanh,
    "reshape": K.reshape,
    "squeeze": _squeeze,
    "stack": lambda values, axis=0: K.stack([_tensor(x) for x in values], axis),
    "tile": lambda input, multiples: K.tile(input, multiples),
    "transpose": _transpose,
}
FUNCTIONS.update({"nn.l2_normalize": _l2_normalize, "nn.swish": _silu})


# ------------------------------------------------------------------------------------------ graph operations


def _elementwise(name):
    return lambda attributes, *arguments: FUNCTIONS[name](*arguments)


def _reduced(name):
    return lambda attributes, x, axis: FUNCTIONS[name](x, axis, keepdims=bool(attributes.get("keep_dims")))


def _biased(attributes, x, bias):
    """The order of axes stands there as bytes do in JSON."""
    order = base64.b64decode(attributes.get("data_format", "")).decode() or "NHWC"
    return _bias_add(x, bias, order)


# By the name of the operation in TensorFlow's graph: (attributes, *arguments) -> tensor.
GRAPH_OPERATIONS = {
    **{name.capitalize(): _elementwise(f"math.{name}") for name in (
        "abs cos exp log maximum minimum pow rsqrt sigmoid sign sin softplus sqrt square tanh"
    ).split()},
    **{name.capitalize(): _elementwise(f"nn.{name}") for name in "elu relu relu6 softmax softsign".split()},
    **{name.capitalize(): _reduced(f"math.reduce_{name}") for name in "max mean min prod sum".split()},
    "Add": _elementwise("math.add"),
    "AddV2": _elementwise("math.add"),
    "BiasAdd": _biased,
    "ConcatV2": lambda attributes, *values: FUNCTIONS["concat"](values[:-1], values[-1]),
    "ExpandDims": _elementwise("expand_dims"),
    "Mul": _elementwise("math.multiply"),
    "Neg": _elementwise("math.negative"),
    "RealDiv": _elementwise("math.truediv"),
    "Reshape": _elementwise("reshape"),
    "SquaredDifference": _elementwise("math.squared_difference"),
    "Sub": _elementwise("math.subtract"),
    "Transpose": _elementwise("transpose"),
}  # fmt: skip
