"""Names inside Keras 2's backend modules that were never public and that scripts took all the same."""

from . import config, session
from .variables import _uids

_SETTINGS = {
    "_BACKEND": config.backend,
    "_EPSILON": config.epsilon,
    "_FLOATX": config.floatx,
    "_IMAGE_DATA_FORMAT": config.image_data_format,
}


def find(name, module="keras.backend"):
    """The value of such a name: a setting as it is now, the counters of names, or `K.tf`: TensorFlow by the names that
    it had when scripts wrote so, those of version 1.

    Raises:
        AttributeError: if it is none of them.
        ImportError: for `tf`, if another runtime is in use.
    """
    if name in _SETTINGS:
        return _SETTINGS[name]()
    if name == "_UID_PREFIXES":
        return _uids
    if name == "_SESSION":
        return session.get_session()
    if name == "tf":
        return _tensorflow()
    if name == "control_flow_ops":  # K.control_flow_ops.while_loop
        return _tensorflow()
    raise AttributeError(f"module {module!r} has no attribute {name!r}")


def _tensorflow():
    if config.backend() != "tensorflow":
        raise ImportError(
            f"`keras.backend.tf` is TensorFlow, and Keras runs on {config.backend()!r} now. Write the step with "
            "functions of `keras.backend`, or set KERAS_BACKEND=tensorflow (pip install keras-classic[tensorflow])."
        )
    import tensorflow

    return tensorflow.compat.v1
