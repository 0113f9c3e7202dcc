"""K by the name that Keras 2's TensorFlow backend had: `K.tensorflow_backend`, `KTF`.

Whatever K has is found here too, on whichever runtime; beside it, a few names that only this
module had.
"""

from builtins import all as py_all
from builtins import any as py_any
from builtins import slice as py_slice
from builtins import sum as py_sum

from .. import backend as K
from .config import runtime


def __getattr__(name):
    return getattr(K, name)


def __dir__():
    return sorted({*globals(), *dir(K)})


def get_graph():
    """The graph, as a session shows it: there is only one."""
    return K.get_session().graph


def v1_variable_initialization():
    """Without effect: variables take their first value when they are first read."""


def _get_available_gpus():
    """Names of the graphics processors that the runtime can use, such as '/device:GPU:0'."""
    devices = [name.partition(":") for name in runtime().devices()]
    return [f"/device:GPU:{number}" for kind, _, number in devices if kind in ("gpu", "cuda", "rocm")]


__all__ = K.__all__ + ["get_graph", "py_all", "py_any", "py_slice", "py_sum", "v1_variable_initialization"]
