"""`tf.metrics` of TensorFlow 1 on symbolic tensors.

A metric there has variables of its own in the graph, and gives its value and an operation that updates them. Here the
variables lie beside our programs, and are updated whenever a program runs. The value is the one after the update:
programs for TensorFlow 1 asked for the update alone (`tf.metrics.auc(y_true, y_pred)[1]`), or put it before the value
by `tf.control_dependencies`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from ...graph.tensor import Tensor
from ..recording import each, leaves, record, symbolic
from .runtime import RUNTIME
from .scopes import in_version_2

Function = Callable[..., Any]


class _Metric:
    """One call of a metric in the user's program: the variables that it has are its own."""

    def __init__(self, function: Function, args: Any, kwargs: Any) -> None:
        given = leaves((args, kwargs))
        self._places = [n for n, x in enumerate(given) if isinstance(x, Tensor)]
        specs = [tf.TensorSpec([None] * len(given[n].shape), given[n].dtype) for n in self._places]

        def build(*placeholders: Any) -> Any:
            tensors = iter(placeholders)
            places, names = each((args, kwargs), lambda x: next(tensors) if isinstance(x, Tensor) else x)
            with tf.compat.v1.variable_scope("metric", use_resource=True):
                return function(*places, **names)

        whole = tf.compat.v1.wrap_function(build, specs)
        value, update = whole.structured_outputs
        self._update = whole.prune(whole.inputs[: len(specs)], update)
        self._value = whole.prune([], value)

    def __call__(self, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        given = leaves((args, kwargs))
        update = self._update(*(given[n] for n in self._places))
        update = tf.nest.map_structure(tf.identity, update)  # only who reads a function's result waits for its updates
        with tf.control_dependencies(tf.nest.flatten(update)):
            return self._value(), update


def recording(function: Function) -> Function:
    """A metric of TensorFlow 1 that records itself when it is given symbolic tensors."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if not symbolic((args, kwargs)):
            return function(*args, **kwargs)
        return tuple(record(RUNTIME, in_version_2(_Metric)(function, args, kwargs), args, kwargs))

    call.__wrapped_by_keras__ = True  # type: ignore[attr-defined]
    return call
