"""Variables, placeholders, constants, and questions about tensors."""

from __future__ import annotations

import math
import weakref
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from ..graph import dtypes, ops
from ..graph.tensor import (
    Constant, DeferredConstant, Placeholder, Tensor, Variable, as_tensor, name_scope as _graph_scope, scoped,
    topological,
)  # fmt: skip
from ..runtimes.contract import stored_dtype
from ..runtimes.interrupts import Whole
from .config import floatx, runtime
from .sparse import SparseTensor, marked_sparse

# Constants of so many values are made at once, larger ones when they are wanted.
SMALL = 1 << 12

_uids: dict[str, int] = defaultdict(int)


def get_uid(prefix: str = "") -> int:
    """1, 2, 3, ... for each prefix: the numbers in automatic layer names."""
    _uids[prefix] += 1
    return _uids[prefix]


def reset_uids() -> None:
    """Starts the numbers of automatic names again."""
    _uids.clear()
    _listed.clear()


@contextmanager
def name_scope(name: str, default_name: str | None = None, values: Any = None):
    """Within it, names of variables begin with `name/`."""
    with _graph_scope(name or default_name or "scope"):
        yield name


def device_scope(name: str) -> AbstractContextManager[Any]:
    """Within it, operations and variables are built for a device.

    Beyond Keras 2, where `tf.device` was taken: this one is there on every runtime. TensorFlow (where
    `with tf.device(name):` is the same) and PyTorch place what is built inside; a device that the process does
    not have counts for nothing. The other runtimes keep the name (`tensor.device`) and compute where they compute
    anyway.

    Args:
        name: such as '/cpu:0', '/gpu:1'.

    Example:
        with K.device_scope('/gpu:1'):
            encoded = shared_lstm(tweet)
    """
    return runtime().device_scope(name)


def _variable_name(name: str | None) -> str:
    return _tensor_name(name or f"Variable_{get_uid('Variable')}")


def _tensor_name(name: str) -> str:
    return scoped(name) if ":" in name else f"{scoped(name)}:0"


def variable(value: Any, dtype: Any = None, name: str | None = None, constraint: Any = None) -> Variable:
    """A value that is kept between calls.

    Args:
        value: NumPy array, number, SciPy sparse matrix, or a tensor that depends on no input. A
            tensor is evaluated when the variable is first read.
        dtype: default `K.floatx()`.
        name: within `K.name_scope`s.
        constraint: function applied by optimizers after an update.
    """
    runtime()  # while a model is built is the time to import the engine, not in its first step
    dtype = dtypes.canonical(dtype or floatx())
    if isinstance(value, Tensor):
        if not _independent(value):
            value = eval(value)
    sparse = hasattr(value, "tocoo")
    if sparse:
        value = value.toarray()
    if isinstance(value, Tensor):
        shape: Sequence[Any] = value.shape
        if None in shape:
            value = eval(value)
            shape = value.shape
        result = Variable(shape, dtype, _variable_name(name), value)
    else:
        array = np.array(value, dtype=dtypes.to_numpy(dtype))
        result = Variable(array.shape, dtype, _variable_name(name), array)
        if array.size <= SMALL:
            result.start = Constant(array, dtype)
    result.constraint = constraint
    result._keras_shape = tuple(result.shape)
    result._uses_learning_phase = False
    list_tensor(result)
    return marked_sparse(result) if sparse else result


# For programs for TensorFlow 1, which ask for all variables; in the order in which they were made.
_listed: weakref.WeakValueDictionary[int, Tensor] = weakref.WeakValueDictionary()


def list_tensor(x: Tensor) -> None:
    """Puts it on the list of those that are there."""
    _listed[id(x)] = x


def listed_tensors() -> list[Tensor]:
    """The variables (and what else was listed) since the last `clear_session`, as far as they are still there."""
    return list(_listed.values())


def _whole(shape: Any) -> tuple[int | None, ...]:
    """The sizes of a shape as ints; 392.0 will do, as what comes out of a division."""
    sizes = tuple(shape)
    try:
        whole = tuple(None if size is None else int(size) for size in sizes)
    except (TypeError, ValueError, OverflowError):
        whole = ()
    if whole != sizes or any(size is not None and size < 0 for size in whole):
        raise ValueError(f"The sizes of a shape are whole numbers from 0 on, or None where unknown. Got {shape!r}.")
    return whole


def _independent(x: Tensor) -> bool:
    """Whether the value follows from constants and random numbers alone, so that it can wait."""
    leaves = [t for t in topological([x]) if t.made_by is None]
    for leaf in leaves:
        if isinstance(leaf, Placeholder):
            raise ValueError(
                f"A variable cannot start as {x!r}: it depends on the input {leaf!r}, whose value is "
                "only known when a function runs. Give numbers, or a tensor made without inputs."
            )
    return not any(isinstance(leaf, Variable) for leaf in leaves)


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Tensor:
    """A fixed value; with `shape`, one number (or a flat list) that fills it."""
    dtype = dtypes.canonical(dtype or floatx())
    array = np.asarray(value, dtype=dtypes.to_numpy(dtype))
    if shape is not None and array.size == 1:
        return deferred(lambda: np.broadcast_to(array.reshape(()), shape), shape, dtype, name)
    return Constant(array if shape is None else array.reshape(shape), dtype, name)


def deferred(make: Callable[[], Any], shape: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A fixed value that `make()` gives as an array of that shape: at once if it is small, else when it is wanted."""
    dtype = dtypes.canonical(dtype or floatx())
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(map(int, shape))
    if math.prod(shape) <= SMALL:
        return Constant(make(), dtype, name)
    return DeferredConstant(make, shape, dtype, name)


def placeholder(
    shape: Any = None, ndim: int | None = None, dtype: Any = None, sparse: bool = False, name: str | None = None
) -> Placeholder:
    """A tensor whose value is given when a function is called.

    Args:
        shape: tuple of ints, None where unknown.
        ndim: number of axes, where no shape is given.
        sparse: SciPy sparse matrices may be fed; they are made dense.

    Raises:
        ValueError: if neither shape nor ndim is given, or a size is no whole number, or negative.
    """
    runtime()  # as in `variable`
    if shape is None:
        if ndim is None:
            raise ValueError(
                "K.placeholder: specify either a shape or ndim value; the number of axes has to be known. "
                "`shape=(None,)` is a vector of any length, `shape=()` a number."
            )
        shape = (None,) * ndim
    shape = _whole(shape)
    result = Placeholder(shape, dtypes.canonical(dtype or floatx()), _tensor_name(name) if name else None)
    result._keras_shape = shape
    return marked_sparse(result) if sparse else result


def zeros(shape: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A variable of zeros (a tensor, if the shape depends on one)."""
    return _filled(0, shape, dtype, name)


def ones(shape: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A variable of ones (a tensor, if the shape depends on one)."""
    return _filled(1, shape, dtype, name)


def _filled(value: float, shape: Any, dtype: Any, name: str | None) -> Tensor:
    dtype = dtypes.canonical(dtype or floatx())
    size = ops.shape_vector(shape)
    dims = ops.static_dims(size)
    if dims is not None and any(d is not None and d < 0 for d in dims):
        raise ValueError(f"K.zeros and K.ones need known sizes (or symbolic ones, K.shape(x)[0]), got {shape!r}.")
    if dims is None or None in dims:
        return ops.broadcast_to(Constant(value, dtype), size)
    filling = np.asarray(value, dtypes.to_numpy(dtype))
    return variable(DeferredConstant(lambda: np.broadcast_to(filling, dims), dims, dtype), dtype, name)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """A variable holding the identity matrix (`size` an int or (rows, columns))."""
    rows, columns = size if isinstance(size, (tuple, list)) else (size, size)
    return variable(np.eye(rows, columns), dtype, name)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Zeros in the shape of x."""
    return _like(0, x, dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """Ones in the shape of x."""
    return _like(1, x, dtype)


def _like(value: float, x: Any, dtype: Any) -> Tensor:
    x = as_tensor(x)
    filling = Constant(value, dtypes.canonical(dtype or x.dtype))
    size = ops.shape_vector(x.shape) if x.shape.known else ops.shape(x)
    return ops.broadcast_to(filling, size)


def identity(x: Any, name: str | None = None) -> Tensor:
    """A new tensor with the content of x."""
    return ops.identity(as_tensor(x))


def random_uniform_variable(
    shape: Any, low: float, high: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable that starts with uniform numbers in [low, high). See `random_normal_variable`."""
    from .random import random_uniform

    return variable(random_uniform(shape, low, high, dtype, seed), dtype, name)


def random_normal_variable(
    shape: Any, mean: float, scale: float, dtype: Any = None, name: str | None = None, seed: int | None = None
) -> Variable:
    """A variable that starts with normal numbers.

    Args:
        mean, scale: their mean and standard deviation.
        dtype, name: as in `variable`.
        seed: None: drawn from NumPy's global generator.
    """
    from .random import random_normal

    return variable(random_normal(shape, mean, scale, dtype, seed), dtype, name)


# Values.


def get_value(x: Any) -> np.ndarray:
    """The value of a variable as a NumPy array (a NumPy number, if it has no axes)."""
    if isinstance(x, Variable):
        return _read(x)
    return eval(x) if isinstance(x, Tensor) else np.asarray(x)


def _read(x: Variable) -> Any:
    value = runtime().read(x)
    return value if value.ndim else value[()]


def batch_get_value(ops: Iterable[Any]) -> list[np.ndarray]:
    """The values of several variables; an update among them is made, and gives the new value."""
    ops = list(ops)
    if all(isinstance(x, Variable) for x in ops):
        return [_read(x) for x in ops]
    from .functions import Update
    from .session import get_session

    if any(isinstance(x, Update) for x in ops):
        return list(get_session().run(ops))
    return [get_value(x) for x in ops]


def set_value(x: Variable, value: Any) -> None:
    """Sets the value of a variable.

    Raises:
        ValueError: if the shape is not the variable's.
    """
    batch_set_value([(x, value)])


def batch_set_value(tuples: Iterable[tuple[Variable, Any]]) -> None:
    """Sets several variables; all are checked before the first one changes."""
    checked = []
    for x, value in tuples:
        if not isinstance(x, Variable):
            raise TypeError(f"K.set_value sets variables; {x!r} is not one.")
        array = np.asarray(value if not isinstance(value, Tensor) else eval(value))
        if array.shape != tuple(x.shape):
            if array.size != 1 or x.shape:
                raise ValueError(
                    f"The variable '{x.name}' has shape {tuple(x.shape)}; it cannot be set to a value of "
                    f"shape {array.shape}."
                )
            array = array.reshape(())
        try:
            checked.append((x, np.asarray(array, dtype=stored_dtype(x))))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"The variable '{x.name}' holds {x.dtype}; it cannot be set to values of type {array.dtype} ({error})."
            ) from error
    with Whole():  # Ctrl-C leaves none of them behind
        for x, array in checked:
            runtime().write(x, array)


def eval(x: Any) -> np.ndarray:
    """The value of a tensor that depends on no placeholder, or of an update, which is made then.

    So are those of the metric that gave the tensor (`K.eval(metric(y_true, y_pred))`).
    """
    from .functions import Update, function

    if isinstance(x, Update):
        return function([], [x.value], updates=[x])([])[0]
    if isinstance(x, Variable):
        return runtime().read(x)
    if isinstance(x, Constant):
        return np.array(x.value)
    if isinstance(x, SparseTensor):
        return eval(x.dense)
    if not isinstance(x, Tensor):
        return np.asarray(x)
    leaves = [t for t in topological([x]) if t.made_by is None]
    for leaf in leaves:
        if isinstance(leaf, Placeholder) and not leaf._uses_learning_phase:
            raise ValueError(
                f"{x!r} has no numbers yet, it depends on the input {leaf!r}. In layers, losses and metrics write "
                "`K.mean(x)` instead of NumPy's `np.mean(x)`; to have the numbers use K.function([input], [x]) and "
                "call it with a value. A function of the engine that does not know symbolic tensors is applied with "
                "K.native(function)(x)."
            )
    return function([], [x], updates=getattr(x, "_updates_on_eval", None))([])[0]


# Questions.


def is_tensor(x: Any) -> bool:
    """Whether x is a symbolic tensor."""
    return isinstance(x, Tensor)


def is_variable(x: Any) -> bool:
    """Whether x is a variable."""
    return isinstance(x, Variable)


def is_placeholder(x: Any) -> bool:
    """Whether x is a placeholder."""
    return isinstance(x, Placeholder)


def is_symbolic(x: Any) -> bool:
    """Whether x is a symbolic tensor without a value of its own."""
    return isinstance(x, Tensor) and not isinstance(x, Variable)


def is_keras_tensor(x: Any) -> bool:
    """Whether x was returned by a layer (or `Input`).

    Raises:
        ValueError: if x is not a symbolic tensor at all.
    """
    if not isinstance(x, Tensor):
        raise ValueError(
            f"Unexpectedly found an instance of type `{type(x).__name__}`. Expected a symbolic tensor instance, "
            "such as `keras.Input(shape=...)` or the output of a layer."
        )
    return hasattr(x, "_keras_history")


def shape(x: Any) -> Tensor:
    """The shape of x as a symbolic int32 vector."""
    return ops.shape(as_tensor(x))


def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """The static shape of x: a tuple of ints, None where unknown."""
    if hasattr(x, "_keras_shape"):
        return x._keras_shape
    found = getattr(x, "shape", None)
    return None if found is None else tuple(found)


def get_variable_shape(x: Any) -> tuple[int | None, ...] | None:
    """The static shape of a variable."""
    return int_shape(x)


def ndim(x: Any) -> int:
    """The number of axes of x."""
    return len(x.shape)


def size(x: Any, name: str | None = None) -> Tensor:
    """The number of elements of x, symbolic."""
    return ops.reduce_prod(ops.shape(as_tensor(x)), axes=(0,))


def count_params(x: Any) -> int:
    """The number of elements of x, from its static shape."""
    return int(np.prod(int_shape(x), dtype=np.int64))


def dtype(x: Any) -> str:
    """The dtype of x as a string."""
    return str(x.dtype) if hasattr(x, "dtype") else np.asarray(x).dtype.name


def print_tensor(x: Any, message: str = "") -> Any:
    """x itself, printed with a message whenever a program computes it."""
    return ops.print_tensor(as_tensor(x), message=str(message))


def pattern_broadcast(x: Any, broadcastable: Any) -> Any:
    """x itself (a Theano notion: here axes of size 1 always broadcast)."""
    return x


def manual_variable_initialization(value: bool) -> None:
    """Accepted and without effect: variables are initialised when first read."""


def transpose_shape(shape: Sequence[Any], target_format: str, spatial_axes: Sequence[int]) -> Any:
    """A channels-last shape put in the order of `target_format`.

    Args:
        shape: tuple with the batch first (if the spatial axes begin at 1) and the channels last.
        spatial_axes: places of the spatial axes in `shape`.
    """
    if target_format == "channels_first":
        head = tuple(shape[: spatial_axes[0]])
        return head + (shape[-1],) + tuple(shape[i] for i in spatial_axes)
    if target_format == "channels_last":
        return tuple(shape)
    raise ValueError(f"The data format must be 'channels_first' or 'channels_last'. Received: {target_format!r}")


class Initialization:
    """What `variable.initializer` is: `run()` starts the variable anew, as operations of TensorFlow 1 did.

    Example:
        for layer in model.layers:
            if hasattr(layer, 'kernel_initializer'):
                layer.kernel.initializer.run(session=K.get_session())
    """

    def __init__(self, variable: Variable) -> None:
        self.variable = variable
        self._draw: Any = None

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Gives the variable a new first value; random numbers are drawn again.

        Raises:
            ValueError: for a variable that was made from a large array, which is not kept.
        """
        start = self.variable.start
        if start is None:
            raise ValueError(f"{self.variable!r} was made from an array, which is not kept: use K.set_value.")
        if self._draw is None:
            from .functions import function

            self._draw = function([], [start])
            self._draw([])  # the first draw is the value that the variable started with
        set_value(self.variable, self._draw([])[0])


def _initialization(variable: Variable) -> Initialization:
    if "_initialization" not in vars(variable):
        variable._initialization = Initialization(variable)
    return variable._initialization


def _eval(self: Tensor, feed_dict: Any = None, session: Any = None) -> Any:
    """The value of a tensor, for the values of other tensors given. (Any session will do.)"""
    from .session import get_session

    return eval(self) if feed_dict is None else get_session().run(self, feed_dict)


def _as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    if runtime().is_asking():
        raise TypeError(
            f"{self!r} is symbolic. A function of {runtime().title} that does not know symbolic tensors is applied "
            "with K.native(function)(x)."
        )
    return np.asarray(eval(self), dtype=dtype)


def _assign(self: Variable, value: Any) -> Any:
    """Sets numbers at once. A tensor is computed and set whenever the update that this gives is run (`session.run`,
    `K.function(..., updates=[...])`), as TensorFlow 1's operation was.
    """
    from .functions import update

    if not isinstance(value, Tensor):
        set_value(self, value)
    return update(self, value)


def _attach_values() -> None:
    """Gives tensors their conveniences that need a runtime."""
    Tensor.eval = _eval
    Tensor.numpy = lambda self: eval(self)
    Tensor.__array__ = _as_array
    Variable.assign = _assign
    Variable.assign_add = lambda self, value: _assign(self, self + value)
    Variable.assign_sub = lambda self, value: _assign(self, self - value)
    Variable.initializer = property(_initialization)
    # What variables of TensorFlow 1 and of Theano had.
    Variable.load = lambda self, value, session=None: set_value(self, value)
    Variable.value = Variable.read_value = lambda self: identity(self)
    Variable.get_value = lambda self, borrow=False, return_internal_type=False: get_value(self)
    Variable.set_value = lambda self, value, borrow=False: set_value(self, value)


_attach_values()

__all__ = [
    "batch_get_value", "batch_set_value", "constant", "count_params", "device_scope", "dtype", "eval", "eye",
    "get_uid", "get_value", "get_variable_shape", "identity", "int_shape", "is_keras_tensor", "is_placeholder",
    "is_symbolic", "is_tensor", "is_variable", "manual_variable_initialization", "name_scope", "ndim", "ones",
    "ones_like", "pattern_broadcast", "placeholder", "print_tensor", "random_normal_variable",
    "random_uniform_variable", "reset_uids", "set_value", "shape", "size", "transpose_shape", "variable", "zeros",
    "zeros_like",
]  # fmt: skip
