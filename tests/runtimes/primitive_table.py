"""One table of primitives: each row applies one to small inputs.

`Row(name, build, inputs, wrt)`: `build(*tensors)` makes the node, `inputs` are NumPy arrays (float64,
ints or bools), `wrt` the places of those to differentiate by (all float inputs if None, () for none).
"""

from dataclasses import dataclass, field

import numpy as np

from keras import backend as K
from keras.graph import ops
from keras.graph.ops import control, elementwise, reduction
from keras.graph.tensor import Constant

R = np.random.RandomState(7)


@dataclass
class Row:
    name: str
    build: object
    inputs: list
    wrt: tuple | None = None
    label: str = ""
    places: tuple = field(init=False)

    def __post_init__(self):
        floats = [i for i, x in enumerate(self.inputs) if x.dtype == np.float64]
        self.places = tuple(floats) if self.wrt is None else self.wrt

    @property
    def id(self):
        return f"{self.name}-{self.label}" if self.label else self.name


def away(*shape):
    """Numbers away from 0 and from whole numbers, where some functions have corners."""
    x = R.uniform(0.15, 0.85, shape) + R.randint(-3, 3, shape)
    return x


def positive(*shape):
    return R.uniform(0.3, 2.5, shape)


def distinct(*shape):
    """Numbers no two of which are close: no ties for maxima."""
    n = int(np.prod(shape))
    return (R.permutation(n) * 0.37 - n * 0.17).reshape(shape)


def vector(*sizes):
    return ops.shape_vector(sizes)


def _unary():
    anywhere = ("negative absolute square identity sign floor ceil round relu exp expm1 sin cos tanh sigmoid softplus "
                "erf").split()  # fmt: skip
    rows = [Row(n, getattr(elementwise, n if n != "round" else "round_"), [away(2, 3)]) for n in anywhere]
    rows += [Row(n, getattr(elementwise, n), [positive(2, 3)]) for n in ("sqrt", "log", "log1p")]
    rows += [
        Row("erf_inv", elementwise.erf_inv, [R.uniform(-0.9, 0.9, (2, 3))]),
        Row("stop_gradient", elementwise.stop_gradient, [away(2, 3)], ()),
        Row("logical_not", elementwise.logical_not, [R.rand(4) > 0.5]),
        Row("cast", lambda x: elementwise.cast(x, dtype="int32"), [away(2, 3)], ()),
        Row("cast", lambda x: elementwise.cast(x, dtype="bool"), [np.array([0.0, 0.5, -2.0])], (), "bool"),
        Row("cast", lambda x: elementwise.cast(x, dtype="float64"), [R.randint(5, size=3)], (), "to_float"),
        Row("cast", lambda x: elementwise.cast(x, dtype="float64"), [away(3)], None, "same"),
        Row("print_tensor", lambda x: control.print_tensor(x, message=""), [away(1)], ()),
    ]
    for name in ("sign", "floor", "ceil", "round"):
        next(r for r in rows if r.name == name).places = ()
    return rows


def _binary():
    pairs = [(away(2, 3), away(2, 3)), (away(2, 1, 3), away(4, 1)), (away(3), away(1))]
    rows = []
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum"):
        rows += [Row(name, getattr(elementwise, name), list(p), None, str(i)) for i, p in enumerate(pairs)]
    rows += [
        Row("power", elementwise.power, [positive(2, 3), away(2, 3)]),
        Row("power", lambda x: elementwise.power(x, 3.0), [away(2, 3)], None, "cube"),
        Row("power", lambda x: elementwise.power(x, 0.5), [positive(2, 3)], None, "root"),
        Row("power", lambda x: elementwise.power(x, -0.5), [positive(2, 3)], None, "inverse_root"),
        Row("mod", elementwise.mod, [away(2, 3), positive(2, 3)], (0,)),
        Row("floor_divide", elementwise.floor_divide, [away(2, 3), positive(2, 3)], ()),
        Row("divide", elementwise.divide, [R.randint(1, 9, 3), R.randint(1, 9, 3)], (), "ints"),
        Row("where", elementwise.where, [R.rand(2, 3) > 0.5, away(2, 3), away(3)]),
        Row("part", lambda x: control.part(x, x[:2], index=0, devices=(0, 1)), [away(4, 3)]),
        Row("switch", control.switch, [np.array(True), away(2, 3), away(2, 3)]),
        Row("clip", elementwise.clip, [away(3, 4), np.array(-1.1), np.array(1.3)], (0,)),
    ]
    small = [R.randint(3, size=(3, 4)), R.randint(3, size=4)]
    for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or"):
        rows.append(Row(name, getattr(elementwise, name), small, ()))
    return rows


def _reductions():
    rows = []
    for name in ("reduce_sum", "reduce_mean", "reduce_prod", "reduce_max", "reduce_min", "logsumexp"):
        primitive = getattr(reduction, name)
        for axes in ((0,), (1, 2), (0, 1, 2)):
            for keep in (False, True):
                build = lambda x, p=primitive, a=axes, k=keep: p(x, axes=a, keepdims=k)  # noqa: E731
                rows.append(Row(name, build, [distinct(2, 3, 2) / 3 + 0.1], None, f"{axes}{keep}"))
    for name in ("reduce_any", "reduce_all"):
        primitive = getattr(reduction, name)
        rows.append(Row(name, lambda x, p=primitive: p(x, axes=(1,)), [R.rand(3, 4) > 0.3]))
    for name in ("argmax", "argmin"):
        primitive = getattr(reduction, name)
        rows.append(Row(name, lambda x, p=primitive: p(x, axis=1), [distinct(3, 4)], ()))
    for name in ("cumsum", "cumprod", "softmax", "log_softmax"):
        primitive = getattr(reduction, name)
        for axis in (0, 1):
            build = lambda x, p=primitive, a=axis: p(x, axis=a)  # noqa: E731
            rows.append(Row(name, build, [away(3, 4)], None, str(axis)))
    rows.append(Row("in_top_k", lambda p, t: reduction.in_top_k(p, t, k=2), [distinct(4, 3), R.randint(3, size=4)], ()))
    rows.append(Row("top_k", lambda x: reduction.top_k(x, Constant(3)), [np.array([[1.0, 5, 2, 5], [4, 3, 2, 1]])], ()))
    rows.append(Row("reduce_sum", lambda x: reduction.reduce_sum(x, axes=(0,)), [R.rand(4) > 0.5], (), "bools"))
    return rows


def _normalization():
    """Each result of the batch normalization, over several choices of axes, with weights and without."""
    cases = [
        ((4, 3), (0,), (3,)), ((2, 3, 2, 3), (0, 1, 2), (3,)), ((3, 2, 4), (0, 2), (2,)), ((5, 2, 3), (0,), (2, 3))
    ]  # fmt: skip
    rows = []
    for number, (shape, axes, weights) in enumerate(cases):
        x = distinct(*shape) / 3 + 0.1
        for place, result in enumerate(("normed", "mean", "variance")):
            build = lambda x, *w, a=axes, p=place: reduction.batch_normalization_training(  # noqa: E731
                x, *(w or (1.0, 0.0)), axes=a, epsilon=0.01
            )[p]
            given = [x, positive(*weights), away(*weights)] if not place else [x]
            rows.append(Row("batch_normalization_training", build, given, None, f"{result}{number}"))
    return rows


def _products():
    def dot(x, y, contract, batch=((), ())):
        return Row(
            "dot_general", lambda a, b: ops.dot_general(a, b, contract=contract, batch=batch), [away(*x), away(*y)],
            None, f"{contract}{batch}",
        )  # fmt: skip

    rows = [
        dot((2, 3), (3, 4), ((1,), (0,))),
        dot((2, 3, 4), (4, 2), ((2,), (0,))),
        dot((2, 3, 4), (2, 4, 5), ((2,), (1,)), ((0,), (0,))),
        dot((2, 3, 4), (4, 3), ((1, 2), (1, 0))),
    ]
    cases = [
        ((2, 7, 2), (3, 2, 3), (2,), "valid", (1,), True, 1),
        ((2, 7, 2), (3, 2, 3), (2,), "same", (1,), True, 1),
        ((1, 6, 5, 2), (3, 2, 2, 3), (1, 1), "valid", (1, 1), True, 1),
        ((1, 6, 5, 2), (2, 3, 2, 3), (2, 1), "same", (1, 1), True, 1),
        ((1, 7, 7, 2), (3, 3, 2, 2), (1, 1), "same", (2, 2), True, 1),
        ((1, 2, 6, 5), (3, 2, 2, 3), (2, 2), "valid", (1, 1), False, 1),
        ((1, 5, 5, 4), (3, 3, 1, 8), (1, 1), "same", (1, 1), True, 4),
        ((1, 5, 5, 3), (1, 1, 3, 4), (2, 2), "valid", (1, 1), True, 1),
        ((1, 4, 4, 3, 2), (2, 2, 2, 2, 2), (1, 1, 1), "valid", (1, 1, 1), True, 1),
    ]
    for i, (x, k, strides, padding, dilation, last, groups) in enumerate(cases):
        build = lambda a, b, s=strides, p=padding, d=dilation, c=last, g=groups: ops.conv(  # noqa: E731
            a, b, strides=s, padding=p, dilation=d, channels_last=c, groups=g
        )
        rows.append(Row("conv", build, [away(*x), away(*k)], None, str(i)))
    spread = [
        ((1, 3, 3, 2), (3, 3, 3, 2), (6, 6), (2, 2), "same", True),
        ((1, 3, 3, 2), (3, 3, 3, 2), (7, 7), (2, 2), "valid", True),
        ((1, 2, 3, 4), (2, 3, 3, 2), (4, 6), (1, 1), "valid", False),
    ]  # fmt: skip
    for i, (x, k, size, strides, padding, last) in enumerate(spread):
        build = lambda a, b, n=size, s=strides, p=padding, c=last: ops.conv_transpose(  # noqa: E731
            a, b, vector(*n), strides=s, padding=p, dilation=(1, 1), channels_last=c
        )
        rows.append(Row("conv_transpose", build, [away(*x), away(*k)], None, str(i)))
    pools = [
        ((1, 6, 6, 2), (2, 2), (2, 2), "valid", True), ((1, 7, 5, 2), (2, 2), (2, 2), "valid", True),
        ((1, 7, 5, 2), (3, 2), (2, 1), "same", True), ((1, 2, 6, 5), (2, 3), (2, 2), "valid", False),
        ((1, 4, 4, 4, 1), (2, 2, 2), (2, 2, 2), "valid", True),
    ]  # fmt: skip
    for mode in ("max", "avg"):
        for i, (x, window, strides, padding, last) in enumerate(pools):
            build = lambda a, w=window, s=strides, p=padding, m=mode, c=last: ops.pool(  # noqa: E731
                a, window=w, strides=s, padding=p, mode=m, channels_last=c
            )
            rows.append(Row("pool", build, [distinct(*x)], None, f"{mode}{i}"))
    return rows


def _shaping():
    x = away(2, 3, 4)
    keys = {
        "int": (1,), "negative": (-1, slice(None, -1)), "steps": (slice(None), slice(None, None, -1), slice(0, 4, 2)),
        "new": (None, slice(1, None), None), "ellipsis": (Ellipsis, 2), "list": (slice(None), [2, 0]),
    }  # fmt: skip
    rows = [Row("index", lambda t, k=key: t[k], [x], None, label) for label, key in keys.items()]
    rows += [
        Row("index", lambda t, i: t[:, i], [x, np.array(2)], None, "tensor"),
        Row("shape", ops.shape, [x], ()),
        Row("reshape", lambda t: ops.reshape(t, vector(4, -1)), [x]),
        Row("reshape", lambda t: ops.reshape(t, ops.shape_vector((ops.shape(t)[0], -1))), [x], None, "symbolic"),
        Row("transpose", lambda t: ops.transpose(t, permutation=(2, 0, 1)), [x]),
        Row("expand_dims", lambda t: ops.expand_dims(t, axis=1), [x]),
        Row("squeeze", lambda t: ops.squeeze(t, axes=(0, 2)), [away(1, 3, 1)]),
        Row("broadcast_to", lambda t: ops.broadcast_to(t, vector(2, 3, 4)), [away(3, 1)]),
        Row("split", lambda x: ops.split(x, sizes=(2, 1, 3), axis=1)[2], [away(2, 6)]),
        Row("concatenate", lambda a, b: ops.concatenate(a, b, axis=1), [away(2, 3), away(2, 1)]),
        Row("pad", lambda t: ops.pad(t, pads=((1, 0), (0, 2)), value=0.5), [away(2, 3)]),
        Row("tile", lambda t: ops.tile(t, vector(2, 3)), [away(2, 3)]),
        Row("repeat", lambda t: ops.repeat(t, count=3, axis=1), [away(2, 3)]),
        Row("flip", lambda t: ops.flip(t, axes=(0, 2)), [x]),
        Row("gather", lambda t, i: ops.gather(t, i, axis=1), [x, np.array([[0, 2], [2, 1]])]),
        Row("one_hot", lambda i: ops.one_hot(i, classes=4, dtype="float64"), [np.array([[0, 3], [5, 1]])], ()),
        Row("arange", lambda: ops.arange(Constant(2), Constant(9), Constant(3), dtype="int32"), [], ()),
        Row("random_uniform", lambda: ops.random_uniform(vector(3, 4), seed=5, dtype="float64"), [], ()),
        Row("random_uniform", lambda: ops.random_uniform(vector(50), seed=6, dtype="float32"), [], (), "float32"),
    ]
    return rows


def _control():
    def loop(sequence, state, weights):
        def step(items, states):
            new = elementwise.tanh(items[0] + states[0] @ weights)
            return [new * 2.0], [new]

        outputs, last = ops.scan(step, [sequence], [state])
        return ops.concatenate(outputs[0], ops.expand_dims(last[0], axis=0), axis=0)

    def backwards(sequence, state):
        outputs, _ = ops.scan(lambda i, s: ([i[0] * s[0]], [s[0] * 0.5 + i[0]]), [sequence], [state], reverse=True)
        return outputs[0]

    def choice(x):
        then, otherwise = (lambda: [x * 3.0]), (lambda: [elementwise.exp(x)])
        return ops.conditional(reduction.reduce_sum(x, axes=(0,)) > 0.0, then, otherwise)[0]

    def second(x):
        (first,) = ops.gradients([elementwise.tanh(x) * elementwise.square(x)], [x])
        return first

    def mixed(x, y):
        return K.native(lambda a, b: (a * b, a + b))(x, y)[0]

    return [
        Row("native", K.native(lambda x, y: x * y + x), [away(2, 3), away(3)]),
        Row("native", mixed, [away(2, 3), away(2, 3)], None, "several"),
        Row("scan", loop, [away(3, 2, 4), away(2, 4), away(4, 4) / 4]),
        Row("scan", backwards, [away(3, 2), away(2)], None, "reverse"),
        Row("cond", choice, [np.array([1.0, 2.0])], None, "then"),
        Row("cond", choice, [np.array([-1.0, -2.0])], None, "otherwise"),
        Row("gradients", second, [away(3)]),
    ]


def _updates():
    return [
        Row("updated", lambda: control.updated(variables=()), [], ()),
        Row("after", lambda x: control.after(x, control.updated(variables=())), [away(4, 3)]),
    ]


# New rows at the end: `tests/differential` holds numbers of these inputs, which are drawn in this order.
ROWS = [
    *_unary(), *_binary(), *_reductions(), *_products(), *_shaping(), *_control(), *_normalization(), *_updates(),
    Row("leaky_relu", lambda x: elementwise.leaky_relu(x, slope=0.3), [away(2, 3)]),
]  # fmt: skip
