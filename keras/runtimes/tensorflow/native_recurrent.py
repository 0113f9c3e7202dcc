"""LSTM and GRU on CPU by oneDNN, where it is installed.

A program calls Python, which gives oneDNN the addresses of TensorFlow's arrays and of new ones of NumPy's; these begin
at multiples of 64 bytes, so that TensorFlow takes them as they are (8 MB 0.3 instead of 0.9 ms). A call takes 20 to 90
us. What is written as a SavedModel, differentiated twice or inside another loop or branch has TensorFlow's loops.

Processor time of a training step in milliseconds, loops -> oneDNN (TensorFlow 2.21, oneDNN 3.2, 4 cores that other
programs used too):

    LSTM(128), 80 steps, batch 32, behind an Embedding    51 -> 34
    Bidirectional(LSTM(64)), 100 steps, the same          56 -> 37
    two stateful LSTM(50), 20 steps, batch 32             10 -> 4.2
    LSTM(128) over 40 letters of 57, batch 128            51 -> 35

Where XLA has all of a program at last, it is as fast with an LSTM(64) over 40 steps, and faster with small ones: with
an LSTM(32) over 10 steps 0.6 instead of 1.7 ms, once it has been compiled for 3 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import record

from ... import _aligned as aligned
from ...graph.program import Instruction, Program
from ..evaluate import Context, Environment, Table
from ..onednn import recurrent as onednn
from ..onednn.layers import Cases, Lists, by_case, flat, layers, prepared, put
from ..onednn.library import Library, OneDNNError, library
from ..onednn.recurrent import WEIGHTS, Shape
from ..onednn.shares import Shares
from ..recurrent import Found
from . import loops
from .control import DIFFERENTIATED, STRUCTURAL
from .scopes import default_device
from .table import TABLE, tensor

Array = Any
Recipe = Callable[[Library, Any], Shares]
Handler = Callable[[Instruction, Environment, Context], None]


class Loops:
    """What runs a program's `scan` instructions: loops, or the layers that oneDNN does as one operation.

    Args:
        spread: whether device scopes put some of the program elsewhere than on the default device.

    Attributes:
        native: whether oneDNN has had any to do; XLA cannot compile such a program.
    """

    def __init__(self, program: Program, spread: bool) -> None:
        self.native = False
        self._layers = {} if spread else layers(program, _usable, within=("gradients",))

    def structural(self) -> Table:
        """The handlers of instructions that run blocks."""
        if not self._layers:
            return STRUCTURAL
        predict = self._handler(_predicted, loops.scan)
        train = self._handler(_trained, loops.scan_to_differentiate)
        return {**STRUCTURAL, "scan": predict, DIFFERENTIATED: train}

    def _handler(self, compute: Callable[[Cases, Lists], Lists], loop: Handler) -> Handler:
        def scan_or_layer(instruction: Instruction, environment: Environment, context: Context) -> None:
            together = self._layers.get(id(instruction))
            if together is None or not self._run(together, environment, compute):
                loop(instruction, environment, context)

        return scan_or_layer

    def _run(
        self, together: Sequence[Found], environment: Environment, compute: Callable[[Cases, Lists], Lists]
    ) -> bool:
        """Makes the last states, and the outputs of all steps, of layers; False where TensorFlow is to do it."""
        if together[0].results[0] in environment:
            return True  # made with the other direction
        found = prepared(together, environment, TABLE, _library())
        if found is None or _operation(onednn.recurrent_training, found[0]) is None:
            return False
        cases, arrays = found
        put(together, compute(cases, tuple(tuple(map(tensor, of_one)) for of_one in arrays)), environment, TABLE)
        self.native = True
        return True


def _usable() -> Library | None:
    return library() if "CPU" in default_device() else None


def _library() -> Library:
    found = library()
    assert found is not None
    return found


@lru_cache(None)
def _operation(recipe: Recipe, cases: Cases) -> Shares | None:
    """None where oneDNN can't do it."""
    try:
        return recipe(_library(), cases)
    except OneDNNError:
        return None


# Below, arrays are those of each case, one tuple for each.


def _predicted(cases: Cases, arrays: Lists) -> Lists:
    return _called(onednn.recurrent_prediction, cases, arrays, list(map(onednn.prediction_shapes, cases)))


def _trained(cases: Cases, arrays: Lists) -> Lists:
    """The same, recorded on the open tape with its gradient."""
    shapes = [onednn.training_shapes(_library(), case) for case in cases]
    with record.stop_recording():
        kept = _called(onednn.recurrent_training, cases, arrays, shapes)
    made = tuple(k[:-1] for k in kept)  # without the workspace

    def backward(*derivatives: Array) -> list[Array]:
        by_made = by_case(map(tf.convert_to_tensor, derivatives), made)
        given = tuple((*a, *k, *d) for a, k, d in zip(arrays, kept, by_made, strict=True))
        found = _called(onednn.recurrent_gradient, cases, given, list(map(onednn.gradient_shapes, cases)))
        return flat((*f[:-WEIGHTS], *map(_sum_of_shares, f[-WEIGHTS:])) for f in found)

    record.record_operation("Recurrent", flat(made), flat(arrays), backward)
    return made


def _sum_of_shares(gradients: Array) -> Array:
    """As a sum along an axis those of an LSTM(128) took 2 ms."""
    return tf.add_n(tf.unstack(gradients))


def _called(recipe: Recipe, cases: Cases, arrays: Lists, shapes: Sequence[Sequence[Shape]]) -> Lists:
    operation = _operation(recipe, cases)
    if operation is None:
        raise RuntimeError(f"oneDNN has no {recipe.__name__} for {cases}")
    wanted = flat(shapes)
    call = partial(_run, operation, wanted)
    results = tf.numpy_function(call, flat(arrays), [tf.float32] * len(wanted), stateful=False)
    return by_case(map(tf.ensure_shape, results, wanted), shapes)


def _run(operation: Shares, shapes: Sequence[Shape], *arrays: np.ndarray) -> list[np.ndarray]:
    results = [aligned.empty(shape, np.dtype(np.float32)) for shape in shapes]
    operation.run([array.ctypes.data for array in (*arrays, *results)])
    return results
