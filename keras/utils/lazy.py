"""Modules that are imported when first used, so that `import keras` stays quick."""

import importlib


class LazyModule:
    """Stands for a module; any attribute imports it."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)
