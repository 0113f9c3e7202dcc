"""The names that `keras.mixed_precision` had in tf.keras 2.1 to 2.3."""

from . import Policy, global_policy
from . import set_global_policy as set_policy

__all__ = ["Policy", "global_policy", "set_policy"]
