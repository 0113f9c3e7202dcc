"""LSTM and GRU on CPU by oneDNN, where it is installed.

Which layers these are `..recurrent` sees. Processor time of a training step in milliseconds, loops of XLA -> oneDNN in
one share (jaxlib 0.10.2, oneDNN 3.2, 4 cores that other programs used too; in four shares it is 6 to 33 % more):

    LSTM(128), 80 steps, batch 32, behind an Embedding    36 to 42 -> 35 to 37
    Bidirectional(LSTM(64)), 100 steps, the same          48 to 55 -> 41
    two stateful LSTM(50), 20 steps, batch 32             4.8 to 6.3 -> 3.1
    LSTM(128) over 40 letters of 57, batch 128            66 to 68 -> 43 to 47

Those layers' own operations, one after the other, take 7.6 + 16.0 ms (forward, gradient) for the first and 3.9 + 8.8 ms
for a half of the second; in two shares at the same time 4.4 + 8.8 and 2.7 + 5.4 ms.

XLA makes such calls one after the other, so the two directions of a Bidirectional layer are one call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial, reduce
from itertools import chain, islice
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
Lists = tuple[Arrays, ...]
Shape = tuple[int, ...]
Cases = tuple[Recurrent, ...]

WEIGHTS = 3  # kernel, recurrent kernel and bias, the last of what goes in

# With fewer samples or multiplications XLA is as fast: an LSTM of 128 predicts one sample in 0.78 ms instead of 0.89.
_SAMPLES, _WORTH = 8, 2_000_000
# What is less than this is not worth a thread of its own. oneDNN asks for memory several times in each time step, and
# all threads wait for the one heap that `memory.py` leaves them: more than two pay only with more samples each. A
# Bidirectional(LSTM(64)) of 100 steps, batch 32, trains in 16 to 20 ms a step either way, with 27 to 29 ms of processor
# time in two threads and 33 to 39 in four.
_SHARE_SAMPLES, _SHARE_WORTH = 16, 20_000_000
_FEW_THREADS, _SAMPLES_OF_MANY = 2, 32


def layers(program: Program) -> dict[int, list[Found]]:
    """The LSTM and GRU layers of a program, by the identity of their loops' instructions.

    With a layer comes the one that reads the same in the other direction, if it is the later of the two.
    """
    if "scan" not in program.primitives or native.usable() is None:
        return {}
    numbers = {slot: array for array, slot in program.constants}
    found: dict[int, list[Found]] = {}
    for instructions in _lists(program.block):
        made = made_once(instructions)
        here = {n: layer for n, i in enumerate(instructions) if (layer := find(i, made, numbers.get)) is not None}
        for n, layer in here.items():
            unknown = {slot for i in instructions[n:] for slot in i.outputs}
            others = (other for m, other in here.items() if m > n and unknown.isdisjoint(other.read))
            found[id(instructions[n])] = [layer, *islice(filter(partial(_opposite, layer), others), 1)]
    return found


def _lists(block: Block) -> Iterator[list[Instruction]]:
    """A block's instructions, and those of the blocks in it."""
    yield block.instructions
    for instruction in block.instructions:
        for inner in instruction.blocks:
            yield from _lists(inner)


def _opposite(one: Found, other: Found) -> bool:
    return one.x == other.x and one.flipped != other.flipped


def run(together: Sequence[Found], environment: Environment) -> bool:
    """Makes the last states, and the outputs of all steps, of layers; False where XLA is to do it."""
    if together[0].results[0] in environment:
        return True  # made with the other direction
    prepared = [_prepared(layer, environment, len(together)) for layer in together]
    cases = tuple(case for case, _ in prepared if case is not None)
    if len(cases) < len(together) or native.operation(onednn.recurrent_training, cases) is None:
        return False
    for layer, (outputs, *last) in zip(together, _recurrent(cases, tuple(a for _, a in prepared)), strict=True):
        outputs = jnp.swapaxes(outputs[:, ::-1] if layer.flipped else outputs, 0, 1)
        environment.update(zip(layer.results, [*last, outputs], strict=True))
    return True


def _prepared(layer: Found, environment: Environment, together: int) -> tuple[Recurrent | None, Arrays]:
    """What is to be computed, of which arrays; None where XLA is to do it."""

    def read(slots: Iterable[int]) -> list[Array]:
        return [jnp.asarray(environment[slot]) for slot in slots]

    x, kernel = read((layer.x, layer.kernel))
    recurrent = jnp.concatenate(read(layer.recurrent), axis=-1)
    kind = "lstm" if layer.formula.node == "LSTM" else "lbr_gru" if layer.formula.reset_after else "gru"
    biases = [b.reshape(-1) for b in read((*layer.bias, *layer.recurrent_bias))]
    arrays = [x, kernel, recurrent, *biases]
    if any(a.dtype != jnp.float32 for a in arrays) or any(b.size != kernel.shape[-1] for b in biases):
        return None, ()
    x = x if layer.batch_first else jnp.swapaxes(x, 0, 1)
    case = _case(kind, layer.flipped, x, recurrent.shape[0], together)
    if case is None:
        return None, ()
    states = [jnp.broadcast_to(s, (x.shape[0], case.units)) for s in read(layer.states)]
    return case, (x, *states, kernel, recurrent, _bias(layer, case, biases))


def _bias(layer: Found, case: Recurrent, biases: list[Array]) -> Array:
    """As oneDNN has it: what is added to a gate's products is one, but in the last gate of an lbr_gru."""
    added = [jnp.zeros(GATES[case.kind] * case.units)] * (2 - len(biases))
    bias, recurrent_bias = added + biases if layer.recurrent_bias else biases + added
    if case.kind != "lbr_gru":
        return bias + recurrent_bias
    common = 2 * case.units
    return jnp.concatenate([bias[:common] + recurrent_bias[:common], bias[common:], recurrent_bias[common:]])


def _case(kind: str, backwards: bool, x: Array, units: int, together: int) -> Recurrent | None:
    """What is to be computed, if it is worth a call; `together` layers share the threads."""
    batch, steps, features = x.shape
    work = batch * steps * (features + units) * units * GATES[kind]
    library = native.usable()
    threads = most_shares(library) if library else 0
    if not threads or not work or batch < _SAMPLES or work < _WORTH:
        return None
    few = min(min(threads, _FEW_THREADS) // together, batch // _SHARE_SAMPLES)
    many = min(threads // together, batch // _SAMPLES_OF_MANY)
    most = max(min(max(few, many), work // _SHARE_WORTH), 1)
    shares = tuple(batch // most + (n < batch % most) for n in range(most))
    return Recurrent(kind, shares, steps, features, units, backwards)


def _shapes(case: Recurrent) -> list[Shape]:
    """Of the outputs and the last states."""
    batch = sum(case.shares)
    return [(batch, case.steps, case.units), *[(batch, case.units)] * STATES[case.kind]]


# Below, arrays are those of each case, one tuple for each.


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _recurrent(cases: Cases, arrays: Lists) -> Lists:
    return _called(onednn.recurrent_prediction, cases, arrays, [_shapes(case) for case in cases])


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _trained(cases: Cases, arrays: Lists) -> Lists:
    """The same, and last what the gradient needs."""
    shapes = [[*_shapes(case), (_workspace_size(case),)] for case in cases]
    return _called(onednn.recurrent_training, cases, arrays, shapes)


def _forward(cases: Cases, arrays: Lists) -> tuple[Lists, tuple[Lists, Lists]]:
    made = _trained(cases, arrays)
    return tuple(m[:-1] for m in made), (arrays, lax.stop_gradient(made))


def _trained_forward(cases: Cases, arrays: Lists) -> tuple[Lists, tuple[Lists, Lists]]:
    made = _trained(cases, arrays)
    return made, (arrays, lax.stop_gradient(made))


def _backward(cases: Cases, kept: tuple[Lists, Lists], gradients: Lists) -> tuple[Lists]:
    of_results = tuple(g[: len(_shapes(case))] for case, g in zip(cases, gradients, strict=True))
    return (_gradient(cases, *kept, of_results),)


_recurrent.defvjp(_forward, _backward)
_trained.defvjp(_trained_forward, _backward)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _gradient(cases: Cases, arrays: Lists, made: Lists, gradients: Lists) -> Lists:
    """The gradients of `arrays`. The last of what was made is the workspace, which has none."""
    given = tuple((*a, *m, *g) for a, m, g in zip(arrays, made, gradients, strict=True))
    shapes = [
        [*(a.shape for a in of_one[:-WEIGHTS]), *((len(case.shares), *a.shape) for a in of_one[-WEIGHTS:])]
        for case, of_one in zip(cases, arrays, strict=True)
    ]
    found = _called(onednn.recurrent_gradient, cases, given, shapes)
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
    results = iter(native.call(name, list(chain(*arrays)), list(chain(*shapes))))
    return tuple(tuple(islice(results, len(of_one))) for of_one in shapes)


@lru_cache(None)
def _workspace_size(case: Recurrent) -> int:
    library = native.usable()
    return onednn.workspace_size(library, case) if library else 0


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
