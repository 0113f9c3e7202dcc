"""LSTM and GRU on CPU by oneDNN, where it is installed.

Which layers these are `..recurrent` sees. Processor time of a training step in milliseconds, loops of XLA -> oneDNN in
one share (jaxlib 0.10.2, oneDNN 3.2, 4 cores that other programs used too):

    LSTM(128), 80 steps, batch 32, behind an Embedding    36 to 42 -> 35 to 37
    Bidirectional(LSTM(64)), 100 steps, the same          48 to 55 -> 41
    two stateful LSTM(50), 20 steps, batch 32             4.8 to 6.3 -> 3.1
    LSTM(128) over 40 letters of 57, batch 128            66 to 68 -> 43 to 47

Those layers' own operations, one after the other, take 7.6 + 16.0 ms (forward, gradient) for the first and 3.9 + 8.8 ms
for a half of the second; in two shares at the same time 4.4 + 8.8 and 2.7 + 5.4 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.program import Program
from ..evaluate import Environment
from ..onednn import layers as onednn_layers
from ..onednn import recurrent as onednn
from ..onednn.layers import Arrays, Cases, Lists, by_case, flat, prepared, put
from ..onednn.recurrent import GATES, WEIGHTS, Recurrent, Shape
from ..recurrent import Found
from . import native
from .table import TABLE

Array = Any


def layers(program: Program) -> dict[int, list[Found]]:
    """The LSTM and GRU layers of a program; see `..onednn.layers`."""
    return onednn_layers.layers(program, native.usable)


def run(together: Sequence[Found], environment: Environment) -> bool:
    """Makes the last states, and the outputs of all steps, of layers; False where XLA is to do it."""
    if together[0].results[0] in environment:
        return True  # made with the other direction
    library = native.usable()
    found = prepared(together, environment, TABLE, library) if library else None
    if found is None or native.operation(onednn.recurrent_training, found[0]) is None:
        return False
    put(together, _recurrent(*found), environment, TABLE)
    return True


# Below, arrays are those of each case, one tuple for each.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recurrent(cases: Cases, arrays: Lists) -> Lists:
    return _called(onednn.recurrent_prediction, cases, arrays, [onednn.prediction_shapes(case) for case in cases])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _trained(cases: Cases, arrays: Lists) -> Lists:
    """The same, and last what the gradient needs."""
    library = native.usable()
    assert library is not None
    shapes = [onednn.training_shapes(library, case) for case in cases]
    return _called(onednn.recurrent_training, cases, arrays, shapes)


def _forward(cases: Cases, arrays: Lists) -> tuple[Lists, tuple[Lists, Lists]]:
    made = _trained(cases, arrays)
    return tuple(m[:-1] for m in made), (arrays, lax.stop_gradient(made))


def _trained_forward(cases: Cases, arrays: Lists) -> tuple[Lists, tuple[Lists, Lists]]:
    made = _trained(cases, arrays)
    return made, (arrays, lax.stop_gradient(made))


def _backward(cases: Cases, kept: tuple[Lists, Lists], gradients: Lists) -> tuple[Lists]:
    of_results = tuple(g[: len(onednn.prediction_shapes(case))] for case, g in zip(cases, gradients, strict=True))
    return (_gradient(cases, *kept, of_results),)


_recurrent.defvjp(_forward, _backward)
_trained.defvjp(_trained_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradient(cases: Cases, arrays: Lists, made: Lists, gradients: Lists) -> Lists:
    """The gradients of `arrays`. The last of what was made is the workspace, which has none."""
    given = tuple((*a, *m, *g) for a, m, g in zip(arrays, made, gradients, strict=True))
    found = _called(onednn.recurrent_gradient, cases, given, [onednn.gradient_shapes(case) for case in cases])
    return tuple((*f[:-WEIGHTS], *map(_sum_of_shares, f[-WEIGHTS:])) for f in found)


def _sum_of_shares(gradients: Array) -> Array:
    """As additions, which XLA makes part of what comes next; as a sum those of two LSTM(128) took 1.4 ms."""
    return reduce(lax.add, (gradients[n] for n in range(gradients.shape[0])))


def _gradient_and_arrays(cases: Cases, *lists: Lists) -> tuple[Lists, tuple[Lists, ...]]:
    return _gradient(cases, *lists), lists


def _gradient_of_gradient(cases: Cases, kept: tuple[Lists, Lists, Lists], second: Lists) -> tuple[Lists, ...]:
    arrays, made, gradients = kept

    def by_xla(arrays: Lists, gradients: Lists) -> Lists:
        return jax.vjp(partial(_by_xla, cases), arrays)[1](gradients)[0]  # type: ignore[no-any-return]

    by_arrays, by_gradients = jax.vjp(by_xla, arrays, gradients)[1](second)
    return by_arrays, jax.tree.map(jnp.zeros_like, made), by_gradients


_gradient.defvjp(_gradient_and_arrays, _gradient_of_gradient)


def _called(recipe: native.Recipe, cases: Cases, arrays: Lists, shapes: Sequence[Sequence[Shape]]) -> Lists:
    name = native.operation(recipe, cases)
    if name is None:
        raise RuntimeError(f"oneDNN has no {recipe.__name__} for {cases}")
    return by_case(native.call(name, flat(arrays), flat(shapes)), shapes)


# The same by XLA, for gradients of gradients.


def _by_xla(cases: Cases, arrays: Lists) -> Lists:
    return tuple(_one_by_xla(case, *of_one) for case, of_one in zip(cases, arrays, strict=True))


def _one_by_xla(case: Recurrent, x: Array, *rest: Array) -> Arrays:
    *states, kernel, recurrent_kernel, bias = rest
    step = partial(_STEPS[case.kind], recurrent_kernel, bias[GATES[case.kind] * case.units :])
    projected = x @ kernel + bias[: GATES[case.kind] * case.units]
    steps = jnp.swapaxes(projected, 0, 1)
    last, outputs = lax.scan(step, tuple(states), steps, reverse=case.backwards)
    return (jnp.swapaxes(outputs, 0, 1), *last)


def _lstm(recurrent_kernel: Array, _: Array, states: Arrays, x: Array) -> tuple[Arrays, Array]:
    h, c = states
    i, f, g, o = jnp.split(x + h @ recurrent_kernel, 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _gru(recurrent_kernel: Array, _: Array, states: Arrays, x: Array) -> tuple[Arrays, Array]:
    (h,) = states
    units = h.shape[-1]
    z, r = jnp.split(jax.nn.sigmoid(x[:, : 2 * units] + h @ recurrent_kernel[:, : 2 * units]), 2, axis=-1)
    h = z * h + (1 - z) * jnp.tanh(x[:, 2 * units :] + (r * h) @ recurrent_kernel[:, 2 * units :])
    return (h,), h


def _lbr_gru(recurrent_kernel: Array, bias: Array, states: Arrays, x: Array) -> tuple[Arrays, Array]:
    (h,) = states
    units = h.shape[-1]
    found = h @ recurrent_kernel
    z, r = jnp.split(jax.nn.sigmoid(x[:, : 2 * units] + found[:, : 2 * units]), 2, axis=-1)
    h = z * h + (1 - z) * jnp.tanh(x[:, 2 * units :] + r * (found[:, 2 * units :] + bias))
    return (h,), h


_STEPS = {"lstm": _lstm, "gru": _gru, "lbr_gru": _lbr_gru}
