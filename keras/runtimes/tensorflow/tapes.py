"""Derivatives by TensorFlow's tape.

Where the derivatives by two sources are one tensor - for x + y they are - `GradientTape.gradient` counts a reference to
it that nobody gives back (TensorFlow 2.21): it is never freed, nor the graph in which it is. An LSTM's training left
2 MB with each model. So a tape gets sources here whose derivatives differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import record

Array = Any


class Tape:
    """A tape over what is computed from `sources` while it is open (`with`).

    Args:
        sources: the tensors to differentiate by, each another one.

    Attributes:
        sources: the tensors to compute with in their place.
    """

    def __init__(self, sources: Sequence[Array]) -> None:
        self._watched = list(sources)
        self._stand_ins: list[tuple[Array, Array]] = []  # for a derivative that is another source's too, and that one
        self._tape = tf.GradientTape()

    def __enter__(self) -> Tape:
        self._tape.__enter__()
        self._tape.watch(self._watched)
        with record.stop_recording():
            self.sources = [tf.identity(source) for source in self._watched]
        if self.sources:
            record.record_operation("Sources", self.sources, self._watched, self._differing)
        return self

    def __exit__(self, *error: Any) -> None:
        self._tape.__exit__(*error)

    def _differing(self, *derivatives: Array) -> list[Array]:
        seen: set[int] = set()
        found = []
        for derivative in derivatives:
            if id(derivative) in seen:
                self._stand_ins.append((tf.identity(derivative), derivative))
                derivative = self._stand_ins[-1][0]
            seen.add(id(derivative))
            found.append(derivative)
        return found

    def gradient(self, results: Any, seeds: Any = None) -> list[Array]:
        """The derivatives by the sources; zeros where there are none. What is the same for two of them is one tensor.

        Args:
            results: one tensor, or several.
            seeds: the derivatives by these, ones by default.
        """
        zeros = tf.UnconnectedGradients.ZERO
        found = self._tape.gradient(results, self._watched, seeds, unconnected_gradients=zeros)
        meant = {id(stand_in): derivative for stand_in, derivative in self._stand_ins}
        return [meant.get(id(derivative), derivative) for derivative in found]
