"""The path `keras.callbacks.callbacks` of 2.3."""

from . import *  # noqa: F403
