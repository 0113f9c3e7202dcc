"""K's functions on small inputs, each beside what it must give, in NumPy.

`Case(name, call, inputs, expected)`: `call(*tensors)` makes the tensor, `inputs` are NumPy arrays
(floats as float64), `expected` is an array, or a function of the inputs.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special

from keras import backend as K

R = np.random.RandomState(11)


@dataclass(eq=False)
class Case:
    name: str
    call: object
    inputs: list
    expected: object
    label: str = ""

    @property
    def id(self):
        return f"{self.name}-{self.label}" if self.label else self.name

    @property
    def wanted(self):
        return np.asarray(self.expected(*self.inputs) if callable(self.expected) else self.expected)


def normal(*shape):
    return R.normal(size=shape)


def some(*shape, high=4):
    return R.randint(high, size=shape).astype("int32")


def _elementwise():
    x, y, wide = normal(2, 3), normal(2, 3), normal(3, 4) * 4
    plain = {
        "abs": np.abs, "square": np.square, "exp": np.exp, "round": np.round, "sign": np.sign, "sin": np.sin,
        "cos": np.cos, "tanh": np.tanh, "identity": lambda v: v, "stop_gradient": lambda v: v,
        "softplus": lambda v: np.log1p(np.exp(v)), "softsign": lambda v: v / (1 + np.abs(v)), "sigmoid": special.expit,
        "hard_sigmoid": lambda v: np.clip(0.2 * v + 0.5, 0, 1), "elu": lambda v: np.where(v > 0, v, np.exp(v) - 1),
        "relu": lambda v: np.maximum(v, 0), "softmax": lambda v: special.softmax(v, -1),
        "zeros_like": np.zeros_like, "ones_like": np.ones_like,
    }  # fmt: skip
    cases = [Case(n, getattr(K, n), [wide], f) for n, f in plain.items()]
    cases += [
        Case("round", K.round, [np.array([0.5, 1.5, -0.5, 2.5])], np.array([0, 2, 0, 2.0]), "halves to even"),
        Case("log", K.log, [np.abs(x)], np.log),
        Case("sqrt", K.sqrt, [np.array([4.0, -4.0, 0.0])], np.array([2.0, 0, 0]), "negative"),
        Case("softplus", K.softplus, [np.array([800.0, -800])], np.array([800.0, 0]), "far"),
        Case("sigmoid", K.sigmoid, [np.array([800.0, -800])], np.array([1.0, 0]), "far"),
        Case("elu", lambda v: K.elu(v, 0.3), [wide], lambda v: np.where(v > 0, v, 0.3 * (np.exp(v) - 1)), "alpha"),
        Case("softmax", lambda v: K.softmax(v, axis=0), [wide], lambda v: special.softmax(v, 0), "axis"),
        Case("pow", lambda v: K.pow(v, 3), [x], lambda v: v**3),
        Case("clip", lambda v: K.clip(v, -0.5, 1), [wide], lambda v: np.clip(v, -0.5, 1)),
        Case("clip", lambda v: K.clip(v, None, 1), [wide], lambda v: np.minimum(v, 1), "above only"),
        Case("clip", lambda v: K.clip(v, 1, -1), [wide], lambda v: np.ones_like(v), "limits crossed"),
        Case("clip", K.clip, [wide, np.full(4, -0.5), np.array([0.5, 1, 2, 3])], np.clip, "tensors"),
        Case("clip", lambda v: K.clip(v, np.zeros(4), 1.5), [wide], lambda v: np.clip(v, 0, 1.5), "array"),
        Case("clip", lambda v: K.clip(v, 1, 2), [some(5)], lambda v: np.clip(v, 1, 2), "ints"),
        Case("cast", lambda v: K.cast(v, "int32"), [wide], lambda v: v.astype("int32")),
        Case("cast", lambda v: K.cast(v, "bool"), [some(5)], lambda v: v != 0, "bool"),
        Case("cast", lambda v: K.cast(v > 0, "float64"), [wide], lambda v: (v > 0) * 1.0, "from bool"),
        Case("zeros_like", lambda v: K.zeros_like(v, "int32"), [x], np.zeros((2, 3), "int32"), "dtype"),
    ]
    pairs = {
        "maximum": np.maximum, "minimum": np.minimum, "equal": np.equal, "not_equal": np.not_equal,
        "greater": np.greater, "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal,
    }  # fmt: skip
    for name, numpy in pairs.items():
        cases.append(Case(name, getattr(K, name), [x, y], numpy))
        cases.append(Case(name, lambda v, n=name: getattr(K, n)(v, 1), [some(2, 3)], lambda v, f=numpy: f(v, 1), "num"))
    operators = {
        "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b,
        "//": lambda a, b: a // b, "%": lambda a, b: a % b, "**": lambda a, b: abs(a) ** b, "@": lambda a, b: a @ b.T
        if isinstance(a, np.ndarray) else a @ K.transpose(b), "reflected": lambda a, b: 2 - 1 / (3 * a) + 2.0**b,
        "compare": lambda a, b: (a < b) | ~(a > 0) & (b >= 0), "negative": lambda a, b: -a,
    }  # fmt: skip
    cases += [Case("operator", f, [x, y], f, name) for name, f in operators.items()]
    for alpha in (0.0, 0.25):
        for ceiling in (None, 2.0):
            for threshold in (0.0, 1.5, -0.5)[: 3 if ceiling is None else 2]:  # a ceiling brings a floor of 0
                how = dict(alpha=alpha, max_value=ceiling, threshold=threshold)
                call = lambda v, how=how: K.relu(v, **how)  # noqa: E731
                cases.append(Case("relu", call, [wide], lambda v, how=how: _relu(v, **how), str(how)))
    return cases


def _relu(v, alpha, max_value, threshold):
    kept = v if max_value is None else np.minimum(v, max_value)
    return np.where(v > threshold, kept, alpha * (v - threshold))


def _reductions():
    x, bits = normal(2, 3, 4), R.rand(2, 3, 4) > 0.4
    numbers = {
        "sum": np.sum, "prod": np.prod, "mean": np.mean, "max": np.max, "min": np.min, "var": np.var, "std": np.std,
        "logsumexp": special.logsumexp,
    }  # fmt: skip
    cases = []
    for name, numpy in (numbers | {"any": np.any, "all": np.all}).items():
        data = bits if name in ("any", "all") else x
        for axis, keep in ((None, False), (None, True), (-1, False), (0, True), ([0, 2], False), ((1, -1), True)):
            call = lambda v, n=name, a=axis, k=keep: getattr(K, n)(v, axis=a, keepdims=k)  # noqa: E731
            axes = tuple(axis) if isinstance(axis, list) else axis
            expected = lambda v, f=numpy, a=axes, k=keep: f(v, axis=a, keepdims=k)  # noqa: E731
            cases.append(Case(name, call, [data], expected, f"{axis}{keep}"))
    for name, numpy in {"argmax": np.argmax, "argmin": np.argmin}.items():
        cases += [
            Case(name, getattr(K, name), [x], lambda v, f=numpy: f(v, -1)),
            Case(name, lambda v, n=name: getattr(K, n)(v, 0), [x], lambda v, f=numpy: f(v, 0), "0"),
            Case(name, getattr(K, name), [np.array([[2.0, 7, 7], [1, 1, 3]])], lambda v, f=numpy: f(v, -1), "ties"),
        ]
    for name, numpy in {"cumsum": np.cumsum, "cumprod": np.cumprod}.items():
        cases += [
            Case(name, getattr(K, name), [x], lambda v, f=numpy: f(v, 0)),
            Case(name, lambda v, n=name: getattr(K, n)(v, -1), [x], lambda v, f=numpy: f(v, -1), "-1"),
        ]
    return cases + [
        Case("mean", K.mean, [bits], np.mean, "bools"),
        Case("sum", K.sum, [some(3, 3)], np.sum, "ints"),
        Case("logsumexp", K.logsumexp, [np.array([1000.0, 1000.0])], 1000 + np.log(2), "far"),
        Case("any", K.any, [some(4)], np.any, "ints"),
    ]


def _products():
    def dot(*shapes):
        # Keras's rule is numpy.dot's: the last axis with the second to last.
        return Case("dot", K.dot, [normal(*s) for s in shapes], np.dot, str(shapes))

    cases = [dot((2, 3), (3, 4)), dot((2, 3, 4), (4, 2)), dot((2, 3), (4, 3, 5)), dot((2, 5, 3), (4, 3, 2))]
    batches = [
        ((2, 3), (2, 3), None, "bi,bi->b"), ((2, 3), (2, 3), 1, "bi,bi->b"),
        ((2, 3, 4), (2, 4, 5), None, "bij,bjk->bik"), ((2, 3, 4), (2, 4, 5), (2, 1), "bij,bjk->bik"),
        ((2, 3, 4), (2, 3, 5), 1, "bij,bik->bjk"), ((2, 3, 4), (2, 5, 4), 2, "bij,bkj->bik"),
        ((2, 3, 4), (2, 4), None, "bij,bj->bi"), ((2, 3), (2, 4, 3), (1, 2), "bi,bji->bj"),
        ((2, 3), (2, 3, 4), None, "bi,bij->bj"), ((2, 3, 4), (2, 3), (1, 1), "bij,bi->bj"),
        ((2, 3, 4, 5), (2, 5, 6), (3, 1), "bijk,bkl->bijl"), ((2, 3, 4), (2, 4, 5), (-1, -2), "bij,bjk->bik"),
        ((2, 3, 4), (2, 5, 4, 6), None, "bij,bkjl->bikl"), ((2, 3, 4), (2, 4, 5), np.array([2, 1]), "bij,bjk->bik"),
        ((2, 3, 4), (2, 5, 4), np.int64(2), "bij,bkj->bik"),
    ]  # fmt: skip
    for x, y, axes, rule in batches:
        expected = lambda a, b, r=rule: (  # noqa: E731
            np.einsum(r, a, b)[:, None] if r.endswith(">b") else np.einsum(r, a, b)
        )
        call = lambda a, b, ax=axes: K.batch_dot(a, b, axes=ax)  # noqa: E731
        cases.append(Case("batch_dot", call, [normal(*x), normal(*y)], expected, f"{x}{y}{axes}"))
    return cases


CASES = [*_elementwise(), *_reductions(), *_products()]
