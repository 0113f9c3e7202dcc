"""LSTM and GRU over all steps, with the gradient, batch first.

The batch is cut into shares that run at the same time (see `shares`), and so do several layers in one operation, whose
arrays follow each other. Arrays of one, with g gates (4 of an LSTM, 3 of a GRU):

    x (batch, steps, features), states (batch, units), kernel (features, g * units),
    recurrent kernel (units, g * units), bias (g * units,) or, of a "lbr_gru", (4 * units,)
    -> outputs (batch, steps, units), last states.

Gates lie as in Keras. "gru" resets the state before the recurrent product, "lbr_gru" after it; the latter's bias ends
with what is added to the recurrent product of the third gate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .library import BACKWARD, FORWARD_TRAINING, WORKSPACE, Handle, Library
from .operation import Operation, Scratch, dense, free
from .shares import Share, Shares

FORWARD_INFERENCE = 96
_LEFT_TO_RIGHT, _RIGHT_TO_LEFT = 1, 2
_OVERWRITE = 1
_X, _STATES, _OUTPUTS, _LAST, _KERNEL, _RECURRENT, _BIAS = 1, 2, 17, 18, 33, 34, 41
_SHARED = (_KERNEL, _RECURRENT, _BIAS)  # all shares read these
_GRADIENT = 128  # of the array whose number this is added to

WEIGHTS = 3  # kernel, recurrent kernel and bias, the last of what goes in
GATES = {"lstm": 4, "gru": 3, "lbr_gru": 3}
BIASES = {"lstm": 4, "gru": 3, "lbr_gru": 4}
STATES = {"lstm": 2, "gru": 1, "lbr_gru": 1}

Shape = tuple[int, ...]
Arrays = list[tuple[int, Handle]]  # numbers of oneDNN and layouts


class Recurrent(NamedTuple):
    """What is to be computed.

    Attributes:
        kind: a key of `GATES`.
        shares: the samples of each.
        backwards: from the last step to the first; the outputs lie in the order of the inputs.
    """

    kind: str
    shares: tuple[int, ...]
    steps: int
    features: int
    units: int
    backwards: bool


class _Parts:
    """oneDNN's names for the arrays of one share. It counts axes as (steps, batch, channels), whatever their order in
    memory, and those of weights as (layers, directions, in, gates, out)."""

    def __init__(self, library: Library, case: Recurrent, batch: int) -> None:
        gates, units = GATES[case.kind], case.units
        kernel, recurrent = (1, 1, case.features, gates, units), (1, 1, units, gates, units)
        self.library, self.kind = library, case.kind
        self.direction = _RIGHT_TO_LEFT if case.backwards else _LEFT_TO_RIGHT
        self.attribute = library.given_scratchpad()
        self.x = dense(library, (case.steps, batch, case.features), (1, 0, 2))
        self.outputs = dense(library, (case.steps, batch, units), (1, 0, 2))
        self.states = [dense(library, (1, 1, batch, units), range(4))] * STATES[case.kind]
        self.kernel, self.free_kernel = dense(library, kernel, range(5)), free(library, kernel)
        self.recurrent, self.free_recurrent = dense(library, recurrent, range(5)), free(library, recurrent)
        self.bias = dense(library, (1, 1, BIASES[case.kind], units), range(4))

    def _arrays(self) -> list[Handle | None]:
        """As the functions that make a primitive take them."""
        peephole_and_projection = [None, None] if self.kind == "lstm" else []
        kernels = [self.free_kernel, self.free_recurrent, *peephole_and_projection]
        return [self.x, *self.states, *kernels, self.bias, self.outputs, *self.states]

    def forward(self, purpose: int) -> Handle:
        return self.library.make(
            f"dnnl_{self.kind}_forward_primitive_desc_create", self.library.engine, purpose, self.direction,
            *self._arrays(), 0, self.attribute,
        )  # fmt: skip

    def backward(self) -> Handle:
        return self.library.make(
            f"dnnl_{self.kind}_backward_primitive_desc_create", self.library.engine, BACKWARD, self.direction,
            *self._arrays(), *self._arrays(), _OVERWRITE, self.forward(FORWARD_TRAINING), self.attribute,
        )  # fmt: skip

    def given(self) -> Arrays:
        states = [(_STATES + n, state) for n, state in enumerate(self.states)]
        return [(_X, self.x), *states, (_KERNEL, self.kernel), (_RECURRENT, self.recurrent), (_BIAS, self.bias)]

    def made(self) -> Arrays:
        return [(_OUTPUTS, self.outputs), *((_LAST + n, state) for n, state in enumerate(self.states))]

    def workspace(self) -> tuple[int, Handle]:
        return WORKSPACE, self.library.argument_layout(self.forward(FORWARD_TRAINING), WORKSPACE)


def _gradients(arrays: Arrays) -> Arrays:
    return [(number + _GRADIENT, layout) for number, layout in arrays]


Parts = tuple[Handle, Arrays, Arrays]  # the description, what goes in, what comes out


def recurrent_prediction(library: Library, cases: Sequence[Recurrent]) -> Shares:
    """(x, states, kernel, recurrent kernel, bias) -> (outputs, last states)."""
    return _shares(library, cases, lambda p: (p.forward(FORWARD_INFERENCE), p.given(), p.made()))


def recurrent_training(library: Library, cases: Sequence[Recurrent]) -> Shares:
    """The same, with what the gradient needs, of `workspace_size` numbers, as another result."""
    return _shares(library, cases, lambda p: (p.forward(FORWARD_TRAINING), p.given(), [*p.made(), p.workspace()]))


def recurrent_gradient(library: Library, cases: Sequence[Recurrent]) -> Shares:
    """(what goes in, what came out, workspace, gradients of what came out) -> gradients of what goes in.

    Those of the weights are found for each share: (shares, features, g * units) and so on.
    """

    def share(p: _Parts) -> Parts:
        arrays = [*p.given(), *p.made(), p.workspace(), *_gradients(p.made())]
        return p.backward(), arrays, _gradients(p.given())

    return _shares(library, cases, share)


def _shares(library: Library, cases: Sequence[Recurrent], parts: Callable[[_Parts], Parts]) -> Shares:
    def make(library: Library) -> list[Share]:
        layers = [_operations(library, case, parts) for case in cases]
        # What goes into any of them comes before all that comes out.
        first_input, first_output = 0, sum(len(inputs) for ((_, inputs, _), *_) in layers)
        shares = []
        for layer in layers:
            for operation, inputs, outputs in layer:
                places = (*enumerate(inputs, first_input), *enumerate(outputs, first_output))
                shares.append(Share(operation, places))
            first_input, first_output = first_input + len(inputs), first_output + len(outputs)
        return shares

    return Shares(library, make)


def _operations(
    library: Library, case: Recurrent, parts: Callable[[_Parts], Parts]
) -> list[tuple[Operation, list[int], list[int]]]:
    """For each share of a layer the operation, and in which byte its part of each input and each output begins."""
    found, begins = [], Counter[int]()
    for batch in case.shares:
        own = library.for_thread()
        description, inputs, outputs = parts(_Parts(own, case, batch))
        operation = Operation(own, description, inputs, outputs, Scratch(), slow=True)
        found.append((operation, [begins[number] for number, _ in inputs], [begins[number] for number, _ in outputs]))
        arrays = [*inputs, *outputs]
        begins.update({number: library.size(layout) for number, layout in arrays if number not in _SHARED})
    return found


@lru_cache(None)
def workspace_size(library: Library, case: Recurrent) -> int:
    """How many float32 numbers what the gradient needs takes."""
    return sum(library.size(_Parts(library, case, batch).workspace()[1]) for batch in case.shares) // 4


def prediction_shapes(case: Recurrent) -> list[Shape]:
    """Of the results of `recurrent_prediction` for a case."""
    batch = sum(case.shares)
    return [(batch, case.steps, case.units), *[(batch, case.units)] * STATES[case.kind]]


def training_shapes(library: Library, case: Recurrent) -> list[Shape]:
    return [*prediction_shapes(case), (workspace_size(library, case),)]


def gradient_shapes(case: Recurrent) -> list[Shape]:
    batch, columns, shares = sum(case.shares), GATES[case.kind] * case.units, len(case.shares)
    weights = (case.features, columns), (case.units, columns), (BIASES[case.kind] * case.units,)
    return [
        (batch, case.steps, case.features), *prediction_shapes(case)[1:], *((shares, *shape) for shape in weights)
    ]  # fmt: skip
