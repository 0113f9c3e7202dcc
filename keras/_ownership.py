"""Whether what decides what is run is the user's own: others may have written it, where they can write."""

import os


def is_own(status: os.stat_result) -> bool:
    """Whether a file or folder (by its `os.stat`) is the user's or root's, and nobody else may write to it."""
    return not hasattr(os, "geteuid") or (status.st_uid in (0, os.geteuid()) and not status.st_mode & 0o022)
