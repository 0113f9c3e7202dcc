"""A window that moves over an image, as elementwise steps on the image's shifted copies.

XLA's CPU compiler fuses such steps into loops that all cores share; the operations of its own that move a
window (grouped convolution, reduce_window and their gradients) go element by element on one core.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ...graph.ops.products import resolve_pads
from .device import on_cpu

Array = Any
Place = tuple[int, ...]
# Each place is an instruction or more in the program: beyond this compiling takes too long.
_MOST_PLACES = 64


@dataclass(frozen=True)
class Window:
    """How a window moves over the spatial axes of images with their channels last."""

    sizes: tuple[int, ...]  # of the image
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    @classmethod
    def over(cls, sizes: Any, window: Any, strides: Any, padding: Any, dilation: Any = None) -> Window:
        dilation = tuple(dilation or (1,) * len(window))
        pads = resolve_pads(padding, sizes, window, strides, dilation)
        return cls(tuple(sizes), tuple(window), tuple(strides), dilation, tuple((a, b) for a, b in pads))

    @property
    def places(self) -> Iterator[Place]:
        return np.ndindex(*self.window)

    @property
    def pays(self) -> bool:
        """Whether to work with shifted copies."""
        return on_cpu() and math.prod(self.window) <= _MOST_PLACES

    @property
    def spans(self) -> list[int]:
        """The distance from the window's first place to its last, for each axis."""
        return [(w - 1) * d for w, d in zip(self.window, self.dilation, strict=True)]

    @property
    def made(self) -> list[int]:
        """How many positions the window takes along each axis."""
        zipped = zip(self.sizes, self.pads, self.spans, self.strides, strict=True)
        return [(n + sum(pad) - span - 1) // s + 1 for n, pad, span, s in zipped]

    def padded(self, x: Array, fill: float = 0.0) -> Array:
        return jnp.pad(x, ((0, 0), *self.pads, (0, 0)), constant_values=fill)

    def seen(self, padded: Array, place: Place) -> Array:
        """What the window's place sees of the padded images as the window moves."""
        cuts = zip(place, self.dilation, self.made, self.strides, strict=True)
        return padded[(slice(None), *(slice(p * d, p * d + (n - 1) * s + 1, s) for p, d, n, s in cuts))]

    def apart(self, y: Array, fill: float = 0.0) -> Array:
        """Results of the window's positions put where the window's first place was, for `reached`."""
        zipped = zip(self.sizes, self.pads, self.spans, self.strides, y.shape[1:-1], strict=True)
        moves = [(span, before + n - (made - 1) * s - 1, s - 1) for n, (before, _), span, s, made in zipped]
        return lax.pad(y, np.array(fill, y.dtype), ((0, 0, 0), *moves, (0, 0, 0)))

    def reached(self, apart: Array, place: Place) -> Array:
        """For each element of the image the result that it went into through the window's place."""
        zipped = zip(place, self.dilation, self.spans, self.pads, self.sizes, strict=True)
        starts = [span - p * d + before for p, d, span, (before, _), _ in zipped]
        cuts = [slice(start, start + n) for start, n in zip(starts, self.sizes, strict=True)]
        return apart[(slice(None), *cuts)]
