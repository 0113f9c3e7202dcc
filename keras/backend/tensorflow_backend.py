"""K by the name that Keras 2's TensorFlow backend had: `K.tensorflow_backend`, `KTF`.

Whatever K has is found here too, on whichever runtime; beside it, a few names that only this module had.
"""

from builtins import all as py_all
from builtins import any as py_any
from builtins import slice as py_slice
from builtins import sum as py_sum
from types import SimpleNamespace

from .. import backend as K
from .config import normalize_data_format, runtime
from .nn import normalize_batch_in_training

# Servers set its `value` to True in each thread, because Keras 2.3 knew graphs by threads; here it has no effect.
_SYMBOLIC_SCOPE = SimpleNamespace(value=True)

_regular_normalize_batch_in_training = normalize_batch_in_training
_broadcast_normalize_batch_in_training = normalize_batch_in_training


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


def _initialize_variables(session):
    """Without effect: variables take their first value when they are first read."""


def _to_tensor(x, dtype):
    """A number, array or tensor as a tensor of that type."""
    return K.cast(x, dtype) if K.is_tensor(x) else K.constant(x, dtype)


def _preprocess_padding(padding):
    """TensorFlow's name of a padding: 'SAME' or 'VALID'."""
    if padding not in ("same", "valid"):
        raise ValueError(f"Invalid padding: {padding!r}. Wanted 'same' or 'valid'.")
    return padding.upper()


def _channels_last(x, data_format, names):
    if normalize_data_format(data_format) == "channels_first":
        x = K.permute_dimensions(x, (0, *range(2, K.ndim(x)), 1))
    return x, names


def _preprocess_conv1d_input(x, data_format):
    """x with the channels last, and TensorFlow's name of that order: 'NWC'."""
    return _channels_last(x, data_format, "NWC")


def _preprocess_conv2d_input(x, data_format, force_transpose=False):
    """x with the channels last, and TensorFlow's name of that order: 'NHWC'."""
    return _channels_last(x, data_format, "NHWC")


def _preprocess_conv3d_input(x, data_format):
    """x with the channels last, and TensorFlow's name of that order: 'NDHWC'."""
    return _channels_last(x, data_format, "NDHWC")


__all__ = K.__all__ + ["get_graph", "py_all", "py_any", "py_slice", "py_sum", "v1_variable_initialization"]
