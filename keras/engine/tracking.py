"""How a layer comes to know the layers and weights that are assigned to its attributes."""

import functools

from .. import backend as K

_changes = 0

# What the engine itself keeps in lists; never searched for sublayers.
_PRIVATE = frozenset((
    "_layers", "_trainable_weights", "_non_trainable_weights", "trainable_weights", "non_trainable_weights",
    "_losses", "_updates", "_metrics", "_inbound_nodes", "_outbound_nodes", "_per_input_losses", "_per_input_updates",
))  # fmt: skip

# What most attributes are, and no layer.
_PLAIN = frozenset((bool, int, float, str))


def changes():
    """Counts the attributes of layers that were set, in the whole process: the same number, the same layers."""
    return _changes


def is_layer(x):
    """Whether x is a layer (metrics are gathered apart)."""
    from .base_layer import Layer

    return isinstance(x, Layer)


class GrowingList(list):
    """A list that tells what is added to it later, by `keep(item)`: a layer learns of its sublayers that way."""

    def __init__(self, items, keep):
        super().__init__(items)
        self._keep = keep

    def append(self, item):
        super().append(item)
        self._keep(item)

    def insert(self, index, item):
        super().insert(index, item)
        self._keep(item)

    def extend(self, items):
        for item in items:
            self.append(item)

    def __iadd__(self, items):
        self.extend(items)
        return self

    def __reduce__(self):
        return list, (list(self),)  # copies and pickles are plain lists, without the owner


def disable_tracking(func):
    """Within the decorated method, assigned attributes do not become sublayers."""

    @functools.wraps(func)
    def call(self, *args, **kwargs):
        before = getattr(self, "_tracking_off", False)
        object.__setattr__(self, "_tracking_off", True)
        try:
            return func(self, *args, **kwargs)
        finally:
            object.__setattr__(self, "_tracking_off", before)

    return call


def track(owner, name, value):
    """Takes note of an attribute about to be set; gives what to set: lists may become growing lists."""
    global _changes
    _changes += 1
    if value is None or type(value) in _PLAIN or name in _PRIVATE or getattr(owner, "_tracking_off", False):
        return value
    items = value if isinstance(value, (list, tuple)) else (value,)
    for item in items:
        _track_one(owner, item)
    # An empty list may be filled later; one that holds other things will not get layers.
    if type(value) is list and (not value or any(_is_tracked(item) for item in value)):
        return GrowingList(value, functools.partial(_track_one, owner))
    return value


def _is_tracked(item):
    return is_layer(item) or K.is_variable(item)


def _track_one(owner, item):
    global _changes
    from ..metrics import Metric

    _changes += 1
    if isinstance(item, Metric):
        if "_metrics" in vars(owner) and not any(item is m for m in owner._metrics):
            owner._metrics.append(item)
    elif is_layer(item):
        layers = vars(owner).setdefault("_layers", [])
        if not any(item is s for s in layers):
            layers.append(item)
    elif K.is_variable(item) and "_trainable_weights" in vars(owner):
        known = owner._trainable_weights + owner._non_trainable_weights
        if not any(item is w for w in known):
            (owner._trainable_weights if item.trainable else owner._non_trainable_weights).append(item)
