"""`keras_preprocessing` and `keras_applications`: packages that came with Keras 2.2 and 2.3, and held parts of it.

Scripts import them, and tokenizers pickled then name them. Where they are not installed, our modules answer.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec

_TODAY = {"keras_preprocessing": "keras.preprocessing", "keras_applications": "keras.applications"}
_RENAMED = {".image.pictures": ".image.utils"}  # a part that was called otherwise


class OldPackages:
    """Finds the old packages, after all other finders; imports ours when somebody asks for one."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        return ModuleSpec(fullname, OldPackages) if fullname in _TODAY else None

    @staticmethod
    def create_module(spec):
        module = importlib.import_module(_TODAY[spec.name])
        spec.loader_state = module.__spec__
        return module

    @staticmethod
    def exec_module(module):
        old = module.__spec__
        module.__spec__ = old.loader_state  # the import system has put the old name's there
        # The parts too, or they would be found by their files and be imported a second time.
        for name in [name for name in sys.modules if name.startswith(module.__name__ + ".")]:
            part = name.removeprefix(module.__name__)
            sys.modules[old.name + _RENAMED.get(part, part)] = sys.modules[name]


def install():
    """Makes the old packages known to `import`, once."""
    if OldPackages not in sys.meta_path:
        sys.meta_path.append(OldPackages)
