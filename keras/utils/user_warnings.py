"""Warnings at the user's own line."""

import os
import sys
import warnings

_KERAS = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def warn_user(message, category=UserWarning):
    """A warning at the line outside of Keras that led here, however many calls lie between.

    Python shows a warning once for each line that it is about, so this is also what keeps a loop quiet.
    """
    frame, level = sys._getframe(), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_KERAS):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
