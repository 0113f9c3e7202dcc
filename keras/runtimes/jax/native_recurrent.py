"""LSTM and GRU on CPU by oneDNN, where it is installed.

Which layers these are `..recurrent` sees. Processor time of a training step in milliseconds, loops of XLA -> oneDNN in
one share (jaxlib 0.10.2, oneDNN 3.2, 4 cores that other programs used too; in four shares it is 6 to 33 % more):

    LSTM(128), 80 steps, batch 32, behind an Embedding    36 to 42 -> 35 to 37
    Bidirectional(LSTM(64)), 100 steps, the same          48 to 55 -> 41
    two stateful LSTM(50), 20 steps, batch 32             4.8 to 6.3 -> 3.1
    LSTM(128) over 40 letters of 57, batch 128            66 to 68 -> 43 to 47

Those layers' own operations, one after the other, take 7.6 + 16.0 ms (forward, gradient) for the first and 3.9 + 8.8 ms
for a half of the second; in two shares at the same time 4.4 + 8.8 and 2.7 + 5.4 ms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ...graph.program import Block, Instruction, Program
from ..evaluate import Environment
from ..onednn import recurrent as onednn
from ..onednn.recurrent import GATES, STATES, Recurrent
from ..onednn.shares import most_shares
from ..recurrent import Found, find, made_once
from . import native

Array = Any
Arrays = tuple[Array, ...]

# With fewer samples or multiplications XLA is as fast: an LSTM of 128 predicts one sample in 0.78 ms instead of 0.89.
_SAMPLES, _WORTH = 8, 2_000_000
# What is less than this is not worth a thread of its own: two shares of 16 samples are as quick as four of 8, and take
# a fifth less of the processors' time.
_SHARE_SAMPLES, _SHARE_WORTH = 16, 20_000_000


def layers(program: Program) -> dict[int, Found]:
    """The LSTM and GRU layers of a program, by the identity of their loops' instructions."""
    if "scan" not in program.primitives or native.usable() is None:
        return {}
    numbers = {slot: array for array, slot in program.constants}
    found = {}
    for instructions in _lists(program.block):
        made = made_once(instructions)
        found.update({id(i): layer for i in instructions if (layer := find(i, made, numbers.get)) is not None})
    return found


def _lists(block: Block) -> Iterator[list[Instruction]]:
    """A block's instructions, and those of the blocks in it."""
    yield block.instructions
    for instruction in block.instructions:
        for inner in instruction.blocks:
            yield from _lists(inner)


def run(layer: Found, environment: Environment) -> list[Array] | None:
    """The last states, and the outputs of all steps, of a layer; None where XLA is to do it."""

    def read(slots: Iterable[int]) -> list[Array]:
        return [jnp.asarray(environment[slot]) for slot in slots]

    x, kernel = read((layer.x, layer.kernel))
    recurrent = jnp.concatenate(read(layer.recurrent), axis=-1)
    kind = "lstm" if layer.formula.node == "LSTM" else "lbr_gru" if layer.formula.reset_after else "gru"
    biases = [b.reshape(-1) for b in read((*layer.bias, *layer.recurrent_bias))]
    arrays = [x, kernel, recurrent, *biases]
    if any(a.dtype != jnp.float32 for a in arrays) or any(b.size != kernel.shape[-1] for b in biases):
        return None
    x = x if layer.batch_first else jnp.swapaxes(x, 0, 1)
    case = _case(kind, layer.flipped, x, recurrent.shape[0])
    if case is None or native.operation(onednn.recurrent_training, case) is None:
        return None
    states = [jnp.broadcast_to(s, (x.shape[0], case.units)) for s in read(layer.states)]
    outputs, *last = _recurrent(case, x, *states, kernel, recurrent, _bias(layer, case, biases))
    return [*last, jnp.swapaxes(outputs[:, ::-1] if layer.flipped else outputs, 0, 1)]


def _bias(layer: Found, case: Recurrent, biases: list[Array]) -> Array:
    """As oneDNN has it: what is added to a gate's products is one, but in the last gate of an lbr_gru."""
    added = [jnp.zeros(GATES[case.kind] * case.units)] * (2 - len(biases))
    bias, recurrent_bias = added + biases if layer.recurrent_bias else biases + added
    if case.kind != "lbr_gru":
        return bias + recurrent_bias
    common = 2 * case.units
    return jnp.concatenate([bias[:common] + recurrent_bias[:common], bias[common:], recurrent_bias[common:]])


def _case(kind: str, backwards: bool, x: Array, units: int) -> Recurrent | None:
    """What is to be computed, if it is worth a call."""
    batch, steps, features = x.shape
    work = batch * steps * (features + units) * units * GATES[kind]
    library = native.usable()
    threads = most_shares(library) if library else 0
    if not threads or not work or batch < _SAMPLES or work < _WORTH:
        return None
    most = max(min(threads, batch // _SHARE_SAMPLES, work // _SHARE_WORTH), 1)
    shares = tuple(batch // most + (n < batch % most) for n in range(most))
    return Recurrent(kind, shares, steps, features, units, backwards)


def _shapes(case: Recurrent) -> list[tuple[int, ...]]:
    """Of the outputs and the last states."""
    batch = sum(case.shares)
    return [(batch, case.steps, case.units), *[(batch, case.units)] * STATES[case.kind]]


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recurrent(case: Recurrent, *arrays: Array) -> Arrays:
    return _called(onednn.recurrent_prediction, case, arrays, _shapes(case))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _trained(case: Recurrent, *arrays: Array) -> Arrays:
    """The same, and last what the gradient needs."""
    return _called(onednn.recurrent_training, case, arrays, [*_shapes(case), (_workspace_size(case),)])


def _forward(case: Recurrent, *arrays: Array) -> tuple[Arrays, tuple[Arrays, Arrays, Array]]:
    *made, workspace = _trained(case, *arrays)
    return tuple(made), (arrays, *lax.stop_gradient((tuple(made), workspace)))


def _trained_forward(case: Recurrent, *arrays: Array) -> tuple[Arrays, tuple[Arrays, Arrays, Array]]:
    results = _trained(case, *arrays)
    *made, workspace = lax.stop_gradient(results)
    return results, (arrays, tuple(made), workspace)


def _backward(case: Recurrent, kept: tuple[Arrays, Arrays, Array], gradients: Arrays) -> Arrays:
    made = kept[1]
    return _gradient(case, *kept, tuple(gradients[: len(made)]))


_recurrent.defvjp(_forward, _backward)
_trained.defvjp(_trained_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradient(case: Recurrent, arrays: Arrays, made: Arrays, workspace: Array, gradients: Arrays) -> Arrays:
    """The gradients of `arrays`."""
    parts = len(case.shares)
    shapes = [a.shape if n < len(arrays) - 3 else (parts, *a.shape) for n, a in enumerate(arrays)]
    found = _called(onednn.recurrent_gradient, case, (*arrays, *made, workspace, *gradients), shapes)
    return (*found[:-3], *(f.sum(0) for f in found[-3:]))


def _gradient_and_arrays(case: Recurrent, arrays: Arrays, made: Arrays, workspace: Array, gradients: Arrays) -> Any:
    return _gradient(case, arrays, made, workspace, gradients), (arrays, made, workspace, gradients)


def _gradient_of_gradient(case: Recurrent, kept: tuple[Arrays, Arrays, Array, Arrays], second: Arrays) -> Any:
    arrays, made, workspace, gradients = kept

    def by_xla(arrays: Arrays, gradients: Arrays) -> Arrays:
        return jax.vjp(partial(_by_xla, case), *arrays)[1](gradients)  # type: ignore[no-any-return]

    found = jax.vjp(by_xla, arrays, gradients)[1](second)
    return found[0], tuple(map(jnp.zeros_like, made)), jnp.zeros_like(workspace), found[1]


_gradient.defvjp(_gradient_and_arrays, _gradient_of_gradient)


def _called(recipe: native.Recipe, case: Recurrent, arrays: Arrays, shapes: list[tuple[int, ...]]) -> Arrays:
    name = native.operation(recipe, case)
    if name is None:
        raise RuntimeError(f"oneDNN has no {recipe.__name__} for {case}")
    return tuple(native.call(name, arrays, shapes))


@lru_cache(None)
def _workspace_size(case: Recurrent) -> int:
    library = native.usable()
    return onednn.workspace_size(library, case) if library else 0


# The same by XLA, for gradients of gradients.


def _by_xla(case: Recurrent, x: Array, *rest: Array) -> Arrays:
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
