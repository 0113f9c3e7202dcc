"""Traced functions that are called with flat lists of tensors.

A call of TensorFlow's own looks at the type of each argument once more, in Python. For 160 tensors, as many as the
weights and moments of a small Transformer, that takes 3.9 ms; without it a call takes 0.3.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import tensorflow as tf

from .. import memory

Array = Any
_compiling = threading.Lock()


class Traced:
    """A function of (lists of) tensors, traced for the shapes and dtypes of these arguments.

    Args:
        xla: whether XLA compiles it.
    """

    def __init__(self, function: Callable[..., Any], arguments: Sequence[Any], xla: bool) -> None:
        specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), arguments)
        # Without the names and defaults of parameters: the public call would ask for them.
        traced = tf.function(lambda *given: function(*given), autograph=False, jit_compile=xla or None)
        with tf.device(None):  # scopes that are open now are no matter of what has been built
            self._concrete = traced.get_concrete_function(*specs)
        self._quick = True  # until a call has shown that this TensorFlow has no such way

    def __call__(self, arguments: Sequence[Any]) -> list[Array]:
        """All results, in one list."""
        if not self._quick:
            return self._by_the_public_call(arguments)
        try:
            flat = tf.nest.flatten(arguments)
            results = self._concrete.inference_fn.call_flat(*flat, *self._concrete.captured_inputs)
            return list(results or ())  # None where there are none
        except (AttributeError, TypeError, ValueError):
            # No public name, though the releases from 2.18 to 2.21 have it. What the program itself raises, it
            # raises again.
            results = self._by_the_public_call(arguments)
            self._quick = False
            return results

    def _by_the_public_call(self, arguments: Sequence[Any]) -> list[Array]:
        return list(tf.nest.flatten(self._concrete(*arguments)))

    def compile_beside(self, arguments: Sequence[Any]) -> None:
        """Has TensorFlow compile what it compiles on the first call, in a thread: a call that comes too soon waits.

        The thread makes one call, whose results nobody gets: of arguments with which there is little to compute. A
        process that ends meanwhile waits for it, for the compiler would not survive it.

        Programs are compiled one after the other: seven at once took 125 MB, and 40 in turn. The compiler leaves 15 to
        25 MB of free memory in its threads' heaps; giving it back takes 5 ms.
        """

        def call() -> None:
            with _compiling:
                # With TensorFlow 1's ways a thread would have to switch settings of the whole process. An error comes
                # again, where somebody sees it. A process that ends needs no more programs.
                if tf.executing_eagerly() and threading.main_thread().is_alive():
                    with suppress(Exception):
                        self(arguments)
                    memory.give_back()

        threading.Thread(target=call, name="XLA compiles").start()

    def inline(self, arguments: Sequence[Any]) -> Any:
        """What it gives, in its own structure, as part of another function that is being traced."""
        return self._concrete(*arguments)

    @property
    def results(self) -> Any:
        """Tensors, or specifications, with the shapes and dtypes of what it gives, in its own structure."""
        return self._concrete.structured_outputs

    @property
    def graph(self) -> Any:
        """TensorFlow's graph of it."""
        return self._concrete.graph
