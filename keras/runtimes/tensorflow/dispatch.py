"""Functions of TensorFlow applied to symbolic tensors record themselves.

Most of them ask a dispatcher when they are given something that they cannot convert. Those that do not are put
into a wrapper that does, where they are found: `tf.signal.rfft`, `tf.compat.v1.map_fn`.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from tensorflow.python.util import dispatch  # what KerasTensor used; there is no public name

from ...graph import ops
from ...graph.ops.control import conditional
from ...graph.ops.native import as_list
from ...graph.substitution import substitute
from ...graph.tensor import Tensor, Variable, adopted, as_tensor, scoped
from ..recording import leaves, record, symbolic
from . import old_metrics
from .callables import UpdatesWithin, has_functions, record_with_callables, trying, without_updates
from .runtime import RUNTIME

Function = Callable[..., Any]

# Public functions that do not ask the dispatcher (found by trying them out), by module; the names of TensorFlow 1
# are looked for in its modules too.
UNAWARE = {
    "": (
        "map_fn vectorized_map while_loop case switch_case scan foldl foldr arg_max arg_min py_function "
        "numpy_function py_func boolean_mask histogram_fixed_width guarantee_const required_space_to_batch_paddings "
        "convert_to_tensor_or_indexed_slices convert_to_tensor_or_sparse_tensor sparse_tensor_dense_matmul "
        "sparse_matmul reverse_sequence sparse_segment_sum sparse_segment_mean sparse_segment_sqrt_n "
        "sparse_add sparse_concat sparse_maximum sparse_minimum sparse_reduce_max sparse_reduce_sum sparse_reorder "
        "sparse_reshape sparse_retain sparse_slice sparse_softmax sparse_split sparse_tensor_to_dense sparse_transpose "
        "sparse_to_indicator"
    ),
    "signal": "rfft rfft2d rfft3d irfft irfft2d irfft3d fft fft2d fft3d ifft ifft2d ifft3d fftshift ifftshift",
    "spectral": "rfft rfft2d rfft3d irfft irfft2d irfft3d fft fft2d fft3d ifft ifft2d ifft3d",
    "math": "angle confusion_matrix",
    "linalg": "banded_triangular_solve slogdet tridiagonal_solve eigh_tridiagonal logm",
    "image": "psnr ssim",
    "debugging": "assert_equal",
    "sparse": (
        "from_dense sparse_dense_matmul matmul segment_sum segment_mean segment_sqrt_n add concat expand_dims "
        "map_values mask maximum minimum reduce_max reduce_sum reorder reshape retain slice softmax split to_dense "
        "to_indicator transpose"
    ),
    "sets": "difference intersection size union set_difference set_intersection set_size set_union",
    "nn": "embedding_lookup_sparse safe_embedding_lookup_sparse",
}


class _Dispatcher(dispatch.GlobalOpDispatcher):  # type: ignore[misc]
    """TensorFlow asks here when a function is given something that it cannot convert."""

    def handle(self, op: Function, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        return recorded(op, args, kwargs, self.NOT_SUPPORTED)


def recorded(function: Function, args: Sequence[Any], kwargs: dict[str, Any], otherwise: Any) -> Any:
    """The operation, or `otherwise` where no symbolic tensors are about."""
    known = symbolic((tuple(args), kwargs))
    name = str(kwargs.get("name") or "")
    if name.endswith("/"):  # a place in the user's graph; in a program it may be taken
        kwargs, name = {**kwargs, "name": None}, ""
    if not known and trying():
        return otherwise
    if not has_functions([list(args), kwargs]):
        return named(record(RUNTIME, function, args, kwargs), name, known) if known else otherwise
    if known:
        return record_with_callables(RUNTIME, function, args, kwargs)[0]
    try:  # the functions may know some
        result, reads = record_with_callables(RUNTIME, function, args, kwargs)
    except UpdatesWithin:
        raise
    except (TypeError, ValueError):
        return otherwise  # let TensorFlow say what is wrong
    return result if reads else otherwise


def named(result: Any, name: str, inputs: Sequence[Tensor]) -> Any:
    """The result, found by the name that the program gives it (`tf.identity(model.output, name='scores')`) for as long
    as what it is computed from is there."""
    if name and isinstance(result, Tensor) and result.made_by is not None:
        result.made_by.name = scoped(name)
        for x in inputs:
            vars(x).setdefault("_named_results", []).append(result)
    return result


def aware(function: Function) -> Function:
    """The function, which records itself when symbolic tensors are about."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if symbolic((args, kwargs)):
            return recorded(function, args, kwargs, None)
        try:
            return function(*args, **kwargs)
        except (TypeError, ValueError):
            result = recorded(function, args, kwargs, _NOTHING) if has_functions([list(args), kwargs]) else _NOTHING
            if result is _NOTHING:
                raise
            return result

    call.__wrapped_by_keras__ = True  # type: ignore[attr-defined]
    return call


_NOTHING = object()


def aware_maker(maker: Function) -> Function:
    """What makes functions of functions, such as `tf.custom_gradient`, for functions that record themselves."""

    @functools.wraps(maker)
    def make(*args: Any, **kwargs: Any) -> Any:
        made = maker(*args, **kwargs)
        return aware(made) if callable(made) else made

    make.__wrapped_by_keras__ = True  # type: ignore[attr-defined]
    return make


def gradients(function: Function) -> Function:
    """`tf.gradients`, which knows symbolic tensors."""

    @functools.wraps(function)
    def call(ys: Any, xs: Any, grad_ys: Any = None, *args: Any, **kwargs: Any) -> Any:
        if not symbolic([ys, xs]):
            return function(ys, xs, grad_ys, *args, **kwargs)
        targets, sources = [adopted(y) for y in as_list(ys)], [adopted(x) for x in as_list(xs)]
        if fixed := kwargs.get("stop_gradients"):
            ends = {x: ops.elementwise.stop_gradient(x) for x in as_list(fixed)}
            targets, sources = substitute(targets, ends), [ends.get(x, x) for x in sources]
        if grad_ys is not None:
            pairs = zip(targets, as_list(grad_ys), strict=True)
            targets = [y if g is None else y * ops.elementwise.stop_gradient(as_tensor(g, y)) for y, g in pairs]
        return ops.gradients(targets, sources)

    return call


def cond(function: Function) -> Function:
    """`tf.cond`, which makes the updates of the branch that is taken."""
    recording = aware(function)

    @functools.wraps(recording)
    def call(pred: Any, true_fn: Any = None, false_fn: Any = None, *args: Any, **kwargs: Any) -> Any:
        try:
            return recording(pred, true_fn, false_fn, *args, **kwargs)
        except UpdatesWithin:

            def branch(function: Function) -> list[Tensor]:
                results = leaves(without_updates(function()))
                nothing = [x is None or getattr(x, "type", None) == "NoOp" for x in results]  # `tf.no_op()`
                return [as_tensor(True if none else x) for none, x in zip(nothing, results, strict=True)]

            found = conditional(adopted(pred), lambda: branch(true_fn), lambda: branch(false_fn))
            return found[0] if len(found) == 1 else found

    return call


def concat(function: Function) -> Function:
    """`tf.concat`, also with the axis first, as TensorFlow had it before 1.0."""

    @functools.wraps(function)
    def call(values: Any, axis: Any, *args: Any, **kwargs: Any) -> Any:
        swapped = isinstance(values, int) and isinstance(axis, (list, tuple))
        return function(axis, values, *args, **kwargs) if swapped else function(values, axis, *args, **kwargs)

    return call


def is_tensor(function: Function) -> Function:
    """`tf.is_tensor`, which says yes of symbolic tensors, as it did when they were TensorFlow's own."""

    @functools.wraps(function)
    def call(x: Any) -> Any:
        return isinstance(x, Tensor) or function(x)

    return call


def assignment(function: Function, new: Callable[[Tensor, Tensor], Tensor]) -> Function:
    """`tf.assign` and its like, which give an update where the variable is ours: it is made when a session runs it."""

    @functools.wraps(function)
    def call(ref: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(ref, Variable):
            return function(ref, value, *args, **kwargs)
        return ref.assign(new(ref, as_tensor(value, ref)))  # type: ignore[attr-defined]  # K gives them that

    return call


def is_variable_initialized(function: Function) -> Function:
    """`tf.is_variable_initialized`: ours always are."""

    @functools.wraps(function)
    def call(variable: Any) -> Any:
        return tf.constant(True) if isinstance(variable, Variable) else function(variable)

    return call


def _install() -> None:
    _Dispatcher().register()
    # `import tensorflow.compat.v1` makes modules of its own, other than `tf.compat.v1` was before.
    roots = [tf, tf.compat.v1, importlib.import_module("tensorflow.compat.v1")]
    for root in dict.fromkeys(roots):
        root.gradients = gradients(root.gradients)
        root.cond = cond(root.cond)
        root.concat = concat(root.concat)
        root.is_tensor = is_tensor(root.is_tensor)
        for path, names in UNAWARE.items():
            module = getattr(root, path, None) if path else root
            for name in names.split():
                found = getattr(module, name, None)
                if callable(found) and not hasattr(found, "__wrapped_by_keras__"):
                    setattr(module, name, aware(found))
        for name, found in [] if root is tf else list(vars(root.metrics).items()):  # `tf.metrics` is of Keras now
            if callable(found) and not hasattr(found, "__wrapped_by_keras__"):
                setattr(root.metrics, name, old_metrics.recording(found))
        for name in ("custom_gradient", "recompute_grad"):
            setattr(root, name, aware_maker(getattr(root, name)))
    for root in dict.fromkeys(roots[1:]):
        root.assign = assignment(root.assign, lambda ref, value: value)
        root.assign_add = assignment(root.assign_add, lambda ref, value: ref + value)
        root.assign_sub = assignment(root.assign_sub, lambda ref, value: ref - value)
        root.is_variable_initialized = is_variable_initialized(root.is_variable_initialized)
    compiled = type(tf.function(lambda: None))  # what `@tf.function` makes
    compiled.__call__ = aware(compiled.__call__)


_install()
