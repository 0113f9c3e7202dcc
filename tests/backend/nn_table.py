"""Rows on activations' kin: cross-entropies, normalisation, choices and loops."""

import itertools

import numpy as np
from function_table import Case, normal, some
from scipy import special

from keras import backend as K

FIRST, LAST = "channels_first", "channels_last"


def shares(*shape, axis=-1):
    return special.softmax(normal(*shape), axis)


def clipped(p):
    return np.clip(p, 1e-7, 1 - 1e-7)


def _crossentropies():
    p, logits, odds = shares(3, 4), normal(3, 4), normal(2, 3, 2) ** 2 + 0.1
    target, bits = shares(3, 4), (normal(3, 4) > 0) * 1.0
    places, deep = some(3), some(2, 3)
    maps = shares(2, 4, 3, axis=1)

    def categorical(t, o, axis=-1):
        return -(t * np.log(clipped(o / o.sum(axis, keepdims=True)))).sum(axis)

    def sparse(t, o):
        return -np.log(np.take_along_axis(clipped(o), t[..., None].astype(int), -1))[..., 0]

    def binary(t, o):
        o = clipped(o)
        return -(t * np.log(o + 1e-7) + (1 - t) * np.log1p(1e-7 - o))

    from_logits = lambda f: lambda t, o: f(t, o, from_logits=True)  # noqa: E731
    hot = lambda t: np.moveaxis(np.eye(4)[t], -1, 1)  # noqa: E731
    return [
        Case("categorical_crossentropy", K.categorical_crossentropy, [target, p], categorical),
        Case("categorical_crossentropy", K.categorical_crossentropy, [odds, odds], categorical, "no shares"),
        Case("categorical_crossentropy", from_logits(K.categorical_crossentropy), [target, logits],
             lambda t, o: -(t * special.log_softmax(o, -1)).sum(-1), "logits"),
        Case("categorical_crossentropy", lambda t, o: K.categorical_crossentropy(t, o, axis=1), [maps, maps],
             lambda t, o: categorical(t, o, 1), "axis"),
        Case("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, K.softmax(x)), [target, logits],
             lambda t, x: categorical(t, special.softmax(x, -1)), "of a softmax"),
        Case("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, K.softmax(x, axis=0)),
             [target, logits], lambda t, x: categorical(t, special.softmax(x, 0)), "of a softmax along another axis"),
        Case("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, K.softmax(x)),
             [np.eye(2), np.array([[-40.0, 40.0], [-90.0, 90.0]])], np.array([80.0, 0]), "of a softmax, certain"),
        Case("categorical_crossentropy", lambda t, x: K.categorical_crossentropy(t, K.softmax(x)),
             [np.eye(2)[None], np.array([[[-40.0, 40.0], [-90.0, 90.0]]])],
             np.array([[-np.log(1e-7), -np.log(1 - 1e-7)]]), "of a softmax in 3D, certain"),
        Case("categorical_crossentropy", K.categorical_crossentropy, [np.eye(2), np.eye(2)[::-1]],
             np.full(2, -np.log(1e-7)), "certainly wrong"),
        Case("sparse_categorical_crossentropy", K.sparse_categorical_crossentropy, [places, p], sparse),
        Case("sparse_categorical_crossentropy", K.sparse_categorical_crossentropy, [places * 1.0, p], sparse, "floats"),
        Case("sparse_categorical_crossentropy", K.sparse_categorical_crossentropy, [deep, shares(2, 3, 4)], sparse,
             "3D"),
        Case("sparse_categorical_crossentropy", from_logits(K.sparse_categorical_crossentropy), [places, logits],
             lambda t, o: -(np.eye(4)[t] * special.log_softmax(o, -1)).sum(-1), "logits"),
        Case("sparse_categorical_crossentropy", lambda t, x: K.sparse_categorical_crossentropy(t, K.softmax(x)),
             [np.array([0, 1]), np.array([[-40.0, 40.0], [-90.0, 90.0]])], np.array([80.0, 0]), "of a softmax"),
        Case("sparse_categorical_crossentropy", lambda t, o: K.sparse_categorical_crossentropy(t, o, axis=1),
             [deep, maps], lambda t, o: -(hot(t) * np.log(o)).sum(1), "axis"),
        Case("binary_crossentropy", K.binary_crossentropy, [bits, special.expit(logits)], binary),
        Case("binary_crossentropy", K.binary_crossentropy, [target, special.expit(logits)], binary, "shares"),
        Case("binary_crossentropy", K.binary_crossentropy, [np.array([0.0, 0.3]), np.array([1e-4, 1e-3])], binary,
             "small probabilities"),
        Case("binary_crossentropy", from_logits(K.binary_crossentropy), [bits, logits],
             lambda t, o: -(t * special.log_expit(o) + (1 - t) * special.log_expit(-o)), "logits"),
        Case("binary_crossentropy", from_logits(K.binary_crossentropy), [np.array([0.0, 1]), np.array([900.0, -900])],
             np.array([900.0, 900]), "far"),
        Case("binary_crossentropy", K.binary_crossentropy, [np.array([0.0, 1]), np.array([1.0, 0])],
             np.full(2, -np.log(2e-7)), "certainly wrong"),
        Case("binary_crossentropy", lambda t, x: K.binary_crossentropy(t, K.sigmoid(x)),
             [np.array([0.0, 1, 0]), np.array([900.0, -900, -40])], np.array([900.0, 900, 0]), "of a sigmoid"),
    ]  # fmt: skip


def _normalisation():
    cases = []
    for rank, data_format in itertools.product((2, 3, 4, 5), (LAST, FIRST)):
        shape = (2, 3, 4, 2, 3)[:rank]
        axis = 1 if data_format == FIRST and rank > 2 else rank - 1
        call = lambda v, b, f=data_format: K.bias_add(v, b, f)  # noqa: E731
        placed = lambda v, b, a=axis: v + b.reshape([-1 if i == a else 1 for i in range(v.ndim)])  # noqa: E731
        cases.append(Case("bias_add", call, [normal(*shape), normal(shape[axis])], placed, f"{rank}D {data_format}"))
        if rank > 2:
            whole = normal(*(d for i, d in enumerate(shape) if i not in (0, axis)), shape[axis])
            # Channels first, Keras 2 reshapes where one would expect a transposition.
            order = (lambda b: b) if axis == rank - 1 else (lambda b: b.reshape(b.shape[-1], *b.shape[:-1]))
            put = lambda v, b, f=order: v + f(b)  # noqa: E731
            cases.append(Case("bias_add", call, [normal(*shape), whole], put, f"{rank}D {data_format} whole"))
    x, mean, var, beta, gamma = normal(2, 3, 4), normal(4), normal(4) ** 2, normal(4), normal(4)
    normed = lambda v, m, s, b=0, g=1, e=1e-3: (v - m) / np.sqrt(s + e) * g + b  # noqa: E731
    in_axis = [v[:3] for v in (mean, var, beta, gamma)]
    column = lambda f: lambda v, *p: f(v, *(q.reshape(1, 3, 1) for q in p))  # noqa: E731
    cases += [
        Case("batch_normalization", K.batch_normalization, [x, mean, var, beta, gamma], normed),
        Case("batch_normalization", lambda v, m, s: K.batch_normalization(v, m, s, None, None, epsilon=0.1),
             [x, mean, var], lambda v, m, s: normed(v, m, s, e=0.1), "plain"),
        Case("batch_normalization", lambda v, *p: K.batch_normalization(v, *p, axis=1), [x, *in_axis], column(normed),
             "axis"),
        Case("batch_normalization", K.batch_normalization, [x, *(v.reshape(1, 1, 4) for v in (mean, var, beta, gamma))],
             normed, "broadcast"),
        Case("l2_normalize", K.l2_normalize, [x], lambda v: v / np.sqrt((v**2).sum())),
        Case("l2_normalize", lambda v: K.l2_normalize(v, axis=1), [x], lambda v: v / np.linalg.norm(v, axis=1, keepdims=True), "axis"),  # noqa: E501
        Case("l2_normalize", lambda v: K.l2_normalize(v, -1), [x * 0], np.zeros((2, 3, 4)), "zeros"),
    ]  # fmt: skip
    for axes in ([0, 1], [0, 2], [0]):
        size = [d for i, d in enumerate(x.shape) if i not in axes]
        gamma, beta = normal(*size), normal(*size)
        for number, label in enumerate(("normed", "mean", "variance")):
            call = lambda v, g, b, a=axes, n=number: K.normalize_batch_in_training(v, g, b, a)[n]  # noqa: E731
            expected = lambda v, g, b, a=axes, n=number: _batch_normed(v, g, b, a)[n]  # noqa: E731
            cases.append(Case("normalize_batch_in_training", call, [x, gamma, beta], expected, f"{axes} {label}"))
    return cases


def _batch_normed(x, gamma, beta, axes):
    mean, variance = x.mean(tuple(axes), keepdims=True), x.var(tuple(axes), keepdims=True)
    gamma, beta = (v.reshape(mean.shape) for v in (gamma, beta))
    normed = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    return normed, mean.squeeze(tuple(axes)), variance.squeeze(tuple(axes))


def _choices():
    x, y, row = normal(2, 3), normal(2, 3), np.array([True, False])
    yes, no = np.array(True), np.array(False)
    wide, deep = normal(2, 3, 4), normal(2, 3, 4)
    rows = np.array([[True, False, True], [False, False, True]])
    callables = lambda c, a, b: K.switch(c, lambda: a * 2, lambda: b + 1)  # noqa: E731
    predictions = np.array([[0.1, 0.5, 0.4], [0.3, 0.3, 0.4], [0.8, 0.1, 0.1]])
    return [
        Case("switch", K.switch, [yes, x, y], lambda c, a, b: a, "true"),
        Case("switch", K.switch, [no, x, y], lambda c, a, b: b, "false"),
        Case("switch", lambda c, v: K.mean(K.switch(c, v, 3.0)), [no, x[:0]], lambda c, v: 3.0, "nothing, or a number"),
        Case("switch", callables, [yes, x, y], lambda c, a, b: a * 2, "function true"),
        Case("switch", callables, [no, x, y], lambda c, a, b: b + 1, "function false"),
        Case("switch", K.switch, [x > 0, x, y], np.where, "elements"),
        Case("switch", K.switch, [row, x, y], lambda c, a, b: np.where(c[:, None], a, b), "rows"),
        Case("switch", K.switch, [rows, wide, deep], lambda c, a, b: np.where(c[..., None], a, b), "2D in 3D"),
        Case("switch", callables, [row, x, y], lambda c, a, b: np.where(c[:, None], a * 2, b + 1), "function rows"),
        Case("switch", K.switch, [np.array(2, "int32"), x, y], lambda c, a, b: a, "int"),
        Case("switch", lambda v: K.switch(True, v, v + 1), [x], lambda v: v, "Python's"),
        Case("in_top_k", lambda p, t: K.in_top_k(p, t, 1), [predictions, np.array([1, 0, 0], "int32")],
             np.array([True, False, True])),
        Case("in_top_k", lambda p, t: K.in_top_k(p, t, 2), [predictions, np.array([2, 0, 1], "int32")],
             np.array([True, True, True]), "ties count"),
    ]  # fmt: skip


def _loops():
    x, y = normal(4, 3), normal(4, 3)
    return [
        Case("map_fn", lambda v: K.map_fn(lambda e: K.sum(e) + e, v), [x], lambda v: v.sum(1, keepdims=True) + v),
        Case("map_fn", lambda a, b: K.map_fn(lambda e: e[0] * e[1], (a, b)), [x, y], np.multiply, "two"),
        Case("map_fn", lambda v: K.map_fn(lambda e: e[0] > 0, v, dtype="int32"), [x], lambda v: (v[:, 0] > 0) * 1,
             "dtype"),
        Case("map_fn", lambda v: K.map_fn(lambda e: (e, K.max(e)), v)[1], [x], lambda v: v.max(1), "two results"),
        Case("foldl", lambda v: K.foldl(lambda a, e: a * 0.5 + e, v), [x], lambda v: _fold(v[1:], v[0])),
        Case("foldl", lambda v: K.foldl(lambda a, e: a * 0.5 + e, v, K.ones((3,))), [x],
             lambda v: _fold(v, np.ones(3)), "initial"),
        Case("foldr", lambda v: K.foldr(lambda a, e: a * 0.5 + e, v), [x], lambda v: _fold(v[-2::-1], v[-1])),
        Case("foldr", lambda v: K.foldr(lambda a, e: a * 0.5 + e, v, K.ones((3,))), [x],
             lambda v: _fold(v[::-1], np.ones(3)), "initial"),
    ]  # fmt: skip


def _fold(elements, start):
    for element in elements:
        start = start * 0.5 + element
    return start


CASES = [*_crossentropies(), *_normalisation(), *_choices(), *_loops()]
