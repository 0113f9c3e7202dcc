"""Convolution and its two gradients, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import sparse
from .afterwards import Afterwards, Step
from .library import DIFF_BIAS, DIFF_DST, DIFF_SRC, DIFF_WEIGHTS, DST, FORWARD_TRAINING, SRC, WEIGHTS, Handle, Library
from .operation import Operation, dense, free, integers

_DIRECT = 1


class Convolution(NamedTuple):
    """What a convolution is made of: image (batch, *sizes, channels), kernel (*window, channels / groups, filters).

    Attributes:
        pads: (before, after) for each axis of space.
        groups: how many; each of them makes its share of the filters of its share of the channels.
        then: what is done to the result.
    """

    batch: int
    sizes: tuple[int, ...]
    channels: int
    window: tuple[int, ...]
    filters: int
    strides: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1
    then: tuple[Step, ...] = ()

    @property
    def kernel(self) -> tuple[int, ...]:
        return (*self.window, self.channels // self.groups, self.filters)

    @property
    def depthwise(self) -> bool:
        """Whether each channel has one filter of its own."""
        return self.channels == self.filters == self.groups > 1

    @property
    def made(self) -> tuple[int, ...]:
        """The result's axes of space."""
        axes = zip(self.sizes, self.window, self.strides, self.pads, self.dilation, strict=True)
        return tuple((n + sum(p) - (w - 1) * d - 1) // s + 1 for n, w, s, p, d in axes)

    @property
    def result(self) -> tuple[int, ...]:
        """The result's shape."""
        return (self.batch, *self.made, self.filters)


class _Parts:
    """oneDNN's names for the arrays of a convolution. It counts axes as (batch, channels, *space)."""

    def __init__(self, library: Library, case: Convolution) -> None:
        rank = len(case.sizes)
        space = tuple(range(2, rank + 2))
        last = (0, *space, 1)
        kernel: tuple[int, ...] = (case.filters // case.groups, case.channels // case.groups, *case.window)
        order = (*space, 1, 0)
        if case.groups > 1:
            kernel = (case.groups, *kernel)
            order = (*(axis + 1 for axis in space), 2, 0, 1)
        self.library = library
        self.image = dense(library, (case.batch, case.channels, *case.sizes), last)
        self.kernel = dense(library, kernel, order)
        self.free_kernel = free(library, kernel)
        self.result = dense(library, (case.batch, case.filters, *case.made), last)
        each = (1, case.filters, *[1] * rank)
        self.then = Afterwards(library, case.then, dense(library, each, last), self.result)
        self.how = (
            integers(case.strides), integers([d - 1 for d in case.dilation]),
            integers([before for before, _ in case.pads]), integers([after for _, after in case.pads]),
        )  # fmt: skip

    def forward(self, bias: Handle | None = None) -> Handle:
        return self.library.make(
            "dnnl_convolution_forward_primitive_desc_create", self.library.engine, FORWARD_TRAINING, _DIRECT,
            self.image, self.free_kernel, bias, self.result, *self.how, self.then.attribute,
        )  # fmt: skip


class _Gradient(Operation):
    """A gradient, by the given function of `sparse` where that will do it."""

    def __init__(
        self, library: Library, description: Handle, inputs: Sequence[tuple[int, Handle]],
        outputs: Sequence[tuple[int, Handle]], by_places: Callable[[Convolution, Sequence[int]], bool],
        case: Convolution,
    ) -> None:  # fmt: skip
        super().__init__(library, description, inputs, outputs)
        self._by_places, self._case = by_places, case

    def run(self, pointers: Sequence[int], hand_over: bool = False) -> None:
        if not self._by_places(self._case, pointers):
            super().run(pointers, hand_over)


def convolution(library: Library, case: Convolution) -> Operation:
    """(image, kernel, what `then` reads) -> result."""
    parts = _Parts(library, case)
    arrays = [(SRC, parts.image), (WEIGHTS, parts.kernel), *parts.then.inputs]
    return Operation(library, parts.forward(), arrays, [(DST, parts.result)], constants=parts.then.constants)


def image_gradient(library: Library, case: Convolution) -> Operation:
    """(gradient of the result, kernel) -> gradient of the image."""
    parts = _Parts(library, case)
    description = library.make(
        "dnnl_convolution_backward_data_primitive_desc_create", library.engine, _DIRECT,
        parts.image, parts.free_kernel, parts.result, *parts.how, parts.forward(), None,
    )  # fmt: skip
    arrays = [(DIFF_DST, parts.result), (WEIGHTS, parts.kernel)]
    return _Gradient(library, description, arrays, [(DIFF_SRC, parts.image)], sparse.image_gradient, case)


def kernel_gradient(library: Library, case: Convolution) -> Operation:
    """(image, gradient of the result) -> gradient of the kernel."""
    return _weight_gradients(library, case, None)


def kernel_and_bias_gradient(library: Library, case: Convolution) -> Operation:
    """(image, gradient of the result) -> gradients of the kernel and of a bias."""
    return _weight_gradients(library, case, dense(library, (case.filters,), (0,)))


def _weight_gradients(library: Library, case: Convolution, bias: Handle | None) -> Operation:
    parts = _Parts(library, case)
    description = library.make(
        "dnnl_convolution_backward_weights_primitive_desc_create", library.engine, _DIRECT,
        parts.image, parts.free_kernel, bias, parts.result, *parts.how, parts.forward(bias), None,
    )  # fmt: skip
    arrays = [(SRC, parts.image), (DIFF_DST, parts.result)]
    made = [(DIFF_WEIGHTS, parts.kernel), *([] if bias is None else [(DIFF_BIAS, bias)])]
    return _Gradient(library, description, arrays, made, sparse.weight_gradients, case)
