"""For code written for the package keras_applications, which is told which Keras to use."""

import functools

from .. import backend, layers, models, utils

MODULES = {"backend": backend, "layers": layers, "models": models, "utils": utils}


def keras_modules_injection(base_fun):
    """Decorator: `base_fun` gets this Keras's modules as `backend`, `layers`, `models` and `utils`.

    Example:
        from keras_applications import resnext
        ResNeXt50 = keras_modules_injection(resnext.ResNeXt50)
    """

    @functools.wraps(base_fun)
    def wrapper(*args, **kwargs):
        return base_fun(*args, **{**kwargs, **MODULES})

    return wrapper
