"""`keras_preprocessing`: the package that this part of Keras 2 lived in."""

import importlib.util
import sys


def stand_in(package):
    """`keras_preprocessing`: if that is not installed, `package`, our `keras.preprocessing`, answers for it.

    Tokenizers that were pickled under Keras 2.2 and later name its modules, as some scripts do.
    """
    name = "keras_preprocessing"
    if name not in sys.modules and importlib.util.find_spec(name) is None:
        for module in (package, package.image, package.sequence, package.text):
            sys.modules[name + module.__name__.removeprefix(package.__name__)] = module
    return sys.modules.get(name, package)
